//! Runs whose process died at any change of the state: they are resumed or closed, and what was under
//! way is settled first.

use std::time::Duration;

use syncline_core::run::RunOptions;
use syncline_core::sync::{Publish, Sync, WriteMode};
use syncline_core::{Run, RunStatus, RunType, Trigger};
use syncline_engine::watch;

use super::fixture::{Fixture, code};
use crate::stopping::{Moment, StoppingStore};

const T: &str = "2025-06-01T10:00:00Z";

pub fn row(id: u32, name: &str) -> Vec<Option<String>> {
    [id.to_string(), name.into(), "e".into(), T.into()].map(Some).to_vec()
}

/// Eight records stand delivered. Two left the model, three changed, two are new, and of the new ones
/// one is refused.
async fn fixture(mode: WriteMode, publish: Publish) -> Fixture {
    let f = Fixture::with(|s| {
        s.write_mode = mode;
        s.publish = publish;
        s.batch_size = Some(2);
    });
    f.source.edit(|t| t.rows = (1..=8).map(|i| row(i, "a")).collect());
    f.completed().await;
    f.source.edit(|t| {
        t.rows = (3..=10).map(|i| row(i, if i <= 5 { "b" } else { "a" })).collect();
    });
    f.target.edit(|t| {
        t.poison.insert("10".into());
        t.writes = 0;
    });
    f
}

/// Executes a run until the process dies; `None`: it ended before.
pub async fn die(f: &mut Fixture, calls: usize, moment: Moment) -> Option<()> {
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
    let store = f.engine.store.clone();
    let stopping = StoppingStore::new(store.clone(), calls, moment);
    f.engine.store = stopping.clone();
    let ends = f.endpoints();
    let died = tokio::select! {
        biased;
        () = stopping.stopped.notified() => Some(()),
        ended = f.engine.execute(run, &f.sync, &ends, &watch) => {
            ended.unwrap();
            None
        }
    };
    f.engine.store = store;
    died
}

/// What a starting process does with the runs of the one before it.
pub async fn recover(f: &Fixture, current: Option<&Sync>) -> Vec<Run> {
    let mut ended = Vec::new();
    for orphan in f.engine.orphans().await.unwrap() {
        let (watch, _observer) = watch::pair();
        let orphan = f.engine.store.reclaim_run(&orphan.id).await.unwrap();
        let run = f.engine.recover(orphan, &f.sync, current, &f.endpoints(), &watch).await.unwrap();
        run.counters.check().unwrap();
        assert!(run.status.is_terminal(), "{:?}", run.status);
        let failed = run.counters.rows_failed + run.counters.rows_delete_failed;
        assert_eq!(f.errors(&run).await.len() as u64, failed, "each error is told once");
        ended.push(run);
    }
    assert!(f.engine.orphans().await.unwrap().is_empty());
    ended
}

/// Runs that died before they were claimed stay queued; a worker would execute them.
pub async fn cancel_queued(f: &Fixture) {
    let filter = syncline_store::RunFilter { statuses: vec![RunStatus::Queued], ..Default::default() };
    let (runs, _) = f.engine.store.runs(&filter, syncline_store::Page::first(10)).await.unwrap();
    for mut run in runs {
        run.status = run.status.transition(RunStatus::Cancelled).unwrap();
        f.engine.store.update_run(&run).await.unwrap();
    }
}

fn expected() -> Vec<String> {
    let line = |i: u32| format!("email:e id:{i} name:{}", if i <= 5 { "b" } else { "a" });
    let mut lines: Vec<_> = (3..=10).map(line).collect();
    lines.sort_by_key(|l| l.split_whitespace().nth(1).map(str::to_string));
    lines
}

/// Brings everything to rest and checks that nothing was lost or doubled.
async fn check_end(f: &Fixture, what: &str) {
    cancel_queued(f).await;
    f.run().await;
    assert_eq!(f.open_letters().await, ["10"], "{what}");
    f.target.edit(|t| t.poison.clear());
    f.source
        .edit(|t| t.rows.iter_mut().filter(|r| r[0] == Some("10".into())).for_each(|r| *r = row(10, "a")));
    // The refused row may be backing off.
    let mut runs = 0;
    while !f.open_letters().await.is_empty() {
        f.run().await;
        runs += 1;
        assert!(runs <= 3, "{what}");
    }
    let last = f.run().await;
    assert_eq!((last.status, last.counters.rows_skipped), (RunStatus::Completed, 8), "{what}");
}

#[tokio::test]
async fn a_mirror_that_dies_anywhere_ends_with_the_source() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        for calls in 0.. {
            let what = format!("{publish:?} {calls}");
            let mut f = fixture(WriteMode::Mirror, publish).await;
            if die(&mut f, calls, Moment::Before).await.is_none() {
                assert!(calls > 10, "{what}");
                break;
            }
            recover(&f, Some(&f.sync)).await;
            check_end(&f, &what).await;
            assert_eq!(f.target.dump(), expected(), "{what}");
        }
    }
}

#[tokio::test]
async fn an_append_that_dies_anywhere_appends_every_version_once() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        for calls in 0.. {
            let what = format!("{publish:?} {calls}");
            let mut f = fixture(WriteMode::Append, publish).await;
            if die(&mut f, calls, Moment::Before).await.is_none() {
                assert!(calls > 10, "{what}");
                break;
            }
            recover(&f, Some(&f.sync)).await;
            check_end(&f, &what).await;
            let mut appended = f.target.dump();
            appended.sort();
            let mut versions: Vec<_> = (1..=8).map(|i| (i, "a")).collect();
            versions.extend([(3, "b"), (4, "b"), (5, "b"), (9, "a"), (10, "a")]);
            let mut versions: Vec<_> =
                versions.into_iter().map(|(i, v)| format!("email:e id:{i} name:{v}")).collect();
            versions.sort();
            assert_eq!(appended, versions, "{what}");
        }
    }
}

#[tokio::test]
async fn a_run_that_died_after_its_plan_is_resumed() {
    for publish in [Publish::Atomic, Publish::Progressive] {
        let mut resumed = 0;
        for calls in 0.. {
            let mut f = fixture(WriteMode::Mirror, publish).await;
            if die(&mut f, calls, Moment::After).await.is_none() {
                break;
            }
            for run in recover(&f, Some(&f.sync)).await {
                match run.status {
                    RunStatus::Completed => {
                        let c = run.counters;
                        let counts = (c.rows_created, c.rows_updated, c.rows_deleted, c.rows_failed);
                        assert_eq!(counts, (1, 3, 2, 1), "as if nothing had happened");
                        resumed += 1;
                    }
                    _ => {
                        assert_eq!(code(&run), Some("interrupted"));
                        assert_eq!(f.target.edit(|t| t.writes), 0, "it had not planned yet");
                    }
                }
            }
        }
        assert!(resumed > 10, "{resumed} runs were resumed");
    }
}

#[tokio::test]
async fn a_run_whose_definition_changed_or_whose_plan_is_old_is_only_settled() {
    for (old, publish) in [(false, Publish::Atomic), (true, Publish::Progressive)] {
        for calls in 0.. {
            let what = format!("{publish:?} {calls}, old: {old}");
            let mut f = fixture(WriteMode::Mirror, publish).await;
            if die(&mut f, calls, Moment::After).await.is_none() {
                break;
            }
            let mut current = f.sync.clone();
            match old {
                true => f.clock.advance(Duration::from_secs(3_601)),
                false => current.mapping[1].value = "upper(name)".into(),
            }
            let before = f.target.edit(|t| t.writes);
            for run in recover(&f, Some(&current)).await {
                assert_eq!(f.target.edit(|t| t.writes), before, "{what}");
                let c = run.counters;
                assert_eq!(c.rows_created + c.rows_updated + c.rows_deleted, before, "{what}");
                match run.status {
                    RunStatus::Completed => assert_eq!(before, 6, "{what}"),
                    _ => assert_eq!(code(&run), Some("interrupted"), "{what}"),
                }
            }
            check_end(&f, &what).await;
            assert_eq!(f.target.dump(), expected(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_held_run_is_no_orphan_and_dying_in_its_approval_writes_nothing_unapproved() {
    let mut f = fixture(WriteMode::Mirror, Publish::Atomic).await;
    f.sync.guards.max_deletes = Some(syncline_core::sync::Limit::Count(0));
    let held = f.held(&["max_deletes"]).await;
    assert!(f.engine.orphans().await.unwrap().is_empty());
    for calls in 0..4 {
        let store = f.engine.store.clone();
        let stopping = StoppingStore::new(store.clone(), calls, Moment::After);
        f.engine.store = stopping.clone();
        let (watch, _observer) = watch::pair();
        let ends = f.endpoints();
        tokio::select! {
            biased;
            () = stopping.stopped.notified() => {}
            _ = f.engine.approve(&held.id, &f.sync, &ends, &watch) => unreachable!("it dies before"),
        }
        f.engine.store = store;
        let ended = recover(&f, Some(&f.sync)).await;
        assert_eq!(f.target.edit(|t| t.writes), 0);
        if !ended.is_empty() {
            assert_eq!(code(&ended[0]), Some("interrupted"));
            return;
        }
    }
}

#[tokio::test]
async fn dying_in_the_approval_of_a_run_that_another_went_ahead_of_leaves_no_run_behind() {
    let mut deaths = 0;
    for calls in 0..4 {
        let mut f = fixture(WriteMode::Mirror, Publish::Atomic).await;
        f.sync.guards.max_deletes = Some(syncline_core::sync::Limit::Count(0));
        let held = f.held(&["max_deletes"]).await;
        // It reads some rows only, and so removes none.
        let some = RunOptions { source_ids: (1..9).map(|n| n.to_string()).collect(), ..Default::default() };
        f.run_with(RunType::OneTime, some).await;
        let before = f.target.edit(|t| t.writes);
        assert!(before > 0);
        let store = f.engine.store.clone();
        let stopping = StoppingStore::new(store.clone(), calls, Moment::After);
        f.engine.store = stopping.clone();
        let (watch, _observer) = watch::pair();
        let ends = f.endpoints();
        tokio::select! {
            biased;
            () = stopping.stopped.notified() => deaths += 1,
            _ = f.engine.approve(&held.id, &f.sync, &ends, &watch) => {}
        }
        f.engine.store = store;
        for ended in recover(&f, Some(&f.sync)).await {
            assert_eq!(code(&ended), Some("interrupted"), "{calls}");
        }
        assert_eq!(f.target.edit(|t| t.writes), before, "{calls}");
        assert!(f.engine.orphans().await.unwrap().is_empty(), "{calls}");
    }
    assert!(deaths > 1);
}

#[tokio::test]
async fn a_target_that_is_away_during_recovery_fails_the_run_and_nothing_is_lost() {
    use crate::doubles::Fault;
    for mode in [WriteMode::Mirror, WriteMode::Append] {
        for calls in 0.. {
            let what = format!("{mode:?} {calls}");
            let mut f = fixture(mode, Publish::Progressive).await;
            if die(&mut f, calls, Moment::Before).await.is_none() {
                break;
            }
            f.target.edit(|t| t.faults = vec![Fault::Open; 5]);
            recover(&f, Some(&f.sync)).await;
            f.target.edit(|t| t.faults.clear());
            cancel_queued(&f).await;
            f.target.edit(|t| t.poison.clear());
            for _ in 0..3 {
                f.run().await;
            }
            let rows = f.target.dump();
            let mut distinct = rows.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), rows.len(), "{what}: nothing twice");
            if mode == WriteMode::Mirror {
                assert_eq!(rows, expected(), "{what}");
                continue;
            }
            // What nobody can know is a letter, never appended again by itself.
            let letters = f.open_letters().await;
            for line in expected() {
                let id = line.split_whitespace().nth(1).unwrap().trim_start_matches("id:").to_string();
                assert!(rows.contains(&line) || letters.contains(&id), "{what}: {line} is lost");
            }
        }
    }
}

/// G12: a refused record whose letter cannot be kept stops the run; it is not called done.
#[tokio::test]
async fn a_letter_that_cannot_be_stored_stops_the_run_until_there_is_space() {
    let mut f = fixture(WriteMode::Upsert, Publish::Atomic).await;
    let store = f.engine.store.clone();
    let full = StoppingStore::new(store.clone(), usize::MAX, Moment::Before);
    full.refuses_letters.store(true, std::sync::atomic::Ordering::SeqCst);
    f.engine.store = full;
    let (watch, _observer) = watch::pair();
    let run = f.engine.queue(&f.sync, RunType::Sync, Trigger::Cli, Default::default()).await.unwrap();
    let stopped = f.engine.execute(run.clone(), &f.sync, &f.endpoints(), &watch).await.unwrap_err();
    assert_eq!(stopped.code(), "local_io");
    assert!(f.letters().await.is_empty());
    assert_eq!(f.engine.run(&run.id).await.unwrap().status, RunStatus::Running, "nothing says it is done");

    f.engine.store = store;
    let ended = recover(&f, Some(&f.sync)).await;
    assert_eq!((ended.len(), ended[0].status), (1, RunStatus::Completed));
    assert_eq!(f.open_letters().await.len(), 1);
    assert_eq!(f.target.edit(|t| t.writes), 4, "what had arrived is not sent again");
}
