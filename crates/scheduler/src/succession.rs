//! What follows from the end of a run: the next fire or a retry, and the syncs that run after this one.

use jiff::{SignedDuration, Timestamp};
use syncline_core::run::RunOptions;
use syncline_core::sync::{Overlap, Schedule, When};
use syncline_core::{
    Counters, Durations, EndReason, Run, RunId, RunStatus, RunType, Sync, SyncId, SyncUid, Trigger,
};
use syncline_store::{FollowUp, SyncState};
use uuid::Uuid;

use crate::due::{fire_after, next_fire};
use crate::retry::retry_delay;

/// Where ids of new runs come from.
pub type Ids<'a> = &'a (dyn Fn() -> Uuid + Send + std::marker::Sync);

/// The end of a run, and what its consequences depend on.
pub struct Ended<'a> {
    /// In its new status: ended or held.
    pub run: &'a Run,
    /// The sync's definition as it is now; `None`: it is not defined any more.
    pub sync: Option<&'a Sync>,
    /// The sync's state with what the run's end makes of it.
    pub state: &'a SyncState,
    /// Syncs that run after this one.
    pub downstream: &'a [Downstream<'a>],
    /// The sync's latest runs; with the last that was due by schedule among them, if there is one.
    pub earlier: &'a [Run],
    pub seed: u64,
    pub now: Timestamp,
}

pub struct Downstream<'a> {
    pub sync: &'a Sync,
    pub uid: &'a SyncUid,
}

/// What the end of a run brings about. Notices are added by others.
///
/// Something is scheduled whatever the status is, so that an active sync never waits without a run: that
/// of a run of any type, because the store keeps an earlier scheduled run if there is one.
pub fn succession(ended: &Ended<'_>, ids: Ids<'_>) -> FollowUp {
    FollowUp { next: next_run(ended, ids), downstream: downstream_runs(ended, ids), notices: Vec::new() }
}

/// Whether a run is tried again by itself: what its failure means is not told before the last of its chain.
pub fn is_retried(run: &Run, follow: &FollowUp) -> bool {
    follow.next.as_ref().is_some_and(|next| next.retry_of.as_ref() == Some(&run.id))
}

/// The retry, or the next fire if that is not later.
fn next_run(ended: &Ended<'_>, ids: Ids<'_>) -> Option<Run> {
    let sync = ended.sync?;
    let active = *ended.state == SyncState::Active;
    let fire = sync.schedule.as_ref().filter(|_| active).and_then(|schedule| next_after_run(ended, schedule));
    let retry_at = if active || ended.run.run_type != RunType::Sync { retry_at(ended) } else { None };
    // A fire stands in for the retry of a run like it, not for one of another type.
    let replaced = ended.run.run_type == RunType::Sync && fire.zip(retry_at).is_some_and(|(f, r)| f <= r);
    match (retry_at, fire) {
        (Some(at), _) if !replaced => Some(retry(ended.run, at, ended.now, ids)),
        (_, Some(at)) => Some(scheduled_run(&sync.id, &ended.run.sync_uid, at, ended.now, ids)),
        _ => None,
    }
}

fn retry_at(ended: &Ended<'_>) -> Option<Timestamp> {
    let delay = SignedDuration::try_from(retry_delay(ended.run, ended.seed)?).ok()?;
    ended.now.checked_add(delay).ok()
}

/// The next fire after a run.
///
/// Fires that came before the run started are covered by it. One that came while it was active found it in
/// the way: under `queue_one` it happens now, once, under `skip` not at all. A run that was not ended by
/// its own work is no reason to catch up: what came meanwhile found it held, or was cancelled with it.
fn next_after_run(ended: &Ended<'_>, schedule: &Schedule) -> Option<Timestamp> {
    let Ended { run, now, seed, .. } = *ended;
    let Some(previous) = last_fire(ended.earlier.iter().chain([run])) else {
        return next_fire(schedule, now, seed);
    };
    let covered_until = match schedule.overlap {
        Overlap::QueueOne if run.run_type == RunType::Sync && run.end_reason.is_none() => {
            run.started_at.unwrap_or(now)
        }
        _ => now,
    };
    fire_after(schedule, previous, covered_until, seed)
}

/// The planned time of the last fire among runs of a sync. One that a retry took the place of did not
/// happen yet; one that a person cancelled is done with.
pub fn last_fire<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Option<Timestamp> {
    let fired = |run: &&Run| {
        run.trigger == Trigger::Schedule
            && run.status != RunStatus::Scheduled
            && run.end_reason != Some(EndReason::Superseded)
    };
    runs.into_iter().filter(fired).filter_map(|run| run.run_at).max()
}

/// The same request again; [`Run::retry_of`] names the run before.
fn retry(run: &Run, at: Timestamp, now: Timestamp, ids: Ids<'_>) -> Run {
    Run {
        status: RunStatus::Scheduled,
        run_at: Some(at),
        retry_of: Some(run.id.clone()),
        retry_number: run.retry_number + 1,
        requested_by: run.requested_by.clone(),
        options: run.options.clone(),
        ..new_run(&run.sync_id, &run.sync_uid, run.run_type, Trigger::Retry, now, ids)
    }
}

fn downstream_runs(ended: &Ended<'_>, ids: Ids<'_>) -> Vec<(Run, Overlap)> {
    if ended.run.status != RunStatus::Completed || !ended.run.run_type.writes() {
        return Vec::new();
    }
    let queued = |downstream: &Downstream<'_>| {
        let overlap = downstream.sync.schedule.as_ref().map_or(Overlap::default(), |s| s.overlap);
        let id = &downstream.sync.id;
        (new_run(id, downstream.uid, RunType::Sync, Trigger::Upstream, ended.now, ids), overlap)
    };
    ended.downstream.iter().map(queued).collect()
}

/// A run of a sync at its cadence.
pub fn scheduled_run(id: &SyncId, uid: &SyncUid, at: Timestamp, now: Timestamp, ids: Ids<'_>) -> Run {
    Run {
        status: RunStatus::Scheduled,
        run_at: Some(at),
        ..new_run(id, uid, RunType::Sync, Trigger::Schedule, now, ids)
    }
}

/// A run that waits to be executed. Its configuration is that of the moment it is claimed.
pub fn new_run(
    sync_id: &SyncId,
    sync_uid: &SyncUid,
    run_type: RunType,
    trigger: Trigger,
    now: Timestamp,
    ids: Ids<'_>,
) -> Run {
    Run {
        id: RunId::from_uuid(ids()),
        sync_id: sync_id.clone(),
        sync_uid: sync_uid.clone(),
        run_type,
        trigger,
        status: RunStatus::Queued,
        phase: None,
        options: RunOptions::default(),
        correlation_id: ids().simple().to_string(),
        retry_of: None,
        created_at: now,
        started_at: None,
        completed_at: None,
        epoch: 0,
        base_generation: None,
        counters: Counters::default(),
        skipped: Default::default(),
        durations: Durations::default(),
        timeline: Vec::new(),
        performance: Default::default(),
        guards: Vec::new(),
        error: None,
        partially_written: false,
        complete_read: false,
        not_found: Vec::new(),
        cursor_before: None,
        cursor_after: None,
        config_hash: String::new(),
        planned_at: None,
        halted_sync: false,
        notices: Vec::new(),
        run_at: None,
        retry_number: 0,
        requested_by: None,
        end_reason: None,
        worker: None,
        takeovers: 0,
    }
}

/// Whether the schedule as it is now may keep a scheduled run: retries and runs that a person asked for
/// stay, a fire stays if the schedule has it. An interval does not know when it began; a fire that is not
/// further away than one interval stays, and what is new counts from there.
pub fn keeps(schedule: Option<&Schedule>, run: &Run, seed: u64, now: Timestamp) -> bool {
    if run.trigger != Trigger::Schedule || run.run_type != RunType::Sync {
        return true;
    }
    let (Some(schedule), Some(at)) = (schedule, run.run_at) else { return false };
    let Some(next) = next_fire(schedule, now, seed) else { return false };
    match &schedule.when {
        When::Every(_) => at <= next,
        _ => at
            .checked_sub(SignedDuration::from_micros(1))
            .is_ok_and(|before| next_fire(schedule, before, seed) == Some(at)),
    }
}

#[cfg(test)]
mod tests;
