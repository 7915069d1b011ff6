//! What earlier runs of a sync say.

use std::time::Duration;

use jiff::Timestamp;
use syncline_core::{Result, Run, RunStatus, SyncUid};
use syncline_store::{Page, RunFilter};

use crate::engine::Engine;

/// Complete reads that a drop is measured against.
const RECENT_READS: usize = 5;
/// Runs looked at for history figures.
const HISTORY_RUNS: u64 = 200;

/// What earlier runs of a sync say.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Removals of the last 24 hours.
    pub removed_last_day: u64,
    /// Rows of the last complete reads, newest first.
    pub complete_reads: Vec<u64>,
    /// Runs that ended failed since the last that did not.
    pub failures_in_a_row: u32,
}

impl Engine {
    /// Figures of a sync's earlier runs.
    pub async fn history(&self, uid: &SyncUid, now: Timestamp) -> Result<History> {
        let filter = RunFilter { sync_uid: Some(uid.clone()), ..RunFilter::default() };
        let (runs, _) = self.store.runs(&filter, Page::first(HISTORY_RUNS)).await?;
        let ended = || runs.iter().filter(|r| r.run_type.writes() && r.status.is_terminal());
        let day_ago = now - Duration::from_secs(24 * 3_600);
        let failed = |r: &&Run| matches!(r.status, RunStatus::Failed | RunStatus::SourceFailure);
        Ok(History {
            removed_last_day: ended()
                .filter(|r| r.completed_at.is_some_and(|at| at >= day_ago) && !r.options.reseed)
                .map(|r| r.counters.rows_deleted)
                .sum(),
            complete_reads: ended()
                .filter(|r| r.complete_read && r.status == RunStatus::Completed)
                .map(|r| r.counters.rows_processed)
                .take(RECENT_READS)
                .collect(),
            failures_in_a_row: ended()
                .filter(|r| !matches!(r.status, RunStatus::Cancelled | RunStatus::NotRun))
                .take_while(|r| failed(r) && !r.halted_sync)
                // A chain of automatic retries is one failure: that of the run it began with.
                .filter(|r| r.retry_number == 0)
                .count() as u32,
        })
    }
}
