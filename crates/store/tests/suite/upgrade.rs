//! Databases of every released schema version are read by this one. Each version has a dump in
//! `tests/golden/sqlite`, made once by [`write_the_dump`] and never changed afterwards.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use syncline_core::{Run, RunStatus, RunType, Stage};
use syncline_store::{
    ChunkRecord, ChunkState, Commit, LetterFilter, RowErrorFilter, RowErrorRecord, RunFilter, SqliteStore,
    Store, SyncState,
};

use crate::fixtures::*;

/// The dump of the version that this program writes.
const NEWEST: &str = "state-v2.sql";

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn golden_row_error() -> RowErrorRecord {
    RowErrorRecord {
        row_id: "7".into(),
        stage: Stage::Transform,
        code: "bad_value".into(),
        message: "not a number: 'x'".into(),
        field: Some("amount".into()),
        raw_value: Some("x".into()),
        removal: false,
    }
}

fn outcomes() -> ChunkRecord {
    ChunkRecord { outcomes: Some(file("runs/run_done/outcomes-0")), ..chunk(0, ChunkState::Settled) }
}

fn done_commit(run: &Run) -> Commit {
    Commit {
        cursor: Some(cursor_to(41)),
        full_read_at: Some(at(50)),
        config_hash: Some("c0ffee".into()),
        sync_state: Some(SyncState::Halted { reason: "errors".into(), since: at(60), failures: 2 }),
        ..ending_with_generation(run)
    }
}

/// One of everything: a committed run with all that belongs to it, and one interrupted while it wrote.
pub async fn fill(store: &dyn Store) {
    ensure(store, "contact").await;
    let done = running(store, "done", "contact", RunType::Sync).await;
    save_plan(store, &done, 1).await;
    set_chunk(store, &done, 0, ChunkState::Sending).await.unwrap();
    store.set_chunk(&done.id, done.epoch, &outcomes()).await.unwrap();
    store.add_row_errors(&done.id, done.epoch, &[golden_row_error()]).await.unwrap();
    store.stage_letters(&done.id, done.epoch, &[letter(&done, "1", b"k\0\xff")]).await.unwrap();
    store.commit(&done_commit(&done)).await.unwrap();

    let cut = running(store, "cut", "contact", RunType::OneTime).await;
    save_plan(store, &cut, 2).await;
    set_chunk(store, &cut, 0, ChunkState::Sending).await.unwrap();
    store.stage_letters(&cut.id, cut.epoch, &[letter(&cut, "2", b"other")]).await.unwrap();
}

pub async fn check(store: &dyn Store) {
    let sync = sync_now(store, "contact").await;
    assert_eq!((sync.seed, sync.generation), (u64::MAX - 5, 1));
    assert_eq!((sync.created_at, sync.last_full_read_at), (at(0), Some(at(50))));
    assert_eq!(sync.cursor, cursor_to(41).to);
    assert_eq!(sync.config_hash.as_deref(), Some("c0ffee"));

    let (runs, total) = store.runs(&RunFilter::default(), ALL).await.unwrap();
    assert_eq!(total, 2);
    let done = Run {
        status: RunStatus::Running,
        epoch: 1,
        started_at: Some(at(1)),
        base_generation: Some(0),
        ..new_run("done", "contact", RunType::Sync)
    };
    let commit = done_commit(&done);
    assert_eq!(runs[0], commit.run);
    assert_eq!(Some(sync.state), commit.sync_state);
    assert_eq!(store.run_config(&done.id).await.unwrap(), "{}");
    assert_eq!(store.plan(&done.id).await.unwrap(), Some(plan(&done)));
    assert_eq!(store.chunks(&done.id).await.unwrap(), [outcomes()]);
    assert_eq!(
        store.row_errors(&done.id, &RowErrorFilter::ALL, ALL).await.unwrap(),
        (vec![golden_row_error()], 1)
    );
    assert_eq!(letters(store, &LetterFilter::default()).await, [letter(&done, "1", b"k\0\xff")]);
    assert_eq!(store.generation(&sync.uid).await.unwrap(), commit.generation);
    let (history, _) = store.cursor_history(&sync.uid, ALL).await.unwrap();
    assert_eq!((history.len(), &history[0].change), (1, &cursor_to(41)));
    assert_eq!(store.live_files().await.unwrap().len(), 6);

    // G27: the run in flight goes on.
    let cut = store.reclaim_run(&run_id("cut")).await.unwrap();
    assert_eq!((cut.epoch, cut.base_generation), (3, Some(1)));
    let sending = [chunk(0, ChunkState::Sending), chunk(1, ChunkState::Planned)];
    assert_eq!(store.chunks(&cut.id).await.unwrap(), sending);
    let mut commit = ending_with_generation(&cut);
    commit.run.status = RunStatus::Failed;
    store.commit(&commit).await.unwrap();
    assert_eq!(letters(store, &LetterFilter::default()).await.len(), 2);
}

#[tokio::test]
async fn databases_of_every_version_are_brought_to_the_newest_and_go_on() {
    let mut dumps = 0;
    for entry in std::fs::read_dir(golden("sqlite")).unwrap() {
        let dump = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Connection::open(folder.path().join("state.db")).unwrap().execute_batch(&dump).unwrap();
        let store = SqliteStore::open(folder.path()).unwrap();
        check(&store).await;
        dumps += 1;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    drop(store);
    let newest: i64 = Connection::open(folder.path().join("state.db"))
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    assert_eq!(dumps, newest, "each schema version needs its dump");
}

/// The dumped schema of the newest version is what this program creates: a released migration was
/// not edited.
#[test]
fn the_newest_dump_has_the_schema_that_is_created_today() {
    let schema = |connection: &Connection| -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let dumped = Connection::open_in_memory().unwrap();
    dumped.execute_batch(&std::fs::read_to_string(golden("sqlite").join(NEWEST)).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let created = Connection::open(folder.path().join("state.db")).unwrap();
    assert_eq!(schema(&dumped), schema(&created));
}

#[tokio::test]
#[ignore = "writes the dump of a new schema version"]
async fn write_the_dump() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    fill(&store).await;
    drop(store);
    let connection = Connection::open(folder.path().join("state.db")).unwrap();
    std::fs::write(golden("sqlite").join(NEWEST), dump(&connection)).unwrap();
}

fn dump(connection: &Connection) -> String {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut lines = vec!["PRAGMA foreign_keys = OFF;".to_string()];
    for pragma in ["application_id", "user_version"] {
        let value: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).unwrap();
        lines.push(format!("PRAGMA {pragma} = {value};"));
    }
    let created = texts("SELECT sql || ';' FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
    lines.extend(created);
    for table in texts("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid") {
        let columns = texts(&format!("SELECT name FROM pragma_table_info('{table}')"));
        let quoted: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
        let values = quoted.join(" || ', ' || ");
        lines.extend(texts(&format!(
            "SELECT 'INSERT INTO {table} ({}) VALUES (' || {values} || ');' FROM {table}",
            columns.join(", ")
        )));
    }
    lines.push(String::new());
    lines.join("\n")
}
