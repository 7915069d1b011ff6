//! The third durable step: from outcomes to counters, snapshot entries and letters, and the one
//! commit that makes them visible together.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use syncline_core::run::{FileRef, ReplayMode, StoredError};
use syncline_core::sync::{StoreValues, Sync};
use syncline_core::{
    Counters, EndReason, Entry, EntryState, Error, ErrorKind, Op, Origin, Phase, ReadMode, Result, RowError,
    RowResult, Run, RunStatus, RunType, SkipReason, Stage, canon,
};
use syncline_snapshot::{DeltaBuilder, Record, Segment, Snapshot, StateCounts, Values};
use syncline_store::{
    ChunkRecord, ChunkState, Commit, CursorChange, Generation, PlanRecord, SyncRecord, SyncState,
};

use crate::apply::Applied;
use crate::decide;
use crate::engine::Engine;
use crate::failures::{Failure, MAY_HAVE_BEEN_WRITTEN, row_json};
use crate::outcomes::{self, StoredOutcome};
use crate::payload::Payload;
use crate::plan::{PlanContext, file_name};
use crate::plan_file::{PlanChunk, PlanReader, PlannedChange};
use crate::privacy;
use crate::watch::Watch;

/// Newest segments are merged once this many are of similar size, and all at twice as many.
const SEGMENTS_MERGED: usize = 6;

struct Finalizing<'a> {
    engine: &'a Engine,
    run: &'a Run,
    sync: &'a Sync,
    context: &'a PlanContext,
    /// The sync's secret.
    seed: u64,
    /// For the entries of keys that failed.
    snapshot: Snapshot,
    now: Timestamp,
    counters: Counters,
    skipped: BTreeMap<String, u64>,
    updates: DeltaBuilder,
    resolved: Vec<Vec<u8>>,
    failures: Vec<Failure>,
    /// Failed rows, invalid ones included, whose key had not failed before.
    first_failures: u64,
}

/// Ends a run whose plan was applied, as far as it was.
#[allow(clippy::too_many_arguments)]
pub async fn finalize(
    engine: &Engine,
    run: &mut Run,
    sync: &Sync,
    record: &SyncRecord,
    plan: &PlanRecord,
    context: &PlanContext,
    applied: Applied,
    watch: &Watch,
) -> Result<()> {
    engine.enter_phase(run, Phase::Finalizing, watch).await?;
    let started = Instant::now();
    // A process that died in here may have stored some of them.
    engine.store.clear_row_errors(&run.id, run.epoch, Some(Stage::Execute)).await?;
    let generation = engine.store.generation(&run.sync_uid).await?;
    let segments = generation.iter().flat_map(|g| g.segments.clone()).collect::<Vec<_>>();
    let mut finalizing = Finalizing {
        snapshot: open_snapshot(engine, &segments)?,
        now: engine.clock.now(),
        counters: Counters { rows_created: 0, rows_updated: 0, rows_deleted: 0, ..context.planned },
        skipped: context.skipped.clone(),
        updates: DeltaBuilder::new((engine.memory_budget / 4) as usize, engine.scratch()?),
        resolved: context.resolved.clone(),
        failures: Vec::new(),
        first_failures: context.first_failures,
        seed: record.seed,
        engine,
        run,
        sync,
        context,
    };
    finalizing.collect(plan, &applied).await?;
    let Finalizing { counters, first_failures, skipped, updates, resolved, now, .. } = finalizing;
    run.counters = counters;
    run.skipped = skipped;
    run.counters.check()?;
    let all_settled = applied.chunks.iter().all(|c| c.state == ChunkState::Settled);
    let any_written = counters.succeeded() + counters.rows_deleted > 0;
    run.partially_written = any_written && applied.error.is_some();
    let error = applied.error.or_else(|| all_failed(run, &counters, first_failures));
    let halt = halted(engine, run, sync, record, error.as_ref()).await?;
    run.halted_sync = halt.is_some();
    // Everything the plan meant to do was tried: what is left over is failed rows at most.
    let complete = all_settled && error.as_ref().is_none_or(|e| e.kind == ErrorKind::AllRowsFailed);
    // What a load that is not settled would have made of its keys is not so.
    let planned = plan.updates.clone().filter(|_| context.direct.is_none() || all_settled);
    let (states, segments) = add_segments(engine, run, generation.as_ref(), segments, planned, updates)?;
    let cursor = complete.then(|| cursor_change(run, record, context)).flatten();
    if complete {
        run.cursor_after = context.cursor_to.clone();
    }
    let next = next_generation(engine, run, generation.as_ref(), context, states, segments, all_settled, now);
    run.durations.finalization += started.elapsed().as_secs_f64();
    let now = engine.clock.now();
    conclude(run, error.as_ref(), now)?;
    let follow = engine.succession.follow_up(run, halt.as_ref()).await?;
    let commit = Commit {
        run: run.clone(),
        generation: next,
        cursor,
        resolved,
        sync_state: halt,
        // The moment of the read, which may be long before its plan was carried out.
        full_read_at: (run.complete_read && all_settled).then(|| run.planned_at.unwrap_or(now)),
        // The first ordinary run under another configuration is still to be guarded as such.
        config_hash: run.options.replay.is_none().then(|| context.config_hash.clone()),
        follow,
        now,
    };
    fail::fail_point!("engine.commit.before");
    engine.store.commit(&commit).await?;
    fail::fail_point!("engine.commit.after");
    privacy::scrub(engine, sync, &record.uid, record.seed).await?;
    watch.update(|p| {
        p.status = Some(run.status);
        p.counters = run.counters;
    });
    Ok(())
}

pub fn open_snapshot(engine: &Engine, segments: &[FileRef]) -> Result<Snapshot> {
    let opened = segments
        .iter()
        .map(|f| Segment::open(f.path.clone(), engine.files.open(f)?))
        .collect::<Result<_>>()?;
    Ok(Snapshot::open(opened))
}

impl Finalizing<'_> {
    async fn collect(&mut self, plan: &PlanRecord, applied: &Applied) -> Result<()> {
        if self.context.direct.is_some() {
            return self.loaded(plan, applied);
        }
        let Some(file) = &plan.file else { return Ok(()) };
        let mut reader = PlanReader::open(self.engine.files.open_verified(file)?)?;
        let payload = Payload::new(reader.payload_schema().clone(), self.context.match_fields)?;
        for record in &applied.chunks {
            let chunk = reader.chunk(record.number)?;
            let outcomes = match &record.outcomes {
                Some(file) => outcomes::read(self.engine.files.open_verified(file)?)?,
                None => Vec::new(),
            };
            if record.outcomes.is_some() && outcomes.len() != chunk.changes.len() {
                return Err(Error::new(ErrorKind::Corrupt, "an outcome file does not match its plan"));
            }
            match record.state {
                ChunkState::Settled => self.settled(&payload, &chunk, outcomes)?,
                ChunkState::Planned | ChunkState::Sending => {
                    self.unsettled(&chunk, record, outcomes, applied)?
                }
            }
            self.flush(false).await?;
        }
        self.flush(true).await
    }

    /// Counts a direct load, which is at the target as a whole, not there, or nobody knows.
    fn loaded(&mut self, plan: &PlanRecord, applied: &Applied) -> Result<()> {
        let created = self.context.planned.rows_created;
        if applied.chunks.iter().all(|c| c.state == ChunkState::Settled) {
            self.counters.rows_created = created;
            return Ok(());
        }
        self.counters.rows_not_attempted += created;
        let Some(updates) = &plan.updates else { return Ok(()) };
        let may_be_there = !applied.open.is_empty();
        for entry in open_snapshot(self.engine, std::slice::from_ref(updates))?.scan(Values::LeaveOut) {
            let entry = entry?;
            if entry.state != EntryState::Delivered {
                // Its row failed whatever became of the others.
                self.updates.push(Record::Put(entry))?;
            } else if may_be_there {
                self.updates.push(Record::Put(Entry {
                    state: decide::due(self.run.epoch, self.now.as_microsecond()),
                    source_fp: None,
                    delivered_hash: Some(decide::UNSURE),
                    ..entry
                }))?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, all: bool) -> Result<()> {
        if self.failures.len() < 1_000 && !all {
            return Ok(());
        }
        let failures = std::mem::take(&mut self.failures);
        self.engine.store_failures(self.run, self.sync, self.context.mapping_version, &failures).await
    }

    fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason.as_str().to_string()).or_default() += 1;
        self.counters.rows_skipped += 1;
    }

    fn settled(&mut self, payload: &Payload, chunk: &PlanChunk, outcomes: Vec<StoredOutcome>) -> Result<()> {
        let mut values = Vec::new();
        let fields = payload.rows(&chunk.payload);
        for (row, (change, outcome)) in chunk.changes.iter().zip(outcomes).enumerate() {
            match outcome.result {
                RowResult::Rejected(error) => self.failed(chunk, row, error, Fate::Refused)?,
                RowResult::Unknown(error) => self.failed(chunk, row, error, Fate::Unknown)?,
                _ if change.op.is_removal() => self.removed(change)?,
                RowResult::Created { target_id } => {
                    self.counters.rows_created += 1;
                    values.clear();
                    fields.encode(row, &mut values);
                    self.delivered(change, &values, Origin::Created, target_id)?;
                }
                RowResult::Updated { target_id } => {
                    self.counters.rows_updated += 1;
                    values.clear();
                    fields.encode(row, &mut values);
                    self.delivered(change, &values, change.origin.unwrap_or(Origin::Adopted), target_id)?;
                }
                RowResult::Removed => return Err(Error::internal("a write was answered as a removal")),
                RowResult::Exists => {
                    self.skip(SkipReason::Exists);
                    self.unwritten(change, EntryState::Foreign)?;
                }
                RowResult::Absent => {
                    self.skip(SkipReason::Absent);
                    self.unwritten(change, EntryState::Absent)?;
                }
            }
        }
        Ok(())
    }

    /// Rows of a chunk that did not become final.
    fn unsettled(
        &mut self,
        chunk: &PlanChunk,
        record: &ChunkRecord,
        outcomes: Vec<StoredOutcome>,
        applied: &Applied,
    ) -> Result<()> {
        let may_be_there = record.state == ChunkState::Sending && applied.open.contains(&record.number);
        let mut outcomes = outcomes.into_iter().map(|o| o.result);
        for (row, change) in chunk.changes.iter().enumerate() {
            match outcomes.next() {
                // The target refused it; that its chunk was undone changes nothing about that.
                Some(RowResult::Rejected(error)) => self.failed(chunk, row, error, Fate::Undone)?,
                Some(_) if may_be_there && change.op == Op::Append => {
                    let why = "The connection broke off; the row may have been written";
                    self.failed(chunk, row, RowError::new(MAY_HAVE_BEEN_WRITTEN, why), Fate::Unknown)?;
                }
                result => {
                    self.counters.rows_not_attempted += u64::from(!change.op.is_removal());
                    if may_be_there {
                        self.unsure(change, result.as_ref())?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The change may be at the target or not (G2): whatever its row is next time, it is sent again.
    fn unsure(&mut self, change: &PlannedChange, result: Option<&RowResult>) -> Result<()> {
        let known = self.snapshot.get(&change.key)?;
        let origin = match result {
            Some(RowResult::Exists | RowResult::Absent) => return Ok(()),
            Some(RowResult::Created { .. }) => Origin::Created,
            _ => change.origin.unwrap_or(Origin::Adopted),
        };
        let delivered = known.filter(|e| e.delivered_hash.is_some());
        let match_value = delivered.as_ref().and_then(|e| e.match_value.clone());
        self.updates.push(Record::Put(Entry {
            key: change.key.clone(),
            state: decide::due(self.run.epoch, self.now.as_microsecond()),
            format: canon::FORMAT,
            source_fp: None,
            delivered_hash: Some(decide::UNSURE),
            origin,
            match_value: match_value.or_else(|| change.match_value.clone()),
            target_id: delivered.and_then(|e| e.target_id),
            values: None,
        }))
    }

    fn delivered(
        &mut self,
        change: &PlannedChange,
        values: &[u8],
        origin: Origin,
        target_id: Option<String>,
    ) -> Result<()> {
        if change.retry {
            self.resolved.push(change.key.as_bytes().to_vec());
        }
        let is_edited = self.replay_mode() == Some(ReplayMode::Edited);
        self.updates.push(Record::Put(Entry {
            key: change.key.clone(),
            state: if is_edited { EntryState::Edited } else { EntryState::Delivered },
            format: canon::FORMAT,
            source_fp: change.source_fp,
            delivered_hash: change.hash,
            origin,
            match_value: change.match_value.clone(),
            target_id,
            values: privacy::kept(self.sync.store_values, self.seed, values)?,
        }))
    }

    /// Nothing was written because of what is, or is not, at the target.
    fn unwritten(&mut self, change: &PlannedChange, state: EntryState) -> Result<()> {
        if change.retry {
            self.resolved.push(change.key.as_bytes().to_vec());
        }
        self.updates.push(Record::Put(Entry {
            key: change.key.clone(),
            state,
            format: canon::FORMAT,
            source_fp: change.source_fp,
            delivered_hash: None,
            origin: Origin::Adopted,
            match_value: change.match_value.clone(),
            target_id: None,
            values: None,
        }))
    }

    fn removed(&mut self, change: &PlannedChange) -> Result<()> {
        self.counters.rows_deleted += 1;
        self.resolved.push(change.key.as_bytes().to_vec());
        let Op::Remove(action) = change.op else {
            return Err(Error::internal("a write was settled as a removal"));
        };
        self.updates.push(Record::Put(Entry {
            key: change.key.clone(),
            state: EntryState::Removed { action },
            format: canon::FORMAT,
            source_fp: None,
            delivered_hash: None,
            origin: change.origin.unwrap_or(Origin::Created),
            match_value: change.match_value.clone(),
            target_id: None,
            values: None,
        }))
    }

    /// What a replay sends; `None` of another run.
    fn replay_mode(&self) -> Option<ReplayMode> {
        self.run.options.replay.as_ref().map(|replay| replay.mode)
    }

    fn failed(&mut self, chunk: &PlanChunk, row: usize, error: RowError, fate: Fate) -> Result<()> {
        let change = &chunk.changes[row];
        let unknown = fate == Fate::Unknown;
        let keeps = self.sync.store_values == StoreValues::Full;
        let failure = Failure {
            key: Some(change.key.clone()),
            row_id: change.key.row_id(),
            stage: Stage::Execute,
            error,
            source_row: chunk
                .source
                .as_ref()
                .filter(|_| keeps && !change.op.is_removal())
                .map(|s| row_json(s, row)),
            // What a person edited stands beside what was captured, not in its place.
            payload: (keeps && self.replay_mode() != Some(ReplayMode::Edited))
                .then(|| row_json(&chunk.payload, row)),
            op: Some(change.op),
            source_fp: change.source_fp,
            entry: self.snapshot.get(&change.key)?.map(Box::new),
            unknown,
        };
        match change.op.is_removal() {
            true => self.counters.rows_delete_failed += 1,
            false => self.counters.rows_failed += 1,
        }
        match failure.entry_record(self.run.epoch, self.now.as_microsecond()) {
            // Appending it again by itself could double it: it is left to a person.
            Some(Record::Put(entry)) if unknown && change.op == Op::Append => {
                self.updates.push(Record::Put(Entry { state: EntryState::Edited, ..entry }))?;
            }
            // A create of a delivered record follows its removal in the same run: it is gone.
            Some(Record::Put(entry)) if fate == Fate::Refused && change.op == Op::Create => {
                let delivered_hash = entry.delivered_hash.map(|_| decide::UNSURE);
                self.updates.push(Record::Put(Entry { delivered_hash, ..entry }))?;
            }
            Some(record) => self.updates.push(record)?,
            None => {}
        }
        self.first_failures += u64::from(failure.is_first());
        self.failures.push(failure);
        Ok(())
    }
}

/// What is known of a failed row's effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The target refused it and kept the rest of its chunk.
    Refused,
    /// The target refused it, and the rest of its chunk was undone.
    Undone,
    /// It may have been written.
    Unknown,
}

/// Nothing was right about any row. An incremental run that met only rows which had failed before says
/// nothing new about the sync, and completes with their errors.
fn all_failed(run: &Run, counters: &Counters, first_failures: u64) -> Option<Error> {
    let nothing_right = counters.succeeded() + counters.rows_skipped + counters.rows_deleted == 0;
    let tells_something = run.complete_read || first_failures > 0;
    let failed = counters.rows_failed > 0 && counters.rows_not_attempted == 0;
    (failed && nothing_right && tells_something).then(|| {
        Error::new(ErrorKind::AllRowsFailed, format!("all {} rows failed", counters.rows_failed))
            .help("look at the errors: most often one field or permission is wrong for every row")
    })
}

/// Gives the run its terminal status.
pub fn conclude(run: &mut Run, error: Option<&Error>, now: Timestamp) -> Result<()> {
    let status = match error {
        None => RunStatus::Completed,
        Some(e) => end_status(e),
    };
    run.status = run.status.transition(status)?;
    run.end_reason = (status == RunStatus::Cancelled).then_some(EndReason::Cancelled);
    run.error = error.map(StoredError::from);
    run.completed_at = Some(now);
    run.phase = None;
    if let Some(last) = run.timeline.last_mut() {
        last.ended_at.get_or_insert(now);
    }
    Ok(())
}

/// The status a system-level error ends a run with.
pub fn end_status(error: &Error) -> RunStatus {
    use syncline_core::error::ErrorClass;
    match error.kind.class() {
        ErrorClass::SourceFailure => RunStatus::SourceFailure,
        ErrorClass::Cancelled => RunStatus::Cancelled,
        ErrorClass::Transient | ErrorClass::Permanent => RunStatus::Failed,
    }
}

/// The sync's new state when this end stops it: the error threshold, or failures in a row.
pub async fn halted(
    engine: &Engine,
    run: &Run,
    sync: &Sync,
    record: &SyncRecord,
    error: Option<&Error>,
) -> Result<Option<SyncState>> {
    let Some(error) = error.filter(|e| matches!(end_status(e), RunStatus::Failed | RunStatus::SourceFailure))
    else {
        return Ok(None);
    };
    let earlier = engine.history(&record.uid, engine.clock.now()).await?.failures_in_a_row;
    // The run that a chain of retries began with is counted already.
    let failures = earlier + u32::from(run.retry_number == 0);
    let too_many = sync.halt.consecutive_failures.is_some_and(|max| failures >= max);
    if error.kind != ErrorKind::ErrorThreshold && !too_many {
        return Ok(None);
    }
    let reason = match error.kind {
        ErrorKind::ErrorThreshold => error.message.clone(),
        _ => format!("{failures} runs failed in a row; the last one: {}", error.message),
    };
    Ok(Some(SyncState::Halted { reason, since: engine.clock.now(), failures }))
}

fn cursor_change(run: &Run, record: &SyncRecord, context: &PlanContext) -> Option<CursorChange> {
    let reset = run.options.read_mode == ReadMode::Reset;
    if context.cursor_to == record.cursor && !reset {
        return None;
    }
    let reason = if reset { "reset" } else { "run" };
    Some(CursorChange { to: context.cursor_to.clone(), reason: reason.into(), run_id: Some(run.id.clone()) })
}

/// Adds what the plan and the outcomes changed to the list of segments, merging small ones. Returns the
/// live keys by state, and the segments.
fn add_segments(
    engine: &Engine,
    run: &Run,
    before: Option<&Generation>,
    mut segments: Vec<FileRef>,
    planned: Option<FileRef>,
    updates: DeltaBuilder,
) -> Result<(BTreeMap<String, u64>, Vec<FileRef>)> {
    let folder = format!("snapshots/{}", run.sync_uid);
    let base = segments.len();
    segments.extend(planned);
    if !updates.is_empty() {
        let mut file = engine.files.create(&format!("{folder}/{}", file_name("segment", "seg")))?;
        updates.finish(&mut file)?;
        segments.push(file.finish()?);
    }
    let states = states_after(engine, before, &segments[..base], &segments[base..])?;
    let newest = mergeable(&segments.iter().map(|s| s.bytes).collect::<Vec<_>>());
    if newest < 2 {
        return Ok((states, segments));
    }
    let snapshot = open_snapshot(engine, &segments)?;
    let mut file = engine.files.create(&format!("{folder}/{}", file_name("segment", "seg")))?;
    if newest == segments.len() {
        snapshot.merge(&mut file)?;
    } else {
        snapshot.merge_newest(newest, &mut file)?;
    }
    segments.truncate(segments.len() - newest);
    segments.push(file.finish()?);
    Ok((states, segments))
}

/// Live keys by state once `added` are newer than `base`.
fn states_after(
    engine: &Engine,
    before: Option<&Generation>,
    base: &[FileRef],
    added: &[FileRef],
) -> Result<BTreeMap<String, u64>> {
    let bad = |e: serde_json::Error| Error::internal(e.to_string());
    let known = match before {
        Some(generation) if added.is_empty() => return Ok(generation.states.clone()),
        Some(generation) => {
            serde_json::to_value(&generation.states).and_then(serde_json::from_value).map_err(bad)?
        }
        None => StateCounts::default(),
    };
    let added = open_snapshot(engine, added)?;
    let counts = Snapshot::counts_after(&open_snapshot(engine, base)?, known, added.segments())?;
    serde_json::to_value(counts).and_then(serde_json::from_value).map_err(bad)
}

/// How many of the newest segments to merge: those that together are at least half as large as the
/// next older one, once there are several, so that each byte is rewritten a few times at most.
fn mergeable(bytes: &[u64]) -> usize {
    let mut count = 1;
    let mut total = bytes.last().copied().unwrap_or_default();
    while count < bytes.len() && total.saturating_mul(2) >= bytes[bytes.len() - 1 - count] {
        total += bytes[bytes.len() - 1 - count];
        count += 1;
    }
    match bytes.len() {
        n if n > SEGMENTS_MERGED * 2 => n,
        _ if count >= SEGMENTS_MERGED => count,
        _ => 0,
    }
}

/// The generation after this run; `None` when nothing about it differs from the one before.
#[allow(clippy::too_many_arguments)]
fn next_generation(
    engine: &Engine,
    run: &Run,
    before: Option<&Generation>,
    context: &PlanContext,
    states: BTreeMap<String, u64>,
    segments: Vec<FileRef>,
    all_settled: bool,
    now: Timestamp,
) -> Option<Generation> {
    // A run that sent nothing and failed has no business with what is known.
    if !all_settled && before.map(|g| &g.segments) == Some(&segments) {
        return None;
    }
    let keeps_target = before.is_some_and(|_| !all_settled);
    let next = Generation {
        sync_uid: run.sync_uid.clone(),
        number: before.map_or(1, |g| g.number + 1),
        run_id: run.id.clone(),
        created_at: now,
        segments,
        source_identity: context.source_identity.clone(),
        target_identity: before
            .filter(|_| keeps_target)
            .map_or(&context.target_identity, |g| &g.target_identity)
            .clone(),
        target_incarnation: before
            .filter(|_| keeps_target)
            .map_or(&context.target_incarnation, |g| &g.target_incarnation)
            .clone(),
        source_types: context.source_types.clone(),
        states,
        null_shares: context.null_shares.clone(),
        unkeyed_rows: context.unkeyed_rows,
        resume_after: next_resume(run, before, context),
        program_version: before
            .filter(|_| run.options.replay.is_some())
            .map_or(&engine.version, |g| &g.program_version)
            .clone(),
    };
    let same = before.is_some_and(|g| {
        let as_before = Generation {
            number: g.number,
            run_id: g.run_id.clone(),
            created_at: g.created_at,
            ..next.clone()
        };
        as_before == *g
    });
    (!same).then_some(next)
}

/// Only limited runs move the place where the next limited run goes on; complete ones forget it.
fn next_resume(run: &Run, before: Option<&Generation>, context: &PlanContext) -> Option<Vec<u8>> {
    if run.options.max_entities.is_some() || run.complete_read || run.run_type == RunType::Seed {
        return context.resume_after.clone();
    }
    before.and_then(|g| g.resume_after.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_segments_are_merged_and_large_ones_left_alone() {
        assert_eq!(mergeable(&[]), 0);
        assert_eq!(mergeable(&[1_000_000, 10]), 0);
        assert_eq!(mergeable(&[1_000_000, 10, 10, 10, 10, 10, 10]), 6);
        assert_eq!(mergeable(&[60, 10, 10, 10, 10, 10, 10]), 7);
        let many = vec![1u64 << 40; 13];
        assert_eq!(mergeable(&many), 13);
    }
}
