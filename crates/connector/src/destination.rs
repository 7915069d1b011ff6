//! The writing side.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use syncline_core::sync::{FieldWrite, Nulls, Publish, Target, WriteMode};
use syncline_core::{LogicalType, Op, Result, RowResult, RunId, SyncUid};

/// A system that changes are written to.
///
/// Errors: `destination_unreachable` when trying again may help, `destination_auth_expired`,
/// `destination_unsuitable` (missing object, missing unique key, read-only) or `destination_failed`.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Connects and answers one line: what is at the other end, without secrets.
    async fn check(&self) -> Result<String>;

    /// Describes an object, or `None` when it does not exist.
    async fn describe(&self, object: &str) -> Result<Option<ObjectDescription>>;

    /// The statement (or a sentence) with which [`Destination::create`] would make the object, with
    /// a unique key on `match_fields`.
    fn creation_plan(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<String>;

    /// Creates the object.
    async fn create(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<()>;

    /// Opens a session for one run. Takes the fence: after this, sessions of the same sync with a
    /// smaller epoch can no longer commit (where the system can enforce it).
    async fn open(&self, request: OpenRequest) -> Result<Box<dyn Session>>;

    /// Begins a load straight into the object, in one transaction, and takes the fence. `None` where
    /// the object holds records already, or the system or this request cannot do it.
    async fn load(&self, _request: OpenRequest) -> Result<Option<Box<dyn DirectLoad>>> {
        Ok(None)
    }
}

/// Loading an object that is empty and closed to other writers, while the source is still being read.
///
/// Contract:
/// - Nothing is visible, or survives a crash, before `commit` returns; other writers wait until then.
/// - Any error means that the load as a whole is over and nothing of it stays; which row was at fault
///   need not be known. The engine then goes the ordinary way, chunk by chunk.
/// - The ledger entry of the one chunk, number 0, becomes durable with the rows, so that a new
///   session's `recover(0)` tells whether a commit whose answer was lost took place.
/// - Dropping a load without commit leaves nothing behind.
#[async_trait]
pub trait DirectLoad: Send {
    /// Adds rows, in the schema of the request.
    async fn write(&mut self, payload: &RecordBatch) -> Result<()>;

    /// Ends the rows: all constraints are checked, and the ledger entry is written with this digest.
    /// Returns how many records the object holds.
    async fn finish(&mut self, plan_digest: &str) -> Result<u64>;

    async fn commit(&mut self) -> Result<()>;
}

/// What an object at the target looks like.
#[derive(Clone, Debug)]
pub struct ObjectDescription {
    /// Fields in order. Empty with `open_schema`.
    pub fields: Vec<TargetField>,
    /// The object takes whatever fields are written (a file that does not exist yet).
    pub open_schema: bool,
    /// Sets of fields that are unique together and usable for matching.
    pub unique_keys: Vec<Vec<String>>,
    /// Why it cannot be written, if that can be told beforehand.
    pub not_writable: Option<String>,
    /// Names the object and its system, without secrets. Another value means it was repointed.
    pub identity: String,
    /// Changes when the object is dropped and recreated or its system restored to an older state;
    /// stays the same otherwise.
    pub incarnation: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetField {
    pub name: String,
    pub ty: LogicalType,
    /// The system's own name of the type, for messages.
    pub native_type: String,
    pub nullable: bool,
    /// A value is supplied when none is written.
    pub has_default: bool,
    /// Cannot be written (generated).
    pub read_only: bool,
    /// Most characters it takes.
    pub max_chars: Option<u32>,
    /// When two texts are the same value to the target.
    pub equality: Equality,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equality {
    #[default]
    Exact,
    CaseInsensitive,
    /// Trailing spaces do not count.
    Padded,
}

/// How one run writes.
#[derive(Clone, Debug)]
pub struct OpenRequest {
    pub sync_uid: SyncUid,
    pub run_id: RunId,
    pub epoch: u64,
    /// Identifies the plan; kept in the ledger.
    pub plan_digest: String,
    pub target: Target,
    pub write_mode: WriteMode,
    pub publish: Publish,
    /// Schema of every chunk's payload: target fields in canonical types, already coerced to the
    /// target's own. Match fields come first.
    pub schema: SchemaRef,
    /// One rule per field of `schema`.
    pub rules: Vec<FieldRule>,
    /// For removals that flag: field and value text (`now` in a timestamp field is the write's time).
    pub flag: Option<(String, String)>,
    /// A ledger is not required even where a repeated chunk would append twice.
    pub duplicates_accepted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRule {
    pub write: FieldWrite,
    pub nulls: Nulls,
}

/// Part of a plan that is sent at once.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Position in the plan, from 0. With the run id it names the chunk for ever.
    pub number: u32,
    /// One per row of `payload`.
    pub ops: Vec<Op>,
    /// Rows in the session's schema. A removal fills the match fields only.
    pub payload: RecordBatch,
    /// Match fields as they are at the target now, where they differ from `payload`
    /// (`on_match_change: update_by_id`): same number of rows, NULL where nothing differs.
    pub old_match: Option<RecordBatch>,
}

/// One run's writing, in one task.
///
/// Contract:
/// - `write` returns one result per row, in order, or an error for the chunk as a whole. A row the
///   target refuses is `Rejected` with the field at fault, and does not keep the others of its
///   chunk from being written (found by bisecting where the system refuses whole batches).
/// - Match values are unique within a chunk and, under atomic publish, within the run.
/// - Created and updated are what the target did, not what the plan expected.
/// - Nothing of a `write` is visible, or survives a crash, before `commit` returns, if the
///   destination can do that (SQL, files). `commit` publishes everything written since the last
///   commit; with [`Publish::Atomic`] the engine calls it once, at the end; with `Progressive`,
///   after each chunk. For APIs `write` itself is final and `commit` does nothing.
/// - The ledger entry of each chunk becomes durable in the same act as its rows.
/// - After an error from `write` the session is still usable for `rollback`; after an error from
///   `commit` the outcome is open and only `recover` in a new session tells.
/// - Constraints are checked in `write`, not first in `commit`.
/// - The session does not retry; the engine does, in a new session.
/// - Dropping a session without commit leaves nothing behind.
#[async_trait]
pub trait Session: Send {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>>;

    async fn commit(&mut self) -> Result<()>;

    async fn rollback(&mut self) -> Result<()>;

    /// What became of a chunk of this run that an earlier session may have sent.
    async fn recover(&mut self, chunk: u32) -> Result<Recovery>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The ledger has it: all its rows' effects are durable.
    Committed,
    /// Nothing of it is at the target.
    NotApplied,
    /// There is no way to know.
    Unknown,
}
