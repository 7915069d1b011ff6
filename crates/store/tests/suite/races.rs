use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_core::{ErrorKind, Run, RunStatus, RunType};
use syncline_store::{RunFilter, Store, SyncSeen};
use tokio::task::JoinSet;

use crate::fixtures::*;
use crate::over_every_store;

const TASKS: u32 = 50;

over_every_store![
    of_many_claims_of_one_sync_exactly_one_wins,
    of_many_claims_of_one_run_exactly_one_wins,
    of_many_takeovers_each_has_its_own_epoch_and_the_last_holds,
    of_many_commits_of_one_run_exactly_one_is_made,
    a_sync_seen_by_many_at_once_is_registered_once,
    a_project_seen_by_many_servers_at_once_is_registered_once,
];

/// Runs `tasks` at once and gathers what they return.
pub async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item: Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut set = JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    set.join_all().await
}

async fn of_many_claims_of_one_sync_exactly_one_wins(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    for n in 0..TASKS {
        queued(&*store, &n.to_string(), "contact", RunType::Sync).await;
    }
    // Each round, the winner ends and the others try again, until all have run.
    let mut epochs = Vec::new();
    for round in 0..3 {
        let claims = (0..TASKS).map(|n| {
            let store = store.clone();
            async move { store.claim_run(&run_id(&n.to_string()), at(1)).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = at_once(claims).await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "round {round}");
        assert!(lost.into_iter().all(|r| r.unwrap_err().kind == ErrorKind::Conflict));
        let active =
            RunFilter { statuses: vec![RunStatus::Starting, RunStatus::Running], ..Default::default() };
        assert_eq!(store.runs(&active, ALL).await.unwrap().1, 1);
        let winner = won.into_iter().next().unwrap().unwrap();
        epochs.push(winner.epoch);
        store.update_run(&Run { status: RunStatus::Failed, ..winner }).await.unwrap();
    }
    assert_eq!(epochs, [1, 2, 3]);
}

async fn of_many_claims_of_one_run_exactly_one_wins(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    // A test has no rival: the status alone decides.
    let run = queued(&*store, "a", "contact", RunType::Test).await;
    let claims = (0..TASKS).map(|_| {
        let (store, id) = (store.clone(), run.id.clone());
        async move { store.claim_run(&id, at(1)).await.is_ok() }
    });
    assert_eq!(at_once(claims).await.into_iter().filter(|won| *won).count(), 1);
}

async fn of_many_takeovers_each_has_its_own_epoch_and_the_last_holds(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let takeovers = (0..TASKS).map(|_| {
        let (store, id) = (store.clone(), run.id.clone());
        async move { store.reclaim_run(&id).await.unwrap() }
    });
    let holders = at_once(takeovers).await;
    let mut epochs: Vec<_> = holders.iter().map(|run| run.epoch).collect();
    epochs.sort();
    assert_eq!(epochs, (2..u64::from(TASKS) + 2).collect::<Vec<_>>());
    for holder in holders {
        let last = holder.epoch == u64::from(TASKS) + 1;
        assert_eq!(store.update_run(&holder).await.is_ok(), last, "epoch {}", holder.epoch);
    }
}

async fn of_many_commits_of_one_run_exactly_one_is_made(store: Arc<dyn Store>) {
    ensure(&*store, "contact").await;
    let run = running(&*store, "a", "contact", RunType::Sync).await;
    let commits = (0..TASKS).map(|n| {
        let (store, mut commit) = (store.clone(), ending_with_generation(&run));
        commit.cursor = Some(cursor_to(i64::from(n)));
        async move { store.commit(&commit).await.map(|()| commit.cursor.unwrap().to) }
    });
    let won: Vec<_> = at_once(commits).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(won.len(), 1);
    let sync = sync_now(&*store, "contact").await;
    assert_eq!((sync.generation, &sync.cursor), (1, &won[0]));
    assert_eq!(store.cursor_history(&sync.uid, ALL).await.unwrap().1, 1);
}

async fn a_sync_seen_by_many_at_once_is_registered_once(store: Arc<dyn Store>) {
    let sights = (0..TASKS).map(|n| {
        let (store, mut seen) = (store.clone(), seen("contact"));
        seen.uid = uid(&n.to_string());
        async move { store.ensure_sync(&seen, at(0)).await.unwrap().uid }
    });
    let uids = at_once(sights).await;
    assert!(uids.iter().all(|uid| *uid == uids[0]));
    assert_eq!(store.syncs().await.unwrap().len(), 1);
}

async fn a_project_seen_by_many_servers_at_once_is_registered_once(store: Arc<dyn Store>) {
    let servers = (0..8).map(|server| {
        let store = store.clone();
        // Each has them in an order of its own, and some that others do not have.
        let mut page: Vec<_> = (server..300 + server)
            .map(|n| SyncSeen { uid: uid(&format!("{n}-{server}")), ..seen(&format!("s{n}")) })
            .collect();
        page.rotate_left(server * 31);
        async move { store.ensure_syncs(&page, at(0)).await.unwrap() }
    });
    let told = at_once(servers).await;
    let stored = store.syncs().await.unwrap();
    assert_eq!(stored.len(), 307);
    let by_id: BTreeMap<_, _> = stored.into_iter().map(|record| (record.id.clone(), record)).collect();
    for record in told.into_iter().flatten() {
        assert_eq!(by_id[&record.id], record);
    }
}
