//! What a run does to each record of a file, decided while chunks arrive and kept until the file is
//! rewritten.
//!
//! The match values of all records are held in memory (about 100 bytes each, which limits the size
//! of a file that can be a target to some tens of millions of records); the staged values are in
//! memory up to [`SPOOL_BYTES`] and in an unnamed temporary file beyond that.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use arrow::array::{Array, RecordBatch};
use syncline_connector::{Chunk, FieldRule, OpenRequest};
use syncline_core::canon::{self, Key};
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::{FieldWrite, Nulls, WriteMode};
use syncline_core::{Error, LogicalType, Op, Result, RowError, RowResult, text};
use tempfile::SpooledTempFile;

use super::rows::Column;
use syncline_core::json_text;

/// Staged values above this go to a temporary file in the target's folder.
const SPOOL_BYTES: usize = 32 << 20;

/// What one field of a record becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Keep,
    Set(Option<String>),
    /// Only if the record has no value there.
    SetIfEmpty(Option<String>),
}

/// Where staged cells stand in the spool.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    at: u64,
    len: u32,
}

impl Place {
    /// Size of the staged cells.
    pub fn bytes(self) -> usize {
        self.len as usize
    }
}

/// What becomes of a record of the old file.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    Removed,
    Changed(Place),
}

/// Who has a match value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holder {
    /// The record at this position of the old file.
    Old(u64),
    /// A record that this run creates.
    New,
}

pub struct Staging {
    mode: WriteMode,
    /// Fields of the session's schema, then the flag field if it is none of them.
    columns: Vec<Column>,
    rules: Vec<FieldRule>,
    /// The first so many columns are the match fields.
    match_count: usize,
    /// Index and value of the flag field.
    flag: Option<(usize, String)>,
    index: HashMap<Key, Holder>,
    fates: HashMap<u64, Fate>,
    created: Vec<Place>,
    spool: SpooledTempFile,
    spool_len: u64,
}

impl Staging {
    /// `columns` are the schema's fields and possibly the flag field; `flag` is its index and value.
    pub fn new(
        request: &OpenRequest,
        columns: Vec<Column>,
        flag: Option<(usize, String)>,
        folder: &Path,
    ) -> Self {
        Self {
            mode: request.write_mode,
            columns,
            rules: request.rules.clone(),
            match_count: request.target.match_fields.len(),
            flag,
            index: HashMap::new(),
            fates: HashMap::new(),
            created: Vec::new(),
            spool: tempfile::spooled_tempfile_in(SPOOL_BYTES, folder),
            spool_len: 0,
        }
    }

    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns that records are found by; none when records are only ever appended.
    pub fn match_columns(&self) -> &[Column] {
        let count = if self.mode == WriteMode::Append { 0 } else { self.match_count };
        &self.columns[..count]
    }

    /// Tells that the record at `position` has a match value; answers whether another one has it
    /// too. The columns of `rows` are the match columns; a record with a NULL is never found.
    pub fn know(&mut self, rows: &RecordBatch, row: usize, position: u64) -> bool {
        match self.key(rows, row) {
            Some(key) => self.index.insert(key, Holder::Old(position)).is_none(),
            None => true,
        }
    }

    pub fn is_unchanged(&self) -> bool {
        self.fates.is_empty() && self.created.is_empty()
    }

    pub fn fate(&self, position: u64) -> Option<Fate> {
        self.fates.get(&position).copied()
    }

    /// The new records, in order of arrival.
    pub fn created(&self) -> Vec<Place> {
        self.created.clone()
    }

    /// The staged cells of a record, one per column.
    pub fn load(&mut self, place: Place) -> Result<Vec<Cell>> {
        let mut bytes = vec![0; place.len as usize];
        self.spool.seek(SeekFrom::Start(place.at))?;
        self.spool.read_exact(&mut bytes)?;
        decode(&bytes, self.columns.len()).ok_or_else(|| Error::internal("a staged record is damaged"))
    }

    /// Stages the rows of a chunk and answers what they do.
    pub fn stage(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        let rows = chunk.payload.num_rows();
        if chunk.ops.len() != rows || chunk.old_match.as_ref().is_some_and(|old| old.num_rows() != rows) {
            return Err(Error::internal("a chunk has another number of operations than rows"));
        }
        let mut results: Vec<Option<RowResult>> =
            (0..rows).map(|row| self.problem(chunk, row).map(RowResult::Rejected)).collect();
        let mut pending = Vec::new();
        self.stage_moves(chunk, &mut results, &mut pending);
        let mut answers = Vec::with_capacity(rows);
        for (row, result) in results.into_iter().enumerate() {
            answers.push(match result {
                Some(result) => result,
                None => self.stage_row(chunk, row, &mut pending),
            });
        }
        self.spool.seek(SeekFrom::Start(self.spool_len))?;
        self.spool.write_all(&pending)?;
        self.spool_len += pending.len() as u64;
        Ok(answers)
    }

    /// Why a row cannot be written whatever the file holds.
    fn problem(&self, chunk: &Chunk, row: usize) -> Option<RowError> {
        let payload = &chunk.payload;
        if chunk.ops[row] != Op::Append
            && let Some(i) = (0..self.match_count).find(|i| payload.column(*i).is_null(row))
        {
            let name = &self.columns[i].name;
            let message = format!("the match field '{name}' is NULL, so no record can be found by it");
            return Some(RowError::new("null_match_value", message).field(name.clone()));
        }
        if chunk.ops[row].is_removal() { None } else { invalid_json(payload, &self.columns, row) }
    }

    /// Stages the rows whose record has another match value at the target. They happen all at once,
    /// so that records may take each other's values; one whose value stays taken is rejected, and
    /// then keeps its own, which may reject another.
    fn stage_moves(&mut self, chunk: &Chunk, results: &mut [Option<RowResult>], pending: &mut Vec<u8>) {
        let mut moves = self.moves(chunk, results);
        loop {
            let leaving: HashSet<&Key> = moves.iter().map(|m| &m.from).collect();
            let mut arriving = HashSet::new();
            let taken: Vec<bool> = moves
                .iter()
                .map(|m| {
                    (self.index.contains_key(&m.to) && !leaving.contains(&m.to)) || !arriving.insert(&m.to)
                })
                .collect();
            if !taken.contains(&true) {
                break;
            }
            let mut taken = taken.into_iter();
            moves.retain(|m| {
                let stays = !taken.next().unwrap_or(false);
                if !stays {
                    results[m.row] = Some(RowResult::Rejected(self.value_error(
                        "match_value_taken",
                        "another record of the file has this match value",
                    )));
                }
                stays
            });
        }
        for m in &moves {
            self.index.remove(&m.from);
        }
        for m in moves {
            let cells = self.updated(chunk, m.row, true);
            let place = self.encode(&cells, pending);
            self.fates.insert(m.position, Fate::Changed(place));
            self.index.insert(m.to, Holder::Old(m.position));
            results[m.row] = Some(RowResult::Updated { target_id: None });
        }
    }

    fn moves(&self, chunk: &Chunk, results: &mut [Option<RowResult>]) -> Vec<Move> {
        let mut moves = Vec::new();
        if self.mode == WriteMode::Insert {
            return moves;
        }
        for (row, result) in results.iter_mut().enumerate() {
            if result.is_some() || !matches!(chunk.ops[row], Op::Create | Op::Update) {
                continue;
            }
            let (Some(from), Some(to)) = (self.old_key(chunk, row), self.key(&chunk.payload, row)) else {
                continue;
            };
            // Where the old record is gone, the row is an ordinary one.
            match self.index.get(&from) {
                Some(Holder::Old(position)) if from != to && !self.fates.contains_key(position) => {
                    moves.push(Move { row, position: *position, from, to });
                }
                Some(_) if from != to => *result = Some(RowResult::Rejected(self.twice())),
                _ => {}
            }
        }
        moves
    }

    fn stage_row(&mut self, chunk: &Chunk, row: usize, pending: &mut Vec<u8>) -> RowResult {
        let op = chunk.ops[row];
        if op == Op::Append {
            return self.create(chunk, row, pending);
        }
        let old_key = if op.is_removal() { self.old_key(chunk, row) } else { None };
        let Some(key) = old_key.or_else(|| self.key(&chunk.payload, row)) else {
            return RowResult::Rejected(self.value_error("null_match_value", "the match value is NULL"));
        };
        let position = match self.index.get(&key) {
            Some(Holder::Old(position)) if !self.fates.contains_key(position) => Some(*position),
            Some(_) => return RowResult::Rejected(self.twice()),
            None => None,
        };
        match (op, position) {
            (Op::Remove(_), None) => RowResult::Removed,
            (Op::Remove(action), Some(position)) => {
                let fate = match action {
                    RemovalAction::Delete => {
                        self.index.remove(&key);
                        Fate::Removed
                    }
                    RemovalAction::Clear => Fate::Changed(self.encode(&self.cleared(), pending)),
                    RemovalAction::Flag => Fate::Changed(self.encode(&self.flagged(), pending)),
                };
                self.fates.insert(position, fate);
                RowResult::Removed
            }
            (_, Some(_)) if self.mode == WriteMode::Insert => RowResult::Exists,
            (_, None) if self.mode == WriteMode::Update => RowResult::Absent,
            (_, Some(position)) => {
                let cells = self.updated(chunk, row, false);
                let place = self.encode(&cells, pending);
                self.fates.insert(position, Fate::Changed(place));
                RowResult::Updated { target_id: None }
            }
            (_, None) => {
                self.index.insert(key, Holder::New);
                self.create(chunk, row, pending)
            }
        }
    }

    fn create(&mut self, chunk: &Chunk, row: usize, pending: &mut Vec<u8>) -> RowResult {
        let mut cells: Vec<Cell> =
            (0..chunk.payload.num_columns()).map(|i| Cell::Set(self.value(chunk, i, row))).collect();
        cells.resize(self.columns.len(), Cell::Keep);
        let place = self.encode(&cells, pending);
        self.created.push(place);
        RowResult::Created { target_id: None }
    }

    /// The cells of an update by the rules of each field. Match fields are written only when the
    /// match value moves, so that their spelling in the file stays.
    fn updated(&self, chunk: &Chunk, row: usize, moves: bool) -> Vec<Cell> {
        let cell = |i: usize| {
            let value =
                if i < chunk.payload.num_columns() { self.value(chunk, i, row) } else { return Cell::Keep };
            if i < self.match_count {
                return if moves { Cell::Set(value) } else { Cell::Keep };
            }
            let rule = self.rules.get(i).copied();
            match rule.map(|r| (r.write, r.nulls)) {
                Some((_, Nulls::Skip)) if value.is_none() => Cell::Keep,
                Some((FieldWrite::CreateOnly, _)) => Cell::Keep,
                Some((FieldWrite::IfEmpty, _)) => Cell::SetIfEmpty(value),
                Some((FieldWrite::Always, _)) | None => Cell::Set(value),
            }
        };
        (0..self.columns.len()).map(cell).collect()
    }

    /// Every delivered field NULL, except the match fields and a flag field that is not delivered.
    fn cleared(&self) -> Vec<Cell> {
        let cell =
            |i| if (self.match_count..self.rules.len()).contains(&i) { Cell::Set(None) } else { Cell::Keep };
        (0..self.columns.len()).map(cell).collect()
    }

    fn flagged(&self) -> Vec<Cell> {
        let mut cells = vec![Cell::Keep; self.columns.len()];
        if let Some((field, value)) = &self.flag {
            cells[*field] = Cell::Set(Some(value.clone()));
        }
        cells
    }

    fn value(&self, chunk: &Chunk, column: usize, row: usize) -> Option<String> {
        text::render(chunk.payload.column(column), &self.columns[column].ty, row)
    }

    /// The match value of a row; `None` when part of it is NULL.
    fn key(&self, rows: &RecordBatch, row: usize) -> Option<Key> {
        let mut bytes = Vec::new();
        for (i, column) in self.columns[..self.match_count].iter().enumerate() {
            if rows.column(i).is_null(row) {
                return None;
            }
            canon::encode(rows.column(i), &column.ty, row, &mut bytes);
        }
        Some(Key::new(&bytes))
    }

    /// The match value at the target, where the chunk says that it differs.
    fn old_key(&self, chunk: &Chunk, row: usize) -> Option<Key> {
        let old = chunk.old_match.as_ref()?;
        if (0..self.match_count).all(|i| old.column(i).is_null(row)) {
            return None;
        }
        let mut bytes = Vec::new();
        for (i, column) in self.columns[..self.match_count].iter().enumerate() {
            let array = if old.column(i).is_null(row) { chunk.payload.column(i) } else { old.column(i) };
            canon::encode(array, &column.ty, row, &mut bytes);
        }
        Some(Key::new(&bytes))
    }

    fn twice(&self) -> RowError {
        self.value_error("duplicate_match_value", "this run writes another record with the same match value")
    }

    fn value_error(&self, code: &str, message: &str) -> RowError {
        let error = RowError::new(code, message);
        match self.columns.first() {
            Some(column) => error.field(column.name.clone()),
            None => error,
        }
    }

    /// Appends cells to what the chunk adds to the spool.
    fn encode(&self, cells: &[Cell], pending: &mut Vec<u8>) -> Place {
        let start = pending.len();
        for cell in cells {
            let (tag, value) = match cell {
                Cell::Keep => (0, None),
                Cell::Set(value) => (1, value.as_deref()),
                Cell::SetIfEmpty(value) => (3, value.as_deref()),
            };
            pending.push(tag + u8::from(value.is_some()));
            if let Some(text) = value {
                pending.extend_from_slice(&(text.len() as u32).to_le_bytes());
                pending.extend_from_slice(text.as_bytes());
            }
        }
        Place { at: self.spool_len + start as u64, len: (pending.len() - start) as u32 }
    }
}

/// The first json field of a row that holds something else, which would spoil the file.
pub fn invalid_json(rows: &RecordBatch, columns: &[Column], row: usize) -> Option<RowError> {
    columns.iter().zip(rows.columns()).filter(|(c, _)| c.ty == LogicalType::Json).find_map(|(c, array)| {
        let raw = text::render(array, &c.ty, row).filter(|t| json_text::validate(t).is_err())?;
        let message = format!("the value of '{}' is not valid JSON", c.name);
        Some(RowError::new("invalid_json", message).field(c.name.clone()).raw_value(Some(raw)))
    })
}

/// A record that gets another match value.
struct Move {
    row: usize,
    position: u64,
    from: Key,
    to: Key,
}

fn decode(mut bytes: &[u8], count: usize) -> Option<Vec<Cell>> {
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        let (tag, rest) = bytes.split_first()?;
        bytes = rest;
        let mut value = None;
        if matches!(tag, 2 | 4) {
            let (len, rest) = bytes.split_first_chunk::<4>()?;
            let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
            value = Some(std::str::from_utf8(text).ok()?.to_string());
            bytes = rest;
        }
        cells.push(match tag {
            0 => Cell::Keep,
            1 | 2 => Cell::Set(value),
            3 | 4 => Cell::SetIfEmpty(value),
            _ => return None,
        });
    }
    bytes.is_empty().then_some(cells)
}
