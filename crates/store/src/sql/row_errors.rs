//! Failed rows of a run, in the order they occurred.

use syncline_core::{RunId, Stage};

use super::conditions::Conditions;
use super::{Outcome, Sql, WORKSPACE, blob, runs, values};
use crate::{Page, RowErrorRecord};

pub fn add(tx: &dyn Sql, run: &RunId, epoch: u64, errors: &[RowErrorRecord]) -> Outcome<()> {
    runs::require_held(tx, run, epoch)?;
    let rows = errors.iter().map(|error| Ok(values![WORKSPACE, run.as_str(), blob::encode(error)?].to_vec()));
    tx.execute_each(
        "INSERT INTO row_errors (workspace_id, run_id, record) VALUES (?, ?, ?)",
        &rows.collect::<Outcome<Vec<_>>>()?,
    )
}

/// Only those of `stage`, if it is given.
pub fn clear(tx: &dyn Sql, run: &RunId, epoch: u64, stage: Option<Stage>) -> Outcome<()> {
    runs::require_held(tx, run, epoch)?;
    let all = "DELETE FROM row_errors WHERE workspace_id = ? AND run_id = ?";
    match stage {
        None => tx.execute(all, values![WORKSPACE, run.as_str()])?,
        // A record is JSON as this program writes it. The quotes of a value are escaped there, so this
        // can only be the member, and PostgreSQL, which has no U+0000, need not decode any value.
        Some(stage) => tx.execute(
            &format!("{all} AND record LIKE ?"),
            values![WORKSPACE, run.as_str(), format!("%\"stage\":\"{}\"%", stage.as_str())],
        )?,
    };
    Ok(())
}

/// Nothing while the run is active: what it found so far may still be cleared and found again.
pub fn list(tx: &dyn Sql, run: &RunId, page: Page) -> Outcome<(Vec<RowErrorRecord>, u64)> {
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
