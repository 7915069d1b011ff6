//! The first durable step: reads the source to its end, compares, and stores the plan.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use syncline_connector::{Consistency, ObjectDescription, ReadEnd, ReadRequest, SourceBatch, SourceItem};
use syncline_core::run::GuardVerdict;
use syncline_core::sync::{StoreValues, Sync};
use syncline_core::{
    Counters, CursorValue, EntryState, Error, ErrorKind, Key, LogicalType, Phase, ReadMode, Result, Run,
    RunType, canon,
};
use syncline_snapshot::{DeltaBuilder, Segment, Snapshot, Values};
use syncline_store::{ChunkRecord, ChunkState, Generation, PlanRecord, SyncRecord};

use crate::decide::Rules;
use crate::engine::{Endpoints, Engine};
use crate::guards::{self, PlanFacts};
use crate::ingest::{self, CursorProgress, LimitedRead, RowFilter, Scope};
use crate::known::KnownKeys;
use crate::plan_file::PlanWriter;
use crate::planner::{Compared, Planner, PlannerInputs, Tally};
use crate::transform::{self, MappingProblem, Transform};
use crate::watch::Watch;

/// Version of [`PlanContext`] as stored.
const CONTEXT_VERSION: u32 = 1;
/// Failed rows are stored in batches of this many.
const FAILURES_BATCH: usize = 1_000;

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
}

/// A plan that was made and stored.
pub struct Made {
    pub record: PlanRecord,
    pub context: PlanContext,
    pub verdicts: Vec<GuardVerdict>,
}

/// The parts of one planning.
struct Planning<'a> {
    engine: &'a Engine,
    sync: &'a Sync,
    record: &'a SyncRecord,
    generation: Option<Generation>,
    ends: &'a Endpoints,
    watch: &'a Watch,
    now: Timestamp,
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
    let generation = engine.store.generation(&record.uid).await?;
    let now = engine.clock.now();
    let planning = Planning { engine, sync, record, generation, ends, watch, now };
    let started = Instant::now();
    let query_before = run.durations.query;
    engine.enter_phase(run, Phase::Extracting, watch).await?;
    engine.forget_failures(&run.id).await?;
    // An earlier plan was judged; the one to come is not before it is stored and judged too.
    run.planned_at = None;
    let made = planning.run(run).await;
    // Whatever planning did beside waiting for the source.
    let query = run.durations.query - query_before;
    run.durations.change_detection += (started.elapsed().as_secs_f64() - query).max(0.0);
    made
}

impl Planning<'_> {
    async fn run(&self, run: &mut Run) -> Result<Made> {
        let object = self.describe_target().await?;
        let started = Instant::now();
        let model = self.ends.source.describe(&self.sync.model).await?;
        run.durations.query += started.elapsed().as_secs_f64();
        self.check_schema(&model)?;
        let transform = Transform::compile(self.sync, &model, &object, self.ends.lookups.clone())
            .map_err(|problems| self.mapping_error(&model, &problems))?;
        let scope = ingest::scope(self.sync, self.record, run.run_type, &run.options, self.now);
        let (columns, schema) = self.read_schema(&model, &transform)?;
        let snapshot = self.snapshot()?;
        let due = self.due_keys(&scope, run, &snapshot)?;
        let kept_source = (self.sync.store_values == StoreValues::Full).then(|| schema.clone());
        let chunk_rows = self.chunk_rows(run);
        let known = match scope {
            Scope::All => KnownKeys::all(snapshot, self.engine.memory_budget / 2)?,
            _ => KnownKeys::few(snapshot, self.engine.memory_budget / 2),
        };
        let budget = self.engine.memory_budget / 8;
        let mut planner = Planner::new(PlannerInputs {
            sync: self.sync,
            transform: &transform,
            rules: self.rules(run),
            afresh: run.options.reseed,
            known,
            schema: schema.clone(),
            seed: self.record.seed,
            writer: PlanWriter::new(
                transform.payload().schema().clone(),
                kept_source,
                chunk_rows,
                self.engine.scratch()?,
            ),
            updates: DeltaBuilder::new(budget as usize, self.engine.scratch()?),
            progress: CursorProgress::new(self.cursor_before(run)),
        })?;
        if run.options.reseed {
            planner.clear_all()?;
        }
        let read = self.read(run, &mut planner, &scope, &due, columns).await?;
        fail::fail_point!("engine.read.complete");
        self.phase(run, Phase::DetectingChanges).await?;
        if read.complete && !run.options.reseed && read.end.consistency != Consistency::Unstable {
            planner.departures()?;
            planner.check_known_matches()?;
        } else if matches!(scope, Scope::Since(_)) && run.options.max_entities.is_none() {
            planner.departures_of(&due)?;
        }
        if let Scope::Keys(ids) = &scope {
            run.not_found = planner.not_found(ids);
        }
        let moves_cursor = !matches!(scope, Scope::Keys(_));
        let compared = planner.finish()?;
        self.store(run, compared, &read, &transform, &model, &object, moves_cursor).await
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
    /// sync says to adapt. A dropped column is found by the mapping itself.
    fn check_schema(&self, model: &SchemaRef) -> Result<()> {
        let Some(generation) = &self.generation else { return Ok(()) };
        if self.sync.schema_change == syncline_core::sync::SchemaChange::Adapt {
            return Ok(());
        }
        for (column, before) in &generation.source_types {
            let Ok(field) = model.field_with_name(column) else { continue };
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

    fn snapshot(&self) -> Result<Snapshot> {
        let segments = self.generation.iter().flat_map(|g| &g.segments);
        let opened = segments
            .map(|f| Segment::open(f.path.clone(), self.engine.files.open(f)?))
            .collect::<Result<_>>()?;
        Ok(Snapshot::open(opened))
    }

    /// Keys that an incremental run reads again whatever their cursor: pending ones, and in `update`
    /// mode those the target did not have.
    fn due_keys(&self, scope: &Scope, run: &Run, snapshot: &Snapshot) -> Result<Vec<Key>> {
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
            if matches!(entry.state, EntryState::Pending { .. } | EntryState::Absent) {
                keys.push(entry.key);
            }
        }
        Ok(keys)
    }

    fn chunk_rows(&self, run: &mut Run) -> usize {
        let wanted = run.options.batch_size.or(self.sync.batch_size).unwrap_or(self.ends.spec.batch_size);
        let max = self.ends.spec.batch_size_max;
        if wanted > max {
            run.notices
                .push(format!("batch size {wanted} is above what the destination takes; {max} is used"));
        }
        wanted.clamp(1, max) as usize
    }

    /// Where the cursor starts from: a reset clears it first.
    fn cursor_before(&self, run: &Run) -> Option<CursorValue> {
        self.record.cursor.clone().filter(|_| run.options.read_mode != ReadMode::Reset)
    }

    fn rules(&self, run: &Run) -> Rules {
        Rules {
            mode: self.sync.write_mode,
            force: run.options.read_mode == ReadMode::Full || run.run_type == RunType::Seed,
            // A test plans what the next run will do.
            epoch: if run.run_type.writes() { run.epoch } else { run.epoch + 1 },
            now_micros: self.now.as_microsecond(),
        }
    }

    async fn phase(&self, run: &mut Run, phase: Phase) -> Result<()> {
        self.engine.enter_phase(run, phase, self.watch).await
    }

    /// Reads to the end, feeding the planner.
    async fn read(
        &self,
        run: &mut Run,
        planner: &mut Planner<'_>,
        scope: &Scope,
        due: &[Key],
        columns: Vec<String>,
    ) -> Result<ReadResult> {
        let request = ReadRequest {
            model: self.sync.model.clone(),
            columns: Some(columns),
            filter: ingest::filter(scope, self.sync, due),
            order_by: Vec::new(),
            identify: None,
        };
        let row_filter = RowFilter::new(scope, due).filter(|_| !self.ends.source.pushes_down());
        let mut limited = run.options.max_entities.map(|limit| {
            let boundary = self.record.cursor.clone().filter(|_| matches!(scope, Scope::Since(_)));
            let resume = self.generation.as_ref().and_then(|g| g.resume_after.clone());
            let resume = resume.filter(|_| run.options.read_mode == ReadMode::Incremental);
            LimitedRead::new(limit, boundary, resume, self.sync.model.cursor.is_some())
        });
        let resumed = run.options.max_entities.is_some()
            && self.sync.model.cursor.is_none()
            && self.generation.as_ref().is_some_and(|g| g.resume_after.is_some());
        let started = Instant::now();
        let mut stream = self.ends.source.read(request).await?;
        run.durations.query += started.elapsed().as_secs_f64();
        let end = loop {
            let started = Instant::now();
            let item = tokio::select! {
                biased;
                () = self.watch.cancelled() => return Err(crate::watch::cancelled()),
                item = stream.next() => item,
            };
            run.durations.query += started.elapsed().as_secs_f64();
            let batch = match item {
                Some(Ok(SourceItem::Batch(batch))) => batch,
                Some(Ok(SourceItem::Raw(_))) => {
                    return Err(Error::internal("undecoded rows were not asked for"));
                }
                Some(Ok(SourceItem::End(end))) => break end,
                Some(Err(e)) => return Err(e),
                // G5: a stream that stops without saying so was cut off.
                None => {
                    return Err(Error::new(
                        ErrorKind::SourceUnreachable,
                        "the source broke off before the end of the read",
                    ));
                }
            };
            fail::fail_point!("engine.read.batch");
            let batch = match &row_filter {
                Some(filter) => {
                    let mut rows = planner.normalizer().rows(&batch.rows);
                    let kept: Vec<u32> = (0..batch.rows.num_rows())
                        .filter(|&row| {
                            let row_id = rows.key(row).map(|k| k.row_id()).unwrap_or_default();
                            filter.keeps(rows.cursor(row), &row_id)
                        })
                        .map(|row| row as u32)
                        .collect();
                    ingest::select(batch, &kept)?
                }
                None => batch,
            };
            self.feed(planner, &mut limited, batch)?;
            if planner.failures.pending.len() >= FAILURES_BATCH {
                let failures = std::mem::take(&mut planner.failures.pending);
                self.engine.store_failures(run, self.sync, planner.mapping_version(), &failures).await?;
            }
            self.report(&planner.tally);
        };
        let mut result = ReadResult {
            complete: matches!(scope, Scope::All) && !resumed,
            end,
            truncated: false,
            resume_after: None,
        };
        if let Some(limited) = limited {
            let bound = result.end.now.into_iter().chain(result.end.oldest_open_write).min();
            let chosen = limited.finish(bound)?;
            for batch in chosen.batches {
                planner.batch(batch)?;
            }
            result.complete &= !chosen.truncated;
            result.truncated = chosen.truncated;
            result.resume_after = chosen.resume_after;
            self.report(&planner.tally);
        }
        planner.progress.bound(result.end.now, result.end.oldest_open_write);
        Ok(result)
    }

    fn feed(
        &self,
        planner: &mut Planner<'_>,
        limited: &mut Option<LimitedRead>,
        batch: SourceBatch,
    ) -> Result<()> {
        match limited {
            None => planner.batch(batch),
            Some(read) => {
                let mut rows = planner.normalizer().rows(&batch.rows);
                let positions = (0..batch.rows.num_rows())
                    .map(|row| {
                        (rows.cursor(row), rows.key(row).map(|k| k.as_bytes().to_vec()).unwrap_or_default())
                    })
                    .collect();
                read.push(batch, positions, self.engine.memory_budget / 2)
            }
        }
    }

    fn report(&self, tally: &Tally) {
        self.watch.update(|p| {
            p.discovered = tally.counters.rows_processed;
            p.counters = tally.counters;
            p.planned = tally.creates + tally.updates + tally.removals;
        });
    }

    #[allow(clippy::too_many_arguments)]
    async fn store(
        &self,
        run: &mut Run,
        compared: Compared,
        read: &ReadResult,
        transform: &Transform,
        model: &SchemaRef,
        object: &ObjectDescription,
        moves_cursor: bool,
    ) -> Result<Made> {
        let Compared { writer, superseded, updates, failures, progress, tally, peak_bytes } = compared;
        self.engine.store_failures(run, self.sync, transform.version(), &failures.pending).await?;
        let folder = format!("runs/{}", run.id);
        let stored = writer.finish(
            &self.engine.files,
            &format!("{folder}/{}", file_name("plan", "arrow")),
            &superseded,
        )?;
        let updates = match updates.is_empty() || !run.run_type.writes() {
            true => None,
            false => {
                let mut file =
                    self.engine.files.create(&format!("{folder}/{}", file_name("updates", "seg")))?;
                updates.finish(&mut file)?;
                Some(file.finish()?)
            }
        };
        let (file, chunk_rows) = stored.map_or((None, Vec::new()), |(f, rows)| (Some(f), rows));
        let counters = Counters {
            rows_created: tally.creates,
            rows_updated: tally.updates,
            rows_deleted: tally.removals,
            ..tally.counters
        };
        let rows_read = tally.counters.rows_processed;
        let context = PlanContext {
            version: CONTEXT_VERSION,
            planned: counters,
            skipped: tally.skipped.clone(),
            config_hash: run.config_hash.clone(),
            base_generation: self.record.generation,
            source_identity: self.ends.source.identity(),
            target_identity: object.identity.clone(),
            target_incarnation: object.incarnation.clone(),
            source_types: source_types(model, transform)?,
            null_shares: null_shares(&tally, rows_read, read.complete, self.generation.as_ref()),
            unkeyed_rows: match read.complete {
                true => tally.unkeyed,
                false => self.generation.as_ref().map_or(0, |g| g.unkeyed_rows),
            },
            complete_read: read.complete,
            cursor_to: if moves_cursor { progress.finish() } else { self.record.cursor.clone() },
            resume_after: read.resume_after.clone(),
            resolved: failures.resolved.iter().map(|k| k.as_bytes().to_vec()).collect(),
            first_failures: tally.first_failures,
            mapping_version: transform.version(),
            match_fields: transform.payload().match_fields(),
        };
        let facts = self.facts(run, &tally, read, &context).await?;
        let verdicts = self.judge(run, &facts);
        let digest = digest(file.as_ref().map_or("", |f| &f.checksum), &context);
        let record = PlanRecord {
            run_id: run.id.clone(),
            digest,
            created_at: self.now,
            file,
            updates,
            scrubbed: false,
            context: serde_json::to_value(&context).map_err(|e| Error::internal(e.to_string()))?,
        };
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
        self.engine.store.save_plan(&record, &chunks).await?;
        fail::fail_point!("engine.plan.saved");
        run.counters = counters;
        run.skipped = tally.skipped;
        run.complete_read = read.complete;
        run.base_generation = Some(self.record.generation);
        run.planned_at = Some(self.now);
        run.guards = verdicts.clone();
        run.cursor_before = self.record.cursor.clone();
        run.performance.bytes_read = tally.bytes_read;
        run.performance.peak_memory_bytes = run.performance.peak_memory_bytes.max(peak_bytes);
        Ok(Made { record, context, verdicts })
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
            removal_sample: tally.removal_sample.clone(),
            create_sample: tally.create_sample.clone(),
            update_sample: tally.update_sample.clone(),
        })
    }

    fn judge(&self, run: &Run, facts: &PlanFacts) -> Vec<GuardVerdict> {
        let mut verdicts = guards::judge(&self.sync.guards, facts);
        if run.options.reseed {
            // A reseed removes everything on purpose; it was confirmed with the sync's id.
            verdicts.retain(|v| v.guard != "max_deletes");
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

struct ReadResult {
    end: ReadEnd,
    /// Every row of the model was read.
    complete: bool,
    truncated: bool,
    resume_after: Option<Vec<u8>>,
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

fn digest(checksum: &str, context: &PlanContext) -> String {
    let text =
        format!("{checksum}|{}|{}|{:?}", context.config_hash, context.base_generation, context.cursor_to);
    format!("{:032x}", canon::hash(0, text.as_bytes()).0)
}

/// A name that no other attempt of the run uses.
pub fn file_name(kind: &str, ending: &str) -> String {
    format!("{kind}-{:016x}.{ending}", rand::random::<u64>())
}
