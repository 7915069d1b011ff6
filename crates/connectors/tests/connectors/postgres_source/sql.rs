//! SQL of a model: it reads only, has its time, and its errors are told with their line.

use std::time::Duration;

use syncline_connector::ReadRequest;
use syncline_core::ErrorKind;
use syncline_core::sync::Model;

use super::fixture::{all, database, read, refusal, sql, table};

#[tokio::test]
async fn a_model_cannot_write_or_leave_its_parentheses() {
    let (database, source) = database(
        "create table t (id int); insert into t values (1); create sequence s; \
         create function sneaky() returns int language sql as 'insert into t values (99) returning id'",
    )
    .await;
    let folder = tempfile::tempdir().unwrap();
    // The server runs as somebody else and must be able to write here, or the test proves nothing.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let file = folder.path().join("canary");
    let program = format!("touch {}", file.display());
    for attack in [
        "delete from t".to_string(),
        "delete from t returning id".to_string(),
        "insert into t values (2) returning id".to_string(),
        "with gone as (delete from t returning id) select * from gone".to_string(),
        "select 1 as id; delete from t".to_string(),
        "select 1 as id; select 2 as id".to_string(),
        "commit; delete from t".to_string(),
        "drop table t".to_string(),
        "select * into t2 from t".to_string(),
        "select * from t for update".to_string(),
        "select nextval('s') as id".to_string(),
        "select sneaky() as id".to_string(),
        "select set_config('transaction_read_only', 'off', false) as id".to_string(),
        "select set_config('transaction_read_only', 'off', false) as id from t, sneaky()".to_string(),
        "explain analyze delete from t".to_string(),
        "show server_version".to_string(),
        "set transaction_read_only = off".to_string(),
        format!("copy t to program '{program}'"),
        format!("select 1 as id) to program '{program}' --"),
        format!("select 1 as id) as model) to program '{program}' --"),
        format!("select 1 as id\n) as model) to program '{program}' /*"),
        format!("select 1 as id -- \n) as model) to program '{program}'; --"),
        "select 1 as id) as a, (delete from t returning id".to_string(),
        "select $1::int as id".to_string(),
        "do $$ begin delete from t; end $$".to_string(),
        "call sneaky()".to_string(),
        "".to_string(),
        ";".to_string(),
        "-- nothing".to_string(),
        "select".to_string(),
    ] {
        let Err(error) = read(&source, all(sql(&attack))).await else { panic!("{attack} was read") };
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed, "{attack}: {error}");
        assert!(!file.exists(), "{attack} ran a program");
    }
    // Servers before version 16 let this through, so it must be undone at least.
    let _ = read(&source, all(sql("select lo_create(4711) as id"))).await;
    let client = database.client().await;
    let objects = client.query("select 1 from pg_largeobject_metadata", &[]).await.unwrap();
    assert!(objects.is_empty());
    let rows = client.query("select id from t", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, i32>(0), 1);
    let tables = client.query("select 1 from pg_class where relname = 't2'", &[]).await.unwrap();
    assert!(tables.is_empty());
    // The canary can be made at all: by the superuser, the way the attacks tried.
    client.batch_execute(&format!("copy t to program 'cat > /dev/null; {program}'")).await.unwrap();
    assert!(file.exists());
}

#[tokio::test]
async fn statements_that_only_read_are_all_fine() {
    let (_, source) = database("create table t (id int); insert into t values (1), (2)").await;
    for model in [
        "select * from t",
        "table t",
        "values (1, 'a'), (2, 'b')",
        "with x as (select * from t) select * from x -- all of it",
        "(select * from t order by id limit 2);  ",
        "select * from t union all select * from t where false",
        "select * from t; /* the end */ -- really",
        "select id as \"weird \"\"name\" from t",
        "select '\\'::text as id from t",
    ] {
        assert_eq!(read(&source, all(sql(model))).await.unwrap().rows.len(), 2, "{model}");
    }
}

#[tokio::test]
async fn bad_sql_is_told_with_its_line() {
    let (_, source) = database("create table t (id int)").await;
    for (model, expected) in [
        (
            "select id\nform t\nwhere ü = 1",
            "Model query failed (m.yaml:3): syntax error at or near \"t\" at line 2: form t",
        ),
        (
            "select 'ü',\n  nam\nfrom t",
            "Model query failed (m.yaml:3): column \"nam\" does not exist at line 2: nam",
        ),
        (
            "select *\nfrom nowhere",
            "Model query failed (m.yaml:3): relation \"nowhere\" does not exist at line 2: from nowhere",
        ),
        ("select 1 as a, 2 as a", "Model query failed (m.yaml:3): two of its columns have the name 'a'"),
        ("select 1/0 as id from generate_series(1, 3)", "Model query failed (m.yaml:3): division by zero"),
    ] {
        let error = refusal(&source, all(sql(model))).await;
        assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
        assert!(error.message.starts_with(expected), "{error}\nshould start with\n{expected}");
    }
    let error = source.describe(&sql("select\n\nfoo bar baz")).await.unwrap_err();
    assert!(error.message.contains("line 3"), "{error}");
    assert!(std::error::Error::source(&error).is_some(), "the cause is kept");
    let error = refusal(&source, all(sql("select 1 as a\0"))).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
}

#[tokio::test]
async fn a_column_that_is_gone_is_a_schema_change() {
    let (_, source) = database("create table t (id int, name text)").await;
    let request = ReadRequest { columns: Some(vec!["id".into(), "nmae".into()]), ..all(table("t")) };
    let error = refusal(&source, request).await;
    assert_eq!(error.kind, ErrorKind::SchemaChanged);
    assert!(error.message.contains("'nmae'") && error.help.unwrap().contains("id, name"));
}

#[tokio::test]
async fn a_statement_has_the_models_time_and_no_more() {
    let (_, source) = database("").await;
    let model = Model { timeout: Duration::from_millis(100), ..sql("select 1 as id from pg_sleep(600)") };
    let error = refusal(&source, all(model)).await;
    assert_eq!(error.kind, ErrorKind::ModelQueryFailed);
    assert!(error.message.contains("model.timeout (100ms)"), "{error}");
    assert!(error.help.unwrap().contains("model.timeout"));
}
