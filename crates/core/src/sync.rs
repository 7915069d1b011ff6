//! The resolved definition of a sync: what a run is pinned to.
//!
//! The YAML documents (`syncline-config`) are read into these types with every default filled in.
//! They serialize to JSON without secrets; connections are named, never embedded.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::SyncId;
use crate::types::LogicalType;

/// The mapping config of one entity type in an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    pub id: SyncId,
    /// Id this sync had before; its memory is taken over at first sight.
    pub renamed_from: Option<SyncId>,
    /// Wanted state at first sight; afterwards activation is state, not configuration.
    pub active: bool,
    pub tags: Vec<String>,
    /// Name of the source connection.
    pub source: String,
    /// Name of the target connection.
    pub target: String,
    pub model: Model,
    pub to: Target,
    pub write_mode: WriteMode,
    pub on_removed: OnRemoved,
    pub on_match_change: OnMatchChange,
    /// Target fields in order. Empty: every column by its own name.
    pub mapping: Vec<FieldMapping>,
    /// SQL condition over the model's columns; rows where it is true are skipped.
    pub exclude: Option<String>,
    /// Keys (as row ids) that are always skipped.
    pub excluded_keys: Vec<String>,
    pub duplicates: Duplicates,
    /// Mirror also deletes records that were at the target before the sync.
    pub delete_adopted: bool,
    /// How often a mirror with a cursor reads all keys.
    pub full_read_every: Duration,
    pub publish: Publish,
    pub schedule: Option<Schedule>,
    pub guards: Guards,
    pub halt: Halt,
    pub store_values: StoreValues,
    pub schema_change: SchemaChange,
    /// Rows in one chunk; `None`: the destination's own best size.
    pub batch_size: Option<u32>,
    /// A held or saved plan older than this is planned again before it is applied.
    pub plan_ttl: Duration,
    /// How far before the cursor an incremental run reads again.
    pub lookback: Duration,
    /// `append` to a place where no ledger can be kept: a crash may append a chunk twice.
    pub duplicates_accepted: bool,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    pub query: ModelQuery,
    /// Key columns, at least one.
    pub key: Vec<String>,
    pub cursor: Option<String>,
    /// The source gives up on a statement after this long.
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelQuery {
    /// One SELECT statement. `origin` says where it stands (`syncs/crm.yaml:9` or a file's path).
    Sql { sql: String, origin: String },
    /// A table or view, optionally `schema.table`.
    Table(String),
    /// Files below the connection's folder.
    File(FileModel),
}

/// Files that make up one model: all matches of a pattern, in name order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileModel {
    /// Path or glob, relative to the connection's folder.
    pub path: String,
    /// `None`: by the file's ending.
    pub format: Option<FileFormat>,
    /// Types of columns that the format does not type (CSV) or types too loosely (JSON Lines).
    pub types: BTreeMap<String, LogicalType>,
    /// CSV: the separating byte; default `,`.
    pub delimiter: Option<char>,
    /// CSV: this text means NULL, besides an empty unquoted field.
    pub null: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    Csv,
    Jsonl,
    Parquet,
}

/// Where it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Table, API object or file path.
    pub object: String,
    /// Target fields that identify a record. Empty only for `append`.
    pub match_fields: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    Insert,
    Update,
    Upsert,
    Mirror,
    Append,
    TwoWay,
}

impl WriteMode {
    pub const ALL: [WriteMode; 6] = [
        WriteMode::Insert,
        WriteMode::Update,
        WriteMode::Upsert,
        WriteMode::Mirror,
        WriteMode::Append,
        WriteMode::TwoWay,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            WriteMode::Insert => "insert",
            WriteMode::Update => "update",
            WriteMode::Upsert => "upsert",
            WriteMode::Mirror => "mirror",
            WriteMode::Append => "append",
            WriteMode::TwoWay => "two_way",
        }
    }
}

/// What happens at the target to a record that left the model (mirror mode).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRemoved {
    Delete,
    /// Set every delivered field except the match fields to NULL.
    ClearFields,
    /// Set `field` to the text `value` (a boolean field takes `true`, a timestamp field `now`).
    Flag {
        field: String,
        value: String,
    },
    Ignore,
}

/// What happens when a known key's match value changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMatchChange {
    /// The row fails, saying so.
    Fail,
    /// Update the old record, its match fields included.
    UpdateById,
    /// Remove the old record and create a new one.
    Recreate,
}

/// One target field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldMapping {
    pub field: String,
    /// SQL expression over the model's columns.
    pub value: String,
    pub write: FieldWrite,
    pub nulls: Nulls,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldWrite {
    #[default]
    Always,
    /// Only while the target's field is NULL or empty text.
    IfEmpty,
    /// Only when the record is created.
    CreateOnly,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nulls {
    /// NULL is written.
    #[default]
    Write,
    /// NULL leaves the target's value.
    Skip,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    #[default]
    Fail,
    KeepFirst,
    KeepLast,
}

/// When written rows become visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    /// All at once at the end; a run that fails leaves nothing.
    Atomic,
    /// Chunk by chunk.
    Progressive,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreValues {
    #[default]
    Full,
    /// Values are kept as a short hash, so that a change shows but not what it was.
    Masked,
    None,
}

/// What a run does when a mapped column was dropped or changed its type since the last run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaChange {
    #[default]
    Fail,
    /// Go on when every mapping still type-checks.
    Adapt,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    pub when: When,
    pub jitter: Duration,
    pub overlap: Overlap,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    Every(Duration),
    Cron {
        expression: String,
        timezone: String,
    },
    /// After a successful run of another sync.
    After(SyncId),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    #[default]
    QueueOne,
    Skip,
}

/// A number of records, or a percentage of some base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Count(u64),
    /// 10.0 is ten percent.
    Percent(f64),
}

impl Limit {
    /// Whether `count` of `base` is above this limit. A percentage of nothing is never passed.
    pub fn is_exceeded_by(self, count: u64, base: u64) -> bool {
        match self {
            Limit::Count(max) => count > max,
            Limit::Percent(max) => base > 0 && count as f64 * 100.0 > max * base as f64,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::Count(n) => write!(f, "{n}"),
            Limit::Percent(p) => write!(f, "{p}%"),
        }
    }
}

/// Decided on the plan, before the first write; a tripped guard holds the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guards {
    pub max_creates: Option<Limit>,
    /// `None`: no limit, except after a change of configuration or version (1,000 and 50 %).
    pub max_updates: Option<Limit>,
    /// `None`: more than 10 records and (more than 10 % or more than 1,000), summed over 24 h.
    pub max_deletes: Option<Limit>,
    /// Drop of a complete read against the median of the last five.
    pub max_source_drop: Option<Limit>,
    /// Percentage points by which a field's share of NULLs may rise.
    pub max_nulled: Option<f64>,
    /// Rows that may fail before anything is sent.
    pub max_invalid: Option<Limit>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_creates: None,
            max_updates: None,
            max_deletes: None,
            max_source_drop: Some(Limit::Percent(50.0)),
            max_nulled: Some(50.0),
            max_invalid: None,
        }
    }
}

/// Thresholds that end a run and stop its sync until a person activates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Halt {
    /// First-time row failures; a percentage counts once 100 rows were tried.
    pub failed_rows: Option<Limit>,
    /// Runs in a row.
    pub consecutive_failures: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_exceeded_only_above_them() {
        assert!(!Limit::Count(10).is_exceeded_by(10, 0));
        assert!(Limit::Count(10).is_exceeded_by(11, 0));
        assert!(!Limit::Percent(10.0).is_exceeded_by(10, 100));
        assert!(Limit::Percent(10.0).is_exceeded_by(11, 100));
        assert!(!Limit::Percent(10.0).is_exceeded_by(5, 0));
    }
}
