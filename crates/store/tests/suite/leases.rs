use std::sync::Arc;
use std::time::Duration;

use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::{Claim, Claimed, FollowUp, Queue, Renewed, Use};

use crate::fixtures::*;
use crate::over_every_store;

over_every_store![
    a_claim_names_its_worker_and_starts_the_run,
    a_run_that_another_worker_has_is_busy,
    a_writer_is_busy_while_another_is_active,
    only_so_many_active_runs_use_one_thing,
    what_a_run_uses_is_free_when_it_ends_or_is_held,
    a_worker_learns_what_it_lost_and_what_shall_end,
    a_run_is_taken_over_under_a_new_epoch,
    only_active_runs_are_taken_over_from_a_worker,
    a_lease_that_runs_is_nobody_elses,
];

const MINUTE: Duration = Duration::from_secs(60);

async fn claim(store: &dyn Queue, name: &str, uses: &[(&str, Option<u32>)]) -> Claimed {
    let uses = uses.iter().map(|(name, runs_max)| Use { name: name.to_string(), runs_max: *runs_max });
    store.claim(&run_id(name), &Claim { uses: uses.collect(), ..claim_by("w1") }).await.unwrap()
}

#[track_caller]
fn busy(claimed: Claimed) -> String {
    match claimed {
        Claimed::Busy(reason) => reason,
        Claimed::Run(run) => panic!("{} was free", run.id),
    }
}

#[track_caller]
fn free(claimed: Claimed) -> Run {
    match claimed {
        Claimed::Run(run) => *run,
        Claimed::Busy(reason) => panic!("busy: {reason}"),
    }
}

async fn end(store: &dyn Queue, run: Run) {
    store.end_run(&Run { status: RunStatus::Failed, ..run }, &FollowUp::default()).await.unwrap();
}

async fn a_claim_names_its_worker_and_starts_the_run(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let run = free(claim(&*store, "a", &[]).await);
    assert_eq!((run.status, run.epoch, run.started_at), (RunStatus::Starting, 1, Some(at(1))));
    assert_eq!(run.worker.as_deref(), Some("w1"));
    assert_eq!(run_now(&*store, &run.id).await, run);
    enqueued(&*store, "test", "a", RunType::Test).await;
    assert_eq!(free(claim(&*store, "test", &[]).await).epoch, 1, "a test fences nobody");
}

async fn a_run_that_another_worker_has_is_busy(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Test).await;
    let run = free(claim(&*store, "a", &[]).await);
    assert!(busy(claim(&*store, "a", &[]).await).contains("starting"));
    end(&*store, run.clone()).await;
    assert!(busy(claim(&*store, "a", &[]).await).contains("failed"), "it was quick");
    assert_eq!(run_now(&*store, &run.id).await.epoch, run.epoch);
}

async fn a_writer_is_busy_while_another_is_active(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "first", "a", RunType::Sync).await;
    let first = free(claim(&*store, "first", &[]).await);
    enqueued(&*store, "second", "a", RunType::Replay).await;
    assert!(busy(claim(&*store, "second", &[]).await).contains("run_first"));
    end(&*store, first).await;
    assert_eq!(free(claim(&*store, "second", &[]).await).epoch, 2);
}

async fn only_so_many_active_runs_use_one_thing(store: Arc<dyn Queue>) {
    for sync in ["a", "b", "c", "d"] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, RunType::Sync).await;
    }
    free(claim(&*store, "a", &[("connection:crm", Some(2)), ("object:crm/contact", None)]).await);
    free(claim(&*store, "b", &[("connection:crm", Some(2))]).await);
    let reason =
        busy(claim(&*store, "c", &[("connection:other", Some(1)), ("connection:crm", Some(2))]).await);
    assert!(reason.contains("connection:crm"), "{reason}");
    assert_eq!(status_of(&*store, "c").await, RunStatus::Queued);
    // What it does not limit is counted for others all the same; what was refused is not counted.
    assert!(busy(claim(&*store, "c", &[("object:crm/contact", Some(1))]).await).contains("object"));
    free(claim(&*store, "c", &[("connection:crm", None), ("connection:other", Some(1))]).await);
    busy(claim(&*store, "d", &[("connection:crm", Some(3))]).await);
    free(claim(&*store, "d", &[("connection:crm", Some(4))]).await);
}

async fn what_a_run_uses_is_free_when_it_ends_or_is_held(store: Arc<dyn Queue>) {
    let one = [("connection:crm", Some(1))];
    for sync in ["a", "b", "c", "d"] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, RunType::Sync).await;
    }
    let a = free(claim(&*store, "a", &one).await);
    busy(claim(&*store, "b", &one).await);
    end(&*store, a).await;

    let mut b = free(claim(&*store, "b", &one).await);
    busy(claim(&*store, "c", &one).await);
    b.status = RunStatus::Running;
    b.base_generation = Some(0);
    store.update_run(&b).await.unwrap();
    busy(claim(&*store, "c", &one).await);
    store.commit(&ending(&b)).await.unwrap();

    let c = Run { status: RunStatus::Running, ..free(claim(&*store, "c", &one).await) };
    store.update_run(&c).await.unwrap();
    store.end_run(&Run { status: RunStatus::Held, ..c }, &FollowUp::default()).await.unwrap();
    free(claim(&*store, "d", &one).await);
}

async fn a_worker_learns_what_it_lost_and_what_shall_end(store: Arc<dyn Queue>) {
    let mut held = Vec::new();
    for sync in ["fine", "lost", "ended", "unwanted"] {
        ensure(&*store, sync).await;
        enqueued(&*store, sync, sync, RunType::Sync).await;
        let run = taken(&*store, &run_id(sync)).await;
        held.push((run.id.clone(), run.epoch));
    }
    held.push((run_id("absent"), 1));
    store.reclaim_run(&run_id("lost")).await.unwrap();
    end(&*store, run_now(&*store, &run_id("ended")).await).await;
    store.request_cancel(&run_id("unwanted"), &FollowUp::default(), at(5)).await.unwrap();
    let expected = Renewed {
        lost: vec![run_id("lost"), run_id("ended"), run_id("absent")],
        cancelled: vec![run_id("unwanted")],
    };
    assert_eq!(store.renew("w1", &held, MINUTE).await.unwrap(), expected);
    assert_eq!(store.renew("w1", &held, MINUTE).await.unwrap(), expected, "it is told until it ends");
    assert_eq!(store.renew("w2", &held[..1], MINUTE).await.unwrap().lost, [run_id("fine")]);
}

async fn a_run_is_taken_over_under_a_new_epoch(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let claim = Claim { ttl: Duration::ZERO, ..claim_by("w1") };
    let old = free(store.claim(&run_id("a"), &claim).await.unwrap());
    store.request_cancel(&old.id, &FollowUp::default(), at(5)).await.unwrap();
    let new = store.take_over(&old.id, "w2", MINUTE, Duration::ZERO, true).await.unwrap();
    let expected = Run { epoch: old.epoch + 1, worker: Some("w2".into()), takeovers: 1, ..old.clone() };
    assert_eq!(new, expected);
    assert_eq!(run_now(&*store, &old.id).await, new);
    refused(store.update_run(&Run { status: RunStatus::Running, ..old.clone() }).await, ErrorKind::Fenced);
    assert_eq!(store.renew("w1", &[(old.id.clone(), old.epoch)], MINUTE).await.unwrap().lost, [old.id]);
    let renewed = store.renew("w2", &[(new.id.clone(), new.epoch)], MINUTE).await.unwrap();
    assert_eq!(renewed, Renewed { lost: vec![], cancelled: vec![new.id] }, "the wish stands");
}

async fn only_active_runs_are_taken_over_from_a_worker(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    let zero = Duration::ZERO;
    refused(store.take_over(&run_id("a"), "w2", MINUTE, zero, true).await, ErrorKind::Conflict);
    end(&*store, taken(&*store, &run_id("a")).await).await;
    refused(store.take_over(&run_id("a"), "w2", MINUTE, zero, true).await, ErrorKind::Conflict);
}

/// An embedded store never has one that ran out; a server's has not, in a minute.
async fn a_lease_that_runs_is_nobody_elses(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    enqueued(&*store, "a", "a", RunType::Sync).await;
    taken(&*store, &run_id("a")).await;
    assert!(store.expired_leases(Duration::ZERO).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_on_a_server_runs_out_unless_it_is_renewed() {
    let opened = crate::stores::postgres().await;
    let store = opened.store.as_ref();
    for sync in ["a", "b"] {
        ensure(store, sync).await;
        enqueued(store, sync, sync, RunType::Sync).await;
    }
    let short = Claim { ttl: Duration::ZERO, ..claim_by("w1") };
    let run = free(store.claim(&run_id("a"), &short).await.unwrap());
    let held = [(run.id.clone(), run.epoch)];
    assert_eq!(store.expired_leases(Duration::ZERO).await.unwrap(), std::slice::from_ref(&run));
    assert!(store.expired_leases(MINUTE).await.unwrap().is_empty(), "its grace has not run out");
    refused(store.take_over(&run.id, "w2", MINUTE, MINUTE, true).await, ErrorKind::Conflict);

    assert_eq!(store.renew("w1", &held, MINUTE).await.unwrap(), Renewed::default());
    assert!(store.expired_leases(Duration::ZERO).await.unwrap().is_empty());
    refused(store.take_over(&run.id, "w2", MINUTE, Duration::ZERO, true).await, ErrorKind::Conflict);

    store.renew("w1", &held, Duration::ZERO).await.unwrap();
    let taken = store.take_over(&run.id, "w2", MINUTE, Duration::ZERO, true).await.unwrap();
    assert!(store.expired_leases(Duration::ZERO).await.unwrap().is_empty());
    assert_eq!(store.renew("w1", &held, MINUTE).await.unwrap().lost, [run.id]);
    end(store, taken).await;
    free(store.claim(&run_id("b"), &short).await.unwrap());
    assert_eq!(store.expired_leases(Duration::ZERO).await.unwrap().len(), 1, "what ended has no lease");
}
