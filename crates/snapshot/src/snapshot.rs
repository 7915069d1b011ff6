//! A generation of the snapshot: segments, the newest record of a key winning.

use std::io::Write;
use std::ops::RangeInclusive;

use syncline_core::{Entry, Key, Result};

use crate::counts::StateCounts;
use crate::merge::Merge;
use crate::record::RecordView;
use crate::segment::Segment;
use crate::writer::{SegmentSummary, SegmentWriter};

/// A part of the hashes of keys, by which segments are sorted. What does not fit into memory at once
/// is done range by range.
pub type HashRange = RangeInclusive<u64>;

/// Whether [`Entry::values`] is wanted. Values live in pages of their own, which are not read
/// when they are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    Read,
    /// [`Entry::values`] is `None` for all.
    LeaveOut,
}

/// How many live entries a snapshot has, as far as it knows without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Exactly(u64),
    /// Segments may say something of the same key, so there may be fewer.
    AtMost(u64),
}

/// What is known of each key. Clones share the open segments.
#[derive(Clone, Default)]
pub struct Snapshot {
    /// Oldest first.
    segments: Vec<Segment>,
}

impl Snapshot {
    /// The snapshot of these segments, oldest first.
    pub fn open(segments: Vec<Segment>) -> Self {
        Self { segments }
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The number of live entries, exact where at most one segment holds records.
    /// [`Snapshot::count_by_state`] is always exact but reads all entries.
    pub fn len(&self) -> Length {
        let mut with_records = 0;
        let mut entries = 0;
        for summary in self.segments.iter().map(Segment::summary) {
            with_records += usize::from(summary.entries + summary.erased > 0);
            entries += summary.entries;
        }
        if with_records <= 1 { Length::Exactly(entries) } else { Length::AtMost(entries) }
    }

    /// The most live entries there can be in `range`, from the indexes alone. Off by what the pages
    /// at both ends hold outside of it, by erasures, and by keys of several segments.
    pub fn entries_in(&self, range: &HashRange) -> u64 {
        if range.is_empty() {
            return 0;
        }
        self.segments.iter().map(|s| s.records_in(range).min(s.summary().entries)).sum()
    }

    /// Counts the live entries by reading them, without their values.
    pub fn count_by_state(&self) -> Result<StateCounts> {
        let mut counts = StateCounts::default();
        let mut merge = Merge::new(&self.segments)?;
        while let Some(cursor) = merge.next()? {
            if let RecordView::Put(entry) = cursor.record()?.0 {
                counts.add(&entry.state);
            }
        }
        Ok(counts)
    }

    /// Counts the live entries in `range` by reading them, unless the indexes know.
    pub(crate) fn count_in(&self, range: &HashRange) -> Result<u64> {
        let everything = *range.start() == 0 && *range.end() == u64::MAX;
        if let (true, Length::Exactly(entries)) = (everything, self.len()) {
            return Ok(entries);
        }
        let mut count = 0;
        let mut merge = Merge::in_range(&self.segments, range)?;
        while let Some(cursor) = merge.next()? {
            count += u64::from(matches!(cursor.record()?.0, RecordView::Put(_)));
        }
        Ok(count)
    }

    /// The live entry of `key` with its values: a question to the filters in memory, and one
    /// page read (and one of values) where it is known.
    pub fn get(&self, key: &Key) -> Result<Option<Entry>> {
        let hash = key.hash();
        for segment in self.segments.iter().rev() {
            let found = segment.find(hash, key.as_bytes(), |record| match record {
                RecordView::Put(view) => segment.entry(&view, Values::Read).map(Some),
                RecordView::Erase(_) => Ok(None),
            })?;
            if let Some(found) = found {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The live entries, ordered by (hash of the key, key). Reads ahead one page per segment.
    pub fn scan(&self, values: Values) -> Scan {
        Scan { state: ScanState::Start(self.segments.clone()), values }
    }

    /// Writes all live entries as one segment, which can take the place of all of this
    /// snapshot's segments. Erasures have nothing left to hide and are dropped.
    pub fn merge<W: Write>(&self, out: W) -> Result<SegmentSummary> {
        merge_segments(&self.segments, Erasures::Drop, out)
    }

    /// Writes one segment that can take the place of the newest `count` segments; it keeps their
    /// erasures as long as there are older segments. Merging the few small ones among themselves
    /// saves rewriting a large old one each time.
    pub fn merge_newest<W: Write>(&self, count: usize, out: W) -> Result<SegmentSummary> {
        let older = self.segments.len().saturating_sub(count);
        let erasures = if older == 0 { Erasures::Drop } else { Erasures::Keep };
        merge_segments(&self.segments[older..], erasures, out)
    }

    /// Bytes that the indexes of the open segments and their filters take in memory; filters are
    /// counted whether a question has needed them yet or not. About 2 for each record. Up to 512 KiB
    /// of pages for each segment, which single look-ups keep at hand, is not counted.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::resident_bytes).sum()
    }
}

/// What merging does with records that erase a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Erasures {
    Keep,
    Drop,
}

/// Writes the newest record of every key in `segments`, oldest first, as one segment.
pub(crate) fn merge_segments<W: Write>(
    segments: &[Segment],
    erasures: Erasures,
    out: W,
) -> Result<SegmentSummary> {
    let mut writer = SegmentWriter::new(out)?;
    let mut merge = Merge::new(segments)?;
    while let Some(cursor) = merge.next()? {
        let hash = cursor.hash();
        let (record, head, reader) = cursor.record_parts()?;
        let values = match &record {
            RecordView::Put(entry) => entry.values.map(|at| reader.read(at)).transpose()?,
            RecordView::Erase(_) if erasures == Erasures::Drop => continue,
            RecordView::Erase(_) => None,
        };
        writer.push_head(hash, head, values)?;
    }
    writer.finish()
}

/// The live entries of a snapshot in order; see [`Snapshot::scan`]. Ends after the first error.
pub struct Scan {
    state: ScanState,
    values: Values,
}

enum ScanState {
    Start(Vec<Segment>),
    Running(Merge),
    Done,
}

impl Scan {
    fn advance(&mut self) -> Result<Option<Entry>> {
        if let ScanState::Start(segments) = &self.state {
            self.state = ScanState::Running(Merge::new(segments)?);
        }
        let ScanState::Running(merge) = &mut self.state else { return Ok(None) };
        while let Some(cursor) = merge.next()? {
            if let (RecordView::Put(entry), reader) = cursor.record()? {
                return reader.entry(&entry, self.values).map(Some);
            }
        }
        Ok(None)
    }
}

impl Iterator for Scan {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.state = ScanState::Done;
        }
        next
    }
}
