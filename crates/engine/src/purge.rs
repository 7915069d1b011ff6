//! Purging: what is kept of single records goes from plans, outcomes, snapshot, errors and letters.
//!
//! Files never change, so those that hold something of a record are written anew without it. One
//! transaction then names the new ones in place of the old ones and changes what the database has; after it
//! the old ones are removed, with whatever else nothing names among the files of the sync. A purge that was
//! cut off is done again: what it got done is not found any more, and what it left lying is removed.
//!
//! Changes and outcomes keep their places, so that figures still fit: their keys become [`Key::purged`] and
//! their values NULL. The snapshot keeps an entry, without values, as long as the next run needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::interleave;
use serde_json::Value;
use syncline_core::run::FileRef;
use syncline_core::{
    EntryState, Error, ErrorKind, Key, LogicalType, RemovalAction, Result, RowError, RowResult, Run, canon,
    text,
};
use syncline_snapshot::{Kept, Record, Segment};
use syncline_store::{LetterFilter, Page, PlanRecord, Purge, Purged, RunFilter, SyncRecord};

use crate::engine::{Engine, context_of};
use crate::outcomes::{self, StoredOutcome};
use crate::plan::file_name;
use crate::plan_file::{PlanChunk, PlanReader, PlanWriter, PlannedChange};

/// How often a purge begins anew because runs ended meanwhile.
const ATTEMPTS_MAX: u32 = 5;

/// What a purge removed, or would remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeReport {
    /// Changes in stored plans.
    pub changes: u64,
    /// Rows in stored outcomes.
    pub outcomes: u64,
    /// Records whose entry in the snapshot goes as a whole.
    pub entries_removed: u64,
    /// Records whose entry lost its values.
    pub entries_emptied: u64,
    /// Records of which the snapshot keeps key, match value and the target's id: the next run needs them.
    pub entries_kept: u64,
    /// Records in exports from before a reseed.
    pub exported: u64,
    /// Files that nothing named any more before, or that only an older generation did.
    pub leftovers: u64,
    pub stored: Purged,
}

impl PurgeReport {
    /// Places in which something was, or would be, removed.
    pub fn places(&self) -> u64 {
        let Purged { letters, row_errors, runs, messages, answers: _ } = self.stored;
        let in_files = self.changes + self.outcomes + self.exported;
        in_files + self.entries_removed + self.entries_emptied + letters + row_errors + runs + messages
    }
}

impl Engine {
    /// Removes what is kept of these records (row ids) of a sync, or only counts it (`removes`).
    ///
    /// `conflict` while a run of the sync is active, while one that waits needs one of the records, and
    /// while a backup is made, which keeps every file.
    pub async fn purge(
        &self,
        record: &SyncRecord,
        rows: &BTreeSet<String>,
        removes: bool,
    ) -> Result<PurgeReport> {
        if removes && self.files.is_pinned()? {
            let message = "a backup is being made, which keeps every file";
            return Err(Error::new(ErrorKind::Conflict, message).help("purge when it is done"));
        }
        for _ in 0..ATTEMPTS_MAX {
            if let Some(report) = self.try_to_purge(record, rows, removes).await? {
                return Ok(report);
            }
        }
        let message = format!("runs of {} ended again and again meanwhile", record.id);
        Err(Error::new(ErrorKind::Conflict, message).help("deactivate the sync for the time of the purge"))
    }

    /// `None`: a run ended meanwhile.
    async fn try_to_purge(
        &self,
        record: &SyncRecord,
        rows: &BTreeSet<String>,
        removes: bool,
    ) -> Result<Option<PurgeReport>> {
        let seen = self.store.files_of_sync(&record.uid).await?;
        let mut work = Work {
            engine: self,
            record,
            removes,
            report: PurgeReport::default(),
            runs: Vec::new(),
            segments: BTreeSet::new(),
            purge: Purge {
                sync_uid: record.uid.clone(),
                rows: rows.clone(),
                values: BTreeSet::new(),
                seen,
                files: BTreeMap::new(),
                plans: BTreeMap::new(),
                states: None,
            },
        };
        // What would be refused is refused before anything is written.
        if self.store.purge(&work.purge, false).await?.is_none() {
            return Ok(None);
        }
        work.list_runs().await?;
        // What lies there before the transaction and is not named after it never will be.
        let mut listed = self.files.list(&format!("snapshots/{}", record.uid))?;
        for run in &work.runs {
            listed.extend(self.files.list(&format!("runs/{}", run.id))?);
        }
        work.letters().await?;
        work.snapshot().await?;
        work.plans().await?;
        work.outcomes().await?;
        let Some(stored) = self.store.purge(&work.purge, removes).await? else { return Ok(None) };
        let mut report = PurgeReport { stored, ..work.report };
        report.exported = exports(self, record, rows, removes)?;
        if removes {
            let live = self.store.live_files().await?;
            let replaced = work.purge.files.len() as u64;
            report.leftovers = self.files.remove_listed(&listed, &live)?.saturating_sub(replaced);
            self.store.wipe_freed().await?;
        }
        Ok(Some(report))
    }
}

struct Work<'a> {
    engine: &'a Engine,
    record: &'a SyncRecord,
    removes: bool,
    report: PurgeReport,
    /// All runs of the sync.
    runs: Vec<Run>,
    /// Paths of the snapshot's segments.
    segments: BTreeSet<String>,
    purge: Purge,
}

impl Work<'_> {
    fn is_wanted(&self, key: &[u8]) -> bool {
        self.purge.rows.contains(&Key::new(key).row_id())
    }

    /// Notes what a file is replaced by; a count needs none.
    fn replace(&mut self, old: &FileRef, write: impl FnOnce(&Self) -> Result<FileRef>) -> Result<()> {
        let new = if self.removes { write(self)? } else { old.clone() };
        self.purge.files.insert(old.path.clone(), new);
        Ok(())
    }

    async fn list_runs(&mut self) -> Result<()> {
        let filter = RunFilter { sync_uid: Some(self.record.uid.clone()), ..RunFilter::default() };
        let mut page = Page::first(1_000);
        loop {
            let (runs, total) = self.engine.store.runs(&filter, page).await?;
            self.runs.extend(runs);
            if page.offset() + page.size >= total {
                return Ok(());
            }
            page.number += 1;
        }
    }

    /// Their values; the letters themselves go with the transaction.
    async fn letters(&mut self) -> Result<()> {
        for row in self.purge.rows.clone() {
            let filter = LetterFilter {
                sync_uid: Some(self.record.uid.clone()),
                row_id: Some(row),
                ..LetterFilter::default()
            };
            let (letters, _) = self.engine.store.letters(&filter, Page::first(Page::SIZE_MAX)).await?;
            for letter in letters {
                self.purge.values.extend(letter.raw_value);
                let edited = letter.edited.map(|edited| edited.payload);
                for captured in [letter.source_row, letter.payload, edited].into_iter().flatten() {
                    add_texts(&captured, &mut self.purge.values);
                }
            }
        }
        Ok(())
    }

    async fn snapshot(&mut self) -> Result<()> {
        let Some(generation) = self.engine.store.generation(&self.record.uid).await? else { return Ok(()) };
        self.segments = generation.segments.iter().map(|file| file.path.clone()).collect();
        let mut states = generation.states.clone();
        // What the newest record of each key became.
        let mut keys: BTreeMap<Vec<u8>, Fate> = BTreeMap::new();
        for file in generation.segments.iter().rev() {
            let segment = open_segment(self.engine, file)?;
            let records = segment.records_where(|key| self.is_wanted(key))?;
            let mut kept_here = BTreeSet::new();
            let mut changes = false;
            for record in records {
                let key = record.key().as_bytes().to_vec();
                add_values(&record, &mut self.purge.values)?;
                if let Some(fate) = keys.get_mut(&key) {
                    // An older record, which the newest one hides.
                    fate.changes = true;
                    changes = true;
                    continue;
                }
                let stays = matches!(&record, Record::Put(entry) if is_needed(&entry.state));
                let has_values = matches!(&record, Record::Put(entry) if entry.values.is_some());
                if stays {
                    kept_here.insert(key.clone());
                } else if let Record::Put(entry) = &record
                    && let Some(count) = states.get_mut(entry.state.name())
                {
                    *count = count.saturating_sub(1);
                }
                changes |= !stays || has_values;
                keys.insert(key, Fate { stays, changes: !stays || has_values });
            }
            if changes {
                self.replace(file, |work| {
                    let kept = |key: &[u8]| match (work.is_wanted(key), kept_here.contains(key)) {
                        (false, _) => Kept::Whole,
                        (true, true) => Kept::WithoutValues,
                        (true, false) => Kept::Nothing,
                    };
                    let path = format!("snapshots/{}/{}", work.record.uid, file_name("segment", "seg"));
                    copy_segment(work.engine, &segment, &path, kept)
                })?;
            }
        }
        self.report.entries_kept = keys.values().filter(|fate| fate.stays).count() as u64;
        self.report.entries_emptied = keys.values().filter(|fate| fate.stays && fate.changes).count() as u64;
        self.report.entries_removed = keys.values().filter(|fate| !fate.stays).count() as u64;
        self.purge.states = Some(states);
        Ok(())
    }

    async fn plans(&mut self) -> Result<()> {
        for run in self.runs.clone() {
            let Some(plan) = self.engine.store.plan(&run.id).await? else { continue };
            if self.plan(&run, &plan)? {
                if !run.status.is_terminal() {
                    return Err(Purge::refused(&run.id, run.status));
                }
                self.purge.plans.insert(run.id.clone(), self.context(&plan)?);
            }
        }
        Ok(())
    }

    /// Whether a plan holds something of the records.
    fn plan(&mut self, run: &Run, plan: &PlanRecord) -> Result<bool> {
        let mut holds = false;
        for file in plan.file.iter().chain(&plan.updates) {
            // A plan that was applied by another run is that run's plan too, and the updates of a run are
            // part of the snapshot until they are merged.
            if self.purge.files.contains_key(&file.path) {
                holds = true;
            } else if plan.updates.as_ref() == Some(file) {
                holds |= self.updates(run, file)?;
            } else {
                holds |= self.changes(run, file)?;
            }
        }
        let context = context_of(plan)?;
        let named = context.resolved.iter().chain(&context.resume_after).any(|key| self.is_wanted(key));
        Ok(holds || named)
    }

    fn context(&self, plan: &PlanRecord) -> Result<Value> {
        let mut context = context_of(plan)?;
        context.resolved.retain(|key| !self.is_wanted(key));
        context.resume_after = context.resume_after.filter(|key| !self.is_wanted(key));
        serde_json::to_value(&context).map_err(|e| Error::internal(e.to_string()))
    }

    fn updates(&mut self, run: &Run, file: &FileRef) -> Result<bool> {
        // What is left there the snapshot needs.
        if self.segments.contains(&file.path) {
            return Ok(false);
        }
        let segment = open_segment(self.engine, file)?;
        let records = segment.records_where(|key| self.is_wanted(key))?;
        if records.is_empty() {
            return Ok(false);
        }
        for record in &records {
            add_values(record, &mut self.purge.values)?;
        }
        self.report.changes += records.len() as u64;
        self.replace(file, |work| {
            let kept = |key: &[u8]| if work.is_wanted(key) { Kept::Nothing } else { Kept::Whole };
            let path = format!("runs/{}/{}", run.id, file_name("updates", "seg"));
            copy_segment(work.engine, &segment, &path, kept)
        })?;
        Ok(true)
    }

    fn changes(&mut self, run: &Run, file: &FileRef) -> Result<bool> {
        let mut reader = open_plan(self.engine, file)?;
        let mut found = 0;
        for number in 0..reader.chunks() {
            let chunk = reader.chunk(number)?;
            for row in 0..chunk.changes.len() {
                if self.is_wanted(chunk.changes[row].key.as_bytes()) {
                    found += 1;
                    self.add_change(&chunk, row)?;
                }
            }
        }
        if found == 0 {
            return Ok(false);
        }
        self.report.changes += found;
        self.replace(file, |work| {
            let path = format!("runs/{}/{}", run.id, file_name("plan", "arrow"));
            let (payload, source) = (reader.payload_schema().clone(), reader.source_schema().cloned());
            let files = work.engine.files.clone();
            let mut writer = PlanWriter::new(payload, source, usize::MAX, u64::MAX, files, path);
            for number in 0..reader.chunks() {
                let chunk = work.without(reader.chunk(number)?)?;
                writer.push_chunk(&chunk.changes, &chunk.payload, chunk.source.as_ref())?;
            }
            let written = writer.finish(&Default::default())?;
            written.map(|(file, _)| file).ok_or_else(|| Error::internal("a plan lost all its chunks"))
        })?;
        Ok(true)
    }

    /// Notes the values of a planned change.
    fn add_change(&mut self, chunk: &PlanChunk, row: usize) -> Result<()> {
        for batch in [Some(&chunk.payload), chunk.source.as_ref()].into_iter().flatten() {
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                let ty = LogicalType::of(field)?;
                self.purge.values.extend(text::render(column.as_ref(), &ty, row));
            }
        }
        let change = &chunk.changes[row];
        if let Some(before) = &change.before {
            add_fields(before, &mut self.purge.values)?;
        }
        for value in [&change.match_value, &change.old_match].into_iter().flatten() {
            self.purge.values.extend(canon::decode(value)?.into_iter().flatten());
        }
        Ok(())
    }

    /// The chunk with the changes of the records emptied.
    fn without(&self, mut chunk: PlanChunk) -> Result<PlanChunk> {
        let gone: Vec<bool> = chunk.changes.iter().map(|c| self.is_wanted(c.key.as_bytes())).collect();
        for (change, gone) in chunk.changes.iter_mut().zip(&gone) {
            if *gone {
                *change = PlannedChange {
                    key: Key::purged(),
                    source_fp: None,
                    hash: None,
                    match_value: None,
                    old_match: None,
                    before: None,
                    ..change.clone()
                };
            }
        }
        chunk.payload = emptied(&chunk.payload, &gone)?;
        chunk.source = chunk.source.map(|source| emptied(&source, &gone)).transpose()?;
        Ok(chunk)
    }

    /// After the plans, when the values are known that messages about other records may cite.
    async fn outcomes(&mut self) -> Result<()> {
        for run in self.runs.clone() {
            for file in
                self.engine.store.chunks(&run.id).await?.into_iter().filter_map(|chunk| chunk.outcomes)
            {
                let mut stored = outcomes::read(self.engine.files.open_verified(&file)?)?;
                let before = stored.clone();
                stored.iter_mut().for_each(|outcome| self.outcome(outcome));
                if stored == before {
                    continue;
                }
                let gone = before.iter().filter(|outcome| self.purge.rows.contains(&outcome.row_id));
                self.report.outcomes += gone.count() as u64;
                self.replace(&file, |work| {
                    let path = format!("runs/{}/{}", run.id, file_name("outcomes", "parquet"));
                    let rows = stored.iter().map(|outcome| (outcome.row_id.clone(), outcome.op));
                    let results: Vec<RowResult> =
                        stored.iter().map(|outcome| outcome.result.clone()).collect();
                    outcomes::write(&work.engine.files, &path, rows, &results, true)
                })?;
            }
        }
        Ok(())
    }

    /// Takes the record, or what is cited of it, out of an outcome.
    fn outcome(&self, outcome: &mut StoredOutcome) {
        let gone = self.purge.rows.contains(&outcome.row_id);
        if gone {
            outcome.row_id = Key::PURGED.into();
        }
        match &mut outcome.result {
            RowResult::Created { target_id } | RowResult::Updated { target_id } if gone => *target_id = None,
            RowResult::Rejected(error) | RowResult::Unknown(error) => self.error(error, gone),
            RowResult::Created { .. }
            | RowResult::Updated { .. }
            | RowResult::Removed
            | RowResult::Exists
            | RowResult::Absent => {}
        }
    }

    fn error(&self, error: &mut RowError, gone: bool) {
        if gone {
            error.message = Key::PURGED.into();
            error.raw_value = None;
        } else if let Some(message) = self.purge.redacted(&error.message) {
            error.message = message;
        }
    }
}

/// What becomes of a key's entry.
struct Fate {
    stays: bool,
    changes: bool,
}

/// Whether the next run would do something else without the entry. A record that is not at the target, and
/// is not waiting to be sent there, is the same as one that was never seen.
fn is_needed(state: &EntryState) -> bool {
    !matches!(state, EntryState::Removed { action: RemovalAction::Delete } | EntryState::Absent)
}

/// The rows with NULL in those that are gone. Built value by value: what is hidden behind a NULL would
/// still be in the file.
fn emptied(batch: &RecordBatch, gone: &[bool]) -> Result<RecordBatch> {
    let from: Vec<(usize, usize)> =
        gone.iter().enumerate().map(|(row, gone)| if *gone { (1, 0) } else { (0, row) }).collect();
    let columns = batch.columns().iter().map(|column| {
        let null = new_null_array(column.data_type(), 1);
        interleave(&[column.as_ref(), null.as_ref()], &from)
    });
    let columns = columns.collect::<std::result::Result<Vec<ArrayRef>, _>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

fn open_segment(engine: &Engine, file: &FileRef) -> Result<Segment> {
    Segment::open(file.path.clone(), engine.files.open_verified(file)?)
}

fn open_plan(engine: &Engine, file: &FileRef) -> Result<PlanReader> {
    PlanReader::open(engine.files.open_verified(file)?)
}

fn copy_segment(
    engine: &Engine,
    segment: &Segment,
    path: &str,
    kept: impl FnMut(&[u8]) -> Kept,
) -> Result<FileRef> {
    let mut file = engine.files.create(path)?;
    segment.copy_keeping(kept, &mut file)?;
    file.finish()
}

fn add_values(record: &Record, values: &mut BTreeSet<String>) -> Result<()> {
    let Record::Put(entry) = record else { return Ok(()) };
    if let Some(fields) = &entry.values {
        add_fields(fields, values)?;
    }
    if let Some(match_value) = &entry.match_value {
        values.extend(canon::decode(match_value)?.into_iter().flatten());
    }
    Ok(())
}

fn add_fields(fields: &[u8], values: &mut BTreeSet<String>) -> Result<()> {
    values.extend(canon::decode_fields(fields)?.into_iter().filter_map(|(_, value)| value));
    Ok(())
}

/// The texts in a captured row.
fn add_texts(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Number(number) => {
            texts.insert(number.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|member| add_texts(member, texts)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Takes the records out of what reseeds exported on this machine; how many lines that are.
fn exports(engine: &Engine, record: &SyncRecord, rows: &BTreeSet<String>, removes: bool) -> Result<u64> {
    let mut found = 0;
    for path in exports_of(engine, record)? {
        let failed = |e: std::io::Error| Error::from(e).context(path.display());
        let lines = BufReader::new(File::open(&path).map_err(failed)?).lines();
        let mut kept = Vec::new();
        let before = found;
        for line in lines {
            let line = line.map_err(failed)?;
            let row: Value = serde_json::from_str(&line).unwrap_or_default();
            match row["row_id"].as_str() {
                Some(row) if rows.contains(row) => found += 1,
                _ => kept.push(line),
            }
        }
        if removes && found > before {
            overwrite(&path, &kept).map_err(failed)?;
        }
    }
    Ok(found)
}

fn exports_of(engine: &Engine, record: &SyncRecord) -> Result<Vec<PathBuf>> {
    let folder = engine.scratch.with_file_name("exports");
    let entries = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let start = format!("{}-", record.id);
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Behind the sync's id is the time, which has no hyphen.
        let time = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(".jsonl"));
        if time.is_some_and(|time| !time.contains('-')) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn overwrite(path: &Path, lines: &[String]) -> std::io::Result<()> {
    let temporary = path.with_extension("jsonl.tmp");
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
    let mut out = BufWriter::new(file);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    std::fs::rename(&temporary, path)
}
