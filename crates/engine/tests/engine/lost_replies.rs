//! A destination whose answers are lost: nothing is lost, nothing is there twice, counters are true.

use syncline_core::sync::{Publish, WriteMode};
use syncline_core::{ErrorKind, RunStatus, RunType, Trigger};
use syncline_engine::watch;

use super::fixture::{Fixture, code};
use crate::doubles::Fault;

const T: &str = "2025-06-01T10:00:00Z";
const ROWS: usize = 7;

fn rows(version: &str) -> Vec<Vec<Option<String>>> {
    (1..=ROWS)
        .map(|i| [i.to_string(), format!("{version}{i}"), "e".into(), T.into()].map(Some).to_vec())
        .collect()
}

fn fixture(mode: WriteMode, publish: Publish) -> Fixture {
    let f = Fixture::with(|s| {
        s.write_mode = mode;
        s.publish = publish;
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = rows("a"));
    // Direct loads have tests of their own for these.
    f.target.edit(|t| t.loads = false);
    f
}

fn expected(version: &str) -> Vec<String> {
    (1..=ROWS).map(|i| format!("email:e id:{i} name:{version}{i}")).collect()
}

const KINDS: [(WriteMode, Publish); 6] = [
    (WriteMode::Upsert, Publish::Atomic),
    (WriteMode::Upsert, Publish::Progressive),
    (WriteMode::Mirror, Publish::Atomic),
    (WriteMode::Mirror, Publish::Progressive),
    (WriteMode::Append, Publish::Atomic),
    (WriteMode::Append, Publish::Progressive),
];

#[tokio::test]
async fn one_fault_at_any_call_is_survived_within_the_run() {
    for (mode, publish) in KINDS {
        for fault in [Fault::Open, Fault::Write, Fault::BeforeCommit, Fault::AfterCommit] {
            for calls_before in 0..4 {
                let f = fixture(mode, publish);
                f.target.edit(|t| (t.faults, t.calls_before_faults) = (vec![fault], calls_before));
                assert_eq!(
                    f.completed().await,
                    (7, 0, 0, 0),
                    "{mode:?} {publish:?} {fault:?} {calls_before}"
                );
                assert_eq!(f.target.dump(), expected("a"));
                assert_eq!(f.target.edit(|t| t.writes), 7, "{mode:?} {publish:?} {fault:?}: nothing twice");
                assert_eq!(f.completed().await, (0, 0, 7, 0));
            }
        }
    }
}

#[tokio::test]
async fn several_faults_in_a_row_are_survived_too() {
    use Fault::*;
    for (mode, publish) in KINDS {
        for faults in [
            vec![Write, BeforeCommit, AfterCommit, Open],
            vec![AfterCommit, Open, Open, Write],
            vec![AfterCommit, AfterCommit, AfterCommit, AfterCommit],
            vec![BeforeCommit, Open, AfterCommit],
        ] {
            let f = fixture(mode, publish);
            f.target.edit(|t| t.faults = faults.clone());
            assert_eq!(f.completed().await, (7, 0, 0, 0), "{mode:?} {publish:?} {faults:?}");
            assert_eq!(f.target.dump(), expected("a"));
            assert_eq!(f.target.edit(|t| t.writes), 7);
        }
    }
}

#[tokio::test]
async fn a_destination_that_stays_away_fails_the_run_and_the_next_one_delivers() {
    for (mode, publish) in KINDS {
        for fault in [Fault::Open, Fault::Write, Fault::BeforeCommit] {
            if mode == WriteMode::Append && fault == Fault::BeforeCommit {
                // After its last attempt nobody knows whether it arrived: see below.
                continue;
            }
            let f = fixture(mode, publish);
            f.target.edit(|t| t.faults = vec![fault; 5]);
            let run = f.run().await;
            assert_eq!((run.status, code(&run)), (RunStatus::Failed, Some("destination_unreachable")));
            assert_eq!((run.counters.rows_not_attempted, run.partially_written), (7, false));
            assert_eq!(run.performance.retries, 4);
            assert_eq!(f.target.dump().len(), 0);
            assert_eq!(f.completed().await, (7, 0, 0, 0), "{mode:?} {publish:?} {fault:?}");
            assert_eq!(f.target.dump(), expected("a"));
        }
    }
}

#[tokio::test]
async fn what_a_progressive_run_delivered_before_the_end_is_not_sent_again() {
    let f = fixture(WriteMode::Upsert, Publish::Progressive);
    f.target.edit(|t| (t.faults, t.calls_before_faults) = (vec![Fault::Write; 5], 2));
    let run = f.run().await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.partially_written);
    assert_eq!((run.counters.rows_created, run.counters.rows_not_attempted), (4, 3));
    assert_eq!(f.target.dump().len(), 4);
    f.written();
    assert_eq!(f.completed().await, (3, 0, 4, 0));
    assert_eq!(f.written(), ["create 5", "create 6", "create 7"]);
}

/// The last commit arrives, its answer does not, and nobody can be asked afterwards.
fn answer_lost_for_good() -> Vec<Fault> {
    vec![Fault::AfterCommit, Fault::Open, Fault::Open, Fault::Open, Fault::Open]
}

#[tokio::test]
async fn an_open_commit_is_sent_again_by_the_next_run_where_that_is_harmless() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        let f = fixture(WriteMode::Mirror, publish);
        f.target.edit(|t| t.faults = answer_lost_for_good());
        let run = f.run().await;
        assert_eq!((run.status, run.counters.rows_created), (RunStatus::Failed, 0));
        f.run().await;
        assert_eq!(f.target.dump(), expected("a"));
        assert_eq!(f.completed().await, (0, 0, 7, 0));
        f.source.edit(|t| drop(t.rows.pop()));
        f.source.edit(|t| drop(t.rows.remove(0)));
        assert_eq!(f.completed().await, (0, 0, 5, 2), "{publish:?}: what it created is its own");
        assert_eq!(f.target.dump().len(), 5);
    }
}

#[tokio::test]
async fn a_row_that_reverts_after_an_open_commit_is_sent_all_the_same() {
    let f = fixture(WriteMode::Mirror, Publish::Atomic);
    f.completed().await;
    f.source.edit(|t| t.rows = rows("b"));
    f.target.edit(|t| t.faults = answer_lost_for_good());
    assert_eq!(f.run().await.status, RunStatus::Failed);
    assert_eq!(f.target.dump(), expected("b"), "it did arrive");
    f.source.edit(|t| t.rows = rows("a"));
    f.run().await;
    assert_eq!(f.target.dump(), expected("a"), "G2: what is known never passes what is durable there");
    assert_eq!(f.completed().await, (0, 0, 7, 0));
}

#[tokio::test]
async fn a_row_that_returns_after_its_removal_was_left_open_is_sent_again() {
    let f = fixture(WriteMode::Mirror, Publish::Atomic);
    f.completed().await;
    let last = f.source.edit(|t| t.rows.pop().unwrap());
    f.target.edit(|t| t.faults = answer_lost_for_good());
    assert_eq!(f.run().await.status, RunStatus::Failed);
    assert_eq!(f.target.dump().len(), 6, "it did arrive");
    f.source.edit(|t| t.rows.push(last));
    f.run().await;
    assert_eq!(f.target.dump(), expected("a"));
    f.source.edit(|t| drop(t.rows.pop()));
    assert_eq!(f.completed().await, (0, 0, 6, 1));
}

#[tokio::test]
async fn an_open_commit_of_a_record_that_left_meanwhile_is_still_removed() {
    let f = fixture(WriteMode::Mirror, Publish::Atomic);
    f.target.edit(|t| t.faults = answer_lost_for_good());
    f.run().await;
    f.source.edit(|t| drop(t.rows.pop()));
    let run = f.run().await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Completed, 1));
    assert_eq!(f.target.dump().len(), 6);
}

#[tokio::test]
async fn rows_of_an_open_append_become_letters_and_are_not_appended_twice() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        let f = fixture(WriteMode::Append, publish);
        f.target.edit(|t| t.faults = answer_lost_for_good());
        let run = f.run().await;
        assert_eq!(run.status, RunStatus::Failed);
        let open = if publish == Publish::Atomic { 7 } else { 2 };
        assert_eq!((run.counters.rows_failed, run.counters.rows_not_attempted), (open, 7 - open));
        assert_eq!(f.errors(&run).await[0].code, "may_have_been_written");
        assert_eq!(f.open_letters().await.len() as u64, open);
        f.run().await;
        assert_eq!(f.target.dump(), expected("a"), "G8");
        assert_eq!(f.run().await.skipped.get("edited"), Some(&open));
        f.source.edit(|t| t.rows[0][1] = Some("changed".into()));
        assert_eq!(f.completed().await, (1, 0, 6, 0), "a new version is appended");
    }
}

#[tokio::test]
async fn a_run_that_a_newer_epoch_fenced_off_commits_nothing() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        let f = fixture(WriteMode::Mirror, publish);
        f.completed().await;
        let before = (f.entries().await, f.record().await.generation, f.target.dump());
        f.source.edit(|t| t.rows = rows("b"));
        f.target.edit(|t| t.epoch = 1_000);
        let (watch, _observer) = watch::pair();
        let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
        let id = run.id.clone();
        let error = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Fenced);
        assert_eq!((f.entries().await, f.record().await.generation, f.target.dump()), before);
        assert!(f.engine.run(&id).await.unwrap().status.is_active(), "its successor ends it");
    }
}

#[tokio::test]
async fn a_fence_between_write_and_commit_stops_the_run() {
    let f = fixture(WriteMode::Mirror, Publish::Atomic);
    f.target.edit(|t| t.faults = vec![Fault::FenceAtCommit]);
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
    let error = f.engine.execute(run, &f.sync, &f.endpoints(), &watch).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Fenced);
    assert_eq!(f.target.dump().len(), 0);
    assert_eq!(f.record().await.generation, 0);
}

#[tokio::test]
async fn an_upsert_after_an_open_commit_keeps_what_left_the_model() {
    let f = fixture(WriteMode::Upsert, Publish::Atomic);
    f.target.edit(|t| t.faults = answer_lost_for_good());
    f.run().await;
    f.source.edit(|t| drop(t.rows.pop()));
    let run = f.run().await;
    assert_eq!((run.status, run.counters.rows_deleted), (RunStatus::Completed, 0));
    assert_eq!(f.target.dump().len(), 7);
    assert_eq!(f.completed().await, (0, 0, 6, 0));
}
