//! Backup and restore: what goes in comes out, of one moment, or not at all.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use syncline_core::run::FileRef;
use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::backup::{Archived, Destination, backup, restore, verify};
use syncline_store::{
    CACHE_BYTES, Catalog, ChunkState, FileStore, LetterFilter, Object, PostgresStore, SqliteStore, Store,
};
use syncline_tests::object_store::Server;
use tempfile::TempDir;

use crate::fixtures::*;

/// A state in a folder.
struct State {
    store: SqliteStore,
    files: FileStore,
    folder: TempDir,
}

fn state() -> State {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    State { store, files: FileStore::new(folder.path()), folder }
}

impl State {
    async fn back_up(&self, path: &Path) {
        backup(&self.store, &self.files, &destination(path), at(1_000)).await.unwrap();
    }

    async fn restore(&self, from: &Path, replace: bool) -> syncline_core::Result<()> {
        let scratch = self.folder.path();
        restore(from, &self.store, &self.files, replace, scratch, at(2_000_000_000)).await.map(drop)
    }
}

fn destination(path: &Path) -> Destination {
    Destination { path: path.into(), program_version: "0.1.0".into() }
}

fn write(files: &FileStore, path: &str, content: &[u8]) -> FileRef {
    let mut writer = files.create(path).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

/// Stores a plan with a change set of its own.
async fn save_real_plan(state: &State, run: &Run, chunks: u32) {
    let mut plan = plan(run);
    plan.file = Some(write(&state.files, &format!("runs/{}/plan", run.id), b"the plan"));
    plan.updates = None;
    let chunks: Vec<_> = (0..chunks).map(|n| chunk(n, ChunkState::Planned)).collect();
    state.store.save_plan(&plan, run.epoch, &chunks).await.unwrap();
}

/// Ends a run with a generation whose segment is a file.
async fn commit_generation(state: &State, run: &Run) {
    let mut commit = ending_with_generation(run);
    let generation = commit.generation.as_mut().unwrap();
    let path = format!("snapshots/{}/segment-{}", run.sync_uid, generation.number);
    generation.segments = vec![write(&state.files, &path, path.as_bytes())];
    state.store.commit(&commit).await.unwrap();
}

/// A state in which there is something of everything.
async fn busy_state() -> State {
    let state = state();
    let store = &state.store;
    for sync in ["done", "active", "held"] {
        ensure(store, sync).await;
    }
    let run = running(store, "done", "done", RunType::Sync).await;
    save_real_plan(&state, &run, 1).await;
    let outcomes = write(&state.files, "runs/run_done/outcomes-0", b"outcomes");
    let sent = chunk(0, ChunkState::Sending);
    store.set_chunk(&run.id, run.epoch, &sent).await.unwrap();
    let settled =
        syncline_store::ChunkRecord { outcomes: Some(outcomes), state: ChunkState::Settled, ..sent };
    store.set_chunk(&run.id, run.epoch, &settled).await.unwrap();
    store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", &[255, 1, 7])]).await.unwrap();
    store.set_cursor(&uid("held"), &cursor_to(7), at(3)).await.unwrap();
    commit_generation(&state, &run).await;

    let active = running(store, "active", "active", RunType::Sync).await;
    save_real_plan(&state, &active, 3).await;
    set_chunk(store, &active, 0, ChunkState::Sending).await.unwrap();

    let mut held = running(store, "held", "held", RunType::Sync).await;
    save_real_plan(&state, &held, 1).await;
    held.status = RunStatus::Held;
    store.update_run(&held).await.unwrap();

    let body = serde_json::json!({ "secret": "\u{1F510} still encrypted" });
    let object = Object {
        kind: "connection".into(),
        id: "crm".into(),
        revision: 0,
        created_at: at(1),
        updated_at: at(1),
        body,
    };
    store.put_object(&object, None, at(1)).await.unwrap();
    store.add_event("test", &serde_json::json!({"n": 1}), at(2)).await.unwrap();
    state
}

/// The rows of every table.
async fn rows(store: &dyn Archived) -> BTreeMap<String, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let dump = store.dump(folder.path()).await.unwrap();
    let of_table = |name: &str| {
        let text = std::fs::read_to_string(folder.path().join(format!("{name}.jsonl"))).unwrap();
        text.lines().map(str::to_string).collect()
    };
    dump.tables.iter().map(|table| (table.name.clone(), of_table(&table.name))).collect()
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    [folder.join("backup.tar.zst"), folder.join("backup")]
}

#[tokio::test]
async fn a_restored_state_has_every_row_and_every_file() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    for path in paths(place.path()) {
        state.back_up(&path).await;
        let manifest = verify(&path, place.path()).await.unwrap();
        assert_eq!(manifest.rows("runs"), 3);
        assert_eq!(manifest.files.len(), 5);

        let restored = crate::backups::state();
        restored.restore(&path, false).await.unwrap();
        let (mut before, mut after) = (rows(&state.store).await, rows(&restored.store).await);
        // What a restore changes is told by tests of its own.
        for changed in ["incarnation", "syncs", "chunks"] {
            assert_eq!(before.remove(changed).unwrap().len(), after.remove(changed).unwrap().len());
        }
        let held = |rows: &mut BTreeMap<String, Vec<String>>| {
            rows.get_mut("runs").unwrap().retain(|row| !row.contains("run_held"));
        };
        held(&mut before);
        held(&mut after);
        assert_eq!(before, after);
        for file in &manifest.files {
            restored.files.open_verified(file).unwrap();
        }
        assert_eq!(restored.store.live_files().await.unwrap(), state.store.live_files().await.unwrap());
    }
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing temporary stays: {left:?}");
}

#[tokio::test]
async fn a_restored_state_is_another_incarnation_that_takes_nothing_for_unsent() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    state.back_up(&path).await;
    let restored = crate::backups::state();
    restored.restore(&path, false).await.unwrap();

    let (before, after) =
        (state.store.incarnation().await.unwrap(), restored.store.incarnation().await.unwrap());
    assert_ne!(before.id, after.id);
    assert_eq!(after.restored_at, Some(at(2_000_000_000)));

    let chunks = restored.store.chunks(&run_id("active")).await.unwrap();
    assert!(chunks.iter().all(|chunk| chunk.state == ChunkState::Sending), "{chunks:?}");
    let settled = restored.store.chunks(&run_id("done")).await.unwrap();
    assert_eq!(settled[0].state, ChunkState::Settled);
    let held = restored.store.run(&run_id("held")).await.unwrap().unwrap();
    assert!(held.notices.last().unwrap().contains("restored from a backup"), "{:?}", held.notices);
    assert_eq!(restored.store.chunks(&held.id).await.unwrap()[0].state, ChunkState::Planned);

    // The state that was backed up goes on, and so may one that was restored before: whatever epochs
    // they give out, a restored one gives out greater ones.
    let later = state.store.reclaim_run(&run_id("active")).await.unwrap();
    let here = restored.store.reclaim_run(&run_id("active")).await.unwrap();
    assert!(here.epoch > later.epoch + 1_000_000, "{} {}", here.epoch, later.epoch);
}

#[tokio::test]
async fn a_backup_that_is_cut_or_altered_anywhere_is_refused_and_nothing_is_restored() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    state.back_up(&path).await;
    let whole = std::fs::read(&path).unwrap();
    let restored = crate::backups::state();
    let empty = rows(&restored.store).await;
    let damaged = place.path().join("damaged.tar.zst");
    let step = whole.len() / 40;
    for n in 0..40 {
        let mut altered = whole.clone();
        altered[n * step + 9] ^= 0x55;
        let cut = &whole[..n * step];
        for bytes in [&altered[..], cut] {
            std::fs::write(&damaged, bytes).unwrap();
            match restored.restore(&damaged, false).await {
                Ok(()) => panic!("accepted at {}", n * step),
                Err(e) => assert_eq!(e.kind, ErrorKind::Corrupt, "at {}: {e}", n * step),
            }
        }
    }
    assert_eq!(rows(&restored.store).await, empty);
    assert!(
        !restored.folder.path().join("runs").exists() && !restored.folder.path().join("snapshots").exists()
    );
}

#[tokio::test]
async fn a_backup_folder_that_misses_or_changed_a_part_is_refused() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    state.back_up(&whole).await;
    let restored = crate::backups::state();
    for part in ["state/runs.jsonl", "files/runs/run_done/plan", "manifest.json"] {
        for content in [None, Some("")] {
            let path = place.path().join("damaged");
            copy_folder(&whole, &path);
            match content {
                None => std::fs::remove_file(path.join(part)).unwrap(),
                Some(content) => std::fs::write(path.join(part), content).unwrap(),
            }
            let e = restored.restore(&path, false).await.unwrap_err();
            let missing = part == "manifest.json" && content.is_none();
            assert_eq!(e.kind, if missing { ErrorKind::NotFound } else { ErrorKind::Corrupt }, "{part}: {e}");
            std::fs::remove_dir_all(&path).unwrap();
        }
    }
    restored.restore(&whole, false).await.unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[tokio::test]
async fn a_manifest_that_leads_elsewhere_or_is_newer_is_refused() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup");
    state.back_up(&path).await;
    let manifest = std::fs::read_to_string(path.join("manifest.json")).unwrap();
    let restored = crate::backups::state();
    for (part, other, kind) in [
        ("\"format_version\": 1", "\"format_version\": 2", ErrorKind::StateTooNew),
        ("\"schema_version\": ", "\"schema_version\": 9", ErrorKind::StateTooNew),
        ("syncline-backup", "somebodys-backup", ErrorKind::Corrupt),
        ("\"name\": \"letters\"", "\"name\": \"../../letters\"", ErrorKind::Corrupt),
        ("\"name\": \"letters\"", "\"name\": \"runs\"", ErrorKind::Corrupt),
        ("\"runs/run_done/plan\"", "\"../../plan\"", ErrorKind::Corrupt),
        ("\"runs/run_done/plan\"", "\"/etc/passwd\"", ErrorKind::Corrupt),
    ] {
        assert!(manifest.contains(part), "{part}");
        std::fs::write(path.join("manifest.json"), manifest.replacen(part, other, 1)).unwrap();
        let e = restored.restore(&path, false).await.unwrap_err();
        assert_eq!(e.kind, kind, "{other}: {e}");
    }
    assert!(restored.store.syncs().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_state_that_is_not_empty_is_replaced_only_when_told() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    state.back_up(&path).await;
    let other = crate::backups::state();
    ensure(&other.store, "theirs").await;
    let e = other.restore(&path, false).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Conflict);
    assert_eq!(other.store.syncs().await.unwrap().len(), 1);
    other.restore(&path, true).await.unwrap();
    assert_eq!(other.store.syncs().await.unwrap().len(), 3);
    other.restore(&path, true).await.unwrap();
    assert_eq!(other.store.letters(&LetterFilter::default(), ALL).await.unwrap().1, 1);

    let existing = backup(&state.store, &state.files, &destination(&path), at(1)).await.unwrap_err();
    assert_eq!(existing.kind, ErrorKind::Conflict, "and a backup replaces nothing");
}

#[tokio::test]
async fn a_backup_with_a_file_that_is_damaged_is_given_up() {
    let state = busy_state().await;
    std::fs::write(state.folder.path().join("runs/run_done/plan"), b"the PLAN").unwrap();
    let place = tempfile::tempdir().unwrap();
    for path in paths(place.path()) {
        let e = backup(&state.store, &state.files, &destination(&path), at(1)).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Corrupt);
        assert!(e.message.contains("runs/run_done/plan"), "{e}");
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

/// G19.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_made_while_runs_commit_and_files_are_collected_are_each_of_one_moment() {
    let state = Arc::new(state());
    ensure(&state.store, "busy").await;
    let (done, rounds) = (Arc::new(AtomicBool::new(false)), tokio::sync::watch::channel(0_u32));
    let (round, mut seen) = rounds;
    let writing = tokio::spawn({
        let (state, done) = (state.clone(), done.clone());
        async move {
            for n in 1.. {
                if done.load(Ordering::SeqCst) {
                    return n;
                }
                let run = running(&state.store, &format!("busy{n}"), "busy", RunType::Sync).await;
                commit_generation(&state, &run).await;
                // All that nothing names goes at once, however young.
                let live = state.store.live_files().await.unwrap();
                let later = SystemTime::now() + Duration::from_secs(60);
                state.files.remove_unreferenced(&live, Duration::ZERO, later).unwrap();
                round.send_replace(n);
            }
            unreachable!()
        }
    });
    let place = tempfile::tempdir().unwrap();
    let mut generations = Vec::new();
    for n in 0..4 {
        seen.wait_for(|round| *round >= 3 * (n + 1)).await.unwrap();
        // As another process does it.
        let reader = SqliteStore::open_read_only(state.folder.path()).unwrap();
        let path = place.path().join(format!("{n}.tar.zst"));
        backup(&reader, &state.files, &destination(&path), at(1)).await.unwrap();

        let restored = crate::backups::state();
        restored.restore(&path, false).await.unwrap();
        let sync = sync_now(&restored.store, "busy").await;
        let generation = restored.store.generation(&uid("busy")).await.unwrap().unwrap();
        assert_eq!(sync.generation, generation.number);
        for segment in &generation.segments {
            restored.files.open_verified(segment).unwrap();
        }
        generations.push(generation.number);
    }
    done.store(true, Ordering::SeqCst);
    writing.await.unwrap();
    assert!(generations.is_sorted_by(|a, b| a < b), "{generations:?}");
}

#[tokio::test]
async fn files_move_between_a_folder_and_a_bucket_by_backup_and_restore() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let server = Server::shared();
    let location = server.location(&server.bucket());
    let bucket = FileStore::at(&location, &place.path().join("copies"), CACHE_BYTES).unwrap();
    let path = place.path().join("to-bucket.tar.zst");
    state.back_up(&path).await;

    let moved = crate::backups::state();
    restore(&path, &moved.store, &bucket, false, place.path(), at(2)).await.unwrap();
    let elsewhere = FileStore::at(&location, &place.path().join("elsewhere"), CACHE_BYTES).unwrap();
    let back = place.path().join("from-bucket.tar.zst");
    let manifest = backup(&moved.store, &elsewhere, &destination(&back), at(3)).await.unwrap();
    assert_eq!(manifest.files.len(), 5);
    let home = crate::backups::state();
    home.restore(&back, false).await.unwrap();
    assert_eq!(home.store.live_files().await.unwrap(), state.store.live_files().await.unwrap());
}

/// A state moves from one database to another and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_moves_to_a_server_and_back_with_every_row() {
    let state = busy_state().await;
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("embedded.tar.zst");
    state.back_up(&path).await;

    let server = PostgresStore::open(&crate::stores::new_schema()).await.unwrap();
    let files = FileStore::new(place.path().join("files"));
    restore(&path, &server, &files, false, place.path(), at(2_000_000_000)).await.unwrap();
    let e = restore(&path, &server, &files, false, place.path(), at(2_000_000_000)).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Conflict, "it is not empty any more: {e}");

    let back = place.path().join("shared.tar.zst");
    backup(&server, &files, &destination(&back), at(2_000_000_001)).await.unwrap();
    let home = crate::backups::state();
    home.restore(&back, false).await.unwrap();

    let (mut first, mut moved, mut last) =
        (rows(&state.store).await, rows(&server).await, rows(&home.store).await);
    for changed in ["incarnation", "syncs", "chunks", "runs"] {
        let counts = [&mut first, &mut moved, &mut last].map(|rows| rows.remove(changed).unwrap().len());
        assert!(counts.iter().all(|count| *count == counts[0]), "{changed}: {counts:?}");
    }
    // Columns may be in another order.
    let values = |rows: BTreeMap<String, Vec<String>>| -> BTreeMap<String, Vec<Vec<String>>> {
        let sorted = |line: &String| {
            let row: Vec<serde_json::Value> = serde_json::from_str(line).unwrap();
            let mut row: Vec<_> = row.iter().map(ToString::to_string).collect();
            row.sort();
            row
        };
        let table = |(name, lines): (String, Vec<String>)| {
            let mut lines: Vec<_> = lines.iter().map(sorted).collect();
            lines.sort();
            (name, lines)
        };
        rows.into_iter().map(table).collect()
    };
    let (first, moved, last) = (values(first), values(moved), values(last));
    for (table, rows) in &first {
        assert_eq!(Some(rows), moved.get(table), "{table}");
        assert_eq!(Some(rows), last.get(table), "{table}");
    }
    assert_eq!((first.len(), first.len()), (moved.len(), last.len()));

    // What is numbered goes on after the numbers that came along.
    server.set_cursor(&uid("held"), &cursor_to(8), at(5)).await.unwrap();
    assert_eq!(server.cursor_history(&uid("held"), ALL).await.unwrap().1, 2);
    server.add_event("test", &serde_json::json!({"n": 2}), at(6)).await.unwrap();
    let (oldest, newest) = server.event_bounds().await.unwrap();
    assert!(oldest < newest);
}
