//! Retries after source failures, and syncs that run after others.

use jiff::SignedDuration;
use syncline_core::run::RunOptions;
use syncline_core::{EndReason, ErrorKind, ReadMode, Run, RunStatus, RunType, Trigger};
use syncline_scheduler::retry::RETRIES_MAX;
use syncline_store::SyncState;

use crate::syncs::{after, at, cron, every, skipping, sync};
use crate::world::{End, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_failure_is_tried_again_five_times_as_a_linked_chain() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(cron("0 6 * * *", "UTC")))).await;
    world.tick().await;
    let _worker = world.work(1);
    let options =
        RunOptions { read_mode: ReadMode::Reset, source_ids: vec!["7".into()], ..RunOptions::default() };
    let asked = Run { options: options.clone(), ..world.request(&contact, RunType::Sync) };
    world.store.enqueue(&asked).await.unwrap();
    world.signals.queued.notify_one();
    let mut begun = world.begun().await;
    for number in 1..=RETRIES_MAX {
        world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
        let retry = world.scheduled(&contact).await.unwrap();
        assert_eq!((retry.trigger, retry.retry_number), (Trigger::Retry, number));
        assert_eq!(retry.retry_of, Some(begun.run.id.clone()));
        assert_eq!((retry.run_type, &retry.options), (RunType::Sync, &options));
        let delay = retry.run_at.unwrap().duration_since(world.clock_now());
        assert!(delay >= SignedDuration::from_secs(30) && delay <= SignedDuration::from_mins(30));
        world.clock.set(retry.run_at.unwrap());
        world.tick().await;
        begun = world.begun().await;
        assert_eq!(begun.run.id, retry.id);
    }
    world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
    let next = world.scheduled(&contact).await.unwrap();
    assert_eq!((next.trigger, next.run_at), (Trigger::Schedule, Some(at("2026-01-01T06:00:00Z"))));
    // The fire that the first retry took the place of can be seen, and nothing else was left out.
    let not_run = world.runs(&contact, &[RunStatus::NotRun]).await;
    assert!(not_run.iter().all(|run| run.end_reason == Some(EndReason::Superseded)));
    assert_eq!(not_run.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_that_comes_first_stands_in_for_the_retry() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(20)))).await;
    world.tick().await;
    let _worker = world.work(1);
    world.pass(20);
    world.tick().await;
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
    let next = world.scheduled(&contact).await.unwrap();
    assert_eq!((next.trigger, next.run_at), (Trigger::Schedule, Some(at("2026-01-01T00:00:40Z"))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_other_types_are_tried_again_beside_the_schedule() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(20)))).await;
    world.tick().await;
    let _worker = world.work(1);
    world.trigger(&contact, RunType::OneTime).await;
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
    let mut scheduled = world.runs(&contact, &[RunStatus::Scheduled]).await;
    scheduled.sort_by_key(|run| run.run_at);
    let types: Vec<_> = scheduled.iter().map(|run| (run.run_type, run.trigger)).collect();
    assert_eq!(types, [(RunType::Sync, Trigger::Schedule), (RunType::OneTime, Trigger::Retry)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_but_a_source_failure_is_tried_again() {
    for status in [RunStatus::Completed, RunStatus::Failed, RunStatus::Cancelled, RunStatus::Held] {
        let mut world = World::new();
        let contact = world.define(sync("contact", None)).await;
        let _worker = world.work(1);
        world.trigger(&contact, RunType::Sync).await;
        let mut begun = world.begun().await;
        world.end(&mut begun, End::As(status)).await;
        assert_eq!(world.scheduled(&contact).await, None, "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncs_behind_run_when_the_one_before_completed_and_only_then() {
    let mut world = World::new();
    let company = world.define(sync("company", None)).await;
    let contact = world.define(sync("contact", Some(after("company")))).await;
    let deal = world.define(sync("deal", Some(after("contact")))).await;
    let idle = world.define(sync("idle", Some(after("company")))).await;
    world.store.set_activation(&idle.uid, &SyncState::Inactive, None, world.clock_now()).await.unwrap();
    let _worker = world.work(1);
    for status in [RunStatus::Failed, RunStatus::SourceFailure, RunStatus::Cancelled] {
        world.trigger(&company, RunType::OneTime).await;
        let mut begun = world.begun().await;
        world.end(&mut begun, End::As(status)).await;
        assert_eq!(world.runs(&contact, &[]).await, []);
    }
    world.trigger(&company, RunType::Test).await;
    let mut test = world.begun().await;
    world.end(&mut test, End::As(RunStatus::Completed)).await;
    assert_eq!(world.runs(&contact, &[]).await, []);

    world.trigger(&company, RunType::Sync).await;
    for expected in [&company, &contact, &deal] {
        let mut begun = world.begun().await;
        assert_eq!(begun.run.sync_id, expected.id);
        let by_chain = expected.id != company.id;
        assert_eq!(begun.run.trigger == Trigger::Upstream, by_chain);
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
    }
    assert_eq!(world.runs(&idle, &[]).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_behind_that_is_busy_waits_or_is_left_out_as_it_says() {
    let mut world = World::new();
    let company = world.define(sync("company", None)).await;
    let waits = world.define(sync("contact", Some(after("company")))).await;
    let skips = world.define(sync("deal", Some(skipping(after("company"))))).await;
    let _worker = world.work(3);
    let mut busy = Vec::new();
    for sync in [&waits, &skips] {
        world.trigger(sync, RunType::Sync).await;
        busy.push(world.begun().await);
    }
    for _ in 0..2 {
        world.trigger(&company, RunType::Sync).await;
        let mut begun = world.begun().await;
        assert_eq!(begun.run.sync_id, company.id);
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
    }
    // One waits; the second time it is there already.
    assert_eq!(world.runs(&waits, &[RunStatus::Queued]).await.len(), 1);
    assert_eq!(world.runs(&waits, &[RunStatus::NotRun]).await.len(), 1);
    assert_eq!(world.runs(&skips, &[RunStatus::Queued]).await, []);
    assert_eq!(world.runs(&skips, &[RunStatus::NotRun]).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_was_halted_runs_again_only_when_a_person_activates_it() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    world.pass(900);
    world.tick().await;
    let _worker = world.work(1);
    let mut begun = world.begun().await;
    world.end(&mut begun, End::Halted).await;
    assert_eq!(world.scheduled(&contact).await, None);
    world.pass(3_600);
    world.tick().await;
    assert_eq!(world.scheduled(&contact).await, None);
    let refused = world.store.enqueue(&world.request(&contact, RunType::Sync)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::SyncHalted);
    world.trigger(&contact, RunType::OneTime).await;
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::Completed)).await;
    assert_eq!(world.scheduled(&contact).await, None);

    let record = world.store.sync(&contact.id).await.unwrap().unwrap();
    let now = world.clock_now();
    let first = world.successor.first_fire(&record, now);
    world.store.set_activation(&contact.uid, &SyncState::Active, first.as_ref(), now).await.unwrap();
    assert_eq!(world.due_at(&contact).await, Some(now + SignedDuration::from_secs(900)));
}
