//! Reading one segment from its first record to its last.

use syncline_core::Result;

use crate::page::Page;
use crate::record::{RecordView, ValuesAt};
use crate::segment::Segment;
use crate::wire::Malformed;

/// A position in a segment. Holds one entry page and one value page, outside the segment's
/// cache, so that a scan does not push out what lookups need.
pub(crate) struct Cursor {
    segment: Segment,
    page_index: usize,
    page: Page,
    slot: usize,
    hash: u64,
    value_page: Option<(u32, Vec<u8>)>,
}

impl Cursor {
    /// A cursor at the first record, or `None` for a segment without records.
    pub fn start(segment: Segment) -> Result<Option<Self>> {
        if segment.entry_pages() == 0 {
            return Ok(None);
        }
        let page = segment.read_entry_page(0)?;
        let hash = page.hash(0).map_err(|e| segment.bad_entry_page(0, e))?;
        Ok(Some(Self { segment, page_index: 0, page, slot: 0, hash, value_page: None }))
    }

    /// Hash of the key here.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn key(&self) -> Result<&[u8]> {
        self.page.key(self.slot).map_err(|e| self.segment.bad_entry_page(self.page_index, e))
    }

    pub fn record(&self) -> Result<RecordView<'_>> {
        self.page.record(self.slot).map_err(|e| self.segment.bad_entry_page(self.page_index, e))
    }

    /// Goes to the next record; `false` at the end.
    pub fn advance(&mut self) -> Result<bool> {
        self.slot += 1;
        if self.slot == self.page.records() {
            if self.page_index + 1 == self.segment.entry_pages() {
                return Ok(false);
            }
            self.page_index += 1;
            self.slot = 0;
            self.page = self.segment.read_entry_page(self.page_index)?;
        }
        let bad = |e| self.segment.bad_entry_page(self.page_index, e);
        let hash = self.page.hash(self.slot).map_err(bad)?;
        if hash < self.hash {
            return Err(bad(Malformed("its records are out of order")));
        }
        self.hash = hash;
        Ok(true)
    }

    /// Reads the values page of `at` unless it is the one at hand. See [`Cursor::values`].
    pub fn load_values(&mut self, at: ValuesAt) -> Result<()> {
        if at.len > 0 && self.value_page.as_ref().is_none_or(|(page, _)| *page != at.page) {
            self.value_page = Some((at.page, self.segment.read_value_page(at)?));
        }
        Ok(())
    }

    /// Values from the page [`Cursor::load_values`] read.
    pub fn values(&self, at: ValuesAt) -> Result<&[u8]> {
        match &self.value_page {
            Some((_, page)) if at.len > 0 => self.segment.slice_of_values(page, at),
            _ => Ok(&[]),
        }
    }
}
