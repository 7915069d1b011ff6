//! When runs happen, and what is made of those that cannot.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use syncline_core::{EndReason, Run, RunStatus, RunType, Trigger};
use syncline_scheduler::{Clock, Scheduler, Successor};

use crate::syncs::{after, at, cron, every, id, skipping, sync};
use crate::world::{End, START, World};

fn ends(run: &Run) -> (RunStatus, Option<EndReason>) {
    (run.status, run.end_reason)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_active_sync_is_scheduled_fires_when_it_is_due_and_again_after_its_end() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    let scheduled = world.scheduled(&contact).await.unwrap();
    assert_eq!(scheduled.run_at, Some(at("2026-01-01T00:15:00Z")));
    assert_eq!((scheduled.run_type, scheduled.trigger), (RunType::Sync, Trigger::Schedule));

    world.pass(899);
    world.tick().await;
    assert_eq!(world.run(&scheduled.id).await.status, RunStatus::Scheduled);
    world.pass(1);
    world.tick().await;
    assert_eq!(world.run(&scheduled.id).await.status, RunStatus::Queued);

    let _worker = world.work(1);
    let mut begun = world.begun().await;
    assert_eq!(begun.run.id, scheduled.id);
    assert_eq!(world.scheduled(&contact).await, None);
    world.pass(100);
    world.end(&mut begun, End::As(RunStatus::Completed)).await;
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T00:30:00Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_fire_is_there_whatever_status_a_run_ends_in() {
    use RunStatus::*;
    for status in [Completed, Failed, SourceFailure, Cancelled] {
        let mut world = World::new();
        let contact = world.define(sync("contact", Some(every(20)))).await;
        world.tick().await;
        world.pass(20);
        world.tick().await;
        let _worker = world.work(1);
        let mut begun = world.begun().await;
        world.end(&mut begun, End::As(status)).await;
        assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T00:00:40Z")), "{status:?}");
    }
    // Cancelled before it started, and before it was due.
    let world = World::new();
    let contact = world.define(sync("contact", Some(every(20)))).await;
    world.tick().await;
    for expected in ["2026-01-01T00:00:40Z", "2026-01-01T00:01:00Z"] {
        let mut run = world.scheduled(&contact).await.unwrap();
        run.status = RunStatus::NotRun;
        let follow = syncline_scheduler::FollowUps::follow_up(&world.successor, &run, None).await.unwrap();
        let ended = world.store.request_cancel(&run.id, &follow, world.clock_now()).await.unwrap();
        assert_eq!(ends(&ended), (RunStatus::NotRun, Some(EndReason::Cancelled)));
        assert_eq!(world.due_at(&contact).await, Some(at(expected)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_downtime_is_made_up_for_by_one_run() {
    let mut world = World::new();
    let hourly = world.define(sync("contact", Some(every(3_600)))).await;
    let daily = world.define(sync("deal", Some(cron("0 6 * * *", "Europe/Berlin")))).await;
    world.tick().await;
    world.pass(24 * 3_600 + 100);
    // A new server over the same state.
    world.scheduler.definitions_changed().await.unwrap();
    world.tick().await;
    world.tick().await;
    for sync in [&hourly, &daily] {
        assert_eq!(world.runs(sync, &[RunStatus::Queued]).await.len(), 1);
        assert_eq!(world.runs(sync, &[]).await.len(), 1);
    }
    let _worker = world.work(2);
    for _ in 0..2 {
        let mut begun = world.begun().await;
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
    }
    assert_eq!(world.due_at(&hourly).await, Some(at("2026-01-02T01:00:00Z")));
    assert_eq!(world.due_at(&daily).await, Some(at("2026-01-02T05:00:00Z")));
}

/// [G20]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_put_forward_or_back_neither_skip_nor_double_a_fire() {
    for (start, expected) in [
        ("2025-03-28T12:00:00Z", ["2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"]),
        ("2025-10-24T12:00:00Z", ["2025-10-25T00:30:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"]),
    ] {
        let mut world = World::starting(start);
        world.define(sync("contact", Some(cron("30 2 * * *", "Europe/Berlin")))).await;
        let _worker = world.work(1);
        let mut fired: Vec<Timestamp> = Vec::new();
        let until = world.clock_now() + SignedDuration::from_hours(3 * 24);
        while world.clock_now() < until {
            world.tick().await;
            if let Ok(Some(due)) = world.store.next_due().await {
                world.clock.set(due.min(until));
            } else {
                let mut begun = world.begun().await;
                fired.push(world.clock_now());
                world.end(&mut begun, End::As(RunStatus::Completed)).await;
            }
        }
        assert_eq!(fired, expected.map(at));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_while_another_run_is_active_waits_or_is_left_out_as_the_sync_says() {
    let mut world = World::new();
    let waits = world.define(sync("contact", Some(every(900)))).await;
    let skips = world.define(sync("deal", Some(skipping(every(900))))).await;
    world.tick().await;
    let _worker = world.work(2);
    let mut seeds = Vec::new();
    for sync in [&waits, &skips] {
        world.trigger(sync, RunType::Seed).await;
        seeds.push(world.begun().await);
    }
    let (first, second) = (world.scheduled(&waits).await.unwrap(), world.scheduled(&skips).await.unwrap());
    world.pass(900);
    world.tick().await;
    assert_eq!(world.run(&first.id).await.status, RunStatus::Queued);
    assert_eq!(ends(&world.run(&second.id).await), (RunStatus::NotRun, Some(EndReason::Overlap)));
    assert_eq!(world.due_at(&skips).await, Some(at("2026-01-01T00:30:00Z")));
    for seed in &mut seeds {
        world.end(seed, End::As(RunStatus::Completed)).await;
    }
    assert_eq!(world.begun().await.run.id, first.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_that_comes_during_the_run_before_it_happens_at_its_end() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    world.pass(900);
    world.tick().await;
    let _worker = world.work(1);
    let mut begun = world.begun().await;
    world.pass(3_000);
    world.end(&mut begun, End::As(RunStatus::Completed)).await;
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T00:30:00Z")));
    world.tick().await;
    let mut late = world.begun().await;
    world.end(&mut late, End::As(RunStatus::Completed)).await;
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T01:15:00Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fires_that_find_a_held_run_do_not_run_and_can_be_seen() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(900)))).await;
    world.tick().await;
    world.pass(900);
    world.tick().await;
    let _worker = world.work(1);
    let mut begun = world.begun().await;
    world.end(&mut begun, End::As(RunStatus::Held)).await;
    for _ in 0..3 {
        world.pass(900);
        world.tick().await;
    }
    let not_run = world.runs(&contact, &[RunStatus::NotRun]).await;
    assert_eq!(not_run.len(), 3);
    assert!(not_run.iter().all(|run| run.end_reason == Some(EndReason::Held)));
    assert_eq!(world.runs(&contact, &[RunStatus::Queued]).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_run_expires_after_a_week_and_the_next_fire_is_there() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(cron("0 6 * * *", "UTC")))).await;
    let _worker = world.work(1);
    world.trigger(&contact, RunType::Sync).await;
    let mut begun = world.begun().await;
    let held = world.end(&mut begun, End::As(RunStatus::Held)).await;
    world.pass(7 * 24 * 3_600);
    world.tick().await;
    assert_eq!(world.run(&held.id).await.status, RunStatus::Held);
    world.pass(61);
    world.tick().await;
    let expired = world.run(&held.id).await;
    assert_eq!(ends(&expired), (RunStatus::Cancelled, Some(EndReason::Expired)));
    assert_eq!(expired.error.unwrap().code, "cancelled");
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-08T06:00:00Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_of_any_type_can_be_asked_for_at_a_time() {
    let mut world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let _worker = world.work(4);
    for run_type in [RunType::Sync, RunType::OneTime, RunType::Test, RunType::Seed] {
        let run_at = Some(world.clock_now() + SignedDuration::from_secs(60));
        let asked = Run { run_at, ..world.request(&contact, run_type) };
        let asked = world.store.enqueue(&asked).await.unwrap().run;
        world.tick().await;
        assert_eq!(world.run(&asked.id).await.status, RunStatus::Scheduled, "{run_type:?}");
        world.pass(60);
        world.tick().await;
        let mut begun = world.begun().await;
        assert_eq!(begun.run.id, asked.id);
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reconciler_schedules_within_a_minute_what_lost_its_next_run() {
    let world = World::new();
    let contact = world.define(sync("contact", Some(every(3_600)))).await;
    let behind = world.define(sync("deal", Some(after("contact")))).await;
    world.tick().await;
    world.store.reschedule(&[(contact.uid.clone(), None)]).await.unwrap();
    world.pass(59);
    world.tick().await;
    assert_eq!(world.scheduled(&contact).await, None);
    world.pass(1);
    world.tick().await;
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T01:01:00Z")));
    assert_eq!(world.scheduled(&behind).await, None);
    world.pass(60);
    world.tick().await;
    assert_eq!(world.due_at(&contact).await, Some(at("2026-01-01T01:01:00Z")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_syncs_each_gets_its_own_next_run() {
    let world = World::new();
    let mut syncs = Vec::new();
    for n in 0..230_u64 {
        let name = format!("s{n}");
        let schedule = match n % 23 {
            21 => None,
            22 => Some(after("s0")),
            _ => Some(every(1_000 + n)),
        };
        syncs.push((n, world.define(sync(&name, schedule)).await));
    }
    world.tick().await;
    let own = |n: u64, seconds: u64| {
        (n % 23 < 21).then(|| world.clock_now() + SignedDuration::from_secs(seconds as i64))
    };
    for (n, record) in &syncs {
        assert_eq!(world.due_at(record).await, own(*n, 1_000 + n), "{n}");
    }
    for (n, _) in syncs.iter().filter(|(n, _)| n % 23 < 21) {
        world.table.put(sync(&format!("s{n}"), Some(every(60 + n))));
    }
    world.scheduler.definitions_changed().await.unwrap();
    for (n, record) in &syncs {
        assert_eq!(world.due_at(record).await, own(*n, 60 + n), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_schedule_moves_the_next_run() {
    let world = World::new();
    let contact = world.define(sync("contact", Some(cron("0 6 * * *", "UTC")))).await;
    let same = world.define(sync("deal", Some(cron("0 6 * * *", "UTC")))).await;
    world.tick().await;
    let kept = world.scheduled(&same).await;
    for (schedule, expected) in [
        (Some(cron("0 6 * * *", "Asia/Kathmandu")), Some("2026-01-01T00:15:00Z")),
        (Some(every(600)), Some("2026-01-01T00:10:00Z")),
        (Some(after("deal")), None),
        (Some(every(60)), Some("2026-01-01T00:01:00Z")),
        (None, None),
    ] {
        world.table.put(sync("contact", schedule));
        world.scheduler.definitions_changed().await.unwrap();
        assert_eq!(world.due_at(&contact).await, expected.map(at));
    }
    assert_eq!(world.scheduled(&same).await, kept);
    assert_eq!(contact.id, id("contact"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_says_when_the_next_run_is_due_and_looks_around_before_that() {
    let world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let mut expected = Vec::new();
    for milliseconds in [1, 900, 4_000, 60_000] {
        let run_at = world.clock_now() + SignedDuration::from_millis(milliseconds);
        let asked = Run { run_at: Some(run_at), ..world.request(&contact, RunType::OneTime) };
        world.store.enqueue(&asked).await.unwrap();
        expected.push(run_at);
    }
    let start = world.clock_now();
    assert_eq!(world.tick().await, expected[0]);
    world.clock.set(expected[0]);
    assert_eq!(world.tick().await, expected[1]);
    world.clock.set(expected[2]);
    assert_eq!(world.tick().await, expected[2] + SignedDuration::from_secs(5));
    world.clock.set(expected[3] - SignedDuration::from_secs(2));
    assert_eq!(world.tick().await, expected[3]);
    assert_eq!(expected[3], start + SignedDuration::from_secs(60));
}

/// Time goes on by a second whenever somebody looks.
struct Creeping(AtomicI64);

#[async_trait]
impl Clock for Creeping {
    fn now(&self) -> Timestamp {
        at(START) + SignedDuration::from_secs(self.0.fetch_add(1, Ordering::SeqCst))
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    async fn sleep_until(&self, _at: Timestamp) {}

    async fn sleep(&self, _duration: Duration) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_becomes_due_during_a_pass_does_not_wait_for_the_next_look_around() {
    let world = World::new();
    let contact = world.define(sync("contact", None)).await;
    let clock = Arc::new(Creeping(AtomicI64::new(0)));
    let successor = Successor { clock, ..world.successor.clone() };
    let scheduler = Scheduler::new(successor.clone(), Arc::new(successor), world.signals.clone());
    let run_at = at(START) + SignedDuration::from_millis(500);
    let asked = Run { run_at: Some(run_at), ..world.request(&contact, RunType::OneTime) };
    world.store.enqueue(&asked).await.unwrap();
    assert_eq!(scheduler.tick().await.unwrap(), run_at);
    scheduler.tick().await.unwrap();
    assert_eq!(world.run(&asked.id).await.status, RunStatus::Queued);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_timer_sleeps_until_something_is_due_or_it_is_told_of_something_new() {
    let mut world = World::new();
    let contact = world.define(sync("contact", Some(every(3_600)))).await;
    let scheduler = world.scheduler.clone();
    let timer = tokio::spawn(async move { scheduler.run(std::future::pending()).await });
    let _worker = world.work(1);
    let run_at = Some(world.clock_now() + SignedDuration::from_secs(1));
    let soon = Run { run_at, ..world.request(&contact, RunType::OneTime) };
    world.store.enqueue(&soon).await.unwrap();
    world.signals.scheduled.notify_one();
    world.pass(1);
    assert_eq!(world.begun().await.run.id, soon.id);
    timer.abort();
}
