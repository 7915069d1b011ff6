//! Reading one segment from its first record to its last.

use syncline_core::{Entry, Result};

use crate::page::Page;
use crate::record::{EntryView, RecordView, ValuesAt};
use crate::segment::{Buffer, Segment};
use crate::snapshot::{HashRange, Values};
use crate::wire::Malformed;

/// A position in a segment. Holds one entry page and one value page, outside the segment's
/// cache, so that a scan does not push out what lookups need.
pub(crate) struct Cursor {
    segment: Segment,
    page_index: usize,
    page: Page,
    slot: usize,
    hash: u64,
    /// The greatest hash that is visited.
    last: u64,
    stored: Buffer,
    values: ValueReader,
}

impl Cursor {
    /// A cursor at the first record in `range`, or `None` where there is none.
    pub fn start(segment: Segment, range: &HashRange) -> Result<Option<Self>> {
        let first = segment.first_page_of(*range.start());
        if range.is_empty() || first == segment.entry_pages() {
            return Ok(None);
        }
        let mut stored = Buffer::default();
        let mut page = Page::default();
        segment.read_entry_page_into(first, &mut stored, &mut page)?;
        let values = ValueReader::new(segment.clone());
        let (page_index, slot) = (first, 0);
        let mut cursor =
            Self { segment, page_index, page, slot, hash: 0, last: *range.end(), stored, values };
        let found = cursor.settle()? && cursor.seek(*range.start())?;
        Ok(found.then_some(cursor))
    }

    /// Hash of the key here.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn key(&self) -> Result<&[u8]> {
        self.page.key(self.slot).map_err(|e| self.segment.bad_entry_page(self.page_index, e))
    }

    /// The record here, and what reads its values.
    pub fn record(&mut self) -> Result<(RecordView<'_>, &mut ValueReader)> {
        let record = self.page.record(self.slot);
        let record = record.map_err(|e| self.segment.bad_entry_page(self.page_index, e))?;
        Ok((record, &mut self.values))
    }

    /// The record here, its bytes up to the place of its values, and what reads its values.
    pub fn record_parts(&mut self) -> Result<(RecordView<'_>, &[u8], &mut ValueReader)> {
        let parts = self.page.record_parts(self.slot);
        let (record, head) = parts.map_err(|e| self.segment.bad_entry_page(self.page_index, e))?;
        Ok((record, head, &mut self.values))
    }

    /// Goes to the next record; `false` at the end.
    pub fn advance(&mut self) -> Result<bool> {
        self.slot += 1;
        self.settle()
    }

    /// Goes to the first record from here on whose hash is not below `hash`, past the pages that
    /// cannot hold it; `false` where there is none.
    pub fn seek(&mut self, hash: u64) -> Result<bool> {
        if self.hash >= hash {
            return Ok(true);
        }
        let page = self.segment.first_page_of(hash);
        if page > self.page_index {
            (self.page_index, self.slot) = (page, 0);
            self.segment.read_entry_page_into(page, &mut self.stored, &mut self.page)?;
        }
        let slot = self.page.first_from(self.slot, hash, None);
        self.slot = slot.map_err(|e| self.segment.bad_entry_page(self.page_index, e))?;
        self.settle()
    }

    /// Opens the next page if this one is done, and takes the hash of the record here.
    fn settle(&mut self) -> Result<bool> {
        if self.slot == self.page.records() {
            if self.page_index + 1 == self.segment.entry_pages() {
                return Ok(false);
            }
            (self.page_index, self.slot) = (self.page_index + 1, 0);
            self.segment.read_entry_page_into(self.page_index, &mut self.stored, &mut self.page)?;
        }
        let bad = |e| self.segment.bad_entry_page(self.page_index, e);
        let hash = self.page.hash(self.slot).map_err(bad)?;
        if hash < self.hash {
            return Err(bad(Malformed("its records are out of order")));
        }
        self.hash = hash;
        Ok(hash <= self.last)
    }
}

/// Reads values of one segment. Values lie in the order of their entries: whoever asks in that
/// order has each page read once.
pub(crate) struct ValueReader {
    segment: Segment,
    page: Option<u32>,
    bytes: Vec<u8>,
    stored: Buffer,
}

impl ValueReader {
    pub fn new(segment: Segment) -> Self {
        Self { segment, page: None, bytes: Vec::new(), stored: Buffer::default() }
    }

    /// The entry a view shows, with its values where they are wanted.
    pub fn entry(&mut self, view: &EntryView<'_>, values: Values) -> Result<Entry> {
        let at = view.values.filter(|_| values == Values::Read);
        let values = at.map(|at| self.read(at).map(Box::from)).transpose()?;
        Ok(view.to_entry(values))
    }

    /// The values that are at `at`.
    pub fn read(&mut self, at: ValuesAt) -> Result<&[u8]> {
        if at.len == 0 {
            return Ok(&[]);
        }
        if self.page != Some(at.page) {
            self.page = None;
            self.segment.read_value_page_into(at, &mut self.stored, &mut self.bytes)?;
            self.page = Some(at.page);
        }
        self.segment.slice_of_values(&self.bytes, at)
    }
}
