//! Records of a delta that memory has no room for, in temporary files.

use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind as IoErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU64};

use syncline_core::{Error, ErrorKind, Result};

use crate::arena::Arena;
use crate::frame::{Frame, FrameValues, LargeAt};
use crate::layout::checksum;
use crate::page::{hash_of, pack, unpack};
use crate::wire::Malformed;

/// Runs of one level; as many are merged into one of the next. So a record is written again once
/// for each 256-fold of what fits into the memory.
const RUNS_MAX: usize = 256;

/// Bytes that are compressed, written and read at once: measured with rows of 300 bytes, that takes no
/// more of the processor than writing four times as much to the system's cache. All runs together read half of the budget at once.
const BLOCK_BYTES_MAX: usize = 64 * 1024;
const BLOCK_BYTES_MIN: usize = 4 * 1024;

/// Values larger than this are read when they are written to the segment, and not before.
pub(crate) const LARGE_BYTES: usize = 64 * 1024;

/// Sorted runs of records. Temporary files have no name for longer than a moment, so that none is
/// left behind by a crash; there is one for all runs that came from memory, one for each run that
/// was merged from others, and one for large values.
pub(crate) struct Spill {
    folder: PathBuf,
    block_bytes: usize,
    file: Option<Output>,
    large: Option<Output>,
    /// Runs as they came from memory, then those merged of 256 of them, and so on; each oldest first.
    levels: Vec<Vec<Run>>,
}

impl Spill {
    pub fn new(folder: PathBuf, budget_bytes: u64) -> Self {
        let block_bytes = (budget_bytes / (2 * RUNS_MAX as u64)) as usize;
        let block_bytes = block_bytes.clamp(BLOCK_BYTES_MIN, BLOCK_BYTES_MAX);
        Self { folder, block_bytes, file: None, large: None, levels: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    #[cfg(test)]
    pub fn runs(&self) -> usize {
        self.levels.iter().map(Vec::len).sum()
    }

    #[cfg(test)]
    pub fn largest_block_bytes(&self) -> u32 {
        self.levels
            .iter()
            .flatten()
            .flat_map(|run| &run.blocks)
            .map(|block| block.raw_bytes)
            .max()
            .unwrap_or(0)
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> u64 {
        let block =
            |output: &Option<Output>| output.as_ref().map_or(0, |o| o.block.capacity() + o.packed.capacity());
        let blocks: usize = self.levels.iter().flatten().map(|run| run.blocks.capacity()).sum();
        (blocks * size_of::<Block>() + block(&self.file) + block(&self.large)) as u64
    }

    /// Writes values to their file.
    pub fn put_large(&mut self, values: &[u8]) -> Result<LargeAt> {
        let file = output(&mut self.large, &self.folder)?;
        let at = LargeAt { offset: file.end, len: values.len() as u32, checksum: checksum(values) };
        file.write(values, &self.folder)?;
        Ok(at)
    }

    /// Reads large values over `values`.
    pub fn read_large(&self, at: LargeAt, values: &mut Vec<u8>) -> Result<()> {
        let file = self.large.as_ref().ok_or_else(|| Error::internal("there are no large values"))?;
        values.resize(at.len as usize, 0);
        read_checked(&file.file, at.offset, at.checksum, values, &self.folder)
    }

    /// Writes the records in memory as one run.
    pub fn add(&mut self, arena: &mut Arena) -> Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => Output::new(&self.folder)?,
        };
        let mut run = Run::of(&file);
        arena.for_each(|_, frame| {
            let values = match frame.values {
                FrameValues::Here(values) if values.len() > LARGE_BYTES => {
                    FrameValues::Large(self.put_large(values)?)
                }
                values => values,
            };
            run.push(&Frame { values, ..*frame }, &mut file, self.block_bytes, &self.folder)
        })?;
        run.close_block(&mut file, &self.folder)?;
        self.file = Some(file);
        self.push_run(0, run)
    }

    /// Adds a run to a level, and makes one of them all when it is full.
    fn push_run(&mut self, level: usize, run: Run) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(run);
        if self.levels[level].len() < RUNS_MAX {
            return Ok(());
        }
        let oldest_first = std::mem::take(&mut self.levels[level]);
        if level == 0 {
            // The file goes when its last run does.
            self.file = None;
        }
        let mut file = Output::new(&self.folder)?;
        let mut merged = Run::of(&file);
        let runs = Runs { oldest_first, folder: self.folder.clone() };
        runs.for_each(|_, frame| merged.push(frame, &mut file, self.block_bytes, &self.folder))?;
        merged.close_block(&mut file, &self.folder)?;
        self.push_run(level + 1, merged)
    }

    /// All runs, to be read. None is left here, but what they say of large values is.
    pub fn take_runs(&mut self) -> Runs {
        self.file = None;
        let oldest_first = std::mem::take(&mut self.levels).into_iter().rev().flatten().collect();
        Runs { oldest_first, folder: self.folder.clone() }
    }
}

/// Sorted runs of records.
pub(crate) struct Runs {
    oldest_first: Vec<Run>,
    folder: PathBuf,
}

/// A temporary file that is written from its start to its end.
struct Output {
    file: Arc<File>,
    end: u64,
    block: Vec<u8>,
    packed: Vec<u8>,
}

impl Output {
    fn new(folder: &Path) -> Result<Self> {
        Ok(Self { file: Arc::new(temporary_file(folder)?), end: 0, block: Vec::new(), packed: Vec::new() })
    }

    fn write(&mut self, bytes: &[u8], folder: &Path) -> Result<()> {
        self.file.write_all_at(bytes, self.end).map_err(|e| {
            Error::from(e).context(format_args!("writing a temporary file in {}", folder.display()))
        })?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

fn output<'a>(output: &'a mut Option<Output>, folder: &Path) -> Result<&'a mut Output> {
    match output {
        Some(output) => Ok(output),
        none => Ok(none.insert(Output::new(folder)?)),
    }
}

/// Frames sorted by (hash, key), in blocks.
struct Run {
    file: Arc<File>,
    blocks: Vec<Block>,
}

struct Block {
    offset: u64,
    stored_bytes: u32,
    raw_bytes: u32,
    checksum: u64,
}

impl Run {
    fn of(file: &Output) -> Self {
        Self { file: Arc::clone(&file.file), blocks: Vec::new() }
    }

    fn push(
        &mut self,
        frame: &Frame<'_>,
        file: &mut Output,
        block_bytes: usize,
        folder: &Path,
    ) -> Result<()> {
        frame.put(&mut file.block);
        if file.block.len() >= block_bytes { self.close_block(file, folder) } else { Ok(()) }
    }

    fn close_block(&mut self, file: &mut Output, folder: &Path) -> Result<()> {
        if file.block.is_empty() {
            return Ok(());
        }
        let (block, mut room) = (std::mem::take(&mut file.block), std::mem::take(&mut file.packed));
        let stored = pack(&block, &mut room);
        self.blocks.push(Block {
            offset: file.end,
            stored_bytes: stored.len() as u32,
            raw_bytes: block.len() as u32,
            checksum: checksum(stored),
        });
        file.write(stored, folder)?;
        (file.block, file.packed) = (block, room);
        file.block.clear();
        Ok(())
    }
}

impl Runs {
    /// Hands the last record of each key to `take`, sorted by (hash, key), with the hash.
    pub fn for_each(self, mut take: impl FnMut(u64, &Frame<'_>) -> Result<()>) -> Result<()> {
        let Self { oldest_first, folder } = self;
        let mut heap = Heap::new(oldest_first, &folder)?;
        // The record to be handed on, as it is not known yet whether there are older ones of its key.
        let mut newest = Vec::new();
        while let Some(run) = heap.first() {
            let hash = run.hash;
            newest.clear();
            newest.extend_from_slice(run.frame_bytes());
            let (mut frame, _) = Frame::parse(&newest).map_err(unreadable)?;
            let key = frame.key().map_err(unreadable)?;
            heap.advance(&folder)?;
            while heap.first().is_some_and(|run| run.hash == hash && run.key() == key) {
                frame.repeated = true;
                heap.advance(&folder)?;
            }
            take(hash, &frame)?;
        }
        Ok(())
    }
}

/// A binary heap of runs, the one with the least (hash, key) first, and the newest of equal ones.
struct Heap {
    runs: Vec<RunReader>,
    /// Room for a block as it is stored.
    stored: Vec<u8>,
}

impl Heap {
    fn new(runs: Vec<Run>, folder: &Path) -> Result<Self> {
        let mut heap = Self { runs: Vec::with_capacity(runs.len()), stored: Vec::new() };
        for (age, run) in runs.into_iter().enumerate() {
            let mut reader = RunReader::new(run, age);
            if reader.advance(&mut heap.stored, folder)? {
                heap.runs.push(reader);
            }
        }
        for i in (0..heap.runs.len() / 2).rev() {
            heap.sink(i);
        }
        Ok(heap)
    }

    fn first(&self) -> Option<&RunReader> {
        self.runs.first()
    }

    /// Moves the first run to its next record.
    fn advance(&mut self, folder: &Path) -> Result<()> {
        if let Some(run) = self.runs.first_mut() {
            if !run.advance(&mut self.stored, folder)? {
                self.runs.swap_remove(0);
            }
            self.sink(0);
        }
        Ok(())
    }

    fn sink(&mut self, mut i: usize) {
        loop {
            let mut least = i;
            for child in [2 * i + 1, 2 * i + 2] {
                if child < self.runs.len() && self.runs[child].order(&self.runs[least]).is_lt() {
                    least = child;
                }
            }
            if least == i {
                return;
            }
            self.runs.swap(i, least);
            i = least;
        }
    }
}

/// A place in a run.
struct RunReader {
    hash: u64,
    /// Greater for newer runs.
    age: usize,
    run: Run,
    next_block: usize,
    block: Vec<u8>,
    /// The frame here, and its key, in `block`.
    frame: (usize, usize),
    key: (usize, usize),
}

impl RunReader {
    fn new(run: Run, age: usize) -> Self {
        Self { hash: 0, age, run, next_block: 0, block: Vec::new(), frame: (0, 0), key: (0, 0) }
    }

    fn frame_bytes(&self) -> &[u8] {
        &self.block[self.frame.0..self.frame.1]
    }

    fn key(&self) -> &[u8] {
        &self.block[self.key.0..self.key.1]
    }

    fn order(&self, other: &Self) -> Ordering {
        self.hash
            .cmp(&other.hash)
            .then_with(|| self.key().cmp(other.key()))
            .then_with(|| other.age.cmp(&self.age))
    }

    /// Goes to the next frame; `false` at the end.
    fn advance(&mut self, stored: &mut Vec<u8>, folder: &Path) -> Result<bool> {
        let mut start = self.frame.1;
        if start == self.block.len() {
            let Some(block) = self.run.blocks.get(self.next_block) else { return Ok(false) };
            stored.resize(block.stored_bytes as usize, 0);
            read_checked(&self.run.file, block.offset, block.checksum, stored, folder)?;
            unpack(stored, block.raw_bytes, &mut self.block).map_err(unreadable)?;
            self.next_block += 1;
            start = 0;
        }
        let (frame, len) = Frame::parse(&self.block[start..]).map_err(unreadable)?;
        let key = frame.key().map_err(unreadable)?;
        self.hash = hash_of(key);
        let key_start = start + Frame::key_offset(key.len());
        self.key = (key_start, key_start + key.len());
        self.frame = (start, start + len);
        Ok(true)
    }
}

fn read_checked(file: &File, offset: u64, sum: u64, bytes: &mut [u8], folder: &Path) -> Result<()> {
    let place = || format!("reading a temporary file in {}", folder.display());
    file.read_exact_at(bytes, offset).map_err(|e| Error::from(e).context(place()))?;
    if checksum(bytes) == sum {
        return Ok(());
    }
    let message = format!("{}: its bytes at {offset} are not those that were written", place());
    Err(Error::new(ErrorKind::LocalIo, message).help("check the disk and run again; nothing was lost"))
}

/// Frames are this process's own, and those of files passed their checksum.
pub(crate) fn unreadable(Malformed(what): Malformed) -> Error {
    Error::internal(format!("a record of a delta cannot be read: {what}"))
}

/// A new file in `folder` whose name is removed at once: the system frees it when it is closed.
fn temporary_file(folder: &Path) -> Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let failed = |e: std::io::Error| {
        Error::from(e).context(format_args!("making a temporary file in {}", folder.display()))
    };
    loop {
        let number = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
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
