//! An open segment: its index in memory, its pages on demand.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use syncline_core::{Entry, Error, ErrorKind, Result};

use crate::filter::{self, BLOCK_BYTES};
use crate::layout::{self, FOOTER_BYTES, Footer, HEADER_BYTES, Index, PageAt, checksum, corrupt};
use crate::page::{Page, unpack};
use crate::read_at::ReadAt;
use crate::record::{EntryView, RecordView, ValuesAt};
use crate::snapshot::{HashRange, Values};
use crate::wire::Malformed;
use crate::writer::SegmentSummary;

/// Bytes of decompressed pages a segment keeps of each sort for single lookups. Who has many
/// questions asks them together: [`crate::Snapshot::get_many`] keeps nothing.
const CACHED_BYTES_MAX: usize = 256 * 1024;
/// Pages larger than this, which hold one large record, are not kept.
const CACHED_PAGE_BYTES_MAX: usize = 64 * 1024;

/// With so many keys for each page, hardly a page holds none of them.
const KEYS_OF_EACH_PAGE: usize = 4;

/// One immutable segment. Clones share the file, the index and the cached pages.
#[derive(Clone)]
pub struct Segment(Arc<Inner>);

struct Inner {
    name: String,
    source: Box<dyn ReadAt>,
    footer: Footer,
    summary: SegmentSummary,
    index: Index,
    /// Read when the first question needs it; a probe or a scan never does.
    filters: OnceLock<Vec<u8>>,
    entry_pages: Cache<Page>,
    value_pages: Cache<Vec<u8>>,
}

impl Segment {
    /// Opens a segment, reading only its header, footer and index. `name` is what messages call it.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] when the bytes are not a whole segment, [`ErrorKind::StateTooNew`]
    /// when a newer version wrote them, [`ErrorKind::LocalIo`] when they cannot be read.
    pub fn open(name: impl Into<String>, source: impl ReadAt + 'static) -> Result<Self> {
        let name = name.into();
        let source: Box<dyn ReadAt> = Box::new(source);
        let bytes = source.size().map_err(|e| io_error(&name, e))?;
        if bytes < (HEADER_BYTES + FOOTER_BYTES) as u64 {
            return Err(corrupt(&name, bytes, "the file is too short to be a snapshot segment"));
        }
        let mut header = [0; HEADER_BYTES];
        read(&*source, &name, 0, &mut header)?;
        layout::check_header(&header, &name)?;
        let footer_at = bytes - FOOTER_BYTES as u64;
        let mut footer = [0; FOOTER_BYTES];
        read(&*source, &name, footer_at, &mut footer)?;
        let (footer, checksum) = Footer::decode(&footer, &header, bytes)
            .map_err(|Malformed(what)| corrupt(&name, footer_at, what))?;
        let entry_index = read_section(&*source, &name, footer.entry_index, "the entry index")?;
        let value_index = read_section(&*source, &name, footer.value_index, "the value index")?;
        let index = Index::decode(&entry_index, &value_index, &footer)
            .map_err(|Malformed(what)| corrupt(&name, footer.entry_index.offset, what))?;
        let summary = SegmentSummary { entries: footer.entries, erased: footer.erased, bytes, checksum };
        Ok(Self(Arc::new(Inner {
            name,
            source,
            footer,
            summary,
            index,
            filters: OnceLock::new(),
            entry_pages: Cache::default(),
            value_pages: Cache::default(),
        })))
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What the segment holds, as its writer summed it up.
    pub fn summary(&self) -> SegmentSummary {
        self.0.summary
    }

    /// Bytes that the index and the filters take in memory, read or not yet.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.0.index.bytes() + self.0.footer.filters.bytes
    }

    pub(crate) fn entry_pages(&self) -> usize {
        self.0.index.entry_pages.len()
    }

    /// Looks `key` up, whose hash is `hash`, and hands what the segment says of it to `take`.
    pub(crate) fn find<T>(
        &self,
        hash: u64,
        key: &[u8],
        take: impl FnOnce(RecordView<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let pages = &self.0.index.entry_pages;
        let (mut i, mut end) = (self.first_page_of(hash), pages.partition_point(|p| p.first_hash <= hash));
        // More than two pages are full of keys that were made to collide.
        while end.saturating_sub(i) > 2 {
            let middle = i + (end - i) / 2;
            let page = self.cached_entry_page(middle)?;
            let first = page.key(0).map_err(|e| self.bad_entry_page(middle, e))?;
            if first <= key { i = middle } else { end = middle }
        }
        for i in i..end {
            if !self.may_hold(i, hash)? {
                continue;
            }
            let page = self.cached_entry_page(i)?;
            if let Some(record) = page.find(hash, key).map_err(|e| self.bad_entry_page(i, e))? {
                return take(record).map(Some);
            }
        }
        Ok(None)
    }

    /// The entry a view shows, with its values where they are wanted.
    pub(crate) fn entry(&self, view: &EntryView<'_>, values: Values) -> Result<Entry> {
        let kept = match (values, view.values) {
            (Values::Read, Some(at)) => Some(self.values(at)?),
            _ => None,
        };
        Ok(view.to_entry(kept))
    }

    fn values(&self, at: ValuesAt) -> Result<Box<[u8]>> {
        if at.len == 0 {
            return Ok(Box::default());
        }
        let i = at.page as usize;
        let page = self.0.value_pages.get_or_read(i, Vec::len, || {
            let mut page = Vec::new();
            self.read_value_page_into(at, &mut Buffer::default(), &mut page)?;
            Ok(page)
        })?;
        self.slice_of_values(&page, at).map(Box::from)
    }

    /// The part of value page `page` that `at` means.
    pub(crate) fn slice_of_values<'a>(&self, page: &'a [u8], at: ValuesAt) -> Result<&'a [u8]> {
        let end = at.offset as usize + at.len as usize;
        page.get(at.offset as usize..end).ok_or_else(|| {
            corrupt(
                self.name(),
                self.value_page_offset(at),
                "an entry's values are beyond the end of their page",
            )
        })
    }

    /// Reads the value page that `at` means over `page`, past the cache.
    pub(crate) fn read_value_page_into(
        &self,
        at: ValuesAt,
        stored: &mut Buffer,
        page: &mut Vec<u8>,
    ) -> Result<()> {
        let place = self.0.index.value_pages.get(at.page as usize);
        let place = place.ok_or_else(|| {
            corrupt(
                self.name(),
                self.0.footer.value_index.offset,
                "an entry's values are in a page that is not there",
            )
        })?;
        self.read_page_into(place, stored, page)
    }

    /// Reads entry page `i`, past the cache.
    pub(crate) fn read_entry_page(&self, i: usize) -> Result<Page> {
        let mut page = Page::default();
        self.read_entry_page_into(i, &mut Buffer::default(), &mut page)?;
        Ok(page)
    }

    /// Reads entry page `i` over `page`, past the cache. After an error `page` is empty.
    pub(crate) fn read_entry_page_into(&self, i: usize, stored: &mut Buffer, page: &mut Page) -> Result<()> {
        let place = &self.0.index.entry_pages[i];
        let mut raw = std::mem::take(page).into_bytes();
        self.read_page_into(&place.at, stored, &mut raw)?;
        let read = Page::new(raw, place.records).map_err(|e| self.bad_entry_page(i, e))?;
        if read.hash(0).map_err(|e| self.bad_entry_page(i, e))? != place.first_hash {
            return Err(self.bad_entry_page(i, Malformed("its first key is not the one the index says")));
        }
        *page = read;
        Ok(())
    }

    /// Adds the place to what is wrong with entry page `i`.
    pub(crate) fn bad_entry_page(&self, i: usize, Malformed(what): Malformed) -> Error {
        let offset = self.0.index.entry_pages.get(i).map_or(0, |p| p.at.offset);
        corrupt(self.name(), offset, format_args!("entry page {i}: {what}"))
    }

    fn value_page_offset(&self, at: ValuesAt) -> u64 {
        self.0.index.value_pages.get(at.page as usize).map_or(0, |p| p.offset)
    }

    fn cached_entry_page(&self, i: usize) -> Result<Arc<Page>> {
        self.0.entry_pages.get_or_read(i, Page::bytes, || self.read_entry_page(i))
    }

    /// The first page that can hold a key of this hash, or of a greater one: the last that starts
    /// below it, as it may end with it. The number of pages for a segment without any.
    pub(crate) fn first_page_of(&self, hash: u64) -> usize {
        self.0.index.entry_pages.partition_point(|p| p.first_hash < hash).saturating_sub(1)
    }

    /// Records in pages that reach into `range`.
    pub(crate) fn records_in(&self, range: &HashRange) -> u64 {
        let pages = &self.0.index.entry_pages;
        let end = pages.partition_point(|p| p.first_hash <= *range.end());
        let pages = pages.get(self.first_page_of(*range.start())..end).unwrap_or_default();
        pages.iter().map(|p| u64::from(p.records)).sum()
    }

    /// The hash that page `i` starts with.
    pub(crate) fn first_hash_of(&self, i: usize) -> Option<u64> {
        self.0.index.entry_pages.get(i).map(|p| p.first_hash)
    }

    /// Whether to ask the filters before reading the pages of `keys` keys whose hashes are in
    /// `range`: when they are in memory, or smaller than what they can save, unless there are so many
    /// keys that each page is needed.
    pub(crate) fn filters_pay(&self, range: &HashRange, keys: usize) -> bool {
        let pages = &self.0.index.entry_pages;
        let end = pages.partition_point(|p| p.first_hash <= *range.end());
        let pages = pages.get(self.first_page_of(*range.start())..end).unwrap_or_default();
        let bytes: u64 = pages.iter().take(keys).map(|p| u64::from(p.at.stored_bytes)).sum();
        keys < pages.len() * KEYS_OF_EACH_PAGE
            && (self.0.filters.get().is_some() || bytes > self.0.footer.filters.bytes)
    }

    pub(crate) fn may_hold(&self, i: usize, hash: u64) -> Result<bool> {
        let filters = self.filters()?;
        let start = self.0.index.filter_starts[i] as usize * BLOCK_BYTES;
        let len = self.0.index.entry_pages[i].filter_blocks as usize * BLOCK_BYTES;
        Ok(filter::may_hold(&filters[start..start + len], hash))
    }

    fn filters(&self) -> Result<&[u8]> {
        let inner = &*self.0;
        if inner.filters.get().is_none() {
            let read = read_section(&*inner.source, &inner.name, inner.footer.filters, "the key filter")?;
            // Another thread may have been faster; both read the same bytes.
            let _ = inner.filters.set(read);
        }
        Ok(inner.filters.get().map_or(&[], Vec::as_slice))
    }

    fn read_page_into(&self, page: &PageAt, stored: &mut Buffer, raw: &mut Vec<u8>) -> Result<()> {
        let stored = stored.of_len(page.stored_bytes as usize);
        read(&*self.0.source, self.name(), page.offset, stored)?;
        if checksum(stored) != page.checksum {
            return Err(corrupt(self.name(), page.offset, "a page does not match its checksum"));
        }
        unpack(stored, page.raw_bytes, raw).map_err(|Malformed(what)| {
            corrupt(self.name(), page.offset, format_args!("a page cannot be read: {what}"))
        })
    }
}

/// Room for the stored bytes of a page, used again for the next one.
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    fn of_len(&mut self, len: usize) -> &mut [u8] {
        if self.0.len() < len {
            self.0.resize(len, 0);
        }
        &mut self.0[..len]
    }
}

fn read_section(source: &dyn ReadAt, name: &str, section: layout::Section, what: &str) -> Result<Vec<u8>> {
    // The footer was checked against the length of the file, which bounds this.
    let mut bytes = vec![0; section.bytes as usize];
    read(source, name, section.offset, &mut bytes)?;
    if checksum(&bytes) == section.checksum {
        Ok(bytes)
    } else {
        Err(corrupt(name, section.offset, format_args!("{what} does not match its checksum")))
    }
}

fn read(source: &dyn ReadAt, name: &str, offset: u64, buffer: &mut [u8]) -> Result<()> {
    source.read_exact_at(buffer, offset).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            corrupt(name, offset, "the file ends before what is said to be here").caused_by(e)
        }
        _ => io_error(name, e),
    })
}

fn io_error(name: &str, e: std::io::Error) -> Error {
    Error::new(ErrorKind::LocalIo, format!("reading snapshot segment {name}: {e}")).caused_by(e)
}

/// The pages used last, the latest first.
struct Cache<T>(Mutex<Vec<(usize, Arc<T>)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Cache<T> {
    /// Page `i`, from `read` if it is not here. The lock is not held while reading.
    fn get_or_read(
        &self,
        i: usize,
        bytes: impl Fn(&T) -> usize,
        read: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        {
            let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(at) = pages.iter().position(|(page, _)| *page == i) {
                pages[..=at].rotate_right(1);
                return Ok(Arc::clone(&pages[0].1));
            }
        }
        let page = Arc::new(read()?);
        if bytes(&page) <= CACHED_PAGE_BYTES_MAX {
            let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pages.retain(|(other, _)| *other != i);
            pages.insert(0, (i, Arc::clone(&page)));
            let mut held = 0;
            let kept = pages.iter().take_while(|(_, page)| {
                held += bytes(page);
                held <= CACHED_BYTES_MAX
            });
            let kept = kept.count();
            pages.truncate(kept);
        }
        Ok(page)
    }
}
