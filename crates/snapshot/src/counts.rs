//! How many live entries are in each state.

use serde::{Deserialize, Serialize};
use syncline_core::{EntryState, Result};

use crate::many::HashedKey;
use crate::merge::Merge;
use crate::record::RecordView;
use crate::segment::Segment;
use crate::snapshot::Snapshot;

/// Keys that are looked up at once when counts are brought up to date, and bytes of them.
const KEYS_AT_ONCE: usize = 16 * 1024;
const KEY_BYTES_AT_ONCE: usize = 1024 * 1024;

/// Live entries by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts {
    pub delivered: u64,
    pub pending: u64,
    pub absent: u64,
    pub foreign: u64,
    pub removed: u64,
    pub edited: u64,
}

impl StateCounts {
    /// Counts one more entry in `state`.
    pub fn add(&mut self, state: &EntryState) {
        *match state {
            EntryState::Delivered => &mut self.delivered,
            EntryState::Pending { .. } => &mut self.pending,
            EntryState::Absent => &mut self.absent,
            EntryState::Foreign => &mut self.foreign,
            EntryState::Removed { .. } => &mut self.removed,
            EntryState::Edited => &mut self.edited,
        } += 1;
    }

    pub fn total(&self) -> u64 {
        self.delivered + self.pending + self.absent + self.foreign + self.removed + self.edited
    }

    /// These counts with those of `added` and without those of `removed`; `None` when there were
    /// fewer.
    fn changed_by(&self, added: &Self, gone: &Self) -> Option<Self> {
        let change = |count: u64, added: u64, gone: u64| count.checked_add(added)?.checked_sub(gone);
        Some(Self {
            delivered: change(self.delivered, added.delivered, gone.delivered)?,
            pending: change(self.pending, added.pending, gone.pending)?,
            absent: change(self.absent, added.absent, gone.absent)?,
            foreign: change(self.foreign, added.foreign, gone.foreign)?,
            removed: change(self.removed, added.removed, gone.removed)?,
            edited: change(self.edited, added.edited, gone.edited)?,
        })
    }
}

impl Snapshot {
    /// The counts of `base` with the segments of `delta` added, which are newer, oldest first.
    ///
    /// `base_counts` are those of `base`. Of `base` only the pages are read that may hold keys of
    /// `delta`, and no values. Counts that cannot be those of `base` are not used: then everything
    /// is counted.
    ///
    /// # Errors
    /// `Corrupt` or `LocalIo` when a page cannot be read.
    pub fn counts_after(base: &Snapshot, base_counts: StateCounts, delta: &[Segment]) -> Result<StateCounts> {
        let (mut added, mut gone) = (StateCounts::default(), StateCounts::default());
        let mut merge = Merge::new(delta)?;
        let mut keys = Keys::default();
        while let Some(cursor) = merge.next()? {
            let hash = cursor.hash();
            let (record, _) = cursor.record()?;
            keys.push(hash, record.key());
            if let RecordView::Put(entry) = record {
                added.add(&entry.state);
            }
            if keys.are_many() {
                keys.count_in(base, &mut gone)?;
            }
        }
        keys.count_in(base, &mut gone)?;
        match base_counts.changed_by(&added, &gone) {
            Some(counts) => Ok(counts),
            None => Snapshot::open(base.segments().iter().chain(delta).cloned().collect()).count_by_state(),
        }
    }
}

/// Keys end to end, in order.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    /// The hash of each key, and where it ends.
    ends: Vec<(u64, usize)>,
}

impl Keys {
    fn push(&mut self, hash: u64, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push((hash, self.bytes.len()));
    }

    fn are_many(&self) -> bool {
        self.ends.len() >= KEYS_AT_ONCE || self.bytes.len() >= KEY_BYTES_AT_ONCE
    }

    /// Adds the live entries of these keys to `counts`; no keys are left.
    fn count_in(&mut self, snapshot: &Snapshot, counts: &mut StateCounts) -> Result<()> {
        let mut start = 0;
        let keys: Vec<HashedKey<'_>> = self
            .ends
            .iter()
            .map(|&(hash, end)| (hash, &self.bytes[std::mem::replace(&mut start, end)..end]))
            .collect();
        snapshot.find_many(&keys, |_, entry, _| {
            counts.add(&entry.state);
            Ok(())
        })?;
        self.bytes.clear();
        self.ends.clear();
        Ok(())
    }
}
