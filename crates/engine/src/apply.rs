//! The second durable step: sends a plan's chunks and makes each outcome durable.
//!
//! A chunk is `sending` before its first byte leaves, its outcome file is durable before the
//! destination commits, and it is `settled` after. After a crash or a lost connection the
//! destination's ledger says which of the two it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use jiff::Timestamp;
use std::sync::Arc;
use syncline_connector::{Chunk, FieldRule, OpenRequest, Recovery, Session};
use syncline_core::error::ErrorClass;
use syncline_core::sync::{OnRemoved, Publish, StoreValues, Sync, WriteMode};
use syncline_core::{Counters, Error, ErrorKind, LogicalType, Phase, Result, RowError, RowResult, Run};
use syncline_store::{ChunkRecord, ChunkState, PlanRecord};

use crate::engine::{Endpoints, Engine};
use crate::failures::MAY_HAVE_BEEN_WRITTEN;
use crate::outcomes;
use crate::payload::Payload;
use crate::plan::{PlanContext, file_name};
use crate::plan_file::{PlanChunk, PlanReader};
use crate::watch::Watch;

/// Attempts at one session before an unreachable destination ends the run.
const ATTEMPTS_MAX: u32 = 5;
/// First wait between attempts; doubled each time, with full jitter.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A percentage of failed rows is judged on at least this many rows.
const HALT_ROWS_MIN: u64 = 100;

/// How the sending ended.
pub struct Applied {
    /// Why it ended early.
    pub error: Option<Error>,
    /// Chunks that may be at the target although nothing confirmed it: their commit was asked for, or
    /// their process died, and no answer came since.
    pub open: BTreeSet<u32>,
    pub chunks: Vec<ChunkRecord>,
}

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Send what is not settled.
    Everything,
    /// Only find out what became of chunks on their way.
    SettleOnly,
}

struct Sending<'a> {
    engine: &'a Engine,
    run: &'a mut Run,
    sync: &'a Sync,
    ends: &'a Endpoints,
    watch: &'a Watch,
    reader: PlanReader,
    payload: Payload,
    request: OpenRequest,
    chunks: Vec<ChunkRecord>,
    /// First-time failures and rows tried in this attempt, the plan's invalid rows included.
    first_failures: u64,
    tried: u64,
    planned: &'a PlanContext,
    open: BTreeSet<u32>,
    /// When the last chunk of a paced replay left, and how many records it had.
    left: Option<(Timestamp, u64)>,
}

/// Sends a stored plan.
#[allow(clippy::too_many_arguments)]
pub async fn apply(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    plan: &PlanRecord,
    context: &PlanContext,
    ends: &Endpoints,
    watch: &Watch,
    extent: Extent,
) -> Result<Applied> {
    let chunks = engine.store.chunks(&run.id).await?;
    let Some(file) = &plan.file else { return Ok(Applied { error: None, open: BTreeSet::new(), chunks }) };
    let reader = PlanReader::open(engine.files.open_verified(file)?)?;
    let payload = Payload::new(reader.payload_schema().clone(), context.match_fields)?;
    let mut request = open_request(run, sync, plan.digest.clone(), &payload);
    if per_second(run).is_some() && ends.spec.publish.contains(&Publish::Progressive) {
        // One transaction for all of it would be open, and hold its locks, for as long as it is paced.
        request.publish = Publish::Progressive;
    }
    let started = Instant::now();
    // Those of a process that died: it may have got as far as their commit.
    let open = chunks.iter().filter(|c| c.state == ChunkState::Sending).map(|c| c.number).collect();
    let mut sending = Sending {
        first_failures: 0,
        tried: 0,
        planned: context,
        open,
        engine,
        run,
        sync,
        ends,
        watch,
        reader,
        payload,
        request,
        chunks,
        left: None,
    };
    let applied = sending.run(extent).await;
    let Sending { run, chunks, open, .. } = sending;
    run.durations.destination_writes += started.elapsed().as_secs_f64();
    match applied {
        Ok(()) => Ok(Applied { error: None, open, chunks }),
        // Another process has the run now: nothing of ours may follow.
        Err(e) if e.kind == ErrorKind::Fenced => Err(e),
        Err(e) => Ok(Applied { error: Some(e), open, chunks }),
    }
}

/// Most records a second, where the run is paced.
fn per_second(run: &Run) -> Option<u32> {
    run.options.replay.as_ref()?.per_second
}

/// How a run writes.
pub fn open_request(run: &Run, sync: &Sync, plan_digest: String, payload: &Payload) -> OpenRequest {
    let rule = |name: &str| {
        let mapping = sync.mapping.iter().find(|m| m.field == name);
        mapping.map_or(FieldRule { write: Default::default(), nulls: Default::default() }, |m| FieldRule {
            write: m.write,
            nulls: m.nulls,
        })
    };
    OpenRequest {
        sync_uid: run.sync_uid.clone(),
        run_id: run.id.clone(),
        epoch: run.epoch,
        plan_digest,
        target: sync.to.clone(),
        write_mode: sync.write_mode,
        publish: sync.publish,
        schema: payload.schema().clone(),
        rules: payload.schema().fields().iter().map(|f| rule(f.name())).collect(),
        flag: match &sync.on_removed {
            OnRemoved::Flag { field, value } => Some((field.clone(), value.clone())),
            _ => None,
        },
        duplicates_accepted: sync.duplicates_accepted,
    }
}

/// Asks the target what became of a chunk, as often as an unreachable one is tried.
pub async fn ask_ledger(
    engine: &Engine,
    run: &mut Run,
    ends: &Endpoints,
    request: &OpenRequest,
    chunk: u32,
) -> Result<Recovery> {
    let mut attempt = 1;
    loop {
        let asked = async { ends.destination.open(request.clone()).await?.recover(chunk).await };
        match asked.await {
            Err(e) if e.kind.class() == ErrorClass::Transient && attempt < ATTEMPTS_MAX => {
                engine.clock.sleep(backoff(engine, run, &e, attempt)).await;
                attempt += 1;
            }
            end => return end,
        }
    }
}

/// Fails when the target is not the one that the plan was made for: another (G29), or with other types
/// (G14), into which it might bend the values.
async fn check_target(
    sync: &Sync,
    ends: &Endpoints,
    planned: &PlanContext,
    payload: &SchemaRef,
) -> Result<()> {
    let changed = |message: String| {
        Err(Error::new(ErrorKind::DestinationUnsuitable, message)
            .help(format!("nothing was written; run {} again to plan for the target as it is", sync.id)))
    };
    let object = &sync.to.object;
    // What is not there or cannot be written is told by the session.
    let target = ends.destination.describe(object).await?.filter(|t| t.not_writable.is_none());
    let Some(target) = target else { return Ok(()) };
    if target.identity != planned.target_identity || target.incarnation != planned.target_incarnation {
        return changed(format!("the target '{object}' was made anew or moved since the plan was made"));
    }
    for field in payload.fields() {
        let ty = LogicalType::of(field)?;
        if let Some(now) = target.fields.iter().find(|f| f.name == *field.name()).filter(|now| now.ty != ty) {
            return changed(format!(
                "the target's field '{}' was {ty} when the plan was made and is now {} ({})",
                now.name, now.ty, now.native_type
            ));
        }
    }
    Ok(())
}

/// How long to wait after a failed attempt; counts it.
fn backoff(engine: &Engine, run: &mut Run, error: &Error, attempt: u32) -> Duration {
    let most = BACKOFF_MAX.min(BACKOFF_FIRST * 2u32.pow(attempt - 1));
    tracing::warn!(run = %run.id, code = error.code(), attempt, "destination unreachable, trying again");
    run.performance.retries += 1;
    most.mul_f64(engine.clock.jitter())
}

impl Sending<'_> {
    async fn run(&mut self, extent: Extent) -> Result<()> {
        let mut attempt = 1;
        loop {
            match self.attempt(extent).await {
                Err(e) if e.kind.class() == ErrorClass::Transient && attempt < ATTEMPTS_MAX => {
                    let wait = backoff(self.engine, self.run, &e, attempt);
                    tokio::select! {
                        () = self.engine.clock.sleep(wait) => {}
                        stopped = self.watch.stopped() => return Err(stopped),
                    }
                    attempt += 1;
                }
                end => return end,
            }
        }
    }

    /// One session: settles what an earlier one left open, then sends the rest.
    async fn attempt(&mut self, extent: Extent) -> Result<()> {
        let unsettled = self.chunks.iter().any(|c| c.state != ChunkState::Settled);
        let open = self.chunks.iter().any(|c| c.state == ChunkState::Sending);
        if !unsettled || (extent == Extent::SettleOnly && !open) {
            return Ok(());
        }
        self.watch.check()?;
        self.first_failures = self.planned.first_failures;
        self.tried = self.planned.planned.rows_failed;
        self.watch.update(|p| {
            p.phase = Some(Phase::Writing);
            p.sent = 0;
            p.counters =
                Counters { rows_created: 0, rows_updated: 0, rows_deleted: 0, ..self.planned.planned };
        });
        if self.chunks.iter().all(|c| c.state == ChunkState::Planned) {
            check_target(self.sync, self.ends, self.planned, self.payload.schema()).await?;
        }
        let mut session = self.ends.destination.open(self.request.clone()).await?;
        if open {
            self.settle_open(session.as_mut()).await?;
        }
        self.count_settled()?;
        if extent == Extent::SettleOnly {
            return Ok(());
        }
        match self.request.publish {
            Publish::Atomic => self.send_atomically(session.as_mut()).await,
            Publish::Progressive => self.send_progressively(session.as_mut()).await,
        }
    }

    /// Finds out what became of chunks that an earlier session may have sent.
    async fn settle_open(&mut self, session: &mut dyn Session) -> Result<()> {
        for i in 0..self.chunks.len() {
            if self.chunks[i].state != ChunkState::Sending {
                continue;
            }
            let repeatable = self.ends.spec.idempotent && self.sync.write_mode != WriteMode::Append;
            let has_outcomes = self.chunks[i].outcomes.is_some();
            let number = self.chunks[i].number;
            match session.recover(number).await? {
                Recovery::Committed if has_outcomes => {
                    let settled = ChunkRecord { state: ChunkState::Settled, ..self.chunks[i].clone() };
                    self.save(i, settled).await?;
                    self.open.remove(&number);
                }
                // It stays `sending`, and is sent again in the next attempt.
                Recovery::NotApplied => {
                    self.open.remove(&number);
                }
                Recovery::Committed | Recovery::Unknown if repeatable => {}
                Recovery::Committed | Recovery::Unknown => {
                    self.settle_unknown(i).await?;
                    self.open.remove(&number);
                }
            }
        }
        Ok(())
    }

    /// Counts what earlier attempts delivered for good, so that live figures and the error threshold
    /// are those of the whole run.
    fn count_settled(&mut self) -> Result<()> {
        for i in 0..self.chunks.len() {
            let ChunkRecord { number, state: ChunkState::Settled, outcomes: Some(file), .. } =
                &self.chunks[i]
            else {
                continue;
            };
            let results: Vec<RowResult> = outcomes::read(self.engine.files.open_verified(file)?)?
                .into_iter()
                .map(|o| o.result)
                .collect();
            let plan = self.reader.chunk(*number)?;
            self.count(&plan, &results);
        }
        Ok(())
    }

    /// Nobody can say whether a chunk arrived: its rows become dead letters that say so.
    async fn settle_unknown(&mut self, index: usize) -> Result<()> {
        let plan = self.reader.chunk(self.chunks[index].number)?;
        let error =
            RowError::new(MAY_HAVE_BEEN_WRITTEN, "The connection broke off; the row may have been written");
        let results = vec![RowResult::Unknown(error); plan.changes.len()];
        let outcomes = self.write_outcomes(&plan, &results)?;
        let chunk = ChunkRecord {
            state: ChunkState::Settled,
            outcomes: Some(outcomes),
            ..self.chunks[index].clone()
        };
        self.save(index, chunk).await
    }

    async fn save(&mut self, index: usize, chunk: ChunkRecord) -> Result<()> {
        self.engine.store.set_chunk(&self.run.id, self.run.epoch, &chunk).await?;
        self.chunks[index] = chunk;
        Ok(())
    }

    async fn commit(&mut self, session: &mut dyn Session) -> Result<()> {
        let sending = self.chunks.iter().filter(|c| c.state == ChunkState::Sending).map(|c| c.number);
        self.open.extend(sending);
        session.commit().await?;
        self.open.clear();
        Ok(())
    }

    async fn send_progressively(&mut self, session: &mut dyn Session) -> Result<()> {
        for i in 0..self.chunks.len() {
            if self.chunks[i].state == ChunkState::Settled {
                continue;
            }
            self.keep_pace().await?;
            self.watch.check_before_send()?;
            self.write(session, i).await?;
            self.check_threshold()?;
            self.commit(session).await?;
            fail::fail_point!("engine.destination.committed");
            let settled = ChunkRecord { state: ChunkState::Settled, ..self.chunks[i].clone() };
            self.save(i, settled).await?;
            fail::fail_point!("engine.chunk.settled");
        }
        Ok(())
    }

    async fn send_atomically(&mut self, session: &mut dyn Session) -> Result<()> {
        if self.chunks.iter().all(|c| c.state == ChunkState::Settled) {
            // The ledger had everything: committing nothing could publish nothing in its place.
            return Ok(());
        }
        let sent = self.write_all(session).await;
        if let Err(e) = sent {
            // What was written so far must not stay; when the connection is gone it is undone anyway.
            if let Err(undo) = session.rollback().await {
                tracing::debug!(run = %self.run.id, error = %undo, "rollback after a failed write");
            }
            return Err(e);
        }
        fail::fail_point!("engine.publish.before");
        self.commit(session).await?;
        fail::fail_point!("engine.destination.committed");
        for i in 0..self.chunks.len() {
            if self.chunks[i].state != ChunkState::Settled {
                let settled = ChunkRecord { state: ChunkState::Settled, ..self.chunks[i].clone() };
                self.save(i, settled).await?;
            }
        }
        fail::fail_point!("engine.chunk.settled");
        Ok(())
    }

    async fn write_all(&mut self, session: &mut dyn Session) -> Result<()> {
        for i in 0..self.chunks.len() {
            if self.chunks[i].state == ChunkState::Settled {
                continue;
            }
            self.keep_pace().await?;
            self.watch.check_before_send()?;
            self.write(session, i).await?;
            self.check_threshold()?;
        }
        self.watch.check_before_send()
    }

    /// Waits until the chunk before is as far back as the rate of the replay wants it.
    async fn keep_pace(&mut self) -> Result<()> {
        let (Some(rate), Some((since, rows))) = (per_second(self.run), self.left) else { return Ok(()) };
        let whole = Duration::from_secs_f64(rows as f64 / f64::from(rate));
        let passed = self.engine.clock.now().duration_since(since);
        // A clock that was set back makes it wait once more, not longer.
        let wait = whole.saturating_sub(Duration::try_from(passed).unwrap_or_default());
        tokio::select! {
            biased;
            stopped = self.watch.stopped() => Err(stopped),
            () = self.engine.clock.sleep(wait) => Ok(()),
        }
    }

    /// Sends one chunk and makes its outcomes durable, before the destination commits.
    async fn write(&mut self, session: &mut dyn Session, index: usize) -> Result<()> {
        let sending = ChunkRecord {
            state: ChunkState::Sending,
            attempt: self.chunks[index].attempt + 1,
            outcomes: None,
            ..self.chunks[index].clone()
        };
        self.save(index, sending).await?;
        fail::fail_point!("engine.chunk.sending");
        let plan = self.reader.chunk(self.chunks[index].number)?;
        let chunk = Chunk {
            number: plan.number,
            ops: plan.changes.iter().map(|c| c.op).collect(),
            payload: plan.payload.clone(),
            old_match: self.old_match(&plan)?,
        };
        self.run.performance.bytes_written += plan.payload.get_array_memory_size() as u64;
        let started = Instant::now();
        self.left = Some((self.engine.clock.now(), plan.changes.len() as u64));
        let results = session.write(&chunk).await?;
        self.run.performance.api_calls += 1;
        self.run.performance.api_call_seconds += started.elapsed().as_secs_f64();
        if results.len() != plan.changes.len() {
            return Err(Error::internal("the destination answered another number of rows than it was sent"));
        }
        fail::fail_point!("engine.chunk.written");
        let outcomes = self.write_outcomes(&plan, &results)?;
        let written = ChunkRecord { outcomes: Some(outcomes), ..self.chunks[index].clone() };
        self.save(index, written).await?;
        fail::fail_point!("engine.chunk.outcomes");
        self.count(&plan, &results);
        Ok(())
    }

    fn write_outcomes(&self, plan: &PlanChunk, results: &[RowResult]) -> Result<syncline_core::run::FileRef> {
        let kind = format!("outcomes-{:05}", plan.number);
        let path = format!("runs/{}/{}", self.run.id, file_name(&kind, "parquet"));
        let rows = plan.changes.iter().map(|c| (c.key.row_id(), c.op));
        outcomes::write(&self.engine.files, &path, rows, results, self.sync.store_values == StoreValues::Full)
    }

    /// Match columns as they stand at the target, where a change's match value moves.
    fn old_match(&self, plan: &PlanChunk) -> Result<Option<RecordBatch>> {
        if plan.changes.iter().all(|c| c.old_match.is_none()) {
            return Ok(None);
        }
        let moved: Vec<u32> = plan
            .changes
            .iter()
            .enumerate()
            .filter(|(_, c)| c.old_match.is_some())
            .map(|(i, _)| i as u32)
            .collect();
        let values: Vec<&[u8]> = plan.changes.iter().filter_map(|c| c.old_match.as_deref()).collect();
        let columns = self.payload.decode_matches(&values)?;
        // Spread the decoded values over the chunk's rows, NULL where nothing moves.
        let mut next = 0u32;
        let spread: arrow::array::UInt32Array = (0..plan.changes.len() as u32)
            .map(|row| {
                moved.binary_search(&row).is_ok().then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let fields: Vec<_> = self.payload.schema().fields().iter().take(columns.len()).cloned().collect();
        let columns = columns
            .iter()
            .map(|c| arrow::compute::take(c.as_ref(), &spread, None))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Some(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?))
    }

    /// Live figures and the error threshold's. Final counts come from the outcome files.
    fn count(&mut self, plan: &PlanChunk, results: &[RowResult]) {
        let (mut created, mut updated, mut skipped, mut failed, mut removed, mut not_removed) =
            (0, 0, 0, 0, 0, 0);
        for (change, result) in plan.changes.iter().zip(results) {
            let is_failure = matches!(result, RowResult::Rejected(_) | RowResult::Unknown(_));
            if change.op.is_removal() {
                if is_failure {
                    not_removed += 1
                } else {
                    removed += 1
                }
                continue;
            }
            self.tried += 1;
            match result {
                RowResult::Created { .. } => created += 1,
                RowResult::Updated { .. } | RowResult::Removed => updated += 1,
                RowResult::Exists | RowResult::Absent => skipped += 1,
                RowResult::Rejected(_) | RowResult::Unknown(_) => {
                    failed += 1;
                    self.first_failures += u64::from(!change.retry);
                }
            }
        }
        self.watch.update(|p| {
            p.phase = Some(Phase::Writing);
            p.sent += results.len() as u64;
            p.counters.rows_created += created;
            p.counters.rows_updated += updated;
            p.counters.rows_skipped += skipped;
            p.counters.rows_failed += failed;
            p.counters.rows_deleted += removed;
            p.counters.rows_delete_failed += not_removed;
        });
    }

    fn check_threshold(&self) -> Result<()> {
        threshold(self.sync, self.first_failures, self.tried)
    }
}

/// Fails with [`ErrorKind::ErrorThreshold`] when first-time failures passed `halt.failed_rows`.
pub fn threshold(sync: &Sync, first_failures: u64, tried: u64) -> Result<()> {
    let Some(limit) = sync.halt.failed_rows else { return Ok(()) };
    let judged = match limit {
        syncline_core::sync::Limit::Count(_) => true,
        syncline_core::sync::Limit::Percent(_) => tried >= HALT_ROWS_MIN,
    };
    if judged && limit.is_exceeded_by(first_failures, tried) {
        return Err(Error::new(
            ErrorKind::ErrorThreshold,
            format!("{first_failures} of {tried} rows failed, more than halt.failed_rows: {limit} allows"),
        )
        .help(format!(
            "look at the errors with `syncline errors`, repair them, then `syncline activate {}`",
            sync.id
        )));
    }
    Ok(())
}
