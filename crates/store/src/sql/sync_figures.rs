//! Figures of each sync over the runs of a time.

use jiff::Timestamp;
use syncline_core::{RunStatus, SyncUid};

use super::{Outcome, Sql, WORKSPACE, damaged, values};
use crate::SyncFigures;

/// Syncs without a run that ended from `since` on are left out, and tests do not count.
pub fn since(tx: &dyn Sql, since: Timestamp) -> Outcome<Vec<SyncFigures>> {
    let sql = format!(
        "SELECT sync_uid, status, count(*), count(duration), CAST(coalesce(sum(duration), 0) AS BIGINT),
             CAST(coalesce(sum(rows_created + rows_updated + rows_deleted), 0) AS BIGINT),
             CAST(coalesce(sum(rows_failed), 0) AS BIGINT)
         FROM {} WHERE workspace_id = ? AND completed_at >= ? AND writes = 1 AND completed_at IS NOT NULL
             AND status IN ('completed', 'failed', 'source_failure', 'cancelled')
         GROUP BY sync_uid, status ORDER BY sync_uid",
        tx.dialect().by_index("runs", "runs_ended")
    );
    let mut all: Vec<SyncFigures> = Vec::new();
    for row in tx.query(&sql, values![WORKSPACE, since])? {
        let uid = SyncUid::from_stored(row.text(0)?);
        if all.last().is_none_or(|last| last.sync_uid != uid) {
            all.push(SyncFigures::of(uid));
        }
        let Some(figures) = all.last_mut() else { continue };
        let runs = row.count(2)?;
        match RunStatus::parse(row.text(1)?).ok_or_else(|| damaged("a run"))? {
            RunStatus::Completed => figures.completed = runs,
            RunStatus::Failed => figures.failed = runs,
            RunStatus::SourceFailure => figures.source_failures = runs,
            _ => figures.cancelled = runs,
        }
        figures.timed_runs += row.count(3)?;
        figures.duration_seconds += row.integer(4)? as f64 / 1e6;
        figures.rows_synced += row.count(5)?;
        figures.rows_failed += row.count(6)?;
    }
    Ok(all)
}
