//! As [`upgrade`](crate::upgrade), for schemas of PostgreSQL. Dumps are written by `pg_dump`.

use std::process::Command;

use syncline_store::{PostgresStore, ServerAddress};
use syncline_tests::postgres::{Database, Server};

use crate::upgrade::{check, fill, golden};

/// The dump of the version that this program writes.
const NEWEST: &str = "state-v1.sql";

async fn store(database: &Database) -> PostgresStore {
    PostgresStore::open(&ServerAddress::parse(database.url()).unwrap()).await.unwrap()
}

/// A database as a dump has it.
async fn restored(dump: &str) -> Database {
    let database = Server::shared().database().await;
    let text = std::fs::read_to_string(golden("postgres").join(dump)).unwrap();
    database.client().await.batch_execute(&text).await.unwrap();
    database
}

async fn version(database: &Database) -> i64 {
    let client = database.client().await;
    client.query_one("SELECT version FROM syncline.syncline_meta", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn schemas_of_every_version_are_brought_to_the_newest_and_go_on() {
    let mut dumps = 0;
    for entry in std::fs::read_dir(golden("postgres")).unwrap() {
        let database = restored(&entry.unwrap().file_name().to_string_lossy()).await;
        check(&store(&database).await).await;
        dumps += 1;
    }
    let database = Server::shared().database().await;
    drop(store(&database).await);
    assert_eq!(dumps, version(&database).await, "each schema version needs its dump");
}

/// A released migration was not edited.
#[tokio::test]
async fn the_newest_dump_has_the_schema_that_is_created_today() {
    let dumped = restored(NEWEST).await;
    let created = Server::shared().database().await;
    drop(store(&created).await);
    assert_eq!(described(&dumped).await, described(&created).await);
}

/// Columns, constraints and indexes, a line each.
async fn described(database: &Database) -> Vec<String> {
    let client = database.client().await;
    let rows = client.query(
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
         FROM information_schema.columns WHERE table_schema = 'syncline'
         UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
         FROM pg_constraint WHERE connamespace = 'syncline'::regnamespace
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'syncline' ORDER BY 1",
        &[],
    );
    rows.await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
#[ignore = "writes the dump of a new schema version"]
async fn write_the_dump() {
    let database = Server::shared().database().await;
    let filled = store(&database).await;
    fill(&filled).await;
    drop(filled);
    let output = Command::new("pg_dump")
        .args(["--no-owner", "--no-privileges", "--inserts", "--schema=syncline", database.url()])
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Commands of psql, notes, and a setting that would stay with the session.
    let statements = text.lines().filter(|line| {
        let is_note = line.is_empty() || line.starts_with("--") || line.starts_with('\\');
        !is_note && !line.contains("set_config('search_path'")
    });
    let lines: Vec<_> = statements.collect();
    std::fs::write(golden("postgres").join(NEWEST), lines.join("\n") + "\n").unwrap();
}
