//! Live figures of active runs. They are kept where a crash loses them: in memory by an embedded
//! store, in an unlogged table by a server.

use serde_json::Value;
use syncline_core::RunId;

use super::{Outcome, Sql, WORKSPACE, json, runs, values};

/// What is told of a run that is not active is dropped.
pub fn save(tx: &dyn Sql, run: &RunId, progress: &Value) -> Outcome<()> {
    if !runs::require(tx, run)?.status.is_active() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO run_progress (workspace_id, run_id, progress) VALUES (?, ?, ?)
         ON CONFLICT (workspace_id, run_id) DO UPDATE SET progress = excluded.progress",
        values![WORKSPACE, run.as_str(), progress.to_string()],
    )?;
    Ok(())
}

pub fn get(tx: &dyn Sql, run: &RunId) -> Outcome<Option<Value>> {
    tx.first_text(
        "SELECT progress FROM run_progress WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, run.as_str()],
    )?
    .map(|text| json(&text, &format!("the progress of run {run}")))
    .transpose()
}

/// A run that is not active has no live figures.
pub fn clear(tx: &dyn Sql, run: &RunId) -> Outcome<()> {
    tx.execute(
        "DELETE FROM run_progress WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, run.as_str()],
    )?;
    Ok(())
}
