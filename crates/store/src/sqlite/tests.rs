//! What only the embedded store has: its lock, its file, its disk. Behaviour that every store
//! shares is in the suite.

use std::fs;

use jiff::Timestamp;
use syncline_core::{ErrorKind, SyncId, SyncUid};
use tempfile::TempDir;

use super::*;
use crate::sql::{Value, registration};
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

async fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    store.ensure_sync(&seen("crm.contact"), now()).await.unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn a_new_folder_and_its_database_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("project/.syncline");
    let store = SqliteStore::open(&folder).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["state.db", "state.db-wal", "lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    drop(store);
}

#[tokio::test]
async fn commits_are_journalled_and_synced_and_keys_are_enforced() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let settings = store
        .write(|tx| {
            let mode = tx.first_text("PRAGMA journal_mode", &[])?;
            let pragma = |name: &str| tx.query_first(&format!("PRAGMA {name}"), &[])?.unwrap().integer(0);
            Ok((mode, pragma("synchronous")?, pragma("foreign_keys")?))
        })
        .await
        .unwrap();
    assert_eq!(settings, (Some("wal".to_string()), 2, 1));
}

#[test]
fn a_second_store_of_one_folder_is_refused_and_told_who_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(folder.path()).unwrap();
    let e = SqliteStore::open(folder.path()).map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::StateLocked);
    assert!(e.message.contains(&format!("pid {}", std::process::id())), "{e}");
    assert!(e.message.contains(folder.path().to_str().unwrap()), "{e}");
    assert!(e.help.is_some());
    drop(first);
    SqliteStore::open(folder.path()).unwrap();
}

#[test]
fn a_note_left_by_a_process_that_has_gone_locks_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lock"), "pid 1, syncline run\nand more that is longer\n".repeat(9))
        .unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let note = fs::read_to_string(folder.path().join("lock")).unwrap();
    assert!(note.starts_with(&format!("pid {}, ", std::process::id())), "{note}");
    assert_eq!(note.lines().count(), 1);
    drop(store);
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_commits_and_writes_nothing() {
    let folder = filled().await;
    let alone = SqliteStore::open_read_only(folder.path()).unwrap();
    assert_eq!(alone.syncs().await.unwrap().len(), 1);
    let writer = SqliteStore::open(folder.path()).unwrap();
    let reader = SqliteStore::open_read_only(folder.path()).unwrap();
    writer.ensure_sync(&seen("crm.company"), now()).await.unwrap();
    assert_eq!(reader.syncs().await.unwrap().len(), 2);
    let e = reader.ensure_sync(&seen("crm.deal"), now()).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Internal);
    assert_eq!(writer.syncs().await.unwrap().len(), 2);
}

#[test]
fn looking_where_there_is_no_state_creates_none() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    for path in [folder.path(), &absent] {
        let e = SqliteStore::open_read_only(path).map(drop).unwrap_err();
        assert_eq!(e.kind, ErrorKind::NotFound, "{e}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_left_alone() {
    let folder = filled().await;
    let database = folder.path().join("state.db");
    Connection::open(&database).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for opened in [SqliteStore::open(folder.path()), SqliteStore::open_read_only(folder.path())] {
        let e = opened.map(drop).unwrap_err();
        assert_eq!(e.kind, ErrorKind::StateTooNew);
        assert!(e.message.contains("99"), "{e}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt_and_named() {
    let folder = filled().await;
    let database = folder.path().join("state.db");
    fs::write(&database, "this is not a database. ".repeat(500)).unwrap();
    for opened in [SqliteStore::open(folder.path()), SqliteStore::open_read_only(folder.path())] {
        let e = opened.map(drop).unwrap_err();
        assert_eq!(e.kind, ErrorKind::Corrupt, "{e}");
        assert!(e.message.contains(database.to_str().unwrap()), "{e}");
        assert!(e.help.unwrap().contains("backup"));
    }
}

#[tokio::test]
async fn damaged_pages_are_corrupt_and_named() {
    let folder = filled().await;
    let database = folder.path().join("state.db");
    let mut bytes = fs::read(&database).unwrap();
    let pages = 4096;
    assert!(bytes.len() > 3 * pages);
    bytes[pages..].fill(0xAA);
    fs::write(&database, bytes).unwrap();
    // Depending on the page, the damage shows when the store is opened or when it is read.
    let e = match SqliteStore::open(folder.path()) {
        Err(e) => e,
        Ok(store) => store.syncs().await.unwrap_err(),
    };
    assert_eq!(e.kind, ErrorKind::Corrupt, "{e}");
    assert!(e.message.contains("state.db"), "{e}");
}

#[tokio::test]
async fn another_programs_database_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("state.db");
    Connection::open(&database).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let e = SqliteStore::open(folder.path()).map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::Corrupt, "{e}");
}

#[test]
fn a_folder_that_cannot_be_created_is_a_local_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let inside = file.join("state");
    let e = SqliteStore::open(&inside).map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::LocalIo);
    assert!(e.message.contains(file.to_str().unwrap()), "{e}");
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_of_the_call_and_the_store_recovers() {
    let folder = filled().await;
    let store = SqliteStore::open(folder.path()).unwrap();
    let limit = |pages: i64| move |tx: &dyn Sql| tx.query(&format!("PRAGMA max_page_count = {pages}"), &[]);
    // A limit below the size sets it to the size: no page can be added.
    store.write(limit(1)).await.unwrap();
    let mut stored = 1;
    let e = loop {
        match store.ensure_sync(&seen(&format!("crm.entity_{stored}")), now()).await {
            Ok(_) => stored += 1,
            Err(e) => break e,
        }
        assert!(stored < 10_000, "the limit has no effect");
    };
    assert_eq!(e.kind, ErrorKind::LocalIo, "{e}");
    assert!(e.message.contains("state.db"), "{e}");
    assert!(e.help.unwrap().contains("space"));
    assert_eq!(store.syncs().await.unwrap().len(), stored, "a refused sync left a trace");

    store.write(limit(1_000_000)).await.unwrap();
    store.ensure_sync(&seen(&format!("crm.entity_{stored}")), now()).await.unwrap();
    assert_eq!(store.syncs().await.unwrap().len(), stored + 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_still_ends_whole_and_the_folder_stays_locked_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
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
    drop(store);
    assert_eq!(SqliteStore::open(folder.path()).map(drop).unwrap_err().kind, ErrorKind::StateLocked);
    go.send(()).unwrap();
    let store = loop {
        match SqliteStore::open(folder.path()) {
            Ok(store) => break store,
            Err(e) => assert_eq!(e.kind, ErrorKind::StateLocked),
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(store.syncs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_panic_in_a_call_rolls_back_and_reaches_the_caller() {
    let folder = filled().await;
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let panicking = Arc::clone(&store);
    let joined = tokio::spawn(async move {
        panicking
            .write(|tx| -> Outcome<()> {
                registration::ensure(tx, &[seen("crm.company")], now())?;
                panic!("on purpose")
            })
            .await
    })
    .await;
    assert!(joined.unwrap_err().is_panic());
    assert_eq!(store.syncs().await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_reads_and_who_writes_do_not_wait_for_each_other() {
    let folder = filled().await;
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let (begins, mut began) = tokio::sync::mpsc::unbounded_channel();
    let begins_too = begins.clone();
    let ((read_on, reading), (write_on, writing)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let (reading, writing) = (std::sync::Mutex::new(reading), std::sync::Mutex::new(writing));
    let count = |tx: &dyn Sql| tx.query("SELECT uid FROM syncs", &[]).map(|rows| rows.len());
    let reader = Arc::clone(&store);
    let reader = tokio::spawn(async move {
        let twice = move |tx: &dyn Sql| {
            let before = count(tx)?;
            begins.send(()).unwrap();
            reading.lock().unwrap().recv().unwrap();
            Ok((before, count(tx)?))
        };
        reader.read(twice).await.unwrap()
    });
    began.recv().await.unwrap();
    // Beside it, this one commits, and this one has not yet.
    store.ensure_sync(&seen("crm.company"), now()).await.unwrap();
    let writer = Arc::clone(&store);
    let writer = tokio::spawn(async move {
        let slowly = move |tx: &dyn Sql| {
            registration::ensure(tx, &[seen("crm.deal")], now())?;
            begins_too.send(()).unwrap();
            writing.lock().unwrap().recv().unwrap();
            Ok(())
        };
        writer.write(slowly).await.unwrap();
    });
    began.recv().await.unwrap();
    assert_eq!(store.syncs().await.unwrap().len(), 2);
    read_on.send(()).unwrap();
    assert_eq!(reader.await.unwrap(), (1, 1), "a read sees one state");
    write_on.send(()).unwrap();
    writer.await.unwrap();
    assert_eq!(store.syncs().await.unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_always_read_from_stays_short() {
    const WRITTEN: u64 = 4 * folder::JOURNAL_BYTES_MAX;
    const STEP: u64 = 512 << 10;
    let folder = filled().await;
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    store
        .write(|tx| {
            tx.execute("CREATE TABLE filler (bytes BLOB)", &[])?;
            tx.execute("INSERT INTO filler VALUES (zeroblob(?))", &[Value::Integer(STEP as i64)])
        })
        .await
        .unwrap();
    // Each begins before the other one ends.
    let readers = [0, 1].map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            loop {
                let slowly = |tx: &dyn Sql| {
                    tx.query("SELECT uid FROM syncs", &[])?;
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    Ok(())
                };
                store.read(slowly).await.unwrap();
            }
        })
    });
    let mut longest = 0;
    for _ in 0..WRITTEN / STEP {
        store
            .write(|tx| tx.execute("UPDATE filler SET bytes = randomblob(length(bytes))", &[]))
            .await
            .unwrap();
        longest = longest.max(folder::journal_bytes(&folder::database(folder.path())));
    }
    readers.iter().for_each(tokio::task::JoinHandle::abort);
    let most = folder::JOURNAL_BYTES_MAX + 2 * COMMITS_PER_LOOK * STEP;
    assert!(longest < most, "it grew to {longest} bytes");
}
