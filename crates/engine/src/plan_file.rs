//! The stored change set of a run: an Arrow IPC file with one record batch per chunk.
//!
//! Columns, in order: the bookkeeping columns below, then the target fields as `f:name` and, where
//! the sync keeps values, the source columns as `s:name`.
//!
//! Batches are in the order they were planned in. Chunks are numbered with removals first, so that a
//! match value freed by one record can be taken by another in the same run; the footer's
//! `syncline.order` lists the batch of each chunk, and `syncline.dropped` the rows of a batch that a
//! later row of their key took the place of. Without them chunks are the batches, whole.
//!
//! | column | type | |
//! |---|---|---|
//! | `_op` | Utf8 | create, update, append, delete, clear, flag |
//! | `_key` | Binary | canonical key |
//! | `_fp` | FixedSizeBinary(16) | source fingerprint; NULL for removals |
//! | `_hash` | FixedSizeBinary(16) | hash of the target fields; NULL for removals |
//! | `_match` | Binary | canonical match value, NULL without match fields |
//! | `_old_match` | Binary | match value at the target where it changes |
//! | `_before` | Binary | target fields as last delivered, where values are kept |
//! | `_origin` | Utf8 | created, adopted, or NULL for keys not delivered before |
//! | `_retry` | Boolean | the key failed before and is tried again |

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Write};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray, FixedSizeBinaryArray, FixedSizeBinaryBuilder,
    RecordBatch, StringBuilder, UInt32Array, new_null_array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::ipc::CompressionType;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::{FileWriter as IpcWriter, IpcWriteOptions};
use syncline_core::{Error, ErrorKind, Hash128, Key, Op, Origin, Result};
use syncline_store::{FileStore, FileWriter};

use crate::stored_bytes::{check_ipc_lengths, contained};

const FORMAT_KEY: &str = "syncline.format";
const FORMAT: &str = "plan/1";
const ORDER_KEY: &str = "syncline.order";
const DROPPED_KEY: &str = "syncline.dropped";
const BOOKKEEPING: usize = 9;

/// A chunk closes at this many bytes of Arrow memory, whatever its row limit: at a part of the budget,
/// within these.
const CHUNK_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=32 << 20;
const CHUNK_BUDGET_PART: u64 = 16;

/// One planned change, without its fields.
#[derive(Clone, Debug)]
pub struct PlannedChange {
    pub op: Op,
    pub key: Key,
    pub source_fp: Option<Hash128>,
    pub hash: Option<Hash128>,
    pub match_value: Option<Box<[u8]>>,
    pub old_match: Option<Box<[u8]>>,
    pub before: Option<Box<[u8]>>,
    pub origin: Option<Origin>,
    /// The key was pending: a failure of it is not a first one.
    pub retry: bool,
}

/// Collects changes into chunks and writes each to the plan's file when it is full.
pub struct PlanWriter {
    schema: SchemaRef,
    payload: SchemaRef,
    source: Option<SchemaRef>,
    chunk_rows: usize,
    chunk_bytes: usize,
    files: FileStore,
    path: String,
    writes: ChunkBuffer,
    removals: ChunkBuffer,
    /// Made with the first chunk.
    file: Option<IpcWriter<FileWriter>>,
    /// Batches so far.
    batches: Vec<Batch>,
}

/// A batch in the file.
struct Batch {
    rows: u64,
    is_removal: bool,
}

#[derive(Default)]
struct ChunkBuffer {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl ChunkBuffer {
    fn push(&mut self, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.batches.push(batch);
    }

    fn take(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let batches = std::mem::take(self).batches;
        Ok(concat_batches(schema, &batches)?)
    }
}

impl PlanWriter {
    /// `payload`: target fields. `source`: source columns to keep, or `None`. `path`: where the plan is
    /// to be.
    pub fn new(
        payload: SchemaRef,
        source: Option<SchemaRef>,
        chunk_rows: usize,
        memory_budget: u64,
        files: FileStore,
        path: String,
    ) -> Self {
        let mut fields: Vec<FieldRef> = [
            Field::new("_op", DataType::Utf8, false),
            Field::new("_key", DataType::Binary, false),
            Field::new("_fp", DataType::FixedSizeBinary(16), true),
            Field::new("_hash", DataType::FixedSizeBinary(16), true),
            Field::new("_match", DataType::Binary, true),
            Field::new("_old_match", DataType::Binary, true),
            Field::new("_before", DataType::Binary, true),
            Field::new("_origin", DataType::Utf8, true),
            Field::new("_retry", DataType::Boolean, false),
        ]
        .into_iter()
        .map(Arc::new)
        .collect();
        let prefixed = |prefix: &str, f: &FieldRef| {
            let field = f.as_ref().clone().with_name(format!("{prefix}{}", f.name())).with_nullable(true);
            Arc::new(field)
        };
        fields.extend(payload.fields().iter().map(|f| prefixed("f:", f)));
        if let Some(source) = &source {
            fields.extend(source.fields().iter().map(|f| prefixed("s:", f)));
        }
        let metadata = [(FORMAT_KEY.to_string(), FORMAT.to_string())].into();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Self {
            schema,
            payload,
            source,
            chunk_rows: chunk_rows.max(1),
            chunk_bytes: (memory_budget / CHUNK_BUDGET_PART).clamp(*CHUNK_BYTES.start(), *CHUNK_BYTES.end())
                as usize,
            files,
            path,
            writes: ChunkBuffer::default(),
            removals: ChunkBuffer::default(),
            file: None,
            batches: Vec::new(),
        }
    }

    /// Adds changes that write: one per row of `payload` (and of `source`, where it is kept).
    pub fn push_writes(
        &mut self,
        changes: &[PlannedChange],
        payload: &RecordBatch,
        source: Option<&RecordBatch>,
    ) -> Result<()> {
        let mut columns = bookkeeping(changes)?;
        columns.extend(payload.columns().iter().cloned());
        if let Some(kept) = &self.source {
            match source {
                Some(batch) => columns.extend(batch.columns().iter().cloned()),
                None => {
                    columns.extend(kept.fields().iter().map(|f| new_null_array(f.data_type(), changes.len())))
                }
            }
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        // Chunks hold at most `chunk_rows` rows: cut the batch where a chunk is full.
        let mut offset = 0;
        while offset < batch.num_rows() {
            let room = self.chunk_rows - self.writes.rows;
            let length = room.min(batch.num_rows() - offset);
            self.writes.push(batch.slice(offset, length));
            offset += length;
            if self.writes.rows >= self.chunk_rows || self.writes.bytes >= self.chunk_bytes {
                self.close_writes()?;
            }
        }
        Ok(())
    }

    /// Adds changes of any kind as one chunk, with source columns where they are kept.
    pub fn push_chunk(
        &mut self,
        changes: &[PlannedChange],
        payload: &RecordBatch,
        source: Option<&RecordBatch>,
    ) -> Result<()> {
        let mut columns = bookkeeping(changes)?;
        columns.extend(payload.columns().iter().cloned());
        columns.extend(source.iter().flat_map(|source| source.columns().iter().cloned()));
        self.writes.push(RecordBatch::try_new(self.schema.clone(), columns)?);
        self.close_writes()
    }

    /// Adds removals; `matches` holds the match fields (in the payload's order, which starts with them).
    pub fn push_removals(&mut self, changes: &[PlannedChange], matches: &[ArrayRef]) -> Result<()> {
        let mut columns = bookkeeping(changes)?;
        for (i, field) in self.payload.fields().iter().enumerate() {
            let column = matches.get(i).cloned();
            columns.push(column.unwrap_or_else(|| new_null_array(field.data_type(), changes.len())));
        }
        if let Some(source) = &self.source {
            columns.extend(source.fields().iter().map(|f| new_null_array(f.data_type(), changes.len())));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        self.removals.push(batch);
        if self.removals.rows >= self.chunk_rows {
            self.close_removals()?;
        }
        Ok(())
    }

    fn close_writes(&mut self) -> Result<()> {
        let batch = self.writes.take(&self.schema)?;
        self.write(&batch, false)
    }

    fn close_removals(&mut self) -> Result<()> {
        let batch = self.removals.take(&self.schema)?;
        self.write(&batch, true)
    }

    fn write(&mut self, batch: &RecordBatch, is_removal: bool) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let file = self.files.create(&self.path)?;
                self.file.insert(IpcWriter::try_new_with_options(file, &self.schema, options()?)?)
            }
        };
        file.write(batch)?;
        self.batches.push(Batch { rows: batch.num_rows() as u64, is_removal });
        Ok(())
    }

    /// Ends the plan file and returns it with the rows of each chunk; `None` for an empty plan.
    ///
    /// `drop_rows` names writes to leave out by position in the order they were pushed
    /// (superseded duplicates).
    pub fn finish(
        mut self,
        drop_rows: &HashSet<u64>,
    ) -> Result<Option<(syncline_core::run::FileRef, Vec<u64>)>> {
        self.close_writes()?;
        self.close_removals()?;
        let Some(mut file) = self.file.take() else { return Ok(None) };
        let (mut removals, mut writes) = (Vec::new(), Vec::new());
        let mut dropped: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut position = 0u64;
        for (i, batch) in (0u32..).zip(&self.batches) {
            if batch.is_removal {
                removals.push((i, batch.rows));
                continue;
            }
            let out: Vec<u32> = match drop_rows.is_empty() {
                true => Vec::new(),
                false => (0..batch.rows as u32)
                    .filter(|row| drop_rows.contains(&(position + u64::from(*row))))
                    .collect(),
            };
            position += batch.rows;
            let left = batch.rows - out.len() as u64;
            if left > 0 {
                writes.push((i, left));
            }
            if !out.is_empty() {
                dropped.insert(i, out);
            }
        }
        let chunks: Vec<(u32, u64)> = removals.into_iter().chain(writes).collect();
        if chunks.is_empty() {
            return Ok(None);
        }
        let json = |value: serde_json::Result<String>| value.map_err(|e| Error::internal(e.to_string()));
        let order: Vec<u32> = chunks.iter().map(|(batch, _)| *batch).collect();
        file.write_metadata(ORDER_KEY, json(serde_json::to_string(&order))?);
        file.write_metadata(DROPPED_KEY, json(serde_json::to_string(&dropped))?);
        let mut writer: FileWriter = file.into_inner()?;
        writer.flush()?;
        Ok(Some((writer.finish()?, chunks.into_iter().map(|(_, rows)| rows).collect())))
    }
}

fn options() -> Result<IpcWriteOptions> {
    Ok(IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?)
}

fn bookkeeping(changes: &[PlannedChange]) -> Result<Vec<ArrayRef>> {
    let mut op = StringBuilder::new();
    let mut key = BinaryBuilder::new();
    let mut fp = FixedSizeBinaryBuilder::new(16);
    let mut hash = FixedSizeBinaryBuilder::new(16);
    let mut match_value = BinaryBuilder::new();
    let mut old_match = BinaryBuilder::new();
    let mut before = BinaryBuilder::new();
    let mut origin = StringBuilder::new();
    for c in changes {
        op.append_value(c.op.as_str());
        key.append_value(c.key.as_bytes());
        append_hash(&mut fp, c.source_fp)?;
        append_hash(&mut hash, c.hash)?;
        match_value.append_option(c.match_value.as_deref());
        old_match.append_option(c.old_match.as_deref());
        before.append_option(c.before.as_deref());
        origin.append_option(c.origin.map(|o| if o == Origin::Created { "created" } else { "adopted" }));
    }
    Ok(vec![
        Arc::new(op.finish()),
        Arc::new(key.finish()),
        Arc::new(fp.finish()),
        Arc::new(hash.finish()),
        Arc::new(match_value.finish()),
        Arc::new(old_match.finish()),
        Arc::new(before.finish()),
        Arc::new(origin.finish()),
        Arc::new(changes.iter().map(|c| Some(c.retry)).collect::<BooleanArray>()),
    ])
}

fn append_hash(builder: &mut FixedSizeBinaryBuilder, hash: Option<Hash128>) -> Result<()> {
    match hash {
        Some(h) => builder.append_value(h.0.to_be_bytes())?,
        None => builder.append_null(),
    }
    Ok(())
}

/// One chunk of a plan as read back.
pub struct PlanChunk {
    pub number: u32,
    pub changes: Vec<PlannedChange>,
    /// Target fields.
    pub payload: RecordBatch,
    /// Source columns, where they were kept.
    pub source: Option<RecordBatch>,
}

/// Reads chunks of a plan file.
pub struct PlanReader {
    reader: FileReader<BufReader<File>>,
    /// The batch of each chunk.
    order: Vec<u32>,
    /// Rows of batches to leave out.
    dropped: BTreeMap<u32, Vec<u32>>,
    payload: SchemaRef,
    source: Option<SchemaRef>,
}

impl PlanReader {
    pub fn open(file: File) -> Result<Self> {
        check_ipc_lengths("a stored plan", &file)?;
        let open = || {
            FileReader::try_new(BufReader::new(file), None)
                .map_err(|e| Error::new(ErrorKind::Corrupt, "a stored plan cannot be read").caused_by(e))
        };
        let reader = contained("a stored plan", open)?;
        let schema = reader.schema();
        match schema.metadata().get(FORMAT_KEY).map(String::as_str) {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(Error::new(
                    ErrorKind::StateTooNew,
                    format!("a stored plan has the format {other}"),
                ));
            }
            None => return Err(Error::new(ErrorKind::Corrupt, "a stored plan names no format")),
        }
        let unprefixed = |prefix: &str| -> Vec<FieldRef> {
            let named = schema.fields().iter().filter_map(|f| {
                let name = f.name().strip_prefix(prefix)?;
                Some(Arc::new(f.as_ref().clone().with_name(name)))
            });
            named.collect()
        };
        let payload = Arc::new(Schema::new(unprefixed("f:")));
        let source = unprefixed("s:");
        let source = (!source.is_empty()).then(|| Arc::new(Schema::new(source)));
        let stored = reader.custom_metadata();
        let unreadable = |e: serde_json::Error| corrupt("a plan's footer cannot be read").caused_by(e);
        let order: Vec<u32> = match stored.get(ORDER_KEY) {
            Some(order) => serde_json::from_str(order).map_err(unreadable)?,
            None => (0..reader.num_batches() as u32).collect(),
        };
        let dropped = match stored.get(DROPPED_KEY) {
            Some(dropped) => serde_json::from_str(dropped).map_err(unreadable)?,
            None => BTreeMap::new(),
        };
        if order.iter().any(|batch| *batch as usize >= reader.num_batches()) {
            return Err(corrupt("a plan's footer names a batch that is not there"));
        }
        Ok(Self { reader, order, dropped, payload, source })
    }

    /// Schema of the target fields.
    pub fn payload_schema(&self) -> &SchemaRef {
        &self.payload
    }

    /// Schema of the source columns, where they were kept.
    pub fn source_schema(&self) -> Option<&SchemaRef> {
        self.source.as_ref()
    }

    pub fn chunks(&self) -> u32 {
        self.order.len() as u32
    }

    pub fn chunk(&mut self, number: u32) -> Result<PlanChunk> {
        contained("a stored plan", || self.decode(number))
    }

    fn decode(&mut self, number: u32) -> Result<PlanChunk> {
        let missing = || corrupt("a plan has fewer chunks than recorded");
        let index = *self.order.get(number as usize).ok_or_else(missing)?;
        self.reader.set_index(index as usize)?;
        let mut batch = self.reader.next().ok_or_else(missing)??;
        if let Some(dropped) = self.dropped.get(&index) {
            let kept: UInt32Array = (0..batch.num_rows() as u32)
                .filter(|row| dropped.binary_search(row).is_err())
                .map(Some)
                .collect();
            batch = take_record_batch(&batch, &kept)?;
        }
        let fields = self.payload.fields().len();
        let payload = RecordBatch::try_new(
            self.payload.clone(),
            batch.columns()[BOOKKEEPING..BOOKKEEPING + fields].to_vec(),
        )?;
        let source = match &self.source {
            Some(schema) => {
                Some(RecordBatch::try_new(schema.clone(), batch.columns()[BOOKKEEPING + fields..].to_vec())?)
            }
            None => None,
        };
        let changes = (0..batch.num_rows()).map(|row| change_at(&batch, row)).collect::<Result<_>>()?;
        Ok(PlanChunk { number, changes, payload, source })
    }
}

fn change_at(batch: &RecordBatch, row: usize) -> Result<PlannedChange> {
    let bytes = |i: usize| {
        let column = batch.column(i).as_binary::<i32>();
        column.is_valid(row).then(|| Box::<[u8]>::from(column.value(row)))
    };
    let hash = |i: usize| {
        let column = batch.column(i).as_any().downcast_ref::<FixedSizeBinaryArray>()?;
        let value = column.is_valid(row).then(|| column.value(row))?;
        Some(Hash128(u128::from_be_bytes(value.try_into().ok()?)))
    };
    let text = |i: usize| {
        let column = batch.column(i).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row))
    };
    let op = text(0).and_then(Op::parse).ok_or_else(|| corrupt("a plan has an unknown operation"))?;
    Ok(PlannedChange {
        op,
        key: Key::new(&bytes(1).ok_or_else(|| corrupt("a plan has a row without key"))?),
        source_fp: hash(2),
        hash: hash(3),
        match_value: bytes(4),
        old_match: bytes(5),
        before: bytes(6),
        origin: text(7).map(|o| if o == "created" { Origin::Created } else { Origin::Adopted }),
        retry: batch.column(8).as_boolean().value(row),
    })
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, what)
}
