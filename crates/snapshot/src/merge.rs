//! Walking several segments as one.

use syncline_core::Result;

use crate::cursor::Cursor;
use crate::segment::Segment;

/// Visits every key of several segments once, in order, at its newest record, erasures included.
///
/// Looks at every cursor for each key: segments are few (a snapshot is merged when they are
/// many; spilled runs are as many as the budget fits into the data), and comparing the hashes
/// costs less than keeping a heap.
pub(crate) struct Merge {
    /// Oldest first.
    cursors: Vec<Cursor>,
    /// Cursors at the key visited last; the first of them is the newest.
    at_key: Vec<usize>,
}

impl Merge {
    pub fn new(segments: &[Segment]) -> Result<Self> {
        let mut cursors = Vec::with_capacity(segments.len());
        for segment in segments {
            cursors.extend(Cursor::start(segment.clone())?);
        }
        Ok(Self { cursors, at_key: Vec::new() })
    }

    /// Goes to the next key and returns the cursor at its newest record.
    pub fn next(&mut self) -> Result<Option<&mut Cursor>> {
        self.step()?;
        for i in (0..self.cursors.len()).rev() {
            let Some(&best) = self.at_key.first() else {
                self.at_key.push(i);
                continue;
            };
            let (here, best) = (&self.cursors[i], &self.cursors[best]);
            let order = match here.hash().cmp(&best.hash()) {
                std::cmp::Ordering::Equal => here.key()?.cmp(best.key()?),
                order => order,
            };
            match order {
                std::cmp::Ordering::Less => {
                    self.at_key.clear();
                    self.at_key.push(i);
                }
                std::cmp::Ordering::Equal => self.at_key.push(i),
                std::cmp::Ordering::Greater => {}
            }
        }
        Ok(self.at_key.first().map(|&i| &mut self.cursors[i]))
    }

    /// Moves all cursors past the key visited last. `at_key` descends, so that removing one does
    /// not move those after it in the list.
    fn step(&mut self) -> Result<()> {
        for i in std::mem::take(&mut self.at_key) {
            if !self.cursors[i].advance()? {
                self.cursors.remove(i);
            }
        }
        Ok(())
    }
}
