//! What is remembered of each key between runs.

use serde::{Deserialize, Serialize};

use crate::canon::{Hash128, Key};

/// How a record was taken off the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalAction {
    /// The record was deleted.
    Delete,
    /// Its delivered fields were set to NULL.
    Clear,
    /// A flag field was set.
    Flag,
}

impl RemovalAction {
    pub fn as_str(self) -> &'static str {
        match self {
            RemovalAction::Delete => "delete",
            RemovalAction::Clear => "clear",
            RemovalAction::Flag => "flag",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [RemovalAction::Delete, RemovalAction::Clear, RemovalAction::Flag]
            .into_iter()
            .find(|a| a.as_str() == text)
    }
}

/// The state of one key in a snapshot. What a later run does with it is decided in
/// `syncline_engine::decide`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EntryState {
    /// The target acknowledged `delivered_hash`.
    Delivered,
    /// Rejected or undelivered. Tried again as soon as the source row changes; unchanged, in the run
    /// with epoch `retry_epoch` or later (1, 2, 4 … runs after the attempt), or once the time is past
    /// `retry_at_micros` (UTC, at most 24 h after the attempt).
    Pending { attempts: u32, retry_epoch: u64, retry_at_micros: i64 },
    /// `update` mode: no such record at the target.
    Absent,
    /// `insert` mode: was there before us; never ours, never deleted.
    Foreign,
    /// Taken off the target; not repeated.
    Removed { action: RemovalAction },
    /// Replayed with an edited payload; left alone until the source row changes.
    Edited,
}

impl EntryState {
    pub fn name(&self) -> &'static str {
        match self {
            EntryState::Delivered => "delivered",
            EntryState::Pending { .. } => "pending",
            EntryState::Absent => "absent",
            EntryState::Foreign => "foreign",
            EntryState::Removed { .. } => "removed",
            EntryState::Edited => "edited",
        }
    }
}

/// Whether we created the target's record or found it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Created,
    /// An update met a record that was there before; mirror deletes it only with `delete_adopted`.
    Adopted,
}

/// One key's entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub key: Key,
    pub state: EntryState,
    /// Version of the canonical encoding and of the hashes below.
    pub format: u8,
    /// Fingerprint of the source columns the mapping used, of the row as last seen.
    pub source_fp: Option<Hash128>,
    /// Hash of the target fields as last acknowledged. `None`: nothing was ever delivered.
    pub delivered_hash: Option<Hash128>,
    pub origin: Origin,
    /// Canonical bytes of the match fields as delivered (see [`crate::canon::decode_columns`]).
    pub match_value: Option<Box<[u8]>>,
    /// The target's own id of the record, where it assigns one.
    pub target_id: Option<String>,
    /// The delivered fields, where the sync keeps values: see [`crate::canon::encode_fields`].
    pub values: Option<Box<[u8]>>,
}
