//! Writing a segment, in one pass and with memory for two pages, the index and the filters.

use std::io::{BufWriter, Write};

use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

use crate::filter;
use crate::layout::{self, EntryPageAt, Footer, PageAt, Section, checksum};
use crate::page::{PageBuilder, VALUE_PAGE_BYTES, pack};
use crate::record::{Record, RecordView, ValuesAt, decode_key, encode_head, is_erasure};
use crate::wire::Malformed;

/// The most bytes of a record's key, match value and target id together, and of its values.
const RECORD_BYTES_MAX: usize = 1 << 30;

const BUFFER_BYTES: usize = 256 * 1024;
const PACKED_KEPT_BYTES_MAX: usize = 256 * 1024;

/// What a finished segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSummary {
    /// Records that say what is known of a key.
    pub entries: u64,
    /// Records that erase a key.
    pub erased: u64,
    /// Length of the file.
    pub bytes: u64,
    /// Stands for the whole content: it covers the checksums of all parts.
    pub checksum: u64,
}

/// Writes records, which must come in order, as a segment to `W`.
///
/// Writes are buffered and sequential. Without [`SegmentWriter::finish`] what was written is not
/// a segment. To keep the file at hand for syncing, pass `&File` or `&mut file`.
pub struct SegmentWriter<W: Write> {
    out: BufWriter<W>,
    offset: u64,
    entry_page: PageBuilder,
    value_page: Vec<u8>,
    value_pages: u32,
    /// Room for a record's head, and for a compressed page.
    head: Vec<u8>,
    packed: Vec<u8>,
    entry_index: Vec<u8>,
    value_index: Vec<u8>,
    filters: Vec<u8>,
    last: Option<(u64, Vec<u8>)>,
    entries: u64,
    erased: u64,
}

impl<W: Write> SegmentWriter<W> {
    pub fn new(out: W) -> Result<Self> {
        let mut writer = Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            offset: 0,
            entry_page: PageBuilder::default(),
            value_page: Vec::new(),
            value_pages: 0,
            head: Vec::new(),
            packed: Vec::new(),
            entry_index: Vec::new(),
            value_index: Vec::new(),
            filters: Vec::new(),
            last: None,
            entries: 0,
            erased: 0,
        };
        writer.write(&layout::header())?;
        Ok(writer)
    }

    /// Appends a record, whose (hash of key, key) must be greater than the last one's; otherwise
    /// [`ErrorKind::Internal`].
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let view = RecordView::of(record);
        check_size(view.variable_bytes().max(record.values().map_or(0, <[u8]>::len)))?;
        let mut head = std::mem::take(&mut self.head);
        head.clear();
        encode_head(&view, record.values().is_some(), &mut head);
        let pushed = self.push_head(record.key().hash(), &head, record.values());
        self.head = head;
        pushed
    }

    /// Appends a record whose key hashes to `hash`, of which `head` are the bytes up to the place of
    /// its values. Its size was found to be right.
    pub(crate) fn push_head(&mut self, hash: u64, head: &[u8], values: Option<&[u8]>) -> Result<()> {
        let key = decode_key(head).map_err(|Malformed(what)| Error::internal(what))?;
        self.check_order(hash, key)?;
        *if is_erasure(head) { &mut self.erased } else { &mut self.entries } += 1;
        let values = values.map(|values| self.push_values(values)).transpose()?;
        self.entry_page.push(hash, head, values);
        if self.entry_page.is_full() { self.close_entry_page() } else { Ok(()) }
    }

    /// Writes what is left, the index and the footer, and flushes `W`.
    pub fn finish(mut self) -> Result<SegmentSummary> {
        self.close_entry_page()?;
        self.close_value_page()?;
        let (entry_index, value_index, filters) = (
            std::mem::take(&mut self.entry_index),
            std::mem::take(&mut self.value_index),
            std::mem::take(&mut self.filters),
        );
        let footer = Footer {
            entry_index: self.write_section(&entry_index)?,
            value_index: self.write_section(&value_index)?,
            filters: self.write_section(&filters)?,
            entries: self.entries,
            erased: self.erased,
        };
        let (footer, checksum) = footer.encode();
        self.write(&footer)?;
        self.out.flush()?;
        Ok(SegmentSummary { entries: self.entries, erased: self.erased, bytes: self.offset, checksum })
    }

    fn check_order(&mut self, hash: u64, key: &[u8]) -> Result<()> {
        match &mut self.last {
            Some((last_hash, last_key)) if (hash, key) <= (*last_hash, &last_key[..]) => {
                Err(Error::internal("a snapshot segment was given records out of order"))
            }
            Some((last_hash, last_key)) => {
                *last_hash = hash;
                last_key.clear();
                last_key.extend_from_slice(key);
                Ok(())
            }
            None => {
                self.last = Some((hash, key.to_vec()));
                Ok(())
            }
        }
    }

    fn push_values(&mut self, values: &[u8]) -> Result<ValuesAt> {
        // A large value gets a page of its own, so that reading its neighbours stays cheap.
        let large = values.len() >= VALUE_PAGE_BYTES;
        if large {
            self.close_value_page()?;
        }
        let offset = self.value_page.len() as u32;
        let at = ValuesAt { page: self.value_pages, offset, len: values.len() as u32 };
        if large {
            self.write_value_page(values)?;
        } else {
            self.value_page.extend_from_slice(values);
        }
        if self.value_page.len() >= VALUE_PAGE_BYTES {
            self.close_value_page()?;
        }
        Ok(at)
    }

    fn close_entry_page(&mut self) -> Result<()> {
        let Some(&first_hash) = self.entry_page.hashes().first() else { return Ok(()) };
        let records = self.entry_page.hashes().len() as u32;
        let filter_blocks = filter::build(self.entry_page.hashes(), &mut self.filters);
        let mut builder = std::mem::take(&mut self.entry_page);
        let at = self.write_page(builder.close())?;
        builder.clear();
        self.entry_page = builder;
        let page = EntryPageAt { first_hash, records, filter_blocks, at };
        layout::encode_entry_page(&page, &mut self.entry_index);
        Ok(())
    }

    fn close_value_page(&mut self) -> Result<()> {
        if self.value_page.is_empty() {
            return Ok(());
        }
        let mut raw = std::mem::take(&mut self.value_page);
        self.write_value_page(&raw)?;
        raw.clear();
        self.value_page = raw;
        Ok(())
    }

    fn write_value_page(&mut self, raw: &[u8]) -> Result<()> {
        let at = self.write_page(raw)?;
        layout::encode_value_page(&at, &mut self.value_index);
        // Pages are numbered with 32 bits: 280 TB before compression.
        let next = self.value_pages.checked_add(1);
        self.value_pages =
            next.ok_or_else(|| Error::internal("a snapshot segment cannot hold more pages"))?;
        Ok(())
    }

    fn write_page(&mut self, raw: &[u8]) -> Result<PageAt> {
        let mut room = std::mem::take(&mut self.packed);
        let stored = pack(raw, &mut room);
        let at = PageAt {
            offset: self.offset,
            stored_bytes: stored.len() as u32,
            raw_bytes: raw.len() as u32,
            checksum: checksum(stored),
        };
        self.write(stored)?;
        // Room for one large record is not kept for the small ones that follow.
        room.truncate(PACKED_KEPT_BYTES_MAX);
        room.shrink_to(PACKED_KEPT_BYTES_MAX);
        self.packed = room;
        Ok(at)
    }

    fn write_section(&mut self, bytes: &[u8]) -> Result<Section> {
        let section = Section { offset: self.offset, bytes: bytes.len() as u64, checksum: checksum(bytes) };
        self.write(bytes)?;
        Ok(section)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(|e| Error::from(e).context("writing a snapshot segment"))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Refuses a record whose values, or whose other parts together, take more than a segment can hold.
pub(crate) fn check_size(bytes: usize) -> Result<()> {
    if bytes <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let message =
        format!("a record takes {bytes} bytes; the snapshot holds records up to {RECORD_BYTES_MAX} bytes");
    Err(Error::new(ErrorKind::OutOfMemory, message)
        .help("map fewer or smaller fields, or set store_values to none for this sync"))
}
