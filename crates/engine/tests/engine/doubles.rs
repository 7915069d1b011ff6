//! A source and a destination in memory, with the faults of real ones.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream;
use jiff::Timestamp;
use syncline_connector::*;
use syncline_core::sync::{FieldWrite, Model, Nulls, OnMatchChange, Publish, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Op, Result, RowError, RowResult, text};

/// Text of each column of a row, NULL as `None`.
pub type Row = Vec<Option<String>>;

/// A table that is read in small batches.
#[derive(Default)]
pub struct Table {
    pub columns: Vec<(String, LogicalType)>,
    pub rows: Vec<Row>,
    /// The read breaks off with an error after this many rows.
    pub fail_after: Option<usize>,
    /// The stream ends after this many rows without saying so.
    pub cut_after: Option<usize>,
    /// Fails before the first row.
    pub refuse: Option<ErrorKind>,
    pub now: Option<Timestamp>,
    pub oldest_open_write: Option<Timestamp>,
    /// Rows that were read, over all reads.
    pub rows_read: usize,
}

pub const BATCH_ROWS: usize = 3;

#[derive(Clone, Default)]
pub struct TableSource(pub Arc<Mutex<Table>>);

impl TableSource {
    pub fn new(columns: &[(&str, &str)]) -> Self {
        let columns = columns.iter().map(|(n, t)| (n.to_string(), t.parse().unwrap())).collect();
        Self(Arc::new(Mutex::new(Table { columns, ..Table::default() })))
    }

    pub fn edit<T>(&self, change: impl FnOnce(&mut Table) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// Replaces all rows; `~` stands for NULL.
    pub fn set(&self, rows: &[&[&str]]) {
        let rows =
            rows.iter().map(|r| r.iter().map(|v| (*v != "~").then(|| v.to_string())).collect()).collect();
        self.edit(|t| t.rows = rows);
    }
}

fn schema(columns: &[(String, LogicalType)]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(|(n, t)| t.field(n, true)).collect::<Vec<_>>()))
}

fn batch(columns: &[(String, LogicalType)], rows: &[Row]) -> SourceBatch {
    let mut invalid = Vec::new();
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .enumerate()
        .map(|(i, (name, ty))| {
            let texts: Vec<Option<&str>> = rows.iter().map(|r| r[i].as_deref()).collect();
            let (array, bad) = text::parse(&texts, ty);
            invalid.extend(bad.into_iter().map(|row| InvalidRow {
                row,
                error: RowError::new("invalid_value", format!("'{name}' is not a {ty}")).field(name),
            }));
            array
        })
        .collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    let rows = RecordBatch::try_new_with_options(schema(columns), arrays, &options).unwrap();
    SourceBatch { rows, invalid, unreadable: Vec::new() }
}

#[async_trait]
impl Source for TableSource {
    async fn check(&self) -> Result<String> {
        Ok("a table in memory".into())
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        Ok(Vec::new())
    }

    async fn describe(&self, _: &Model) -> Result<SchemaRef> {
        Ok(schema(&self.edit(|t| t.columns.clone())))
    }

    async fn read(&self, request: ReadRequest) -> Result<SourceStream> {
        let mut table = self.0.lock().unwrap();
        if let Some(kind) = table.refuse {
            return Err(Error::new(kind, "refused"));
        }
        let wanted =
            request.columns.unwrap_or_else(|| table.columns.iter().map(|(n, _)| n.clone()).collect());
        let kept: Vec<usize> =
            (0..table.columns.len()).filter(|i| wanted.contains(&table.columns[*i].0)).collect();
        let columns: Vec<_> = kept.iter().map(|i| table.columns[*i].clone()).collect();
        let mut items: Vec<Result<SourceItem>> = Vec::new();
        let mut read = 0;
        for rows in table.rows.chunks(BATCH_ROWS) {
            if table.fail_after.is_some_and(|n| read >= n) || table.cut_after.is_some_and(|n| read >= n) {
                break;
            }
            let rows: Vec<Row> = rows.iter().map(|r| kept.iter().map(|i| r[*i].clone()).collect()).collect();
            read += rows.len();
            items.push(Ok(SourceItem::Batch(batch(&columns, &rows))));
        }
        if table.fail_after.is_some() {
            items.push(Err(Error::new(ErrorKind::SourceUnreachable, "connection reset")));
        } else if table.cut_after.is_none() {
            items.push(Ok(SourceItem::End(ReadEnd {
                consistency: Consistency::Snapshot,
                now: table.now,
                oldest_open_write: table.oldest_open_write,
            })));
        }
        table.rows_read += read;
        Ok(Box::pin(stream::iter(items)))
    }

    fn pushes_down(&self) -> bool {
        false
    }

    fn identity(&self) -> String {
        "memory".into()
    }
}

/// Records by match value, with a ledger and a fence.
#[derive(Default)]
pub struct Target {
    pub fields: Vec<TargetField>,
    pub records: BTreeMap<String, BTreeMap<String, Option<String>>>,
    /// Appended records, in order.
    pub appended: Vec<BTreeMap<String, Option<String>>>,
    pub ledger: HashSet<(String, u32)>,
    pub epoch: u64,
    pub incarnation: u64,
    /// Tells this table from another one.
    pub name: String,
    /// Match values that are refused.
    pub poison: HashSet<String>,
    /// Every create and update is refused.
    pub refuse_writes: bool,
    /// Errors that the next calls end with, first one first.
    pub faults: Vec<Fault>,
    /// Calls of the first fault's kind that go well before it.
    pub calls_before_faults: usize,
    /// Rows written by commits so far.
    pub writes: u64,
    /// Sizes of the chunks that were written.
    pub chunk_rows: Vec<usize>,
    /// What was written, as `create 1`, `delete 2` …, in order.
    pub log: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `write` fails, nothing was written.
    Write,
    /// `commit` fails before anything is visible.
    BeforeCommit,
    /// Everything is committed, and the reply is lost.
    AfterCommit,
    /// The connection cannot be opened.
    Open,
    /// A newer run takes the fence just before `commit`.
    FenceAtCommit,
}

#[derive(Clone, Default)]
pub struct TableDestination(pub Arc<Mutex<Target>>);

impl TableDestination {
    pub fn new(fields: &[(&str, &str, bool)]) -> Self {
        let fields = fields.iter().map(|(name, ty, nullable)| TargetField {
            name: name.to_string(),
            ty: ty.parse().unwrap(),
            native_type: ty.to_string(),
            nullable: *nullable,
            has_default: false,
            read_only: false,
            max_chars: None,
            equality: Equality::Exact,
        });
        Self(Arc::new(Mutex::new(Target { fields: fields.collect(), ..Target::default() })))
    }

    pub fn edit<T>(&self, change: impl FnOnce(&mut Target) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// `match=field:value,field:value` of every record, in order.
    pub fn dump(&self) -> Vec<String> {
        self.edit(|t| {
            let show = |r: &BTreeMap<String, Option<String>>| {
                r.iter()
                    .map(|(f, v)| format!("{f}:{}", v.as_deref().unwrap_or("~")))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            t.records.values().chain(&t.appended).map(show).collect()
        })
    }

    /// What this destination can do.
    pub fn spec() -> DestinationSpec {
        DestinationSpec {
            write_modes: &[
                WriteMode::Insert,
                WriteMode::Update,
                WriteMode::Upsert,
                WriteMode::Mirror,
                WriteMode::Append,
            ],
            on_removed: &[
                RemovalKind::Delete,
                RemovalKind::ClearFields,
                RemovalKind::Flag,
                RemovalKind::Ignore,
            ],
            on_match_change: &[OnMatchChange::Fail, OnMatchChange::UpdateById, OnMatchChange::Recreate],
            publish: &[Publish::Atomic, Publish::Progressive],
            field_rules: true,
            batch_size: 100,
            batch_size_max: 1_000,
            idempotent: true,
        }
    }
}

#[async_trait]
impl Destination for TableDestination {
    async fn check(&self) -> Result<String> {
        Ok("records in memory".into())
    }

    async fn describe(&self, _: &str) -> Result<Option<ObjectDescription>> {
        Ok(Some(self.edit(|t| ObjectDescription {
            fields: t.fields.clone(),
            open_schema: false,
            unique_keys: t.fields.iter().map(|f| vec![f.name.clone()]).collect(),
            not_writable: None,
            identity: format!("memory/records{}", t.name),
            incarnation: t.incarnation.to_string(),
        })))
    }

    fn creation_plan(&self, _: &str, _: &SchemaRef, _: &[String]) -> Result<String> {
        Ok(String::new())
    }

    async fn create(&self, _: &str, _: &SchemaRef, _: &[String]) -> Result<()> {
        Ok(())
    }

    async fn open(&self, request: OpenRequest) -> Result<Box<dyn Session>> {
        self.edit(|t| {
            if t.take_fault(Fault::Open) {
                return Err(unreachable());
            }
            if t.epoch > request.epoch {
                return Err(Error::new(ErrorKind::Fenced, "a newer run took over"));
            }
            t.epoch = request.epoch;
            Ok(())
        })?;
        Ok(Box::new(TableSession { target: self.0.clone(), request, staged: Vec::new() }))
    }
}

impl Target {
    fn take_fault(&mut self, fault: Fault) -> bool {
        if self.faults.first() != Some(&fault) {
            return false;
        }
        if self.calls_before_faults > 0 {
            self.calls_before_faults -= 1;
            return false;
        }
        self.faults.remove(0);
        true
    }
}

fn unreachable() -> Error {
    Error::new(ErrorKind::DestinationUnreachable, "connection reset")
}

struct TableSession {
    target: Arc<Mutex<Target>>,
    request: OpenRequest,
    staged: Vec<Chunk>,
}

impl TableSession {
    fn take_fault(&self, fault: Fault) -> bool {
        self.target.lock().unwrap().take_fault(fault)
    }

    /// Applies a chunk to `target` and answers for each row.
    fn apply(&self, target: &mut Target, chunk: &Chunk) -> Vec<RowResult> {
        let texts = |batch: &RecordBatch, row: usize| -> BTreeMap<String, Option<String>> {
            let schema = batch.schema();
            let fields = schema.fields().iter().zip(batch.columns()).map(|(f, c)| {
                (f.name().clone(), text::render(c.as_ref(), &LogicalType::of(f).unwrap(), row))
            });
            fields.collect()
        };
        let match_of = |row: &BTreeMap<String, Option<String>>| {
            let parts = self.request.target.match_fields.iter().map(|f| row[f].clone().unwrap_or_default());
            parts.collect::<Vec<_>>().join("|")
        };
        let mut results = Vec::new();
        for (i, op) in chunk.ops.iter().enumerate() {
            let row = texts(&chunk.payload, i);
            let key = match_of(&row);
            if target.poison.contains(&key) || (target.refuse_writes && !op.is_removal()) {
                results.push(RowResult::Rejected(RowError::new("check_violation", "refused").field("name")));
                continue;
            }
            if let Op::Remove(action) = op {
                use syncline_core::RemovalAction::*;
                match action {
                    Delete => {
                        target.records.remove(&key);
                    }
                    Clear => {
                        let matches = &self.request.target.match_fields;
                        if let Some(r) = target.records.get_mut(&key) {
                            r.iter_mut().filter(|(f, _)| !matches.contains(f)).for_each(|(_, v)| *v = None);
                        }
                    }
                    Flag => {
                        let (field, value) = self.request.flag.clone().unwrap();
                        if let Some(r) = target.records.get_mut(&key) {
                            r.insert(field, Some(value));
                        }
                    }
                }
                target.writes += 1;
                results.push(RowResult::Removed);
                continue;
            }
            if *op == Op::Append {
                target.appended.push(row);
                target.writes += 1;
                results.push(RowResult::Created { target_id: None });
                continue;
            }
            let old =
                chunk.old_match.as_ref().filter(|o| o.column(0).is_valid(i)).map(|o| match_of(&texts(o, i)));
            if let Some(record) = old.and_then(|old| target.records.remove(&old)) {
                target.records.insert(key.clone(), record);
            }
            match (target.records.contains_key(&key), self.request.write_mode) {
                (true, WriteMode::Insert) => results.push(RowResult::Exists),
                (false, WriteMode::Update) => results.push(RowResult::Absent),
                (true, _) => {
                    let record = target.records.entry(key).or_default();
                    for ((field, value), rule) in row.into_iter().zip(self.rules_by_name()) {
                        let empty =
                            record.get(&field).is_none_or(|v| v.as_deref().unwrap_or_default().is_empty());
                        let kept = rule.write == FieldWrite::CreateOnly
                            || (rule.write == FieldWrite::IfEmpty && !empty)
                            || (rule.nulls == Nulls::Skip && value.is_none());
                        if !kept {
                            record.insert(field, value);
                        }
                    }
                    target.writes += 1;
                    results.push(RowResult::Updated { target_id: None });
                }
                (false, _) => {
                    target.records.insert(key, row);
                    target.writes += 1;
                    results.push(RowResult::Created { target_id: None });
                }
            }
        }
        results
    }

    /// Rules in the order of field names, which is the order of a row's map.
    fn rules_by_name(&self) -> Vec<FieldRule> {
        let mut rules: Vec<_> = self.request.schema.fields().iter().zip(&self.request.rules).collect();
        rules.sort_by_key(|(f, _)| f.name().clone());
        rules.into_iter().map(|(_, r)| *r).collect()
    }
}

/// The rows of a chunk that changed the target, by operation and first match field.
fn log_of(chunk: &Chunk, results: &[RowResult]) -> Vec<String> {
    let ty = LogicalType::of(chunk.payload.schema().field(0)).unwrap();
    let written = chunk.ops.iter().zip(results).enumerate().filter(|(_, (_, result))| {
        matches!(result, RowResult::Created { .. } | RowResult::Updated { .. } | RowResult::Removed)
    });
    let named = written.map(|(row, (op, _))| {
        let key = text::render(chunk.payload.column(0).as_ref(), &ty, row).unwrap_or_default();
        format!("{} {key}", op.as_str())
    });
    named.collect()
}

#[async_trait]
impl Session for TableSession {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        if self.take_fault(Fault::Write) {
            return Err(unreachable());
        }
        // Answers come from a copy that has everything staged so far; commit does it for real.
        let mut copy = {
            let target = self.target.lock().unwrap();
            Target {
                records: target.records.clone(),
                poison: target.poison.clone(),
                refuse_writes: target.refuse_writes,
                ..Target::default()
            }
        };
        for staged in &self.staged {
            self.apply(&mut copy, staged);
        }
        let results = self.apply(&mut copy, chunk);
        self.staged.push(chunk.clone());
        Ok(results)
    }

    async fn commit(&mut self) -> Result<()> {
        if self.take_fault(Fault::BeforeCommit) {
            return Err(unreachable());
        }
        if self.take_fault(Fault::FenceAtCommit) {
            self.target.lock().unwrap().epoch += 1;
        }
        let staged = std::mem::take(&mut self.staged);
        {
            let target = self.target.clone();
            let mut target = target.lock().unwrap();
            if target.epoch != self.request.epoch {
                return Err(Error::new(ErrorKind::Fenced, "a newer run took over"));
            }
            for chunk in &staged {
                let results = self.apply(&mut target, chunk);
                target.log.extend(log_of(chunk, &results));
                target.chunk_rows.push(chunk.ops.len());
                target.ledger.insert((self.request.run_id.to_string(), chunk.number));
            }
        }
        if self.take_fault(Fault::AfterCommit) {
            return Err(unreachable());
        }
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        self.staged.clear();
        Ok(())
    }

    async fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        let target = self.target.lock().unwrap();
        let key = (self.request.run_id.to_string(), chunk);
        Ok(if target.ledger.contains(&key) { Recovery::Committed } else { Recovery::NotApplied })
    }
}
