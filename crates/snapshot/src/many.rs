//! Looking many keys up at once.

use syncline_core::{Entry, Error, Result};

use crate::cursor::ValueReader;
use crate::page::Page;
use crate::record::{EntryView, RecordView};
use crate::segment::{Buffer, Segment};
use crate::snapshot::{Snapshot, Values};

/// A key and its hash, [`syncline_core::Key::hash`].
pub(crate) type HashedKey<'a> = (u64, &'a [u8]);

impl Snapshot {
    /// The live entries of `keys`, which must be sorted by (hash, key), at the same places; a key may
    /// come several times.
    ///
    /// Each page that is needed is read once, in the order of the file, and not kept: for keys on
    /// most pages that costs what a scan does. Pages are passed over by their filters where reading
    /// those costs less.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::Internal`] when the keys are not sorted; `Corrupt` or `LocalIo`
    /// when an entry cannot be loaded.
    pub fn get_many(&self, keys: &[(u64, &[u8])], values: Values) -> Result<Vec<Option<Entry>>> {
        let mut found = Vec::new();
        found.resize_with(keys.len(), || None);
        self.find_many(keys, |i, view, reader| {
            found[i] = Some(reader.entry(view, values)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls `take` with the place of each of `keys` that has a live entry, and the entry. Places
    /// ascend within a segment only.
    pub(crate) fn find_many(
        &self,
        keys: &[HashedKey<'_>],
        mut take: impl FnMut(usize, &EntryView<'_>, &mut ValueReader) -> Result<()>,
    ) -> Result<()> {
        if !keys.is_sorted() {
            return Err(Error::internal("keys were looked up out of order"));
        }
        // Places of the keys that no newer segment says anything of.
        let mut open: Vec<usize> = (0..keys.len()).collect();
        for segment in self.segments().iter().rev().filter(|s| s.entry_pages() > 0) {
            if open.is_empty() {
                break;
            }
            let mut finder = Finder::new(segment, keys, &open);
            let mut values = ValueReader::new(segment.clone());
            let mut kept = 0;
            for n in 0..open.len() {
                let i = open[n];
                match finder.find(keys[i])? {
                    Some(RecordView::Put(entry)) => take(i, &entry, &mut values)?,
                    Some(RecordView::Erase(_)) => {}
                    None => {
                        open[kept] = i;
                        kept += 1;
                    }
                }
            }
            open.truncate(kept);
        }
        Ok(())
    }
}

/// Finds ascending keys in one segment.
struct Finder<'a> {
    segment: &'a Segment,
    filtered: bool,
    /// Keys to come are in this page or a later one.
    page_index: usize,
    /// The page read last, which one it is, and the first record that keys to come can be at.
    page: Page,
    read: Option<usize>,
    slot: usize,
    stored: Buffer,
}

impl<'a> Finder<'a> {
    /// To find those of `keys` that are at the places in `open`.
    fn new(segment: &'a Segment, keys: &[HashedKey<'_>], open: &[usize]) -> Self {
        let ends = open.first().zip(open.last()).map_or(0..=0, |(&a, &b)| keys[a].0..=keys[b].0);
        let filtered = segment.filters_pay(&ends, open.len());
        Self {
            segment,
            filtered,
            page_index: 0,
            page: Page::default(),
            read: None,
            slot: 0,
            stored: Buffer::default(),
        }
    }

    fn find(&mut self, (hash, key): HashedKey<'_>) -> Result<Option<RecordView<'_>>> {
        if self.segment.first_hash_of(self.page_index + 1).is_some_and(|next| next < hash) {
            self.page_index = self.segment.first_page_of(hash);
        }
        loop {
            let i = self.page_index;
            if self.read == Some(i) || !self.filtered || self.segment.may_hold(i, hash)? {
                self.read_page(i)?;
                let bad = |e| self.segment.bad_entry_page(i, e);
                self.slot = self.page.first_from(self.slot, hash, Some(key)).map_err(bad)?;
                if self.slot < self.page.records() {
                    let is_it = self.page.key(self.slot).map_err(bad)? == key;
                    return if is_it { self.page.record(self.slot).map(Some).map_err(bad) } else { Ok(None) };
                }
            }
            match self.segment.first_hash_of(i + 1) {
                Some(first) if first <= hash => self.page_index = i + 1,
                _ => return Ok(None),
            }
        }
    }

    fn read_page(&mut self, i: usize) -> Result<()> {
        if self.read != Some(i) {
            self.read = None;
            self.segment.read_entry_page_into(i, &mut self.stored, &mut self.page)?;
            (self.read, self.slot) = (Some(i), 0);
        }
        Ok(())
    }
}
