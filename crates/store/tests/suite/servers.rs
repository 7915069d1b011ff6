//! Two servers over one state: each has connections of its own, and neither knows of the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::{
    AuditEntry, AuditFilter, Catalog, ChunkState, Claimed, PostgresStore, QUEUED_PER_SYNC_MAX,
};

use crate::fixtures::*;
use crate::races::at_once;
use crate::stores;

const TASKS: u32 = 60;

async fn two() -> [Arc<dyn Catalog>; 2] {
    let address = stores::new_schema();
    [
        Arc::new(PostgresStore::open(&address).await.unwrap()),
        Arc::new(PostgresStore::open(&address).await.unwrap()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_two_servers_exactly_one_wins() {
    let servers = two().await;
    ensure(&*servers[0], "contact").await;
    for n in 0..TASKS {
        queued(&*servers[0], &n.to_string(), "contact", RunType::Sync).await;
    }
    let claims = (0..TASKS).map(|n| {
        let store = servers[n as usize % 2].clone();
        async move { store.claim_run(&run_id(&n.to_string()), at(1)).await }
    });
    let (won, lost): (Vec<_>, Vec<_>) = at_once(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    assert!(lost.into_iter().all(|r| r.unwrap_err().kind == ErrorKind::Conflict));
}

/// G23.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_at_two_servers_meet_in_one_line() {
    let servers = two().await;
    ensure(&*servers[0], "a").await;
    let enqueues = (0..5 * TASKS).map(|n| {
        let store = servers[n as usize % 2].clone();
        let mut run = new_run(&n.to_string(), "a", RunType::Sync);
        run.options.max_entities = Some(u64::from(n % 25));
        async move {
            let enqueued = store.enqueue(&run).await;
            for candidate in store.candidates(1, &[]).await.unwrap() {
                store.claim(&candidate.run_id, &claim_by(&n.to_string())).await.unwrap();
            }
            enqueued
        }
    });
    let mut made = BTreeSet::new();
    for result in at_once(enqueues).await {
        match result {
            Ok(enqueued) if enqueued.joined => {}
            Ok(enqueued) => assert!(made.insert(enqueued.run.id), "a run was made twice"),
            Err(e) => assert_eq!(e.kind, ErrorKind::QueueFull, "{e}"),
        }
    }
    let queued = names(&*servers[1], "a", RunStatus::Queued).await;
    let active = names(&*servers[1], "a", RunStatus::Starting).await;
    assert!(queued.len() as u64 <= QUEUED_PER_SYNC_MAX, "{queued:?}");
    assert_eq!(active.len(), 1);
    let there: BTreeSet<_> = queued.iter().chain(&active).map(|name| run_id(name)).collect();
    assert_eq!(made, there, "what was answered is there, and nothing else");
}

/// G21.
#[tokio::test]
async fn a_server_that_lost_its_run_to_another_writes_nothing_late() {
    let [old, new] = two().await;
    ensure(&*old, "contact").await;
    enqueued(&*old, "a", "contact", RunType::Sync).await;
    let mut claim = claim_by("old");
    claim.ttl = Duration::ZERO;
    let Claimed::Run(run) = old.claim(&run_id("a"), &claim).await.unwrap() else { panic!("it is free") };
    let run = Run { status: RunStatus::Running, base_generation: Some(0), ..*run };
    old.update_run(&run).await.unwrap();
    save_plan(&*old, &run, 1).await;

    let [expired] = &new.expired_leases(Duration::ZERO).await.unwrap()[..] else {
        panic!("its lease ran out")
    };
    assert_eq!(expired.id, run.id);
    let taken = new.take_over(&run.id, "new", Duration::from_secs(60), Duration::ZERO, true).await.unwrap();
    assert!(taken.epoch > run.epoch);
    refused(
        old.take_over(&run.id, "old", Duration::from_secs(60), Duration::ZERO, true).await,
        ErrorKind::Conflict,
    );

    refused(old.update_run(&run).await, ErrorKind::Fenced);
    refused(set_chunk(&*old, &run, 0, ChunkState::Sending).await, ErrorKind::Fenced);
    refused(old.stage_letters(&run.id, run.epoch, &[letter(&run, "1", b"k")]).await, ErrorKind::Fenced);
    refused(old.commit(&ending_with_generation(&run)).await, ErrorKind::Fenced);
    let renewed = old.renew("old", &[(run.id.clone(), run.epoch)], Duration::from_secs(60)).await.unwrap();
    assert_eq!(renewed.lost, std::slice::from_ref(&run.id));

    set_chunk(&*new, &taken, 0, ChunkState::Sending).await.unwrap();
    set_chunk(&*new, &taken, 0, ChunkState::Settled).await.unwrap();
    new.commit(&ending_with_generation(&taken)).await.unwrap();
    assert_eq!(sync_now(&*old, "contact").await.generation, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_at_two_servers_see_the_same_events_in_one_order_and_miss_none() {
    let servers = two().await;
    let readers = (0..2).map(|n| {
        let store = servers[n].clone();
        tokio::spawn(async move {
            let (mut last, mut seen) = (0, Vec::new());
            while seen.len() < TASKS as usize {
                for event in store.events(last, None, 7).await.unwrap() {
                    assert!(event.sequence > last, "{} after {last}", event.sequence);
                    last = event.sequence;
                    seen.push((event.sequence, event.data["n"].as_u64().unwrap()));
                }
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    let writes = (0..TASKS).map(|n| {
        let store = servers[n as usize % 2].clone();
        async move { store.add_event("test", &json!({ "n": n }), at(1)).await.unwrap() }
    });
    at_once(writes).await;
    let mut seen = Vec::new();
    for reader in readers {
        seen.push(reader.await.unwrap());
    }
    assert_eq!(seen[0], seen[1]);
    let events: BTreeSet<_> = seen[0].iter().map(|(_, n)| *n).collect();
    assert_eq!(events.len(), TASKS as usize, "each event came once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_log_of_two_servers_is_one_chain() {
    let servers = two().await;
    let entries = (0..TASKS).map(|n| {
        let store = servers[n as usize % 2].clone();
        let entry = AuditEntry {
            at: at(i64::from(n)),
            actor: "token:1".into(),
            actor_name: "a name".into(),
            action: "run.cancel".into(),
            target: format!("run:{n}"),
            result: "ok".into(),
            detail: json!({}),
            remote: None,
        };
        async move { store.audit(&entry).await.unwrap().sequence }
    });
    let sequences: BTreeSet<_> = at_once(entries).await.into_iter().collect();
    assert_eq!(sequences, (1..=u64::from(TASKS)).collect());
    assert_eq!(servers[1].verify_audit().await.unwrap(), None);
    assert_eq!(servers[1].audit_log(&AuditFilter::default(), ALL).await.unwrap().1, u64::from(TASKS));
}
