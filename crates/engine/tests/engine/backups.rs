//! G30: a state that was restored from a backup knows less than its targets, and writes nothing twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use syncline_core::sync::{Publish, WriteMode};
use syncline_core::{RunStatus, RunType};
use syncline_engine::{Clock, Engine};
use syncline_store::backup::{Destination, backup, restore};
use syncline_store::{FileStore, SqliteStore};

use super::fixture::{Fixture, code, folder, tripped};
use super::recovery::{cancel_queued, die, recover, row};
use crate::stopping::Moment;

/// Backs the state up, as another process does while this one may be running.
async fn back_up(f: &Fixture, path: &Path) {
    let store = SqliteStore::open_read_only(f._folder.path()).unwrap();
    let to = Destination { path: path.into(), program_version: "test".into() };
    backup(&store, &f.engine.files, &to, f.clock.now()).await.unwrap();
}

/// The same ends with a state that a backup was restored into.
async fn restored(f: &Fixture, path: &Path) -> Fixture {
    let folder = folder();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let files = FileStore::new(folder.path());
    restore(path, store.as_ref(), &files, false, folder.path(), f.clock.now()).await.unwrap();
    f.clock.advance(Duration::from_secs(60));
    let engine = Engine {
        store,
        files,
        clock: f.clock.clone(),
        succession: Arc::new(syncline_engine::NoSuccession),
        scratch: folder.path().join("scratch"),
        memory_budget: f.engine.memory_budget,
        version: f.engine.version.clone(),
    };
    Fixture {
        engine,
        clock: f.clock.clone(),
        sync: f.sync.clone(),
        source: f.source.clone(),
        target: f.target.clone(),
        _folder: folder,
    }
}

fn appending() -> Fixture {
    let f = Fixture::with(|s| {
        s.write_mode = WriteMode::Append;
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = (1..=3).map(|i| row(i, "a")).collect());
    f
}

/// Row ids at the target, with how often.
fn appended(f: &Fixture) -> Vec<String> {
    let mut ids =
        f.target.edit(|t| t.appended.iter().map(|r| format!("{:?}", r.get("id"))).collect::<Vec<_>>());
    ids.sort();
    ids
}

fn assert_each_once(f: &Fixture, rows: usize, what: &str) {
    let ids = appended(f);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{what}: {ids:?}");
    assert_eq!(ids.len(), rows, "{what}: {ids:?}");
}

#[tokio::test]
async fn what_was_appended_after_the_backup_waits_for_an_approval() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    let f = appending();
    f.completed().await;
    back_up(&f, &path).await;
    f.source.edit(|t| t.rows.push(row(4, "a")));
    f.completed().await;

    let restored = restored(&f, &path).await;
    let held = restored.held(&["restored"]).await;
    assert_each_once(&restored, 4, "held");
    let verdict = held.guards.iter().find(|v| v.guard == "restored").unwrap();
    assert!(verdict.message.contains("restored from a backup"), "{}", verdict.message);
    restored.engine.reject(&held.id).await.unwrap();
    restored.held(&["restored"]).await;
    assert_each_once(&restored, 4, "a rejection approves nothing");
}

#[tokio::test]
async fn an_approval_after_a_restore_is_asked_for_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    let f = appending();
    f.completed().await;
    back_up(&f, &path).await;
    let restored = restored(&f, &path).await;
    assert_eq!(restored.completed().await, (0, 0, 3, 0), "nothing to write, nothing to ask");
    restored.source.edit(|t| t.rows.push(row(4, "a")));
    let held = restored.held(&["restored"]).await;
    let run = restored.approve(&held).await;
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 1), "{:?}", run.error);
    restored.source.edit(|t| t.rows.push(row(5, "a")));
    assert_eq!(restored.completed().await, (1, 0, 4, 0));
    assert_each_once(&restored, 5, "at the end");
}

#[tokio::test]
async fn a_sync_that_first_ran_after_the_backup_does_not_append_everything_again() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    let f = appending();
    back_up(&f, &path).await;
    f.completed().await;
    let restored = restored(&f, &path).await;
    restored.held(&["restored"]).await;
    assert_each_once(&restored, 3, "held");
}

#[tokio::test]
async fn a_plan_saved_before_the_backup_is_not_carried_out_after_the_restore() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    let f = appending();
    let test = f.run_with(RunType::Test, Default::default()).await;
    let digest = f.engine.stored_plan(&test.id).await.unwrap().digest;
    back_up(&f, &path).await;
    let restored = restored(&f, &path).await;
    let (watch, _observer) = syncline_engine::watch::pair();
    let e = restored
        .engine
        .apply_saved(
            &test.id,
            &digest,
            &restored.sync,
            &restored.endpoints(),
            syncline_core::Trigger::Cli,
            &watch,
        )
        .await
        .unwrap_err();
    assert_eq!(e.code(), "stale_plan", "{e}");
    assert_each_once(&restored, 0, "nothing was written");
}

/// The backup is made at every moment of a run that goes on afterwards.
#[tokio::test]
async fn a_run_that_went_on_after_the_backup_repeats_nothing_whenever_that_was_made() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        for calls in 0.. {
            let what = format!("{publish:?} {calls}");
            let mut f = appending();
            f.sync.publish = publish;
            f.completed().await;
            f.source.edit(|t| t.rows.extend((4..=8).map(|i| row(i, "a"))));
            let died = die(&mut f, calls, Moment::After).await;
            let place = tempfile::tempdir().unwrap();
            let path = place.path().join("backup.tar.zst");
            back_up(&f, &path).await;
            recover(&f, Some(&f.sync.clone())).await;
            cancel_queued(&f).await;
            f.completed().await;
            assert_each_once(&f, 8, &what);

            let restored = restored(&f, &path).await;
            for run in recover(&restored, Some(&restored.sync)).await {
                let is_told = run.status == RunStatus::Completed || code(&run) == Some("interrupted");
                assert!(is_told || code(&run) == Some("all_rows_failed"), "{what}: {:?}", run.error);
            }
            cancel_queued(&restored).await;
            let run = restored.run().await;
            let is_held = run.status == RunStatus::Held && tripped(&run) == ["restored"];
            assert!(
                is_held || run.status == RunStatus::Completed,
                "{what}: {:?} {:?}",
                run.status,
                run.error
            );
            assert_each_once(&restored, 8, &what);
            if died.is_none() {
                assert!(calls > 5, "{what}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_mirror_ends_with_the_source_after_a_restore_without_asking() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("backup.tar.zst");
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.edit(|t| t.rows = (1..=20).map(|i| row(i, "a")).collect());
    f.completed().await;
    back_up(&f, &path).await;
    f.source.edit(|t| t.rows = (2..=22).map(|i| row(i, if i < 5 { "b" } else { "a" })).collect());
    f.completed().await;
    let before = f.target.dump();

    let restored = restored(&f, &path).await;
    restored.completed().await;
    assert_eq!(restored.target.dump(), before);
    assert_eq!(restored.completed().await, (0, 0, 21, 0));
}
