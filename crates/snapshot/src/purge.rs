//! Taking what is known of single keys out of a segment: finding its records, and a copy without them.

use std::io::Write;

use syncline_core::{Key, Result};

use crate::merge::Merge;
use crate::record::{Record, RecordView};
use crate::segment::Segment;
use crate::writer::{SegmentSummary, SegmentWriter};

/// What a copy of a segment keeps of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The record as it is.
    Whole,
    /// The entry without its values. An erasure, which has none, stays as it is.
    WithoutValues,
    /// Nothing, so that the copy says nothing of the key.
    Nothing,
}

impl Segment {
    /// The records whose key is wanted, values included, in order. Every key is looked at.
    ///
    /// # Errors
    /// `Corrupt` or `LocalIo` when a page cannot be read.
    pub fn records_where(&self, mut wanted: impl FnMut(&[u8]) -> bool) -> Result<Vec<Record>> {
        let mut found = Vec::new();
        let mut merge = Merge::new(std::slice::from_ref(self))?;
        while let Some(cursor) = merge.next()? {
            if !wanted(cursor.key()?) {
                continue;
            }
            found.push(match cursor.record()? {
                (RecordView::Put(entry), reader) => {
                    let values = entry.values.map(|at| reader.read(at).map(Box::from)).transpose()?;
                    Record::Put(entry.to_entry(values))
                }
                (RecordView::Erase(key), _) => Record::Erase(Key::new(key)),
            });
        }
        Ok(found)
    }

    /// Writes a copy that keeps of each record what `kept` says of its key.
    ///
    /// # Errors
    /// As [`Segment::records_where`], and what writing to `out` gives.
    pub fn copy_keeping<W: Write>(
        &self,
        mut kept: impl FnMut(&[u8]) -> Kept,
        out: W,
    ) -> Result<SegmentSummary> {
        let mut writer = SegmentWriter::new(out)?;
        let mut merge = Merge::new(std::slice::from_ref(self))?;
        while let Some(cursor) = merge.next()? {
            let kept = kept(cursor.key()?);
            let hash = cursor.hash();
            let (record, head, reader) = cursor.record_parts()?;
            match (kept, &record) {
                (Kept::Nothing, _) => {}
                (Kept::WithoutValues, RecordView::Put(entry)) => {
                    writer.push(&Record::Put(entry.to_entry(None)))?;
                }
                (Kept::Whole, RecordView::Put(entry)) => {
                    let values = entry.values.map(|at| reader.read(at)).transpose()?;
                    writer.push_head(hash, head, values)?;
                }
                (_, RecordView::Erase(_)) => writer.push_head(hash, head, None)?,
            }
        }
        writer.finish()
    }
}
