//! What is known of the keys a run meets: the whole snapshot in memory for complete reads, single
//! look-ups for small ones.

use std::collections::HashSet;

use syncline_core::{Entry, Error, ErrorKind, Hash128, Key, Result};
use syncline_snapshot::{Lookup, Probe, Snapshot, Values};

/// One answer about one row's key.
pub enum Known {
    New,
    /// Delivered, and the fingerprint is equal.
    Unchanged,
    Entry(Box<Entry>),
    /// This run met the key before.
    Repeated,
}

pub enum KnownKeys {
    /// While the keys are being walked.
    Nothing,
    /// For reads of everything: also tells which keys did not come.
    All { probe: Probe, snapshot: Snapshot },
    /// For reads of a few keys: costs one look-up each.
    Few { snapshot: Snapshot, seen: HashSet<Key>, bytes: u64, budget: u64 },
}

impl KnownKeys {
    pub fn all(snapshot: Snapshot, budget: u64) -> Result<Self> {
        Ok(Self::All { probe: Probe::build(&snapshot, budget)?, snapshot })
    }

    pub fn few(snapshot: Snapshot, budget: u64) -> Self {
        Self::Few { snapshot, seen: HashSet::new(), bytes: 0, budget }
    }

    pub fn lookup(&mut self, key: &Key, source_fp: Hash128) -> Result<Known> {
        match self {
            Self::Nothing => Ok(Known::New),
            Self::All { probe, .. } => Ok(match probe.lookup(key, source_fp)? {
                Lookup::New => Known::New,
                Lookup::Unchanged => Known::Unchanged,
                Lookup::Known(entry) => Known::Entry(entry),
                Lookup::Repeated(_) => Known::Repeated,
            }),
            Self::Few { snapshot, seen, bytes, budget } => {
                if !seen.insert(key.clone()) {
                    return Ok(Known::Repeated);
                }
                *bytes += key.as_bytes().len() as u64 + 48;
                if *bytes > *budget {
                    return Err(Error::new(
                        ErrorKind::OutOfMemory,
                        "the keys of this run do not fit into the memory budget",
                    )
                    .help("raise memory_budget"));
                }
                Ok(match snapshot.get(key)? {
                    Some(entry) => Known::Entry(Box::new(entry)),
                    None => Known::New,
                })
            }
        }
    }

    /// Whether this run met the key.
    pub fn has_seen(&self, key: &Key) -> bool {
        match self {
            Self::Nothing | Self::All { .. } => false,
            Self::Few { seen, .. } => seen.contains(key),
        }
    }

    /// Row ids of the keys a read of few keys met.
    pub fn seen_row_ids(&self) -> HashSet<String> {
        match self {
            Self::Few { seen, .. } => seen.iter().map(Key::row_id).collect(),
            Self::Nothing | Self::All { .. } => HashSet::new(),
        }
    }

    /// The entry of a key, its values included.
    pub fn entry(&mut self, key: &Key) -> Result<Option<Entry>> {
        match self {
            Self::Nothing => Ok(None),
            Self::All { snapshot, .. } | Self::Few { snapshot, .. } => snapshot.get(key),
        }
    }

    /// Every known entry, its values left out.
    pub fn entries(&self) -> Box<dyn Iterator<Item = Result<Entry>>> {
        match self {
            Self::Nothing => Box::new(std::iter::empty()),
            Self::All { snapshot, .. } | Self::Few { snapshot, .. } => {
                Box::new(snapshot.scan(Values::LeaveOut))
            }
        }
    }

    /// Whether this run met the key of a known entry. Meant for the end of a read: asking counts as
    /// meeting it.
    pub fn is_present(&mut self, entry: &Entry) -> Result<bool> {
        let source_fp = entry.source_fp.unwrap_or(Hash128(0));
        Ok(matches!(self.lookup(&entry.key, source_fp)?, Known::Repeated))
    }

    /// Calls `visit` with every known entry that this run did not meet.
    pub fn for_each_unseen(&mut self, mut visit: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        match self {
            Self::Nothing => {}
            Self::All { probe, .. } => {
                for entry in probe.unseen() {
                    visit(entry?)?;
                }
            }
            Self::Few { snapshot, seen, .. } => {
                for entry in snapshot.scan(Values::Read) {
                    let entry = entry?;
                    if !seen.contains(&entry.key) {
                        visit(entry)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::All { probe, .. } => probe.bytes(),
            Self::Few { bytes, .. } => *bytes,
        }
    }
}
