//! Plans of replays: letters whose payload is sent as it is stored, and those that cannot be replayed.

use syncline_connector::ReadEnd;
use syncline_core::run::ReplayMode;
use syncline_core::{EntryState, Hash128, Key, Phase, Result, RowError, Run, Stage};
use syncline_snapshot::Snapshot;
use syncline_store::RowErrorRecord;

use super::{Made, Planning, Reading, file_name};
use crate::known::KnownKeys;
use crate::plan_file::PlanWriter;
use crate::planner::{Planner, Sink, StoredRecord};
use crate::read::ReadResult;
use crate::replay::{self, Selected};

impl Selected {
    /// There is nothing that the source would be asked for.
    pub fn reads_nothing(&self) -> bool {
        self.mode != ReplayMode::Reread || self.letters.is_empty()
    }

    pub fn row_ids(&self) -> Vec<String> {
        self.letters.iter().map(|letter| Key::new(&letter.key).row_id()).collect()
    }

    /// The keys that wait for being delivered or removed. One that is not in the model any more departs,
    /// as in any run that reads it again.
    pub fn waiting(&self, snapshot: &Snapshot) -> Result<Vec<Key>> {
        let mut waiting = Vec::new();
        for letter in &self.letters {
            let key = Key::new(&letter.key);
            if snapshot.get(&key)?.is_some_and(|e| matches!(e.state, EntryState::Pending { .. })) {
                waiting.push(key);
            }
        }
        Ok(waiting)
    }
}

impl Planning<'_> {
    /// Makes the plan of a replay out of stored payloads, without reading rows.
    pub(super) async fn plan_stored(
        &self,
        run: &mut Run,
        selected: &Selected,
        reading: &Reading,
    ) -> Result<Made> {
        self.engine.enter_phase(run, Phase::DetectingChanges, self.watch).await?;
        let mut planner = self.stored_planner(run, reading)?;
        let snapshot = self.snapshot()?;
        let mut records = Vec::with_capacity(selected.letters.len());
        let mut payloads = Vec::with_capacity(selected.letters.len());
        let mut refused = selected.refused.clone();
        for letter in &selected.letters {
            let key = Key::new(&letter.key);
            let entry = snapshot.get(&key)?;
            // A fingerprint that no row has: whatever the row is in the next run, it is compared.
            let source_fp = replay::source_fp(letter, entry.as_ref()).unwrap_or(Hash128(0));
            let Some(payload) = replay::payload(letter, selected.mode) else {
                let error = RowError::new("nothing_captured", "The stored payload is not a record");
                refused.push((letter.row_id.clone(), error));
                continue;
            };
            records.push(StoredRecord { key, source_fp, edited: selected.mode == ReplayMode::Edited });
            payloads.push(payload);
        }
        let typed = reading.transform.typed(&payloads)?;
        for (row, error) in &typed.errors {
            refused.push((records[*row].key.row_id(), error.clone()));
        }
        refused.extend(planner.take_stored(records, &typed)?);
        self.refuse(run, refused, &mut planner).await?;
        let end = ReadEnd {
            consistency: syncline_connector::Consistency::Unstable,
            now: None,
            oldest_open_write: None,
        };
        let read = ReadResult { end, complete: false, truncated: false, resume_after: None };
        self.store(run, planner.finish()?, &read, reading).await
    }

    fn stored_planner(&self, run: &mut Run, reading: &Reading) -> Result<Planner> {
        let budget = self.engine.memory_budget;
        let path = format!("runs/{}/{}", run.id, file_name("plan", "arrow"));
        let payload = reading.transform.payload().schema().clone();
        let files = self.engine.files.clone();
        let writer = PlanWriter::new(payload, None, self.chunk_rows(run), budget, files, path);
        let inputs = self.inputs(run, reading, Sink::Plan(writer), budget / 8)?;
        let known = KnownKeys::few(self.snapshot()?, std::iter::empty(), budget / 2);
        Ok(Planner::new(inputs, known))
    }

    /// Reports letters that cannot be replayed. They stay as they are: what is said of them is an error of
    /// the run, not another failure of their record.
    pub(super) async fn refuse(
        &self,
        run: &Run,
        refused: Vec<(String, RowError)>,
        planner: &mut Planner,
    ) -> Result<()> {
        planner.tally.counters.rows_processed += refused.len() as u64;
        planner.tally.counters.rows_failed += refused.len() as u64;
        let errors: Vec<_> = refused
            .into_iter()
            .map(|(row_id, error)| RowErrorRecord {
                row_id,
                stage: Stage::Ingest,
                code: error.code,
                message: error.message,
                field: error.field,
                raw_value: error.raw_value,
                removal: false,
            })
            .collect();
        self.engine.store.add_row_errors(&run.id, run.epoch, &errors).await
    }

    /// Resolves letters whose record is not in the model any more and waits for nothing.
    pub(super) fn resolve_departed(
        &self,
        run: &Run,
        selected: &Selected,
        planner: &mut Planner,
    ) -> Result<()> {
        let snapshot = self.snapshot()?;
        for letter in selected.letters.iter().filter(|letter| run.not_found.contains(&letter.row_id)) {
            let key = Key::new(&letter.key);
            if !snapshot.get(&key)?.is_some_and(|e| matches!(e.state, EntryState::Pending { .. })) {
                planner.failures.resolved.push(key);
            }
        }
        Ok(())
    }
}
