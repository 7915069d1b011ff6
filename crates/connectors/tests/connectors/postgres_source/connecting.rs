//! Addresses, roles, rights and encryption.

use std::time::Duration;

use serde_json::json;
use syncline_core::{ErrorKind, LogicalType};
use syncline_tests::postgres::{Durability, Server};
use tokio::net::TcpListener;

use super::fixture::{all, database, refusal, source, table, try_source, until};

#[tokio::test]
async fn what_keeps_us_from_connecting_is_told_apart() {
    let database = Server::shared().database().await;
    let admin = database.client().await;
    let url = database.url();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = closed.local_addr().unwrap().port();
    drop(closed);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    admin.batch_execute("create role nologin_reader password 'correct horse'").await.unwrap();
    for (options, kind, expected) in [
        (
            json!({"url": url.replacen("correct", "wrong", 1)}),
            ErrorKind::SourceAuthFailed,
            "refused the role 'postgres': password authentication failed",
        ),
        (json!({"url": database.url_as("nobody_here")}), ErrorKind::SourceAuthFailed, "'nobody_here'"),
        (json!({"url": database.url_as("nologin_reader")}), ErrorKind::SourceAuthFailed, "'nologin_reader'"),
        (
            json!({"host": "127.0.0.1", "port": database.port(), "user": "postgres"}),
            ErrorKind::SourceAuthFailed,
            "password",
        ),
        (json!({"url": Server::shared().url("no_such_db")}), ErrorKind::InvalidConfig, "no_such_db"),
        (
            json!({"host": "127.0.0.1", "port": closed_port, "user": "u"}),
            ErrorKind::SourceUnreachable,
            "refused",
        ),
        (
            json!({"host": "127.0.0.1", "port": silent_port, "user": "u", "connect_timeout": "100ms"}),
            ErrorKind::SourceUnreachable,
            "did not answer within 100ms",
        ),
        (
            json!({"host": "no.such.host.invalid", "user": "u"}),
            ErrorKind::SourceUnreachable,
            "no.such.host.invalid",
        ),
        (json!({"url": url, "ssl_mode": "require"}), ErrorKind::SourceUnreachable, "TLS"),
    ] {
        let source = try_source(options.clone()).unwrap();
        let error = source.check().await.unwrap_err();
        assert_eq!(error.kind, kind, "{options}: {error}");
        assert!(error.message.contains(expected), "{error} should contain {expected}");
        assert!(error.help.is_some(), "{error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("horse"), "the password is never shown: {shown}");
    }
}

#[tokio::test]
async fn check_and_identity_say_what_is_at_the_other_end() {
    let (database, source) = database("create role checker login password 'correct horse'").await;
    let line = source.check().await.unwrap();
    let expected = format!(
        ", database {} at 127.0.0.1:{} as postgres (not encrypted)",
        database.name(),
        database.port()
    );
    assert!(line.starts_with("PostgreSQL 1") && line.ends_with(&expected), "{line}");
    assert!(!line.contains("horse"));
    assert_eq!(source.identity(), format!("127.0.0.1:{}/{}", database.port(), database.name()));
    assert!(source.pushes_down());
    let checker = try_source(json!({ "url": database.url_as("checker") })).unwrap();
    assert!(checker.check().await.unwrap().contains(" as checker "));
}

#[tokio::test]
async fn discover_lists_what_the_role_may_read() {
    let (database, _) = database(
        "create role discoverer login password 'correct horse'; \
         create table orders (region text, id int, at timetz, total numeric(10,2), primary key (id, region) include (total)); \
         create view recent as select id from orders; create materialized view totals as select sum(total) as s from orders; \
         create table secret (id int); create schema hidden; create table hidden.t (id int); grant select on hidden.t to public; \
         create table partly (id int, pin text); create table parent (id int) partition by list (id); \
         create table child partition of parent for values in (1); \
         grant select on orders, recent, totals, parent, child to discoverer; grant select (id) on partly to discoverer",
    )
    .await;
    let found = source(&database.url_as("discoverer")).discover().await.unwrap();
    let seen: Vec<(String, String, String)> = found
        .iter()
        .map(|s| {
            let columns: Vec<String> = s
                .schema
                .fields()
                .iter()
                .map(|f| {
                    let required = if f.is_nullable() { "" } else { " required" };
                    format!("{} {}{required}", f.name(), LogicalType::of(f).unwrap())
                })
                .collect();
            (s.name.clone(), columns.join(", "), s.key.join(","))
        })
        .collect();
    let expected = [
        ("public.orders", "region text required, id int32 required, total numeric(10,2)", "id,region"),
        ("public.parent", "id int32", ""),
        ("public.partly", "id int32, pin text", ""),
        ("public.recent", "id int32", ""),
        ("public.totals", "s numeric", ""),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(a, b, c)| (a.to_string(), b.to_string(), c.to_string())).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_grant() {
    let (database, _) =
        database("create role stranger login password 'correct horse'; create table secret (id int)").await;
    let error = refusal(&source(&database.url_as("stranger")), all(table("secret"))).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("permission denied"), "{error}");
    assert!(error.help.unwrap().contains("grant"));
}

#[tokio::test]
async fn encryption_and_verification_mean_what_libpq_means_by_them() {
    let server = Server::start(Durability::Fast);
    let database = server.database().await;
    let admin = database.client().await;
    let install = async |text: &str, file: &str| {
        let lines = format!("select unnest(string_to_array('{}', e'\\n'))", text.trim());
        admin.batch_execute(&format!("copy ({lines}) to program 'umask 077; cat > {file}'")).await.unwrap();
    };
    install(include_str!("../../certs/server.pem"), "server.crt").await;
    install(include_str!("../../certs/server.key"), "server.key").await;
    admin.batch_execute("alter system set ssl = on").await.unwrap();
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    until(&admin, "select current_setting('ssl') = 'on'").await;

    let check = async |host: &str, more: serde_json::Value| {
        let mut options = json!({
            "host": host, "port": server.port(), "database": database.name(), "user": "postgres",
            "password": syncline_tests::postgres::PASSWORD,
        });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        try_source(options)?.check().await
    };
    let (ours, other) = ("tests/certs/authority.pem", "tests/certs/other-authority.pem");
    for (host, options, encrypted) in [
        ("127.0.0.1", json!({}), true),
        ("127.0.0.1", json!({"ssl_mode": "disable"}), false),
        ("127.0.0.1", json!({"ssl_mode": "require"}), true),
        ("127.0.0.1", json!({"ssl_mode": "require", "ssl_root_cert": ours}), true),
        ("127.0.0.1", json!({"ssl_mode": "verify-ca", "ssl_root_cert": ours}), true),
        ("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": ours}), true),
    ] {
        let line = check(host, options.clone()).await.unwrap_or_else(|e| panic!("{options}: {e}"));
        assert_eq!(line.ends_with("(TLS)"), encrypted, "{options}: {line}");
    }
    for (host, options) in [
        ("127.0.0.1", json!({"ssl_mode": "require", "ssl_root_cert": other})),
        ("127.0.0.1", json!({"ssl_mode": "verify-ca", "ssl_root_cert": other})),
        ("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": other})),
        ("127.0.0.1", json!({"ssl_mode": "verify-full", "ssl_root_cert": ours})),
    ] {
        let error = check(host, options.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{options}: {error}");
        assert!(error.message.contains("certificate"), "{options}: {error}");
        assert!(error.help.as_deref().unwrap().contains("ssl_root_cert"), "{error:?}");
    }
    // The operating system knows nothing of our authority, if it knows any at all.
    let error = check("localhost", json!({"ssl_mode": "verify-full"})).await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::SourceUnreachable | ErrorKind::InvalidConfig), "{error}");
    let error =
        check("localhost", json!({"ssl_mode": "verify-full", "ssl_root_cert": "no.pem"})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidConfig);

    install("hostssl all all 127.0.0.1/32 scram-sha-256", "pg_hba.conf").await;
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    let error = loop {
        match check("127.0.0.1", json!({"ssl_mode": "disable"})).await {
            Err(error) => break error,
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    };
    assert_eq!(error.kind, ErrorKind::SourceUnreachable, "{error}");
    assert!(error.message.contains("does not accept connections from here"), "{error}");
    assert!(error.help.unwrap().contains("ssl_mode"));
}
