//! Rows that fail: errors, dead letters, pending entries and thresholds.

use syncline_core::run::RunOptions;
use syncline_core::sync::{FieldMapping, Limit, Publish, WriteMode};
use syncline_core::{EntryState, ErrorKind, ReadMode, Run, RunStatus, RunType, Stage, Trigger};
use syncline_store::{LetterState, SyncState};

use super::fixture::{Fixture, code};

const T: &str = "2025-06-01T10:00:00Z";

fn poison(f: &Fixture, keys: &[&str]) {
    f.target.edit(|t| t.poison = keys.iter().map(|k| k.to_string()).collect());
}

fn many(n: usize) -> Vec<Vec<Option<String>>> {
    (1..=n).map(|i| [i.to_string(), format!("n{i}"), "e".into(), T.into()].map(Some).to_vec()).collect()
}

async fn attempts_of(f: &Fixture, id: &str) -> Option<u32> {
    match f.entries().await.get(id)?.state {
        EntryState::Pending { attempts, .. } => Some(attempts),
        _ => None,
    }
}

#[tokio::test]
async fn each_kind_of_invalid_row_is_reported_with_its_code_and_field() {
    let mut f = Fixture::new();
    f.sync.mapping[1] = FieldMapping { value: "cast(name as bigint)".into(), ..f.sync.mapping[1].clone() };
    f.target.edit(|t| {
        t.fields[1].nullable = false;
        t.fields[2].max_chars = Some(5);
    });
    f.source.set(&[
        &["1", "10", "abc", T],
        &["2", "ten", "abc", T],
        &["~", "10", "abc", T],
        &["4", "10", "abcdef", T],
        &["5", "~", "abc", T],
    ]);
    let run = f.run().await;
    assert_eq!(
        (run.status, run.counters.rows_created, run.counters.rows_failed),
        (RunStatus::Completed, 1, 4)
    );
    let errors = f.errors(&run).await;
    let shown: Vec<_> = errors
        .iter()
        .map(|e| (e.row_id.as_str(), e.stage, e.code.as_str(), e.field.as_deref().unwrap_or_default()))
        .collect();
    for expected in [
        ("2", Stage::Transform, "expression_failed", "name"),
        ("row 3", Stage::Normalize, "null_key", "id"),
        ("4", Stage::Transform, "string_too_long", "email"),
        ("5", Stage::Transform, "not_null_violation", "name"),
    ] {
        assert!(shown.contains(&expected), "{expected:?} in {shown:?}");
    }
    assert_eq!(f.open_letters().await, ["2", "4", "5"], "a row without key has no letter");
    assert_eq!(f.state_of("4").await.as_deref(), Some("pending"));
}

#[tokio::test]
async fn a_poison_row_becomes_a_letter_wherever_it_stands_and_the_rest_arrive() {
    for (publish, bad) in [
        (Publish::Atomic, "1"),
        (Publish::Atomic, "4"),
        (Publish::Progressive, "7"),
        (Publish::Progressive, "1"),
    ] {
        let f = Fixture::with(|s| {
            s.publish = publish;
            s.batch_size = Some(2);
        });
        f.source.edit(|t| t.rows = many(7));
        poison(&f, &[bad]);
        let run = f.run().await;
        assert_eq!(
            (run.status, run.counters.rows_created, run.counters.rows_failed),
            (RunStatus::Completed, 6, 1)
        );
        assert!(!run.partially_written);
        assert_eq!(f.letters().await, [(bad.to_string(), LetterState::Open, 1)]);
        assert_eq!(f.errors(&run).await[0].stage, Stage::Execute);
        poison(&f, &[]);
        assert_eq!(f.completed().await, (1, 0, 6, 0));
        assert_eq!(f.letters().await, [(bad.to_string(), LetterState::ResolvedAuto, 1)]);
    }
}

#[tokio::test]
async fn an_unchanged_failure_waits_1_2_4_runs_and_keeps_one_letter() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    poison(&f, &["2"]);
    let mut tried = Vec::new();
    for _ in 0..12 {
        let run = f.run().await;
        tried.push(run.counters.rows_failed);
        let waiting = run.skipped.get("backing_off").copied().unwrap_or_default();
        assert_eq!(run.counters.rows_failed + waiting, 1);
    }
    assert_eq!(tried, [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(f.letters().await, [("2".to_string(), LetterState::Open, 4)]);
    assert_eq!(attempts_of(&f, "2").await, Some(4));
}

#[tokio::test]
async fn a_changed_row_goes_at_once_whatever_its_backoff() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    poison(&f, &["2"]);
    f.run().await;
    f.run().await;
    assert_eq!(f.run().await.skipped.get("backing_off"), Some(&1));
    poison(&f, &[]);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bobby", "b", T]]);
    assert_eq!(f.completed().await, (1, 0, 1, 0));
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn an_edited_mapping_goes_at_once_too() {
    let mut f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    poison(&f, &["2"]);
    f.run().await;
    f.run().await;
    poison(&f, &[]);
    f.sync.mapping[1].value = "upper(name)".into();
    assert_eq!(f.completed().await, (1, 1, 0, 0));
}

#[tokio::test]
async fn full_runs_ignore_the_backoff() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    poison(&f, &["2"]);
    f.run().await;
    f.run().await;
    let full = RunOptions { read_mode: ReadMode::Full, ..Default::default() };
    assert_eq!(f.run_with(RunType::Sync, full).await.counters.rows_failed, 1);
}

#[tokio::test]
async fn reverting_to_the_delivered_values_resolves_the_letter_without_a_write() {
    let f = Fixture::new();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    poison(&f, &["2"]);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bad", "b", T]]);
    assert_eq!(f.run().await.counters.rows_failed, 1);
    assert_eq!(f.open_letters().await, ["2"]);
    f.written();
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    assert_eq!(f.written(), Vec::<String>::new());
    assert_eq!(f.letters().await, [("2".to_string(), LetterState::ResolvedAuto, 1)]);
    assert_eq!(f.state_of("2").await.as_deref(), Some("delivered"));
}

#[tokio::test]
async fn a_pending_record_that_leaves_the_model_is_forgotten_or_removed() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    poison(&f, &["2", "3"]);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bad", "b", T], &["3", "New", "c", T]]);
    assert_eq!(f.run().await.counters.rows_failed, 2);
    poison(&f, &[]);
    f.source.set(&[&["1", "Ann", "a", T]]);
    assert_eq!(f.completed().await, (0, 0, 1, 1), "2 was delivered once, 3 never");
    assert_eq!(f.target.dump().len(), 1);
    assert!(f.open_letters().await.is_empty());
    assert_eq!(f.state_of("3").await, None);
}

#[tokio::test]
async fn a_removal_that_is_refused_is_a_letter_and_tried_again() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "Bob", "b", T]]);
    f.completed().await;
    poison(&f, &["2"]);
    f.source.set(&[&["1", "Ann", "a", T]]);
    let run = f.run().await;
    assert_eq!(
        (run.status, run.counters.rows_deleted, run.counters.rows_delete_failed),
        (RunStatus::Completed, 0, 1)
    );
    assert_eq!(run.counters.rows_failed, 0);
    assert!(f.errors(&run).await[0].removal);
    assert_eq!(f.open_letters().await, ["2"]);
    poison(&f, &[]);
    assert_eq!(f.completed().await, (0, 0, 1, 1));
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn a_row_that_is_back_before_its_removal_worked_resolves_the_letter() {
    let f = Fixture::with(|s| s.write_mode = WriteMode::Mirror);
    let both: &[&[&str]] = &[&["1", "Ann", "a", T], &["2", "Bob", "b", T]];
    f.source.set(both);
    f.completed().await;
    poison(&f, &["2"]);
    f.source.set(&both[..1]);
    f.run().await;
    assert_eq!(f.open_letters().await, ["2"]);
    f.source.set(both);
    assert_eq!(f.completed().await, (0, 0, 2, 0));
    assert!(f.open_letters().await.is_empty());
}

#[tokio::test]
async fn letters_and_errors_are_hidden_until_the_run_has_ended() {
    let f = Fixture::with(|s| s.guards.max_creates = Some(Limit::Count(0)));
    f.target.edit(|t| t.fields[1].nullable = false);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "~", "b", T]]);
    let run = f.held(&["max_creates"]).await;
    assert!(f.letters().await.is_empty(), "a held run has not happened yet");
    f.approve(&run).await;
    assert_eq!(f.open_letters().await, ["2"]);

    let f = Fixture::with(|s| s.guards.max_creates = Some(Limit::Count(0)));
    f.target.edit(|t| t.fields[1].nullable = false);
    f.source.set(&[&["1", "Ann", "a", T], &["2", "~", "b", T]]);
    let run = f.held(&["max_creates"]).await;
    f.engine.reject(&run.id).await.unwrap();
    assert!(f.letters().await.is_empty(), "and a rejected one never does");
}

#[tokio::test]
async fn a_run_in_which_every_row_failed_is_failed() {
    let f = Fixture::new();
    f.source.edit(|t| t.rows = many(3));
    poison(&f, &["1", "2", "3"]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("all_rows_failed")));
    assert_eq!(run.counters.rows_failed, 3);
    assert_eq!(f.open_letters().await.len(), 3);
    poison(&f, &["2"]);
    f.source.edit(|t| t.rows[0][1] = Some("x".into()));
    assert_eq!(f.run().await.status, RunStatus::Completed, "one delivered row is enough");
}

#[tokio::test]
async fn the_error_threshold_rolls_an_atomic_run_back_and_halts_the_sync() {
    let f = Fixture::with(|s| {
        s.halt.failed_rows = Some(Limit::Count(1));
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = many(8));
    poison(&f, &["3", "5"]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("error_threshold")));
    assert!(!run.partially_written);
    assert_eq!(f.target.dump().len(), 0, "no data is partially synced");
    assert_eq!(
        (run.counters.rows_created, run.counters.rows_failed, run.counters.rows_not_attempted),
        (0, 2, 6)
    );
    assert_eq!(f.open_letters().await, ["3", "5"]);
    assert!(matches!(f.record().await.state, SyncState::Halted { .. }));

    for run_type in [RunType::Sync, RunType::Seed] {
        let refused = f.engine.queue(&f.sync, run_type, Trigger::Cli, Default::default()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::SyncHalted);
    }
    let test = f.run_with(RunType::Test, Default::default()).await;
    assert_eq!((test.status, test.counters.rows_created), (RunStatus::Completed, 8));
    let once = f.run_with(RunType::OneTime, Default::default()).await;
    assert_eq!(
        (once.status, once.counters.rows_created, once.counters.rows_failed),
        (RunStatus::Completed, 6, 2)
    );
    assert!(matches!(f.record().await.state, SyncState::Halted { .. }), "only a person activates it");
    f.engine.set_active(&f.sync.id, true).await.unwrap();
    assert_eq!(f.run().await.status, RunStatus::Completed, "known failures are no first ones");
}

#[tokio::test]
async fn the_error_threshold_keeps_what_a_progressive_run_delivered() {
    let f = Fixture::with(|s| {
        s.publish = Publish::Progressive;
        s.halt.failed_rows = Some(Limit::Count(0));
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = many(7));
    poison(&f, &["5"]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("error_threshold")));
    assert!(run.partially_written);
    assert_eq!(
        (run.counters.rows_created, run.counters.rows_failed, run.counters.rows_not_attempted),
        (4, 1, 2)
    );
    assert_eq!(f.target.dump().len(), 4);
    f.written();
    poison(&f, &[]);
    f.engine.set_active(&f.sync.id, true).await.unwrap();
    assert_eq!(f.completed().await, (3, 0, 4, 0), "nothing acknowledged is sent again");
}

#[tokio::test]
async fn a_percentage_of_failed_rows_counts_only_over_a_hundred() {
    let f = Fixture::with(|s| s.halt.failed_rows = Some(Limit::Percent(10.0)));
    f.source.edit(|t| t.rows = many(99));
    let keys: Vec<String> = (1..=30).map(|i| i.to_string()).collect();
    poison(&f, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(f.run().await.status, RunStatus::Completed);
    let f = Fixture::with(|s| s.halt.failed_rows = Some(Limit::Percent(10.0)));
    f.source.edit(|t| t.rows = many(100));
    poison(&f, &keys.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(f.run().await.status, RunStatus::Failed);
}

#[tokio::test]
async fn invalid_rows_alone_can_pass_the_threshold_before_anything_is_sent() {
    let f = Fixture::with(|s| s.halt.failed_rows = Some(Limit::Count(1)));
    f.target.edit(|t| t.fields[1].nullable = false);
    f.source.set(&[&["1", "~", "a", T], &["2", "~", "b", T], &["3", "Cy", "c", T]]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("error_threshold")));
    assert_eq!((run.counters.rows_failed, run.counters.rows_not_attempted), (2, 1));
    assert_eq!(f.target.edit(|t| t.writes), 0);
    assert_eq!(f.open_letters().await, ["1", "2"]);
}

#[tokio::test]
async fn failures_across_retries_of_a_progressive_run_add_up() {
    let f = Fixture::with(|s| {
        s.publish = Publish::Progressive;
        s.halt.failed_rows = Some(Limit::Count(1));
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = many(6));
    poison(&f, &["1", "5"]);
    f.target.edit(|t| t.faults = vec![crate::doubles::Fault::AfterCommit]);
    let run = f.run().await;
    assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("error_threshold")));
    assert_eq!(
        (run.counters.rows_created, run.counters.rows_failed, run.counters.rows_not_attempted),
        (3, 2, 1)
    );
}

#[tokio::test]
async fn failures_in_a_row_halt_the_sync() {
    let f = Fixture::with(|s| s.halt.consecutive_failures = Some(3));
    f.source.edit(|t| t.rows = many(3));
    f.source.edit(|t| t.refuse = Some(ErrorKind::ModelQueryFailed));
    f.run().await;
    f.run().await;
    f.source.edit(|t| t.refuse = None);
    f.completed().await;
    f.source.edit(|t| t.refuse = Some(ErrorKind::ModelQueryFailed));
    for halted in [false, false, true] {
        f.run().await;
        assert_eq!(matches!(f.record().await.state, SyncState::Halted { failures: 3, .. }), halted);
    }
}

#[tokio::test]
async fn after_a_halt_failures_in_a_row_are_counted_afresh() {
    let mut f = Fixture::new();
    f.sync.halt.consecutive_failures = Some(2);
    f.source.edit(|t| t.refuse = Some(syncline_core::ErrorKind::ModelQueryFailed));
    for halted in [false, true] {
        let run = f.run().await;
        assert_eq!(run.halted_sync, halted);
    }
    f.engine.set_active(&f.sync.id, true).await.unwrap();
    for halted in [false, true] {
        assert_eq!(
            f.run().await.halted_sync,
            halted,
            "one failure after activation is not the third in a row"
        );
    }
}

#[tokio::test]
async fn a_chain_of_automatic_retries_is_one_failure() {
    let mut f = Fixture::new();
    f.sync.halt.consecutive_failures = Some(2);
    f.source.edit(|t| t.refuse = Some(syncline_core::ErrorKind::SourceUnreachable));
    let first = f.run().await;
    for number in 1..=3 {
        let options = RunOptions::default();
        let retry = f.engine.queue(&f.sync, RunType::Sync, Trigger::Retry, options).await.unwrap();
        let retry = Run { retry_of: Some(first.id.clone()), retry_number: number, ..retry };
        f.engine.store.update_run(&retry).await.unwrap();
        let (watch, _observer) = syncline_engine::watch::pair();
        let retry = f.engine.execute(retry, &f.sync, &f.endpoints(), &watch).await.unwrap();
        assert_eq!((retry.status, retry.halted_sync), (RunStatus::SourceFailure, false), "retry {number}");
    }
    assert!(f.run().await.halted_sync, "the second failure that is no retry");
}

#[tokio::test]
async fn an_excluded_record_is_no_longer_waited_for() {
    let mut f = Fixture::new();
    f.target.edit(|t| t.poison.insert("1".into()));
    f.source.set(&[&["1", "Ann", "a", "2025-06-01T10:00:00Z"], &["2", "Bob", "b", "2025-06-01T10:00:00Z"]]);
    f.run().await;
    assert_eq!(f.open_letters().await.len(), 1);
    f.sync.exclude = Some("name = 'Ann'".into());
    f.completed().await;
    assert!(f.open_letters().await.is_empty());
    assert_eq!(f.state_of("1").await, None);
}

#[tokio::test]
async fn an_incremental_run_that_meets_only_known_failures_completes_with_them() {
    let mut f = Fixture::new();
    f.sync.model.cursor = Some("updated_at".into());
    f.sync.lookback = std::time::Duration::ZERO;
    poison(&f, &["1"]);
    let rows = [["1", "Ann", "a", "2025-06-01T09:00:00Z"], ["2", "Bob", "b", T]].map(|r| r.to_vec());
    f.source.set(&[&rows[0], &rows[1]]);
    assert_eq!(f.run().await.status, RunStatus::Completed);
    f.source.set(&[&rows[0]]);
    let run = f.run().await;
    assert_eq!((run.status, run.counters.rows_failed), (RunStatus::Completed, 1));
    let all = RunOptions { read_mode: ReadMode::Full, ..Default::default() };
    let run = f.run_with(RunType::Sync, all).await;
    assert_eq!(code(&run), Some("all_rows_failed"), "a complete read of failures is a failure");
}
