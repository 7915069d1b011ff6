//! The first durable step: reads the source to its end, compares, and stores the plan.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{Schema, SchemaRef};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_connector::{ObjectDescription, ReadRequest};
use syncline_core::run::{FileRef, GuardVerdict};
use syncline_core::sync::{StoreValues, Sync, WriteMode};
use syncline_core::{
    Counters, CursorValue, EntryState, Error, ErrorKind, Key, LogicalType, Phase, ReadMode, Result, Run,
    RunType, canon,
};
use syncline_snapshot::{DeltaBuilder, Finished, Snapshot, Values};
use syncline_store::{ChunkRecord, ChunkState, FileStore, Generation, PlanRecord, SyncRecord};

use crate::decide::Rules;
use crate::engine::{Endpoints, Engine};
use crate::finalize;
use crate::guards::{self, PlanFacts};
use crate::ingest::{self, CursorProgress, Scope};
use crate::known::KnownKeys;
use crate::normalize::Normalizer;
use crate::partition::{Knowing, Spilled};
use crate::plan_file::PlanWriter;
use crate::planner::{Compared, Planner, PlannerInputs, Sink};
use crate::read::{Comparing, ReadResult};
use crate::replay;
use crate::tally::Tally;
use crate::transform::{self, MappingProblem, Transform};
use crate::watch::Watch;

mod stored;

/// Version of [`PlanContext`] as stored.
const CONTEXT_VERSION: u32 = 1;

/// What Apply and Commit need to know of a plan beside its changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanContext {
    pub version: u32,
    /// Processed, skipped and failed rows; created, updated and deleted as planned.
    pub planned: Counters,
    pub skipped: BTreeMap<String, u64>,
    pub config_hash: String,
    pub base_generation: u64,
    pub source_identity: String,
    pub target_identity: String,
    pub target_incarnation: String,
    pub source_types: BTreeMap<String, String>,
    pub null_shares: BTreeMap<String, f64>,
    pub unkeyed_rows: u64,
    pub complete_read: bool,
    pub cursor_to: Option<CursorValue>,
    pub resume_after: Option<Vec<u8>>,
    /// Keys (canonical bytes) whose letters are over without anything being sent.
    pub resolved: Vec<Vec<u8>>,
    /// Invalid rows whose key had not failed before.
    pub first_failures: u64,
    pub mapping_version: u64,
    pub match_fields: usize,
    /// Rows that went straight into the empty target, in one transaction that is chunk 0; the plan's
    /// updates say so of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<DirectlyLoaded>,
}

/// A first load that did not go through a plan file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DirectlyLoaded {
    /// Target fields and their types, match fields first.
    pub fields: Vec<(String, String)>,
}

/// A plan that was made and stored.
pub struct Made {
    pub record: PlanRecord,
    pub context: PlanContext,
    pub verdicts: Vec<GuardVerdict>,
}

/// The parts of one planning.
pub(crate) struct Planning<'a> {
    pub engine: &'a Engine,
    pub sync: &'a Sync,
    pub record: &'a SyncRecord,
    pub generation: Option<Generation>,
    pub ends: &'a Endpoints,
    pub watch: &'a Watch,
    pub now: Timestamp,
    /// The letters of a replay, once it is known what is known of their keys.
    pub replay: Option<replay::Selected>,
    pub ignored: Arc<replay::Ignored>,
}

/// What is read, and how it is mapped.
pub(crate) struct Reading {
    pub object: ObjectDescription,
    pub model: SchemaRef,
    pub transform: Arc<Transform>,
    pub normalizer: Arc<Normalizer>,
    pub scope: Scope,
    /// Keys that are read again whatever their cursor.
    pub due: Vec<Key>,
    columns: Vec<String>,
    pub schema: SchemaRef,
    pub mapping_version: u64,
}

impl Reading {
    pub fn request(&self, sync: &Sync) -> ReadRequest {
        ReadRequest {
            model: sync.model.clone(),
            columns: Some(self.columns.clone()),
            filter: ingest::filter(&self.scope, sync, &self.due),
            order_by: Vec::new(),
            identify: Some(self.normalizer.identify_at_source()),
        }
    }
}

/// Makes the plan of a run and stores it. Fills the run's figures as it goes.
pub async fn make(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    record: &SyncRecord,
    ends: &Endpoints,
    watch: &Watch,
) -> Result<Made> {
    let mut planning = Planning::new(engine, sync, record, ends, watch).await?;
    if let Some(wish) = &run.options.replay {
        let snapshot = planning.snapshot()?;
        planning.replay = Some(replay::select(engine, &record.uid, wish, Some(&run.id), &snapshot).await?);
    }
    let timing = planning.begin(run).await?;
    let made = Box::pin(planning.run(run)).await;
    timing.end(run);
    made
}

/// How long a planning took beside waiting for the source.
pub(crate) struct Timing {
    started: Instant,
    query_before: f64,
}

impl Timing {
    pub fn end(self, run: &mut Run) {
        let query = run.durations.query - self.query_before;
        run.durations.change_detection += (self.started.elapsed().as_secs_f64() - query).max(0.0);
    }
}

impl<'a> Planning<'a> {
    pub async fn new(
        engine: &'a Engine,
        sync: &'a Sync,
        record: &'a SyncRecord,
        ends: &'a Endpoints,
        watch: &'a Watch,
    ) -> Result<Self> {
        let generation = engine.store.generation(&record.uid).await?;
        let ignored = Arc::new(engine.ignored(&record.uid).await?);
        let now = engine.clock.now();
        Ok(Self { engine, sync, record, generation, ends, watch, now, replay: None, ignored })
    }

    /// Starts the run's planning afresh.
    pub async fn begin(&self, run: &mut Run) -> Result<Timing> {
        let timing = Timing { started: Instant::now(), query_before: run.durations.query };
        self.engine.enter_phase(run, Phase::Extracting, self.watch).await?;
        self.engine.forget_failures(run).await?;
        // An earlier plan was judged; the one to come is not before it is stored and judged too.
        run.planned_at = None;
        Ok(timing)
    }

    async fn run(&self, run: &mut Run) -> Result<Made> {
        let reading = self.reading(run).await?;
        if let Some(selected) = self.replay.as_ref().filter(|s| s.reads_nothing()) {
            return self.plan_stored(run, selected, &reading).await;
        }
        let compared = match self.compared(run, &reading, false).await {
            // What it has to remember of new keys is known only when there is no more room for it.
            Err(e) if e.kind == ErrorKind::OutOfMemory && run.options.max_entities.is_none() => {
                tracing::debug!(run = %run.id, error = %e, "comparing part by part");
                self.engine.forget_failures(run).await?;
                self.compared(run, &reading, true).await
            }
            compared => compared,
        };
        let (mut planner, read) = compared?;
        if let Scope::Keys(ids) = &reading.scope {
            run.not_found = planner.not_found(ids);
        }
        if let Some(selected) = &self.replay {
            self.refuse(run, selected.refused.clone(), &mut planner).await?;
            self.resolve_departed(run, selected, &mut planner)?;
        }
        self.store(run, planner.finish()?, &read, &reading).await
    }

    /// Everything that is settled before rows are read.
    pub async fn reading(&self, run: &mut Run) -> Result<Reading> {
        let object = self.describe_target().await?;
        let started = Instant::now();
        let model = self.ends.source.describe(&self.sync.model).await?;
        run.durations.query += started.elapsed().as_secs_f64();
        self.check_schema(&model)?;
        let transform = Transform::compile(self.sync, &model, &object, self.ends.lookups.clone())
            .map_err(|problems| self.mapping_error(&model, &problems))?;
        let scope = match &self.replay {
            Some(selected) => Scope::Keys(selected.row_ids()),
            None => ingest::scope(self.sync, self.record, run.run_type, &run.options, self.now),
        };
        let (columns, schema) = self.read_schema(&model, &transform)?;
        let normalizer = Normalizer::new(self.sync, &transform, &schema, self.record.seed)?;
        Ok(Reading {
            due: self.due_keys(&scope, run, &self.snapshot()?)?,
            mapping_version: transform.version(),
            transform: Arc::new(transform),
            normalizer: Arc::new(normalizer),
            object,
            model,
            scope,
            columns,
            schema,
        })
    }

    /// Reads and compares. `spill`: rows wait on disk until all have come.
    async fn compared(&self, run: &mut Run, reading: &Reading, spill: bool) -> Result<(Planner, ReadResult)> {
        let budget = self.engine.memory_budget;
        let knowing = Knowing {
            snapshot: self.snapshot()?,
            all: reading.scope == Scope::All,
            wanted: match &reading.scope {
                Scope::All => Vec::new(),
                Scope::Since(_) => reading.due.iter().map(Key::row_id).collect(),
                Scope::Keys(ids) => ids.clone(),
            },
            budget: budget / 2,
        };
        let everything = 0..=u64::MAX;
        let spill = run.options.max_entities.is_none()
            && (spill || knowing.bytes_for(&everything, 0) > knowing.budget);
        let kept_source = (self.sync.store_values == StoreValues::Full).then(|| reading.schema.clone());
        let path = format!("runs/{}/{}", run.id, file_name("plan", "arrow"));
        let payload = reading.transform.payload().schema().clone();
        let files = self.engine.files.clone();
        let writer = PlanWriter::new(payload, kept_source, self.chunk_rows(run), budget, files, path);
        let inputs = self.inputs(run, reading, Sink::Plan(writer), budget / 8)?;
        let (due, reseeds) = (reading.due.clone(), run.options.reseed);
        let scratch = self.engine.scratch()?.to_path_buf();
        let start = move |_| {
            let normalizer = inputs.normalizer.clone();
            let (known, spilled) = match spill {
                false => (knowing.known(everything, knowing.budget)?, None),
                true => (
                    KnownKeys::few(knowing.snapshot.clone(), std::iter::empty(), knowing.budget),
                    Some(Spilled::new(&scratch, normalizer, knowing)),
                ),
            };
            Ok(Comparing { planner: Planner::new(inputs, known), spilled, due, reseeds })
        };
        self.read(run, reading, start, None).await
    }

    /// What a planner works with.
    pub fn inputs(
        &self,
        run: &Run,
        reading: &Reading,
        sink: Sink,
        updates_budget: u64,
    ) -> Result<PlannerInputs> {
        Ok(PlannerInputs {
            sync: Arc::new(self.sync.clone()),
            transform: reading.transform.clone(),
            normalizer: reading.normalizer.clone(),
            ignored: self.ignored.clone(),
            rules: self.rules(run),
            afresh: run.options.reseed,
            schema: reading.schema.clone(),
            seed: self.record.seed,
            sink,
            updates: DeltaBuilder::new(updates_budget as usize, self.engine.scratch()?),
            progress: CursorProgress::new(self.cursor_before(run)),
            budget: self.engine.memory_budget / 8,
        })
    }

    async fn describe_target(&self) -> Result<ObjectDescription> {
        let object = &self.sync.to.object;
        self.ends.destination.describe(object).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::DestinationUnsuitable,
                format!("the target '{object}' of {} does not exist", self.sync.id),
            )
            .help(format!("create it yourself, or with `syncline check {} --create`", self.sync.id))
        })
    }

    /// G14: a mapped column that was dropped or retyped since the last run stops the run, unless the
    /// sync says to adapt.
    fn check_schema(&self, model: &SchemaRef) -> Result<()> {
        let Some(generation) = &self.generation else { return Ok(()) };
        if self.sync.schema_change == syncline_core::sync::SchemaChange::Adapt {
            return Ok(());
        }
        for (column, before) in &generation.source_types {
            let Ok(field) = model.field_with_name(column) else {
                if !self.sync.mapping.is_empty() {
                    // The mapping itself says whether it is missed.
                    continue;
                }
                return Err(Error::new(
                    ErrorKind::SchemaChanged,
                    format!("the model no longer has the column '{column}', which was written to the target"),
                )
                .help("put it back into the model, or set schema_change: adapt to leave its values at the target as they are"));
            };
            let now = LogicalType::of(field)?.to_string();
            if now != *before {
                return Err(Error::new(
                    ErrorKind::SchemaChanged,
                    format!("the model's column '{column}' was {before} and is now {now}"),
                )
                .help("check the mapping, then set schema_change: adapt to go on with the new type"));
            }
        }
        Ok(())
    }

    /// A mapping that worked before and misses a column now is the model's doing.
    fn mapping_error(&self, model: &SchemaRef, problems: &[MappingProblem]) -> Error {
        let error = transform::to_error(self.sync, problems);
        let known = self.generation.iter().flat_map(|g| g.source_types.keys());
        match known.into_iter().find(|c| model.field_with_name(c).is_err()) {
            Some(column) => Error::new(
                ErrorKind::SchemaChanged,
                format!("the model no longer has the column '{column}'; {}", error.message),
            )
            .help("put the column back into the model, or take it out of the mapping"),
            None => error,
        }
    }

    /// The columns a run reads (mapping, key, filter, cursor), in the model's order.
    fn read_schema(&self, model: &SchemaRef, transform: &Transform) -> Result<(Vec<String>, SchemaRef)> {
        let wanted = |name: &String| {
            transform.columns().contains(name) || self.sync.model.cursor.as_ref() == Some(name)
        };
        let columns: Vec<String> = model.fields().iter().map(|f| f.name().clone()).filter(wanted).collect();
        let schema = project(model, &columns);
        Ok((columns, schema))
    }

    pub fn snapshot(&self) -> Result<Snapshot> {
        let segments: Vec<FileRef> = self.generation.iter().flat_map(|g| g.segments.clone()).collect();
        finalize::open_snapshot(self.engine, &segments)
    }

    /// Keys that an incremental run reads again whatever their cursor: pending ones, and in `update`
    /// mode those the target did not have. Of a replay, those that wait for being delivered.
    fn due_keys(&self, scope: &Scope, run: &Run, snapshot: &Snapshot) -> Result<Vec<Key>> {
        if let Some(selected) = &self.replay {
            return selected.waiting(snapshot);
        }
        let waiting: u64 = self
            .generation
            .iter()
            .flat_map(|g| &g.states)
            .filter(|(s, _)| is_due_state(s))
            .map(|(_, n)| n)
            .sum();
        if !matches!(scope, Scope::Since(_)) || waiting == 0 || run.options.max_entities.is_some() {
            return Ok(Vec::new());
        }
        let mut keys = Vec::new();
        for entry in snapshot.scan(Values::LeaveOut) {
            let entry = entry?;
            let waits = matches!(entry.state, EntryState::Pending { .. } | EntryState::Absent);
            if waits && !self.ignored.contains(&entry.key) {
                keys.push(entry.key);
            }
        }
        Ok(keys)
    }

    pub fn chunk_rows(&self, run: &mut Run) -> usize {
        let wanted = run.options.batch_size.or(self.sync.batch_size).unwrap_or(self.ends.spec.batch_size);
        let max = self.ends.spec.batch_size_max;
        if wanted > max {
            let notice = format!("batch size {wanted} is above what the destination takes; {max} is used");
            if !run.notices.contains(&notice) {
                run.notices.push(notice);
            }
        }
        // A chunk of a paced replay is what may be sent in a second at most.
        let paced = run.options.replay.as_ref().and_then(|replay| replay.per_second);
        wanted.min(paced.unwrap_or(u32::MAX)).clamp(1, max) as usize
    }

    /// Where the cursor starts from: a reset clears it first.
    fn cursor_before(&self, run: &Run) -> Option<CursorValue> {
        self.record.cursor.clone().filter(|_| run.options.read_mode != ReadMode::Reset)
    }

    fn rules(&self, run: &Run) -> Rules {
        Rules {
            mode: self.sync.write_mode,
            force: run.options.read_mode == ReadMode::Full || run.run_type == RunType::Seed,
            replay: run.options.replay.is_some(),
            // A test plans what the next run will do.
            epoch: if run.run_type.writes() { run.epoch } else { run.epoch + 1 },
            now_micros: self.now.as_microsecond(),
        }
    }

    pub async fn store(
        &self,
        run: &mut Run,
        compared: Compared,
        read: &ReadResult,
        reading: &Reading,
    ) -> Result<Made> {
        let Compared { sink, superseded, updates, failures, progress, tally, peak_bytes } = compared;
        self.engine.store_failures(run, self.sync, reading.mapping_version, &failures.pending).await?;
        let stored = match sink {
            Sink::Plan(writer) => writer.finish(&superseded)?,
            Sink::Load(_) | Sink::Loaded => return Err(Error::internal("a direct load has no plan file")),
        };
        let updates = match updates.is_empty() || !run.run_type.writes() {
            true => None,
            false => Some(updates_file(&self.engine.files, &updates_path(run), updates)?.0),
        };
        let (file, chunk_rows) = stored.map_or((None, Vec::new()), |(f, rows)| (Some(f), rows));
        let resolved = failures.resolved.iter().map(|k| k.as_bytes().to_vec()).collect();
        let context = self.context(run, &tally, read, reading, progress, resolved)?;
        let verdicts = self.verdicts(run, &tally, read, &context).await?;
        let chunks: Vec<ChunkRecord> = chunk_rows
            .iter()
            .enumerate()
            .map(|(i, rows)| ChunkRecord {
                number: i as u32,
                rows: *rows,
                state: ChunkState::Planned,
                attempt: 0,
                outcomes: None,
            })
            .collect();
        let digest = digest(file.as_ref().map_or("", |f| &f.checksum), &context);
        let record = self.save(run, digest, file, updates, &context, &chunks).await?;
        fail::fail_point!("engine.plan.saved");
        self.planned(run, tally, read, &context, verdicts.clone(), peak_bytes);
        Ok(Made { record, context, verdicts })
    }

    pub fn context(
        &self,
        run: &Run,
        tally: &Tally,
        read: &ReadResult,
        reading: &Reading,
        mut progress: CursorProgress,
        resolved: Vec<Vec<u8>>,
    ) -> Result<PlanContext> {
        progress.bound(read.end.now, read.end.oldest_open_write);
        let moves_cursor = !matches!(reading.scope, Scope::Keys(_));
        let counters = Counters {
            rows_created: tally.creates,
            rows_updated: tally.updates,
            rows_deleted: tally.removals,
            ..tally.counters
        };
        let rows_read = tally.counters.rows_processed;
        Ok(PlanContext {
            version: CONTEXT_VERSION,
            planned: counters,
            skipped: tally.skipped.clone(),
            config_hash: run.config_hash.clone(),
            base_generation: self.record.generation,
            source_identity: self.ends.source.identity(),
            target_identity: reading.object.identity.clone(),
            target_incarnation: reading.object.incarnation.clone(),
            source_types: source_types(&reading.model, &reading.transform)?,
            null_shares: null_shares(tally, rows_read, read.complete, self.generation.as_ref()),
            unkeyed_rows: match read.complete {
                true => tally.unkeyed,
                false => self.generation.as_ref().map_or(0, |g| g.unkeyed_rows),
            },
            complete_read: read.complete,
            cursor_to: if moves_cursor { progress.finish() } else { self.record.cursor.clone() },
            resume_after: read.resume_after.clone(),
            resolved,
            first_failures: tally.first_failures,
            mapping_version: reading.mapping_version,
            match_fields: reading.transform.payload().match_fields(),
            direct: None,
        })
    }

    /// What the guards say of a plan.
    pub async fn verdicts(
        &self,
        run: &Run,
        tally: &Tally,
        read: &ReadResult,
        context: &PlanContext,
    ) -> Result<Vec<GuardVerdict>> {
        let facts = self.facts(run, tally, read, context).await?;
        Ok(self.judge(run, &facts))
    }

    /// Makes a plan durable.
    pub async fn save(
        &self,
        run: &Run,
        digest: String,
        file: Option<FileRef>,
        updates: Option<FileRef>,
        context: &PlanContext,
        chunks: &[ChunkRecord],
    ) -> Result<PlanRecord> {
        let record = PlanRecord {
            run_id: run.id.clone(),
            digest,
            created_at: self.now,
            file,
            updates,
            scrubbed: false,
            purged: false,
            context: serde_json::to_value(context).map_err(|e| Error::internal(e.to_string()))?,
        };
        self.engine.store.save_plan(&record, run.epoch, chunks).await?;
        Ok(record)
    }

    /// Notes on the run what was planned.
    pub fn planned(
        &self,
        run: &mut Run,
        tally: Tally,
        read: &ReadResult,
        context: &PlanContext,
        verdicts: Vec<GuardVerdict>,
        peak_bytes: u64,
    ) {
        run.counters = context.planned;
        run.skipped = tally.skipped;
        run.complete_read = read.complete;
        run.base_generation = Some(self.record.generation);
        run.planned_at = Some(self.now);
        run.guards = verdicts;
        run.cursor_before = self.record.cursor.clone();
        run.performance.bytes_read = tally.bytes_read;
        run.performance.peak_memory_bytes = run.performance.peak_memory_bytes.max(peak_bytes);
    }

    async fn facts(
        &self,
        run: &Run,
        tally: &Tally,
        read: &ReadResult,
        context: &PlanContext,
    ) -> Result<PlanFacts> {
        let history = self.engine.history(&self.record.uid, self.now).await?;
        let delivered = self.generation.as_ref().map_or(0, delivered_records);
        Ok(PlanFacts {
            creates: tally.creates,
            updates: tally.updates,
            removals: tally.removals,
            removals_before: history.removed_last_day,
            delivered,
            rows_read: tally.counters.rows_processed,
            complete_read: read.complete,
            recent_reads: history.complete_reads,
            invalid: tally.invalid,
            unkeyed: tally.unkeyed,
            unkeyed_before: self.generation.as_ref().map_or(0, |g| g.unkeyed_rows),
            null_shares: context.null_shares.clone(),
            null_shares_before: self.generation.as_ref().map(|g| g.null_shares.clone()).unwrap_or_default(),
            definition_changed: self.definition_changed(run),
            target_changed: self.target_changed(run, context),
            restored: self.restored().await?,
            removal_sample: tally.removal_sample.clone(),
            create_sample: tally.create_sample.clone(),
            update_sample: tally.update_sample.clone(),
        })
    }

    /// G30: what the state knows of the target is older than the backup it was restored from, and
    /// writing does not look there first.
    async fn restored(&self) -> Result<Option<String>> {
        let repeats = self.sync.write_mode == WriteMode::Append || !self.ends.spec.idempotent;
        let restored_at = self.engine.store.incarnation().await?.restored_at;
        let known = self.generation.as_ref().map(|generation| generation.created_at);
        Ok(restored_at.filter(|at| repeats && known.is_none_or(|known| known < *at)).map(|at| {
            format!(
                "the state was restored from a backup at {at}, and rows that were written after that was \
                 made would be written again; compare with the target, then approve or reject"
            )
        }))
    }

    fn judge(&self, run: &Run, facts: &PlanFacts) -> Vec<GuardVerdict> {
        let mut verdicts = guards::judge(&self.sync.guards, facts);
        if run.options.reseed {
            // A reseed removes everything on purpose; it was confirmed with the sync's id.
            verdicts.retain(|v| v.guard != "max_deletes");
        }
        if run.options.replay.is_some() {
            // It is made of rows that failed: their share says nothing about the sync.
            verdicts.retain(|v| v.guard != "max_invalid");
        }
        verdicts
    }

    fn definition_changed(&self, run: &Run) -> bool {
        let Some(generation) = &self.generation else { return false };
        self.record.config_hash.as_ref().is_some_and(|h| *h != run.config_hash)
            || generation.program_version != self.engine.version
    }

    /// G29. A run that sends everything anyway makes the target agree whatever it is.
    fn target_changed(&self, run: &Run, context: &PlanContext) -> Option<String> {
        let generation = self.generation.as_ref()?;
        if run.options.read_mode == ReadMode::Full || run.run_type == RunType::Seed {
            return None;
        }
        let advice = "send everything with a full run (--cursor full), or approve to keep what is known";
        if generation.target_identity != context.target_identity {
            return Some(format!(
                "the target was {} and is now {}; {advice}",
                generation.target_identity, context.target_identity
            ));
        }
        if generation.target_incarnation != context.target_incarnation {
            return Some(format!(
                "{} was recreated or restored since the last run; {advice}",
                context.target_identity
            ));
        }
        None
    }
}

fn is_due_state(state: &str) -> bool {
    state == "pending" || state == "absent"
}

/// Records that stand delivered in a generation.
fn delivered_records(generation: &Generation) -> u64 {
    ["delivered", "edited"].iter().filter_map(|s| generation.states.get(*s)).sum()
}

fn project(schema: &SchemaRef, columns: &[String]) -> SchemaRef {
    let fields: Vec<_> = schema.fields().iter().filter(|f| columns.contains(f.name())).cloned().collect();
    Arc::new(Schema::new(fields))
}

fn source_types(model: &SchemaRef, transform: &Transform) -> Result<BTreeMap<String, String>> {
    let used = model.fields().iter().filter(|f| transform.columns().contains(f.name()));
    used.map(|f| Ok((f.name().clone(), LogicalType::of(f)?.to_string()))).collect()
}

/// Share of NULLs per column of a complete read; after another read, what was known before.
fn null_shares(
    tally: &Tally,
    rows: u64,
    complete: bool,
    before: Option<&Generation>,
) -> BTreeMap<String, f64> {
    if !complete || rows == 0 {
        return before.map(|g| g.null_shares.clone()).unwrap_or_default();
    }
    tally.nulls.iter().map(|(column, nulls)| (column.clone(), *nulls as f64 * 100.0 / rows as f64)).collect()
}

/// Where the entries go that change without anything being sent.
pub fn updates_path(run: &Run) -> String {
    format!("runs/{}/{}", run.id, file_name("updates", "seg"))
}

/// Writes entries as a segment; also says which keys came more than once.
pub fn updates_file(files: &FileStore, path: &str, updates: DeltaBuilder) -> Result<(FileRef, Finished)> {
    let mut file = files.create(path)?;
    let finished = updates.finish(&mut file)?;
    Ok((file.finish()?, finished))
}

/// Identifies a plan by its content and what it starts from.
pub fn digest(checksum: &str, context: &PlanContext) -> String {
    let text =
        format!("{checksum}|{}|{}|{:?}", context.config_hash, context.base_generation, context.cursor_to);
    format!("{:032x}", canon::hash(0, text.as_bytes()).0)
}

/// A name that no other attempt of the run uses.
pub fn file_name(kind: &str, ending: &str) -> String {
    format!("{kind}-{:016x}.{ending}", rand::random::<u64>())
}
