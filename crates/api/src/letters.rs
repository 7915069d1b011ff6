//! Dead letters.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_store::{DeadLetter, LetterGroup};
use utoipa::ToSchema;

/// A record that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LetterView {
    pub id: String,
    pub sync_id: String,
    pub entity: String,
    pub row_id: String,
    /// The run that failed last.
    pub run_id: String,
    pub correlation_id: String,
    /// `open`, `replaying`, `resolved_auto`, `resolved_replay`, `resolved_user`, `ignored` or `expired`.
    pub state: String,
    pub stage: String,
    pub code: String,
    pub message: String,
    pub field: Option<String>,
    pub raw_value: Option<String>,
    /// Same for errors of the same kind.
    pub fingerprint: String,
    pub operation: String,
    pub attempts: u32,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// For example `may_have_been_written`.
    pub flags: Vec<String>,
    /// Hash of the mapping the payload was made with.
    pub mapping_version: String,
    /// Source columns by name, where the sync keeps values.
    pub source_row: Option<serde_json::Value>,
    /// Target fields as sent, or as far as mapping got, where the sync keeps values.
    pub payload: Option<serde_json::Value>,
    /// What a person wants to be sent instead.
    pub edited: Option<EditedView>,
    /// The run that replays it, while it is `replaying`.
    pub replayed_by: Option<String>,
}

/// A payload as a person corrected it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EditedView {
    /// All target fields by name.
    pub payload: serde_json::Value,
    pub by: String,
    pub at: Timestamp,
}

impl From<DeadLetter> for LetterView {
    fn from(l: DeadLetter) -> Self {
        Self {
            id: l.id.to_string(),
            sync_id: l.sync_id.to_string(),
            entity: l.entity,
            row_id: l.row_id,
            run_id: l.run_id.to_string(),
            correlation_id: l.correlation_id,
            state: l.state.as_str().into(),
            stage: l.stage.as_str().into(),
            code: l.code,
            message: l.message,
            field: l.field,
            raw_value: l.raw_value,
            fingerprint: l.fingerprint,
            operation: l.op,
            attempts: l.attempts,
            first_seen_at: l.first_seen_at,
            last_seen_at: l.last_seen_at,
            flags: l.flags,
            mapping_version: l.mapping_version,
            source_row: l.source_row,
            payload: l.payload,
            edited: l.edited.map(|e| EditedView { payload: e.payload, by: e.by, at: e.at }),
            replayed_by: l.replayed_by.map(|run| run.to_string()),
        }
    }
}

/// Letters with one error.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LetterGroupView {
    pub fingerprint: String,
    pub sync_id: String,
    pub code: String,
    pub stage: String,
    pub field: Option<String>,
    /// Message of the letter seen last.
    pub message: String,
    pub count: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// The letter seen last.
    pub example_id: String,
}

impl From<LetterGroup> for LetterGroupView {
    fn from(g: LetterGroup) -> Self {
        let example = g.example;
        Self {
            fingerprint: g.fingerprint,
            sync_id: example.sync_id.to_string(),
            code: example.code,
            stage: example.stage.as_str().into(),
            field: example.field,
            message: example.message,
            count: g.count,
            first_seen_at: g.first_seen_at,
            last_seen_at: g.last_seen_at,
            example_id: example.id.to_string(),
        }
    }
}
