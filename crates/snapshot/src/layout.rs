//! The layout of a segment file, format version 1.
//!
//! Numbers are little-endian. Checksums are xxh3-64 (unseeded) of the bytes as stored. Every
//! byte of a file is covered by one, so that any damage is noticed by who reads the place.
//!
//! ```text
//! header      magic "SLSEGMNT", u32 format version, u32 lower half of the checksum of both
//! pages       entry pages and value pages, in the order they filled, nothing between them
//! entry index 40 bytes a page: u64 hash of its first key, u64 offset, u32 bytes stored,
//!             u32 bytes before compression, u32 records, u32 blocks of its filter, u64 checksum
//! value index 24 bytes a page: u64 offset, u32 bytes stored, u32 bytes before compression,
//!             u64 checksum
//! filters     one for each entry page, in order: blocks of 64 bytes
//! footer      entry index, value index and filters, each as u64 offset, u64 bytes, u64 checksum;
//!             u64 entries, u64 erased keys; u64 checksum of header and footer up to here;
//!             magic "SLSEGEND"
//! ```
//!
//! A **page** is closed at a size that its writer chooses and stored as one lz4 block, or as it is
//! (equal lengths) where that would not make it smaller. An **entry page** holds records and then, for each, its u32
//! position. Records are sorted by (xxh3-64 of the key, the key's bytes), strictly ascending
//! through the file. A **value page** holds kept values end to end; records point into it.
//!
//! ```text
//! record      u8 kind: 0 erased, 1 delivered, 2 pending, 3 absent, 4 foreign, 5 removed,
//!             6 edited; key. An erased key ends here.
//!             u8 flags: 1 adopted, 2 source fingerprint, 4 delivered hash, 8 match value,
//!             16 target id, 32 values; u8 version of the canonical encoding
//!             pending: u32 attempts, u64 epoch of the run that tries again, i64 UTC microseconds
//!             after which any does; removed: u8 action (0 delete, 1 clear, 2 flag); then what the flags announce, in their order:
//!             u128, u128, match value, UTF-8 id, and as varints the values' page, offset, length
//! ```
//!
//! Keys, match values and ids have their length before them as a varint (LEB128, 32 bits).
//!
//! The header keeps its shape in every version, so that a newer file is told from a damaged one.

use syncline_core::{Error, ErrorKind};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::filter;
use crate::wire::{Bytes, Malformed, Parsed};

/// The version this crate writes, and the newest it reads.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"SLSEGMNT";
const END_MAGIC: [u8; 8] = *b"SLSEGEND";
pub(crate) const HEADER_BYTES: usize = 16;
pub(crate) const FOOTER_BYTES: usize = 3 * 24 + 16 + 16;
const ENTRY_PAGE_BYTES: u64 = 40;
const VALUE_PAGE_BYTES: u64 = 24;

pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// An error of kind [`ErrorKind::Corrupt`] that names the segment and the place in it.
pub(crate) fn corrupt(segment: &str, offset: u64, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("snapshot segment {segment} is damaged at byte {offset}: {what}"))
        .help("restore the state from a backup; without one, seed the sync again to make a new snapshot")
}

/// The bytes every segment starts with.
pub(crate) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    let check = checksum(&header[..12]).to_le_bytes();
    header[12..].copy_from_slice(&check[..4]);
    header
}

/// Accepts the header of a file this version can read; `name` is for messages.
pub(crate) fn check_header(header: &[u8; HEADER_BYTES], name: &str) -> Result<(), Error> {
    if header[..8] != MAGIC {
        return Err(corrupt(name, 0, "it does not start like a snapshot segment"));
    }
    if header[12..] != checksum(&header[..12]).to_le_bytes()[..4] {
        return Err(corrupt(name, 0, "the header does not match its checksum"));
    }
    let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    match version {
        FORMAT_VERSION => Ok(()),
        0 => Err(corrupt(name, 8, "there is no format version 0")),
        _ => Err(Error::new(
            ErrorKind::StateTooNew,
            format!(
                "snapshot segment {name} has format version {version}; this version of Syncline reads up to \
                 {FORMAT_VERSION}"
            ),
        )
        .help("run the version of Syncline that wrote this state, or a newer one")),
    }
}

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageAt {
    pub offset: u64,
    pub stored_bytes: u32,
    pub raw_bytes: u32,
    pub checksum: u64,
}

/// What the index says of an entry page: its fence, and where it and its filter are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryPageAt {
    pub first_hash: u64,
    pub records: u32,
    pub filter_blocks: u32,
    pub at: PageAt,
}

pub(crate) fn encode_entry_page(page: &EntryPageAt, out: &mut Vec<u8>) {
    out.extend_from_slice(&page.first_hash.to_le_bytes());
    out.extend_from_slice(&page.at.offset.to_le_bytes());
    for number in [page.at.stored_bytes, page.at.raw_bytes, page.records, page.filter_blocks] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&page.at.checksum.to_le_bytes());
}

pub(crate) fn encode_value_page(page: &PageAt, out: &mut Vec<u8>) {
    out.extend_from_slice(&page.offset.to_le_bytes());
    out.extend_from_slice(&page.stored_bytes.to_le_bytes());
    out.extend_from_slice(&page.raw_bytes.to_le_bytes());
    out.extend_from_slice(&page.checksum.to_le_bytes());
}

/// A part of the file with its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub offset: u64,
    pub bytes: u64,
    pub checksum: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footer {
    pub entry_index: Section,
    pub value_index: Section,
    pub filters: Section,
    pub entries: u64,
    pub erased: u64,
}

impl Footer {
    /// The footer's bytes and its checksum, which stands for the whole file: it covers the
    /// checksums of the indexes, and those the checksums of the pages.
    pub fn encode(&self) -> ([u8; FOOTER_BYTES], u64) {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        for section in [self.entry_index, self.value_index, self.filters] {
            for number in [section.offset, section.bytes, section.checksum] {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.erased.to_le_bytes());
        let sum = footer_checksum(&header(), &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(&END_MAGIC);
        let mut footer = [0; FOOTER_BYTES];
        footer.copy_from_slice(&out);
        (footer, sum)
    }

    /// Reads the footer of a file of `file_bytes` and checks that its sections tile the file.
    pub fn decode(
        bytes: &[u8; FOOTER_BYTES],
        header: &[u8; HEADER_BYTES],
        file_bytes: u64,
    ) -> Parsed<(Self, u64)> {
        let (body, tail) = bytes.split_at(FOOTER_BYTES - 16);
        let mut tail = Bytes::new(tail);
        let sum = tail.u64()?;
        if tail.array::<8>()? != END_MAGIC {
            return Err(Malformed("the file does not end like a snapshot segment; it may be cut short"));
        }
        if sum != footer_checksum(header, body) {
            return Err(Malformed("the footer does not match its checksum"));
        }
        let mut body = Bytes::new(body);
        let mut section = || -> Parsed<Section> {
            Ok(Section { offset: body.u64()?, bytes: body.u64()?, checksum: body.u64()? })
        };
        let (entry_index, value_index, filters) = (section()?, section()?, section()?);
        let footer = Footer { entry_index, value_index, filters, entries: body.u64()?, erased: body.u64()? };
        footer.check(file_bytes)?;
        Ok((footer, sum))
    }

    fn check(&self, file_bytes: u64) -> Parsed<()> {
        let follows = |before: Section, offset: u64| before.offset.checked_add(before.bytes) == Some(offset);
        let tiles = self.entry_index.offset >= HEADER_BYTES as u64
            && follows(self.entry_index, self.value_index.offset)
            && follows(self.value_index, self.filters.offset)
            && follows(self.filters, file_bytes.saturating_sub(FOOTER_BYTES as u64));
        let whole = self.entry_index.bytes.is_multiple_of(ENTRY_PAGE_BYTES)
            && self.value_index.bytes.is_multiple_of(VALUE_PAGE_BYTES)
            && self.filters.bytes.is_multiple_of(filter::BLOCK_BYTES as u64);
        if tiles && whole { Ok(()) } else { Err(Malformed("the footer's sections do not fit the file")) }
    }
}

fn footer_checksum(header: &[u8], body: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(header);
    hasher.update(body);
    hasher.digest()
}

/// Both indexes of a segment.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub entry_pages: Vec<EntryPageAt>,
    pub value_pages: Vec<PageAt>,
    /// For each entry page, the first block of its filter.
    pub filter_starts: Vec<u64>,
}

impl Index {
    /// Reads both indexes and checks that they agree with the footer and that the pages tile
    /// the room between header and index.
    pub fn decode(entry_index: &[u8], value_index: &[u8], footer: &Footer) -> Parsed<Self> {
        let mut index = Index::default();
        let mut bytes = Bytes::new(entry_index);
        let (mut records, mut filter_blocks) = (0u64, 0u64);
        while !bytes.is_empty() {
            let page = decode_entry_page(&mut bytes)?;
            index.filter_starts.push(filter_blocks);
            index.entry_pages.push(page);
            records += u64::from(page.records);
            filter_blocks += u64::from(page.filter_blocks);
        }
        let mut bytes = Bytes::new(value_index);
        while !bytes.is_empty() {
            index.value_pages.push(decode_page_at(&mut bytes)?);
        }
        if index.entry_pages.windows(2).any(|pair| pair[0].first_hash > pair[1].first_hash) {
            return Err(Malformed("the index is not in order"));
        }
        if footer.entries.checked_add(footer.erased) != Some(records)
            || filter_blocks * filter::BLOCK_BYTES as u64 != footer.filters.bytes
        {
            return Err(Malformed("the index does not agree with the footer"));
        }
        index.check_tiling(footer.entry_index.offset)?;
        Ok(index)
    }

    /// Both lists are in file order and were written interleaved: walking them together must
    /// step from page to page without a gap.
    fn check_tiling(&self, pages_end: u64) -> Parsed<()> {
        let mut entries = self.entry_pages.iter().map(|p| p.at).peekable();
        let mut values = self.value_pages.iter().copied().peekable();
        let mut offset = HEADER_BYTES as u64;
        while entries.peek().is_some() || values.peek().is_some() {
            let page =
                entries.next_if(|p| p.offset == offset).or_else(|| values.next_if(|p| p.offset == offset));
            let page =
                page.filter(|p| p.stored_bytes > 0).ok_or(Malformed("the pages overlap or leave gaps"))?;
            offset = offset.saturating_add(u64::from(page.stored_bytes));
        }
        if offset == pages_end { Ok(()) } else { Err(Malformed("the pages do not fill their room")) }
    }

    /// Bytes the index holds in memory.
    pub fn bytes(&self) -> u64 {
        (self.entry_pages.capacity() * size_of::<EntryPageAt>()
            + self.value_pages.capacity() * size_of::<PageAt>()
            + self.filter_starts.capacity() * size_of::<u64>()) as u64
    }
}

fn decode_entry_page(bytes: &mut Bytes<'_>) -> Parsed<EntryPageAt> {
    let (first_hash, offset) = (bytes.u64()?, bytes.u64()?);
    let (stored_bytes, raw_bytes, records, filter_blocks) =
        (bytes.u32()?, bytes.u32()?, bytes.u32()?, bytes.u32()?);
    let at = PageAt { offset, stored_bytes, raw_bytes, checksum: bytes.u64()? };
    Ok(EntryPageAt { first_hash, records, filter_blocks, at })
}

fn decode_page_at(bytes: &mut Bytes<'_>) -> Parsed<PageAt> {
    Ok(PageAt {
        offset: bytes.u64()?,
        stored_bytes: bytes.u32()?,
        raw_bytes: bytes.u32()?,
        checksum: bytes.u64()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Checksums do not protect against what was written wrong or made on purpose.
        #[test]
        fn an_index_that_says_anything_is_an_error_or_fits_and_never_a_panic(
            entry_index in prop::collection::vec(prop_oneof![Just(0u8), Just(1u8), any::<u8>()], 0..160),
            value_index in prop::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..100),
            pages_end in 0u64..1000,
            entries in any::<u64>(),
        ) {
            let section = |offset, bytes| Section { offset, bytes, checksum: 0 };
            let footer = Footer {
                entry_index: section(pages_end, entry_index.len() as u64),
                value_index: section(0, value_index.len() as u64),
                filters: section(0, 64),
                entries,
                erased: 1,
            };
            let _ = Index::decode(&entry_index, &value_index, &footer);
        }

        #[test]
        fn a_footer_that_says_anything_is_an_error_or_fits_and_never_a_panic(
            numbers in prop::collection::vec(prop_oneof![0u64..300, any::<u64>()], 11),
            file_bytes in any::<u64>(),
        ) {
            let section = |i: usize| Section { offset: numbers[i], bytes: numbers[i + 1], checksum: numbers[i + 2] };
            let footer = Footer {
                entry_index: section(0),
                value_index: section(3),
                filters: section(6),
                entries: numbers[9],
                erased: numbers[10],
            };
            let (bytes, _) = footer.encode();
            if let Ok((read, _)) = Footer::decode(&bytes, &header(), file_bytes) {
                prop_assert_eq!(read, footer);
            }
        }
    }

    #[test]
    fn a_newer_version_is_told_from_a_damaged_header() {
        let mut newer = header();
        newer[8] = 2;
        assert_eq!(check_header(&newer, "s").unwrap_err().kind, ErrorKind::Corrupt);
        let check = checksum(&newer[..12]).to_le_bytes();
        newer[12..].copy_from_slice(&check[..4]);
        assert_eq!(check_header(&newer, "s").unwrap_err().kind, ErrorKind::StateTooNew);
        assert!(check_header(&header(), "s").is_ok());
    }
}
