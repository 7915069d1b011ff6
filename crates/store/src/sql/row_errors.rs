//! Failed rows of a run, in the order they occurred.

use std::collections::HashMap;

use syncline_core::{RunId, Stage};

use super::conditions::Conditions;
use super::{Outcome, Sql, WORKSPACE, blob, runs, values};
use crate::{Page, RowErrorFilter, RowErrorGroup, RowErrorRecord};

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
pub fn list(
    tx: &dyn Sql,
    run: &RunId,
    filter: &RowErrorFilter,
    page: Page,
) -> Outcome<(Vec<RowErrorRecord>, u64)> {
    if runs::require(tx, run)?.status.is_active() {
        return Ok((Vec::new(), 0));
    }
    let mut conditions = Conditions::new();
    conditions.and("run_id =", run.as_str().to_string());
    for part in parts(filter) {
        conditions.and_holds(tx.dialect(), "record", part);
    }
    let (records, total) = conditions.page(tx, "row_errors", "sequence", page)?;
    let errors = records.iter().map(|text| decode(text, run)).collect::<Outcome<_>>()?;
    Ok((errors, total))
}

/// What a record's text holds if the filter lets it through (see [`clear`] about members).
fn parts(filter: &RowErrorFilter) -> Vec<String> {
    let member = |name: &str, value: &str| format!("\"{name}\":{}", serde_json::Value::from(value));
    let mut parts = Vec::new();
    if let Some(code) = &filter.code {
        parts.push(member("code", code));
    }
    if let Some(field) = &filter.field {
        parts.push(member("field", field));
    }
    if let Some(stage) = filter.stage {
        parts.push(member("stage", stage.as_str()));
    }
    if let Some(beginning) = &filter.row_id_prefix {
        let mut part = member("row_id", beginning);
        part.pop();
        parts.push(part);
    }
    parts
}

/// Counts the kinds of a run's errors, reading them a part at a time; nothing while it is active.
pub fn groups(tx: &dyn Sql, run: &RunId) -> Outcome<Vec<RowErrorGroup>> {
    const AT_ONCE: i64 = 5_000;
    if runs::require(tx, run)?.status.is_active() {
        return Ok(Vec::new());
    }
    let mut kinds: HashMap<(String, &'static str, Option<String>), RowErrorGroup> = HashMap::new();
    let mut after = -1;
    loop {
        let rows = tx.query(
            "SELECT sequence, record FROM row_errors WHERE workspace_id = ? AND run_id = ? AND sequence > ? \
             ORDER BY sequence LIMIT ?",
            values![WORKSPACE, run.as_str(), after, AT_ONCE],
        )?;
        for row in &rows {
            after = row.integer(0)?;
            let RowErrorRecord { code, stage, field, message, .. } = decode(row.text(1)?, run)?;
            kinds
                .entry((code.clone(), stage.as_str(), field.clone()))
                .or_insert(RowErrorGroup { code, stage, field, message, count: 0 })
                .count += 1;
        }
        if rows.len() < AT_ONCE as usize {
            break;
        }
    }
    let mut groups: Vec<RowErrorGroup> = kinds.into_values().collect();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.code, &a.field).cmp(&(&b.code, &b.field))));
    groups.truncate(Page::SIZE_MAX as usize);
    Ok(groups)
}

fn decode(text: &str, run: &RunId) -> Outcome<RowErrorRecord> {
    Ok(blob::decode(text, &format!("an error of run {run}"))?)
}
