//! Planning: compares what is read with what is known, row by row, and collects the change set.
//!
//! [`Planner`] is synchronous and does no network I/O: the driver in `plan.rs` feeds it batches.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::datatypes::SchemaRef;
use syncline_connector::{SourceBatch, UnreadableRow};
use syncline_core::sync::{Duplicates, OnMatchChange, OnRemoved, StoreValues, Sync, WriteMode};
use syncline_core::{
    Counters, Entry, EntryState, Error, ErrorKind, Hash128, Key, Op, RemovalAction, Result, RowError,
    SkipReason, Stage, canon,
};
use syncline_snapshot::{DeltaBuilder, Record};

use crate::decide::{self, Decision, Departure, Rules};
use crate::failures::{Failure, Failures, row_json};
use crate::ingest::CursorProgress;
use crate::known::{Known, KnownKeys};
use crate::normalize::Normalizer;
use crate::plan_file::{PlanWriter, PlannedChange};
use crate::transform::Transform;

/// Row ids kept as a sample of each kind of change.
const SAMPLE_MAX: usize = 5;
/// Names of duplicate keys shown in an error.
const DUPLICATES_SHOWN: usize = 5;
/// Removals go to the plan in batches of this many.
const REMOVALS_BUFFERED: usize = 4_096;

/// Counts of one plan.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub counters: Counters,
    pub skipped: BTreeMap<String, u64>,
    pub creates: u64,
    pub updates: u64,
    pub removals: u64,
    pub invalid: u64,
    /// Invalid rows whose key had not failed before.
    pub first_failures: u64,
    pub unkeyed: u64,
    pub create_sample: Vec<String>,
    pub update_sample: Vec<String>,
    pub removal_sample: Vec<String>,
    /// NULLs per source column.
    pub nulls: BTreeMap<String, u64>,
    pub bytes_read: u64,
}

impl Tally {
    fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason.as_str().to_string()).or_default() += 1;
        self.counters.rows_skipped += 1;
    }

    fn unskip(&mut self, reason: SkipReason) {
        if let Some(n) = self.skipped.get_mut(reason.as_str()) {
            *n -= 1;
        }
        self.counters.rows_skipped -= 1;
    }

    fn plan(&mut self, op: Op, row_id: impl FnOnce() -> String) {
        let (count, sample) = match op {
            Op::Create | Op::Append => (&mut self.creates, &mut self.create_sample),
            Op::Update => (&mut self.updates, &mut self.update_sample),
            Op::Remove(_) => (&mut self.removals, &mut self.removal_sample),
        };
        *count += 1;
        if sample.len() < SAMPLE_MAX {
            sample.push(row_id());
        }
    }

    fn unplan(&mut self, op: Op) {
        match op {
            Op::Create | Op::Append => self.creates -= 1,
            Op::Update => self.updates -= 1,
            Op::Remove(_) => self.removals -= 1,
        }
    }
}

/// What became of the first row of a key, for `duplicates: keep_last`.
enum Disposition {
    Planned { position: u64, op: Op },
    Skipped(SkipReason),
    Failed,
}

pub struct Planner<'a> {
    sync: &'a Sync,
    transform: &'a Transform,
    rules: Rules,
    /// Treat every record as new (reseed: the old ones are removed first).
    afresh: bool,
    known: KnownKeys,
    normalizer: Arc<Normalizer>,
    schema: SchemaRef,
    seed: u64,
    writer: PlanWriter,
    /// Writes pushed so far.
    position: u64,
    superseded: HashSet<u64>,
    dispositions: HashMap<Key, Disposition>,
    /// Match values met so far, each with the key that has it; `None` where keys make them unique.
    match_seen: Option<HashMap<Hash128, Hash128>>,
    /// Keys whose match value changes in this run.
    moved: HashSet<Hash128>,
    duplicates: Vec<String>,
    duplicate_count: u64,
    updates: DeltaBuilder,
    removals: Vec<PlannedChange>,
    pub failures: Failures,
    pub progress: CursorProgress,
    pub tally: Tally,
    peak_bytes: u64,
}

/// What a planner needs to begin.
pub struct PlannerInputs<'a> {
    pub sync: &'a Sync,
    pub transform: &'a Transform,
    pub rules: Rules,
    pub afresh: bool,
    pub known: KnownKeys,
    /// Schema of the batches that will come.
    pub schema: SchemaRef,
    pub seed: u64,
    pub writer: PlanWriter,
    pub updates: DeltaBuilder,
    pub progress: CursorProgress,
}

/// A finished comparison.
pub struct Compared {
    pub writer: PlanWriter,
    pub superseded: HashSet<u64>,
    pub updates: DeltaBuilder,
    pub failures: Failures,
    pub progress: CursorProgress,
    pub tally: Tally,
    pub peak_bytes: u64,
}

impl<'a> Planner<'a> {
    pub fn new(inputs: PlannerInputs<'a>) -> Result<Self> {
        let PlannerInputs { sync, transform, schema, .. } = &inputs;
        let normalizer = Normalizer::new(sync, transform, schema, inputs.seed)?;
        let match_is_key = transform.match_is_key(&sync.model.key);
        let appends = inputs.rules.mode == WriteMode::Append;
        let match_seen =
            (!appends && !match_is_key && transform.payload().match_fields() > 0).then(HashMap::new);
        Ok(Self {
            normalizer: Arc::new(normalizer),
            match_seen,
            sync: inputs.sync,
            transform: inputs.transform,
            rules: inputs.rules,
            afresh: inputs.afresh,
            known: inputs.known,
            schema: inputs.schema,
            seed: inputs.seed,
            writer: inputs.writer,
            position: 0,
            superseded: HashSet::new(),
            dispositions: HashMap::new(),
            moved: HashSet::new(),
            duplicates: Vec::new(),
            duplicate_count: 0,
            updates: inputs.updates,
            removals: Vec::new(),
            failures: Failures::default(),
            progress: inputs.progress,
            tally: Tally::default(),
            peak_bytes: 0,
        })
    }

    /// Normalizes the rows of batches, for ordering and filtering them before they are compared.
    pub fn normalizer(&self) -> &Normalizer {
        &self.normalizer
    }

    pub fn mapping_version(&self) -> u64 {
        self.transform.version()
    }

    /// Compares one batch.
    pub fn batch(&mut self, batch: SourceBatch) -> Result<()> {
        if batch.rows.schema().fields() != self.schema.fields() {
            return Err(Error::new(
                ErrorKind::SchemaChanged,
                "the model's columns changed while it was read",
            ));
        }
        self.unreadable(&batch.unreadable)?;
        let rows = &batch.rows;
        self.tally.counters.rows_processed += rows.num_rows() as u64;
        self.tally.bytes_read += rows.get_array_memory_size() as u64;
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            *self.tally.nulls.entry(field.name().clone()).or_default() += column.null_count() as u64;
        }
        let invalid: HashMap<usize, &RowError> = batch.invalid.iter().map(|i| (i.row, &i.error)).collect();
        let candidates = self.candidates(rows, &invalid)?;
        self.map_and_decide(rows, candidates)?;
        let held = self.known.bytes() + rows.get_array_memory_size() as u64;
        self.peak_bytes = self.peak_bytes.max(held);
        Ok(())
    }

    fn unreadable(&mut self, rows: &[UnreadableRow]) -> Result<()> {
        for row in rows {
            self.tally.counters.rows_processed += 1;
            self.tally.unkeyed += 1;
            self.record_failure(Failure::without_key(row.place.clone(), Stage::Ingest, row.error.clone()))?;
        }
        Ok(())
    }

    /// Normalize: keys and fingerprints. Returns the rows that must be mapped to be decided on.
    fn candidates(
        &mut self,
        rows: &RecordBatch,
        invalid: &HashMap<usize, &RowError>,
    ) -> Result<Vec<Candidate>> {
        let mut candidates: Vec<Option<Candidate>> = Vec::new();
        // Where a key's candidate is, should a later row of this batch take its place.
        let mut places: HashMap<Key, usize> = HashMap::new();
        let keeps_last = self.sync.duplicates == Duplicates::KeepLast;
        let normalizer = Arc::clone(&self.normalizer);
        let mut normalized = normalizer.rows(rows);
        for row in 0..rows.num_rows() {
            if let Some(value) = normalized.cursor(row) {
                self.progress.see(&value);
            }
            let Some(key) = normalized.key(row) else {
                let column = normalized.null_key_column(row).unwrap_or_default();
                self.keyless(rows, row, column, invalid.get(&row).copied())?;
                continue;
            };
            let source_fp = normalized.fingerprint(row);
            let entry = match self.known.lookup(&key, source_fp)? {
                Known::Repeated => {
                    match places.remove(&key) {
                        Some(place) => {
                            candidates[place] = None;
                            self.tally.skip(SkipReason::Duplicate);
                        }
                        None if !self.repeated(&key) => continue,
                        None => {}
                    }
                    if self.afresh { None } else { self.known.entry(&key)?.map(Box::new) }
                }
                _ if self.afresh => None,
                Known::New => None,
                Known::Unchanged if !self.rules.force && !invalid.contains_key(&row) => {
                    self.skip(&key, SkipReason::Unchanged);
                    continue;
                }
                Known::Unchanged => self.known.entry(&key)?.map(Box::new),
                Known::Entry(entry) => Some(entry),
            };
            if let Some(error) = invalid.get(&row) {
                self.fail(rows, row, key, source_fp, entry, Stage::Normalize, (*error).clone(), None)?;
                continue;
            }
            if let Some(reason) = entry.as_ref().and_then(|e| decide::glance(e, source_fp, &self.rules)) {
                self.skip(&key, reason);
                continue;
            }
            if keeps_last {
                places.insert(key.clone(), candidates.len());
            }
            candidates.push(Some(Candidate { row, key, source_fp, entry }));
        }
        Ok(candidates.into_iter().flatten().collect())
    }

    fn keyless(
        &mut self,
        rows: &RecordBatch,
        row: usize,
        column: &str,
        invalid: Option<&RowError>,
    ) -> Result<()> {
        self.tally.unkeyed += 1;
        let error = invalid.cloned().unwrap_or_else(|| {
            RowError::new("null_key", format!("Key column '{column}' is null")).field(column)
        });
        let place =
            format!("row {}", self.tally.counters.rows_processed - rows.num_rows() as u64 + row as u64 + 1);
        let mut failure = Failure::without_key(place, Stage::Normalize, error);
        failure.source_row = self.keeps_values().then(|| row_json(rows, row));
        self.record_failure(failure)
    }

    /// A key came again. Returns whether this row takes the place of the earlier one.
    fn repeated(&mut self, key: &Key) -> bool {
        match self.sync.duplicates {
            Duplicates::Fail => {
                self.note_duplicate(key.row_id());
                self.tally.skip(SkipReason::Duplicate);
                false
            }
            Duplicates::KeepFirst => {
                self.tally.skip(SkipReason::Duplicate);
                false
            }
            Duplicates::KeepLast => {
                match self.dispositions.remove(key) {
                    Some(Disposition::Planned { position, op }) => {
                        self.superseded.insert(position);
                        self.tally.unplan(op);
                        self.tally.skip(SkipReason::Duplicate);
                    }
                    Some(Disposition::Skipped(reason)) => {
                        self.tally.unskip(reason);
                        self.tally.skip(SkipReason::Duplicate);
                    }
                    // It stays counted as the failure it was.
                    Some(Disposition::Failed) | None => {}
                }
                true
            }
        }
    }

    fn note_duplicate(&mut self, row_id: String) {
        self.duplicate_count += 1;
        if self.duplicates.len() < DUPLICATES_SHOWN && !self.duplicates.contains(&row_id) {
            self.duplicates.push(row_id);
        }
    }

    fn dispose(&mut self, key: &Key, disposition: Disposition) {
        if self.sync.duplicates == Duplicates::KeepLast {
            self.dispositions.insert(key.clone(), disposition);
        }
    }

    fn skip(&mut self, key: &Key, reason: SkipReason) {
        self.tally.skip(reason);
        self.dispose(key, Disposition::Skipped(reason));
    }

    fn keeps_values(&self) -> bool {
        self.sync.store_values == StoreValues::Full
    }

    #[allow(clippy::too_many_arguments)]
    fn fail(
        &mut self,
        rows: &RecordBatch,
        row: usize,
        key: Key,
        source_fp: Hash128,
        entry: Option<Box<Entry>>,
        stage: Stage,
        error: RowError,
        payload: Option<serde_json::Value>,
    ) -> Result<()> {
        self.dispose(&key, Disposition::Failed);
        self.record_failure(Failure {
            row_id: key.row_id(),
            key: Some(key),
            stage,
            error,
            source_row: self.keeps_values().then(|| row_json(rows, row)),
            payload: payload.filter(|_| self.keeps_values()),
            op: None,
            source_fp: Some(source_fp),
            entry,
            unknown: false,
        })
    }

    fn record_failure(&mut self, failure: Failure) -> Result<()> {
        self.tally.counters.rows_failed += 1;
        self.tally.invalid += 1;
        self.tally.first_failures += u64::from(failure.is_first());
        if let Some(record) = failure.entry_record(self.rules.epoch, self.rules.now_micros) {
            self.updates.push(record)?;
        }
        self.failures.pending.push(failure);
        Ok(())
    }

    /// Transform and compare: maps the candidates and plans what they need.
    fn map_and_decide(&mut self, rows: &RecordBatch, candidates: Vec<Candidate>) -> Result<()> {
        if candidates.is_empty() {
            return Ok(());
        }
        let indices: UInt32Array = candidates.iter().map(|c| Some(c.row as u32)).collect();
        let subset = if indices.len() == rows.num_rows() {
            rows.clone()
        } else {
            arrow::compute::take_record_batch(rows, &indices)?
        };
        let (excluded, mut exclude_errors) = self.transform.excluded(&subset)?;
        let mut mapped = self.transform.apply(&subset)?;
        let mut changes = Vec::new();
        let mut sent = Vec::new();
        for (i, candidate) in candidates.into_iter().enumerate() {
            let Candidate { key, source_fp, entry, .. } = candidate;
            let is_excluded = excluded.as_ref().is_some_and(|e| e.is_valid(i) && e.value(i));
            if is_excluded || self.transform.is_excluded_key(&key.row_id()) {
                // Nothing waits for an excluded record any more.
                if let Some(entry) = entry.filter(|e| matches!(e.state, EntryState::Pending { .. })) {
                    self.depart(*entry, None)?;
                }
                self.skip(&key, SkipReason::Excluded);
                continue;
            }
            if let Some(error) = exclude_errors.remove(&i).or_else(|| mapped.errors.remove(&i)) {
                let payload = self.keeps_values().then(|| row_json(&mapped.payload, i));
                self.fail(&subset, i, key, source_fp, entry, Stage::Transform, error, payload)?;
                continue;
            }
            match self.compare(&mapped.payload, i, key.clone(), source_fp, entry.as_deref())? {
                Verdict::Settled => self.skip(&key, SkipReason::Unchanged),
                Verdict::Duplicate => {}
                Verdict::Fail(error) => {
                    let payload = self.keeps_values().then(|| row_json(&mapped.payload, i));
                    self.fail(&subset, i, key, source_fp, entry, Stage::Transform, error, payload)?;
                }
                Verdict::Send(change) => {
                    self.tally.plan(change.op, || key.row_id());
                    let position = self.position + changes.len() as u64;
                    self.dispose(&key, Disposition::Planned { position, op: change.op });
                    changes.push(*change);
                    sent.push(i as u32);
                }
            }
        }
        if !changes.is_empty() {
            let sent = UInt32Array::from(sent);
            let payload = arrow::compute::take_record_batch(&mapped.payload, &sent)?;
            let source = match self.keeps_values() {
                true => Some(arrow::compute::take_record_batch(&subset, &sent)?),
                false => None,
            };
            self.writer.push_writes(&changes, &payload, source.as_ref())?;
            self.position += changes.len() as u64;
        }
        Ok(())
    }

    /// Compares one mapped row with its entry.
    fn compare(
        &mut self,
        payload: &RecordBatch,
        row: usize,
        key: Key,
        source_fp: Hash128,
        entry: Option<&Entry>,
    ) -> Result<Verdict> {
        let mut values = Vec::new();
        self.transform.payload().encode(payload, row, &mut values);
        let hash = canon::hash(self.seed, &values);
        let match_value = self.transform.payload().encode_match(payload, row);
        if let Some(value) = &match_value
            && self.is_match_taken(&key, value)?
        {
            return Ok(self.repeated_match(&key, value));
        }
        let op = match decide::decide(entry, hash, &self.rules) {
            Decision::Settled => {
                if let Some(entry) = entry {
                    self.settle(entry, source_fp)?;
                }
                return Ok(Verdict::Settled);
            }
            Decision::Send(op) => op,
        };
        let mut old_match = None;
        if let (Some(entry), Some(new)) = (entry, &match_value)
            && op != Op::Append
            && let Some(old) =
                entry.match_value.as_ref().filter(|old| *old != new && entry.delivered_hash.is_some())
        {
            match self.sync.on_match_change {
                OnMatchChange::Fail => return Ok(Verdict::Fail(match_changed(old, new))),
                OnMatchChange::UpdateById => old_match = Some(old.clone()),
                OnMatchChange::Recreate => self.plan_removal(entry, RemovalAction::Delete)?,
            }
            self.moved.insert(canon::hash(self.seed, entry.key.as_bytes()));
        }
        let recreated = old_match.is_none()
            && op != Op::Append
            && entry.is_some_and(|e| {
                e.match_value.is_some() && e.match_value != match_value && e.delivered_hash.is_some()
            });
        Ok(Verdict::Send(Box::new(PlannedChange {
            op: if recreated { Op::Create } else { op },
            key,
            source_fp: Some(source_fp),
            hash: Some(hash),
            match_value,
            old_match,
            before: entry.and_then(|e| e.values.clone()),
            origin: entry.filter(|e| stands_at_target(e)).map(|e| e.origin),
            retry: entry.is_some_and(|e| matches!(e.state, EntryState::Pending { .. })),
        })))
    }

    /// Whether another planned row of this run has the row's match value, as the target compares it.
    fn is_match_taken(&mut self, key: &Key, match_value: &[u8]) -> Result<bool> {
        let Some(seen) = &mut self.match_seen else { return Ok(false) };
        let value = canon::hash(self.seed, &self.transform.match_identity(match_value)?);
        let key = canon::hash(self.seed, key.as_bytes());
        Ok(*seen.entry(value).or_insert(key) != key)
    }

    /// After a complete read: a planned row must not take the match value of a record that another row,
    /// which did not change, still stands for. Fails like a duplicate key, whatever the policy for
    /// those: neither of the two rows is the other's repetition.
    pub fn check_known_matches(&mut self) -> Result<()> {
        let Some(taken) = self.match_seen.take().filter(|taken| !taken.is_empty()) else { return Ok(()) };
        for entry in self.known.entries() {
            let entry = entry?;
            let Some(value) = entry.match_value.as_deref().filter(|_| stands_at_target(&entry)) else {
                continue;
            };
            let identity = canon::hash(self.seed, &self.transform.match_identity(value)?);
            let key = canon::hash(self.seed, entry.key.as_bytes());
            let is_others = taken.get(&identity).is_some_and(|other| *other != key);
            // A row whose own match value moves away, or that left the model, frees it.
            if is_others && !self.moved.contains(&key) && self.known.is_present(&entry)? {
                let shown = Key::new(value).row_id();
                self.note_duplicate(format!("{} (match value {shown})", entry.key.row_id()));
            }
        }
        Ok(())
    }

    fn repeated_match(&mut self, key: &Key, value: &[u8]) -> Verdict {
        let shown = Key::new(value).row_id();
        match self.sync.duplicates {
            Duplicates::Fail => {
                self.note_duplicate(format!("{} (match value {shown})", key.row_id()));
                self.tally.skip(SkipReason::Duplicate);
                Verdict::Duplicate
            }
            Duplicates::KeepFirst | Duplicates::KeepLast => Verdict::Fail(
                RowError::new("duplicate_match", "Another row of this run has the same match value")
                    .raw_value(Some(shown)),
            ),
        }
    }

    /// The entry stands for the row as it is now, without anything being sent.
    fn settle(&mut self, entry: &Entry, source_fp: Hash128) -> Result<()> {
        if !matches!(entry.state, EntryState::Delivered) {
            self.failures.resolved.push(entry.key.clone());
        }
        let settled = Entry { state: EntryState::Delivered, source_fp: Some(source_fp), ..entry.clone() };
        self.updates.push(Record::Put(settled))
    }

    fn plan_removal(&mut self, entry: &Entry, action: RemovalAction) -> Result<()> {
        let change = PlannedChange {
            op: Op::Remove(action),
            key: entry.key.clone(),
            source_fp: entry.source_fp,
            hash: None,
            match_value: entry.match_value.clone(),
            old_match: None,
            before: entry.values.clone(),
            origin: Some(entry.origin),
            retry: false,
        };
        self.removals.push(change);
        self.tally.plan(Op::Remove(action), || entry.key.row_id());
        if self.removals.len() >= REMOVALS_BUFFERED { self.flush_removals() } else { Ok(()) }
    }

    fn flush_removals(&mut self) -> Result<()> {
        let changes = std::mem::take(&mut self.removals);
        if changes.is_empty() {
            return Ok(());
        }
        let values = changes.iter().map(|c| c.match_value.as_deref()).collect::<Option<Vec<&[u8]>>>();
        let values = values.ok_or_else(|| Error::internal("a delivered record has no match value"))?;
        let matches = self.transform.payload().decode_matches(&values)?;
        self.writer.push_removals(&changes, &matches)
    }

    /// Plans the departure of every known record that a complete read did not show.
    pub fn departures(&mut self) -> Result<()> {
        let removal = self.removal();
        self.for_each_unseen(|planner, entry| planner.depart(entry, removal))
    }

    /// Lends every entry this run did not meet to `visit`, which may plan but not look keys up.
    fn for_each_unseen(&mut self, mut visit: impl FnMut(&mut Self, Entry) -> Result<()>) -> Result<()> {
        let mut known = std::mem::replace(&mut self.known, KnownKeys::Nothing);
        let result = known.for_each_unseen(|entry| visit(self, entry));
        self.known = known;
        result
    }

    /// The same for single keys that were asked for and did not come.
    pub fn departures_of(&mut self, keys: &[Key]) -> Result<()> {
        let removal = self.removal();
        for key in keys {
            if !self.known.has_seen(key)
                && let Some(entry) = self.known.entry(key)?
            {
                self.depart(entry, removal)?;
            }
        }
        Ok(())
    }

    fn removal(&self) -> Option<RemovalAction> {
        if self.rules.mode != WriteMode::Mirror {
            return None;
        }
        match self.sync.on_removed {
            OnRemoved::Delete => Some(RemovalAction::Delete),
            OnRemoved::ClearFields => Some(RemovalAction::Clear),
            OnRemoved::Flag { .. } => Some(RemovalAction::Flag),
            OnRemoved::Ignore => None,
        }
    }

    fn depart(&mut self, entry: Entry, removal: Option<RemovalAction>) -> Result<()> {
        match decide::departed(&entry, removal, self.sync.delete_adopted) {
            Departure::Keep => Ok(()),
            Departure::Forget => {
                self.failures.resolved.push(entry.key.clone());
                self.updates.push(Record::Erase(entry.key))
            }
            Departure::Settle => {
                self.failures.resolved.push(entry.key.clone());
                // The fingerprint is of the version that went away: should it come back, it is new.
                self.updates.push(Record::Put(Entry {
                    state: EntryState::Delivered,
                    source_fp: None,
                    ..entry
                }))
            }
            Departure::Remove(action) => self.plan_removal(&entry, action),
        }
    }

    /// Reseed: plans the removal of everything this sync delivered.
    pub fn clear_all(&mut self) -> Result<()> {
        self.for_each_unseen(|planner, entry| {
            if entry.origin == syncline_core::Origin::Created && entry.delivered_hash.is_some() {
                planner.plan_removal(&entry, RemovalAction::Delete)
            } else {
                planner.updates.push(Record::Erase(entry.key))
            }
        })
    }

    /// Which of the wanted row ids did not come.
    pub fn not_found(&self, wanted: &[String]) -> Vec<String> {
        let came = self.known.seen_row_ids();
        wanted.iter().filter(|id| !came.contains(*id)).cloned().collect()
    }

    /// Ends the comparison; duplicate keys fail it here, with their names.
    pub fn finish(mut self) -> Result<Compared> {
        self.flush_removals()?;
        if self.duplicate_count > 0 {
            let more =
                self.duplicate_count as usize - self.duplicates.len().min(self.duplicate_count as usize);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            return Err(Error::new(
                ErrorKind::DuplicateKeys,
                format!("the model returned more than one row for: {}{more}", self.duplicates.join(", ")),
            )
            .help("make the key unique in the model, or set duplicates: keep_first or keep_last"));
        }
        Ok(Compared {
            writer: self.writer,
            superseded: self.superseded,
            updates: self.updates,
            failures: self.failures,
            progress: self.progress,
            tally: self.tally,
            peak_bytes: self.peak_bytes,
        })
    }
}

struct Candidate {
    row: usize,
    key: Key,
    source_fp: Hash128,
    entry: Option<Box<Entry>>,
}

enum Verdict {
    Settled,
    Duplicate,
    Fail(RowError),
    Send(Box<PlannedChange>),
}

/// Whether the record is at the target because of what was delivered; cleared and flagged ones are.
fn stands_at_target(entry: &Entry) -> bool {
    let kept = matches!(entry.state, EntryState::Removed { action } if action != RemovalAction::Delete);
    entry.delivered_hash.is_some() || kept
}

fn match_changed(old: &[u8], new: &[u8]) -> RowError {
    let (old, new) = (Key::new(old).row_id(), Key::new(new).row_id());
    RowError::new("match_changed", format!("The match value changed from '{old}' to '{new}'"))
        .raw_value(Some(new))
}
