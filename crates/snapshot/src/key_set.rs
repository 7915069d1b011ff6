//! A set of keys, compared by their bytes, that counts the memory it takes.

use std::hash::{BuildHasher, RandomState};

use syncline_core::{Error, ErrorKind, Key, Result};

use crate::page::hash_of;
use crate::wire::{put_varint, varint_bytes};

const CHUNK_BITS: u32 = 20;
/// Keys are stored end to end in pieces of up to this size; a larger key has a piece of its own.
const CHUNK_BYTES: usize = 1 << CHUNK_BITS;
/// The first pieces are small, as most runs meet few keys that need remembering.
const FIRST_CHUNK_BYTES: usize = 1 << 12;

/// The low bits of a place say where the key is, the others are leading bits of its hash.
const POSITION_BITS: u32 = 44;
const EMPTY: u64 = u64::MAX;
const PLACES_MIN: usize = 64;

/// A key that hashes well is found in this many steps; with a billion keys, one needs a few hundred.
/// Who chose keys that need more knows the hash, and is answered with a secret one.
const STEPS_MAX: usize = 1_000;

/// A set of keys without an allocation per key.
///
/// A key takes its bytes, one to five for its length, and 11 to 22 in an open-addressing table
/// that is at most three quarters full and doubles. Measured with ten million 9-byte keys: 23.5
/// bytes a key.
pub struct KeySet {
    /// Hashes the keys once they were seen to collide on purpose.
    secret: Option<RandomState>,
    chunks: Vec<Vec<u8>>,
    /// Linear probing. The number of places is a power of two.
    places: Vec<u64>,
    len: usize,
    key_bytes: u64,
    budget_bytes: u64,
}

impl KeySet {
    /// An empty set that may take `budget_bytes`.
    pub fn new(budget_bytes: u64) -> Self {
        Self { secret: None, chunks: Vec::new(), places: Vec::new(), len: 0, key_bytes: 0, budget_bytes }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes the set takes in memory.
    pub fn bytes(&self) -> u64 {
        self.key_bytes + (self.places.capacity() * size_of::<u64>()) as u64
    }

    /// Adds a key; `false` when it was in the set before.
    ///
    /// # Errors
    /// [`ErrorKind::OutOfMemory`] when the set would pass its budget; the key is not added.
    pub fn insert(&mut self, key: &Key) -> Result<bool> {
        self.insert_hashed(key.as_bytes(), key.hash())
    }

    /// Adds a key whose [`Key::hash`] is `hash`; `false` when it was in the set before.
    pub(crate) fn insert_hashed(&mut self, key: &[u8], hash: u64) -> Result<bool> {
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.fill(self.places.len() * 2)?;
        }
        let hash = self.secret.as_ref().map_or(hash, |secret| secret.hash_one(key));
        let home = self.home(hash);
        let mut place = home;
        while self.places[place] != EMPTY {
            if same_tag(self.places[place], hash) && self.key_at(self.places[place]) == key {
                return Ok(false);
            }
            place = (place + 1) & (self.places.len() - 1);
        }
        let steps = place.wrapping_sub(home) & (self.places.len() - 1);
        self.places[place] = tagged(hash, self.store(key)?);
        self.len += 1;
        if steps > STEPS_MAX && self.secret.is_none() {
            self.secret = Some(RandomState::new());
            self.fill(self.places.len())?;
        }
        Ok(true)
    }

    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.places.len() - 1)
    }

    /// Makes a table of so many places. The old one is dropped first: the keys are all it takes to
    /// fill the new.
    fn fill(&mut self, places: usize) -> Result<()> {
        let places = places.max(PLACES_MIN);
        self.afford(self.key_bytes + (places * size_of::<u64>()) as u64)?;
        self.places = Vec::new();
        self.places = vec![EMPTY; places];
        for chunk in 0..self.chunks.len() {
            let mut offset = 0;
            while offset < self.chunks[chunk].len() {
                let (start, end) = key_range(&self.chunks[chunk], offset);
                let key = &self.chunks[chunk][start..end];
                let hash = self.secret.as_ref().map_or_else(|| hash_of(key), |secret| secret.hash_one(key));
                let mut place = self.home(hash);
                while self.places[place] != EMPTY {
                    place = (place + 1) & (places - 1);
                }
                self.places[place] = tagged(hash, position(chunk, offset));
                offset = end;
            }
        }
        Ok(())
    }

    /// Appends the key and returns its position.
    fn store(&mut self, key: &[u8]) -> Result<u64> {
        let len = u32::try_from(key.len()).map_err(|_| Error::internal("a key is longer than 4 GiB"))?;
        let needed = varint_bytes(len) + key.len();
        let fits = self.chunks.last().is_some_and(|c| c.capacity() - c.len() >= needed);
        if !fits {
            let size = (self.key_bytes as usize / 4).clamp(FIRST_CHUNK_BYTES, CHUNK_BYTES);
            self.afford(self.bytes() + size.max(needed) as u64)?;
            let chunk = Vec::with_capacity(size.max(needed));
            self.key_bytes += chunk.capacity() as u64;
            self.chunks.push(chunk);
        }
        let chunk = self.chunks.len() - 1;
        let bytes = &mut self.chunks[chunk];
        let at = position(chunk, bytes.len());
        put_varint(len, bytes);
        bytes.extend_from_slice(key);
        Ok(at)
    }

    fn key_at(&self, place: u64) -> &[u8] {
        let position = place & ((1 << POSITION_BITS) - 1);
        let chunk = &self.chunks[(position >> CHUNK_BITS) as usize];
        let (start, end) = key_range(chunk, position as usize & (CHUNK_BYTES - 1));
        &chunk[start..end]
    }

    fn afford(&self, bytes: u64) -> Result<()> {
        if bytes <= self.budget_bytes {
            return Ok(());
        }
        Err(out_of_memory(
            format_args!("remembering {} keys to find duplicates", self.len + 1),
            bytes,
            self.budget_bytes,
        ))
    }
}

/// The error of whoever would need more than is left of the budget.
pub(crate) fn out_of_memory(what: impl std::fmt::Display, needed: u64, left: u64) -> Error {
    let message =
        format!("{what} needs {needed} bytes of memory; {left} bytes are left of the memory budget");
    Error::new(ErrorKind::OutOfMemory, message).help(format!(
        "raise memory_budget by at least {} bytes, or sync fewer rows",
        needed.saturating_sub(left)
    ))
}

fn position(chunk: usize, offset: usize) -> u64 {
    (chunk as u64) << CHUNK_BITS | offset as u64
}

fn tagged(hash: u64, position: u64) -> u64 {
    hash >> POSITION_BITS << POSITION_BITS | position
}

fn same_tag(place: u64, hash: u64) -> bool {
    place >> POSITION_BITS == hash >> POSITION_BITS
}

/// Where in `chunk` the key is whose length is written at `offset`.
fn key_range(chunk: &[u8], offset: usize) -> (usize, usize) {
    let (mut len, mut at, mut shift) = (0usize, offset, 0);
    loop {
        len |= usize::from(chunk[at] & 0x7f) << shift;
        at += 1;
        if chunk[at - 1] & 0x80 == 0 {
            return (at, at + len);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_new_exactly_once(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..400),
        ) {
            let (mut set, mut model) = (KeySet::new(1 << 30), HashSet::new());
            for key in keys {
                prop_assert_eq!(set.insert(&Key::new(&key)).unwrap(), model.insert(key));
                prop_assert_eq!(set.len(), model.len());
            }
        }
    }

    #[test]
    fn keys_of_any_length_are_kept_through_growth() {
        let key = |i: usize| Key::new(&vec![i as u8; [0, 1, 200, 20_000, CHUNK_BYTES + 1][i % 5] + i / 5]);
        let mut set = KeySet::new(u64::MAX);
        for i in 0..200 {
            assert!(set.insert(&key(i)).unwrap(), "{i}");
        }
        for i in 0..200 {
            assert!(!set.insert(&key(i)).unwrap(), "{i}");
        }
    }

    /// Their hash is known to anybody, and chosen so that all are equal: without a remedy each key is
    /// compared with all before it.
    #[test]
    fn keys_that_were_made_to_collide_are_found_in_few_steps() {
        // The start of xxh3's default secret multiplies what follows by zero.
        let key = |n: u64| {
            let mut key = [7; 32];
            key[..8].copy_from_slice(&[0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe]);
            key[8..16].copy_from_slice(&n.to_be_bytes());
            Key::new(&key)
        };
        assert_eq!(key(1).hash(), key(2).hash());
        let mut set = KeySet::new(1 << 20);
        for n in 0..4_000 {
            assert!(set.insert(&key(n)).unwrap());
        }
        for n in 0..4_000 {
            assert!(!set.insert(&key(n)).unwrap());
        }
        let longest = set.places.split(|place| *place == EMPTY).map(<[u64]>::len).max();
        assert!(longest.unwrap() < STEPS_MAX, "{longest:?}");
    }

    #[test]
    fn the_budget_is_never_passed_and_the_message_names_the_setting() {
        let mut set = KeySet::new(100_000);
        let error =
            (0u64..).find_map(|i| set.insert(&Key::new(&i.to_be_bytes())).err()).expect("the budget ends");
        assert_eq!(error.kind, ErrorKind::OutOfMemory);
        assert!(error.help.unwrap().contains("memory_budget"));
        assert!(set.bytes() <= 100_000 && set.len() > 300, "{} keys in {} bytes", set.len(), set.bytes());
    }
}
