//! Collecting what a run learned, in any order, into one sorted segment.

use std::borrow::Borrow;
use std::io::Write;
use std::path::PathBuf;

use syncline_core::{Key, Result};

use crate::arena::Arena;
use crate::frame::{Frame, FrameValues};
use crate::record::{EntryRef, Record, RecordView};
use crate::spill::{LARGE_BYTES, Spill, unreadable};
use crate::writer::{SegmentSummary, SegmentWriter, check_size};

/// Values that would take more than this part of the budget go to a file at once.
const LARGE_PART_OF_BUDGET: u64 = 16;

/// Keys that [`Finished`] names.
const REPEATED_NAMED_MAX: usize = 5;

/// Collects records of one run and writes them as a segment. Of a key that was pushed several
/// times the last record is written.
///
/// A record is written to memory in the bytes it will have in the segment. When those pass the
/// budget they are written, sorted, to a temporary file, and such runs are merged at the end: unless
/// there are hundreds, each record is written once there and once to the segment.
pub struct DeltaBuilder {
    budget_bytes: u64,
    arena: Arena,
    /// Bytes that the arena may hold.
    arena_bytes_max: u64,
    spill: Spill,
}

/// What a delta was written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub summary: SegmentSummary,
    /// Keys that were pushed more than once.
    pub repeated: u64,
    /// Up to five of them.
    pub repeated_sample: Vec<Key>,
}

impl DeltaBuilder {
    /// Keeps about `budget_bytes` in memory; `spill_folder` must exist when they do not suffice.
    pub fn new(budget_bytes: usize, spill_folder: impl Into<PathBuf>) -> Self {
        let budget_bytes = budget_bytes as u64;
        let spill = Spill::new(spill_folder.into(), budget_bytes);
        Self { budget_bytes, arena: Arena::default(), arena_bytes_max: budget_bytes, spill }
    }

    /// Whether nothing was pushed: a run that learned nothing needs no segment.
    pub fn is_empty(&self) -> bool {
        self.arena.is_empty() && self.spill.is_empty()
    }

    /// Bytes of memory held now. [`DeltaBuilder::finish`] needs up to half of the budget to read what
    /// was spilled, and room for the index and the filters of the segment: about 2 for each record.
    pub fn bytes(&self) -> u64 {
        self.arena.bytes() + self.spill.bytes()
    }

    /// Adds a record.
    ///
    /// # Errors
    /// `OutOfMemory` for a record too large for a segment, `LocalIo` when spilling fails.
    pub fn push(&mut self, record: impl Borrow<Record>) -> Result<()> {
        match record.borrow() {
            Record::Put(entry) => self.push_put(&EntryRef::of(entry)),
            Record::Erase(key) => self.push_erase(key.as_bytes(), key.hash()),
        }
    }

    /// Adds the record that this is the key's entry now.
    ///
    /// # Errors
    /// Those of [`DeltaBuilder::push`].
    pub fn push_put(&mut self, entry: &EntryRef<'_>) -> Result<()> {
        self.push_view(entry.hash, &RecordView::Put(entry.view()), entry.values)
    }

    /// Adds the record that nothing is known of a key any more. `hash` is the key's.
    ///
    /// # Errors
    /// Those of [`DeltaBuilder::push`].
    pub fn push_erase(&mut self, key: &[u8], hash: u64) -> Result<()> {
        self.push_view(hash, &RecordView::Erase(key), None)
    }

    fn push_view(&mut self, hash: u64, record: &RecordView<'_>, values: Option<&[u8]>) -> Result<()> {
        let values_bytes = values.map_or(0, <[u8]>::len);
        check_size(record.variable_bytes().max(values_bytes))?;
        let large =
            values_bytes > LARGE_BYTES && values_bytes as u64 > self.budget_bytes / LARGE_PART_OF_BUDGET;
        let values = match values {
            None => FrameValues::None,
            Some(values) if large => FrameValues::Large(self.spill.put_large(values)?),
            Some(values) => FrameValues::Here(values),
        };
        let kept = record.variable_bytes() + if large { 0 } else { values_bytes };
        if !self.arena.is_empty() && self.arena.bytes_with(kept) > self.arena_bytes_max {
            self.spill()?;
        }
        self.arena.push(hash, record, values);
        // One record alone can be too much.
        if self.arena.bytes() > self.arena_bytes_max { self.spill() } else { Ok(()) }
    }

    /// What the runs hold in memory comes off what the arena may, down to a half: a run that is too
    /// short costs more than it saves.
    fn spill(&mut self) -> Result<()> {
        self.spill.add(&mut self.arena)?;
        self.arena_bytes_max = self.budget_bytes - self.spill.bytes().min(self.budget_bytes / 2);
        self.arena.clear(self.arena_bytes_max);
        Ok(())
    }

    /// Writes everything pushed, erasures included, as one segment.
    ///
    /// # Errors
    /// `LocalIo` when the segment cannot be written, or what was spilled cannot be read.
    pub fn finish<W: Write>(mut self, out: W) -> Result<Finished> {
        let mut segment = Segmented::new(out)?;
        if self.spill.is_empty() {
            self.arena.for_each(|hash, frame| segment.push(hash, frame, &self.spill))?;
        } else {
            if !self.arena.is_empty() {
                self.spill()?;
            }
            self.arena = Arena::default();
            let runs = self.spill.take_runs();
            runs.for_each(|hash, frame| segment.push(hash, frame, &self.spill))?;
        }
        segment.finish()
    }
}

/// The segment being written, and what was noticed on the way.
struct Segmented<W: Write> {
    writer: SegmentWriter<W>,
    large: Vec<u8>,
    repeated: u64,
    repeated_sample: Vec<Key>,
}

impl<W: Write> Segmented<W> {
    fn new(out: W) -> Result<Self> {
        let writer = SegmentWriter::new(out)?;
        Ok(Self { writer, large: Vec::new(), repeated: 0, repeated_sample: Vec::new() })
    }

    fn push(&mut self, hash: u64, frame: &Frame<'_>, spill: &Spill) -> Result<()> {
        if frame.repeated {
            self.repeated += 1;
            if self.repeated_sample.len() < REPEATED_NAMED_MAX {
                self.repeated_sample.push(Key::new(frame.key().map_err(unreadable)?));
            }
        }
        let values = match frame.values {
            FrameValues::None => None,
            FrameValues::Here(values) => Some(values),
            FrameValues::Large(at) => {
                spill.read_large(at, &mut self.large)?;
                Some(&self.large[..])
            }
        };
        self.writer.push_head(hash, frame.head, values)
    }

    fn finish(self) -> Result<Finished> {
        let summary = self.writer.finish()?;
        Ok(Finished { summary, repeated: self.repeated, repeated_sample: self.repeated_sample })
    }
}

#[cfg(test)]
mod tests {
    use syncline_core::{EntryState, Hash128, Origin};

    use super::*;

    /// A delta of so many records with these values, not finished.
    fn pushed(budget_bytes: usize, folder: &std::path::Path, records: u64, values: &[u8]) -> DeltaBuilder {
        let mut delta = DeltaBuilder::new(budget_bytes, folder);
        for n in 0..records {
            let key = n.to_be_bytes();
            let entry = EntryRef {
                key: &key,
                hash: syncline_core::canon::key_hash(&key),
                state: EntryState::Delivered,
                format: 1,
                source_fp: Some(Hash128(1)),
                delivered_hash: None,
                origin: Origin::Created,
                match_value: None,
                target_id: None,
                values: Some(values),
            };
            delta.push_put(&entry).unwrap();
        }
        delta
    }

    #[test]
    fn runs_are_nearly_as_long_as_the_budget() {
        const BUDGET_BYTES: usize = 8 << 20;
        let folder = tempfile::tempdir().unwrap();
        let runs = pushed(BUDGET_BYTES, folder.path(), 200_000, &[0; 200]).spill.runs();
        // A record takes some 240 bytes here, and 16 in the order.
        let fewest = 200_000 * 250 / BUDGET_BYTES;
        assert!((fewest..=fewest * 3 / 2).contains(&runs), "{runs} runs, at least {fewest}");
    }

    /// All runs are read at once, a block of each.
    #[test]
    fn blocks_are_small_even_where_values_are_not() {
        let folder = tempfile::tempdir().unwrap();
        for (budget_bytes, values_bytes) in [(8 << 20, 400_000), (1 << 20, 400_000), (8 << 20, 60_000)] {
            let delta = pushed(budget_bytes, folder.path(), 50, &vec![7; values_bytes]);
            let largest = delta.spill.largest_block_bytes();
            assert!(largest as usize <= 2 * LARGE_BYTES, "{largest} bytes for values of {values_bytes}");
        }
    }
}
