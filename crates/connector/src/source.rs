//! The reading side.

use std::pin::Pin;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::Stream;
use jiff::Timestamp;
use syncline_core::sync::Model;
use syncline_core::{CursorValue, Error, Result, RowError};

use crate::raw::RawBatch;

/// A system that models are read from.
///
/// Contract:
/// - Reading changes nothing at the source: SQL runs read-only, one statement, with the model's
///   timeout.
/// - Batches arrive in canonical form (see [`syncline_core::types`]), bounded by bytes (about 4 MiB)
///   and by 65,536 rows, in one schema for the whole read.
/// - A read is one consistent snapshot where the system can give one; [`ReadEnd`] says which.
/// - Any failure, at any moment, ends the stream with an error: `source_unreachable` when trying
///   again may help, `source_auth_failed`, `model_query_failed` (with the place in the SQL or file)
///   or `unsupported_type` (naming the column). A stream that ends without [`SourceItem::End`] was
///   cut off and counts as unreachable; a short read is never an empty one.
/// - A row that cannot be brought to canonical form is reported as invalid or unreadable, and the
///   read goes on.
/// - The source does not retry, filter duplicates or sort unless [`ReadRequest::order_by`] says so.
/// - Reads may run concurrently. Dropping the stream ends the read at the source soon.
#[async_trait]
pub trait Source: Send + Sync {
    /// Connects and answers one line: what is at the other end, without secrets.
    async fn check(&self) -> Result<String>;

    /// Lists what could be read (tables, views, files), with columns and keys.
    async fn discover(&self) -> Result<Vec<StreamInfo>>;

    /// The columns that a model has, in order, in canonical types.
    async fn describe(&self, model: &Model) -> Result<SchemaRef>;

    /// Starts a read.
    async fn read(&self, request: ReadRequest) -> Result<SourceStream>;

    /// Whether `read` itself applies [`ReadRequest::filter`] and [`ReadRequest::order_by`].
    /// If not, it must ignore both and the engine applies them.
    fn pushes_down(&self) -> bool;

    /// Names the system so that another one is noticed: for example host, port and database, or a
    /// folder. Never contains secrets.
    fn identity(&self) -> String;
}

/// What to read.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    pub model: Model,
    /// Only these columns, in this order; `None`: all of the model.
    pub columns: Option<Vec<String>>,
    pub filter: ReadFilter,
    /// Ascending, NULLs last. Empty: any order.
    pub order_by: Vec<String>,
    /// The reader would rather compare rows before they are decoded: a source that can sends
    /// [`SourceItem::Raw`] instead of batches. Others ignore it.
    pub identify: Option<Identify>,
}

/// What a source of undecoded rows computes of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identify {
    /// Seed of the fingerprints, different for every sync and mapping.
    pub seed: u64,
    /// The columns that fingerprints cover: key, mapping and filter, but not a cursor that only says
    /// when a row changed.
    pub columns: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum ReadFilter {
    All,
    /// Rows whose cursor column is NULL or at least `from` (boundary ties are read again), and rows
    /// with one of `keys`.
    Since {
        column: String,
        from: CursorValue,
        keys: Vec<Vec<String>>,
    },
    /// Only rows with one of these keys: canonical text of each key column, in the model's key
    /// order. A text that is no value of its column's type matches nothing.
    Keys(Vec<Vec<String>>),
}

pub type SourceStream = Pin<Box<dyn Stream<Item = Result<SourceItem>> + Send>>;

/// A stream yields batches and then exactly one `End`.
#[derive(Debug)]
pub enum SourceItem {
    Batch(SourceBatch),
    /// Only when [`ReadRequest::identify`] asked for it.
    Raw(Box<dyn RawBatch>),
    End(ReadEnd),
}

impl SourceItem {
    /// The batch of a read that did not ask for undecoded rows; `None` at its end.
    pub fn into_batch(self) -> Result<Option<SourceBatch>> {
        match self {
            SourceItem::Batch(batch) => Ok(Some(batch)),
            SourceItem::Raw(_) => Err(Error::internal("a source sent undecoded rows without being asked")),
            SourceItem::End(_) => Ok(None),
        }
    }
}

/// Rows of one read.
#[derive(Debug)]
pub struct SourceBatch {
    pub rows: RecordBatch,
    /// Rows of the batch that have a value without canonical form. Their key columns are intact;
    /// the value at fault is NULL in `rows`.
    pub invalid: Vec<InvalidRow>,
    /// Rows that could not be read at all, and therefore are not in `rows`.
    pub unreadable: Vec<UnreadableRow>,
}

impl From<RecordBatch> for SourceBatch {
    fn from(rows: RecordBatch) -> Self {
        Self { rows, invalid: Vec::new(), unreadable: Vec::new() }
    }
}

#[derive(Clone, Debug)]
pub struct InvalidRow {
    /// Index in the batch.
    pub row: usize,
    pub error: RowError,
}

#[derive(Clone, Debug)]
pub struct UnreadableRow {
    /// Where it stands, for example `contacts.csv:17`.
    pub place: String,
    pub error: RowError,
}

/// How a read ended well.
#[derive(Clone, Debug)]
pub struct ReadEnd {
    pub consistency: Consistency,
    /// The source's own clock at the start of the read: rows dated after it do not move the cursor.
    pub now: Option<Timestamp>,
    /// Start of the oldest write transaction that was open when the read began: commits dated after
    /// it may still be invisible. `None`: not known or none.
    pub oldest_open_write: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// All rows are of one moment.
    Snapshot,
    /// Read page by page in key order: a row moved meanwhile may be missed or doubled, not lost.
    Keyset,
    /// Nothing is promised; absence must be seen twice.
    Unstable,
}

/// Something a source offers.
#[derive(Clone, Debug)]
pub struct StreamInfo {
    /// Name as a model would write it.
    pub name: String,
    pub schema: SchemaRef,
    /// Primary key columns, when declared.
    pub key: Vec<String>,
}
