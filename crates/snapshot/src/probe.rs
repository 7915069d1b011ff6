//! The memory of one run's change detection.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use syncline_core::{Entry, Error, Hash128, Key, Result};

use crate::counts::StateCounts;
use crate::key_set::{KeySet, out_of_memory};
use crate::merge::Merge;
use crate::record::RecordView;
use crate::snapshot::{HashRange, Snapshot, Values};
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

/// What the table alone says of a source row; see [`Probe::find`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No entry's key has this hash.
    New,
    /// The entry in this slot was delivered, and the source row is as it was then. As with
    /// [`Lookup::Unchanged`], the fingerprint stands for the key.
    Same(u32),
    /// The entry in this slot, and no other, has a key of this hash. It says something else of the
    /// row, or is the entry of another key with the same hash: compare the keys.
    Differs(u32),
    /// Several entries' keys have this hash: ask [`Probe::lookup`].
    Collides,
}

/// Answers for each row of a complete read whether it is new, unchanged or neither, and
/// afterwards which entries no row had.
///
/// Equal rows cost no I/O. Others load their entry: one page read, unless it is at hand.
/// Keys are told apart by their bytes, never by their hash alone.
///
/// There are two ways to ask. [`Probe::lookup`] does everything for one row. For many rows
/// [`Probe::find_all`] says what the table knows, and the caller does the rest: marks the slots of
/// those that came ([`Probe::see`]), remembers the new ones ([`Probe::remember_new`]) and loads the
/// entries of those that differ ([`Snapshot::get_many`]).
///
/// # Memory
/// A live entry takes 24.25 bytes (8 of key hash, 16 of source fingerprint, 2 bits of marks) and half
/// to one in the directory into them, see [`Probe::bytes_for`]; the snapshot's indexes and filters,
/// which are counted whether they have been read or not, take about 2. A key that is not in the
/// snapshot is remembered for the run in a [`KeySet`]. A small constant, a few pages of each segment,
/// is not counted.
pub struct Probe {
    snapshot: Snapshot,
    range: HashRange,
    table: Table,
    /// The keys of the entries that share their hash with others, in the order of their slots. Few,
    /// unless somebody chose keys that collide; then questions do not become slower with their number.
    colliding: BTreeMap<u64, Vec<Box<[u8]>>>,
    colliding_bytes: u64,
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
        Self::build_range(snapshot, 0..=u64::MAX, budget_bytes)
    }

    /// [`Probe::build`] for the keys whose hash is in `range`; reads the pages that hold them. The
    /// probe must not be asked for other keys, which it would take for new ones.
    ///
    /// # Errors
    /// Those of [`Probe::build`].
    pub fn build_range(snapshot: &Snapshot, range: HashRange, budget_bytes: u64) -> Result<Self> {
        let resident_bytes = snapshot.bytes();
        let entries = affordable_entries(snapshot, &range, resident_bytes, budget_bytes)?;
        let mut table = Table::with_room(entries);
        let mut counts = StateCounts::default();
        let mut colliding_tags: Vec<u64> = Vec::new();
        let mut last = None;
        let mut merge = Merge::in_range(snapshot.segments(), &range)?;
        while let Some(cursor) = merge.next()? {
            let hash = cursor.hash();
            if let RecordView::Put(entry) = cursor.record()?.0 {
                table.push(hash, entry.source_fp, &entry.state, entry.format);
                counts.add(&entry.state);
                if last.replace(hash) == Some(hash) && colliding_tags.last() != Some(&hash) {
                    colliding_tags.push(hash);
                }
            }
        }
        table.seal();
        let mut probe = Self {
            snapshot: snapshot.clone(),
            range,
            table,
            colliding: BTreeMap::new(),
            colliding_bytes: 0,
            counts,
            new_keys: KeySet::new(0),
            resident_bytes,
        };
        probe.load_colliding(&colliding_tags, budget_bytes)?;
        probe.new_keys = KeySet::new(budget_bytes.saturating_sub(probe.bytes()));
        Ok(probe)
    }

    /// Bytes that the table of so many entries takes. Together with [`Snapshot::bytes`] and the keys
    /// to remember it has to fit the budget.
    pub fn bytes_for(entries: u64) -> u64 {
        Table::bytes_for(entries)
    }

    /// Keeps the keys of the entries whose hash is one of `tags`, which ascend.
    fn load_colliding(&mut self, tags: &[u64], budget_bytes: u64) -> Result<()> {
        /// What a key takes beside its bytes: its place in the list, the allocation, the map.
        const KEY_BYTES: u64 = 64;
        let Some((first, last)) = tags.first().zip(tags.last()) else { return Ok(()) };
        let mut merge = Merge::in_range(self.snapshot.segments(), &(*first..=*last))?;
        for &tag in tags {
            merge.seek(tag)?;
            let count = self.table.with_tag(tag).len();
            let keys = self.colliding.entry(tag).or_default();
            while keys.len() < count {
                let Some(cursor) = merge.next()? else { break };
                if let RecordView::Put(entry) = cursor.record()?.0 {
                    self.colliding_bytes += entry.key.len() as u64 + KEY_BYTES;
                    keys.push(entry.key.into());
                }
                let needed = self.resident_bytes + self.table.bytes() + self.colliding_bytes;
                if needed > budget_bytes {
                    let what = "telling apart the keys of the snapshot that have equal hashes";
                    return Err(out_of_memory(what, needed, budget_bytes));
                }
            }
        }
        Ok(())
    }

    /// What the table says of a row: the hash of its key (`Key::hash`) and its fingerprint. Does not
    /// mark anything and reads no file.
    pub fn find(&self, hash: u64, source_fp: Hash128) -> Found {
        self.table.find(hash, source_fp)
    }

    /// [`Probe::find`] of many rows, appended to `out`: several times faster where the table is
    /// larger than the processor's cache. Stops at the end of the shorter list.
    pub fn find_all(&self, hashes: &[u64], source_fps: &[Hash128], out: &mut Vec<Found>) {
        self.table.find_all(hashes, source_fps, out);
    }

    /// Marks the entry in a slot that [`Probe::find`] gave as looked up; `true` when it was before.
    ///
    /// # Panics
    /// When the slot is not one of this probe's.
    pub fn see(&mut self, slot: u32) -> bool {
        self.table.see(slot as usize)
    }

    /// Remembers a key that is not in the snapshot; `true` when it is met for the first time. `hash`
    /// is the key's.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::OutOfMemory`] when the key does not fit the budget any more.
    pub fn remember_new(&mut self, key: &[u8], hash: u64) -> Result<bool> {
        self.new_keys.insert_hashed(key, hash)
    }

    /// Says what is known of the row with this key and fingerprint, and marks the key as seen.
    ///
    /// # Errors
    /// [`syncline_core::ErrorKind::OutOfMemory`] when a new key does not fit the budget any more;
    /// `Corrupt` or `LocalIo` when an entry cannot be loaded.
    pub fn lookup(&mut self, key: &Key, source_fp: Hash128) -> Result<Lookup> {
        let hash = key.hash();
        let slot = match self.find(hash, source_fp) {
            Found::New => None,
            Found::Same(slot) | Found::Differs(slot) => Some(slot as usize),
            Found::Collides => self.slot_of_colliding(hash, key),
        };
        let Some(slot) = slot else { return self.lookup_new(key, hash) };
        if self.table.is_unchanged(slot, source_fp) && !self.table.see(slot) {
            return Ok(Lookup::Unchanged);
        }
        let Some(entry) = self.snapshot.get(key)?.map(Box::new) else { return self.lookup_new(key, hash) };
        Ok(if self.table.see(slot) { Lookup::Repeated(Some(entry)) } else { Lookup::Known(entry) })
    }

    fn lookup_new(&mut self, key: &Key, hash: u64) -> Result<Lookup> {
        Ok(if self.remember_new(key.as_bytes(), hash)? { Lookup::New } else { Lookup::Repeated(None) })
    }

    /// The slot of a key among those of its hash, which are in the order of their keys.
    fn slot_of_colliding(&self, hash: u64, key: &Key) -> Option<usize> {
        let rank = self.colliding.get(&hash)?.binary_search_by(|k| (**k).cmp(key.as_bytes())).ok()?;
        Some(self.table.with_tag(hash).start + rank)
    }

    /// The live entries of the probe's range that were not looked up, in the order of the snapshot,
    /// each with its values. Each page is read at most once, and only where there are such entries.
    pub fn unseen(&self) -> Unseen<'_> {
        Unseen { probe: self, next: 0, walk: None }
    }

    /// Live entries that were looked up.
    pub fn seen_count(&self) -> u64 {
        self.table.seen()
    }

    /// Keys that were looked up and are not in the snapshot.
    pub fn new_count(&self) -> u64 {
        self.new_keys.len() as u64
    }

    /// The keys the probe answers for, by their hashes.
    pub fn range(&self) -> &HashRange {
        &self.range
    }

    /// Live entries of the snapshot in the probe's range.
    pub fn known_count(&self) -> u64 {
        self.table.len() as u64
    }

    pub fn counts_by_state(&self) -> StateCounts {
        self.counts
    }

    /// Bytes of memory in use, as counted against the budget.
    pub fn bytes(&self) -> u64 {
        self.resident_bytes + self.table.bytes() + self.colliding_bytes + self.new_keys.bytes()
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
fn affordable_entries(
    snapshot: &Snapshot,
    range: &HashRange,
    resident_bytes: u64,
    budget_bytes: u64,
) -> Result<usize> {
    let needed = |entries| Table::bytes_for(entries).saturating_add(resident_bytes);
    let mut entries = snapshot.entries_in(range);
    if needed(entries) > budget_bytes {
        entries = snapshot.count_in(range)?;
    }
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
    /// The first slot that was not visited.
    next: usize,
    walk: Option<Walk>,
}

/// A place in the snapshot, and the slot of the first live entry after it.
struct Walk {
    merge: Merge,
    slot: usize,
}

impl Unseen<'_> {
    fn load(&mut self, slot: usize) -> Result<Entry> {
        let (probe, table) = (self.probe, &self.probe.table);
        let walk = match &mut self.walk {
            Some(walk) => walk,
            none => {
                let merge = Merge::in_range(probe.snapshot.segments(), &probe.range)?;
                none.insert(Walk { merge, slot: 0 })
            }
        };
        let Range { start, .. } = table.with_tag(table.tag(slot));
        if walk.slot < start {
            walk.merge.seek(table.tag(slot))?;
            walk.slot = start;
        }
        while let Some(cursor) = walk.merge.next()? {
            let (record, reader) = cursor.record()?;
            let RecordView::Put(entry) = record else { continue };
            walk.slot += 1;
            if walk.slot > slot {
                return reader.entry(&entry, Values::Read);
            }
        }
        Err(Error::internal("an entry of the probe is not in its snapshot any more"))
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
