//! Several processes on one state folder, and processes that die at the worst moment. The test
//! binary starts itself as the other process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::{ChunkState, Commit, FileStore, LetterFilter, SqliteStore, Store};

use crate::fixtures::*;

const TASK: &str = "SYNCLINE_STORE_TEST_TASK";
const FOLDER: &str = "SYNCLINE_STORE_TEST_FOLDER";
const FILE: &str = "runs/run_a/plan-1.arrow";
const CONTENT: &[u8] = b"what the plan says";

/// What a process started by the tests below does.
#[test]
#[ignore = "the other tests start it as a process of its own"]
fn other_process() {
    let task = std::env::var(TASK).unwrap();
    let folder = std::env::var(FOLDER).unwrap();
    let folder = Path::new(&folder);
    match task.as_str() {
        "hold" => hold(folder),
        "break" => break_everywhere(folder),
        point => {
            fail::cfg_callback(point, || std::process::abort()).unwrap();
            if point.starts_with("files.") {
                write_file(folder).unwrap();
            } else {
                on_store(folder, async |store, run| work_to(store, run, point).await);
            }
            unreachable!("{point} was passed alive");
        }
    }
}

fn start(task: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::other_process", "--ignored", "--nocapture"])
        .env(TASK, task)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs `work` on the store of `folder` and its run `a`.
fn on_store<T>(folder: &Path, work: impl AsyncFnOnce(&SqliteStore, Run) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(folder).unwrap();
        let run = store.run(&run_id("a")).await.unwrap().unwrap();
        work(&store, run).await
    })
}

/// A store with a running run `a` that has a letter put aside.
fn prepare(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::open(folder).unwrap();
        ensure(&store, "contact").await;
        let run = running(&store, "a", "contact", RunType::Sync).await;
        store.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"k")]).await.unwrap();
    });
}

async fn work_to(store: &SqliteStore, run: Run, point: &str) {
    save_plan(store, &run, 1).await;
    if point.starts_with("store.set_chunk") {
        set_chunk(store, &run, 0, ChunkState::Sending).await.unwrap();
    }
    store.commit(&last_commit(&run)).await.unwrap();
}

fn last_commit(run: &Run) -> Commit {
    let mut commit = Commit { full_read_at: Some(at(5)), ..ending_with_generation(run) };
    // Its chunk was not sent.
    commit.run.status = RunStatus::Failed;
    commit
}

fn write_file(folder: &Path) -> syncline_core::Result<syncline_core::run::FileRef> {
    use std::io::Write;
    let mut writer = FileStore::new(folder).create(FILE)?;
    writer.write_all(CONTENT)?;
    writer.finish()
}

fn hold(folder: &Path) {
    on_store(folder, async |store, run| {
        save_plan(store, &run, 1).await;
        println!("READY");
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
    });
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone_even_by_kill() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let mut holder = start("hold", folder.path());
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("READY")), "the holder did not start");

    let e = SqliteStore::open(folder.path()).map(drop).unwrap_err();
    assert_eq!(e.kind, ErrorKind::StateLocked);
    assert!(e.message.contains(&format!("pid {}", holder.id())), "{e}");
    assert!(e.message.contains(folder.path().to_str().unwrap()), "{e}");
    let reader = SqliteStore::open_read_only(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert!(runtime.block_on(reader.plan(&run_id("a"))).unwrap().is_some());
    drop(reader);

    holder.kill().unwrap();
    holder.wait().unwrap();
    on_store(folder.path(), async |store, run| {
        assert_eq!(store.chunks(&run.id).await.unwrap().len(), 1, "a durable plan is gone");
        let resumed = store.reclaim_run(&run.id).await.unwrap();
        assert!(resumed.epoch > run.epoch);
        store.commit(&last_commit(&resumed)).await.unwrap();
    });
}

/// Lets a process die at a fail point, on a prepared store.
fn die_at(point: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let output = start(point, folder.path()).wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), None, "it should have died by a signal at {point}: {text}");
    folder
}

#[test]
fn a_death_around_a_commit_leaves_all_of_it_or_nothing() {
    for (point, committed) in [("store.commit.before", false), ("store.commit.after", true)] {
        let folder = die_at(point);
        on_store(folder.path(), async |store, run| {
            let status = if committed { RunStatus::Failed } else { RunStatus::Running };
            assert_eq!(run.status, status, "{point}");
            let sync = sync_now(store, "contact").await;
            assert_eq!(
                (sync.generation, sync.last_full_read_at.is_some()),
                (u64::from(committed), committed)
            );
            assert_eq!(store.generation(&sync.uid).await.unwrap().is_some(), committed, "{point}");
            assert_eq!(letters(store, &LetterFilter::default()).await.len(), usize::from(committed));
            assert!(store.plan(&run.id).await.unwrap().is_some(), "{point}");
            if !committed {
                let resumed = store.reclaim_run(&run.id).await.unwrap();
                store.commit(&last_commit(&resumed)).await.unwrap();
                assert_eq!(letters(store, &LetterFilter::default()).await.len(), 1);
            }
        });
    }
}

#[test]
fn a_death_around_a_plan_or_a_chunk_leaves_all_of_it_or_nothing() {
    for (point, state) in [
        ("store.save_plan.after", ChunkState::Planned),
        ("store.set_chunk.before", ChunkState::Planned),
        ("store.set_chunk.after", ChunkState::Sending),
    ] {
        let folder = die_at(point);
        on_store(folder.path(), async |store, run| {
            assert_eq!(store.plan(&run.id).await.unwrap(), Some(plan(&run)), "{point}");
            assert_eq!(store.chunks(&run.id).await.unwrap(), [chunk(0, state)], "{point}");
        });
    }
}

#[test]
fn a_death_while_a_file_is_finished_leaves_all_of_it_or_rubbish_that_is_collected() {
    let elsewhere = tempfile::tempdir().unwrap();
    let whole = write_file(elsewhere.path()).unwrap();
    for (point, finished) in [("files.finish.before_rename", false), ("files.finish.after_rename", true)] {
        let folder = die_at(point);
        let files = FileStore::new(folder.path());
        let parent = folder.path().join(FILE).parent().unwrap().to_path_buf();
        assert_eq!(std::fs::read_dir(&parent).unwrap().count(), 1, "{point}");
        assert_eq!(files.open_verified(&whole).is_ok(), finished, "{point}");
        let later = SystemTime::now() + Duration::from_secs(60);
        let live = [whole.path.clone()];
        let removed = files.remove_unreferenced(&live, Duration::from_secs(1), later).unwrap();
        assert_eq!(removed, u64::from(!finished), "{point}");
        if !finished {
            assert_eq!(write_file(folder.path()).unwrap(), whole, "the name is free");
        }
    }
}

/// Every fail point can also give an error: before a step nothing was done, after it all was.
fn break_everywhere(folder: &Path) {
    on_store(folder, async |store, run| {
        let broken = |point: &str| fail::cfg(point, "1*return->off").unwrap();
        broken("store.save_plan.after");
        refused(
            store.save_plan(&plan(&run), run.epoch, &[chunk(0, ChunkState::Planned)]).await,
            ErrorKind::LocalIo,
        );
        assert_eq!(store.chunks(&run.id).await.unwrap().len(), 1);

        for (point, state) in
            [("store.set_chunk.before", ChunkState::Planned), ("store.set_chunk.after", ChunkState::Sending)]
        {
            broken(point);
            let message = refused(set_chunk(store, &run, 0, ChunkState::Sending).await, ErrorKind::LocalIo);
            assert!(message.contains(point), "{message}");
            assert_eq!(store.chunks(&run.id).await.unwrap()[0].state, state);
        }
        for (point, status) in
            [("store.commit.before", RunStatus::Running), ("store.commit.after", RunStatus::Failed)]
        {
            broken(point);
            refused(store.commit(&last_commit(&run)).await, ErrorKind::LocalIo);
            assert_eq!(store.run(&run.id).await.unwrap().unwrap().status, status);
        }
        broken("files.finish.before_rename");
        refused(write_file(folder), ErrorKind::LocalIo);
        broken("files.finish.after_rename");
        refused(write_file(folder), ErrorKind::LocalIo);
        refused(write_file(folder), ErrorKind::Conflict);
    });
}

#[test]
fn fail_points_give_errors_where_tests_want_them() {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let output = start("break", folder.path()).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
