//! Several servers over one PostgreSQL, which counts leases by its own clock.

use std::collections::BTreeSet;
use std::time::Duration;

use syncline_core::{ErrorKind, RunStatus, RunType};
use syncline_scheduler::lease::LeaseTerms;
use syncline_scheduler::{Stop, Task};

use crate::syncs::{every, sync};
use crate::world::{Begun, End, World};

/// Short, because the database really waits.
const TERMS: LeaseTerms = LeaseTerms { ttl: Duration::from_millis(300), grace: Duration::from_millis(100) };
const LONG: LeaseTerms = LeaseTerms { ttl: Duration::from_secs(3_600), grace: Duration::from_secs(60) };

/// The next run that begins, with as many heartbeats until then as it takes.
async fn begun_in_time(world: &mut World) -> Begun {
    let clock = world.clock.clone();
    let beating = tokio::spawn(async move {
        loop {
            clock.advance(Duration::from_millis(50));
            tokio::task::yield_now().await;
        }
    });
    let begun = world.begun().await;
    beating.abort();
    begun
}

/// [G22]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_dead_worker_is_taken_over_when_its_lease_has_run_out() {
    let mut world = World::over_postgres().await;
    let contact = world.define(sync("contact", Some(every(900)))).await;
    let dies = world.work_with_leases(1, TERMS);
    let asked = world.trigger(&contact, RunType::Sync).await;
    let first = world.begun().await;
    drop(dies);
    let _lives = world.work_with_leases(1, TERMS);
    let mut second = begun_in_time(&mut world).await;
    assert_eq!((&second.run.id, second.task, second.run.takeovers), (&asked.id, Task::Recover, 1));
    assert!(second.run.epoch > first.run.epoch);
    assert_ne!(second.run.worker, first.run.worker);
    // Whatever the first one still does, the store does not take it [G21].
    let late = world.store.update_run(&world_run(&first)).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Fenced);
    world.end(&mut second, End::As(RunStatus::Failed)).await;
    assert!(world.due_at(&contact).await.is_some());
}

/// However often the state goes away: the run is not what brings its worker down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_its_own_worker_resumes_after_an_outage_is_not_given_up() {
    let mut world = World::over_postgres().await;
    let contact = world.define(sync("contact", Some(every(900)))).await;
    let _worker = world.work_with_leases(1, TERMS);
    let asked = world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    for end in [End::Unreachable, End::Lost, End::Unreachable, End::Lost] {
        begun.end(end);
        begun = begun_in_time(&mut world).await;
        assert_eq!((&begun.run.id, begun.task, begun.run.takeovers), (&asked.id, Task::Recover, 0));
    }
    // One that breaks off by itself may be what breaks it.
    begun.end(End::Panic);
    begun = begun_in_time(&mut world).await;
    assert_eq!((begun.task, begun.run.takeovers), (Task::Recover, 1));
}

fn world_run(begun: &Begun) -> syncline_core::Run {
    syncline_core::Run { status: RunStatus::Running, ..begun.run.clone() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_left_to_a_worker_that_lives() {
    let mut world = World::over_postgres().await;
    let contact = world.define(sync("contact", None)).await;
    let deal = world.define(sync("deal", None)).await;
    let _first = world.work_with_leases(1, LONG);
    world.trigger(&contact, RunType::Sync).await;
    let begun = world.begun().await;
    let _second = world.work_with_leases(1, LONG);
    for _ in 0..4 {
        world.pass(5);
    }
    world.trigger(&deal, RunType::Sync).await;
    assert_eq!(world.begun().await.run.sync_id, deal.id);
    assert_eq!(world.run(&begun.run.id).await.takeovers, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_suspended_past_its_lease_learns_that_its_run_is_lost() {
    let mut world = World::over_postgres().await;
    let contact = world.define(sync("contact", None)).await;
    let _suspended = world.work_with_leases(1, TERMS);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    // Its clock stands still, so it renews nothing while the database's clock goes on.
    let taken = async {
        loop {
            match world.store.take_over(&begun.run.id, "other", TERMS.ttl, TERMS.grace, true).await {
                Ok(run) => break run,
                Err(error) if error.kind == ErrorKind::Conflict => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(60), taken).await.expect("the lease runs out");
    world.pass(5);
    assert_eq!(begun.stopped().await, Stop::Lost);
    assert_eq!(world.run(&taken.id).await.worker.as_deref(), Some("other"));
}

/// [G23]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_what_waits_and_run_each_once() {
    let mut world = World::over_postgres().await;
    let mut asked = BTreeSet::new();
    for n in 0..20 {
        let record = world.define(sync(&format!("sync_{n}"), None)).await;
        for run_type in [RunType::Sync, RunType::OneTime] {
            asked.insert(world.trigger(&record, run_type).await.id);
        }
    }
    let _workers = [world.work_with_leases(4, LONG), world.work_with_leases(4, LONG)];
    let mut ran = BTreeSet::new();
    let mut workers = BTreeSet::new();
    while ran.len() < asked.len() {
        let mut begun = world.begun().await;
        assert!(ran.insert(begun.run.id.clone()), "each runs once");
        workers.extend(begun.run.worker.clone());
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
        world.signals.queued.notify_waiters();
        world.pass(5);
    }
    assert_eq!(ran, asked);
    assert_eq!(workers.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_timers_over_one_store_fire_each_run_once() {
    let world = World::over_postgres().await;
    let mut records = Vec::new();
    for n in 0..50 {
        records.push(world.define(sync(&format!("sync_{n}"), Some(every(60)))).await);
    }
    world.tick().await;
    world.pass(60);
    let twin = syncline_scheduler::Scheduler::new(
        world.successor.clone(),
        std::sync::Arc::new(world.successor.clone()),
        world.signals.clone(),
    );
    let (first, second) = tokio::join!(world.scheduler.tick(), twin.tick());
    first.unwrap();
    second.unwrap();
    for record in &records {
        assert_eq!(world.runs(record, &[RunStatus::Queued]).await.len(), 1);
        assert_eq!(world.runs(record, &[]).await.len(), 1);
    }
}
