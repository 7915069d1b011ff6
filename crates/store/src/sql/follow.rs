//! What follows: the next fire of a sync, the syncs that run after it, and what its activation
//! changes.

use jiff::Timestamp;
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, Run, RunStatus, RunType, SyncUid};

use super::queue::{UNFINISHED, cancelled, is_automatic, not_run_as};
use super::{Outcome, Sql, WORKSPACE, blob, events, notices, runs, syncs, values};
use crate::{Activation, FollowUp, SyncRecord, SyncState};

/// What the end of a run brings about.
pub fn up(tx: &dyn Sql, follow: &FollowUp) -> Outcome<()> {
    follow.next.iter().try_for_each(|next| schedule(tx, next))?;
    follow.downstream.iter().try_for_each(|(run, overlap)| go_downstream(tx, run, *overlap))?;
    follow.notices.iter().try_for_each(|notice| notices::add(tx, notice))
}

/// Schedules `next` where [`FollowUp::next`] allows it.
pub fn schedule(tx: &dyn Sql, next: &Run) -> Outcome<()> {
    let next = Run { status: RunStatus::Scheduled, ..next.clone() };
    if next.run_type == RunType::Sync {
        syncs::lock(tx, &next.sync_uid)?;
        if !may_be_scheduled(tx, &next.sync_uid)? {
            return Ok(());
        }
        match scheduled(tx, &next.sync_uid)? {
            Some(there) if due_at(&there) <= due_at(&next) => return Ok(()),
            Some(there) => make_way(tx, there, &next)?,
            None => {}
        }
    }
    runs::add(tx, &next)
}

/// Whether a sync is active and its next fire does not follow from the end of another run.
fn may_be_scheduled(tx: &dyn Sql, uid: &SyncUid) -> Outcome<bool> {
    if syncs::require(tx, uid)?.state != SyncState::Active {
        return Ok(false);
    }
    // Fires go on beside a held run, so that it can be seen that they do not run.
    let under_way = there_is(tx, uid, "type = 'sync' AND status NOT IN ('scheduled', 'held')")?;
    Ok(!under_way)
}

/// Whether the sync has a run that has not ended and is so.
fn there_is(tx: &dyn Sql, uid: &SyncUid, condition: &str) -> Outcome<bool> {
    let sql = format!(
        "SELECT 1 FROM {} WHERE workspace_id = ? AND sync_uid = ? AND {UNFINISHED} AND {condition} LIMIT 1",
        tx.dialect().by_index("runs", "runs_unfinished")
    );
    Ok(tx.query_first(&sql, values![WORKSPACE, uid.as_str()])?.is_some())
}

/// The one scheduled run of type `sync` of a sync.
pub fn scheduled(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Option<Run>> {
    tx.first_text(
        "SELECT record FROM runs WHERE workspace_id = ? AND sync_uid = ? AND type = 'sync'
         AND status = 'scheduled'",
        values![WORKSPACE, uid.as_str()],
    )?
    .map(|text| Ok(blob::decode(&text, "a scheduled run")?))
    .transpose()
}

/// A scheduled run without a time is due at once.
pub fn due_at(run: &Run) -> Timestamp {
    run.run_at.unwrap_or(run.created_at)
}

/// Takes a scheduled run out of the way of `next`. A fire that moves leaves nothing; what gives way
/// to another kind of run stays to be seen.
pub fn make_way(tx: &dyn Sql, there: Run, next: &Run) -> Outcome<()> {
    if there.trigger == next.trigger && is_automatic(&there) {
        return remove(tx, &there);
    }
    runs::save(tx, &there, &not_run_as(&there, EndReason::Superseded, next.created_at))
}

fn remove(tx: &dyn Sql, scheduled: &Run) -> Outcome<()> {
    tx.execute(
        "DELETE FROM runs WHERE workspace_id = ? AND id = ? AND status = 'scheduled'",
        values![WORKSPACE, scheduled.id.as_str()],
    )?;
    events::run_removed(tx, scheduled)
}

/// Why a run that nobody asked for by name does not run now.
pub fn hindrance(tx: &dyn Sql, run: &Run, overlap: Overlap) -> Outcome<Option<EndReason>> {
    let uid = &run.sync_uid;
    syncs::lock(tx, uid)?;
    if syncs::require(tx, uid)?.state != SyncState::Active {
        return Ok(Some(EndReason::Deactivated));
    }
    if there_is(tx, uid, "status = 'held'")? {
        return Ok(Some(EndReason::Held));
    }
    let busy = overlap == Overlap::Skip && runs::active(tx, uid, true)?.is_some();
    let waits = format!("status = 'queued' AND type = '{}'", run.run_type.as_str());
    if busy || there_is(tx, uid, &waits)? {
        return Ok(Some(EndReason::Overlap));
    }
    Ok(None)
}

/// A run of a sync that runs after the one that ended. An inactive sync takes none.
fn go_downstream(tx: &dyn Sql, run: &Run, overlap: Overlap) -> Outcome<()> {
    match syncs::get(tx, &run.sync_uid)? {
        Some(sync) if sync.state == SyncState::Active => {}
        _ => return Ok(()),
    }
    match hindrance(tx, run, overlap)? {
        None => runs::add(tx, &Run { status: RunStatus::Queued, ..run.clone() }),
        Some(reason) => runs::add(tx, &not_run_as(run, reason, run.created_at)),
    }
}

/// Sets the state of a sync. One that does not run by itself has no next fire and nothing of it
/// waits.
pub fn set_state(
    tx: &dyn Sql,
    uid: &SyncUid,
    state: &SyncState,
    next: Option<&Run>,
    now: Timestamp,
) -> Outcome<Activation> {
    syncs::lock(tx, uid)?;
    syncs::set_state(tx, uid, state, now)?;
    if *state == SyncState::Active {
        next.into_iter().try_for_each(|next| schedule(tx, next))?;
        return Ok(Activation::default());
    }
    let mut activation = Activation::default();
    for run in unfinished_syncs(tx, uid)? {
        match run.status {
            RunStatus::Scheduled => {
                remove(tx, &run)?;
                activation.removed.push(run.id);
            }
            RunStatus::Queued => {
                runs::update(tx, &cancelled(&run, EndReason::Deactivated, now))?;
                activation.cancelled.push(run.id);
            }
            _ => {}
        }
    }
    Ok(activation)
}

/// Unfinished runs of type `sync` of a sync.
fn unfinished_syncs(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Vec<Run>> {
    let sql = format!(
        "SELECT record FROM {} WHERE workspace_id = ? AND sync_uid = ? AND {UNFINISHED} AND type = 'sync'
         ORDER BY created_at, id",
        tx.dialect().by_index("runs", "runs_unfinished")
    );
    let records = tx.texts(&sql, values![WORKSPACE, uid.as_str()])?;
    Ok(records.iter().map(|text| blob::decode(text, "a run")).collect::<Result<_, _>>()?)
}

/// Replaces the next fire. What a person scheduled stays if it comes earlier, or if nothing replaces
/// it.
pub fn reschedule(tx: &dyn Sql, uid: &SyncUid, next: Option<&Run>) -> Outcome<()> {
    syncs::lock(tx, uid)?;
    syncs::require(tx, uid)?;
    if let Some(there) = scheduled(tx, uid)?
        && is_automatic(&there)
    {
        remove(tx, &there)?;
    }
    next.map_or(Ok(()), |next| schedule(tx, next))
}

/// Active syncs without any unfinished run of type `sync`. More than one scheduled there cannot be:
/// the index `runs_one_scheduled` is unique.
pub fn unscheduled(tx: &dyn Sql) -> Outcome<Vec<SyncRecord>> {
    syncs::active_without(tx, &format!("runs.type = 'sync' AND {UNFINISHED}"))
}
