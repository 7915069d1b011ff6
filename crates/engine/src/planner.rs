//! Planning: compares what is read with what is known, row by row, and collects the change set.
//!
//! [`Planner`] is synchronous and does no network I/O: the driver in `read.rs` feeds it rows on a
//! thread of its own. Rows that are as they were are told by their fingerprint and never decoded. The
//! entries of the others are loaded many at a time, in the order they are stored in.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use syncline_connector::{Identities, UnreadableRow};
use syncline_core::sync::{Duplicates, StoreValues, Sync, WriteMode};
use syncline_core::{
    Entry, EntryState, Error, ErrorKind, Hash128, Key, Op, RemovalAction, Result, RowError, SkipReason, Stage,
};
use syncline_snapshot::DeltaBuilder;

use crate::decide::Rules;
use crate::failures::{Failure, Failures, row_json};
use crate::ingest::CursorProgress;
use crate::known::{Glimpse, Known, KnownKeys, Place};
use crate::normalize::Normalizer;
use crate::plan_file::{PlanWriter, PlannedChange};
use crate::read::HandOver;
use crate::replay::Ignored;
use crate::rows::Rows;
use crate::tally::Tally;
use crate::transform::Transform;

/// Names of duplicate keys shown in an error.
const DUPLICATES_SHOWN: usize = 5;
/// Removals go to the plan in batches of this many.
const REMOVALS_BUFFERED: usize = 4_096;
/// Rows whose entries are loaded together: at least, while the source keeps us waiting, and at most.
const WAITING_MIN: usize = 4_000;
const WAITING_MAX: usize = 200_000;

mod captured;
mod compare;
mod departures;
mod load;
mod matches;

pub use captured::StoredRecord;

/// What became of the first row of a key, for `duplicates: keep_last`.
enum Disposition {
    Planned { position: u64, op: Op },
    Skipped(SkipReason),
    Failed,
}

/// Where changes go.
#[expect(clippy::large_enum_variant, reason = "a run has few of them")]
pub enum Sink {
    /// Into a plan.
    Plan(PlanWriter),
    /// Straight to the target, which is empty: payloads are handed over as they are made.
    Load(HandOver),
    /// It went straight to the target, and that is over.
    Loaded,
}

pub struct Planner {
    sync: Arc<Sync>,
    transform: Arc<Transform>,
    rules: Rules,
    /// Treat every record as new (reseed: the old ones are removed first).
    afresh: bool,
    known: KnownKeys,
    normalizer: Arc<Normalizer>,
    ignored: Arc<Ignored>,
    schema: SchemaRef,
    seed: u64,
    sink: Sink,
    /// Writes pushed so far.
    position: u64,
    superseded: HashSet<u64>,
    dispositions: HashMap<Key, Disposition>,
    /// Match values met so far, each with the key that has it; `None` where keys make them unique.
    match_seen: Option<HashMap<Hash128, Hash128>>,
    /// Row ids that were asked for and came, of parts of the snapshot that were compared before.
    came: HashSet<String>,
    /// Keys whose match value changes in this run.
    moved: HashSet<Hash128>,
    duplicates: Vec<String>,
    duplicate_count: u64,
    updates: DeltaBuilder,
    removals: Vec<PlannedChange>,
    deferred: Deferred,
    budget: u64,
    pub failures: Failures,
    pub progress: CursorProgress,
    pub tally: Tally,
    peak_bytes: u64,
}

/// What a planner needs to begin.
pub struct PlannerInputs {
    pub sync: Arc<Sync>,
    pub transform: Arc<Transform>,
    pub normalizer: Arc<Normalizer>,
    pub ignored: Arc<Ignored>,
    pub rules: Rules,
    pub afresh: bool,
    /// Schema of the rows that will come.
    pub schema: SchemaRef,
    pub seed: u64,
    pub sink: Sink,
    pub updates: DeltaBuilder,
    pub progress: CursorProgress,
    /// Bytes it may hold beside what is known and the updates.
    pub budget: u64,
}

/// A finished comparison.
pub struct Compared {
    pub sink: Sink,
    pub superseded: HashSet<u64>,
    pub updates: DeltaBuilder,
    pub failures: Failures,
    pub progress: CursorProgress,
    pub tally: Tally,
    pub peak_bytes: u64,
}

/// A row that must be mapped to be decided on.
struct Candidate {
    /// In its decoded batch.
    row: usize,
    key: Key,
    source_fp: Hash128,
    entry: Entering,
}

enum Entering {
    Loaded(Option<Box<Entry>>),
    Waiting(Place),
}

/// Decoded rows whose candidates wait for their entries.
#[derive(Default)]
struct Deferred {
    batches: Vec<DecodedBatch>,
    bytes: u64,
    waiting: usize,
}

struct DecodedBatch {
    rows: RecordBatch,
    invalid: HashMap<usize, RowError>,
    candidates: Vec<Candidate>,
}

impl Planner {
    pub fn new(inputs: PlannerInputs, known: KnownKeys) -> Self {
        let match_is_key = inputs.transform.match_is_key(&inputs.sync.model.key);
        let appends = inputs.rules.mode == WriteMode::Append;
        // Loading directly, the target's own unique key tells.
        let is_load = matches!(inputs.sink, Sink::Load(_));
        let has_match = inputs.transform.payload().match_fields() > 0;
        let match_seen = (!appends && !match_is_key && has_match && !is_load).then(HashMap::new);
        Self {
            normalizer: inputs.normalizer,
            ignored: inputs.ignored,
            match_seen,
            sync: inputs.sync,
            transform: inputs.transform,
            rules: inputs.rules,
            afresh: inputs.afresh,
            known,
            schema: inputs.schema,
            seed: inputs.seed,
            sink: inputs.sink,
            position: 0,
            superseded: HashSet::new(),
            dispositions: HashMap::new(),
            came: HashSet::new(),
            moved: HashSet::new(),
            duplicates: Vec::new(),
            duplicate_count: 0,
            updates: inputs.updates,
            removals: Vec::new(),
            deferred: Deferred::default(),
            budget: inputs.budget,
            failures: Failures::default(),
            progress: inputs.progress,
            tally: Tally::default(),
            peak_bytes: 0,
        }
    }

    /// Puts the keys of another part of the snapshot in the place of those known so far.
    pub fn turn_to(&mut self, known: KnownKeys) -> Result<()> {
        self.decide_deferred()?;
        self.peak_bytes = self.peak_bytes.max(self.bytes());
        self.came.extend(self.known.all_came().cloned());
        self.known = known;
        // No key of one part comes in another.
        self.dispositions.clear();
        Ok(())
    }

    /// Notes that the key of a known record came, whatever became of its row.
    pub fn meet_again(&mut self, key: &Key) -> Result<()> {
        let entry = self.known.entry(key)?;
        self.known.meet_slowly(key, entry).map(|_| ())
    }

    /// Ends a direct load.
    pub fn end_load(&mut self) {
        if matches!(self.sink, Sink::Load(_)) {
            self.sink = Sink::Loaded;
        }
    }

    /// Takes rows that were counted.
    pub fn take(&mut self, rows: &Rows) -> Result<()> {
        self.peak_bytes = self.peak_bytes.max(self.bytes() + self.deferred.bytes + rows.bytes() as u64);
        match self.sink {
            Sink::Plan(_) => self.compare(rows),
            Sink::Load(_) | Sink::Loaded => self.load(rows),
        }
    }

    /// Judges the rows at `places`, whose keys could not be told before they were decoded, of rows that
    /// were just counted. Returns the keys they turned out to have.
    pub fn take_unclear(&mut self, rows: &Rows, places: &[u32]) -> Result<Vec<Key>> {
        let first = self.tally.counters.rows_processed - rows.len() as u64;
        let decoded = rows.decode(places)?;
        let invalid = decoded.invalid.into_iter().map(|i| (i.row, i.error)).collect();
        let mut batch = DecodedBatch { rows: decoded.rows, invalid, candidates: Vec::new() };
        for (row, place) in places.iter().enumerate() {
            self.unclear(&mut batch, row, first + u64::from(*place) + 1)?;
        }
        let keys = batch.candidates.iter().map(|c| c.key.clone()).collect();
        self.decide_batch(batch)?;
        Ok(keys)
    }

    /// Notes what rows were read, whenever they will be compared.
    pub fn count(&mut self, rows: &Rows) -> Result<()> {
        if let Rows::Decoded { batch, .. } = rows {
            if batch.rows.schema().fields() != self.schema.fields() {
                return Err(Error::new(
                    ErrorKind::SchemaChanged,
                    "the model's columns changed while it was read",
                ));
            }
            self.unreadable(&batch.unreadable)?;
        }
        let identities = rows.identities();
        self.tally.counters.rows_processed += identities.len() as u64;
        self.tally.bytes_read += rows.bytes() as u64;
        for (field, nulls) in self.schema.fields().iter().zip(identities.nulls()) {
            *self.tally.nulls.entry(field.name().clone()).or_default() += nulls;
        }
        if let Some(value) = identities.cursor_max() {
            self.progress.see(value);
        }
        Ok(())
    }

    /// Compares rows that were counted.
    pub fn compare(&mut self, rows: &Rows) -> Result<()> {
        let identities = rows.identities();
        self.known.look_at(identities);
        let invalid: HashSet<usize> = rows.invalid().collect();
        let all = self.rules.force || self.afresh;
        let compare = |row: usize| all || (!invalid.is_empty() && invalid.contains(&row));
        // What is kept of a key's rows depends on their order, unless any second row is an error.
        let mut loaded = match self.sync.duplicates {
            Duplicates::Fail => None,
            Duplicates::KeepFirst | Duplicates::KeepLast => Some(self.load_unsure(identities, &compare)?),
        };
        let is_unsure: Vec<Option<Place>> =
            (0..identities.len()).map(|row| self.known.unsure(row, compare(row))).collect();
        let compared: Vec<bool> = (0..identities.len()).map(compare).collect();
        let mut chosen: Vec<u32> = Vec::new();
        let mut unclear: Vec<usize> = Vec::new();
        let mut candidates: Vec<Option<Candidate>> = Vec::new();
        // Where a key's candidate is, should a later row of this batch take its place.
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut next_unclear = identities.unclear().iter().peekable();
        for row in 0..identities.len() {
            if next_unclear.next_if(|r| **r as usize == row).is_some() {
                unclear.push(chosen.len());
                chosen.push(row as u32);
                continue;
            }
            let key = || Key::new(identities.key(row));
            let known = match is_unsure[row] {
                Some(place) => match &mut loaded {
                    None => Err(place),
                    Some(loaded) => Ok(self.known.meet(&key(), place, loaded.remove(&row).flatten())?),
                },
                None => match self.known.glimpse(identities, row, compared[row])? {
                    Glimpse::Unchanged => {
                        self.skip_row(identities, row, SkipReason::Unchanged);
                        continue;
                    }
                    Glimpse::Met(known) => Ok(known),
                },
            };
            let key = key();
            let entry = match known {
                Err(place) => Entering::Waiting(place),
                Ok(Known::New) => Entering::Loaded(None),
                Ok(Known::Entry(entry)) => Entering::Loaded(Some(entry)),
                Ok(Known::Repeated) => {
                    match places.remove(&key) {
                        Some(place) => {
                            candidates[place] = None;
                            self.tally.skip(SkipReason::Duplicate);
                        }
                        None if !self.repeated(&key) => continue,
                        None => {}
                    }
                    Entering::Loaded(self.known.entry(&key)?.map(Box::new))
                }
            };
            if self.sync.duplicates == Duplicates::KeepLast {
                places.insert(key.clone(), candidates.len());
            }
            let source_fp = identities.fingerprint(row);
            candidates.push(Some(Candidate { row: chosen.len(), key, source_fp, entry }));
            chosen.push(row as u32);
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let decoded = rows.decode(&chosen)?;
        let invalid = decoded.invalid.into_iter().map(|i| (i.row, i.error)).collect();
        let mut batch = DecodedBatch {
            rows: decoded.rows,
            invalid,
            candidates: candidates.into_iter().flatten().collect(),
        };
        let first = self.tally.counters.rows_processed - identities.len() as u64;
        for row in unclear {
            self.unclear(&mut batch, row, first + u64::from(chosen[row]) + 1)?;
        }
        self.defer(batch)
    }

    /// The entries of the rows that cannot be judged without them.
    fn load_unsure(
        &self,
        identities: &Identities,
        compare: &dyn Fn(usize) -> bool,
    ) -> Result<HashMap<usize, Option<Entry>>> {
        let rows: Vec<usize> =
            (0..identities.len()).filter(|row| self.known.unsure(*row, compare(*row)).is_some()).collect();
        let keys: Vec<(u64, &[u8])> =
            rows.iter().map(|row| (identities.hash(*row), identities.key(*row))).collect();
        let entries = self.known.load(&keys)?;
        Ok(rows.into_iter().zip(entries).collect())
    }

    /// A row whose key or cursor could not be told before it was decoded. `number`: its place in the
    /// read, from 1.
    fn unclear(&mut self, batch: &mut DecodedBatch, row: usize, number: u64) -> Result<()> {
        let normalizer = Arc::clone(&self.normalizer);
        let mut normalized = normalizer.rows(&batch.rows);
        let Some(key) = normalized.key(row) else {
            let column = normalized.null_key_column(row).unwrap_or_default();
            return self.keyless(&batch.rows, row, column, number, batch.invalid.get(&row));
        };
        let source_fp = normalized.fingerprint(row);
        let entry = self.known.entry(&key)?;
        let entry = match self.known.meet_slowly(&key, entry)? {
            Known::Repeated if !self.repeated(&key) => return Ok(()),
            Known::Repeated => self.known.entry(&key)?.map(Box::new),
            Known::New => None,
            Known::Entry(entry) => Some(entry),
        };
        batch.candidates.push(Candidate { row, key, source_fp, entry: Entering::Loaded(entry) });
        Ok(())
    }

    /// Decides on a batch, at once if all entries are there, otherwise with later ones: changes keep the
    /// order of their rows.
    fn defer(&mut self, batch: DecodedBatch) -> Result<()> {
        let waiting = batch.candidates.iter().filter(|c| matches!(c.entry, Entering::Waiting(_))).count();
        if waiting == 0 && self.deferred.batches.is_empty() {
            return self.decide_batch(batch);
        }
        self.deferred.waiting += waiting;
        self.deferred.bytes +=
            batch.rows.get_array_memory_size() as u64 + 128 * batch.candidates.len() as u64;
        self.deferred.batches.push(batch);
        if self.deferred.bytes > self.budget || self.deferred.waiting > WAITING_MAX {
            self.decide_deferred()?;
        }
        Ok(())
    }

    /// Decides on deferred rows if they are enough for reading their pages to pay.
    pub fn decide_meanwhile(&mut self) -> Result<()> {
        if self.deferred.waiting >= WAITING_MIN { self.decide_deferred() } else { Ok(()) }
    }

    /// Loads the entries that deferred rows wait for, all at once, and decides on the rows.
    pub fn decide_deferred(&mut self) -> Result<()> {
        let Deferred { batches, .. } = std::mem::take(&mut self.deferred);
        let waiting = |c: &&Candidate| matches!(c.entry, Entering::Waiting(_));
        let keys: Vec<(u64, &[u8])> = batches
            .iter()
            .flat_map(|b| b.candidates.iter().filter(waiting))
            .map(|c| (c.key.hash(), c.key.as_bytes()))
            .collect();
        let mut entries = self.known.load(&keys)?.into_iter();
        for mut batch in batches {
            let mut candidates = Vec::with_capacity(batch.candidates.len());
            for mut candidate in batch.candidates {
                if let Entering::Waiting(place) = candidate.entry {
                    let entry = entries.next().flatten();
                    candidate.entry =
                        Entering::Loaded(match self.known.meet(&candidate.key, place, entry)? {
                            Known::New => None,
                            Known::Entry(entry) => Some(entry),
                            // Only where a second row is an error: see `compare`.
                            Known::Repeated => {
                                self.repeated(&candidate.key);
                                continue;
                            }
                        });
                }
                candidates.push(candidate);
            }
            batch.candidates = candidates;
            self.decide_batch(batch)?;
        }
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

    fn keyless(
        &mut self,
        rows: &RecordBatch,
        row: usize,
        column: &str,
        number: u64,
        invalid: Option<&RowError>,
    ) -> Result<()> {
        self.tally.unkeyed += 1;
        let error = invalid.cloned().unwrap_or_else(|| {
            RowError::new("null_key", format!("Key column '{column}' is null")).field(column)
        });
        let mut failure = Failure::without_key(format!("row {number}"), Stage::Normalize, error);
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

    fn skip_row(&mut self, identities: &Identities, row: usize, reason: SkipReason) {
        self.tally.skip(reason);
        if self.sync.duplicates == Duplicates::KeepLast {
            self.dispositions.insert(Key::new(identities.key(row)), Disposition::Skipped(reason));
        }
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

    /// Which of the wanted row ids did not come.
    pub fn not_found(&self, wanted: &[String]) -> Vec<String> {
        let came = |id: &String| self.known.came(id) || self.came.contains(id);
        wanted.iter().filter(|id| !came(id)).cloned().collect()
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        self.known.bytes() + self.updates.bytes()
    }

    /// Ends the comparison; duplicate keys fail it here, with their names.
    pub fn finish(mut self) -> Result<Compared> {
        self.decide_deferred()?;
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
            sink: self.sink,
            superseded: self.superseded,
            updates: self.updates,
            failures: self.failures,
            progress: self.progress,
            tally: self.tally,
            peak_bytes: self.peak_bytes,
        })
    }
}

/// Whether the record is at the target because of what was delivered; cleared and flagged ones are.
fn stands_at_target(entry: &Entry) -> bool {
    let kept = matches!(entry.state, EntryState::Removed { action } if action != RemovalAction::Delete);
    entry.delivered_hash.is_some() || kept
}
