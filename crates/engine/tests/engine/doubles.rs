//! A source and a destination in memory, with the faults of real ones.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use async_trait::async_trait;
use futures::stream;
use jiff::Timestamp;
use syncline_connector::*;
use syncline_core::sync::{FieldWrite, Model, Nulls, OnMatchChange, Publish, WriteMode};
use syncline_core::{
    CursorValue, Error, ErrorKind, Hash128, LogicalType, Op, Result, RowError, RowResult, canon, text,
};

/// Text of each column of a row, NULL as `None`.
pub type Row = Vec<Option<String>>;

/// A record's values by field.
pub type Record = BTreeMap<String, Option<String>>;

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
    /// Sends rows undecoded to readers that ask for it; then it also applies their filters itself.
    pub raw: bool,
    /// Rows of a batch; 0: [`BATCH_ROWS`].
    pub batch_rows: usize,
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
        let raw = match (&request.identify, table.raw) {
            (Some(identify), true) => Some(Arc::new(RawShape::new(&columns, &request.model, identify))),
            _ => None,
        };
        let mut items: Vec<Result<SourceItem>> = Vec::new();
        let mut read = 0;
        let chosen: Vec<Row> = match table.raw {
            true => table.chosen(&request.model, &request.filter),
            false => table.rows.clone(),
        };
        let batch_rows = if table.batch_rows == 0 { BATCH_ROWS } else { table.batch_rows };
        for rows in chosen.chunks(batch_rows) {
            if table.fail_after.is_some_and(|n| read >= n) || table.cut_after.is_some_and(|n| read >= n) {
                break;
            }
            let rows: Vec<Row> = rows.iter().map(|r| kept.iter().map(|i| r[*i].clone()).collect()).collect();
            read += rows.len();
            items.push(Ok(match &raw {
                Some(shape) => SourceItem::Raw(Box::new(RawRows::new(shape.clone(), rows))),
                None => SourceItem::Batch(batch(&columns, &rows)),
            }));
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
        self.edit(|t| t.raw)
    }

    fn identity(&self) -> String {
        "memory".into()
    }
}

impl Table {
    /// The rows that a filter asks for.
    fn chosen(&self, model: &Model, filter: &ReadFilter) -> Vec<Row> {
        let place = |name: &String| self.columns.iter().position(|(n, _)| n == name).unwrap();
        let keys: Vec<usize> = model.key.iter().map(place).collect();
        let is_one_of = |row: &Row, wanted: &[Vec<String>]| {
            let key: Option<Vec<String>> = keys.iter().map(|i| row[*i].clone()).collect();
            key.is_some_and(|key| wanted.contains(&key))
        };
        let kept = |row: &Row| match filter {
            ReadFilter::All => true,
            ReadFilter::Keys(wanted) => is_one_of(row, wanted),
            ReadFilter::Since { column, from, keys } => {
                let i = place(column);
                let at = cursor_value(row[i].as_deref(), &self.columns[i].1);
                let is_later = at.is_none_or(|at| at.compare(from).is_none_or(|o| o.is_ge()));
                is_later || is_one_of(row, keys)
            }
        };
        self.rows.iter().filter(|row| kept(row)).cloned().collect()
    }
}

/// Position of a cursor's text; `None`: NULL, or none that can be told.
fn cursor_value(text: Option<&str>, ty: &LogicalType) -> Option<CursorValue> {
    let (array, _) = text::parse(&[text], ty);
    if array.is_null(0) {
        return None;
    }
    Some(match ty {
        LogicalType::Int64 => CursorValue::Integer(array.as_primitive::<Int64Type>().value(0)),
        _ => CursorValue::Timestamp {
            micros: array.as_primitive::<TimestampMicrosecondType>().value(0),
            zoned: *ty == LogicalType::TimestampTz,
        },
    })
}

/// What all undecoded rows of one read have in common.
struct RawShape {
    columns: Vec<(String, LogicalType)>,
    key: Vec<usize>,
    cursor: Option<usize>,
    covered: Vec<usize>,
    seed: u64,
}

impl RawShape {
    fn new(columns: &[(String, LogicalType)], model: &Model, identify: &Identify) -> Self {
        let place = |name: &String| columns.iter().position(|(n, _)| n == name).unwrap();
        Self {
            columns: columns.to_vec(),
            key: model.key.iter().map(place).collect(),
            cursor: model.cursor.as_ref().map(place),
            covered: identify.columns.iter().map(place).collect(),
            seed: identify.seed,
        }
    }

    /// Canonical bytes of a row's key; `None` when they cannot be told without looking closer.
    fn key_of(&self, row: &Row) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for i in &self.key {
            let (array, _) = text::parse(&[row[*i].as_deref()], &self.columns[*i].1);
            if array.is_null(0) {
                return None;
            }
            canon::encode(array.as_ref(), &self.columns[*i].1, 0, &mut bytes);
        }
        Some(bytes)
    }

    /// Of names, types and texts as they are: `1.0` is not `1.00`.
    fn fingerprint(&self, row: &Row) -> Hash128 {
        let covered = self.covered.iter().map(|i| {
            let (name, ty) = &self.columns[*i];
            format!("{name} {ty} {:?};", row[*i])
        });
        canon::hash(self.seed, covered.collect::<String>().as_bytes())
    }
}

/// Rows of texts that are compared before they are parsed.
struct RawRows {
    shape: Arc<RawShape>,
    rows: Vec<Row>,
    identities: Identities,
}

impl RawRows {
    fn new(shape: Arc<RawShape>, rows: Vec<Row>) -> Self {
        let mut identities = Identities::with_columns(shape.columns.len());
        for row in &rows {
            for (column, _) in row.iter().enumerate().filter(|(_, text)| text.is_none()) {
                identities.count_null(column);
            }
            let has_cursor = shape.cursor.is_none_or(|i| match &row[i] {
                None => true,
                text => match cursor_value(text.as_deref(), &shape.columns[i].1) {
                    Some(value) => {
                        identities.see_cursor(value);
                        true
                    }
                    None => false,
                },
            });
            match shape.key_of(row).filter(|_| has_cursor) {
                Some(key) => identities.push(shape.fingerprint(row), |out| out.extend_from_slice(&key)),
                None => identities.push_unclear(),
            }
        }
        Self { shape, rows, identities }
    }
}

impl RawBatch for RawRows {
    fn identities(&self) -> &Identities {
        &self.identities
    }

    fn bytes(&self) -> usize {
        self.rows.iter().flatten().map(|text| 24 + text.as_ref().map_or(0, String::len)).sum()
    }

    fn decode(&self, rows: &[u32]) -> Result<SourceBatch> {
        let rows: Vec<Row> = rows.iter().map(|row| self.rows[*row as usize].clone()).collect();
        Ok(batch(&self.shape.columns, &rows))
    }

    fn save(&self, rows: &[u32], out: &mut Vec<u8>) {
        let rows: Vec<&Row> = rows.iter().map(|row| &self.rows[*row as usize]).collect();
        serde_json::to_writer(out, &rows).unwrap();
    }

    fn restorer(&self) -> Arc<dyn RestoreRaw> {
        Arc::new(RawRestorer(self.shape.clone()))
    }
}

struct RawRestorer(Arc<RawShape>);

impl RestoreRaw for RawRestorer {
    fn restore(&self, saved: Vec<u8>) -> Result<Box<dyn RawBatch>> {
        let rows = serde_json::from_slice(&saved).unwrap();
        Ok(Box::new(RawRows::new(self.0.clone(), rows)))
    }
}

/// Records by match value, with a ledger and a fence.
#[derive(Default)]
pub struct Target {
    pub fields: Vec<TargetField>,
    pub records: BTreeMap<String, Record>,
    /// Appended records, in order.
    pub appended: Vec<Record>,
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
    /// It can be loaded directly while it is empty.
    pub loads: bool,
    /// Loads that were asked for, and those that were committed.
    pub loads_asked: usize,
    pub loads_committed: usize,
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
    /// A direct load finds at its end that a row does not fit.
    Finish,
    /// A direct load holds another number of records than was written.
    Miscount,
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
            let show = |r: &Record| {
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

    async fn load(&self, request: OpenRequest) -> Result<Option<Box<dyn DirectLoad>>> {
        let is_possible = self.edit(|t| {
            t.loads_asked += 1;
            if !t.loads || !t.records.is_empty() || !t.appended.is_empty() {
                return Ok(false);
            }
            if t.take_fault(Fault::Open) {
                return Err(unreachable());
            }
            if t.epoch > request.epoch {
                return Err(Error::new(ErrorKind::Fenced, "a newer run took over"));
            }
            t.epoch = request.epoch;
            Ok(true)
        })?;
        if !is_possible {
            return Ok(None);
        }
        Ok(Some(Box::new(TableLoad {
            target: self.0.clone(),
            request,
            rows: Vec::new(),
            is_finished: false,
        })))
    }
}

/// A load of the empty table. Nothing of it is to be seen before it is committed.
struct TableLoad {
    target: Arc<Mutex<Target>>,
    request: OpenRequest,
    rows: Vec<(String, Record)>,
    is_finished: bool,
}

impl TableLoad {
    fn take_fault(&self, fault: Fault) -> bool {
        self.target.lock().unwrap().take_fault(fault)
    }
}

#[async_trait]
impl DirectLoad for TableLoad {
    async fn write(&mut self, payload: &RecordBatch) -> Result<()> {
        assert!(!self.is_finished && payload.schema() == self.request.schema && payload.num_rows() > 0);
        // Others get their turn, as with a connection.
        tokio::task::yield_now().await;
        if self.take_fault(Fault::Write) {
            return Err(unreachable());
        }
        let target = self.target.lock().unwrap();
        for row in 0..payload.num_rows() {
            let record = texts(payload, row);
            let key = match_of(&self.request.target.match_fields, &record);
            if target.refuse_writes || target.poison.contains(&key) {
                return Err(Error::new(ErrorKind::DestinationFailed, "a row violates a constraint"));
            }
            self.rows.push((key, record));
        }
        Ok(())
    }

    async fn finish(&mut self, plan_digest: &str) -> Result<u64> {
        assert!(!self.is_finished && !plan_digest.is_empty());
        self.is_finished = true;
        let mut seen = HashSet::new();
        let fields = &self.request.target.match_fields;
        let (case_insensitive, padded) = {
            let target = self.target.lock().unwrap();
            let compares =
                |equality| target.fields.iter().any(|f| f.equality == equality && fields.contains(&f.name));
            (compares(Equality::CaseInsensitive), compares(Equality::Padded))
        };
        let identity = |key: &String| match (case_insensitive, padded) {
            (true, _) => key.to_lowercase(),
            (_, true) => key.trim_end().to_string(),
            _ => key.clone(),
        };
        if self.take_fault(Fault::Finish) || !self.rows.iter().all(|(key, _)| seen.insert(identity(key))) {
            return Err(Error::new(ErrorKind::DestinationFailed, "a row violates a constraint"));
        }
        Ok(self.rows.len() as u64 + u64::from(self.take_fault(Fault::Miscount)))
    }

    async fn commit(&mut self) -> Result<()> {
        assert!(self.is_finished);
        if self.take_fault(Fault::BeforeCommit) {
            return Err(unreachable());
        }
        let mut target = self.target.lock().unwrap();
        if target.take_fault(Fault::FenceAtCommit) {
            target.epoch += 1;
        }
        if target.epoch != self.request.epoch {
            return Err(Error::new(ErrorKind::Fenced, "a newer run took over"));
        }
        assert!(target.records.is_empty(), "the table was closed to other writers");
        for (key, record) in std::mem::take(&mut self.rows) {
            let first = self.request.schema.field(0).name();
            let shown = record[first].clone().unwrap_or_default();
            target.log.push(format!("create {shown}"));
            target.records.insert(key, record);
            target.writes += 1;
        }
        target.loads_committed += 1;
        target.ledger.insert((self.request.run_id.to_string(), 0));
        if target.take_fault(Fault::AfterCommit) {
            return Err(unreachable());
        }
        Ok(())
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

fn texts(batch: &RecordBatch, row: usize) -> Record {
    let schema = batch.schema();
    let fields = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(f, c)| (f.name().clone(), text::render(c.as_ref(), &LogicalType::of(f).unwrap(), row)));
    fields.collect()
}

fn match_of(fields: &[String], row: &Record) -> String {
    fields.iter().map(|f| row[f].clone().unwrap_or_default()).collect::<Vec<_>>().join("|")
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
        let match_of = |row: &Record| match_of(&self.request.target.match_fields, row);
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
