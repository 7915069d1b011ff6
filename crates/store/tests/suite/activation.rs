use std::sync::Arc;

use syncline_core::{EndReason, ErrorKind, Run, RunStatus, RunType, Trigger};
use syncline_store::{Activation, FollowUp, Page, Queue, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    activating_schedules_the_next_fire_once,
    deactivating_removes_fires_and_cancels_what_waits_of_type_sync,
    a_run_that_halts_its_sync_leaves_nothing_of_it_waiting,
    the_next_fire_is_not_scheduled_beside_what_will_schedule_it,
    rescheduling_replaces_the_one_fire,
    rescheduling_inserts_nothing_for_a_sync_that_does_not_run_by_itself,
    active_syncs_without_a_next_fire_are_found,
    many_next_fires_are_put_in_place_together_or_none,
    the_latest_fires_of_many_syncs_are_found_together,
];

fn halted() -> SyncState {
    SyncState::Halted { reason: "errors".into(), since: at(0), failures: 2 }
}

async fn activate(store: &dyn Queue, sync: &str, next: Option<&Run>) -> Activation {
    store.set_activation(&uid(sync), &SyncState::Active, next, at(5)).await.unwrap()
}

async fn activating_schedules_the_next_fire_once(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    store.set_sync_state(&uid("a"), &halted(), at(0)).await.unwrap();
    let changed = activate(&*store, "a", Some(&fire_at("first", "a", 100))).await;
    assert_eq!(changed, Activation::default());
    assert_eq!(sync_now(&*store, "a").await.state, SyncState::Active);
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["first"]);
    // Again: the earlier fire stays, a yet earlier one takes its place.
    activate(&*store, "a", Some(&fire_at("second", "a", 101))).await;
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["first"]);
    activate(&*store, "a", Some(&fire_at("third", "a", 99))).await;
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["third"]);
    activate(&*store, "a", None).await;
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["third"]);
}

async fn deactivating_removes_fires_and_cancels_what_waits_of_type_sync(store: Arc<dyn Queue>) {
    for (sync, state) in [("a", SyncState::Inactive), ("b", halted())] {
        ensure(&*store, sync).await;
        let name = |n: &str| format!("{n}-{sync}");
        let retry = Run { trigger: Trigger::Retry, ..fire_at(&name("retry"), sync, 100) };
        reschedule(&*store, sync, Some(&retry)).await.unwrap();
        let later = Run { run_at: Some(at(9)), ..new_run(&name("later"), sync, RunType::OneTime) };
        store.enqueue(&later).await.unwrap();
        enqueued(&*store, &name("runs"), sync, RunType::Sync).await;
        taken(&*store, &run_id(&name("runs"))).await;
        for run_type in RunType::ALL {
            enqueued(&*store, &name(run_type.as_str()), sync, run_type).await;
        }
        let changed = store.set_activation(&uid(sync), &state, None, at(50)).await.unwrap();
        assert_eq!(changed.removed, [run_id(&name("retry"))]);
        assert_eq!(changed.cancelled, [run_id(&name("sync"))]);
        assert_eq!(sync_now(&*store, sync).await.state, state);
        assert_eq!(store.run(&run_id(&name("retry"))).await.unwrap(), None);
        let cancelled = run_now(&*store, &run_id(&name("sync"))).await;
        assert_eq!(cancelled.status, RunStatus::Cancelled);
        assert_eq!(
            (cancelled.end_reason, cancelled.completed_at),
            (Some(EndReason::Deactivated), Some(at(50)))
        );
        assert_eq!(status_of(&*store, &name("later")).await, RunStatus::Scheduled);
        assert_eq!(status_of(&*store, &name("runs")).await, RunStatus::Starting);
        for run_type in RunType::ALL.into_iter().filter(|t| *t != RunType::Sync) {
            assert_eq!(status_of(&*store, &name(run_type.as_str())).await, RunStatus::Queued);
        }
    }
}

async fn a_run_that_halts_its_sync_leaves_nothing_of_it_waiting(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "runs", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("runs")).await;
    enqueued(&*store, "waits", "a", RunType::Sync).await;
    let mut commit = ending(&run);
    commit.run.status = RunStatus::Failed;
    commit.sync_state = Some(halted());
    commit.follow.next = Some(fire_at("next", "a", 100));
    store.commit(&commit).await.unwrap();
    assert_eq!(sync_now(&*store, "a").await.state, halted());
    assert_eq!(status_of(&*store, "waits").await, RunStatus::Cancelled);
    assert_eq!(store.run(&run_id("next")).await.unwrap(), None);
}

async fn the_next_fire_is_not_scheduled_beside_what_will_schedule_it(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "run", "a", RunType::Sync).await;
    let try_all = async |what: &str| {
        activate(&*store, "a", Some(&fire_at(&format!("a-{what}"), "a", 100))).await;
        reschedule(&*store, "a", Some(&fire_at(&format!("r-{what}"), "a", 100))).await.unwrap();
        assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty(), "{what}");
        assert!(store.unscheduled().await.unwrap().is_empty(), "{what}");
    };
    try_all("queued").await;
    let run = taken_and_running(&*store, &run_id("run")).await;
    try_all("active").await;
    // A held run schedules nothing before somebody decides on it.
    let held = Run { status: RunStatus::Held, ..run };
    store.end_run(&held, &FollowUp::default()).await.unwrap();
    assert!(store.unscheduled().await.unwrap().is_empty());
    activate(&*store, "a", Some(&fire_at("next", "a", 100))).await;
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["next"]);
}

async fn rescheduling_replaces_the_one_fire(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    for (name, seconds) in [("first", 100), ("earlier", 50), ("later", 200)] {
        reschedule(&*store, "a", Some(&fire_at(name, "a", seconds))).await.unwrap();
        assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, [name]);
        assert_eq!(store.next_due().await.unwrap(), Some(at(seconds)));
    }
    assert_eq!(store.run(&run_id("first")).await.unwrap(), None, "a fire that moved leaves nothing");
    reschedule(&*store, "a", None).await.unwrap();
    assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty());
}

async fn rescheduling_inserts_nothing_for_a_sync_that_does_not_run_by_itself(store: Arc<dyn Queue>) {
    for (sync, state) in [("a", SyncState::Inactive), ("b", halted())] {
        ensure(&*store, sync).await;
        store.set_sync_state(&uid(sync), &state, at(0)).await.unwrap();
        reschedule(&*store, sync, Some(&fire_at(sync, sync, 100))).await.unwrap();
        assert_eq!(store.run(&run_id(sync)).await.unwrap(), None);
    }
}

async fn active_syncs_without_a_next_fire_are_found(store: Arc<dyn Queue>) {
    for sync in ["d", "c", "b", "a"] {
        ensure(&*store, sync).await;
    }
    store.set_sync_state(&uid("b"), &SyncState::Inactive, at(0)).await.unwrap();
    reschedule(&*store, "c", Some(&fire_at("c", "c", 100))).await.unwrap();
    // Runs of other types schedule nothing.
    enqueued(&*store, "one_time", "d", RunType::OneTime).await;
    let found = store.unscheduled().await.unwrap();
    assert_eq!(found.iter().map(|sync| sync.id.entity()).collect::<Vec<_>>(), ["a", "d"]);
    assert_eq!(found[0], sync_now(&*store, "a").await);
}

async fn many_next_fires_are_put_in_place_together_or_none(store: Arc<dyn Queue>) {
    for sync in ["a", "b", "c", "d"] {
        ensure(&*store, sync).await;
    }
    store.set_sync_state(&uid("b"), &SyncState::Inactive, at(0)).await.unwrap();
    reschedule(&*store, "c", Some(&fire_at("old", "c", 50))).await.unwrap();
    reschedule(&*store, "d", Some(&fire_at("gone", "d", 50))).await.unwrap();
    let mut next: Vec<_> = ["a", "b", "c"].map(|sync| (uid(sync), Some(fire_at(sync, sync, 100)))).into();
    next.push((uid("d"), None));
    let unknown = (uid("unknown"), None);
    refused(store.reschedule(&[&next[..], &[unknown]].concat()).await, ErrorKind::NotFound);
    let due = async || {
        let due = store.due(at(999), 10).await.unwrap();
        due.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(due().await, ["gone", "old"].map(run_id));
    store.reschedule(&next).await.unwrap();
    assert_eq!(due().await, ["a", "c"].map(run_id));
    store.reschedule(&[]).await.unwrap();
    assert_eq!(due().await, ["a", "c"].map(run_id));
}

async fn the_latest_fires_of_many_syncs_are_found_together(store: Arc<dyn Queue>) {
    for sync in ["a", "b", "c"] {
        ensure(&*store, sync).await;
    }
    for n in 0..4 {
        let (name, created_at) = (format!("fire{n}"), at(n));
        let fire = Run { created_at, ..fire_at(&name, "a", n) };
        reschedule(&*store, "a", Some(&fire)).await.unwrap();
        store.request_cancel(&fire.id, &FollowUp::default(), at(n)).await.unwrap();
    }
    // Somebody asked for these.
    for sync in ["a", "b"] {
        enqueued(&*store, &format!("by-hand-{sync}"), sync, RunType::Sync).await;
    }
    reschedule(&*store, "c", Some(&fire_at("waits", "c", 100))).await.unwrap();
    let found = store.fires(&["b", "unknown", "c", "a"].map(uid), 3).await.unwrap();
    let names =
        |sync| found.get(&uid(sync)).map(|runs| runs.iter().map(|r| r.id.clone()).collect::<Vec<_>>());
    assert_eq!(found.len(), 2);
    assert_eq!(names("a"), Some(["fire3", "fire2", "fire1"].map(run_id).into()));
    assert_eq!(names("c"), Some(vec![run_id("waits")]));
    assert_eq!(found[&uid("a")][0], run_now(&*store, &run_id("fire3")).await);
    assert!(store.fires(&[], 3).await.unwrap().is_empty());
    refused(store.fires(&[uid("a"), uid("b")], Page::SIZE_MAX).await, ErrorKind::BadUsage);
}
