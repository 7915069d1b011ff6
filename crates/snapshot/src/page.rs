//! Pages: compressing, decompressing, and finding records in them.

use std::cmp::Ordering;

use crate::record::{RecordView, ValuesAt, decode, decode_key, decode_parts, put_values_at};
use crate::wire::{Malformed, Parsed};

/// An entry page is closed when it holds this many bytes before compression; one larger record has a
/// page of its own. Reading one entry reads its page: measured with a million entries and their values,
/// pages of 64 KiB take twice as long for one and save 0.7 % of the file. Readers take any size.
pub(crate) const ENTRY_PAGE_BYTES: usize = 16 * 1024;

/// The same of a value page.
pub(crate) const VALUE_PAGE_BYTES: usize = 32 * 1024;

/// The most bytes one lz4 byte can stand for; what claims more is not a page.
const LZ4_RATIO_MAX: u64 = 255;

/// Bytes as they are stored: compressed, into `room`, or as they are where that would not make them
/// smaller. Equal lengths before and after mean the latter.
pub(crate) fn pack<'a>(raw: &'a [u8], room: &'a mut Vec<u8>) -> &'a [u8] {
    let most = lz4_flex::block::get_maximum_output_size(raw.len());
    if room.len() < most {
        room.resize(most, 0);
    }
    match lz4_flex::block::compress_into(raw, room) {
        Ok(len) if len < raw.len() => &room[..len],
        _ => raw,
    }
}

/// Undoes [`pack`], into `raw`. Allocates no more than the stored bytes can stand for.
pub(crate) fn unpack(stored: &[u8], raw_bytes: u32, raw: &mut Vec<u8>) -> Parsed<()> {
    let raw_len = raw_bytes as usize;
    if stored.len() == raw_len {
        raw.clear();
        raw.extend_from_slice(stored);
        return Ok(());
    }
    if stored.len() > raw_len || u64::from(raw_bytes) > stored.len() as u64 * LZ4_RATIO_MAX {
        return Err(Malformed("its length before compression cannot be right"));
    }
    raw.resize(raw_len, 0);
    match lz4_flex::block::decompress_into(stored, raw) {
        Ok(n) if n == raw_len => Ok(()),
        _ => Err(Malformed("it cannot be decompressed")),
    }
}

/// Collects the records of one entry page.
#[derive(Default)]
pub(crate) struct PageBuilder {
    bytes: Vec<u8>,
    slots: Vec<u32>,
    hashes: Vec<u64>,
}

impl PageBuilder {
    /// Adds the record of which `head` are the bytes up to the place of its values.
    pub fn push(&mut self, hash: u64, head: &[u8], values: Option<ValuesAt>) {
        self.slots.push(self.bytes.len() as u32);
        self.hashes.push(hash);
        self.bytes.extend_from_slice(head);
        if let Some(at) = values {
            put_values_at(at, &mut self.bytes);
        }
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() + 4 * self.slots.len() >= ENTRY_PAGE_BYTES
    }

    /// Hashes of the keys, in order.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// The page's bytes. No record can be added before [`PageBuilder::clear`].
    pub fn close(&mut self) -> &[u8] {
        for slot in self.slots.drain(..) {
            self.bytes.extend_from_slice(&slot.to_le_bytes());
        }
        &self.bytes
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.slots.clear();
        self.hashes.clear();
    }
}

/// A decompressed entry page: records, then the position of each.
#[derive(Default)]
pub(crate) struct Page {
    bytes: Vec<u8>,
    records: usize,
    /// Where the records end and the positions start.
    records_end: usize,
}

impl Page {
    pub fn new(bytes: Vec<u8>, records: u32) -> Parsed<Self> {
        let records = records as usize;
        let slots_len = records.checked_mul(4).filter(|&len| records > 0 && len <= bytes.len());
        let slots_len = slots_len.ok_or(Malformed("its number of records cannot be right"))?;
        let page = Self { records, records_end: bytes.len() - slots_len, bytes };
        let mut last = None;
        for i in 0..records {
            let slot = page.slot(i);
            if last.is_some_and(|last| slot <= last) || (i == 0 && slot != 0) || slot > page.records_end {
                return Err(Malformed("the positions of its records are out of order"));
            }
            last = Some(slot);
        }
        Ok(page)
    }

    /// The page's bytes, to be overwritten with another's.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn records(&self) -> usize {
        self.records
    }

    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn record(&self, i: usize) -> Parsed<RecordView<'_>> {
        decode(self.record_bytes(i))
    }

    /// The record, and its bytes up to the place of its values.
    pub fn record_parts(&self, i: usize) -> Parsed<(RecordView<'_>, &[u8])> {
        decode_parts(self.record_bytes(i))
    }

    pub fn key(&self, i: usize) -> Parsed<&[u8]> {
        decode_key(self.record_bytes(i))
    }

    pub fn hash(&self, i: usize) -> Parsed<u64> {
        Ok(hash_of(self.key(i)?))
    }

    /// The record of `key`, whose hash is `hash`.
    pub fn find(&self, hash: u64, key: &[u8]) -> Parsed<Option<RecordView<'_>>> {
        let i = self.first_from(0, hash, Some(key))?;
        if i < self.records && self.key(i)? == key { self.record(i).map(Some) } else { Ok(None) }
    }

    /// The first record from `slot` on that is not before (`hash`, `key`); with no key, not before
    /// `hash`. Near ones are found in few steps, as questions in order ask for them.
    pub fn first_from(&self, slot: usize, hash: u64, key: Option<&[u8]>) -> Parsed<usize> {
        let is_before = |i: usize| -> Parsed<bool> {
            let at = self.key(i)?;
            let order = hash_of(at).cmp(&hash).then_with(|| match key {
                Some(key) => at.cmp(key),
                None => Ordering::Equal,
            });
            Ok(order == Ordering::Less)
        };
        let (mut low, mut step) = (slot, 1);
        while low + step <= self.records && is_before(low + step - 1)? {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(self.records);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn record_bytes(&self, i: usize) -> &[u8] {
        let end = if i + 1 < self.records { self.slot(i + 1) } else { self.records_end };
        &self.bytes[self.slot(i)..end]
    }

    fn slot(&self, i: usize) -> usize {
        let at = self.records_end + 4 * i;
        let mut slot = [0; 4];
        slot.copy_from_slice(&self.bytes[at..at + 4]);
        u32::from_le_bytes(slot) as usize
    }
}

/// The position of a key among others: [`syncline_core::Key::hash`] of borrowed bytes.
pub(crate) fn hash_of(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use syncline_core::Key;

    use super::*;

    proptest! {
        #[test]
        fn bytes_that_are_no_page_are_an_error_and_never_a_panic(
            bytes in prop::collection::vec(prop_oneof![Just(0u8), 0u8..8, any::<u8>()], 0..200),
            records in 0u32..12,
        ) {
            if let Ok(page) = Page::new(bytes, records) {
                for i in 0..page.records() {
                    let _ = page.record(i);
                }
                let _ = page.find(hash_of(b"k"), b"k");
            }
        }

        #[test]
        fn bytes_that_are_not_compressed_are_an_error_and_never_a_panic(
            stored in prop::collection::vec(any::<u8>(), 0..200),
            raw_bytes in prop_oneof![0u32..1000, any::<u32>()],
        ) {
            let mut raw = vec![1; 30];
            if unpack(&stored, raw_bytes, &mut raw).is_ok() {
                prop_assert_eq!(raw.len(), raw_bytes as usize);
            }
        }

        #[test]
        fn packed_bytes_unpack(raw in prop::collection::vec(0u8..4, 0..2000)) {
            let mut unpacked = vec![1; 30];
            prop_assert_eq!(unpack(pack(&raw, &mut Vec::new()), raw.len() as u32, &mut unpacked), Ok(()));
            prop_assert_eq!(unpacked, raw);
        }
    }

    #[test]
    fn the_hash_is_the_one_of_keys() {
        assert_eq!(hash_of(b"some key"), Key::new(b"some key").hash());
    }
}
