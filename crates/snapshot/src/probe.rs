//! The memory of one run's change detection.

use std::fmt;

use syncline_core::{Entry, Error, Hash128, Key, Result};

use crate::counts::StateCounts;
use crate::key_set::{KeySet, out_of_memory};
use crate::merge::Merge;
use crate::record::RecordView;
use crate::snapshot::{Length, Snapshot};
use crate::table::Table;

/// What is known of a source row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The key is not in the snapshot.
    New,
    /// Delivered, and the source row is as it was then. The key's bytes were not compared: the
    /// fingerprint covers the key.
    Unchanged,
    /// The key is in the snapshot and something must be decided: the row differs, or the entry's
    /// state is not `delivered` (then its fingerprint may be equal; compare
    /// [`Entry::source_fp`]).
    Known(Box<Entry>),
    /// This key was looked up before in this run: a duplicate. Holds its entry, if it has one.
    Repeated(Option<Box<Entry>>),
}

/// Answers for each row of a complete read whether it is new, unchanged or neither, and
/// afterwards which entries no row had.
///
/// Equal rows cost no I/O. Others load their entry: one page read, unless it is at hand.
/// Keys are told apart by their bytes, never by their hash alone.
///
/// # Memory
/// A live entry takes 25 bytes (8 of key hash, 16 of source fingerprint, 1 of marks) and half to
/// one in the directory into them; the snapshot's indexes and filters, which are counted whether
/// they have been read or not, take about 1.4. Measured with ten million entries: 27.2 bytes a
/// key. A key that is not in the snapshot is remembered for the run in a [`KeySet`]. A small
/// constant, up to 16 pages of each segment, is not counted.
pub struct Probe {
    snapshot: Snapshot,
    table: Table,
    counts: StateCounts,
    new_keys: KeySet,
    resident_bytes: u64,
}

impl Probe {
    /// Reads all entries of `snapshot`, without their values, into a table of at most
    /// `budget_bytes` together with the keys that lookups will have to remember.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::OutOfMemory`] when the budget does not suffice, before
    /// anything large is allocated.
    pub fn build(snapshot: &Snapshot, budget_bytes: u64) -> Result<Self> {
        let resident_bytes = snapshot.resident_bytes();
        let entries = affordable_entries(snapshot, resident_bytes, budget_bytes)?;
        let mut table = Table::with_room(entries);
        let mut counts = StateCounts::default();
        let mut merge = Merge::new(snapshot.segments())?;
        while let Some(cursor) = merge.next()? {
            if let RecordView::Put(entry) = cursor.record()? {
                table.push(cursor.hash(), entry.source_fp, &entry.state);
                counts.add(&entry.state);
            }
        }
        table.seal();
        let left = budget_bytes.saturating_sub(resident_bytes + table.bytes());
        let new_keys = KeySet::new(left);
        Ok(Self { snapshot: snapshot.clone(), table, counts, new_keys, resident_bytes })
    }

    /// Says what is known of the row with this key and fingerprint, and marks the key as seen.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::OutOfMemory`] when a new key does not fit the budget any more;
    /// `Corrupt` or `LocalIo` when an entry cannot be loaded.
    pub fn lookup(&mut self, key: &Key, source_fp: Hash128) -> Result<Lookup> {
        let slots = self.table.with_tag(key.hash());
        if slots.is_empty() {
            return self.lookup_new(key);
        }
        if let Some(slot) = slots.clone().find(|&slot| self.table.is_unchanged(slot, source_fp)) {
            return if self.table.see(slot) {
                Ok(Lookup::Repeated(self.snapshot.get(key)?.map(Box::new)))
            } else {
                Ok(Lookup::Unchanged)
            };
        }
        let found = if slots.len() == 1 {
            self.snapshot.get(key)?.map(|entry| (slots.start, entry))
        } else {
            // Slots of one tag are in the order of their keys, and so are these entries.
            let entries = self.snapshot.with_hash(key.hash())?;
            slots.zip(entries).find(|(_, entry)| entry.key == *key)
        };
        let Some((slot, entry)) = found else { return self.lookup_new(key) };
        let entry = Box::new(entry);
        Ok(if self.table.see(slot) { Lookup::Repeated(Some(entry)) } else { Lookup::Known(entry) })
    }

    fn lookup_new(&mut self, key: &Key) -> Result<Lookup> {
        Ok(if self.new_keys.insert(key)? { Lookup::New } else { Lookup::Repeated(None) })
    }

    /// The live entries that were not looked up, in the order of the snapshot, each with its
    /// values. Each page is read at most once.
    pub fn unseen(&self) -> Unseen<'_> {
        Unseen { probe: self, next: 0, group: None }
    }

    /// Live entries that were looked up.
    pub fn seen_count(&self) -> u64 {
        self.table.seen()
    }

    /// Keys that were looked up and are not in the snapshot.
    pub fn new_count(&self) -> u64 {
        self.new_keys.len() as u64
    }

    /// Live entries of the snapshot.
    pub fn known_count(&self) -> u64 {
        self.table.len() as u64
    }

    pub fn counts_by_state(&self) -> StateCounts {
        self.counts
    }

    /// Bytes of memory in use, as counted against the budget.
    pub fn bytes(&self) -> u64 {
        self.resident_bytes + self.table.bytes() + self.new_keys.bytes()
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe")
            .field("known", &self.known_count())
            .field("seen", &self.seen_count())
            .field("new", &self.new_count())
            .field("bytes", &self.bytes())
            .finish()
    }
}

/// How many entries to make room for. Where only the bound on their number passes the budget,
/// they are counted first.
fn affordable_entries(snapshot: &Snapshot, resident_bytes: u64, budget_bytes: u64) -> Result<usize> {
    let needed = |entries| Table::bytes_for(entries).saturating_add(resident_bytes);
    let entries = match snapshot.len() {
        Length::Exactly(entries) => entries,
        Length::AtMost(entries) if needed(entries) <= budget_bytes => entries,
        Length::AtMost(_) => snapshot.count_by_state()?.total(),
    };
    if needed(entries) > budget_bytes {
        let what = format_args!("comparing with the {entries} records of the snapshot");
        return Err(out_of_memory(what, needed(entries), budget_bytes));
    }
    match u32::try_from(entries) {
        Ok(entries) => Ok(entries as usize),
        Err(_) => Err(Error::internal(format!("{entries} records are more than one table can hold"))),
    }
}

/// Entries that were not looked up; see [`Probe::unseen`]. Ends after the first error.
pub struct Unseen<'a> {
    probe: &'a Probe,
    next: usize,
    /// The entries of one hash, and their first slot.
    group: Option<(usize, Vec<Option<Entry>>)>,
}

impl Unseen<'_> {
    fn load(&mut self, slot: usize) -> Result<Entry> {
        let table = &self.probe.table;
        let slots = table.with_tag(table.tag(slot));
        if self.group.as_ref().is_none_or(|(first, _)| *first != slots.start) {
            let entries = self.probe.snapshot.with_hash(table.tag(slot))?;
            self.group = Some((slots.start, entries.into_iter().map(Some).collect()));
        }
        let entry = self.group.as_mut().and_then(|(first, entries)| entries.get_mut(slot - *first)?.take());
        entry.ok_or_else(|| Error::internal("an entry of the probe is not in its snapshot any more"))
    }
}

impl Iterator for Unseen<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.probe.table.next_unseen(self.next)?;
        self.next = slot + 1;
        let entry = self.load(slot);
        if entry.is_err() {
            self.next = self.probe.table.len();
        }
        Some(entry)
    }
}
