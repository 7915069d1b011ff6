//! The probe's table: what is compared of each live entry, sorted by the hash of its key.

use std::hint::black_box;
use std::ops::Range;

use syncline_core::{EntryState, Hash128};

use crate::probe::Found;

/// The table is divided into parts of about this many slots by the leading bits of the tag.
const SLOTS_PER_PART: usize = 4;
const PART_BITS_MAX: u32 = 28;
/// Parts up to this size are searched slot by slot: most are, and it mispredicts one branch only.
const SEARCHED_IN_ORDER_MAX: usize = 16;

/// Rows of [`Table::find_all`] whose reads of memory overlap.
const ROWS_AT_ONCE: usize = 64;

struct Slot {
    /// Hash of the key.
    tag: u64,
    /// The source fingerprint, as two halves to need no padding.
    fp: [u64; 2],
}

/// Slots in the order of a scan, so that a slot finds its entry by its tag and its rank among
/// equal tags, without storing a position. Sorted arrays and parts of four instead of a hash
/// table: they are filled by one sequential pass and have no empty places.
pub(crate) struct Table {
    slots: Vec<Slot>,
    /// Delivered entries that have a source fingerprint.
    comparable: Marks,
    /// Entries that were looked up in this run.
    seen: Marks,
    seen_count: u64,
    /// The first slot of each part, and the number of slots.
    starts: Vec<u32>,
    part_bits: u32,
}

impl Table {
    /// Bytes a table of so many entries takes at most.
    pub fn bytes_for(entries: u64) -> u64 {
        let parts = 1u64 << part_bits(entries.min(u64::from(u32::MAX)) as usize);
        let slots = entries.saturating_mul(size_of::<Slot>() as u64);
        slots
            .saturating_add(2 * Marks::bytes_for(entries))
            .saturating_add((parts + 1) * size_of::<u32>() as u64)
    }

    /// An empty table with room for `entries`, which are then pushed, and [`Table::seal`]ed.
    pub fn with_room(entries: usize) -> Self {
        Self {
            slots: Vec::with_capacity(entries),
            comparable: Marks::with_room(entries),
            seen: Marks::with_room(entries),
            seen_count: 0,
            starts: Vec::new(),
            part_bits: 0,
        }
    }

    /// Adds an entry; tags must not descend. A fingerprint of an older format is not comparable.
    pub fn push(&mut self, tag: u64, source_fp: Option<Hash128>, state: &EntryState, format: u8) {
        let comparable =
            source_fp.is_some() && *state == EntryState::Delivered && format == syncline_core::canon::FORMAT;
        self.comparable.push(self.slots.len(), comparable);
        self.seen.push(self.slots.len(), false);
        self.slots.push(Slot { tag, fp: halves(source_fp.unwrap_or(Hash128(0))) });
    }

    /// Makes the table ready for lookups and gives back unused room.
    pub fn seal(&mut self) {
        self.slots.shrink_to_fit();
        self.comparable.0.shrink_to_fit();
        self.seen.0.shrink_to_fit();
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
        self.seen_count
    }

    pub fn bytes(&self) -> u64 {
        self.slots.capacity() as u64 * size_of::<Slot>() as u64
            + self.comparable.bytes()
            + self.seen.bytes()
            + self.starts.capacity() as u64 * size_of::<u32>() as u64
    }

    /// The slots whose tag is `tag`.
    pub fn with_tag(&self, tag: u64) -> Range<usize> {
        let (start, end) = self.part(tag);
        let first = self.first_from(start, end, tag);
        let count = self.slots[first..end].partition_point(|s| s.tag == tag);
        first..first + count
    }

    /// What is known of one row: the hash of its key, and its fingerprint.
    pub fn find(&self, tag: u64, fp: Hash128) -> Found {
        self.find_in(self.part(tag), tag, fp)
    }

    /// [`Table::find`] of many rows. A part and its slots are hardly ever in the processor's
    /// cache: the reads of many rows are made without waiting for each other.
    pub fn find_all(&self, tags: &[u64], fps: &[Hash128], out: &mut Vec<Found>) {
        let mut parts = [(0, 0); ROWS_AT_ONCE];
        for (tags, fps) in tags.chunks(ROWS_AT_ONCE).zip(fps.chunks(ROWS_AT_ONCE)) {
            for (part, &tag) in parts.iter_mut().zip(tags) {
                *part = self.part(tag);
            }
            let touched = parts[..tags.len()].iter().fold(0, |sum, &(start, end)| {
                let tag = |i: usize| self.slots.get(i).map_or(0, |slot| slot.tag);
                sum ^ tag(start) ^ tag(end)
            });
            black_box(touched);
            out.extend(
                tags.iter().zip(fps).zip(&parts).map(|((&tag, &fp), &part)| self.find_in(part, tag, fp)),
            );
        }
    }

    pub fn tag(&self, i: usize) -> u64 {
        self.slots[i].tag
    }

    /// Whether slot `i` is delivered and was last seen with this fingerprint.
    pub fn is_unchanged(&self, i: usize, source_fp: Hash128) -> bool {
        self.slots[i].fp == halves(source_fp) && self.comparable.is_set(i)
    }

    /// Marks slot `i` as looked up and says whether it was before.
    pub fn see(&mut self, i: usize) -> bool {
        let before = self.seen.set(i);
        self.seen_count += u64::from(!before);
        before
    }

    /// The first slot from `i` on that was not looked up.
    pub fn next_unseen(&self, i: usize) -> Option<usize> {
        self.seen.next_unset(i, self.slots.len())
    }

    /// The first and the end of the slots among which those of `tag` are.
    fn part(&self, tag: u64) -> (usize, usize) {
        let part = part_of(tag, self.part_bits);
        (self.starts[part] as usize, self.starts[part + 1] as usize)
    }

    fn first_from(&self, start: usize, end: usize, tag: u64) -> usize {
        let slots = &self.slots[start..end];
        if slots.len() <= SEARCHED_IN_ORDER_MAX {
            start + slots.iter().take_while(|s| s.tag < tag).count()
        } else {
            start + slots.partition_point(|s| s.tag < tag)
        }
    }

    fn find_in(&self, (start, end): (usize, usize), tag: u64, fp: Hash128) -> Found {
        let first = self.first_from(start, end, tag);
        let has_tag = |i: usize| i < end && self.slots[i].tag == tag;
        if !has_tag(first) {
            Found::New
        } else if has_tag(first + 1) {
            Found::Collides
        } else if self.is_unchanged(first, fp) {
            Found::Same(first as u32)
        } else {
            Found::Differs(first as u32)
        }
    }
}

/// One bit for each slot.
struct Marks(Vec<u64>);

impl Marks {
    fn bytes_for(slots: u64) -> u64 {
        slots.div_ceil(64) * size_of::<u64>() as u64
    }

    fn with_room(slots: usize) -> Self {
        Self(Vec::with_capacity(slots.div_ceil(64)))
    }

    /// Adds the mark of slot `i`, which is the next one.
    fn push(&mut self, i: usize, set: bool) {
        if i.is_multiple_of(64) {
            self.0.push(0);
        }
        self.0[i / 64] |= u64::from(set) << (i % 64);
    }

    fn is_set(&self, i: usize) -> bool {
        self.0[i / 64] & 1 << (i % 64) != 0
    }

    /// Sets the mark and says whether it was set before.
    fn set(&mut self, i: usize) -> bool {
        let before = self.is_set(i);
        self.0[i / 64] |= 1 << (i % 64);
        before
    }

    /// The first slot from `i` on, and before `end`, whose mark is not set.
    fn next_unset(&self, i: usize, end: usize) -> Option<usize> {
        let mut unset = !*self.0.get(i / 64)? & u64::MAX << (i % 64);
        let mut word = i / 64;
        while unset == 0 {
            word += 1;
            unset = !*self.0.get(word)?;
        }
        Some(word * 64 + unset.trailing_zeros() as usize).filter(|&found| found < end)
    }

    fn bytes(&self) -> u64 {
        (self.0.capacity() * size_of::<u64>()) as u64
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
    use syncline_core::canon::FORMAT;

    proptest! {
        #[test]
        fn every_tag_is_found_and_no_other(
            mut tags in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..20, (u64::MAX - 5)..], 0..300),
            absent in any::<u64>(),
        ) {
            tags.sort_unstable();
            let mut table = Table::with_room(tags.len() + 7);
            for &tag in &tags {
                table.push(tag, Some(Hash128(u128::from(tag) << 64)), &EntryState::Delivered, FORMAT);
            }
            table.seal();
            prop_assert!(table.bytes() <= Table::bytes_for(tags.len() as u64));
            for &tag in tags.iter().chain([&absent, &0, &u64::MAX]) {
                let first = tags.partition_point(|t| *t < tag);
                let end = tags.partition_point(|t| *t <= tag);
                let found = table.with_tag(tag);
                prop_assert_eq!(found.len(), end - first);
                prop_assert!(found.is_empty() || found == (first..end));
                let fp = Hash128(u128::from(tag) << 64);
                let expected = match end - first {
                    0 => Found::New,
                    1 => Found::Same(first as u32),
                    _ => Found::Collides,
                };
                prop_assert_eq!(table.find(tag, fp), expected);
                let other = if end - first == 1 { Found::Differs(first as u32) } else { expected };
                prop_assert_eq!(table.find(tag, Hash128(fp.0 | 1)), other);
            }
            let mut found = Vec::new();
            let fps: Vec<Hash128> = tags.iter().map(|&tag| Hash128(u128::from(tag))).collect();
            table.find_all(&tags, &fps, &mut found);
            let one_by_one: Vec<Found> = tags.iter().zip(&fps).map(|(&tag, &fp)| table.find(tag, fp)).collect();
            prop_assert_eq!(found, one_by_one);
        }

        #[test]
        fn unseen_slots_are_those_that_were_not_seen(seen in prop::collection::vec(any::<bool>(), 0..300)) {
            let mut table = Table::with_room(seen.len());
            for tag in 0..seen.len() {
                table.push(tag as u64, None, &EntryState::Delivered, FORMAT);
            }
            table.seal();
            for i in (0..seen.len()).filter(|&i| seen[i]) {
                prop_assert!(!table.see(i) && table.see(i));
            }
            for i in 0..=seen.len() {
                let expected = (i..seen.len()).find(|&n| !seen[n]);
                prop_assert_eq!(table.next_unseen(i), expected);
            }
            prop_assert_eq!(table.seen(), seen.iter().filter(|&&s| s).count() as u64);
        }
    }
}
