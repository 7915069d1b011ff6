//! Generations of a sync's snapshot, and the files that the store names.

use rusqlite::{Connection, params};
use syncline_core::SyncUid;

use super::conditions::{string, strings};
use super::fault::Outcome;
use super::{WORKSPACE, blob};
use crate::Generation;

/// Generations kept of each sync, beside those that an unfinished run started from: the newest, and
/// the one before it for a run that looked it up just before the newest came.
const KEPT: u64 = 2;

pub fn newest(tx: &Connection, uid: &SyncUid) -> Outcome<Option<Generation>> {
    string(
        tx,
        "SELECT record FROM generations WHERE workspace_id = ? AND sync_uid = ?
         ORDER BY number DESC LIMIT 1",
        &[&WORKSPACE, &uid.as_str()],
    )?
    .map(|text| Ok(blob::decode(&text, &format!("the snapshot of {uid}"))?))
    .transpose()
}

/// Adds a generation and forgets those that nothing can need any more, so that their files may go.
pub fn insert(tx: &Connection, generation: &Generation) -> Outcome<()> {
    let uid = &generation.sync_uid;
    let what = format!("generation {} of {uid}", generation.number);
    tx.prepare_cached(
        "INSERT INTO generations (workspace_id, sync_uid, number, record) VALUES (?, ?, ?, ?)",
    )?
    .execute(params![
        WORKSPACE,
        uid.as_str(),
        generation.number,
        blob::encode_verified(generation, &what)?
    ])?;
    let mut insert_file = tx.prepare_cached(
        "INSERT OR IGNORE INTO generation_files (workspace_id, sync_uid, number, path) VALUES (?, ?, ?, ?)",
    )?;
    for segment in &generation.segments {
        insert_file.execute(params![WORKSPACE, uid.as_str(), generation.number, segment.path])?;
    }
    forget_before(tx, uid, (generation.number + 1).saturating_sub(KEPT))
}

fn forget_before(tx: &Connection, uid: &SyncUid, number: u64) -> Outcome<()> {
    tx.prepare_cached(
        "DELETE FROM generations WHERE workspace_id = ?1 AND sync_uid = ?2 AND number < ?3
         AND number NOT IN (
             SELECT base_generation FROM runs INDEXED BY runs_by_status
             WHERE workspace_id = ?1 AND sync_uid = ?2 AND base_generation IS NOT NULL
             AND status IN ('queued', 'starting', 'running', 'held'))",
    )?
    .execute(params![WORKSPACE, uid.as_str(), number])?;
    Ok(())
}

/// Paths of all files that a generation, a plan or a chunk names, sorted.
pub fn live_files(tx: &rusqlite::Transaction) -> Outcome<Vec<String>> {
    strings(
        tx,
        "SELECT path FROM generation_files WHERE workspace_id = ?1
         UNION SELECT path FROM plan_files WHERE workspace_id = ?1
         UNION SELECT outcomes_path FROM chunks WHERE workspace_id = ?1 AND outcomes_path IS NOT NULL
         ORDER BY 1",
        [WORKSPACE],
    )
}
