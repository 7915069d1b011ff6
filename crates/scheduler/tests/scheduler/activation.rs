//! What happens to a sync's runs when it is deactivated.

use syncline_core::{EndReason, RunStatus, RunType, Trigger};
use syncline_store::SyncState;

use crate::syncs::{cron, every, sync};
use crate::world::{End, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivation_takes_what_waits_leaves_other_types_and_lets_what_runs_finish() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Seed).await;
    let mut running = world.begun().await;
    let queued = world.trigger(&contact, RunType::Sync).await;
    let other = world.trigger(&contact, RunType::OneTime).await;
    let scheduled = world.scheduled(&contact).await.unwrap();

    let changed = world
        .store
        .set_activation(&contact.uid, &SyncState::Inactive, None, world.clock_now())
        .await
        .unwrap();
    assert_eq!(changed.removed, std::slice::from_ref(&scheduled.id));
    assert_eq!(changed.cancelled, std::slice::from_ref(&queued.id));
    assert_eq!(world.store.run(&scheduled.id).await.unwrap(), None);
    let cancelled = world.run(&queued.id).await;
    assert_eq!(cancelled.status, RunStatus::Cancelled);
    assert_eq!(cancelled.end_reason, Some(EndReason::Deactivated));
    assert_eq!(world.run(&other.id).await.status, RunStatus::Queued);
    assert_eq!(world.run(&running.run.id).await.status, RunStatus::Running);

    world.end(&mut running, End::As(RunStatus::Completed)).await;
    let mut begun = world.begun().await;
    assert_eq!(begun.run.id, other.id);
    world.end(&mut begun, End::As(RunStatus::Completed)).await;
    world.pass(3_600);
    world.tick().await;
    assert_eq!(world.scheduled(&contact).await, None);
    // What a person asks for runs all the same.
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
    assert_eq!(world.scheduled(&contact).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivation_takes_a_retry_too() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(cron("0 6 * * *", "UTC")))).await;
    world.tick().await;
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::SourceFailure)).await;
    let retry = world.scheduled(&contact).await.unwrap();
    assert_eq!(retry.trigger, Trigger::Retry);
    let changed = world
        .store
        .set_activation(&contact.uid, &SyncState::Inactive, None, world.clock_now())
        .await
        .unwrap();
    assert_eq!(changed.removed, [retry.id]);
    assert_eq!(world.scheduled(&contact).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_deactivated_while_its_run_goes_on_is_not_scheduled_by_its_end() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    world.pass(900);
    world.tick().await;
    let _worker = world.work(1);
    let mut begun = world.begun().await;
    world.store.set_activation(&contact.uid, &SyncState::Inactive, None, world.clock_now()).await.unwrap();
    world.end(&mut begun, End::As(RunStatus::Completed)).await;
    assert_eq!(world.scheduled(&contact).await, None);
}
