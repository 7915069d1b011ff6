//! Test runs have no effect; seeds send everything; reseeds begin anew.

use syncline_core::run::RunOptions;
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, ReadMode, RunStatus, RunType, Trigger};

use super::fixture::Fixture;

const T: &str = "2025-06-01T10:00:00Z";

fn options(read_mode: ReadMode) -> RunOptions {
    RunOptions { read_mode, ..Default::default() }
}

#[tokio::test]
async fn a_test_leaves_everything_as_it_was_and_foretells_the_next_run() {
    for mode in [ReadMode::Incremental, ReadMode::Reset, ReadMode::Full] {
        let f = Fixture::with(|s| {
            s.write_mode = WriteMode::Mirror;
            s.model.cursor = Some("updated_at".into());
        });
        f.target.edit(|t| {
            t.fields[1].nullable = false;
            t.poison.insert("3".into());
        });
        f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["3", "Cy", "c", T]]);
        f.run().await;
        f.target.edit(|t| t.poison.clear());
        f.source.set(&[
            &["1", "Anna", "a", "2025-06-01T11:00:00Z"],
            &["3", "Cy", "c", T],
            &["4", "Di", "d", "2025-06-01T11:00:00Z"],
            &["5", "~", "d", "2025-06-01T11:00:00Z"],
        ]);
        let state = async || (f.record().await, f.entries().await, f.letters().await, f.target.dump());
        let before = state().await;
        let test = f.run_with(RunType::Test, options(mode)).await;
        assert_eq!((test.status, test.dry_run()), (RunStatus::Completed, true));
        assert_eq!(f.errors(&test).await.len(), 1, "its errors are shown");
        let after = state().await;
        assert_eq!(after, before, "{mode:?}");
        let run = f.run_with(RunType::Sync, options(mode)).await;
        assert_eq!(run.counters, test.counters, "P6, {mode:?}");
        assert_eq!(run.skipped, test.skipped);
        assert_ne!(run.counters.rows_created + run.counters.rows_updated, 0);
    }
}

#[tokio::test]
async fn a_test_is_never_held_and_reports_what_would_hold_the_run() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    f.source.set(&[]);
    let test = f.run_with(RunType::Test, RunOptions::default()).await;
    assert_eq!(test.status, RunStatus::Completed);
    assert_eq!(super::fixture::tripped(&test), ["empty_model"]);
}

#[tokio::test]
async fn a_failing_test_changes_nothing_either() {
    let f = Fixture::with(|s| s.halt.consecutive_failures = Some(1));
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.completed().await;
    let before = f.record().await;
    f.source.edit(|t| t.refuse = Some(ErrorKind::ModelQueryFailed));
    let test = f.run_with(RunType::Test, RunOptions::default()).await;
    assert_eq!(test.status, RunStatus::Failed);
    assert_eq!(f.record().await, before, "it does not halt the sync");
}

#[tokio::test]
async fn a_seed_sends_everything_and_sets_snapshot_and_cursor() {
    let f = Fixture::with(|s| s.model.cursor = Some("updated_at".into()));
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    let run = f.run_with(RunType::Seed, RunOptions::default()).await;
    assert_eq!((run.status, run.counters.rows_created), (RunStatus::Completed, 2));
    assert!(f.record().await.cursor.is_some());
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    let again = f.run_with(RunType::Seed, RunOptions::default()).await;
    assert_eq!(again.counters.rows_updated, 2, "changed or not");
}

#[tokio::test]
async fn a_reseed_clears_this_syncs_records_only_and_writes_all_again() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.target.edit(|t| {
        for id in ["8", "9"] {
            let fields = [("id", id), ("name", "other")].map(|(k, v)| (k.to_string(), Some(v.to_string())));
            t.records.insert(id.into(), fields.into());
        }
    });
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T], &["8", "Adopted", "h", T]]);
    assert_eq!(f.completed().await, (2, 1, 0, 0));
    f.written();
    f.source.set(&[&["1", "Ann", "a", T], &["3", "Cy", "c", T]]);
    let reseed = RunOptions { reseed: true, ..Default::default() };
    let run = f.run_with(RunType::Seed, reseed.clone()).await;
    assert_eq!(
        (run.status, run.counters.rows_deleted, run.counters.rows_created),
        (RunStatus::Completed, 2, 2)
    );
    let mut written = f.written();
    written[..2].sort();
    assert_eq!(written, ["delete 1", "delete 2", "create 1", "create 3"]);
    assert_eq!(f.target.dump().len(), 4, "8 and 9 were there before");
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    let states: Vec<_> =
        f.entries().await.into_iter().map(|(id, e)| format!("{id} {}", e.state.name())).collect();
    assert_eq!(states, ["1 delivered", "2 removed", "3 delivered"]);
    let refused = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, reseed).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::BadUsage);
}

#[tokio::test]
async fn a_row_that_a_reseed_could_not_write_is_sent_when_it_is_as_before() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bad", "b", T]]);
    f.target.edit(|t| t.refuse_writes = true);
    let run = f.run_with(RunType::Seed, RunOptions { reseed: true, ..Default::default() }).await;
    assert_eq!((run.counters.rows_deleted, run.counters.rows_failed), (2, 2));
    f.target.edit(|t| t.refuse_writes = false);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.run_with(RunType::Sync, options(ReadMode::Incremental)).await;
    f.run().await;
    assert_eq!(f.target.dump(), ["email:a id:1 name:Ann", "email:b id:2 name:Bob"]);
}

#[tokio::test]
async fn a_reseed_in_insert_mode_writes_what_it_cleared() {
    let f = Fixture::with(|s| {
        s.write_mode = WriteMode::Insert;
        s.duplicates = syncline_core::sync::Duplicates::KeepLast;
    });
    f.source.set(&[&["1", "Ann", "a", T], &["1", "Anna", "a", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    let run = f.run_with(RunType::Seed, RunOptions { reseed: true, ..Default::default() }).await;
    assert_eq!((run.counters.rows_deleted, run.counters.rows_created, run.counters.rows_skipped), (1, 1, 1));
    assert_eq!(f.target.dump(), ["email:a id:1 name:Anna"]);
}

#[tokio::test]
async fn a_second_seed_of_an_append_is_refused() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Append);
    f.source.set(&[&["1", "Ann", "a", T]]);
    f.run_with(RunType::Seed, RunOptions::default()).await;
    let refused =
        f.engine.queue(&f.sync, RunType::Seed, Trigger::Cli, RunOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::BadUsage);
    assert_eq!(f.completed().await, (0, 0, 1, 0));
}
