//! Looking at plans and at the life of single records.

mod changes;

use std::collections::BTreeMap;
use std::io::Write;

use arrow::datatypes::Field;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use syncline_core::run::GuardVerdict;
use syncline_core::sync::{StoreValues, Sync};
use syncline_core::{
    Counters, EntryState, Error, ErrorKind, Key, LogicalType, Op, Result, RowResult, Run, RunId, RunStatus,
    RunType, SyncId, SyncUid, Trigger, canon, text,
};
use syncline_snapshot::{Segment, Snapshot, Values};
use syncline_store::{Page, PlanRecord, RowErrorFilter, RunFilter, SyncRecord};

use crate::engine::{Engine, context_of};
use crate::failures::row_json;
use crate::ingest::key_texts;
use crate::outcomes;
use crate::plan::PlanContext;
use crate::plan_file::{PlanChunk, PlanReader};
use crate::privacy::{self, Mask};

pub use changes::{ChangeFilter, changes};

/// Format tag of a saved plan document.
pub const DOCUMENT_FORMAT: &str = "syncline.plan/1";

/// A plan as people and machines review it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlanDocument {
    pub format: String,
    /// The run that stored the plan; `apply` takes it from there.
    pub run_id: RunId,
    pub sync_id: SyncId,
    pub digest: String,
    pub created_at: Timestamp,
    pub counters: Counters,
    pub guards: Vec<GuardVerdict>,
    /// The first changes; all of them when `truncated` is false.
    pub changes: Vec<ChangeView>,
    pub truncated: bool,
}

/// One planned or executed change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeView {
    pub row_id: String,
    /// create, update, append, delete, clear or flag.
    pub operation: String,
    /// Fields that change; for creates all fields, for removals those that were delivered.
    pub fields: Vec<FieldView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldView {
    pub field: String,
    /// Absent when what was delivered is not known (values are not kept, or nothing was).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// One thing that happened to a record.
#[derive(Clone, Debug, Serialize)]
pub struct RowEvent {
    pub row_id: String,
    pub run_id: RunId,
    /// `None`: an older server did not tell.
    #[serde(skip)]
    pub run: Option<RunFacts>,
    pub at: Option<Timestamp>,
    pub operation: String,
    /// created, updated, removed, exists, absent, rejected, unknown, or planned.
    pub result: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub field: Option<String>,
    pub fields: Vec<FieldView>,
}

/// What kind of run an event is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunFacts {
    pub run_type: RunType,
    pub trigger: Trigger,
    pub status: RunStatus,
}

impl RunFacts {
    fn of(run: &Run) -> Self {
        Self { run_type: run.run_type, trigger: run.trigger, status: run.status }
    }
}

/// How much of values may be shown, by the configuration a run is pinned to.
#[derive(Clone, Copy)]
enum Shown {
    Values,
    Masked(Mask),
    Nothing,
}

async fn shown(engine: &Engine, run: &Run) -> Result<Shown> {
    let config = engine.store.run_config(&run.id).await?;
    let sync: Sync = serde_json::from_str(&config).map_err(|e| {
        Error::new(ErrorKind::Corrupt, format!("the configuration of {} cannot be read: {e}", run.id))
    })?;
    Ok(match sync.store_values {
        StoreValues::Full => Shown::Values,
        StoreValues::None => Shown::Nothing,
        StoreValues::Masked => {
            let record = engine.store.sync(&run.sync_id).await?;
            record.map_or(Shown::Nothing, |r| Shown::Masked(Mask::new(r.seed)))
        }
    })
}

/// The plan a run stored, with at most `limit` changes.
pub async fn document(engine: &Engine, run: &Run, limit: usize) -> Result<PlanDocument> {
    let plan = engine.stored_plan(&run.id).await?;
    let context = context_of(&plan)?;
    let shown = shown(engine, run).await?;
    let mut changes = Vec::new();
    let mut truncated = false;
    if let Some(mut reader) = open(engine, &plan)? {
        'chunks: for number in 0..reader.chunks() {
            let chunk = visible(reader.chunk(number)?, shown, plan.scrubbed)?;
            for row in 0..chunk.changes.len() {
                if changes.len() == limit {
                    truncated = true;
                    break 'chunks;
                }
                changes.push(view(&chunk, row, shown)?);
            }
        }
    }
    Ok(PlanDocument {
        format: DOCUMENT_FORMAT.into(),
        run_id: run.id.clone(),
        sync_id: run.sync_id.clone(),
        digest: plan.digest,
        created_at: plan.created_at,
        counters: context.planned,
        guards: run.guards.clone(),
        changes,
        truncated,
    })
}

/// Reads a saved plan document; says what is wrong with other files.
pub fn parse_document(text: &str) -> Result<PlanDocument> {
    let document: PlanDocument = serde_json::from_str(text).map_err(|e| {
        Error::new(ErrorKind::BadUsage, format!("not a saved plan: {e}"))
            .help("make one with `syncline plan … --out FILE`")
    })?;
    if document.format != DOCUMENT_FORMAT {
        return Err(Error::new(
            ErrorKind::BadUsage,
            format!("a plan of the unknown format '{}'", document.format),
        ));
    }
    Ok(document)
}

fn open(engine: &Engine, plan: &PlanRecord) -> Result<Option<PlanReader>> {
    match &plan.file {
        Some(file) => Ok(Some(PlanReader::open(engine.files.open_verified(file)?)?)),
        None => Ok(None),
    }
}

/// A chunk as it may be shown: masked, unless it was when it was stored.
fn visible(chunk: PlanChunk, shown: Shown, scrubbed: bool) -> Result<PlanChunk> {
    match shown {
        Shown::Masked(mask) if !scrubbed => {
            let payload = privacy::masked_payload(&chunk, mask)?;
            Ok(PlanChunk { payload, source: None, ..chunk })
        }
        _ => Ok(chunk),
    }
}

fn view(chunk: &PlanChunk, row: usize, shown: Shown) -> Result<ChangeView> {
    let change = &chunk.changes[row];
    if matches!(shown, Shown::Nothing) || change.key.is_purged() {
        let operation = change.op.as_str().into();
        return Ok(ChangeView { row_id: change.key.row_id(), operation, fields: Vec::new() });
    }
    let before = match &change.before {
        Some(bytes) => Some(canon::decode_fields(bytes)?.into_iter().collect::<BTreeMap<_, _>>()),
        None => None,
    };
    let schema = chunk.payload.schema();
    let json = |field: &str, text: &Option<String>| match text {
        Some(text) => typed(text, schema.field_with_name(field).ok()),
        None => Value::Null,
    };
    let fields = if change.op.is_removal() {
        let known = before.iter().flatten();
        known
            .map(|(field, value)| FieldView {
                field: field.clone(),
                before: Some(json(field, value)),
                after: None,
            })
            .collect()
    } else {
        let after = match row_json(&chunk.payload, row) {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let texts = texts(chunk, row)?;
        let changed = after
            .into_iter()
            .filter(|(field, _)| before.as_ref().is_none_or(|b| b.get(field) != texts.get(field)));
        changed
            .map(|(field, value)| FieldView {
                before: before.as_ref().and_then(|b| b.get(&field)).map(|value| json(&field, value)),
                field,
                after: Some(value),
            })
            .collect()
    };
    Ok(ChangeView { row_id: change.key.row_id(), operation: change.op.as_str().into(), fields })
}

/// What was delivered, as JSON of the type that the field has now; a text that is none of it stays a text.
fn typed(known: &str, field: Option<&Field>) -> Value {
    let as_it_is = || Value::String(known.into());
    let Some(ty) = field.and_then(|field| LogicalType::of(field).ok()) else { return as_it_is() };
    match text::parse(&[Some(known)], &ty) {
        (array, bad) if bad.is_empty() => text::to_json(array.as_ref(), &ty, 0),
        _ => as_it_is(),
    }
}

/// Canonical texts of a row's fields, for comparing with what was delivered.
fn texts(chunk: &PlanChunk, row: usize) -> Result<BTreeMap<String, Option<String>>> {
    let mut bytes = Vec::new();
    for (field, column) in chunk.payload.schema().fields().iter().zip(chunk.payload.columns()) {
        let ty = LogicalType::of(field)?;
        canon::encode_fields(&[(field.name(), &ty, column.as_ref())], row, &mut bytes);
    }
    Ok(canon::decode_fields(&bytes)?.into_iter().collect())
}

/// Writes what is known of each key of a sync as JSON lines, and returns how many there are. Fields are
/// there as far as the sync keeps values.
pub async fn export_known(engine: &Engine, uid: &SyncUid, out: &mut impl Write) -> Result<u64> {
    let Some(generation) = engine.store.generation(uid).await? else { return Ok(0) };
    let segments = generation
        .segments
        .iter()
        .map(|f| Segment::open(f.path.clone(), engine.files.open(f)?))
        .collect::<Result<_>>()?;
    let mut records = 0;
    for entry in Snapshot::open(segments).scan(Values::Read) {
        let entry = entry?;
        let fields = match &entry.values {
            Some(bytes) => Some(canon::decode_fields(bytes)?.into_iter().collect::<BTreeMap<_, _>>()),
            None => None,
        };
        let line = serde_json::json!({
            "row_id": entry.key.row_id(),
            "state": entry.state.name(),
            "origin": entry.origin,
            "target_id": entry.target_id,
            "fields": fields,
        });
        writeln!(out, "{line}")?;
        records += 1;
    }
    Ok(records)
}

impl Engine {
    /// Writes what a sync knows to a file beside the state, before a reseed removes it from the target;
    /// a sentence that says where.
    pub(crate) async fn export_before_reseed(&self, sync: &Sync, record: &SyncRecord) -> Result<String> {
        let folder = self.scratch.with_file_name("exports");
        std::fs::create_dir_all(&folder)?;
        let time = self.clock.now().strftime("%Y%m%dT%H%M%S%fZ").to_string();
        let path = folder.join(format!("{}-{time}.jsonl", sync.id));
        let failed = |e: std::io::Error| Error::from(e).context(path.display());
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        let mut out = std::io::BufWriter::new(file);
        let records = export_known(self, &record.uid, &mut out).await?;
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(failed)?;
        Ok(format!("{records} known records were exported to {} before they were removed", path.display()))
    }
}

/// Everything recorded runs did with one record, newest first: at most `limit` events.
pub async fn history(engine: &Engine, uid: &SyncUid, row_id: &str, limit: usize) -> Result<Vec<RowEvent>> {
    let mut events = Vec::new();
    let mut page = Page::first(100);
    let filter = RunFilter { sync_uid: Some(uid.clone()), ..RunFilter::default() };
    loop {
        let (runs, _) = engine.store.runs(&filter, page).await?;
        if runs.is_empty() || events.len() >= limit {
            events.truncate(limit);
            return Ok(events);
        }
        for run in &runs {
            if let Some(plan) = engine.store.plan(&run.id).await? {
                events.extend(in_plan(engine, run, &plan, row_id).await?);
            }
            if run.counters.rows_failed > 0 {
                events.extend(in_errors(engine, run, row_id).await?);
            }
        }
        page.number += 1;
    }
}

async fn in_plan(engine: &Engine, run: &Run, plan: &PlanRecord, row_id: &str) -> Result<Vec<RowEvent>> {
    let context = context_of(plan)?;
    if context.direct.is_some() {
        return in_load(engine, run, plan, &context, row_id).await;
    }
    let mut events = Vec::new();
    let mut reader = open(engine, plan)?;
    let shown = shown(engine, run).await?;
    for record in engine.store.chunks(&run.id).await? {
        let outcomes = match &record.outcomes {
            Some(file) => outcomes::read(engine.files.open_verified(file)?)?,
            None => Vec::new(),
        };
        // Where there are outcomes they are the smaller file to search.
        if record.outcomes.is_some() && !outcomes.iter().any(|o| o.row_id == row_id) {
            continue;
        }
        let chunk = match &mut reader {
            Some(reader) => Some(visible(reader.chunk(record.number)?, shown, plan.scrubbed)?),
            None => None,
        };
        let rows = chunk.as_ref().map_or(outcomes.len(), |c| c.changes.len());
        for row in 0..rows {
            let (id, op) = match (&chunk, outcomes.get(row)) {
                (Some(chunk), _) => (chunk.changes[row].key.row_id(), chunk.changes[row].op),
                (None, Some(outcome)) => (outcome.row_id.clone(), outcome.op),
                (None, None) => continue,
            };
            if id != row_id {
                continue;
            }
            let (result, error) = match (run.run_type.writes(), outcomes.get(row)) {
                (true, Some(outcome)) => named(&outcome.result),
                (true, None) => ("not attempted", None),
                (false, _) => ("planned", None),
            };
            // Refused rows are told by the run's errors.
            if error.is_some() {
                continue;
            }
            events.push(RowEvent {
                row_id: id,
                run_id: run.id.clone(),
                run: Some(RunFacts::of(run)),
                at: run.completed_at.or(run.started_at),
                operation: op.as_str().into(),
                result: result.into(),
                code: None,
                message: None,
                field: None,
                fields: chunk.as_ref().map_or(Ok(Vec::new()), |c| view(c, row, shown).map(|v| v.fields))?,
            });
        }
    }
    Ok(events)
}

/// What a direct load did with a record: the plan's updates have an entry of each that it created.
async fn in_load(
    engine: &Engine,
    run: &Run,
    plan: &PlanRecord,
    context: &PlanContext,
    row_id: &str,
) -> Result<Vec<RowEvent>> {
    let config = engine.store.run_config(&run.id).await?;
    let sync: Sync = serde_json::from_str(&config).map_err(|e| Error::internal(e.to_string()))?;
    let Some(key) = key_of(row_id, &sync.model.key, &context.source_types) else { return Ok(Vec::new()) };
    let Some(file) = &plan.updates else { return Ok(Vec::new()) };
    let segment = Segment::open(file.path.clone(), engine.files.open(file)?)?;
    let entry = Snapshot::open(vec![segment]).get(&key)?;
    let Some(entry) = entry.filter(|e| e.state == EntryState::Delivered) else { return Ok(Vec::new()) };
    let is_there = run.counters.rows_created > 0;
    let fields = canon::decode_fields(entry.values.as_deref().unwrap_or_default())?;
    let fields = fields.into_iter().map(|(field, value)| FieldView {
        field,
        before: None,
        after: Some(value.map_or(Value::Null, Value::String)),
    });
    Ok(vec![RowEvent {
        row_id: row_id.into(),
        run_id: run.id.clone(),
        run: Some(RunFacts::of(run)),
        at: run.completed_at.or(run.started_at),
        operation: Op::Create.as_str().into(),
        result: if is_there { "created" } else { "not attempted" }.into(),
        code: None,
        message: None,
        field: None,
        fields: fields.collect(),
    }])
}

/// The key that people write as `row_id`; `None` where it is no key of these columns.
fn key_of(row_id: &str, columns: &[String], types: &BTreeMap<String, String>) -> Option<Key> {
    let texts = key_texts(row_id, columns.len())?;
    let mut bytes = Vec::new();
    for (text, column) in texts.iter().zip(columns) {
        let ty: LogicalType = types.get(column)?.parse().ok()?;
        let (array, bad) = text::parse(&[Some(text)], &ty);
        if !bad.is_empty() {
            return None;
        }
        canon::encode(array.as_ref(), &ty, 0, &mut bytes);
    }
    Some(Key::new(&bytes))
}

fn named(result: &RowResult) -> (&'static str, Option<&syncline_core::RowError>) {
    match result {
        RowResult::Created { .. } => ("created", None),
        RowResult::Updated { .. } => ("updated", None),
        RowResult::Removed => ("removed", None),
        RowResult::Exists => ("exists", None),
        RowResult::Absent => ("absent", None),
        RowResult::Rejected(e) => ("rejected", Some(e)),
        RowResult::Unknown(e) => ("unknown", Some(e)),
    }
}

async fn in_errors(engine: &Engine, run: &Run, row_id: &str) -> Result<Vec<RowEvent>> {
    let mut events = Vec::new();
    let mut page = Page::first(10_000);
    loop {
        let (errors, total) = engine.store.row_errors(&run.id, &RowErrorFilter::ALL, page).await?;
        let found = errors.iter().filter(|e| e.row_id == row_id).map(|e| RowEvent {
            row_id: e.row_id.clone(),
            run_id: run.id.clone(),
            run: Some(RunFacts::of(run)),
            at: run.completed_at,
            operation: if e.removal { "delete".into() } else { e.stage.as_str().into() },
            result: "failed".into(),
            code: Some(e.code.clone()),
            message: Some(e.message.clone()),
            field: e.field.clone(),
            fields: Vec::new(),
        });
        events.extend(found);
        if page.offset() + page.size >= total {
            return Ok(events);
        }
        page.number += 1;
    }
}
