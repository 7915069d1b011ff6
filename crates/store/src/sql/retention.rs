//! Forgetting what is older than the workspace wants to keep.

use super::{Outcome, Sql, WORKSPACE, blob, events, letters, values};
use crate::{DeadLetter, Forgotten, KeepUntil, LetterState};

/// The plans, chunks, errors and configurations of a run go with it.
pub fn forget(tx: &dyn Sql, keep: &KeepUntil) -> Outcome<Forgotten> {
    let runs = tx.execute(
        "DELETE FROM runs WHERE workspace_id = ? AND created_at < ?
         AND status IN ('completed', 'failed', 'source_failure', 'cancelled', 'not_run')
         AND id NOT IN (SELECT id FROM (
             SELECT id, row_number() OVER (PARTITION BY sync_uid ORDER BY created_at DESC, id DESC) AS age
             FROM runs WHERE workspace_id = ?
         ) AS aged WHERE age <= ?)",
        values![WORKSPACE, keep.runs_from, WORKSPACE, keep.runs_min],
    )?;
    strip_ignored(tx, keep)?;
    Ok(Forgotten { runs, letters: forget_letters(tx, keep)?, expired: expire(tx, keep)? })
}

/// Letters that are done with go by age, and the oldest of them by number.
fn forget_letters(tx: &dyn Sql, keep: &KeepUntil) -> Outcome<u64> {
    let old = tx.execute(
        "DELETE FROM letters WHERE workspace_id = ? AND last_seen_at < ?
         AND state NOT IN ('open', 'replaying', 'ignored')",
        values![WORKSPACE, keep.letters_from],
    )?;
    let excess = tx.execute(
        "DELETE FROM letters WHERE workspace_id = ? AND state NOT IN ('open', 'replaying', 'ignored')
         AND id IN (
             SELECT id FROM letters WHERE workspace_id = ?
             ORDER BY last_seen_at DESC, id DESC LIMIT ? OFFSET ?)",
        values![WORKSPACE, WORKSPACE, i64::MAX, keep.letters_max],
    )?;
    Ok(old + excess)
}

/// Open letters nobody looked at for that long are marked, and go with the next time.
fn expire(tx: &dyn Sql, keep: &KeepUntil) -> Outcome<u64> {
    let ids = tx.texts(
        "SELECT id FROM letters WHERE workspace_id = ? AND last_seen_at < ? AND state = 'open'",
        values![WORKSPACE, keep.letters_from],
    )?;
    for id in &ids {
        letters::step(tx, id, LetterState::Expired, None)?;
    }
    events::letters_moved(tx, LetterState::Expired, ids.len() as u64)?;
    Ok(ids.len() as u64)
}

/// An ignored letter stays as long as its record is to be left alone, which is what it says; the values in
/// it are not kept longer than those of others.
fn strip_ignored(tx: &dyn Sql, keep: &KeepUntil) -> Outcome<()> {
    let letters = tx.texts(
        "SELECT record FROM letters WHERE workspace_id = ? AND last_seen_at < ? AND state = 'ignored'",
        values![WORKSPACE, keep.letters_from],
    )?;
    for text in letters {
        let letter: DeadLetter = blob::decode(&text, "a letter")?;
        let stripped =
            DeadLetter { source_row: None, payload: None, raw_value: None, edited: None, ..letter.clone() };
        if stripped != letter {
            letters::update(tx, &stripped)?;
        }
    }
    Ok(())
}
