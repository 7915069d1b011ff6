//! Writing a segment, in one pass and with memory for two pages, the index and the filters.

use std::io::{BufWriter, Write};

use serde::{Deserialize, Serialize};
use syncline_core::{Error, ErrorKind, Result};

use crate::filter;
use crate::layout::{self, EntryPageAt, Footer, PageAt, Section, checksum};
use crate::page::{PAGE_BYTES, PageBuilder, pack};
use crate::record::{Record, RecordView, ValuesAt};

/// The most bytes of a record's key, match value and target id together, and of its values.
const RECORD_BYTES_MAX: usize = 1 << 30;

const BUFFER_BYTES: usize = 256 * 1024;

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
        self.push_view(record.key().hash(), RecordView::of(record), record.values())
    }

    /// Appends a record whose key hashes to `hash`. Where the view says its values are is ignored.
    pub(crate) fn push_view(
        &mut self,
        hash: u64,
        mut record: RecordView<'_>,
        values: Option<&[u8]>,
    ) -> Result<()> {
        let bytes = record.variable_bytes().max(values.map_or(0, <[u8]>::len));
        if bytes > RECORD_BYTES_MAX {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                format!(
                    "a record takes {bytes} bytes; the snapshot holds records up to {RECORD_BYTES_MAX} bytes"
                ),
            )
            .help("map fewer or smaller fields, or set store_values to none for this sync"));
        }
        self.check_order(hash, record.key())?;
        match &mut record {
            RecordView::Erase(_) => self.erased += 1,
            RecordView::Put(entry) => {
                self.entries += 1;
                entry.values = match values {
                    Some(values) => Some(self.push_values(values)?),
                    None => None,
                };
            }
        }
        self.entry_page.push(hash, &record);
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
        if values.len() >= PAGE_BYTES {
            self.close_value_page()?;
        }
        let at = ValuesAt {
            page: self.value_pages,
            offset: self.value_page.len() as u32,
            len: values.len() as u32,
        };
        self.value_page.extend_from_slice(values);
        if self.value_page.len() >= PAGE_BYTES {
            self.close_value_page()?;
        }
        Ok(at)
    }

    fn close_entry_page(&mut self) -> Result<()> {
        let Some(&first_hash) = self.entry_page.hashes().first() else { return Ok(()) };
        let records = self.entry_page.hashes().len() as u32;
        let filter_blocks = filter::build(self.entry_page.hashes(), &mut self.filters);
        let raw = self.entry_page.take();
        let at = self.write_page(raw)?;
        let page = EntryPageAt { first_hash, records, filter_blocks, at };
        layout::encode_entry_page(&page, &mut self.entry_index);
        Ok(())
    }

    fn close_value_page(&mut self) -> Result<()> {
        if self.value_page.is_empty() {
            return Ok(());
        }
        let raw = std::mem::take(&mut self.value_page);
        let at = self.write_page(raw)?;
        layout::encode_value_page(&at, &mut self.value_index);
        // Pages are numbered with 32 bits: 280 TB before compression.
        let next = self.value_pages.checked_add(1);
        self.value_pages =
            next.ok_or_else(|| Error::internal("a snapshot segment cannot hold more pages"))?;
        Ok(())
    }

    fn write_page(&mut self, raw: Vec<u8>) -> Result<PageAt> {
        let raw_bytes = raw.len() as u32;
        let stored = pack(raw);
        let at = PageAt {
            offset: self.offset,
            stored_bytes: stored.len() as u32,
            raw_bytes,
            checksum: checksum(&stored),
        };
        self.write(&stored)?;
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
