//! The probe's table: what is compared of each live entry, sorted by the hash of its key.

use std::ops::Range;

use syncline_core::{EntryState, Hash128};

/// Bytes a live entry takes in `slots` and `marks`.
pub(crate) const SLOT_BYTES: u64 = (size_of::<Slot>() + size_of::<u8>()) as u64;

/// The table is divided into parts of about this many slots by the leading bits of the tag.
const SLOTS_PER_PART: usize = 4;
const PART_BITS_MAX: u32 = 28;

struct Slot {
    /// Hash of the key.
    tag: u64,
    /// The source fingerprint, as two halves to need no padding.
    fp: [u64; 2],
}

mod mark {
    /// A delivered entry that has a source fingerprint.
    pub const COMPARABLE: u8 = 1;
    /// Looked up in this run.
    pub const SEEN: u8 = 2;
}

/// Slots in the order of a scan, so that a slot finds its entry by its tag and its rank among
/// equal tags, without storing a position. Sorted arrays and parts of four instead of a hash
/// table: they are filled by one sequential pass and have no empty places.
pub(crate) struct Table {
    slots: Vec<Slot>,
    marks: Vec<u8>,
    /// The first slot of each part, and the number of slots.
    starts: Vec<u32>,
    part_bits: u32,
    seen: u64,
}

impl Table {
    /// Bytes a table of so many entries takes at most.
    pub fn bytes_for(entries: u64) -> u64 {
        let parts = 1u64 << part_bits(entries.min(u64::from(u32::MAX)) as usize);
        entries.saturating_mul(SLOT_BYTES).saturating_add((parts + 1) * size_of::<u32>() as u64)
    }

    /// An empty table with room for `entries`, which are then pushed, and [`Table::seal`]ed.
    pub fn with_room(entries: usize) -> Self {
        Self {
            slots: Vec::with_capacity(entries),
            marks: Vec::with_capacity(entries),
            starts: Vec::new(),
            part_bits: 0,
            seen: 0,
        }
    }

    /// Adds an entry; tags must not descend.
    pub fn push(&mut self, tag: u64, source_fp: Option<Hash128>, state: &EntryState) {
        let comparable = source_fp.is_some() && *state == EntryState::Delivered;
        self.slots.push(Slot { tag, fp: halves(source_fp.unwrap_or(Hash128(0))) });
        self.marks.push(if comparable { mark::COMPARABLE } else { 0 });
    }

    /// Makes the table ready for lookups and gives back unused room.
    pub fn seal(&mut self) {
        self.slots.shrink_to_fit();
        self.marks.shrink_to_fit();
        self.part_bits = part_bits(self.slots.len());
        let parts = 1usize << self.part_bits;
        self.starts = Vec::with_capacity(parts + 1);
        for (i, slot) in self.slots.iter().enumerate() {
            let part = part_of(slot.tag, self.part_bits);
            while self.starts.len() <= part {
                self.starts.push(i as u32);
            }
        }
        self.starts.resize(parts + 1, self.slots.len() as u32);
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn seen(&self) -> u64 {
        self.seen
    }

    pub fn bytes(&self) -> u64 {
        self.slots.capacity() as u64 * size_of::<Slot>() as u64
            + self.marks.capacity() as u64
            + self.starts.capacity() as u64 * size_of::<u32>() as u64
    }

    /// The slots whose tag is `tag`.
    pub fn with_tag(&self, tag: u64) -> Range<usize> {
        let part = part_of(tag, self.part_bits);
        let (start, end) = (self.starts[part] as usize, self.starts[part + 1] as usize);
        let slots = &self.slots[start..end];
        let first = slots.partition_point(|s| s.tag < tag);
        let count = slots[first..].partition_point(|s| s.tag == tag);
        start + first..start + first + count
    }

    pub fn tag(&self, i: usize) -> u64 {
        self.slots[i].tag
    }

    /// Whether slot `i` is delivered and was last seen with this fingerprint.
    pub fn is_unchanged(&self, i: usize, source_fp: Hash128) -> bool {
        self.slots[i].fp == halves(source_fp) && self.marks[i] & mark::COMPARABLE != 0
    }

    /// Marks slot `i` as looked up and says whether it was before.
    pub fn see(&mut self, i: usize) -> bool {
        let before = self.marks[i] & mark::SEEN != 0;
        self.marks[i] |= mark::SEEN;
        self.seen += u64::from(!before);
        before
    }

    /// The first slot from `i` on that was not looked up.
    pub fn next_unseen(&self, i: usize) -> Option<usize> {
        self.marks.get(i..)?.iter().position(|m| m & mark::SEEN == 0).map(|n| i + n)
    }
}

fn halves(fp: Hash128) -> [u64; 2] {
    [fp.0 as u64, (fp.0 >> 64) as u64]
}

fn part_bits(slots: usize) -> u32 {
    (slots / SLOTS_PER_PART).checked_ilog2().unwrap_or(0).min(PART_BITS_MAX)
}

fn part_of(tag: u64, part_bits: u32) -> usize {
    // Shifting by all 64 bits, for a single part, is not defined; zero is meant.
    tag.checked_shr(64 - part_bits).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_tag_is_found_and_no_other(
            mut tags in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..20, (u64::MAX - 5)..], 0..300),
            absent in any::<u64>(),
        ) {
            tags.sort_unstable();
            let mut table = Table::with_room(tags.len() + 7);
            for &tag in &tags {
                table.push(tag, Some(Hash128(u128::from(tag) << 64)), &EntryState::Delivered);
            }
            table.seal();
            prop_assert!(table.bytes() <= Table::bytes_for(tags.len() as u64));
            for &tag in tags.iter().chain([&absent, &0, &u64::MAX]) {
                let first = tags.partition_point(|t| *t < tag);
                let end = tags.partition_point(|t| *t <= tag);
                let found = table.with_tag(tag);
                prop_assert_eq!(found.len(), end - first);
                prop_assert!(found.is_empty() || found == (first..end));
            }
        }
    }
}
