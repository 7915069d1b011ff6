//! Rows that are known by their key and fingerprint before they are decoded.

use std::fmt;
use std::sync::Arc;

use syncline_core::{CursorValue, Hash128, Result};

use crate::source::SourceBatch;

/// Rows as the system sent them. Most rows of most runs did not change: comparing their bytes is all
/// that happens to them.
///
/// Contract:
/// - The same row in the same format has the same fingerprint in every read with the same
///   [`crate::Identify`]; rows that differ in a covered column have different ones. Another spelling of
///   an equal value may change the fingerprint; the row is then decoded and compared by its values.
/// - Only a source that filters by itself ([`crate::Source::pushes_down`]) sends undecoded rows.
/// - Fingerprints cover the names and the wire types of the covered columns, so that equal bytes of
///   another type are another row.
pub trait RawBatch: Send + Sync {
    /// Keys, fingerprints and what else is known of the rows without decoding them.
    fn identities(&self) -> &Identities;

    /// Bytes held.
    fn bytes(&self) -> usize;

    /// Brings the rows at `rows` (ascending) to canonical form, in the schema of the read. Rows without
    /// canonical form are reported as invalid.
    fn decode(&self, rows: &[u32]) -> Result<SourceBatch>;

    /// Appends the rows at `rows` to `out`, in a form that [`RestoreRaw::restore`] reads.
    fn save(&self, rows: &[u32], out: &mut Vec<u8>);

    /// What reads saved rows of this read.
    fn restorer(&self) -> Arc<dyn RestoreRaw>;
}

impl fmt::Debug for dyn RawBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawBatch").field("rows", &self.identities().len()).finish()
    }
}

/// Reads rows that [`RawBatch::save`] wrote to a temporary file.
pub trait RestoreRaw: Send + Sync {
    /// The rows in `saved`, in order.
    fn restore(&self, saved: Vec<u8>) -> Result<Box<dyn RawBatch>>;
}

/// What rows are known by, column by column.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    /// Canonical keys end to end (see [`syncline_core::canon`]).
    keys: Vec<u8>,
    /// Where each row's key ends.
    key_ends: Vec<u32>,
    /// Hash of each key: [`syncline_core::canon::key_hash`].
    hashes: Vec<u64>,
    fingerprints: Vec<Hash128>,
    /// Rows, ascending, that cannot be told without decoding them: a key column is NULL, or a key or
    /// cursor value has no canonical form. Their key, hash and fingerprint mean nothing.
    unclear: Vec<u32>,
    /// Greatest value of the cursor column, if the model has one.
    cursor_max: Option<CursorValue>,
    /// NULLs of each column of the read.
    nulls: Vec<u64>,
}

impl Identities {
    /// For rows with so many columns.
    pub fn with_columns(columns: usize) -> Self {
        Self { nulls: vec![0; columns], ..Self::default() }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Adds a row. `key` appends its canonical key to the buffer it is given.
    pub fn push(&mut self, fingerprint: Hash128, key: impl FnOnce(&mut Vec<u8>)) {
        let start = self.keys.len();
        key(&mut self.keys);
        self.key_ends.push(self.keys.len() as u32);
        self.hashes.push(syncline_core::canon::key_hash(&self.keys[start..]));
        self.fingerprints.push(fingerprint);
    }

    /// Adds a row that has to be decoded to be known.
    pub fn push_unclear(&mut self) {
        self.unclear.push(self.hashes.len() as u32);
        self.key_ends.push(self.keys.len() as u32);
        self.hashes.push(0);
        self.fingerprints.push(Hash128(0));
    }

    /// Notes a NULL in a column of the read.
    pub fn count_null(&mut self, column: usize) {
        self.count_nulls(column, 1);
    }

    pub fn count_nulls(&mut self, column: usize, nulls: u64) {
        self.nulls[column] += nulls;
    }

    /// Notes a value of the cursor column.
    pub fn see_cursor(&mut self, value: CursorValue) {
        let is_later = self.cursor_max.as_ref().is_none_or(|m| value.compare(m).is_some_and(|o| o.is_gt()));
        if is_later {
            self.cursor_max = Some(value);
        }
    }

    /// Canonical key of a row.
    pub fn key(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.key_ends[row - 1] as usize };
        &self.keys[start..self.key_ends[row] as usize]
    }

    pub fn hash(&self, row: usize) -> u64 {
        self.hashes[row]
    }

    pub fn fingerprint(&self, row: usize) -> Hash128 {
        self.fingerprints[row]
    }

    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    pub fn fingerprints(&self) -> &[Hash128] {
        &self.fingerprints
    }

    pub fn unclear(&self) -> &[u32] {
        &self.unclear
    }

    pub fn cursor_max(&self) -> Option<&CursorValue> {
        self.cursor_max.as_ref()
    }

    pub fn nulls(&self) -> &[u64] {
        &self.nulls
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.keys.capacity() + self.key_ends.capacity() * 4 + self.hashes.capacity() * 24
    }
}
