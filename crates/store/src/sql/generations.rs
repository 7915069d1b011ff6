//! Generations of a sync's snapshot, and the files that the store names.

use syncline_core::SyncUid;

use super::{Outcome, Sql, WORKSPACE, blob, values};
use crate::Generation;

/// Generations kept of each sync, beside those that an unfinished run started from: the newest, and
/// the one before it for a run that looked it up just before the newest came.
const KEPT: u64 = 2;

pub fn newest(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Option<Generation>> {
    tx.first_text(
        "SELECT record FROM generations WHERE workspace_id = ? AND sync_uid = ?
         ORDER BY number DESC LIMIT 1",
        values![WORKSPACE, uid.as_str()],
    )?
    .map(|text| Ok(blob::decode(&text, &format!("the snapshot of {uid}"))?))
    .transpose()
}

/// Adds a generation and forgets those that nothing can need any more, so that their files may go.
pub fn insert(tx: &dyn Sql, generation: &Generation) -> Outcome<()> {
    let uid = &generation.sync_uid;
    let what = format!("generation {} of {uid}", generation.number);
    tx.execute(
        "INSERT INTO generations (workspace_id, sync_uid, number, record) VALUES (?, ?, ?, ?)",
        values![WORKSPACE, uid.as_str(), generation.number, blob::encode_verified(generation, &what)?],
    )?;
    name_files(tx, generation)?;
    forget_before(tx, uid, (generation.number + 1).saturating_sub(KEPT))
}

pub fn name_files(tx: &dyn Sql, generation: &Generation) -> Outcome<()> {
    for segment in &generation.segments {
        tx.execute(
            "INSERT INTO generation_files (workspace_id, sync_uid, number, path) VALUES (?, ?, ?, ?)
             ON CONFLICT DO NOTHING",
            values![WORKSPACE, generation.sync_uid.as_str(), generation.number, &segment.path],
        )?;
    }
    Ok(())
}

/// Makes `generation`, whose number is there, the only one of its sync.
pub fn replace_all(tx: &dyn Sql, generation: &Generation) -> Outcome<()> {
    let uid = generation.sync_uid.as_str();
    tx.execute("DELETE FROM generations WHERE workspace_id = ? AND sync_uid = ?", values![WORKSPACE, uid])?;
    insert(tx, generation)
}

fn forget_before(tx: &dyn Sql, uid: &SyncUid, number: u64) -> Outcome<()> {
    let runs = tx.dialect().by_index("runs", "runs_by_status");
    tx.execute(
        &format!(
            "DELETE FROM generations WHERE workspace_id = ? AND sync_uid = ? AND number < ?
             AND number NOT IN (
                 SELECT base_generation FROM {runs}
                 WHERE workspace_id = ? AND sync_uid = ? AND base_generation IS NOT NULL
                 AND status IN ('queued', 'starting', 'running', 'held'))"
        ),
        values![WORKSPACE, uid.as_str(), number, WORKSPACE, uid.as_str()],
    )?;
    Ok(())
}

/// Paths of all files that a generation, a plan or a chunk names, sorted.
pub fn live_files(tx: &dyn Sql) -> Outcome<Vec<String>> {
    tx.texts(
        "SELECT path FROM generation_files WHERE workspace_id = ?
         UNION SELECT path FROM plan_files WHERE workspace_id = ?
         UNION SELECT outcomes_path FROM chunks WHERE workspace_id = ? AND outcomes_path IS NOT NULL
         ORDER BY 1",
        values![WORKSPACE, WORKSPACE, WORKSPACE],
    )
}
