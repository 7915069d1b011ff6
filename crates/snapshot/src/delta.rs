//! Collecting what a run learned, in any order, into one sorted segment.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use syncline_core::{Error, Result};

use crate::record::Record;
use crate::segment::Segment;
use crate::snapshot::{Erasures, merge_segments};
use crate::writer::{SegmentSummary, SegmentWriter};

/// Spilled files that are open at once; as many are merged into one.
const SPILLED_MAX: usize = 64;

/// Records that are in memory at once, whatever the budget.
const RECORDS_MAX: usize = u32::MAX as usize;

/// Collects records of one run and writes them as a segment. Of a key that was pushed several
/// times the last record is written.
///
/// Records are sorted in memory; whenever they pass the budget they are written, sorted, to a
/// temporary file, and the files are merged at the end. Temporary files have no name for longer
/// than a moment, so that none is left behind by a crash.
pub struct DeltaBuilder {
    budget_bytes: usize,
    spill_folder: PathBuf,
    records: Vec<Record>,
    /// The hash of each record's key, and its place in `records`. Sorted instead of them, as a
    /// record is ten times as large.
    order: Vec<(u64, u32)>,
    /// Bytes the records hold outside of `records`.
    heap_bytes: usize,
    spilled: Vec<Segment>,
}

impl DeltaBuilder {
    /// Keeps about `budget_bytes` in memory; `spill_folder` must exist when they do not suffice.
    pub fn new(budget_bytes: usize, spill_folder: impl Into<PathBuf>) -> Self {
        Self {
            budget_bytes,
            spill_folder: spill_folder.into(),
            records: Vec::new(),
            order: Vec::new(),
            heap_bytes: 0,
            spilled: Vec::new(),
        }
    }

    /// Whether nothing was pushed: a run that learned nothing needs no segment.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.spilled.is_empty()
    }

    pub fn push(&mut self, record: Record) -> Result<()> {
        self.heap_bytes += record.heap_bytes();
        self.order.push((record.key().hash(), self.records.len() as u32));
        self.records.push(record);
        let list_bytes = self.records.len() * (size_of::<Record>() + size_of::<(u64, u32)>());
        let full = self.heap_bytes + list_bytes > self.budget_bytes || self.records.len() == RECORDS_MAX;
        if full { self.spill() } else { Ok(()) }
    }

    /// Writes everything pushed, erasures included, as one segment.
    pub fn finish<W: Write>(mut self, out: W) -> Result<SegmentSummary> {
        if self.spilled.is_empty() {
            return self.write_sorted(out);
        }
        if !self.records.is_empty() {
            self.spill()?;
        }
        merge_segments(&self.spilled, Erasures::Keep, out)
    }

    fn spill(&mut self) -> Result<()> {
        let file = temporary_file(&self.spill_folder)?;
        self.write_sorted(&file)?;
        let name = format!("spilled to {} ({})", self.spill_folder.display(), self.spilled.len());
        self.spilled.push(Segment::open(name, file)?);
        if self.spilled.len() < SPILLED_MAX {
            return Ok(());
        }
        let file = temporary_file(&self.spill_folder)?;
        merge_segments(&self.spilled, Erasures::Keep, &file)?;
        self.spilled = vec![Segment::open(format!("merged in {}", self.spill_folder.display()), file)?];
        Ok(())
    }

    fn write_sorted<W: Write>(&mut self, out: W) -> Result<SegmentSummary> {
        let key = |at: u32| self.records[at as usize].key();
        // Records of one key stay in the order they were pushed.
        self.order.sort_unstable_by(|a, b| (a.0, key(a.1), a.1).cmp(&(b.0, key(b.1), b.1)));
        let mut writer = SegmentWriter::new(out)?;
        for (i, &(hash, at)) in self.order.iter().enumerate() {
            let next = self.order.get(i + 1);
            let superseded = next.is_some_and(|&(next, n)| next == hash && key(n) == key(at));
            if !superseded {
                writer.push(&self.records[at as usize])?;
            }
        }
        self.order.clear();
        self.records.clear();
        self.heap_bytes = 0;
        writer.finish()
    }
}

/// A new file in `folder` whose name is removed at once: the system frees it when it is closed.
fn temporary_file(folder: &Path) -> Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let failed = |e: std::io::Error| {
        Error::from(e).context(format_args!("making a temporary file in {}", folder.display()))
    };
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("delta-{}-{number}.tmp", std::process::id()));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path).map_err(failed)?;
                return Ok(file);
            }
            // Left by a process of the same number that died in between.
            Err(e) if e.kind() == IoErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(e)),
        }
    }
}
