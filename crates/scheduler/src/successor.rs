//! Gathers what [`succession`](crate::succession) decides on.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::ids::uuid_at;
use syncline_core::sync::{Schedule, When};
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
    /// The next runs by schedule of syncs that do not wait for the end of a run, `None` for one without a
    /// schedule of its own. None is in the past: what was missed is not theirs to make up for.
    pub async fn next_fires(&self, records: &[SyncRecord]) -> Result<Vec<(SyncUid, Option<Run>)>> {
        let own = |record: &SyncRecord| {
            let schedule = self.definitions.sync(&record.id)?.schedule.clone()?;
            (!matches!(schedule.when, When::After(_))).then_some(schedule)
        };
        let schedules: Vec<Option<Schedule>> = records.iter().map(own).collect();
        let scheduled = records.iter().zip(&schedules).filter(|(_, schedule)| schedule.is_some());
        let uids: Vec<SyncUid> = scheduled.map(|(record, _)| record.uid.clone()).collect();
        let fires = self.store.fires(&uids, FIRES_LOOKED_AT).await?;
        let now = self.clock.now();
        let next = |record: &SyncRecord, schedule: Option<Schedule>| {
            let previous = succession::last_fire(fires.get(&record.uid).into_iter().flatten());
            let at = fire_after(&schedule?, previous.unwrap_or(now), now, seed_of(&record.uid))?;
            Some(succession::scheduled_run(&record.id, &record.uid, at, now, &|| uuid_at(now)))
        };
        let each = records.iter().zip(schedules);
        Ok(each.map(|(record, schedule)| (record.uid.clone(), next(record, schedule))).collect())
    }

    /// The same for one.
    pub async fn next_fire(&self, record: &SyncRecord) -> Result<Option<Run>> {
        let next = self.next_fires(std::slice::from_ref(record)).await?;
        Ok(next.into_iter().next().and_then(|(_, run)| run))
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
