//! All syncs at a glance: what needs a person, and how each of them goes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ErrorView;
use crate::words::*;

/// What needs a person, and where. Of each kind the newest first, and at most 50.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct AttentionList {
    /// Runs that wait for a decision.
    pub held: Vec<HeldView>,
    /// Syncs that stand still after failures.
    pub halted: Vec<HaltedSyncView>,
    /// Syncs whose latest run failed as a whole.
    pub failing: Vec<FailingView>,
    /// Syncs whose latest run is the first with failed rows.
    pub review: Vec<FirstErrorsView>,
    /// Syncs with open dead letters, most first.
    pub dead_letters: Vec<OpenLettersView>,
}

/// A run that a guard holds.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldView {
    pub run_id: String,
    pub sync_id: String,
    /// When its plan was complete.
    pub held_at: Option<Timestamp>,
    /// What the guards that hold it say.
    pub reasons: Vec<String>,
    /// What it would do.
    pub rows_created: u64,
    pub rows_updated: u64,
    pub rows_deleted: u64,
}

/// A sync that stands still.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HaltedSyncView {
    pub sync_id: String,
    pub reason: String,
    pub since: Timestamp,
    /// Failures in a row.
    pub failures: u32,
}

/// A sync whose latest run failed as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FailingView {
    pub sync_id: String,
    pub run_id: String,
    #[schema(value_type = RunStatusWord)]
    pub status: String,
    pub completed_at: Option<Timestamp>,
    pub error: Option<ErrorView>,
}

/// A sync whose latest run is the first with failed rows.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FirstErrorsView {
    pub sync_id: String,
    pub run_id: String,
    pub rows_failed: u64,
    pub completed_at: Option<Timestamp>,
}

/// Open dead letters of a sync.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenLettersView {
    pub sync_id: String,
    pub open: u64,
}

/// How one sync's runs of a window went. Tests are left out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncHealthView {
    pub sync_id: String,
    /// Runs that ended in it.
    pub total_runs: u64,
    pub completed: u64,
    pub failed: u64,
    pub source_failures: u64,
    pub cancelled: u64,
    /// completed / (completed + failed + source failures), 0 to 1; null without any.
    pub success_rate: Option<f64>,
    /// Of work: without the time in which runs were held.
    pub average_duration_seconds: Option<f64>,
    /// Created, updated and deleted.
    pub rows_synced: u64,
    pub rows_failed: u64,
}
