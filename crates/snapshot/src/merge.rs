//! Walking several segments as one.

use syncline_core::Result;

use crate::cursor::Cursor;
use crate::segment::Segment;
use crate::snapshot::HashRange;

/// Visits every key of several segments once, in order, at its newest record, erasures included.
///
/// Looks at the hash of every cursor for each key: segments are few, as a snapshot is merged when
/// they are many, and that costs less than keeping a heap.
pub(crate) struct Merge {
    /// Oldest first.
    cursors: Vec<Cursor>,
    /// Cursors at the key visited last; the first of them is the newest. Descends.
    at_key: Vec<usize>,
}

impl Merge {
    /// Visits the keys of all hashes.
    pub fn new(segments: &[Segment]) -> Result<Self> {
        Self::in_range(segments, &(0..=u64::MAX))
    }

    /// Visits the keys whose hash is in `range`. Pages outside of it are not read.
    pub fn in_range(segments: &[Segment], range: &HashRange) -> Result<Self> {
        let mut cursors = Vec::with_capacity(segments.len());
        for segment in segments {
            cursors.extend(Cursor::start(segment.clone(), range)?);
        }
        Ok(Self { cursors, at_key: Vec::new() })
    }

    /// Goes to the next key and returns the cursor at its newest record.
    pub fn next(&mut self) -> Result<Option<&mut Cursor>> {
        self.step()?;
        self.find_first()?;
        Ok(self.at_key.first().map(|&i| &mut self.cursors[i]))
    }

    /// Passes over the keys whose hash is below `hash`; keys that were visited stay behind.
    pub fn seek(&mut self, hash: u64) -> Result<()> {
        self.step()?;
        for i in (0..self.cursors.len()).rev() {
            if !self.cursors[i].seek(hash)? {
                self.cursors.remove(i);
            }
        }
        Ok(())
    }

    /// Finds the cursors at the least key.
    fn find_first(&mut self) -> Result<()> {
        let Some(least) = self.cursors.iter().map(Cursor::hash).min() else { return Ok(()) };
        for i in (0..self.cursors.len()).rev().filter(|&i| self.cursors[i].hash() == least) {
            let order = match self.at_key.first() {
                None => std::cmp::Ordering::Equal,
                Some(&best) => self.cursors[i].key()?.cmp(self.cursors[best].key()?),
            };
            if order.is_lt() {
                self.at_key.clear();
            }
            if order.is_le() {
                self.at_key.push(i);
            }
        }
        Ok(())
    }

    /// Moves all cursors past the key visited last. As `at_key` descends, removing one does not
    /// move those after it in the list.
    fn step(&mut self) -> Result<()> {
        for &i in &self.at_key {
            if !self.cursors[i].advance()? {
                self.cursors.remove(i);
            }
        }
        self.at_key.clear();
        Ok(())
    }
}
