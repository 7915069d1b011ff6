use std::time::Duration;

use jiff::ToSpan;
use proptest::prelude::*;
use syncline_core::ReadMode;

use super::*;
use crate::testing::{at, cron, every, run, schedule, sync, uid};

const START: &str = "2026-01-01T00:00:00Z";

/// A run by schedule that was due at [`START`], started at once and ended at `ended_at`.
fn ended(status: RunStatus, ended_at: &str) -> Run {
    Run {
        status,
        run_at: Some(at(START)),
        started_at: Some(at(START)),
        completed_at: Some(at(ended_at)),
        ..run()
    }
}

fn follow(run: &Run, sync: &Sync, state: &SyncState, earlier: &[Run]) -> FollowUp {
    let now = run.completed_at.unwrap();
    let ended = Ended { run, sync: Some(sync), state, downstream: &[], earlier, seed: 7, now };
    succession(&ended, &Uuid::new_v4)
}

fn next_at(run: &Run, schedule: Schedule) -> Option<Timestamp> {
    follow(run, &sync("contact", Some(schedule)), &SyncState::Active, &[]).next.and_then(|next| next.run_at)
}

fn halted() -> SyncState {
    SyncState::Halted { reason: "too many failures".into(), since: at(START), failures: 3 }
}

#[test]
fn the_next_fire_follows_every_end_of_a_run() {
    use RunStatus::*;
    for status in [Completed, Failed, Cancelled, Held, NotRun] {
        for run_type in RunType::ALL {
            let run = Run { run_type, ..ended(status, "2026-01-01T00:05:00Z") };
            let next =
                follow(&run, &sync("contact", Some(every(900))), &SyncState::Active, &[]).next.unwrap();
            assert_eq!(
                (next.status, next.run_type, next.trigger),
                (Scheduled, RunType::Sync, Trigger::Schedule)
            );
            assert_eq!(next.run_at, Some(at("2026-01-01T00:15:00Z")), "{status:?} {run_type:?}");
            assert_eq!(next.sync_uid, run.sync_uid);
        }
    }
}

#[test]
fn nothing_is_scheduled_for_a_sync_that_is_not_active_not_defined_or_has_no_schedule() {
    let run = ended(RunStatus::Completed, "2026-01-01T00:05:00Z");
    let scheduled = sync("contact", Some(every(900)));
    assert_eq!(follow(&run, &scheduled, &SyncState::Inactive, &[]).next, None);
    assert_eq!(follow(&run, &scheduled, &halted(), &[]).next, None);
    assert_eq!(follow(&run, &sync("contact", None), &SyncState::Active, &[]).next, None);
    let after = schedule(When::After(SyncId::new("crm", "company")));
    assert_eq!(follow(&run, &sync("contact", Some(after)), &SyncState::Active, &[]).next, None);
    let gone = Ended {
        run: &run,
        sync: None,
        state: &SyncState::Active,
        downstream: &[],
        earlier: &[],
        seed: 7,
        now: at(START),
    };
    assert_eq!(succession(&gone, &Uuid::new_v4), FollowUp::default());
}

#[test]
fn an_interval_counts_from_the_planned_time_not_from_the_end() {
    let run = ended(RunStatus::Completed, "2026-01-01T00:14:59Z");
    assert_eq!(next_at(&run, every(900)), Some(at("2026-01-01T00:15:00Z")));
    let late = Run { started_at: Some(at("2026-01-01T00:10:00Z")), ..run };
    assert_eq!(next_at(&late, every(900)), Some(at("2026-01-01T00:15:00Z")));
}

#[test]
fn a_fire_that_found_the_run_in_the_way_happens_once_or_not_at_all() {
    let run = ended(RunStatus::Completed, "2026-01-01T00:50:00Z");
    assert_eq!(next_at(&run, every(900)), Some(at("2026-01-01T00:15:00Z")));
    let skip = |schedule| Schedule { overlap: Overlap::Skip, ..schedule };
    assert_eq!(next_at(&run, skip(every(900))), Some(at("2026-01-01T01:00:00Z")));
    assert_eq!(next_at(&run, skip(cron("*/15 * * * *", "UTC"))), Some(at("2026-01-01T01:00:00Z")));
}

#[test]
fn a_run_that_started_a_day_late_covers_the_fires_it_missed() {
    let run = Run {
        started_at: Some(at("2026-01-02T00:01:00Z")),
        ..ended(RunStatus::Completed, "2026-01-02T00:02:00Z")
    };
    assert_eq!(next_at(&run, every(900)), Some(at("2026-01-02T00:15:00Z")));
    assert_eq!(next_at(&run, cron("*/15 * * * *", "UTC")), Some(at("2026-01-02T00:15:00Z")));
}

#[test]
fn a_run_by_hand_leaves_the_cadence_where_it_was() {
    let by_schedule = ended(RunStatus::Completed, "2026-01-01T00:01:00Z");
    let manual = Run {
        trigger: Trigger::Manual,
        run_at: None,
        started_at: Some(at("2026-01-01T00:05:00Z")),
        ..ended(RunStatus::Completed, "2026-01-01T00:06:00Z")
    };
    let definition = sync("contact", Some(every(900)));
    let next = follow(&manual, &definition, &SyncState::Active, &[by_schedule]).next.unwrap();
    assert_eq!(next.run_at, Some(at("2026-01-01T00:15:00Z")));
    let first = follow(&manual, &definition, &SyncState::Active, &[]).next.unwrap();
    assert_eq!(first.run_at, Some(at("2026-01-01T00:21:00Z")));
}

#[test]
fn a_fire_that_was_cancelled_before_its_time_is_followed_by_the_one_after_it() {
    let run = Run {
        run_at: Some(at("2026-01-01T06:00:00Z")),
        started_at: None,
        ..ended(RunStatus::NotRun, "2026-01-01T00:01:00Z")
    };
    assert_eq!(next_at(&run, cron("0 6 * * *", "UTC")), Some(at("2026-01-02T06:00:00Z")));
    assert_eq!(next_at(&run, every(3_600)), Some(at("2026-01-01T07:00:00Z")));
}

#[test]
fn a_source_failure_is_tried_again_as_it_was_before_the_next_fire() {
    let mut run = ended(RunStatus::SourceFailure, "2026-01-01T00:01:00Z");
    run.options.read_mode = ReadMode::Reset;
    run.options.source_ids = vec!["7".into()];
    run.options.max_entities = Some(5);
    run.requested_by = Some("ci".into());
    let daily = sync("contact", Some(cron("0 6 * * *", "UTC")));
    let follow_up = follow(&run, &daily, &SyncState::Active, &[]);
    assert!(is_retried(&run, &follow_up));
    let next = follow_up.next.unwrap();
    assert_eq!((next.trigger, next.status, next.retry_number), (Trigger::Retry, RunStatus::Scheduled, 1));
    assert_eq!(next.retry_of, Some(run.id.clone()));
    assert_eq!(next.run_type, run.run_type);
    assert_eq!(next.options, run.options);
    assert_eq!(next.requested_by, run.requested_by);
    let delay = next.run_at.unwrap().duration_since(at("2026-01-01T00:01:00Z")).as_secs();
    assert!((30..69).contains(&delay), "{delay}");

    let last = Run { retry_number: 5, ..run };
    let follow_up = follow(&last, &daily, &SyncState::Active, &[]);
    assert!(!is_retried(&last, &follow_up));
    assert_eq!(follow_up.next.unwrap().run_at, Some(at("2026-01-01T06:00:00Z")));
}

#[test]
fn a_fire_that_comes_before_the_retry_takes_its_place() {
    let run = ended(RunStatus::SourceFailure, "2026-01-01T00:00:45Z");
    let follow_up = follow(&run, &sync("contact", Some(every(60))), &SyncState::Active, &[]);
    assert!(!is_retried(&run, &follow_up));
    assert_eq!(follow_up.next.unwrap().run_at, Some(at("2026-01-01T00:01:00Z")));
    // But not of a run of another type: the sync's own fire is scheduled already.
    let once = Run { run_type: RunType::OneTime, ..run };
    let follow_up = follow(&once, &sync("contact", Some(every(60))), &SyncState::Active, &[]);
    assert_eq!(follow_up.next.unwrap().run_type, RunType::OneTime);
}

#[test]
fn a_sync_that_was_deactivated_or_halted_meanwhile_is_not_tried_again() {
    let run = ended(RunStatus::SourceFailure, "2026-01-01T00:01:00Z");
    for state in [SyncState::Inactive, halted()] {
        assert_eq!(follow(&run, &sync("contact", Some(every(900))), &state, &[]).next, None);
    }
}

#[test]
fn after_the_retries_the_cadence_goes_on() {
    let first = ended(RunStatus::SourceFailure, "2026-01-01T00:01:00Z");
    let retry = Run {
        trigger: Trigger::Retry,
        retry_of: Some(first.id.clone()),
        retry_number: 1,
        run_at: Some(at("2026-01-01T00:02:00Z")),
        started_at: Some(at("2026-01-01T00:02:00Z")),
        ..ended(RunStatus::Completed, "2026-01-01T00:03:00Z")
    };
    let next = follow(&retry, &sync("contact", Some(every(900))), &SyncState::Active, &[first]).next.unwrap();
    assert_eq!((next.run_at, next.retry_number), (Some(at("2026-01-01T00:15:00Z")), 0));
}

#[test]
fn syncs_that_run_after_this_one_are_queued_when_it_completed_and_wrote() {
    let skip = Schedule { overlap: Overlap::Skip, ..schedule(When::After(SyncId::new("crm", "contact"))) };
    let (deal, deal_uid) = (sync("deal", Some(skip)), uid("deal"));
    let downstream = [Downstream { sync: &deal, uid: &deal_uid }];
    for status in [
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::SourceFailure,
        RunStatus::Cancelled,
        RunStatus::Held,
    ] {
        for run_type in RunType::ALL {
            let run = Run { run_type, ..ended(status, "2026-01-01T00:05:00Z") };
            let state = SyncState::Inactive;
            let ended = Ended {
                run: &run,
                sync: None,
                state: &state,
                downstream: &downstream,
                earlier: &[],
                seed: 7,
                now: at(START),
            };
            let queued = succession(&ended, &Uuid::new_v4).downstream;
            let expected = status == RunStatus::Completed && run_type != RunType::Test;
            assert_eq!(queued.len(), usize::from(expected), "{status:?} {run_type:?}");
            for (run, overlap) in queued {
                assert_eq!(
                    (run.status, run.trigger, overlap),
                    (RunStatus::Queued, Trigger::Upstream, Overlap::Skip)
                );
                assert_eq!(
                    (run.sync_id, run.sync_uid, run.run_type),
                    (deal.id.clone(), uid("deal"), RunType::Sync)
                );
            }
        }
    }
}

#[test]
fn a_scheduled_run_stays_while_the_schedule_may_have_chosen_it() {
    let now = at(START);
    let scheduled = |time: Timestamp| {
        let run = run();
        scheduled_run(&run.sync_id, &run.sync_uid, time, now, &Uuid::new_v4)
    };
    let daily = cron("0 6 * * *", "UTC");
    assert!(keeps(Some(&daily), &scheduled(at("2026-01-01T06:00:00Z")), 7, now));
    // A day of downtime: the fire that was missed is made up for.
    assert!(keeps(Some(&daily), &scheduled(at("2025-12-31T06:00:00Z")), 7, now));
    assert!(!keeps(Some(&daily), &scheduled(at("2026-01-01T05:00:00Z")), 7, now));
    assert!(!keeps(None, &scheduled(at("2026-01-01T06:00:00Z")), 7, now));
    assert!(keeps(Some(&every(900)), &scheduled(now + 10.minutes()), 7, now));
    assert!(!keeps(Some(&every(900)), &scheduled(now + 16.minutes()), 7, now));
    let retry = Run { trigger: Trigger::Retry, ..scheduled(now + 16.minutes()) };
    assert!(keeps(Some(&every(900)), &retry, 7, now));
}

proptest! {
    /// Whatever a sync's runs do, its fires are planned times of its schedule, in order, never twice.
    #[test]
    fn chains_of_runs_of_any_length_neither_skip_nor_double_a_fire(
        runs in prop::collection::vec((0i64..5_000, 0i64..5_000), 1..30), seconds in 60u64..2_000, jitter in 0u64..100,
        skip: bool, seed: u64,
    ) {
        let overlap = if skip { Overlap::Skip } else { Overlap::QueueOne };
        let schedule = Schedule { jitter: Duration::from_secs(jitter), overlap, ..every(seconds) };
        let definition = sync("contact", Some(schedule.clone()));
        let mut current = Run { run_at: Some(at(START)), ..run() };
        for (waits, takes) in runs {
            let due = current.run_at.unwrap().max(current.created_at);
            let started = due + SignedDuration::from_secs(waits);
            let now = started + SignedDuration::from_secs(takes);
            current = Run { status: RunStatus::Completed, started_at: Some(started), completed_at: Some(now), ..current };
            let ended = Ended {
                run: &current, sync: Some(&definition), state: &SyncState::Active,
                downstream: &[], earlier: &[], seed, now,
            };
            let next = succession(&ended, &Uuid::new_v4).next.unwrap();
            let (previous, at) = (current.run_at.unwrap(), next.run_at.unwrap());
            prop_assert!(at > previous);
            // Nothing that came after the start was passed over, unless it is to be skipped.
            let from = if skip { now } else { started };
            prop_assert!(at > from);
            prop_assert_eq!(fire_after(&schedule, previous, from, seed), Some(at));
            current = next;
        }
    }
}
