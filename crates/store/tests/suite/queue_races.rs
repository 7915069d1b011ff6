use std::collections::BTreeSet;
use std::sync::Arc;

use syncline_core::{ErrorKind, Run, RunStatus, RunType, Trigger};
use syncline_store::{Claimed, FollowUp, QUEUED_PER_SYNC_MAX, Queue};

use crate::fixtures::*;
use crate::over_every_store;
use crate::races::at_once;

over_every_store![
    a_thousand_triggers_leave_a_line_of_sixteen_and_one_active_run,
    of_many_workers_each_run_goes_to_one_and_in_order,
    of_many_ends_and_activations_one_fire_remains,
];

/// G23.
async fn a_thousand_triggers_leave_a_line_of_sixteen_and_one_active_run(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    let triggers = [Trigger::Schedule, Trigger::Api, Trigger::Cli];
    let enqueues = (0..1_000_u32).map(|n| {
        let store = store.clone();
        let mut run = new_run(&n.to_string(), "a", RunType::Sync);
        run.trigger = triggers[n as usize % 3];
        // Two of three ask for one of ten things, the others for something of their own.
        run.options.max_entities = Some(u64::from(if n % 3 == 2 { 100 + n } else { n % 10 }));
        async move {
            let enqueued = store.enqueue(&run).await;
            for candidate in store.candidates(1, &[]).await.unwrap() {
                store.claim(&candidate.run_id, &claim_by(&n.to_string())).await.unwrap();
            }
            enqueued
        }
    });
    let results = at_once(enqueues).await;
    let queued = names(&*store, "a", RunStatus::Queued).await;
    let active = names(&*store, "a", RunStatus::Starting).await;
    assert!(queued.len() as u64 <= QUEUED_PER_SYNC_MAX, "{queued:?}");
    assert_eq!(active.len(), 1);
    let mut made = BTreeSet::new();
    for result in results {
        match result {
            Ok(enqueued) if enqueued.joined => {}
            Ok(enqueued) => assert!(made.insert(enqueued.run.id), "a run was made twice"),
            Err(e) => assert_eq!(e.kind, ErrorKind::QueueFull),
        }
    }
    let there: BTreeSet<_> = queued.iter().chain(&active).map(|name| run_id(name)).collect();
    assert_eq!(made, there, "what was answered is there, and nothing else");
}

async fn of_many_workers_each_run_goes_to_one_and_in_order(store: Arc<dyn Queue>) {
    for sync in ["a", "b", "c"] {
        ensure(&*store, sync).await;
        for n in 0..6 {
            enqueued(&*store, &format!("{sync}{n}"), sync, RunType::Sync).await;
        }
    }
    let workers = (0..8).map(|worker| {
        let store = store.clone();
        async move {
            let mut done = Vec::new();
            loop {
                let candidates = store.candidates(2, &[]).await.unwrap();
                for candidate in &candidates {
                    let claim = claim_by(&worker.to_string());
                    if let Claimed::Run(run) = store.claim(&candidate.run_id, &claim).await.unwrap() {
                        assert_eq!(run.worker, Some(worker.to_string()));
                        let ended = Run { status: RunStatus::Failed, ..*run };
                        store.end_run(&ended, &FollowUp::default()).await.unwrap();
                        done.push(ended);
                    }
                }
                let waits = store.run_counts_queued().await;
                if candidates.is_empty() && waits == 0 {
                    return done;
                }
            }
        }
    });
    let mut done: Vec<Run> = at_once(workers).await.into_iter().flatten().collect();
    assert_eq!(done.len(), 18);
    done.sort_by_key(|run| (run.sync_id.clone(), run.epoch));
    let names: Vec<_> = done.iter().map(|run| run.id.as_str().replacen("run_", "", 1)).collect();
    let expected: Vec<_> =
        ["a", "b", "c"].iter().flat_map(|s| (0..6).map(move |n| format!("{s}{n}"))).collect();
    assert_eq!(names, expected, "a later run has a greater epoch");
}

/// How many runs of all syncs wait.
trait Waiting {
    async fn run_counts_queued(&self) -> u64;
}

impl Waiting for Arc<dyn Queue> {
    async fn run_counts_queued(&self) -> u64 {
        let filter = syncline_store::RunFilter { statuses: vec![RunStatus::Queued], ..Default::default() };
        self.runs(&filter, ALL).await.unwrap().1
    }
}

async fn of_many_ends_and_activations_one_fire_remains(store: Arc<dyn Queue>) {
    ensure(&*store, "a").await;
    for n in 0..20 {
        enqueued(&*store, &n.to_string(), "a", RunType::Test).await;
        if n < 19 {
            taken(&*store, &run_id(&n.to_string())).await;
        }
        if n == 15 {
            break;
        }
    }
    let changes = (0..40_i64).map(|n| {
        let store = store.clone();
        async move {
            let next = fire_at(&format!("next{n}"), "a", 1_000 + n % 7);
            match n % 3 {
                0 => reschedule(&*store, "a", Some(&next)).await.unwrap(),
                1 => {
                    let state = syncline_store::SyncState::Active;
                    store.set_activation(&uid("a"), &state, Some(&next), at(1)).await.unwrap();
                }
                _ => {
                    let Some(run) = store.run(&run_id(&(n / 3).to_string())).await.unwrap() else { return };
                    let follow = FollowUp { next: Some(next), ..FollowUp::default() };
                    store.end_run(&Run { status: RunStatus::Failed, ..run }, &follow).await.unwrap();
                }
            }
        }
    });
    at_once(changes).await;
    assert_eq!(names(&*store, "a", RunStatus::Scheduled).await.len(), 1);
}
