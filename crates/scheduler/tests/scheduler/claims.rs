//! What a worker takes, how much of it, and what it passes over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use syncline_core::{RunStatus, RunType, SyncId};
use syncline_scheduler::lease::LeaseTerms;
use syncline_scheduler::{Clock, Stop};
use syncline_store::{SyncRecord, Use};

use crate::syncs::{id, sync};
use crate::world::{Begun, End, START, World};

fn uses(world: &World, sync: &SyncRecord, names: &[(&str, Option<u32>)]) {
    let uses = names.iter().map(|(name, runs_max)| Use { name: name.to_string(), runs_max: *runs_max });
    world.executor.uses.lock().unwrap().insert(sync.id.clone(), Some(uses.collect()));
}

async fn define(world: &World, count: usize) -> Vec<SyncRecord> {
    let mut records = Vec::new();
    for n in 0..count {
        records.push(world.define(sync(&format!("sync_{n}"), None)).await);
    }
    records
}

async fn begin(world: &mut World, count: usize) -> Vec<Begun> {
    let mut begun = Vec::new();
    for _ in 0..count {
        begun.push(world.begun().await);
    }
    begun
}

async fn active(world: &World, records: &[SyncRecord]) -> usize {
    let mut active = 0;
    for record in records {
        active += world.runs(record, &[RunStatus::Starting, RunStatus::Running]).await.len();
    }
    active
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_runs_as_many_as_it_has_slots_and_goes_on_as_they_end() {
    let mut world = World::new();
    let records = define(&world, 8).await;
    for record in &records {
        world.trigger(record, RunType::Sync).await;
    }
    let _worker = world.work(3);
    let mut seen = BTreeSet::new();
    let mut running = begin(&mut world, 3).await;
    for left in (0..8).rev() {
        assert!(active(&world, &records).await <= 3);
        let mut done = running.remove(0);
        seen.insert(done.run.sync_id.clone());
        world.end(&mut done, End::As(RunStatus::Completed)).await;
        if left > 2 {
            running.push(world.begun().await);
        }
    }
    assert_eq!(seen.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_takes_as_many_runs_as_it_may_and_others_go_past() {
    let mut world = World::new();
    let records = define(&world, 6).await;
    for record in &records[..5] {
        uses(&world, record, &[("connection:crm", Some(2)), ("connection:warehouse", None)]);
        world.trigger(record, RunType::Sync).await;
    }
    uses(&world, &records[5], &[("connection:files", Some(1))]);
    world.trigger(&records[5], RunType::Sync).await;
    let _worker = world.work(10);
    let mut begun = begin(&mut world, 3).await;
    let names: BTreeSet<SyncId> = begun.iter().map(|begun| begun.run.sync_id.clone()).collect();
    assert!(names.contains(&id("sync_5")), "{names:?}");
    assert_eq!(active(&world, &records[..5]).await, 2);
    for _ in 0..3 {
        let place = begun.iter().position(|begun| begun.run.sync_id != id("sync_5")).unwrap();
        let mut done = begun.remove(place);
        world.end(&mut done, End::As(RunStatus::Completed)).await;
        begun.push(world.begun().await);
        assert_eq!(active(&world, &records[..5]).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_the_room_that_a_connection_has() {
    let mut world = World::over_postgres().await;
    let records = define(&world, 4).await;
    for record in &records {
        uses(&world, record, &[("connection:crm", Some(1))]);
        world.trigger(record, RunType::Sync).await;
    }
    let terms = LeaseTerms::of(Duration::from_secs(3_600));
    let _workers = [world.work_with_leases(4, terms), world.work_with_leases(4, terms)];
    for _ in 0..4 {
        let mut begun = world.begun().await;
        assert_eq!(active(&world, &records).await, 1);
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
        // What the other worker freed is noticed after a while.
        world.pass(20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_this_process_cannot_run_are_left_to_others() {
    let mut world = World::new();
    let records = define(&world, 2).await;
    world.executor.uses.lock().unwrap().insert(records[0].id.clone(), None);
    let foreign = world.trigger(&records[0], RunType::Sync).await;
    world.trigger(&records[1], RunType::Sync).await;
    let _worker = world.work(4);
    assert_eq!(world.begun().await.run.sync_id, records[1].id);
    assert_eq!(world.run(&foreign.id).await.status, RunStatus::Queued);
    // Its secret was given.
    world.executor.uses.lock().unwrap().remove(&records[0].id);
    for _ in 0..4 {
        world.pass(5);
    }
    assert_eq!(world.begun().await.run.id, foreign.id);
}

/// [G23]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_racing_triggers_one_run_at_a_time_is_active() {
    const TRIGGERS: usize = 1_000;
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    let _workers = [world.work(8), world.work(8)];
    let mut triggers = tokio::task::JoinSet::new();
    for n in 0..TRIGGERS {
        let run_type = [RunType::Sync, RunType::OneTime, RunType::Seed][n % 3];
        let (store, request) = (world.store.clone(), world.request(&contact, run_type));
        let signals = Arc::clone(&world.signals);
        triggers.spawn(async move {
            let queued = store.enqueue(&request).await.unwrap();
            signals.queued.notify_one();
            queued.run.id
        });
    }
    let asked: BTreeSet<_> = triggers.join_all().await.into_iter().collect();
    let mut ran = BTreeSet::new();
    while ran.len() < asked.len() {
        let mut begun = world.begun().await;
        assert_eq!(active(&world, std::slice::from_ref(&contact)).await, 1);
        assert!(ran.insert(begun.run.id.clone()), "each runs once");
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
        world.signals.queued.notify_one();
    }
    assert_eq!(ran, asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_run_beside_the_run_that_writes() {
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    uses(&world, &contact, &[("object:crm/contact", Some(1)), ("connection:crm", Some(2))]);
    let _worker = world.work(4);
    for run_type in [RunType::Sync, RunType::Test] {
        world.trigger(&contact, run_type).await;
        assert_eq!(world.begun().await.run.run_type, run_type);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_to_cancel_reaches_a_run_at_once() {
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    world.store.request_cancel(&begun.run.id, &Default::default(), world.clock_now()).await.unwrap();
    world.signals.cancelled.notify_one();
    assert_eq!(begun.stopped().await, Stop::Cancelled);
    world.when(&begun.run.id, |run| run.status == RunStatus::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_that_another_process_noted_reaches_a_run_with_the_next_heartbeat() {
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    world.store.request_cancel(&begun.run.id, &Default::default(), world.clock_now()).await.unwrap();
    world.pass(5);
    assert_eq!(begun.stopped().await, Stop::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_lasts_from_when_its_renewal_was_sent() {
    let terms = LeaseTerms { ttl: Duration::from_secs(90), grace: Duration::from_secs(30) };
    let mut world = World::starting(START);
    let contact = define(&world, 1).await.remove(0);
    let _worker = world.work_with_leases(1, terms);
    world.trigger(&contact, RunType::Sync).await;
    let begun = world.begun().await;
    let claimed_at = world.clock.instant();
    assert_eq!(begun.held_until(), Some(claimed_at + terms.ttl - terms.grace));
    world.pass(5);
    let renewed = async {
        while begun.held_until() != Some(claimed_at + Duration::from_secs(5) + terms.ttl - terms.grace) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), renewed).await.expect("it is renewed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_store_has_no_lease_to_lose() {
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    assert_eq!(world.begun().await.held_until(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_another_worker_took_is_told_that_it_is_lost() {
    let mut world = World::new();
    let contact = define(&world, 1).await.remove(0);
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    let taken = world.store.reclaim_run(&begun.run.id).await.unwrap();
    world.pass(5);
    assert_eq!(begun.stopped().await, Stop::Lost);
    // The slot is free again, and the run is as its new holder left it.
    world.trigger(&contact, RunType::Test).await;
    assert_eq!(world.begun().await.run.run_type, RunType::Test);
    assert_eq!(world.run(&taken.id).await, taken);
}
