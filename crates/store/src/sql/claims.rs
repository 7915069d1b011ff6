//! Who executes what: claims, leases, and what is taken over when a lease runs out.
//!
//! Leases are counted by the database's clock. An embedded store keeps none: its lock is the proof
//! that nobody else executes anything.

use std::time::Duration;

use syncline_core::{Error, ErrorKind, Run, RunId, RunStatus};

use super::{Dialect, Outcome, Sql, WORKSPACE, blob, progress, runs, syncs, values};
use crate::{Claim, Claimed, Renewed, Use};

pub fn claim(tx: &dyn Sql, id: &RunId, claim: &Claim) -> Outcome<Claimed> {
    let Some(run) = take(tx, id)? else {
        return Ok(Claimed::Busy("another server takes it".into()));
    };
    if let Some(reason) = hindrance(tx, &run, claim)? {
        return Ok(Claimed::Busy(reason));
    }
    let run = Run { worker: Some(claim.worker.clone()), ..run };
    let started = runs::start(tx, &run, claim.now)?;
    note_uses(tx, id, &claim.uses)?;
    lease(tx, id, claim.ttl)?;
    syncs::note_claim(tx, &run.sync_uid, claim.now)?;
    Ok(Claimed::Run(Box::new(started)))
}

/// The run, locked on a server; `None` while another transaction has it.
fn take(tx: &dyn Sql, id: &RunId) -> Outcome<Option<Run>> {
    let run = runs::require(tx, id)?;
    let sql = format!(
        "SELECT id FROM runs WHERE workspace_id = ? AND id = ? {}",
        tx.dialect().for_update_skipping_locked()
    );
    Ok(tx.first_text(&sql, values![WORKSPACE, id.as_str()])?.map(|_| run))
}

/// What a run waits for, for people.
fn hindrance(tx: &dyn Sql, run: &Run, claim: &Claim) -> Outcome<Option<String>> {
    if run.status != RunStatus::Queued {
        return Ok(Some(format!("it is {}, not queued", run.status.as_str())));
    }
    if run.run_type.writes()
        && let Some(holder) = runs::active(tx, &run.sync_uid, true)?
    {
        return Ok(Some(format!("run {holder} of sync {} is active", run.sync_id)));
    }
    if let Some(head) = head_of_line(tx, run)?
        && head != run.id.as_str()
    {
        return Ok(Some(format!("run {head} of sync {} was queued before it", run.sync_id)));
    }
    for used in &claim.uses {
        let Some(runs_max) = used.runs_max else { continue };
        let active = users(tx, &used.name)?;
        if active >= u64::from(runs_max) {
            return Ok(Some(format!("{active} active runs use {}, of at most {runs_max}", used.name)));
        }
    }
    Ok(None)
}

fn head_of_line(tx: &dyn Sql, run: &Run) -> Outcome<Option<String>> {
    tx.first_text(
        "SELECT id FROM runs WHERE workspace_id = ? AND sync_uid = ? AND writes = ? AND status = 'queued'
         ORDER BY queue LIMIT 1",
        values![WORKSPACE, run.sync_uid.as_str(), run.run_type.writes()],
    )
}

/// Active runs that use something. What a run uses is forgotten when it is not active any more.
fn users(tx: &dyn Sql, name: &str) -> Outcome<u64> {
    let sql = "SELECT count(*) FROM run_uses WHERE workspace_id = ? AND name = ?";
    tx.query_first(sql, values![WORKSPACE, name])?.map_or(Ok(0), |row| row.count(0))
}

fn note_uses(tx: &dyn Sql, run: &RunId, uses: &[Use]) -> Outcome<()> {
    for used in uses {
        tx.execute(
            "INSERT INTO run_uses (workspace_id, run_id, name, runs_max) VALUES (?, ?, ?, ?)
             ON CONFLICT (workspace_id, run_id, name) DO NOTHING",
            values![WORKSPACE, run.as_str(), &used.name, used.runs_max],
        )?;
    }
    Ok(())
}

fn lease(tx: &dyn Sql, run: &RunId, ttl: Duration) -> Outcome<()> {
    if tx.dialect() == Dialect::Postgres {
        tx.execute(
            &format!(
                "UPDATE runs SET lease_until = {} + ? WHERE workspace_id = ? AND id = ?",
                tx.dialect().now()
            ),
            values![micros(ttl), WORKSPACE, run.as_str()],
        )?;
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

/// What a run had while it was active.
pub fn release(tx: &dyn Sql, run: &RunId) -> Outcome<()> {
    tx.execute(
        "UPDATE runs SET lease_until = NULL, cancel_requested_at = NULL WHERE workspace_id = ? AND id = ?",
        values![WORKSPACE, run.as_str()],
    )?;
    tx.execute(
        "DELETE FROM run_uses WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, run.as_str()],
    )?;
    progress::clear(tx, run)
}

pub fn renew(tx: &dyn Sql, worker: &str, held: &[(RunId, u64)], ttl: Duration) -> Outcome<Renewed> {
    let mut renewed = Renewed::default();
    for (id, epoch) in held {
        let mine = tx.query_first(
            "SELECT cancel_requested_at FROM runs WHERE workspace_id = ? AND id = ? AND epoch = ?
             AND status IN ('starting', 'running') AND (worker = ? OR worker IS NULL)",
            values![WORKSPACE, id.as_str(), *epoch, worker],
        )?;
        let Some(mine) = mine else {
            renewed.lost.push(id.clone());
            continue;
        };
        lease(tx, id, ttl)?;
        if mine.integer_or_null(0)?.is_some() {
            renewed.cancelled.push(id.clone());
        }
    }
    Ok(renewed)
}

pub fn expired(tx: &dyn Sql, grace: Duration) -> Outcome<Vec<Run>> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT record FROM runs WHERE workspace_id = ? AND status IN ('starting', 'running')
         AND lease_until <= {} - ? ORDER BY lease_until, id",
        tx.dialect().now()
    );
    let records = tx.texts(&sql, values![WORKSPACE, micros(grace)])?;
    Ok(records.iter().map(|text| blob::decode(text, "a run")).collect::<Result<_, _>>()?)
}

pub fn take_over(
    tx: &dyn Sql,
    id: &RunId,
    worker: &str,
    ttl: Duration,
    grace: Duration,
    counts: bool,
) -> Outcome<Run> {
    let run = runs::require(tx, id)?;
    if run.status.is_active() && !has_run_out(tx, id, grace)? {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("run {id} belongs to {}", run.worker.as_deref().unwrap_or("another process")),
        )
        .help("wait until its lease has run out")
        .into());
    }
    let taken = runs::take_over(tx, &run, worker, counts)?;
    lease(tx, id, ttl)?;
    Ok(taken)
}

fn has_run_out(tx: &dyn Sql, run: &RunId, grace: Duration) -> Outcome<bool> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(true);
    }
    let sql = format!(
        "SELECT 1 FROM runs WHERE workspace_id = ? AND id = ? AND lease_until <= {} - ?",
        tx.dialect().now()
    );
    Ok(tx.query_first(&sql, values![WORKSPACE, run.as_str(), micros(grace)])?.is_some())
}
