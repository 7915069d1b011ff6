//! Mapping rows and deciding what each needs.

use arrow::array::{Array, RecordBatch, UInt32Array};
use syncline_core::sync::OnMatchChange;
use syncline_core::{
    Entry, EntryState, Error, Hash128, Key, Op, RemovalAction, Result, RowError, SkipReason, Stage, canon,
};

use super::{Candidate, DecodedBatch, Disposition, Entering, Planner, Sink, stands_at_target};
use crate::decide::{self, Decision};
use crate::failures::row_json;
use crate::payload::PayloadRows;
use crate::plan_file::PlannedChange;
use crate::privacy;

/// What follows for a mapped row.
pub(super) enum Verdict {
    Settled,
    Duplicate,
    Fail(RowError),
    Send(Box<PlannedChange>),
}

/// A candidate whose entry is at hand.
struct Ready {
    row: usize,
    key: Key,
    source_fp: Hash128,
    entry: Option<Box<Entry>>,
}

/// Buffers that rows are encoded in.
#[derive(Default)]
pub(super) struct Encoded {
    values: Vec<u8>,
    match_value: Vec<u8>,
}

impl Planner {
    /// Decides on a batch whose entries are all loaded.
    pub(super) fn decide_batch(&mut self, batch: DecodedBatch) -> Result<()> {
        let DecodedBatch { rows, mut invalid, candidates } = batch;
        let mut ready = Vec::with_capacity(candidates.len());
        for Candidate { row, key, source_fp, entry } in candidates {
            let entry = match entry {
                Entering::Loaded(entry) => entry.filter(|_| !self.afresh),
                Entering::Waiting(_) => return Err(Error::internal("a row still waits for its entry")),
            };
            let reason = entry.as_ref().and_then(|e| self.glance(e, source_fp));
            // What a person decided stands, also for a row that is invalid as it was then.
            let is_decided = matches!(reason, Some(SkipReason::Ignored | SkipReason::Edited));
            if let Some(error) = invalid.remove(&row).filter(|_| !is_decided) {
                self.fail(&rows, row, key, source_fp, entry, Stage::Normalize, error, None)?;
            } else if let Some(reason) = reason {
                if self.rules.replay && reason == SkipReason::Unchanged {
                    // Nothing waits for being delivered, whatever its letter says.
                    self.failures.resolved.push(key.clone());
                }
                self.skip(&key, reason);
            } else {
                ready.push(Ready { row, key, source_fp, entry });
            }
        }
        self.map_and_decide(&rows, ready)
    }

    /// Whether a row is left alone without being mapped.
    fn glance(&self, entry: &Entry, source_fp: Hash128) -> Option<SkipReason> {
        let is_ignored = self.ignored.writes.contains(&entry.key);
        if is_ignored && decide::is_ignored(entry, source_fp, &self.rules) {
            return Some(SkipReason::Ignored);
        }
        decide::glance(entry, source_fp, &self.rules)
    }

    /// Transform and compare: maps the rows and plans what they need.
    fn map_and_decide(&mut self, rows: &RecordBatch, ready: Vec<Ready>) -> Result<()> {
        if ready.is_empty() {
            return Ok(());
        }
        let transform = std::sync::Arc::clone(&self.transform);
        let indices: UInt32Array = ready.iter().map(|c| Some(c.row as u32)).collect();
        let subset = if indices.len() == rows.num_rows() {
            rows.clone()
        } else {
            arrow::compute::take_record_batch(rows, &indices)?
        };
        let (excluded, mut exclude_errors) = transform.excluded(&subset)?;
        let mut mapped = transform.apply(&subset)?;
        let payload_rows = transform.payload().rows(&mapped.payload);
        let mut encoded = Encoded::default();
        let mut changes = Vec::new();
        let mut sent = Vec::new();
        for (i, Ready { key, source_fp, entry, .. }) in ready.into_iter().enumerate() {
            let is_excluded = excluded.as_ref().is_some_and(|e| e.is_valid(i) && e.value(i));
            if is_excluded || transform.is_excluded_key(&key) {
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
            match self.judge(&payload_rows, i, &mut encoded, key.clone(), source_fp, entry.as_deref())? {
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
        let source = self.keeps_values().then_some(&subset);
        self.push_writes(&changes, sent, &mapped.payload, source)
    }

    /// Puts changes into the plan, with the rows of `payload` and `source` that are theirs.
    pub(super) fn push_writes(
        &mut self,
        changes: &[PlannedChange],
        rows: Vec<u32>,
        payload: &RecordBatch,
        source: Option<&RecordBatch>,
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let Sink::Plan(writer) = &mut self.sink else {
            return Err(Error::internal("a direct load plans nothing"));
        };
        let rows = UInt32Array::from(rows);
        let payload = arrow::compute::take_record_batch(payload, &rows)?;
        let source = source.map(|batch| arrow::compute::take_record_batch(batch, &rows)).transpose()?;
        writer.push_writes(changes, &payload, source.as_ref())?;
        self.position += changes.len() as u64;
        Ok(())
    }

    /// Compares one mapped row with its entry.
    pub(super) fn judge(
        &mut self,
        payload: &PayloadRows<'_>,
        row: usize,
        encoded: &mut Encoded,
        key: Key,
        source_fp: Hash128,
        entry: Option<&Entry>,
    ) -> Result<Verdict> {
        encoded.values.clear();
        encoded.match_value.clear();
        payload.encode(row, &mut encoded.values);
        let hash = canon::hash(self.seed, &encoded.values);
        let has_match = payload.encode_match(row, &mut encoded.match_value);
        let match_value: Option<Box<[u8]>> = has_match.then(|| encoded.match_value.as_slice().into());
        if let Some(value) = &match_value
            && self.is_match_taken(&key, value)?
        {
            return Ok(self.repeated_match(&key, value));
        }
        let upgraded = match entry {
            Some(entry) if entry.format != canon::FORMAT => {
                let kept = privacy::kept(self.sync.store_values, self.seed, &encoded.values)?;
                Some(upgraded(entry, hash, kept.as_deref())?)
            }
            _ => None,
        };
        let entry = upgraded.as_ref().or(entry);
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
            // What is replayed failed before, whatever is known of it.
            retry: self.rules.replay || entry.is_some_and(|e| matches!(e.state, EntryState::Pending { .. })),
        })))
    }
}

/// An entry whose hashes are of an older format, in the format of now (G27). Where values are kept they
/// tell whether these are the ones that were delivered; otherwise the row counts as changed, once.
fn upgraded(entry: &Entry, hash: Hash128, values: Option<&[u8]>) -> Result<Entry> {
    let is_same = match entry.values.as_deref().zip(values) {
        Some((before, now)) => canon::decode_fields(before)? == canon::decode_fields(now)?,
        None => false,
    };
    let delivered_hash = entry.delivered_hash.map(|_| if is_same { hash } else { decide::UNSURE });
    Ok(Entry { format: canon::FORMAT, source_fp: None, delivered_hash, ..entry.clone() })
}

fn match_changed(old: &[u8], new: &[u8]) -> RowError {
    let (old, new) = (Key::new(old).row_id(), Key::new(new).row_id());
    RowError::new("match_changed", format!("The match value changed from '{old}' to '{new}'"))
        .raw_value(Some(new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_core::Origin;

    #[test]
    fn entries_of_an_older_format_are_judged_by_the_values_they_keep() {
        let fields = |name: &str| {
            let mut bytes = Vec::new();
            canon::encode_text_fields(&[("name".to_string(), Some(name.to_string()))], &mut bytes);
            bytes
        };
        let old = |values: Option<Vec<u8>>| Entry {
            key: Key::new(b"k"),
            state: EntryState::Delivered,
            format: canon::FORMAT - 1,
            source_fp: Some(Hash128(7)),
            delivered_hash: Some(Hash128(8)),
            origin: Origin::Created,
            match_value: None,
            target_id: None,
            values: values.map(Into::into),
        };
        let now = Hash128(9);
        for (kept, expected) in
            [(Some(fields("a")), now), (Some(fields("b")), decide::UNSURE), (None, decide::UNSURE)]
        {
            let entry = upgraded(&old(kept), now, Some(&fields("a"))).unwrap();
            assert_eq!((entry.format, entry.delivered_hash), (canon::FORMAT, Some(expected)));
            assert_eq!(entry.source_fp, None, "a fingerprint of another format says nothing");
        }
    }
}
