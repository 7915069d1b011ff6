//! First load: rows go straight into an empty target while they are read, in one transaction.
//!
//! The open transaction is the plan. Before it is committed everything that a plan is checked for is
//! checked: a whole read, unique keys, the guards, the error threshold. Whatever is in the way, the
//! transaction is given up and the run goes the ordinary way, which finds and reports it.
//!
//! What the entries will be is durable before the commit, as the plan's updates, with chunk 0 in
//! `sending`. After a crash or a lost answer the target's ledger says whether the chunk is there.

use std::sync::Arc;
use std::time::Instant;

use arrow::datatypes::{Schema, SchemaRef};
use syncline_connector::{DirectLoad, OpenRequest, Recovery};
use syncline_core::sync::{Publish, Sync, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Phase, Result, Run};
use syncline_store::{ChunkRecord, ChunkState, PlanRecord, SyncRecord};

use crate::apply::{self, Applied};
use crate::engine::{Endpoints, Engine};
use crate::ingest::Scope;
use crate::known::KnownKeys;
use crate::payload::Payload;
use crate::plan::{DirectlyLoaded, Made, PlanContext, Planning, Reading};
use crate::planner::{Planner, Sink};
use crate::read::Comparing;
use crate::watch::Watch;

/// What came of trying.
pub enum Loaded {
    /// The rows are at the target, or it is not known whether they are: the run can be finalized.
    Done(Box<(Made, Applied)>),
    /// Nothing was written; the ordinary way is to be gone.
    No,
}

/// Loads a target directly, where that can be done.
pub async fn load(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    record: &SyncRecord,
    ends: &Endpoints,
    watch: &Watch,
) -> Result<Loaded> {
    let options = &run.options;
    let is_plain = options.max_entities.is_none()
        && options.source_ids.is_empty()
        && options.replay.is_none()
        && !options.reseed;
    let mode = matches!(sync.write_mode, WriteMode::Insert | WriteMode::Upsert | WriteMode::Mirror);
    if !(is_plain
        && mode
        && run.run_type.writes()
        && sync.publish == Publish::Atomic
        && record.generation == 0)
    {
        return Ok(Loaded::No);
    }
    let planning = Planning::new(engine, sync, record, ends, watch).await?;
    let timing = planning.begin(run).await?;
    let done = planning.load(run).await;
    timing.end(run);
    match done {
        Err(e) if matches!(e.kind, ErrorKind::Cancelled | ErrorKind::Fenced) => Err(e),
        // The ordinary way meets it again if it is more than this way's own.
        Err(e) => {
            tracing::info!(run = %run.id, error = %e, "not loaded directly");
            Ok(Loaded::No)
        }
        done => done,
    }
}

impl Planning<'_> {
    async fn load(&self, run: &mut Run) -> Result<Loaded> {
        let reading = self.reading(run).await?;
        if reading.scope != Scope::All {
            return Ok(Loaded::No);
        }
        let payload = reading.transform.payload();
        let request = apply::open_request(run, self.sync, String::new(), payload);
        let Some(mut load) = self.ends.destination.load(request).await? else { return Ok(Loaded::No) };
        let result = self.load_into(run, &reading, load.as_mut()).await;
        drop(load);
        match result? {
            Some((made, mut chunk, committed)) => {
                let mut came = match committed {
                    Ok(()) => Came::Committed,
                    Err(e) => settled_by_ledger(self.engine, run, self.sync, self.ends, &made, e).await?,
                };
                fail::fail_point!("engine.load.committed");
                if matches!(came, Came::Committed) {
                    let settled = ChunkRecord { state: ChunkState::Settled, ..chunk.clone() };
                    // What is at the target by now is never written once more as if it were not.
                    match self.engine.store.set_chunk(&run.id, run.epoch, &settled).await {
                        Ok(()) => chunk = settled,
                        Err(e) if e.kind == ErrorKind::Fenced => return Err(e),
                        Err(e) => came = Came::Unknown(e),
                    }
                }
                let (error, open) = match came {
                    Came::Committed => (None, Default::default()),
                    Came::NotApplied(e) => (Some(e), Default::default()),
                    Came::Unknown(e) => (Some(e), [chunk.number].into()),
                };
                let applied = Applied { error, open, chunks: vec![chunk] };
                Ok(Loaded::Done(Box::new((made, applied))))
            }
            None => Ok(Loaded::No),
        }
    }

    /// Reads and loads, and commits if nothing is in the way.
    async fn load_into(
        &self,
        run: &mut Run,
        reading: &Reading,
        load: &mut dyn DirectLoad,
    ) -> Result<Option<(Made, ChunkRecord, Result<()>)>> {
        // Nothing is known of any key, so that most of the budget is free for what will be.
        let budget = self.engine.memory_budget / 4 * 3;
        let inputs = self.inputs(run, reading, Sink::Loaded, budget)?;
        let start = move |hand_over| {
            let inputs = crate::planner::PlannerInputs { sink: Sink::Load(hand_over), ..inputs };
            let planner = Planner::new(inputs, KnownKeys::Fresh);
            Ok(Comparing { planner, spilled: None, due: Vec::new(), reseeds: false })
        };
        let (planner, read) = self.read(run, reading, start, Some(load)).await?;
        let compared = planner.finish()?;
        let (tally, failures) = (compared.tally, compared.failures);
        if !read.complete || tally.creates == 0 {
            return Ok(None);
        }
        let resolved = failures.resolved.iter().map(|k| k.as_bytes().to_vec()).collect();
        let mut context = self.context(run, &tally, &read, reading, compared.progress, resolved)?;
        let fields = reading.transform.payload().schema().fields();
        let named = fields.iter().map(|f| Ok((f.name().clone(), LogicalType::of(f)?.to_string())));
        context.direct = Some(DirectlyLoaded { fields: named.collect::<Result<_>>()? });
        let verdicts = self.verdicts(run, &tally, &read, &context).await?;
        let too_many = apply::threshold(self.sync, context.first_failures, context.planned.rows_processed);
        if too_many.is_err() || verdicts.iter().any(|v| v.tripped) {
            return Ok(None);
        }
        self.engine.enter_phase(run, Phase::Writing, self.watch).await?;
        let creates = tally.creates;
        let digest = crate::plan::digest(run.id.as_str(), &context);
        // The entries are sorted and written while the target takes in the last rows.
        let (files, path) = (self.engine.files.clone(), crate::plan::updates_path(run));
        let sorting =
            tokio::task::spawn_blocking(move || crate::plan::updates_file(&files, &path, compared.updates));
        let finishing = Instant::now();
        let loaded = load.finish(&digest).await;
        let sorted = sorting.await.map_err(|e| Error::internal(format!("sorting entries stopped: {e}")))?;
        let (updates, finished) = sorted?;
        if loaded? != creates || finished.repeated > 0 {
            return Ok(None);
        }
        let chunk =
            ChunkRecord { number: 0, rows: creates, state: ChunkState::Planned, attempt: 0, outcomes: None };
        self.watch.check_before_send()?;
        self.engine.store_failures(run, self.sync, reading.mapping_version, &failures.pending).await?;
        let record =
            self.save(run, digest, None, Some(updates), &context, std::slice::from_ref(&chunk)).await?;
        self.planned(run, tally, &read, &context, verdicts.clone(), compared.peak_bytes);
        self.engine.store.update_run(run).await?;
        let chunk = ChunkRecord { state: ChunkState::Sending, attempt: 1, ..chunk };
        self.engine.store.set_chunk(&run.id, run.epoch, &chunk).await?;
        fail::fail_point!("engine.load.saved");
        let committed = load.commit().await;
        run.durations.destination_writes += finishing.elapsed().as_secs_f64();
        Ok(Some((Made { record, context, verdicts }, chunk, committed)))
    }
}

/// What came of a commit.
enum Came {
    Committed,
    /// The next run delivers: the plan of this one was sent, and cannot be replaced any more.
    NotApplied(Error),
    Unknown(Error),
}

/// Asks the ledger what became of a load whose commit was not answered.
async fn settled_by_ledger(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    ends: &Endpoints,
    made: &Made,
    error: Error,
) -> Result<Came> {
    if error.kind == ErrorKind::Fenced {
        return Err(error);
    }
    let request = stored_request(run, sync, &made.record, &made.context)?;
    match apply::ask_ledger(engine, run, ends, &request, 0).await {
        Ok(Recovery::Committed) => Ok(Came::Committed),
        Ok(Recovery::NotApplied) => Ok(Came::NotApplied(error)),
        Ok(Recovery::Unknown) => Ok(Came::Unknown(error)),
        Err(e) if e.kind == ErrorKind::Fenced => Err(e),
        Err(e) => Ok(Came::Unknown(e)),
    }
}

/// Settles the chunk of a load whose process died, or leaves it open when the target cannot be asked.
pub async fn recover(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    plan: &PlanRecord,
    context: &PlanContext,
    ends: &Endpoints,
) -> Result<Applied> {
    let mut chunks = engine.store.chunks(&run.id).await?;
    let mut applied = Applied { error: None, open: Default::default(), chunks: Vec::new() };
    if let Some(chunk) = chunks.iter_mut().find(|c| c.state == ChunkState::Sending) {
        let request = stored_request(run, sync, plan, context)?;
        match apply::ask_ledger(engine, run, ends, &request, chunk.number).await {
            Ok(Recovery::Committed) => {
                chunk.state = ChunkState::Settled;
                engine.store.set_chunk(&run.id, run.epoch, chunk).await?;
            }
            Ok(Recovery::NotApplied) => {}
            Ok(Recovery::Unknown) => {
                applied.open.insert(chunk.number);
            }
            Err(e) if e.kind == ErrorKind::Fenced => return Err(e),
            Err(e) => {
                applied.open.insert(chunk.number);
                applied.error = Some(e);
            }
        }
    }
    applied.chunks = chunks;
    Ok(applied)
}

fn stored_request(run: &Run, sync: &Sync, plan: &PlanRecord, context: &PlanContext) -> Result<OpenRequest> {
    let direct = context.direct.as_ref().ok_or_else(|| Error::internal("a plan was not loaded directly"))?;
    let fields = direct.fields.iter().map(|(name, ty)| Ok(ty.parse::<LogicalType>()?.field(name, true)));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
    let payload = Payload::new(schema, context.match_fields)?;
    Ok(apply::open_request(run, sync, plan.digest.clone(), &payload))
}
