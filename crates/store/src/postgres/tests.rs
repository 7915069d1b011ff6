//! What only a state server has: its schema, its connections, transactions that meet others. Behaviour
//! that every store shares is in the suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use syncline_core::{ErrorKind, SyncId, SyncUid};
use syncline_tests::postgres::{Durability, PASSWORD, Server};
use syncline_tests::proxy::{End, Fault, Proxy};
use tokio_postgres::Client;

use super::*;
use crate::sql::{registration, values};
use crate::{Store, SyncSeen};

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn seen(id: &str) -> SyncSeen {
    SyncSeen {
        id: SyncId::parse(id).unwrap(),
        renamed_from: None,
        active: true,
        uid: SyncUid::from_stored(format!("sync_{id}")),
        seed: u64::MAX,
    }
}

/// The address of a schema that does not exist yet, and its name.
fn new_schema() -> (String, String) {
    static SCHEMAS: AtomicU32 = AtomicU32::new(0);
    let schema = format!("unit_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
    (format!("{}?schema={schema}", Server::shared().url("postgres")), schema)
}

fn parsed(url: &str) -> ServerAddress {
    ServerAddress::parse(url).unwrap()
}

async fn new_store() -> PostgresStore {
    PostgresStore::open(&parsed(&new_schema().0)).await.unwrap()
}

/// A session beside the store's.
async fn beside() -> Client {
    let url = Server::shared().url("postgres");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_commit_is_on_disk_and_nobody_is_kept_waiting_for_long() {
    let store = new_store().await;
    let settings = store
        .read(|tx| {
            let names =
                ["synchronous_commit", "idle_in_transaction_session_timeout", "transaction_isolation"];
            names
                .map(|name| tx.first_text(&format!("SHOW {name}"), &[]))
                .into_iter()
                .collect::<Outcome<Vec<_>>>()
        })
        .await
        .unwrap();
    assert_eq!(settings, ["on", "10s", "repeatable read"].map(|s| Some(s.to_string())));
    let isolation = store.write(|tx| tx.first_text("SHOW transaction_isolation", &[])).await.unwrap();
    assert_eq!(isolation.as_deref(), Some("serializable"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_open_a_new_schema_each_finds_it_made() {
    let (url, _) = new_schema();
    let opening = (0..6).map(|_| {
        let url = url.clone();
        tokio::spawn(
            async move { PostgresStore::open(&parsed(&url)).await.unwrap().incarnation().await.unwrap() },
        )
    });
    let mut ids = Vec::new();
    for opened in opening.collect::<Vec<_>>() {
        ids.push(opened.await.unwrap().id);
    }
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn looking_where_there_is_no_state_creates_none() {
    let (url, schema) = new_schema();
    let e = PostgresStore::open_read_only(&parsed(&url)).await.map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::NotFound, "{e}");
    let there =
        beside().await.query("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await.unwrap();
    assert!(there.is_empty());
}

#[tokio::test]
async fn a_reader_sees_what_a_writer_commits_and_writes_nothing() {
    let (url, _) = new_schema();
    let writer = PostgresStore::open(&parsed(&url)).await.unwrap();
    let reader = PostgresStore::open_read_only(&parsed(&url)).await.unwrap();
    writer.ensure_sync(&seen("crm.contact"), now()).await.unwrap();
    assert_eq!(reader.syncs().await.unwrap().len(), 1);
    let e = reader.ensure_sync(&seen("crm.deal"), now()).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Internal);
    assert_eq!(writer.syncs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let (url, schema) = new_schema();
    drop(PostgresStore::open(&parsed(&url)).await.unwrap());
    let set = format!("UPDATE {schema}.syncline_meta SET version = 99");
    beside().await.batch_execute(&set).await.unwrap();
    for opened in
        [PostgresStore::open(&parsed(&url)).await, PostgresStore::open_read_only(&parsed(&url)).await]
    {
        let e = opened.map(drop).unwrap_err();
        assert_eq!(e.kind, ErrorKind::StateTooNew);
        assert!(e.message.contains("99"), "{e}");
    }
}

/// Steps as releases might bring them.
const STEPS: &[&str] = &[
    "CREATE TABLE syncline_meta (version BIGINT NOT NULL); CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1)",
    "ALTER TABLE a ADD COLUMN y BIGINT NOT NULL DEFAULT 7",
    "UPDATE a SET y = y + x",
];

async fn migrate(store: &PostgresStore, schema: &str, steps: &'static [&'static str]) -> Result<()> {
    let schema = schema.to_string();
    store.on_connection(move |connection| migrations::migrate(connection, &schema, steps)).await
}

#[tokio::test]
async fn a_schema_of_any_version_ends_at_the_newest() {
    for start in 0..=STEPS.len() {
        let (url, schema) = new_schema();
        let store = PostgresStore::connect(&parsed(&url), false).unwrap();
        if start > 0 {
            migrate(&store, &schema, &STEPS[..start]).await.unwrap();
        }
        migrate(&store, &schema, STEPS).await.unwrap();
        let found = "SELECT y, (SELECT version FROM syncline_meta) FROM a";
        let row = store.read(move |tx| tx.query_first(found, &[])).await.unwrap().unwrap();
        assert_eq!((row.integer(0).unwrap(), row.integer(1).unwrap()), (8, 3), "from {start}");
    }
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_version_before_it() {
    const BROKEN: &[&str] = &[STEPS[0], "CREATE TABLE b (x INT); INSERT INTO missing VALUES (1)"];
    let (url, schema) = new_schema();
    let store = PostgresStore::connect(&parsed(&url), false).unwrap();
    migrate(&store, &schema, &STEPS[..1]).await.unwrap();
    assert!(migrate(&store, &schema, BROKEN).await.is_err());
    let left =
        store.read(|tx| tx.query("SELECT 1 FROM pg_class WHERE oid = to_regclass('b')", &[])).await.unwrap();
    assert!(left.is_empty(), "the half-done step left its table");
    migrate(&store, &schema, STEPS).await.unwrap();
}

#[tokio::test]
async fn another_programs_schema_is_not_touched() {
    let (url, schema) = new_schema();
    let beside = beside().await;
    beside
        .batch_execute(&format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (x INT)"))
        .await
        .unwrap();
    for opened in
        [PostgresStore::open(&parsed(&url)).await, PostgresStore::open_read_only(&parsed(&url)).await]
    {
        assert_eq!(opened.map(drop).unwrap_err().kind, ErrorKind::Corrupt);
    }
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1)";
    let tables = beside.query(tables, &[&schema]).await.unwrap();
    assert_eq!(tables.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>(), ["theirs"]);
}

#[tokio::test]
async fn a_role_that_may_make_no_schema_uses_an_empty_one_that_is_its_own() {
    let (url, schema) = new_schema();
    let role = format!("role_{schema}");
    let make = format!(
        "CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA {schema} AUTHORIZATION {role}"
    );
    beside().await.batch_execute(&make).await.unwrap();
    let theirs = url.replacen("//postgres:", &format!("//{role}:"), 1);
    let store = PostgresStore::open(&parsed(&theirs)).await.unwrap();
    store.ensure_sync(&seen("crm.contact"), now()).await.unwrap();
    let elsewhere = theirs.replacen(&format!("schema={schema}"), "schema=nowhere", 1);
    let e = PostgresStore::open(&parsed(&elsewhere)).await.map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::InvalidConfig, "{e}");
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_named_without_its_password() {
    let (url, _) = new_schema();
    let wrong_password = url.replacen("correct%20horse", "s3cret", 1);
    let no_database = url.replacen("/postgres?", "/nowhere?", 1);
    let nobody = "postgres://me:s3cret@127.0.0.1:1/shop".to_string();
    let expected = [
        (wrong_password, ErrorKind::InvalidConfig),
        (no_database, ErrorKind::InvalidConfig),
        (nobody, ErrorKind::StateUnreachable),
    ];
    for (url, kind) in expected {
        let e = PostgresStore::open(&parsed(&url)).await.map(drop).unwrap_err();
        assert_eq!(e.kind, kind, "{e}");
        assert!(e.message.contains("127.0.0.1:"), "{e}");
        assert!(e.help.is_some());
        let told = format!("{e:?}");
        assert!(!told.contains("s3cret") && !told.contains(PASSWORD), "{told}");
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_is_used_again() {
    let server = Server::start(Durability::Fast);
    let store = PostgresStore::open(&parsed(&server.url("postgres"))).await.unwrap();
    store.ensure_sync(&seen("crm.contact"), now()).await.unwrap();
    server.crash_and_restart();
    store.ensure_sync(&seen("crm.company"), now()).await.unwrap();
    server.crash_and_restart();
    assert_eq!(store.syncs().await.unwrap().len(), 2);
    drop(server);
    let e = store.syncs().await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::StateUnreachable, "{e}");
}

/// Fails as the server would, in every attempt but those from `succeeds_at` on.
fn meeting_others(
    state: &'static str,
    succeeds_at: u32,
) -> (Arc<AtomicU32>, impl Fn(&dyn Sql) -> Outcome<()> + Send + 'static) {
    let attempts = Arc::new(AtomicU32::new(0));
    let counted = attempts.clone();
    let work = move |tx: &dyn Sql| {
        let attempt = counted.fetch_add(1, Ordering::SeqCst) + 1;
        tx.execute("CREATE TABLE IF NOT EXISTS attempts (n INT)", &[])?;
        tx.execute("INSERT INTO attempts VALUES (?)", values![attempt])?;
        if attempt < succeeds_at {
            tx.execute(&format!("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"), &[])?;
        }
        Ok(())
    };
    (attempts, work)
}

#[tokio::test]
async fn a_transaction_that_met_another_is_made_again_and_only_the_last_attempt_stays() {
    for state in ["40001", "40P01", "23505"] {
        let store = new_store().await;
        let (attempts, work) = meeting_others(state, 7);
        store.write(work).await.unwrap();
        assert_eq!(attempts.load(Ordering::SeqCst), 7);
        let stored = store.read(|tx| tx.query("SELECT n FROM attempts", &[])).await.unwrap();
        assert_eq!(stored.iter().map(|row| row.integer(0).unwrap()).collect::<Vec<_>>(), [7]);
    }
}

#[tokio::test]
async fn a_transaction_that_meets_others_for_ever_is_given_up() {
    let store = new_store().await;
    let (attempts, work) = meeting_others("40001", u32::MAX);
    let e = store.write(work).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::StateLocked, "{e}");
    assert_eq!(attempts.load(Ordering::SeqCst), 8);
}

#[tokio::test]
async fn any_other_refusal_is_told_at_once() {
    for (state, kind) in
        [("53100", ErrorKind::LocalIo), ("XX001", ErrorKind::Corrupt), ("42601", ErrorKind::Internal)]
    {
        let store = new_store().await;
        let (attempts, work) = meeting_others(state, 2);
        assert_eq!(store.write(work).await.unwrap_err().kind, kind);
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_refused_statement_that_nobody_heeds_is_no_success() {
    let store = new_store().await;
    let work = |tx: &dyn Sql| {
        registration::ensure(tx, &[seen("crm.contact")], now())?;
        let _ = tx.execute("SELECT 1 / 0", &[]);
        Ok(())
    };
    assert_eq!(store.write(work).await.unwrap_err().kind, ErrorKind::Internal);
    assert!(store.syncs().await.unwrap().is_empty());
}

#[tokio::test]
async fn many_rows_are_stored_in_their_order_and_all_or_none() {
    let store = new_store().await;
    let many = |refused: Option<i64>| {
        move |tx: &dyn Sql| {
            tx.execute("CREATE TABLE IF NOT EXISTS many (place BIGSERIAL, n BIGINT CHECK (n >= 0))", &[])?;
            let rows: Vec<_> =
                (0..1_000).map(|n| values![if Some(n) == refused { -1 } else { n }].to_vec()).collect();
            tx.execute_each("INSERT INTO many (n) VALUES (?)", &rows)
        }
    };
    assert_eq!(store.write(many(Some(700))).await.unwrap_err().kind, ErrorKind::Internal);
    store.write(many(None)).await.unwrap();
    let stored = store.read(|tx| tx.query("SELECT n FROM many ORDER BY place", &[])).await.unwrap();
    let stored: Vec<_> = stored.iter().map(|row| row.integer(0).unwrap()).collect();
    assert_eq!(stored, (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_panic_in_a_call_rolls_back_and_leaves_no_lock() {
    let store = Arc::new(new_store().await);
    let panicking = store.clone();
    let joined = tokio::spawn(async move {
        let work = |tx: &dyn Sql| -> Outcome<()> {
            registration::ensure(tx, &[seen("crm.company")], now())?;
            panic!("on purpose")
        };
        panicking.write(work).await
    });
    assert!(joined.await.unwrap_err().is_panic());
    assert!(store.syncs().await.unwrap().is_empty());
    store.write(|tx| tx.execute("LOCK TABLE syncs IN ACCESS EXCLUSIVE MODE NOWAIT", &[])).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_given_up_still_ends_whole() {
    let store = new_store().await;
    let (begins, mut began) = tokio::sync::mpsc::unbounded_channel();
    let (go, went) = std::sync::mpsc::channel::<()>();
    let call = store.write(move |tx| {
        let record = registration::ensure(tx, &[seen("crm.contact")], now());
        let _ = begins.send(());
        let _ = went.recv();
        record
    });
    tokio::select! {
        _ = call => panic!("it waits for `go`"),
        _ = began.recv() => {}
    }
    go.send(()).unwrap();
    while store.syncs().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

/// The address through a proxy, unencrypted, so that the proxy knows a commit when it sees one.
fn through(proxy: &Proxy, url: &str) -> String {
    let (server, proxy) = (format!(":{}/", Server::shared().port()), format!(":{}/", proxy.port()));
    url.replacen(&server, &proxy, 1) + "&sslmode=disable"
}

#[test]
fn a_commit_whose_answer_is_lost_is_told_and_not_made_again() {
    let proxy = Proxy::to(Server::shared().port());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (url, _) = new_schema();
        let through = through(&proxy, &url);
        drop(PostgresStore::open(&parsed(&url)).await.unwrap());
        let store = PostgresStore::connect(&parsed(&through), false).unwrap();
        proxy.inject(|n| match n {
            0 => Fault::LoseReply { request: "COMMIT", end: End::Close },
            _ => Fault::None,
        });
        let (attempts, work) = meeting_others("40001", 1);
        let e = store.write(work).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::StateUnreachable, "{e}");
        assert!(e.message.contains("may have taken place"), "{e}");
        assert_eq!(attempts.load(Ordering::SeqCst), 1);
        let stored = store.read(|tx| tx.query("SELECT n FROM attempts", &[])).await.unwrap();
        assert_eq!(stored.len(), 1, "the server had it");
    });
}

#[test]
fn a_connection_that_breaks_before_the_commit_is_replaced_once() {
    let proxy = Proxy::to(Server::shared().port());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (url, _) = new_schema();
        let through = through(&proxy, &url);
        drop(PostgresStore::open(&parsed(&url)).await.unwrap());
        let store = PostgresStore::connect(&parsed(&through), false).unwrap();
        let lost = Fault::LoseReply { request: "INSERT INTO attempts", end: End::Reset };
        proxy.inject(move |n| if n == 0 { lost } else { Fault::None });
        let (attempts, work) = meeting_others("40001", 1);
        store.write(work).await.unwrap();
        assert_eq!(attempts.load(Ordering::SeqCst), 2);
        let stored = store.read(|tx| tx.query("SELECT n FROM attempts", &[])).await.unwrap();
        assert_eq!(stored.len(), 1);

        proxy.inject(move |_| lost);
        proxy.break_off(End::Reset);
        let (attempts, work) = meeting_others("40001", 1);
        let e = store.write(work).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::StateUnreachable, "{e}");
        assert!(attempts.load(Ordering::SeqCst) <= 2);
    });
}
