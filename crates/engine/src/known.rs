//! What is known of the keys a run meets: the snapshot's table in memory for complete reads, single
//! look-ups for small ones.

use std::collections::HashMap;

use syncline_connector::Identities;
use syncline_core::{Entry, Hash128, Key, Result};
use syncline_snapshot::{Found, HashRange, KeySet, Lookup, Probe, Snapshot, Values};

/// What is known of a row without loading its entry.
pub enum Glimpse {
    /// Delivered, and the fingerprint is equal.
    Unchanged,
    Met(Known),
}

/// Where an entry is that has to be looked at.
#[derive(Clone, Copy)]
pub enum Place {
    Slot(u32),
    /// Nowhere but in the snapshot.
    Snapshot,
}

/// One answer about one row's key, its entry being at hand.
pub enum Known {
    New,
    Entry(Box<Entry>),
    /// This run met the key before.
    Repeated,
}

#[expect(clippy::large_enum_variant, reason = "a run has few of them")]
pub enum KnownKeys {
    /// While the keys are being walked.
    Nothing,
    /// Nothing is known of any key, and whether a key comes twice is found out elsewhere.
    Fresh,
    /// For reads of everything: also tells which keys did not come.
    All { probe: Probe, snapshot: Snapshot, found: Vec<Found> },
    /// For reads of a few keys: costs one look-up each. `wanted`: row ids that were asked for, and
    /// whether they came.
    Few { snapshot: Snapshot, seen: KeySet, wanted: HashMap<String, bool> },
}

impl KnownKeys {
    /// Keys whose hash is in `range`.
    pub fn all(snapshot: Snapshot, range: HashRange, budget: u64) -> Result<Self> {
        let probe = Probe::build_range(&snapshot, range, budget)?;
        Ok(Self::All { probe, snapshot, found: Vec::new() })
    }

    pub fn few(snapshot: Snapshot, wanted: impl Iterator<Item = String>, budget: u64) -> Self {
        let wanted = wanted.map(|row_id| (row_id, false)).collect();
        Self::Few { snapshot, seen: KeySet::new(budget), wanted }
    }

    /// Prepares for [`KnownKeys::glimpse`] at rows of `identities`.
    pub fn look_at(&mut self, identities: &Identities) {
        if let Self::All { probe, found, .. } = self {
            found.clear();
            probe.find_all(identities.hashes(), identities.fingerprints(), found);
        }
    }

    /// Whether a row of the identities looked at last cannot be judged without its entry. `compare`: an
    /// equal fingerprint does not settle it.
    pub fn unsure(&self, row: usize, compare: bool) -> Option<Place> {
        match self {
            Self::Nothing | Self::Fresh => None,
            Self::All { found, .. } => match found[row] {
                Found::Differs(slot) => Some(Place::Slot(slot)),
                Found::Same(slot) if compare => Some(Place::Slot(slot)),
                Found::Same(_) | Found::New | Found::Collides => None,
            },
            Self::Few { .. } => Some(Place::Snapshot),
        }
    }

    /// Meets the key of a row that is not [`KnownKeys::unsure`].
    pub fn glimpse(&mut self, identities: &Identities, row: usize, compare: bool) -> Result<Glimpse> {
        let Self::All { probe, found, snapshot } = self else { return Ok(Glimpse::Met(Known::New)) };
        let key = identities.key(row);
        Ok(match found[row] {
            Found::Same(slot) if probe.see(slot) => Glimpse::Met(Known::Repeated),
            Found::Same(_) => Glimpse::Unchanged,
            Found::New if probe.remember_new(key, identities.hash(row))? => Glimpse::Met(Known::New),
            Found::New => Glimpse::Met(Known::Repeated),
            Found::Differs(_) | Found::Collides => {
                let key = Key::new(key);
                match probe.lookup(&key, identities.fingerprint(row))? {
                    Lookup::New => Glimpse::Met(Known::New),
                    Lookup::Unchanged if compare => Glimpse::Met(match snapshot.get(&key)? {
                        Some(entry) => Known::Entry(Box::new(entry)),
                        None => Known::New,
                    }),
                    Lookup::Unchanged => Glimpse::Unchanged,
                    Lookup::Known(entry) => Glimpse::Met(Known::Entry(entry)),
                    Lookup::Repeated(_) => Glimpse::Met(Known::Repeated),
                }
            }
        })
    }

    /// The entries of keys with their hashes, in the order given. Each page is read once.
    pub fn load(&self, keys: &[(u64, &[u8])]) -> Result<Vec<Option<Entry>>> {
        let (Self::All { snapshot, .. } | Self::Few { snapshot, .. }) = self else {
            return Ok(vec![None; keys.len()]);
        };
        let mut order: Vec<u32> = (0..keys.len() as u32).collect();
        order.sort_unstable_by_key(|i| keys[*i as usize]);
        let sorted: Vec<(u64, &[u8])> = order.iter().map(|i| keys[*i as usize]).collect();
        let mut entries = vec![None; keys.len()];
        for (i, entry) in order.into_iter().zip(snapshot.get_many(&sorted, Values::Read)?) {
            entries[i as usize] = entry;
        }
        Ok(entries)
    }

    /// Meets a key whose entry was loaded.
    pub fn meet(&mut self, key: &Key, place: Place, entry: Option<Entry>) -> Result<Known> {
        let is_first = match (self, place, &entry) {
            (Self::All { probe, .. }, Place::Slot(slot), Some(_)) => !probe.see(slot),
            // Another key has the same hash.
            (Self::All { probe, .. }, _, None) => probe.remember_new(key.as_bytes(), key.hash())?,
            (Self::Few { seen, wanted, .. }, _, _) => {
                if !wanted.is_empty()
                    && let Some(came) = wanted.get_mut(&key.row_id())
                {
                    *came = true;
                }
                seen.insert(key)?
            }
            (_, _, _) => true,
        };
        Ok(match entry {
            _ if !is_first => Known::Repeated,
            Some(entry) => Known::Entry(Box::new(entry)),
            None => Known::New,
        })
    }

    /// Meets a key, with the entry it has, wherever that is.
    pub fn meet_slowly(&mut self, key: &Key, entry: Option<Entry>) -> Result<Known> {
        let Self::All { probe, .. } = self else { return self.meet(key, Place::Snapshot, entry) };
        let source_fp = entry.as_ref().and_then(|e| e.source_fp).unwrap_or(Hash128(0));
        Ok(match (probe.lookup(key, source_fp)?, entry) {
            (Lookup::Repeated(_), _) => Known::Repeated,
            (_, Some(entry)) => Known::Entry(Box::new(entry)),
            (_, None) => Known::New,
        })
    }

    /// Whether a row that was asked for came.
    pub fn came(&self, row_id: &str) -> bool {
        matches!(self, Self::Few { wanted, .. } if wanted.get(row_id) == Some(&true))
    }

    /// Row ids that were asked for and came.
    pub fn all_came(&self) -> impl Iterator<Item = &String> {
        let wanted = match self {
            Self::Few { wanted, .. } => Some(wanted),
            Self::Nothing | Self::Fresh | Self::All { .. } => None,
        };
        wanted.into_iter().flatten().filter(|(_, came)| **came).map(|(row_id, _)| row_id)
    }

    /// The entry of a key, its values included.
    pub fn entry(&self, key: &Key) -> Result<Option<Entry>> {
        match self {
            Self::Nothing | Self::Fresh => Ok(None),
            Self::All { snapshot, .. } | Self::Few { snapshot, .. } => snapshot.get(key),
        }
    }

    /// Every known entry of the whole snapshot, its values left out.
    pub fn entries(&self) -> Box<dyn Iterator<Item = Result<Entry>>> {
        match self {
            Self::Nothing | Self::Fresh => Box::new(std::iter::empty()),
            Self::All { snapshot, .. } | Self::Few { snapshot, .. } => {
                Box::new(snapshot.scan(Values::LeaveOut))
            }
        }
    }

    /// Calls `visit` with every known entry that this run did not meet.
    pub fn for_each_unseen(&mut self, mut visit: impl FnMut(Entry) -> Result<()>) -> Result<()> {
        let Self::All { probe, .. } = self else { return Ok(()) };
        for entry in probe.unseen() {
            visit(entry?)?;
        }
        Ok(())
    }

    /// Bytes held.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Nothing | Self::Fresh => 0,
            Self::All { probe, .. } => probe.bytes(),
            Self::Few { seen, .. } => seen.bytes(),
        }
    }
}
