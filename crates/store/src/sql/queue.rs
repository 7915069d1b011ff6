//! Runs that wait: the lines of the syncs, what is due, and what could start.
//!
//! A sync has two lines, one of runs that write and one of tests. `runs.queue` is a run's place in
//! the waiting part of its sync; the smallest of a line is its head.

use jiff::Timestamp;
use syncline_core::{EndReason, Error, ErrorKind, Run, RunId, RunStatus, RunType, SyncId, SyncUid, Trigger};

use super::{Outcome, Row, Sql, WORKSPACE, blob, damaged, follow, runs, syncs, time, values};
use crate::{Candidate, Enqueued, Fire, Fired, FollowUp, QUEUED_PER_SYNC_MAX, SyncState};

/// Runs of a sync that have not ended, by the index of their own.
pub const UNFINISHED: &str = "status IN ('scheduled', 'queued', 'starting', 'running', 'held')";

pub fn enqueue(tx: &dyn Sql, run: &Run) -> Outcome<Enqueued> {
    runs::check_new(run)?;
    syncs::lock(tx, &run.sync_uid)?;
    check_halted(tx, run)?;
    if run.run_at.is_some() {
        return schedule(tx, run);
    }
    let waiting = waiting(tx, &run.sync_uid)?;
    if let Some(there) = waiting.iter().find(|there| asks_the_same(there, run)) {
        return Ok(Enqueued { run: there.clone(), joined: true });
    }
    if waiting.len() as u64 >= QUEUED_PER_SYNC_MAX {
        return Err(Error::new(
            ErrorKind::QueueFull,
            format!("{QUEUED_PER_SYNC_MAX} runs of sync {} are queued already", run.sync_id),
        )
        .help("wait until one of them has started, or cancel some")
        .into());
    }
    let run = Run { status: RunStatus::Queued, ..run.clone() };
    runs::add(tx, &run)?;
    Ok(Enqueued { run, joined: false })
}

fn check_halted(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    let halted = matches!(syncs::require(tx, &run.sync_uid)?.state, SyncState::Halted { .. });
    if !halted || matches!(run.run_type, RunType::Test | RunType::OneTime | RunType::Replay) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::SyncHalted, format!("sync {} is halted", run.sync_id))
        .help("look into its errors and activate it; until then it takes test, one_time and replay runs")
        .into())
}

/// Stores what somebody asked for later, unless the same is scheduled for that moment. The next fire of the sync gives way to a run of its type
/// that comes earlier; beside an earlier one there is no room.
fn schedule(tx: &dyn Sql, run: &Run) -> Outcome<Enqueued> {
    let run = Run { status: RunStatus::Scheduled, ..run.clone() };
    let then = format!(
        "SELECT record FROM {} WHERE workspace_id = ? AND sync_uid = ? AND {UNFINISHED}
         AND status = 'scheduled' AND run_at = ?",
        tx.dialect().by_index("runs", "runs_unfinished")
    );
    let values = values![WORKSPACE, run.sync_uid.as_str(), follow::due_at(&run)];
    if let Some(there) =
        decode(tx.texts(&then, values)?)?.into_iter().find(|there| asks_the_same(there, &run))
    {
        return Ok(Enqueued { run: there, joined: true });
    }
    if run.run_type == RunType::Sync
        && let Some(there) = follow::scheduled(tx, &run.sync_uid)?
    {
        if follow::due_at(&there) <= follow::due_at(&run) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("run {} of sync {} is scheduled before that", there.id, run.sync_id),
            )
            .help("schedule a run of another type, for example one_time, or an earlier one")
            .into());
        }
        follow::make_way(tx, there, &run)?;
    }
    runs::add(tx, &run)?;
    Ok(Enqueued { run, joined: false })
}

/// Whether a run that waits does what `run` was asked to do. One that was approved carries out the plan it
/// made when it read its source, and reads nothing now.
fn asks_the_same(there: &Run, run: &Run) -> bool {
    there.run_type == run.run_type && there.options == run.options && there.planned_at.is_none()
}

/// The queued runs of a sync, first in line first.
fn waiting(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Vec<Run>> {
    let rows = tx.texts(
        "SELECT record FROM runs WHERE workspace_id = ? AND sync_uid = ? AND status = 'queued'
         ORDER BY writes, queue",
        values![WORKSPACE, uid.as_str()],
    )?;
    decode(rows)
}

/// The place behind everything that waits in a sync.
pub fn next_place(tx: &dyn Sql, uid: &SyncUid) -> Outcome<u64> {
    let sql = format!(
        "SELECT coalesce(max(queue), 0) + 1 FROM {}
         WHERE workspace_id = ? AND sync_uid = ? AND status = 'queued'",
        tx.dialect().by_index("runs", "runs_waiting")
    );
    tx.query_first(&sql, values![WORKSPACE, uid.as_str()])?.map_or(Ok(1), |row| row.count(0))
}

/// The heads of all lines that could start. It reads the waiting runs alone, whatever has ended; the
/// joins are crossed because SQLite keeps the order of such.
const CANDIDATES: &str = "
    SELECT r.id, s.id, s.uid, r.type, r.created_at
    FROM (SELECT sync_uid, writes, min(queue) AS head FROM runs
          WHERE workspace_id = ? AND status = 'queued' GROUP BY sync_uid, writes) AS line
    CROSS JOIN syncs AS s CROSS JOIN runs AS r
    WHERE s.workspace_id = ? AND s.uid = line.sync_uid
    AND r.workspace_id = ? AND r.sync_uid = line.sync_uid AND r.writes = line.writes
    AND r.queue = line.head AND r.status = 'queued'
    AND (line.writes = 0 OR NOT EXISTS (
        SELECT 1 FROM runs AS a WHERE a.workspace_id = ? AND a.sync_uid = line.sync_uid
        AND a.writes = 1 AND a.status IN ('starting', 'running')))
    ORDER BY coalesce(s.last_claimed_at, 0), r.created_at, r.id LIMIT ?";

pub fn candidates(tx: &dyn Sql, limit: u64, passed_over: &[RunId]) -> Outcome<Vec<Candidate>> {
    // Those that are passed over are left out here, so that the statement is always the same one.
    let most = limit.saturating_add(passed_over.len() as u64);
    let rows = tx.query(CANDIDATES, values![WORKSPACE, WORKSPACE, WORKSPACE, WORKSPACE, most])?;
    let mut found = Vec::new();
    for row in &rows {
        let candidate = read_candidate(row)?;
        if (found.len() as u64) < limit && !passed_over.contains(&candidate.run_id) {
            found.push(candidate);
        }
    }
    Ok(found)
}

fn read_candidate(row: &Row) -> Outcome<Candidate> {
    let what = format!("run {}", row.text(0)?);
    let run_type = RunType::ALL.into_iter().find(|t| Ok(t.as_str()) == row.text(3).map_err(|_| ()));
    Ok(Candidate {
        run_id: RunId::from_stored(row.text(0)?),
        sync_id: SyncId::parse(row.text(1)?).map_err(|_| damaged(&what))?,
        sync_uid: SyncUid::from_stored(row.text(2)?),
        run_type: run_type.ok_or_else(|| damaged(&what))?,
        created_at: time(row.integer(4)?, &what)?,
    })
}

const DUE: &str = "SELECT record FROM runs WHERE workspace_id = ? AND status = 'scheduled' AND run_at <= ?
     ORDER BY run_at, id LIMIT ?";

pub fn due(tx: &dyn Sql, now: Timestamp, limit: u64) -> Outcome<Vec<Run>> {
    decode(tx.texts(DUE, values![WORKSPACE, now, limit])?)
}

const NEXT_DUE: &str = "SELECT run_at FROM runs WHERE workspace_id = ? AND status = 'scheduled'
     ORDER BY run_at LIMIT 1";

pub fn next_due(tx: &dyn Sql) -> Outcome<Option<Timestamp>> {
    tx.query_first(NEXT_DUE, values![WORKSPACE])?
        .map(|row| time(row.integer(0)?, "a scheduled run"))
        .transpose()
}

pub fn fire(tx: &dyn Sql, fires: &[Fire], now: Timestamp) -> Outcome<Vec<Fired>> {
    let mut fired = Vec::new();
    for fire in fires {
        let Some(run) = runs::get(tx, &fire.run_id)? else { continue };
        if run.status != RunStatus::Scheduled {
            continue;
        }
        let not_run = match run.run_type == RunType::Sync && is_automatic(&run) {
            true => follow::hindrance(tx, &run, fire.overlap)?,
            false => None,
        };
        match not_run {
            None => runs::save(tx, &run, &Run { status: RunStatus::Queued, ..run.clone() })?,
            Some(reason) => {
                runs::save(tx, &run, &not_run_as(&run, reason, now))?;
                fire.next.iter().try_for_each(|next| follow::schedule(tx, next))?;
            }
        }
        fired.push(Fired { run_id: run.id, not_run });
    }
    Ok(fired)
}

/// Nobody asked for it by name: it may be left out.
pub fn is_automatic(run: &Run) -> bool {
    matches!(run.trigger, Trigger::Schedule | Trigger::Retry | Trigger::Upstream)
}

pub fn not_run_as(run: &Run, reason: EndReason, now: Timestamp) -> Run {
    let (end_reason, completed_at) = (Some(reason), Some(now));
    Run { status: RunStatus::NotRun, end_reason, completed_at, ..run.clone() }
}

pub fn request_cancel(tx: &dyn Sql, id: &RunId, follow: &FollowUp, now: Timestamp) -> Outcome<Run> {
    let run = runs::require(tx, id)?;
    match run.status {
        RunStatus::Queued => {
            let ended = cancelled(&run, EndReason::Cancelled, now);
            runs::update(tx, &ended)?;
            follow::up(tx, follow)?;
            Ok(ended)
        }
        RunStatus::Scheduled => {
            let ended = not_run_as(&run, EndReason::Cancelled, now);
            runs::update(tx, &ended)?;
            follow::up(tx, follow)?;
            Ok(ended)
        }
        RunStatus::Starting | RunStatus::Running => {
            tx.execute(
                "UPDATE runs SET cancel_requested_at = coalesce(cancel_requested_at, ?)
                 WHERE workspace_id = ? AND id = ?",
                values![now, WORKSPACE, id.as_str()],
            )?;
            Ok(run)
        }
        status => Err(Error::new(
            ErrorKind::Conflict,
            format!("run {id} is {}; it cannot be cancelled", status.as_str()),
        )
        .help(if status == RunStatus::Held { "reject it instead" } else { "it has ended" })
        .into()),
    }
}

pub fn cancelled(run: &Run, reason: EndReason, now: Timestamp) -> Run {
    let (end_reason, completed_at) = (Some(reason), Some(now));
    Run { status: RunStatus::Cancelled, end_reason, completed_at, ..run.clone() }
}

pub fn held_since(tx: &dyn Sql, planned_before: Timestamp) -> Outcome<Vec<Run>> {
    let held = tx.texts(
        "SELECT record FROM runs WHERE workspace_id = ? AND status = 'held' ORDER BY created_at DESC, id DESC",
        values![WORKSPACE],
    )?;
    let mut held = decode(held)?;
    held.retain(|run| run.planned_at.unwrap_or(run.created_at) < planned_before);
    Ok(held)
}

pub fn pin(tx: &dyn Sql, run: &Run, config: &str) -> Outcome<()> {
    let stored = runs::require(tx, &run.id)?;
    runs::check_holder(&stored, run)?;
    runs::set_config(tx, &run.id, config)?;
    runs::save(tx, &stored, &Run { config_hash: run.config_hash.clone(), ..stored.clone() })
}

fn decode(records: Vec<String>) -> Outcome<Vec<Run>> {
    Ok(records.iter().map(|text| blob::decode(text, "a run")).collect::<Result<_, _>>()?)
}
