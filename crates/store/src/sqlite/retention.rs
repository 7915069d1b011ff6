//! Forgetting what is older than the workspace wants to keep.

use rusqlite::{Connection, params};

use super::fault::Outcome;
use super::{WORKSPACE, letters};
use crate::{Forgotten, KeepUntil, LetterState};

/// The plans, chunks, errors and configurations of a run go with it.
pub fn forget(tx: &Connection, keep: &KeepUntil) -> Outcome<Forgotten> {
    let runs = tx
        .prepare_cached(
            "DELETE FROM runs WHERE workspace_id = ?1 AND created_at < ?2
             AND status IN ('completed', 'failed', 'source_failure', 'cancelled', 'not_run')
             AND id NOT IN (SELECT id FROM (
                 SELECT id, row_number() OVER (PARTITION BY sync_uid ORDER BY created_at DESC, id DESC) AS age
                 FROM runs WHERE workspace_id = ?1
             ) WHERE age <= ?3)",
        )?
        .execute(params![WORKSPACE, keep.runs_from.as_microsecond(), keep.runs_min])?;
    Ok(Forgotten { runs: runs as u64, letters: forget_letters(tx, keep)?, expired: expire(tx, keep)? })
}

/// Letters that are done with go by age, and the oldest of them by number.
fn forget_letters(tx: &Connection, keep: &KeepUntil) -> Outcome<u64> {
    let done = "state NOT IN ('open', 'replaying', 'ignored')";
    let old = tx
        .prepare_cached(&format!(
            "DELETE FROM letters WHERE workspace_id = ?1 AND last_seen_at < ?2 AND {done}"
        ))?
        .execute(params![WORKSPACE, keep.letters_from.as_microsecond()])?;
    let excess = tx
        .prepare_cached(&format!(
            "DELETE FROM letters WHERE workspace_id = ?1 AND {done} AND id IN (
                 SELECT id FROM letters WHERE workspace_id = ?1
                 ORDER BY last_seen_at DESC, id DESC LIMIT -1 OFFSET ?2)"
        ))?
        .execute(params![WORKSPACE, i64::try_from(keep.letters_max).unwrap_or(i64::MAX)])?;
    Ok((old + excess) as u64)
}

/// Open letters nobody looked at for that long are marked, and go with the next time.
fn expire(tx: &Connection, keep: &KeepUntil) -> Outcome<u64> {
    let mut statement = tx.prepare_cached(
        "SELECT id FROM letters WHERE workspace_id = ?1 AND last_seen_at < ?2 AND state IN ('open', 'ignored')",
    )?;
    let ids = statement
        .query_map(params![WORKSPACE, keep.letters_from.as_microsecond()], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for id in &ids {
        letters::set_state(tx, id, LetterState::Expired)?;
    }
    Ok(ids.len() as u64)
}
