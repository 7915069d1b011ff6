//! Purging: removing what is kept of single records.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which records are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgedKeys {
    /// Keys as row ids: a text each, of composite keys a JSON array of texts.
    #[schema(min_items = 1, max_items = 1000)]
    pub keys: Vec<String>,
}

/// Removes what is kept of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeRequest {
    /// Keys as row ids: a text each, of composite keys a JSON array of texts.
    #[schema(min_items = 1, max_items = 1000)]
    pub keys: Vec<String>,
    /// The sync's id, typed by whoever wants it.
    pub confirm: String,
}

/// What a purge removed, or would remove, by place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurgeView {
    pub sync_id: String,
    /// Keys that were asked for.
    pub keys: u64,
    /// It took place; false for an estimate.
    pub purged: bool,
    /// Changes in the stored plans of runs.
    pub planned_changes: u64,
    /// Rows in the stored outcomes of runs.
    pub outcomes: u64,
    pub dead_letters: u64,
    /// Stored errors of runs.
    pub row_errors: u64,
    /// Runs that were asked for the records by id, did not find them, or named them where a guard tripped.
    pub runs: u64,
    /// Messages that cited a value of the records.
    pub messages: u64,
    /// Records that the snapshot knows nothing of any more.
    pub entries_removed: u64,
    /// Records whose values went from the snapshot.
    pub entries_emptied: u64,
    /// Records of which the snapshot keeps the key, the match value and the target's id, because the next
    /// run needs them.
    pub entries_kept: u64,
    /// Records in what reseeds exported.
    pub exported: u64,
    /// Answers that were kept for repeated requests.
    pub answers: u64,
    /// Files that nothing named any more.
    pub leftover_files: u64,
}
