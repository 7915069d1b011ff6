//! When syncs run by themselves, as people see it and as activation needs it.

use std::time::Duration;

use jiff::Timestamp;
use syncline_api::{ScheduleView, ScheduledSync};
use syncline_core::sync::{Overlap, Schedule, When};
use syncline_core::{EndReason, Result, Run, RunStatus, SyncId};
use syncline_scheduler::due::{next_fires, seed_of};
use syncline_store::{Page, RunFilter, Store, SyncRecord, SyncState};

/// Next times that are shown.
const FIRES_SHOWN: usize = 10;
/// Missed fires are shown for this long.
const MISSED_SHOWN: Duration = Duration::from_secs(7 * 24 * 3_600);
/// At most so many of them.
const MISSED_MAX: u64 = 50;

pub fn view(schedule: &Schedule) -> ScheduleView {
    let mut view = ScheduleView {
        every_seconds: None,
        cron: None,
        timezone: None,
        after: None,
        jitter_seconds: schedule.jitter.as_secs_f64(),
        overlap: match schedule.overlap {
            Overlap::QueueOne => "queue_one".into(),
            Overlap::Skip => "skip".into(),
        },
    };
    match &schedule.when {
        When::Every(every) => view.every_seconds = Some(every.as_secs_f64()),
        When::Cron { expression, timezone } => {
            view.cron = Some(expression.clone());
            view.timezone = Some(timezone.clone());
        }
        When::After(upstream) => view.after = Some(upstream.to_string()),
    }
    view
}

pub fn state_name(state: &SyncState) -> &'static str {
    match state {
        SyncState::Active => "active",
        SyncState::Inactive => "inactive",
        SyncState::Halted { .. } => "halted",
    }
}

/// The scheduled run of a sync that comes first.
pub async fn next_run(store: &dyn Store, record: &SyncRecord) -> Result<Option<Run>> {
    let filter = RunFilter {
        sync_uid: Some(record.uid.clone()),
        statuses: vec![RunStatus::Scheduled],
        ..RunFilter::default()
    };
    let (runs, _) = store.runs(&filter, Page::first(MISSED_MAX)).await?;
    Ok(runs.into_iter().filter(|run| run.run_at.is_some()).min_by_key(|run| run.run_at))
}

/// The schedule of a sync that the state does not know yet: nothing fires before it is activated.
pub fn unscheduled(id: &SyncId, schedule: &Schedule, now: Timestamp) -> ScheduledSync {
    ScheduledSync {
        sync_id: id.to_string(),
        state: state_name(&SyncState::Inactive).into(),
        schedule: view(schedule),
        next_run_at: None,
        next_fires: next_fires(schedule, now, 0, FIRES_SHOWN),
        missed: Vec::new(),
    }
}

/// A sync's schedule with its next fires and those that did not run lately.
pub async fn scheduled(
    store: &dyn Store,
    record: &SyncRecord,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<ScheduledSync> {
    let next = next_run(store, record).await?;
    let filter = RunFilter {
        sync_uid: Some(record.uid.clone()),
        statuses: vec![RunStatus::NotRun],
        since: now.checked_sub(MISSED_SHOWN).ok(),
        ..RunFilter::default()
    };
    let (missed, _) = store.runs(&filter, Page::first(MISSED_MAX)).await?;
    let missed = missed.iter().filter(|run| run.end_reason != Some(EndReason::Cancelled));
    Ok(ScheduledSync {
        sync_id: record.id.to_string(),
        state: state_name(&record.state).into(),
        schedule: view(schedule),
        next_run_at: next.as_ref().and_then(|run| run.run_at),
        next_fires: fires(schedule, next.as_ref(), seed_of(&record.uid), now),
        missed: missed.map(|run| syncline_api::RunView::of(run, now)).collect(),
    })
}

/// The next times, beginning with that of the run that waits.
fn fires(schedule: &Schedule, next: Option<&Run>, seed: u64, now: Timestamp) -> Vec<Timestamp> {
    let first = next.and_then(|run| run.run_at).filter(|at| *at > now);
    let mut fires: Vec<Timestamp> = first.into_iter().collect();
    fires.extend(next_fires(schedule, first.unwrap_or(now), seed, FIRES_SHOWN - fires.len()));
    fires
}
