//! A long queue, in which one sync is louder than the others [G24].

use std::collections::HashMap;

use syncline_core::run::RunOptions;
use syncline_core::{Run, RunStatus, RunType, SyncId};
use syncline_store::QUEUED_PER_SYNC_MAX;

use crate::syncs::sync;
use crate::world::{End, World};

/// 10,000 runs, [`QUEUED_PER_SYNC_MAX`] of each.
const SYNCS: usize = 625;

/// Every sync has as many waiting as may be; the first one asked for all of its before the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_queued_runs_are_taken_in_turns() {
    let mut world = World::new();
    let mut records = Vec::new();
    for n in 0..SYNCS {
        let record = world.define(sync(&format!("sync_{n}"), None)).await;
        for place in 0..QUEUED_PER_SYNC_MAX {
            let options = RunOptions { max_entities: Some(place), ..RunOptions::default() };
            let request = Run { options, ..world.request(&record, RunType::Sync) };
            world.store.enqueue(&request).await.unwrap();
            world.clock.advance(std::time::Duration::from_millis(1));
        }
        records.push(record);
    }
    let _worker = world.work(4);
    let mut claims: HashMap<SyncId, u64> = HashMap::new();
    for _ in 0..SYNCS + SYNCS / 5 {
        let mut begun = world.begun().await;
        let turn = claims.entry(begun.run.sync_id.clone()).or_default();
        assert_eq!(begun.run.options.max_entities, Some(*turn), "in the order they were queued");
        *turn += 1;
        world.clock.advance(std::time::Duration::from_millis(1));
        world.end(&mut begun, End::As(RunStatus::Completed)).await;
    }
    // Nobody had a second turn before everybody had the first, but for those that were under way.
    assert_eq!(claims.len(), SYNCS);
    assert!(claims.values().all(|turns| *turns <= 2), "{claims:?}");
    let waiting = QUEUED_PER_SYNC_MAX as usize - 2;
    assert!(world.runs(&records[0], &[RunStatus::Queued]).await.len() >= waiting);
}
