//! Gathers what [`succession`](crate::succession) decides on.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::ids::uuid_at;
use syncline_core::{Result, Run, SyncUid, Trigger};
use syncline_store::{FollowUp, Page, Queue, RunFilter, SyncRecord, SyncState};

use crate::clock::Clock;
use crate::due::{fire_after, seed_of};
use crate::executor::{Definitions, FollowUps};
use crate::succession::{self, Downstream, Ended};

/// A sync has at most one scheduled run by schedule; the one before it has fired.
const FIRES_LOOKED_AT: u64 = 5;

/// What follows from the ends of runs: fires, retries, and runs of the syncs behind.
#[derive(Clone)]
pub struct Successor {
    pub store: Arc<dyn Queue>,
    pub definitions: Arc<dyn Definitions>,
    pub clock: Arc<dyn Clock>,
}

impl Successor {
    /// The next run by schedule of a sync that does not wait for the end of another, `None` without a
    /// schedule of its own. It is never in the past: what was missed is not this run's to make up for.
    pub async fn next_fire(&self, record: &SyncRecord) -> Result<Option<Run>> {
        let definition = self.definitions.sync(&record.id);
        let Some(schedule) = definition.as_ref().and_then(|sync| sync.schedule.as_ref()) else {
            return Ok(None);
        };
        let now = self.clock.now();
        let previous = succession::last_fire(&self.fires(&record.uid, None).await?).unwrap_or(now);
        let next = fire_after(schedule, previous, now, seed_of(&record.uid));
        Ok(next.map(|at| succession::scheduled_run(&record.id, &record.uid, at, now, &|| uuid_at(now))))
    }

    /// The first run by schedule of a sync that becomes active: it counts from now.
    pub fn first_fire(&self, record: &SyncRecord, now: Timestamp) -> Option<Run> {
        let definition = self.definitions.sync(&record.id)?;
        let at = fire_after(definition.schedule.as_ref()?, now, now, seed_of(&record.uid))?;
        Some(succession::scheduled_run(&record.id, &record.uid, at, now, &|| uuid_at(now)))
    }

    /// The latest runs by schedule, of those that were scheduled from `since` on.
    async fn fires(&self, uid: &SyncUid, since: Option<Timestamp>) -> Result<Vec<Run>> {
        let filter = RunFilter {
            sync_uid: Some(uid.clone()),
            triggers: vec![Trigger::Schedule],
            since,
            ..RunFilter::default()
        };
        Ok(self.store.runs(&filter, Page::first(FIRES_LOOKED_AT)).await?.0)
    }
}

#[async_trait]
impl FollowUps for Successor {
    async fn follow_up(&self, run: &Run, state: Option<&SyncState>) -> Result<FollowUp> {
        let record = self.store.sync(&run.sync_id).await?;
        let Some(state) = state.cloned().or(record.map(|record| record.state)) else {
            return Ok(FollowUp::default());
        };
        let definition = self.definitions.sync(&run.sync_id);
        let mut behind = Vec::new();
        for sync in self.definitions.downstream(&run.sync_id) {
            if let Some(record) = self.store.sync(&sync.id).await? {
                behind.push((sync, record.uid));
            }
        }
        let downstream: Vec<Downstream<'_>> =
            behind.iter().map(|(sync, uid)| Downstream { sync, uid }).collect();
        // Fires are scheduled one after the other: none that is older than this run is the last one.
        let since = Some(run.created_at).filter(|_| run.trigger == Trigger::Schedule);
        let earlier = self.fires(&run.sync_uid, since).await?;
        let ended = Ended {
            run,
            sync: definition.as_deref(),
            state: &state,
            downstream: &downstream,
            earlier: &earlier,
            seed: seed_of(&run.sync_uid),
            now: self.clock.now(),
        };
        Ok(succession::succession(&ended, &|| uuid_at(ended.now)))
    }
}
