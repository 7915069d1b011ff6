use std::sync::Arc;

use serde_json::json;
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, ErrorKind, Run, RunStatus, RunType, Trigger};
use syncline_store::{Catalog, FollowUp, NewNotice, Page, SyncState};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    every_way_to_end_brings_the_next_fire,
    a_held_run_brings_the_next_fire_that_will_find_it,
    an_inactive_sync_gets_no_next_fire,
    a_retry_takes_the_place_of_a_later_fire,
    the_earlier_fire_stays,
    a_retry_of_another_type_is_scheduled_in_any_case,
    downstream_syncs_are_queued_by_the_rules_of_fires,
    notices_belong_to_the_end_that_they_tell_of,
    an_end_that_is_refused_brings_nothing,
];

fn next(name: &str, sync: &str) -> FollowUp {
    FollowUp { next: Some(fire_at(name, sync, 500)), ..FollowUp::default() }
}

async fn every_way_to_end_brings_the_next_fire(store: Arc<dyn Catalog>) {
    use RunStatus::*;
    for (sync, status) in [("a", Completed), ("b", Failed), ("c", SourceFailure), ("d", Cancelled)] {
        for committed in [true, false] {
            let sync = format!("{sync}{committed}");
            ensure(&*store, &sync).await;
            enqueued(&*store, &sync, &sync, RunType::Sync).await;
            let run = taken_and_running(&*store, &run_id(&sync)).await;
            let follow = next(&format!("next-{sync}"), &sync);
            let mut commit = ending(&run);
            commit.run.status = status;
            commit.follow = follow.clone();
            match committed {
                true => store.commit(&commit).await.unwrap(),
                false => store.end_run(&commit.run, &follow).await.unwrap(),
            }
            assert_eq!(status_of(&*store, &sync).await, status);
            assert_eq!(names(&*store, &sync, Scheduled).await, [format!("next-{sync}")]);
        }
    }
    // A scheduled run that does not run ends as well.
    ensure(&*store, "e").await;
    let fire = fire_at("e", "e", 100);
    reschedule(&*store, "e", Some(&fire)).await.unwrap();
    store.end_run(&Run { status: NotRun, ..fire }, &next("next-e", "e")).await.unwrap();
    assert_eq!(names(&*store, "e", Scheduled).await, ["next-e"]);
    // And the end of a test: it has nothing to do with the sync's fires, which stay one.
    enqueued(&*store, "test", "e", RunType::Test).await;
    let test = taken_and_running(&*store, &run_id("test")).await;
    let mut commit = ending(&test);
    commit.follow = next("other", "e");
    store.commit(&commit).await.unwrap();
    assert_eq!(names(&*store, "e", Scheduled).await, ["next-e"]);
}

async fn a_held_run_brings_the_next_fire_that_will_find_it(store: Arc<dyn Catalog>) {
    for (sync, run_type) in [("a", RunType::Sync), ("b", RunType::OneTime)] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, run_type).await;
        let run = taken_and_running(&*store, &run_id(sync)).await;
        let held = Run { status: RunStatus::Held, ..run };
        store.end_run(&held, &next(&format!("next-{sync}"), sync)).await.unwrap();
        assert_eq!(names(&*store, sync, RunStatus::Scheduled).await.len(), 1, "{run_type:?}");
    }
}

async fn an_inactive_sync_gets_no_next_fire(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("a")).await;
    store.set_sync_state(&uid("a"), &SyncState::Inactive, at(0)).await.unwrap();
    let mut commit = ending(&run);
    commit.follow = next("next", "a");
    store.commit(&commit).await.unwrap();
    assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty());
}

async fn a_retry_takes_the_place_of_a_later_fire(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    reschedule(&*store, "a", Some(&fire_at("fire", "a", 100))).await.unwrap();
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("a")).await;
    let retry = Run { trigger: Trigger::Retry, retry_number: 1, ..fire_at("retry", "a", 50) };
    let follow = FollowUp { next: Some(retry.clone()), ..FollowUp::default() };
    store.end_run(&Run { status: RunStatus::SourceFailure, ..run }, &follow).await.unwrap();
    assert_eq!(run_now(&*store, &run_id("retry")).await, retry);
    let fire = run_now(&*store, &run_id("fire")).await;
    assert_eq!((fire.status, fire.end_reason), (RunStatus::NotRun, Some(EndReason::Superseded)));
    assert_eq!(fire.completed_at, Some(retry.created_at));
}

async fn the_earlier_fire_stays(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    reschedule(&*store, "a", Some(&fire_at("fire", "a", 100))).await.unwrap();
    for (name, seconds) in [("same", 100), ("later", 101)] {
        enqueued(&*store, name, "a", RunType::OneTime).await;
        let run = taken_and_running(&*store, &run_id(name)).await;
        let retry = Run { trigger: Trigger::Retry, ..fire_at(&format!("{name}-retry"), "a", seconds) };
        let follow = FollowUp { next: Some(retry), ..FollowUp::default() };
        store.end_run(&Run { status: RunStatus::SourceFailure, ..run }, &follow).await.unwrap();
        assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["fire"]);
    }
}

async fn a_retry_of_another_type_is_scheduled_in_any_case(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    store.set_sync_state(&uid("a"), &SyncState::Inactive, at(0)).await.unwrap();
    enqueued(&*store, "seed", "a", RunType::Seed).await;
    let run = taken_and_running(&*store, &run_id("seed")).await;
    enqueued(&*store, "waits", "a", RunType::Sync).await;
    let retry = Run { trigger: Trigger::Retry, run_type: RunType::Seed, ..fire_at("retry", "a", 50) };
    let follow = FollowUp { next: Some(retry), ..FollowUp::default() };
    store.end_run(&Run { status: RunStatus::SourceFailure, ..run }, &follow).await.unwrap();
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await, ["retry"]);
}

async fn downstream_syncs_are_queued_by_the_rules_of_fires(store: Arc<dyn Catalog>) {
    for sync in ["up", "free", "inactive", "held", "busy", "waits", "patient"] {
        ensure(&*store, sync).await;
    }
    store.set_sync_state(&uid("inactive"), &SyncState::Inactive, at(0)).await.unwrap();
    for sync in ["held", "busy", "waits", "patient", "up"] {
        enqueued(&*store, sync, sync, RunType::Sync).await;
    }
    let held = taken_and_running(&*store, &run_id("held")).await;
    store.end_run(&Run { status: RunStatus::Held, ..held }, &FollowUp::default()).await.unwrap();
    taken(&*store, &run_id("busy")).await;
    taken(&*store, &run_id("patient")).await;
    let run = taken_and_running(&*store, &run_id("up")).await;

    let down = |sync: &str, overlap| {
        let run = new_run(&format!("down-{sync}"), sync, RunType::Sync);
        (Run { trigger: Trigger::Upstream, created_at: at(60), ..run }, overlap)
    };
    let mut commit = ending(&run);
    commit.follow.downstream = vec![
        down("free", Overlap::Skip),
        down("inactive", Overlap::QueueOne),
        down("held", Overlap::QueueOne),
        down("busy", Overlap::Skip),
        down("waits", Overlap::QueueOne),
        down("patient", Overlap::QueueOne),
        down("unknown", Overlap::QueueOne),
    ];
    store.commit(&commit).await.unwrap();
    let expected = [
        ("free", Some((RunStatus::Queued, None))),
        ("inactive", None),
        ("held", Some((RunStatus::NotRun, Some(EndReason::Held)))),
        ("busy", Some((RunStatus::NotRun, Some(EndReason::Overlap)))),
        ("waits", Some((RunStatus::NotRun, Some(EndReason::Overlap)))),
        ("patient", Some((RunStatus::Queued, None))),
        ("unknown", None),
    ];
    for (sync, expected) in expected {
        let run = store.run(&run_id(&format!("down-{sync}"))).await.unwrap();
        assert_eq!(run.map(|run| (run.status, run.end_reason)), expected, "{sync}");
    }
}

pub fn notice(id: &str) -> NewNotice {
    NewNotice {
        id: id.into(),
        channel: "ops".into(),
        event: "failed".into(),
        sync_id: None,
        run_id: Some(run_id("a")),
        payload: json!({"failed": 3}),
        created_at: at(60),
    }
}

async fn notices_belong_to_the_end_that_they_tell_of(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("a")).await;
    let follow = FollowUp { notices: vec![notice("n1"), notice("n2")], ..FollowUp::default() };
    store.end_run(&Run { status: RunStatus::Failed, ..run }, &follow).await.unwrap();
    assert_eq!(store.notices(None, Page::first(10)).await.unwrap().1, 2);
}

async fn an_end_that_is_refused_brings_nothing(store: Arc<dyn Catalog>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = taken_and_running(&*store, &run_id("a")).await;
    let follow = FollowUp { notices: vec![notice("n1")], ..next("next", "a") };
    let stale = Run { epoch: run.epoch + 1, status: RunStatus::Failed, ..run.clone() };
    refused(store.end_run(&stale, &follow).await, ErrorKind::Fenced);
    let mut commit = ending(&stale);
    commit.follow = follow.clone();
    refused(store.commit(&commit).await, ErrorKind::Fenced);
    // What follows is part of the end: if it cannot be stored, the run has not ended.
    let twin = Run { id: run.id.clone(), ..fire_at("a", "a", 500) };
    let follow = FollowUp { next: Some(twin), ..follow };
    refused(
        store.end_run(&Run { status: RunStatus::Failed, ..run.clone() }, &follow).await,
        ErrorKind::Conflict,
    );
    assert_eq!(run_now(&*store, &run.id).await, run);
    assert!(names(&*store, "a", RunStatus::Scheduled).await.is_empty());
    assert_eq!(store.notices(None, Page::first(10)).await.unwrap().1, 0);
}
