//! The changes of one run with what became of them, a page at a time.

use syncline_core::run::FileRef;
use syncline_core::{EntryState, Op, Result, RowError, RowResult, Run, canon};
use syncline_snapshot::{Segment, Snapshot, Values};
use syncline_store::{ChunkRecord, Page, PlanRecord};

use super::{FieldView, RowEvent, RunFacts, Shown, named, open, shown, view, visible};
use crate::engine::{Engine, context_of};
use crate::outcomes::{self, StoredOutcome};
use crate::plan_file::{PlanChunk, PlanReader};

/// Which changes to list; `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    pub row_id: Option<String>,
    /// Any of create, update, append, delete, clear and flag; empty: all.
    pub operations: Vec<String>,
    /// Any of what [`RowEvent::result`] can be; empty: all.
    pub results: Vec<String>,
}

impl ChangeFilter {
    fn is_empty(&self) -> bool {
        self.row_id.is_none() && self.operations.is_empty() && self.results.is_empty()
    }

    fn matches(&self, row_id: &str, operation: &str, result: &str) -> bool {
        let is_one = |wanted: &[String], found: &str| wanted.is_empty() || wanted.iter().any(|w| w == found);
        self.row_id.as_deref().is_none_or(|wanted| wanted == row_id)
            && is_one(&self.operations, operation)
            && is_one(&self.results, result)
    }
}

/// A page of the changes of a run, in the order of its plan, and how many match. Without a filter only
/// the chunks of the page are read; with one all outcomes are.
pub async fn changes(
    engine: &Engine,
    run: &Run,
    filter: &ChangeFilter,
    page: Page,
) -> Result<(Vec<RowEvent>, u64)> {
    page.check()?;
    let Some(plan) = engine.store.plan(&run.id).await? else { return Ok((Vec::new(), 0)) };
    let shown = shown(engine, run).await?;
    if context_of(&plan)?.direct.is_some() {
        return loaded(engine, run, &plan, shown, filter, page);
    }
    let mut listing = Listing { run, shown, filter, page, events: Vec::new(), matching: 0 };
    let mut reader = open(engine, &plan)?;
    for record in engine.store.chunks(&run.id).await? {
        let skips = listing.matching + record.rows <= page.offset() || listing.is_full();
        if filter.is_empty() && skips {
            listing.matching += record.rows;
            continue;
        }
        listing.chunk(engine, &mut reader, &record, plan.scrubbed)?;
    }
    Ok((listing.events, listing.matching))
}

struct Listing<'a> {
    run: &'a Run,
    shown: Shown,
    filter: &'a ChangeFilter,
    page: Page,
    events: Vec<RowEvent>,
    /// Matching changes so far.
    matching: u64,
}

impl Listing<'_> {
    fn is_full(&self) -> bool {
        self.events.len() as u64 >= self.page.size
    }

    /// Counts a matching change; whether it is on the page.
    fn counts(&mut self) -> bool {
        self.matching += 1;
        self.matching > self.page.offset() && !self.is_full()
    }

    fn chunk(
        &mut self,
        engine: &Engine,
        reader: &mut Option<PlanReader>,
        record: &ChunkRecord,
        scrubbed: bool,
    ) -> Result<()> {
        let outcomes = read_outcomes(engine, record.outcomes.as_ref())?;
        let chunk = match reader {
            Some(reader) => Some(visible(reader.chunk(record.number)?, self.shown, scrubbed)?),
            None => None,
        };
        let rows = chunk.as_ref().map_or(outcomes.len(), |chunk| chunk.changes.len());
        for row in 0..rows {
            self.row(chunk.as_ref(), row, outcomes.get(row))?;
        }
        Ok(())
    }

    fn row(&mut self, chunk: Option<&PlanChunk>, row: usize, outcome: Option<&StoredOutcome>) -> Result<()> {
        let (row_id, op) = match (chunk, outcome) {
            (Some(chunk), _) => (chunk.changes[row].key.row_id(), chunk.changes[row].op),
            (None, Some(outcome)) => (outcome.row_id.clone(), outcome.op),
            (None, None) => return Ok(()),
        };
        let (result, error) = result_of(self.run, outcome.map(|outcome| &outcome.result));
        if !self.filter.matches(&row_id, op.as_str(), result) || !self.counts() {
            return Ok(());
        }
        let fields = match chunk {
            Some(chunk) => view(chunk, row, self.shown)?.fields,
            None => Vec::new(),
        };
        self.events.push(event(self.run, row_id, op, result, error, fields));
        Ok(())
    }
}

fn read_outcomes(engine: &Engine, file: Option<&FileRef>) -> Result<Vec<StoredOutcome>> {
    match file {
        Some(file) => outcomes::read(engine.files.open_verified(file)?),
        None => Ok(Vec::new()),
    }
}

fn result_of<'a>(run: &Run, result: Option<&'a RowResult>) -> (&'static str, Option<&'a RowError>) {
    match result {
        _ if !run.run_type.writes() => ("planned", None),
        Some(result) => named(result),
        None if run.status.is_terminal() => ("not attempted", None),
        None => ("planned", None),
    }
}

fn event(
    run: &Run,
    row_id: String,
    op: Op,
    result: &str,
    error: Option<&RowError>,
    fields: Vec<FieldView>,
) -> RowEvent {
    RowEvent {
        run_id: run.id.clone(),
        run: Some(RunFacts::of(run)),
        at: run.completed_at.or(run.started_at),
        operation: op.as_str().into(),
        result: result.into(),
        code: error.map(|e| e.code.clone()),
        message: error.map(|e| e.message.clone()),
        field: error.and_then(|e| e.field.clone()),
        fields,
        row_id,
    }
}

/// The records that a direct load created: the plan's updates have an entry of each.
fn loaded(
    engine: &Engine,
    run: &Run,
    plan: &PlanRecord,
    shown: Shown,
    filter: &ChangeFilter,
    page: Page,
) -> Result<(Vec<RowEvent>, u64)> {
    let Some(file) = &plan.updates else { return Ok((Vec::new(), 0)) };
    let segment = Segment::open(file.path.clone(), engine.files.open(file)?)?;
    let result = if run.counters.rows_created > 0 { "created" } else { "not attempted" };
    let mut listing = Listing { run, shown, filter, page, events: Vec::new(), matching: 0 };
    for entry in Snapshot::open(vec![segment]).scan(Values::Read) {
        let entry = entry?;
        let is_change = entry.state == EntryState::Delivered;
        let row_id = entry.key.row_id();
        if !is_change || !filter.matches(&row_id, Op::Create.as_str(), result) || !listing.counts() {
            continue;
        }
        let known = canon::decode_fields(entry.values.as_deref().unwrap_or_default())?;
        let fields = known.into_iter().map(|(field, value)| FieldView {
            field,
            before: None,
            after: Some(value.map_or(serde_json::Value::Null, serde_json::Value::String)),
        });
        listing.events.push(event(run, row_id, Op::Create, result, None, fields.collect()));
    }
    Ok((listing.events, listing.matching))
}
