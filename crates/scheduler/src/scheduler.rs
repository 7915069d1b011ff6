//! The timer: lets scheduled runs happen when they are due, and sees to it that syncs stay scheduled.
//!
//! It keeps nothing of its own. What is due is asked of the store, in batches and by index, so that a pass
//! costs what is due and not what there is; between passes it sleeps until the next run is due.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use syncline_core::ids::uuid_at;
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, ErrorKind, Result, Run, RunStatus, RunType, SyncUid, Trigger};
use syncline_store::{Fire, Page, RunFilter, SyncRecord};
use tokio::sync::{Mutex, Notify};

use crate::delay;
use crate::due::{catch_up, fire_after, seed_of};
use crate::executor::FollowUps;
use crate::succession::{self, keeps};
use crate::successor::Successor;

/// Runs that fire in one transaction.
const FIRED_AT_ONCE: u64 = 500;
/// Syncs whose next runs are put in place in one transaction: few enough that others, whose runs end
/// meanwhile, hardly wait.
const RESCHEDULED_AT_ONCE: usize = 100;
/// Scheduled runs looked at together after definitions changed.
const LOOKED_AT_ONCE: u64 = 1_000;
/// Due runs that other servers scheduled are noticed at least this often.
const POLL: Duration = Duration::from_secs(5);
/// How often the reconciler looks for syncs that lost their next run, and for held runs past waiting.
const RECONCILED_EVERY: Duration = Duration::from_secs(60);

/// How the parts of one process tell each other that there is something to do. What is told by another
/// process is noticed by polling.
#[derive(Default)]
pub struct Signals {
    /// A run was scheduled.
    pub scheduled: Notify,
    /// A run was queued, or something that runs wait for was freed.
    pub queued: Notify,
    /// Somebody wishes that a run ends.
    pub cancelled: Notify,
}

pub struct Scheduler {
    successor: Successor,
    follow_ups: Arc<dyn FollowUps>,
    signals: Arc<Signals>,
    reconciled_at: Mutex<Option<Timestamp>>,
}

impl Scheduler {
    /// `follow_ups` are those of runs that the scheduler itself ends.
    pub fn new(successor: Successor, follow_ups: Arc<dyn FollowUps>, signals: Arc<Signals>) -> Self {
        Self { successor, follow_ups, signals, reconciled_at: Mutex::new(None) }
    }

    /// Works until `shutdown` completes. Errors are logged, and what failed is tried again.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let wake_at = self.tick().await.unwrap_or_else(|error| {
                tracing::error!(code = error.code(), %error, "scheduling failed and is tried again");
                self.now() + signed(POLL)
            });
            tokio::select! {
                () = &mut shutdown => return,
                () = self.signals.scheduled.notified() => {}
                () = self.successor.clock.sleep_until(wake_at) => {}
            }
        }
    }

    /// One pass: lets happen what is due and, once a minute, reconciles. Gives when the next one is due.
    pub async fn tick(&self) -> Result<Timestamp> {
        let fired_until = self.fire_due().await?;
        let reconcile_at = self.reconcile_in_time().await?;
        let next_due = self.successor.store.next_due().await?;
        let poll_at = self.now() + signed(POLL);
        // What was due and could not be fired is not asked for over and over.
        let next_due = next_due.filter(|at| *at > fired_until).unwrap_or(poll_at);
        Ok(next_due.min(reconcile_at).min(poll_at))
    }

    /// Fires what is due, and gives the time that it was due by.
    async fn fire_due(&self) -> Result<Timestamp> {
        loop {
            let now = self.now();
            let due = self.successor.store.due(now, FIRED_AT_ONCE).await?;
            if due.is_empty() {
                return Ok(now);
            }
            let mut fires = Vec::with_capacity(due.len());
            for run in &due {
                fires.push(self.fire(run, now).await?);
            }
            let fired = self.successor.store.fire(&fires, now).await?;
            let queued = fired.iter().filter(|fired| fired.not_run.is_none()).count() as u64;
            metrics::counter!("syncline_fires_total", "result" => "queued").increment(queued);
            metrics::counter!("syncline_fires_total", "result" => "not_run")
                .increment(fired.len() as u64 - queued);
            if queued > 0 {
                self.signals.queued.notify_one();
            }
            if fired.is_empty() || (due.len() as u64) < FIRED_AT_ONCE {
                return Ok(now);
            }
        }
    }

    /// A run that is due, with what is scheduled in its place should it not run.
    async fn fire(&self, run: &Run, now: Timestamp) -> Result<Fire> {
        let due_at = run.run_at.unwrap_or(run.created_at);
        metrics::histogram!("syncline_fire_delay_seconds").record(delay::since_due(run, now));
        let definition = self.successor.definitions.sync(&run.sync_id);
        let schedule = definition.as_ref().and_then(|sync| sync.schedule.as_ref());
        let overlap = schedule.map_or(Overlap::default(), |schedule| schedule.overlap);
        let next = match schedule {
            Some(schedule) if run.run_type == RunType::Sync && run.trigger == Trigger::Schedule => {
                let seed = seed_of(&run.sync_uid);
                let missed = catch_up(schedule, due_at, now, seed)
                    .map_or(0, |due| due.missed + u64::from(due.fire_at <= now));
                metrics::counter!("syncline_missed_fires_total").increment(missed);
                fire_after(schedule, due_at, now, seed).map(|at| {
                    succession::scheduled_run(&run.sync_id, &run.sync_uid, at, now, &|| uuid_at(now))
                })
            }
            Some(_) if run.run_type == RunType::Sync => self.next_of(run).await?,
            _ => None,
        };
        Ok(Fire { run_id: run.id.clone(), overlap, next })
    }

    async fn next_of(&self, run: &Run) -> Result<Option<Run>> {
        match self.successor.store.sync(&run.sync_id).await? {
            Some(record) => self.successor.next_fire(&record).await,
            None => Ok(None),
        }
    }

    /// Reconciles when it is time, and says when it is again.
    async fn reconcile_in_time(&self) -> Result<Timestamp> {
        let mut reconciled_at = self.reconciled_at.lock().await;
        let now = self.now();
        // After a jump back, the last time is in the future.
        let last = reconciled_at.filter(|last| *last <= now);
        if let Some(next) = last.map(|last| last + signed(RECONCILED_EVERY))
            && next > now
        {
            return Ok(next);
        }
        self.reconcile().await?;
        *reconciled_at = Some(now);
        Ok(now + signed(RECONCILED_EVERY))
    }

    /// Schedules active syncs that have no next run, and ends held runs past waiting.
    pub async fn reconcile(&self) -> Result<()> {
        for page in self.successor.store.unscheduled().await?.chunks(RESCHEDULED_AT_ONCE) {
            let mut next = self.successor.next_fires(page).await?;
            next.retain(|(_, fire)| fire.is_some());
            self.successor.store.reschedule(&next).await?;
        }
        self.expire_held().await
    }

    async fn expire_held(&self) -> Result<()> {
        let now = self.now();
        let Ok(planned_before) = now.checked_sub(signed(Run::HELD_MAX)) else { return Ok(()) };
        for mut run in self.successor.store.held_since(planned_before).await? {
            run.drop_plan(EndReason::Expired, "nobody approved it for a week", now)?;
            let follow = self.follow_ups.follow_up(&run, None).await?;
            match self.successor.store.end_run(&run, &follow).await {
                // Somebody decided, or another server was faster.
                Err(error) if matches!(error.kind, ErrorKind::Conflict | ErrorKind::Fenced) => {}
                ended => ended?,
            }
        }
        Ok(())
    }

    /// Moves the next runs of syncs whose schedules are not those any more that they were scheduled by.
    /// To be called once at the start, and when definitions changed. A fire that was missed meanwhile and
    /// that the schedule still has is made up for.
    pub async fn definitions_changed(&self) -> Result<()> {
        let mut moved = HashSet::new();
        let mut page = Page::first(LOOKED_AT_ONCE);
        loop {
            let filter = RunFilter { statuses: vec![RunStatus::Scheduled], ..RunFilter::default() };
            let (runs, total) = self.successor.store.runs(&filter, page).await?;
            moved.extend(runs.into_iter().filter(|run| !self.is_kept(run)).map(|run| run.sync_uid));
            if page.offset() + page.size >= total {
                break;
            }
            page.number += 1;
        }
        for page in self.records(&moved).await?.chunks(RESCHEDULED_AT_ONCE) {
            let next = self.successor.next_fires(page).await?;
            self.successor.store.reschedule(&next).await?;
        }
        self.reconcile().await?;
        self.signals.scheduled.notify_one();
        Ok(())
    }

    /// Whether a scheduled run stays. What is not defined here may be defined on another server.
    fn is_kept(&self, run: &Run) -> bool {
        self.successor
            .definitions
            .sync(&run.sync_id)
            .is_none_or(|sync| keeps(sync.schedule.as_ref(), run, seed_of(&run.sync_uid), self.now()))
    }

    async fn records(&self, of: &HashSet<SyncUid>) -> Result<Vec<SyncRecord>> {
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let records = self.successor.store.syncs().await?;
        Ok(records.into_iter().filter(|record| of.contains(&record.uid)).collect())
    }

    fn now(&self) -> Timestamp {
        self.successor.clock.now()
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
