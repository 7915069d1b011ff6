//! Changes and their outcomes.

use serde::{Deserialize, Serialize};

use crate::snapshot_entry::RemovalAction;

/// The five stages a record passes. A dead letter names the one that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Read from the source.
    Ingest,
    /// Brought to canonical types.
    Normalize,
    /// Mapped to the target's shape.
    Transform,
    /// Sent.
    Execute,
    /// Recorded.
    Finalize,
}

impl Stage {
    pub const ALL: [Stage; 5] =
        [Stage::Ingest, Stage::Normalize, Stage::Transform, Stage::Execute, Stage::Finalize];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Ingest => "ingest",
            Stage::Normalize => "normalize",
            Stage::Transform => "transform",
            Stage::Execute => "execute",
            Stage::Finalize => "finalize",
        }
    }
}

/// What a destination is asked to do with one record.
///
/// Which statement that becomes depends on the sync's write mode: `Write` inserts new records only
/// in `insert` mode, changes existing ones only in `update` mode, and does either in `upsert`,
/// `mirror` and `two_way`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Create or update by match value, as the write mode allows. The plan expects a create.
    Create,
    /// Create or update by match value, as the write mode allows. The plan expects an update.
    Update,
    /// Append a new record.
    Append,
    /// Remove a record in the way `on_removed` says.
    Remove(RemovalAction),
}

impl Op {
    pub const ALL: [Op; 6] = [
        Op::Create,
        Op::Update,
        Op::Append,
        Op::Remove(RemovalAction::Delete),
        Op::Remove(RemovalAction::Clear),
        Op::Remove(RemovalAction::Flag),
    ];

    pub fn is_removal(self) -> bool {
        matches!(self, Op::Remove(_))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Append => "append",
            Op::Remove(action) => action.as_str(),
        }
    }

    pub fn parse(text: &str) -> Option<Op> {
        Some(match text {
            "create" => Op::Create,
            "update" => Op::Update,
            "append" => Op::Append,
            other => Op::Remove(RemovalAction::parse(other)?),
        })
    }
}

/// Why a row that was read is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// Equal to what was delivered.
    Unchanged,
    /// Matches `exclude` or the list of excluded keys.
    Excluded,
    /// `insert` mode: the record was at the target before.
    Exists,
    /// `update` mode: the target has no such record.
    Absent,
    /// A pending row that did not change and is not due yet.
    BackingOff,
    /// Another row with the same key was kept (`duplicates: keep_first | keep_last`).
    Duplicate,
    /// Replayed with an edited payload and the source row has not changed since.
    Edited,
    /// A person ignored its dead letter and the source row has not changed since.
    Ignored,
}

impl SkipReason {
    pub fn as_str(self) -> &'static str {
        match self {
            SkipReason::Unchanged => "unchanged",
            SkipReason::Excluded => "excluded",
            SkipReason::Exists => "exists",
            SkipReason::Absent => "absent",
            SkipReason::BackingOff => "backing_off",
            SkipReason::Duplicate => "duplicate",
            SkipReason::Edited => "edited",
            SkipReason::Ignored => "ignored",
        }
    }
}

/// Why one row failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    /// Stable code, for example `not_null_violation`.
    pub code: String,
    /// A sentence for people. Never contains another row's values.
    pub message: String,
    /// The target field (or, before mapping, the source column) at fault, when known.
    pub field: Option<String>,
    /// Canonical text of the value at fault, when known.
    pub raw_value: Option<String>,
}

impl RowError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), field: None, raw_value: None }
    }

    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn raw_value(mut self, value: Option<String>) -> Self {
        self.raw_value = value;
        self
    }
}

/// What a destination answered for one record of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum RowResult {
    /// A new record exists at the target.
    Created {
        /// The target's own id, when it assigns one.
        target_id: Option<String>,
    },
    /// An existing record was changed (or already had these values).
    Updated { target_id: Option<String> },
    /// Removed as asked; also when it was gone already.
    Removed,
    /// `insert` mode: a record with this match value existed; nothing was written.
    Exists,
    /// `update` mode: no record with this match value; nothing was written.
    Absent,
    /// The target refused this record; nothing of it was written.
    Rejected(RowError),
    /// Whether it was written is not known.
    Unknown(RowError),
}
