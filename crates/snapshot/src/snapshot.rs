//! A generation of the snapshot: segments, the newest record of a key winning.

use std::collections::BTreeMap;
use std::io::Write;

use syncline_core::{Entry, Key, Result};

use crate::counts::StateCounts;
use crate::merge::Merge;
use crate::record::RecordView;
use crate::segment::Segment;
use crate::writer::{SegmentSummary, SegmentWriter};

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

    /// Counts the live entries by reading them, without their values.
    pub fn count_by_state(&self) -> Result<StateCounts> {
        let mut counts = StateCounts::default();
        let mut merge = Merge::new(&self.segments)?;
        while let Some(cursor) = merge.next()? {
            if let RecordView::Put(entry) = cursor.record()? {
                counts.add(&entry.state);
            }
        }
        Ok(counts)
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

    /// The live entries whose keys hash to `hash`, in the order of their keys: nearly always one.
    pub(crate) fn with_hash(&self, hash: u64) -> Result<Vec<Entry>> {
        let mut found: BTreeMap<Key, Option<Entry>> = BTreeMap::new();
        for segment in self.segments.iter().rev() {
            segment.each_with_hash(hash, |record| {
                if let std::collections::btree_map::Entry::Vacant(place) = found.entry(Key::new(record.key()))
                {
                    place.insert(match record {
                        RecordView::Put(view) => Some(segment.entry(&view, Values::Read)?),
                        RecordView::Erase(_) => None,
                    });
                }
                Ok(())
            })?;
        }
        Ok(found.into_values().flatten().collect())
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

    /// Bytes that indexes and filters take in memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
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
        let values_at = match cursor.record()? {
            RecordView::Put(entry) => entry.values,
            RecordView::Erase(_) if erasures == Erasures::Drop => continue,
            RecordView::Erase(_) => None,
        };
        if let Some(at) = values_at {
            cursor.load_values(at)?;
        }
        let values = values_at.map(|at| cursor.values(at)).transpose()?;
        writer.push_view(cursor.hash(), cursor.record()?, values)?;
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
            let values_at = match cursor.record()? {
                RecordView::Put(entry) => entry.values.filter(|_| self.values == Values::Read),
                RecordView::Erase(_) => continue,
            };
            if let Some(at) = values_at {
                cursor.load_values(at)?;
            }
            let values = values_at.map(|at| cursor.values(at).map(Box::from)).transpose()?;
            if let RecordView::Put(entry) = cursor.record()? {
                return Ok(Some(entry.to_entry(values)));
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
