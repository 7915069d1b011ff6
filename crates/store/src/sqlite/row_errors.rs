//! Failed rows of a run, in the order they occurred.

use rusqlite::{Connection, params};
use syncline_core::{RunId, Stage};

use super::conditions::Conditions;
use super::fault::Outcome;
use super::{WORKSPACE, blob, runs};
use crate::{Page, RowErrorRecord};

pub fn add(tx: &Connection, run: &RunId, errors: &[RowErrorRecord]) -> Outcome<()> {
    runs::require_unfinished(tx, run)?;
    let mut insert =
        tx.prepare_cached("INSERT INTO row_errors (workspace_id, run_id, record) VALUES (?, ?, ?)")?;
    for error in errors {
        insert.execute(params![WORKSPACE, run.as_str(), blob::encode(error)?])?;
    }
    Ok(())
}

/// Only those of `stage`, if it is given.
pub fn clear(tx: &Connection, run: &RunId, stage: Option<Stage>) -> Outcome<()> {
    runs::require_unfinished(tx, run)?;
    tx.prepare_cached(
        "DELETE FROM row_errors WHERE workspace_id = ?1 AND run_id = ?2
         AND (?3 IS NULL OR json_extract(record, '$.record.stage') = ?3)",
    )?
    .execute(params![WORKSPACE, run.as_str(), stage.map(Stage::as_str)])?;
    Ok(())
}

/// Nothing while the run is active: what it found so far may still be cleared and found again.
pub fn list(tx: &Connection, run: &RunId, page: Page) -> Outcome<(Vec<RowErrorRecord>, u64)> {
    if runs::require(tx, run)?.status.is_active() {
        return Ok((Vec::new(), 0));
    }
    let mut conditions = Conditions::new();
    conditions.and("run_id =", run.as_str().to_string());
    let (records, total) = conditions.page(tx, "row_errors", "sequence", page)?;
    let what = format!("an error of run {run}");
    let errors = records.iter().map(|text| blob::decode(text, &what)).collect::<Result<_, _>>()?;
    Ok((errors, total))
}
