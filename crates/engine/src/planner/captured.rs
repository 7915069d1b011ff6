//! Comparing payloads that were stored with dead letters, instead of rows of the source.

use syncline_core::{EntryState, Hash128, Key, Result, RowError, SkipReason};
use syncline_snapshot::Record;

use super::compare::{Encoded, Verdict};
use super::{Disposition, Planner};
use crate::transform::Mapped;

/// A record whose target fields are stored.
pub struct StoredRecord {
    pub key: Key,
    /// Fingerprint of the source row that they are of.
    pub source_fp: Hash128,
    /// A person edited them: their row is left alone until it changes.
    pub edited: bool,
}

impl Planner {
    /// Plans what stored payloads need; those with errors are left out. Returns the row ids of records
    /// that cannot be sent, and why.
    pub fn take_stored(
        &mut self,
        records: Vec<StoredRecord>,
        typed: &Mapped,
    ) -> Result<Vec<(String, RowError)>> {
        let transform = std::sync::Arc::clone(&self.transform);
        let fields = transform.payload().rows(&typed.payload);
        let mut encoded = Encoded::default();
        let (mut changes, mut sent, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for (row, record) in records.into_iter().enumerate() {
            if typed.errors.contains_key(&row) {
                continue;
            }
            let StoredRecord { key, source_fp, edited } = record;
            let entry = self.known.entry(&key)?;
            let verdict = self.judge(&fields, row, &mut encoded, key.clone(), source_fp, entry.as_ref())?;
            if let Verdict::Fail(error) = verdict {
                // Whoever reports it counts it.
                refused.push((key.row_id(), error));
                continue;
            }
            self.tally.counters.rows_processed += 1;
            match verdict {
                Verdict::Settled => {
                    self.failures.resolved.push(key.clone());
                    if let Some(entry) = entry.filter(|_| edited) {
                        let state = EntryState::Edited;
                        let source_fp = Some(source_fp);
                        self.updates.push(Record::Put(syncline_core::Entry { state, source_fp, ..entry }))?;
                    }
                    self.skip(&key, SkipReason::Unchanged);
                }
                Verdict::Send(change) => {
                    self.tally.plan(change.op, || key.row_id());
                    let position = self.position + changes.len() as u64;
                    self.dispose(&key, Disposition::Planned { position, op: change.op });
                    changes.push(*change);
                    sent.push(row as u32);
                }
                Verdict::Duplicate | Verdict::Fail(_) => {}
            }
        }
        self.push_writes(&changes, sent, &typed.payload, None)?;
        Ok(refused)
    }
}
