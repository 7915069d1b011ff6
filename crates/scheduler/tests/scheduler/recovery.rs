//! Runs whose process is gone or whose work broke off, and the end of a worker.

use syncline_core::{RunId, RunStatus, RunType};
use syncline_scheduler::{Stop, Task};
use syncline_store::SyncRecord;

use crate::syncs::{every, sync};
use crate::world::{Begun, End, World};

/// A run that was at work when its worker was killed.
async fn orphan(world: &mut World, contact: &SyncRecord) -> RunId {
    let worker = world.work(1);
    world.trigger(contact, RunType::Sync).await;
    let begun = world.begun().await;
    drop(worker);
    begun.run.id
}

async fn recovered(world: &mut World, id: &RunId, takeovers: u32) -> Begun {
    let begun = world.begun().await;
    assert_eq!((&begun.run.id, begun.run.takeovers), (id, takeovers));
    begun
}

/// [G22]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_begins_with_the_runs_that_an_earlier_one_left() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    let orphan = orphan(&mut world, &contact).await;
    let before = world.run(&orphan).await;
    let waiting = world.trigger(&contact, RunType::Seed).await;
    let _worker = world.work(1);
    let mut begun = recovered(&mut world, &orphan, 1).await;
    assert_eq!(begun.task, Task::Recover);
    assert!(begun.run.epoch > before.epoch);
    world.end(&mut begun, End::As(RunStatus::Failed)).await;
    let next = world.begun().await;
    assert_eq!((next.run.id, next.task), (waiting.id, Task::Execute));
    assert!(world.due_at(&contact).await.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_taken_over_three_times_is_given_up() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    let orphan = orphan(&mut world, &contact).await;
    for takeovers in 1..3 {
        let worker = world.work(1);
        assert_eq!(recovered(&mut world, &orphan, takeovers).await.task, Task::Recover);
        drop(worker);
    }
    let _worker = world.work(1);
    let mut begun = recovered(&mut world, &orphan, 3).await;
    assert_eq!(begun.task, Task::GiveUp);
    world.end(&mut begun, End::Halted).await;
    assert_eq!(world.scheduled(&contact).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_whose_work_broke_off_is_recovered_a_while_later() {
    for end in [End::Broken, End::Panic] {
        let mut world = World::new();
        let contact = world.define(sync("contact", None)).await;
        let deal = world.define(sync("deal", None)).await;
        let _worker = world.work(1);
        world.trigger(&contact, RunType::Sync).await;
        let mut begun = world.begun().await;
        begun.end(end);
        // Its slot is free meanwhile.
        world.trigger(&deal, RunType::Sync).await;
        let mut other = world.begun().await;
        assert_eq!(other.run.sync_id, deal.id);
        world.end(&mut other, End::As(RunStatus::Completed)).await;
        assert!(world.nothing_begun());
        for _ in 0..7 {
            world.pass(5);
        }
        assert_eq!(recovered(&mut world, &begun.run.id, 1).await.task, Task::Recover);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orphan_that_this_process_cannot_run_waits_for_one_that_can() {
    let mut world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let deal = world.define(sync("deal", None)).await;
    let orphan = orphan(&mut world, &contact).await;
    world.executor.uses.lock().unwrap().insert(contact.id.clone(), None);
    let _worker = world.work(2);
    world.trigger(&deal, RunType::Sync).await;
    assert_eq!(world.begun().await.run.sync_id, deal.id);
    assert_eq!(world.run(&orphan).await.takeovers, 0);
    world.executor.uses.lock().unwrap().remove(&contact.id);
    for _ in 0..7 {
        world.pass(5);
    }
    recovered(&mut world, &orphan, 1).await;
}

/// [G25]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_shuts_down_claims_nothing_more_and_lets_runs_end() {
    let mut world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let deal = world.define(sync("deal", None)).await;
    let mut worker = world.work(2);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    worker.shut_down();
    begun.end(End::As(RunStatus::Completed));
    worker.ended().await;
    assert_eq!(world.run(&begun.run.id).await.status, RunStatus::Completed);
    let late = world.trigger(&deal, RunType::Sync).await;
    assert_eq!(world.run(&late.id).await.status, RunStatus::Queued);
    assert!(world.nothing_begun());
}

/// [G25]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_outlasts_the_drain_is_told_to_stop_and_resumed_by_the_next_worker() {
    let mut world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let mut worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    worker.shut_down();
    let ended = tokio::spawn(worker.ended());
    // The worker asks for so much time; it may do so a moment after it was told to end.
    while !ended.is_finished() {
        world.pass(60);
        tokio::task::yield_now().await;
    }
    ended.await.unwrap();
    assert_eq!(begun.stopped().await, Stop::Shutdown);
    assert_eq!(world.run(&begun.run.id).await.status, RunStatus::Running);
    let _worker = world.work(1);
    assert_eq!(recovered(&mut world, &begun.run.id, 1).await.task, Task::Recover);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_does_not_hear_is_left_behind() {
    let mut world = World::new();
    let contact = world.define(sync("contact", None)).await;
    *world.executor.is_deaf.lock().unwrap() = true;
    let mut worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let begun = world.begun().await;
    worker.shut_down();
    let ended = tokio::spawn(worker.ended());
    while !ended.is_finished() {
        world.pass(60);
        tokio::task::yield_now().await;
    }
    ended.await.unwrap();
    assert_eq!(world.run(&begun.run.id).await.status, RunStatus::Running);
}
