//! What is synced, as it is written: connections, instances and the definitions of syncs.
//!
//! A `document` is what stands in a project's file: an entry of `connections` in `syncline.yaml`, or a
//! file in `syncs/`. Secrets are given in it and never answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::words::*;
use crate::{ProblemItem, RunView, SyncView};

/// Where something is defined, and which version of it this is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OriginView {
    /// `file` (changed there, read-only here) or `api`.
    #[schema(value_type = OriginWord)]
    pub kind: String,
    /// Of a file: `syncs/crm.yaml:1`.
    pub place: Option<String>,
    /// Of an object made by the API: one more with every change, as in `ETag`.
    pub revision: Option<u64>,
    pub updated_at: Option<Timestamp>,
}

/// A connection, without its secrets.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConnectionView {
    pub name: String,
    /// The connector, for example `postgres`.
    #[serde(rename = "type")]
    pub type_name: String,
    pub description: Option<String>,
    /// As written. Secrets are null, a password in a URL is `***`; sent back like this, they stay as
    /// they are.
    pub document: Map<String, Value>,
    /// JSON pointers, into the document, of the secrets that are set.
    pub secrets_set: Vec<String>,
    pub origin: OriginView,
    /// Syncs that read or write it.
    pub used_by: Vec<String>,
    /// With an error among them it cannot be used.
    pub problems: Vec<ProblemItem>,
    /// Null: it was not checked yet.
    #[serde(default)]
    pub last_check: Option<LastCheckView>,
}

/// How a connection did when somebody tried it last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LastCheckView {
    pub at: Timestamp,
    /// Name of the token of whoever tried it.
    pub by: String,
    /// Every end that it has answered.
    pub good: bool,
    /// The connection was changed since.
    pub outdated: bool,
    /// Null if nothing can be read from it.
    pub source: Option<EndCheck>,
    /// Null if nothing can be written to it.
    pub destination: Option<EndCheck>,
    /// Why neither end could be asked, for example a secret that is not set.
    pub error: Option<EndCheck>,
}

/// A connection to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConnection {
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// `type` and the options of that type; see `GET /connectors`.
    pub document: Map<String, Value>,
}

/// What a connection is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedConnection {
    /// All of it. Secrets that are null, or `***` in a URL, stay as they are, unless the connection
    /// would lead to another system: then they have to be given again.
    pub document: Map<String, Value>,
}

/// A connection to be tried before it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriedConnection {
    /// Of the connection that is being changed: its secrets are used where the document leaves them out.
    #[serde(default)]
    pub name: Option<String>,
    pub document: Map<String, Value>,
}

/// What a connection answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConnectionCheck {
    /// Every end that it has answered.
    pub good: bool,
    /// Null if nothing can be read from it.
    pub source: Option<EndCheck>,
    /// Null if nothing can be written to it.
    pub destination: Option<EndCheck>,
}

/// What one end answered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EndCheck {
    pub good: bool,
    /// One line about it, or what is wrong.
    pub message: String,
    /// Code of the error.
    pub code: Option<String>,
    pub help: Option<String>,
}

/// Which of the things that a source offers to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverRequest {
    /// Part of the names wanted, in upper or lower case.
    #[serde(default)]
    pub search: Option<String>,
    /// 200 unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 5000)]
    pub limit: Option<u64>,
}

/// What a source offers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Discovery {
    pub streams: Vec<StreamView>,
    /// How many there are that fit the search.
    pub total: u64,
    /// The source has more than were looked at.
    pub more: bool,
}

/// A table, view or file that can be a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StreamView {
    /// As a model names it.
    pub name: String,
    pub columns: Vec<ColumnView>,
    /// Columns of the declared primary key.
    pub key: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnView {
    pub name: String,
    /// For example `numeric(10,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    pub nullable: bool,
}

/// A type of connections.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConnectorView {
    /// `type` of its connections.
    #[serde(rename = "type")]
    pub type_name: String,
    pub title: String,
    /// JSON Schema of its options.
    pub options_schema: Map<String, Value>,
    /// Null if nothing can be read.
    pub source: Option<SourceAbilities>,
    /// Null if nothing can be written.
    pub destination: Option<DestinationAbilities>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SourceAbilities {
    /// Ways of naming what is read: `sql`, `table`, `file`.
    pub models: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DestinationAbilities {
    #[schema(value_type = Vec<WriteModeWord>)]
    pub write_modes: Vec<String>,
    pub on_removed: Vec<String>,
    pub on_match_change: Vec<String>,
    /// The first is the default.
    pub publish: Vec<String>,
    /// Whether fields may say `write: if_empty | create_only` and `nulls: skip`.
    pub field_rules: bool,
    /// Rows of a chunk unless the sync says otherwise.
    pub batch_size: u32,
    pub batch_size_max: u32,
    /// Sending a chunk twice has the same effect as sending it once (except `append`).
    pub idempotent: bool,
}

/// Two connections and the syncs between them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InstanceView {
    pub name: String,
    pub source: String,
    pub target: String,
    /// Ids of its syncs, in the order of the document.
    pub syncs: Vec<String>,
    /// As written.
    pub document: Map<String, Value>,
    pub origin: OriginView,
    /// With an error among them it is not part of the project.
    pub problems: Vec<ProblemItem>,
}

/// An instance to be made or replaced.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceRequest {
    /// As a file in `syncs/`.
    pub document: Map<String, Value>,
    /// Whether new syncs get a `seed` run at once, which they do if this is left out.
    #[serde(default)]
    pub seed: Option<bool>,
}

/// An instance that was made or replaced.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredInstance {
    pub instance: InstanceView,
    /// The first runs of its new syncs.
    pub seeds: Vec<SeedView>,
}

/// The first run of a new sync.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SeedView {
    pub sync_id: String,
    pub run: Option<RunView>,
    /// Why there is none.
    pub refused: Option<ProblemItem>,
}

/// A sync to be added to an instance.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSync {
    /// An instance made by the API.
    pub instance: String,
    /// Its name in there.
    pub entity: String,
    /// As below `entities` in a file of `syncs/`.
    pub definition: Map<String, Value>,
    /// Whether it gets a `seed` run at once, which it does if this is left out.
    #[serde(default)]
    pub seed: Option<bool>,
}

/// What a sync is to be.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedSync {
    /// All of it, as below `entities` in a file of `syncs/`.
    pub definition: Map<String, Value>,
}

/// A sync that was made or changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct StoredSync {
    pub sync: SyncView,
    /// The first run of a new one.
    pub seed: Option<SeedView>,
}

/// What a sync is, as it is written.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct DefinitionView {
    pub sync_id: String,
    pub instance: String,
    pub entity: String,
    /// As below `entities`, without what it inherits.
    pub definition: Map<String, Value>,
    /// The same as a run takes it, with what it inherits and every default filled in. Durations have `secs`
    /// and `nanos`. Null while the definition cannot be used.
    pub resolved: Option<Map<String, Value>>,
    pub origin: OriginView,
}

/// A sync or a whole instance to be tried before it is kept: either `document`, or `instance`, `entity`
/// and `definition`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// A whole instance.
    #[serde(default)]
    pub document: Option<Map<String, Value>>,
    /// An instance made by the API.
    #[serde(default)]
    pub instance: Option<String>,
    /// The sync that is meant; its name in the instance.
    #[serde(default)]
    pub entity: Option<String>,
    #[serde(default)]
    pub definition: Option<Map<String, Value>>,
}

/// Everything that is to be said about a draft.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Validation {
    /// There is no error.
    pub valid: bool,
    /// Errors first.
    pub problems: Vec<ProblemItem>,
}

/// How much to preview.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// Rows; 10 unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200)]
    pub limit: Option<u64>,
}

/// A sync to be previewed before it is kept.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftPreviewRequest {
    /// With `entity`, unless the document has only one.
    pub draft: Draft,
    /// Rows; 10 unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200)]
    pub limit: Option<u64>,
}

/// The first rows of a model beside what would be sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewView {
    pub rows: Vec<PreviewRowView>,
    /// `bytes` or `time`: why there are fewer rows than asked for although the model has more.
    #[schema(value_type = Option<CutWord>)]
    pub cut: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewRowView {
    /// The source's row; where it could not be read, its place.
    pub source: Value,
    /// `payload`, `excluded` or `invalid`.
    #[schema(value_type = PreviewOutcomeWord)]
    pub outcome: String,
    /// What would be sent.
    pub payload: Option<Value>,
    /// Why nothing would be.
    pub error: Option<PreviewError>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PreviewError {
    pub code: String,
    pub message: String,
    pub field: Option<String>,
    pub raw_value: Option<String>,
}

/// How to check a sync.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// Make the target if it is missing.
    #[serde(default)]
    pub create: bool,
}

/// What a check of a sync found.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncCheck {
    /// It can run.
    pub good: bool,
    /// One line about each end.
    pub source: String,
    pub target: String,
    /// Columns of the model.
    pub columns: Vec<CheckedColumn>,
    /// Fields that will be written.
    pub fields: Vec<String>,
    pub problems: Vec<ProblemItem>,
    /// How the missing target would be made, or was.
    pub creation: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckedColumn {
    pub name: String,
    #[serde(rename = "type")]
    pub type_name: String,
}
