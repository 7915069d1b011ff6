//! The server and its figures.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ProblemItem;
use crate::words::*;

/// What a server says of itself.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ServerView {
    pub version: String,
    /// Name of this server among those that share the state.
    pub worker: String,
    pub started_at: Timestamp,
    /// `sqlite` or `postgres`.
    #[schema(value_type = StateKindWord)]
    pub state: String,
    /// The environment whose overlay was applied.
    pub environment: Option<String>,
    /// Runs that may go on at once here.
    pub parallel: u64,
    /// Where people reach the server, for links in notifications.
    pub base_url: Option<String>,
    pub retention: RetentionView,
    pub limits: LimitsView,
    /// When the project's files were last read without an error.
    pub project_read_at: Timestamp,
    /// What is wrong with the files as they are now, or with objects made by the API. With errors in
    /// files, what they said before goes on.
    pub project_problems: Vec<ProblemItem>,
    pub runs: BTreeMap<String, u64>,
    /// The keys of the secrets that the server keeps, by their ids. The first one encrypts; one that
    /// has no secrets and is not the first can be taken away.
    pub encryption_keys: Vec<EncryptionKeyView>,
}

/// How long things are kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RetentionView {
    pub runs_seconds: u64,
    pub dead_letters_seconds: u64,
    /// Most dead letters.
    pub dead_letters_max: u64,
    /// Events, and messages that were settled.
    pub events_seconds: u64,
}

/// What the server takes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LimitsView {
    /// Bytes that all runs together may hold in memory.
    pub memory_budget_bytes: u64,
    /// Runs of one sync that may wait.
    pub queued_per_sync_max: u64,
    /// Largest body of a request.
    pub body_bytes_max: u64,
    /// A browser's session ends after this.
    pub session_seconds: u64,
}

/// A key that encrypts secrets in the state. Nothing of it but its id is ever shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EncryptionKeyView {
    pub id: String,
    /// Secrets that are encrypted with it now.
    pub secrets: u64,
    /// Whether this server has it. Without it, its secrets cannot be used.
    pub available: bool,
}

/// What came of encrypting every secret under the newest key.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RotatedKeysView {
    /// The newest key.
    pub key_id: String,
    /// Secrets that were under another key.
    pub rotated: u64,
    /// Secrets that were under the newest key already.
    pub current: u64,
    /// Secrets that cannot be decrypted, and were left as they are.
    pub undecryptable: u64,
    /// The first of those, and why.
    pub problems: Vec<ProblemItem>,
}

/// Sync Health over a window.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HealthView {
    /// `24h`, `7d` or `30d`.
    #[schema(value_type = WindowWord)]
    pub window: String,
    pub since: Timestamp,
    /// Runs that ended in it, tests left out.
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
    /// Syncs whose latest run failed or had failed rows.
    pub syncs_with_errors: Vec<String>,
    /// Runs by status over time.
    pub periods: Vec<PeriodView>,
    /// What waits for a person.
    pub attention: AttentionView,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PeriodView {
    /// A whole hour (`24h`), every sixth hour (`7d`) or a day (`30d`) in UTC; of the first period, `since`.
    pub start: Timestamp,
    pub by_status: BTreeMap<String, u64>,
}

/// What waits for a person.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct AttentionView {
    pub held_runs: u64,
    pub halted_syncs: Vec<String>,
    pub open_dead_letters: u64,
}

/// How a sync's runs develop.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TrendsView {
    pub sync_id: String,
    /// Newest first.
    pub points: Vec<TrendPoint>,
    /// The share of failed rows is above 1 % in three runs in a row.
    pub systematic_errors: bool,
    /// The first run with errors: look at them before the next.
    pub review_first_errors: bool,
}

/// One run in a trend.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TrendPoint {
    pub run_id: String,
    pub at: Timestamp,
    #[schema(value_type = RunStatusWord)]
    pub status: String,
    pub rows_processed: u64,
    pub rows_failed: u64,
    /// failed / processed, 0 to 1.
    pub error_rate: f64,
    pub duration_seconds: f64,
    pub flags: Vec<TrendFlag>,
}

/// A sudden change against the median of the ten runs before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrendFlag {
    /// `rows_spike`, `rows_drop`, `slower` or `error_rate_rise`.
    #[schema(value_type = FlagWord)]
    pub kind: String,
    pub message: String,
    /// What it usually comes from.
    pub likely_causes: Vec<String>,
}

/// The answer of `/healthz` and `/readyz`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Liveness {
    pub status: String,
}
