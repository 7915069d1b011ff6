//! Rows that wait on disk because what is known of their keys does not fit into memory at once.
//!
//! Rows go to one of 2ⁿ parts by the leading bits of the hash of their key, which is also the order of
//! the snapshot. Each part is then compared by itself with its range of the snapshot, and divided again
//! where it is still too large. Files are unnamed: the system frees them with the process.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use syncline_connector::{InvalidRow, RestoreRaw, SourceBatch};
use syncline_core::{Error, Key, Result, RowError};
use syncline_snapshot::{HashRange, Probe, Snapshot};

use crate::ingest;
use crate::known::KnownKeys;
use crate::normalize::Normalizer;
use crate::planner::Planner;
use crate::rows::Rows;

/// Parts that one division makes, as a power of two.
const BITS: u32 = 6;
/// Bits that a key's hash can be divided by. One part then holds the rows of few keys, if they are not
/// all of one key.
const BITS_MAX: u32 = 48;
/// A part of so few rows and entries is not divided, however small the budget is: what it takes is the
/// pages of the snapshot that it is in.
const PART_ROWS_MIN: u64 = 4_096;
/// What remembering the key of a row takes, about.
const ROW_BYTES: u64 = 48;
/// What is written at once to a part's file.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is known of keys, range by range.
pub struct Knowing {
    pub snapshot: Snapshot,
    /// The read is of everything; otherwise of a few keys, these among them.
    pub all: bool,
    pub wanted: Vec<String>,
    /// Bytes it may take at once.
    pub budget: u64,
}

impl Knowing {
    /// What is known of the keys whose hash is in `range`, in at most `budget` bytes.
    pub fn known(&self, range: HashRange, budget: u64) -> Result<KnownKeys> {
        match self.all {
            true => KnownKeys::all(self.snapshot.clone(), range, budget),
            false => Ok(KnownKeys::few(self.snapshot.clone(), self.wanted.iter().cloned(), budget)),
        }
    }

    /// Bytes that comparing so many rows of `range` takes at most.
    pub fn bytes_for(&self, range: &HashRange, rows: u64) -> u64 {
        let known = if self.all { Probe::bytes_for(self.snapshot.entries_in(range)) } else { 0 };
        known + rows * ROW_BYTES
    }
}

/// Rows that are compared part by part once they have all come.
pub struct Spilled {
    partitions: Partitions,
    knowing: Knowing,
    /// Keys of rows that were judged as they came.
    met: Vec<Key>,
}

impl Spilled {
    pub fn new(scratch: &Path, normalizer: Arc<Normalizer>, knowing: Knowing) -> Self {
        Self { partitions: Partitions::new(scratch, normalizer), knowing, met: Vec::new() }
    }

    /// Stores rows that were counted.
    pub fn take(&mut self, planner: &mut Planner, rows: &Rows) -> Result<()> {
        let unclear = self.partitions.push(rows)?;
        if !unclear.is_empty() {
            self.met.extend(planner.take_unclear(rows, &unclear)?);
        }
        Ok(())
    }

    /// Compares all parts; `then` is called after each, with the hashes of its keys.
    pub fn compare(
        self,
        planner: &mut Planner,
        reseeds: bool,
        then: &mut dyn FnMut(&mut Planner, &HashRange) -> Result<()>,
    ) -> Result<()> {
        let Self { partitions, knowing, met } = self;
        let mut parts = partitions.into_parts()?;
        parts.reverse();
        while let Some(part) = parts.pop() {
            let needed = knowing.bytes_for(&part.range, part.rows);
            let is_small = part.rows.max(knowing.snapshot.entries_in(&part.range)) <= PART_ROWS_MIN;
            if needed > knowing.budget && !is_small && part.is_divisible() {
                parts.extend(part.divide()?.into_iter().rev());
                continue;
            }
            let budget = if is_small { needed.max(knowing.budget) } else { knowing.budget };
            planner.turn_to(knowing.known(part.range.clone(), budget)?)?;
            if reseeds {
                planner.clear_all()?;
            }
            for key in met.iter().filter(|key| part.range.contains(&key.hash())) {
                planner.meet_again(key)?;
            }
            let range = part.range.clone();
            part.for_each(|rows| planner.compare(&rows))?;
            then(planner, &range)?;
        }
        Ok(())
    }
}

/// Rows divided by the hash of their keys.
struct Partitions {
    scratch: PathBuf,
    normalizer: Arc<Normalizer>,
    /// Leading bits that all hashes have, and how many those are.
    prefix: u64,
    prefix_bits: u32,
    parts: Vec<Part>,
    restorer: Option<Arc<dyn RestoreRaw>>,
}

#[derive(Default)]
struct Part {
    file: Option<BufWriter<File>>,
    rows: u64,
}

/// The rows of one range of hashes.
struct Partition {
    range: HashRange,
    rows: u64,
    file: Option<File>,
    scratch: PathBuf,
    normalizer: Arc<Normalizer>,
    prefix: u64,
    prefix_bits: u32,
    restorer: Option<Arc<dyn RestoreRaw>>,
}

/// How rows are stored in a frame.
const RAW: u8 = 0;
const DECODED: u8 = 1;

impl Partitions {
    /// Divides all hashes.
    fn new(scratch: &Path, normalizer: Arc<Normalizer>) -> Self {
        Self::within(scratch.to_path_buf(), normalizer, 0, 0)
    }

    fn within(scratch: PathBuf, normalizer: Arc<Normalizer>, prefix: u64, prefix_bits: u32) -> Self {
        let parts = (0..1 << BITS).map(|_| Part::default()).collect();
        Self { scratch, normalizer, prefix, prefix_bits, parts, restorer: None }
    }

    /// Stores the rows that have a key, and returns the places of the others.
    fn push(&mut self, rows: &Rows) -> Result<Vec<u32>> {
        let identities = rows.identities();
        let unclear = identities.unclear().to_vec();
        let mut places: Vec<Vec<u32>> = vec![Vec::new(); self.parts.len()];
        for row in 0..identities.len() as u32 {
            if unclear.is_empty() || unclear.binary_search(&row).is_err() {
                let hash = identities.hash(row as usize);
                places[((hash << self.prefix_bits) >> (64 - BITS)) as usize].push(row);
            }
        }
        if let Rows::Raw(raw) = rows {
            self.restorer.get_or_insert_with(|| raw.restorer());
        }
        for (part, places) in self.parts.iter_mut().zip(&places) {
            if places.is_empty() {
                continue;
            }
            let (kind, bytes) = save(rows, places)?;
            let compressed = lz4_flex::block::compress(&bytes);
            let file = match &mut part.file {
                Some(file) => file,
                None => {
                    let file = tempfile::tempfile_in(&self.scratch)?;
                    part.file.insert(BufWriter::with_capacity(BUFFER_BYTES, file))
                }
            };
            file.write_all(&[kind])?;
            file.write_all(&(bytes.len() as u64).to_le_bytes())?;
            file.write_all(&(compressed.len() as u64).to_le_bytes())?;
            file.write_all(&compressed)?;
            part.rows += places.len() as u64;
        }
        Ok(unclear)
    }

    /// The parts, in the order of the hashes; also those without rows.
    fn into_parts(self) -> Result<Vec<Partition>> {
        let Self { scratch, normalizer, prefix, prefix_bits, parts, restorer } = self;
        let bits = prefix_bits + BITS;
        let partition = |(i, part): (u64, Part)| {
            let prefix = prefix << BITS | i;
            let start = prefix << (64 - bits);
            let file = match part.file {
                None => None,
                Some(buffered) => {
                    let mut file = buffered.into_inner().map_err(|e| Error::from(e.into_error()))?;
                    file.rewind()?;
                    Some(file)
                }
            };
            Ok(Partition {
                range: start..=(start | (u64::MAX >> bits)),
                rows: part.rows,
                file,
                scratch: scratch.clone(),
                normalizer: Arc::clone(&normalizer),
                prefix,
                prefix_bits: bits,
                restorer: restorer.clone(),
            })
        };
        (0..).zip(parts).map(partition).collect()
    }
}

impl Partition {
    /// Whether there is anything to divide it by.
    fn is_divisible(&self) -> bool {
        self.prefix_bits + BITS <= BITS_MAX
    }

    /// Divides it further.
    fn divide(self) -> Result<Vec<Partition>> {
        let mut parts = Partitions::within(
            self.scratch.clone(),
            Arc::clone(&self.normalizer),
            self.prefix,
            self.prefix_bits,
        );
        self.for_each(|rows| parts.push(&rows).map(|_| ()))?;
        parts.into_parts()
    }

    /// Hands its rows to `take`, batch by batch, in the order they were read.
    fn for_each(self, mut take: impl FnMut(Rows) -> Result<()>) -> Result<()> {
        let Some(file) = self.file else { return Ok(()) };
        let mut file = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut kind = [0];
        while file.read(&mut kind)? == 1 {
            let mut length = || -> Result<usize> {
                let mut bytes = [0; 8];
                file.read_exact(&mut bytes)?;
                Ok(u64::from_le_bytes(bytes) as usize)
            };
            let (length, stored) = (length()?, length()?);
            let mut compressed = vec![0; stored];
            file.read_exact(&mut compressed)?;
            let bytes = lz4_flex::block::decompress(&compressed, length)
                .map_err(|e| Error::internal(format!("a temporary file cannot be read back: {e}")))?;
            take(match (kind[0], &self.restorer) {
                (RAW, Some(restorer)) => Rows::Raw(restorer.restore(bytes)?),
                (DECODED, _) => Rows::decoded(restore(&bytes)?, &self.normalizer),
                _ => return Err(Error::internal("a temporary file holds rows of an unknown kind")),
            })?;
        }
        Ok(())
    }
}

fn save(rows: &Rows, places: &[u32]) -> Result<(u8, Vec<u8>)> {
    let mut bytes = Vec::new();
    let batch = match rows {
        Rows::Raw(raw) => {
            raw.save(places, &mut bytes);
            return Ok((RAW, bytes));
        }
        Rows::Decoded { batch, .. } => ingest::select(batch, places)?,
    };
    let invalid: Vec<(usize, RowError)> = batch.invalid.into_iter().map(|i| (i.row, i.error)).collect();
    let invalid = serde_json::to_vec(&invalid).map_err(|e| Error::internal(e.to_string()))?;
    bytes.extend_from_slice(&(invalid.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&invalid);
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.rows.schema())?;
    writer.write(&batch.rows)?;
    writer.finish()?;
    drop(writer);
    Ok((DECODED, bytes))
}

fn restore(bytes: &[u8]) -> Result<SourceBatch> {
    let broken = || Error::internal("a temporary file is cut short");
    let (length, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
    let (invalid, rows) = rest.split_at_checked(u64::from_le_bytes(*length) as usize).ok_or_else(broken)?;
    let invalid: Vec<(usize, RowError)> =
        serde_json::from_slice(invalid).map_err(|e| Error::internal(e.to_string()))?;
    let batch = StreamReader::try_new(rows, None)?.next().ok_or_else(broken)??;
    let invalid = invalid.into_iter().map(|(row, error)| InvalidRow { row, error }).collect();
    Ok(SourceBatch { rows: batch, invalid, unreadable: Vec::new() })
}
