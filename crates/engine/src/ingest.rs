//! Ingest: which rows a run reads, and reading them to the end.

use std::collections::HashSet;
use std::time::Duration;

use arrow::array::UInt32Array;
use jiff::Timestamp;
use syncline_connector::{InvalidRow, ReadFilter, SourceBatch};
use syncline_core::run::RunOptions;
use syncline_core::sync::{Sync, WriteMode};
use syncline_core::{CursorValue, Error, ErrorKind, Key, ReadMode, Result, RunType};
use syncline_store::SyncRecord;

use crate::normalize::Normalizer;
use crate::rows::Rows;

/// What part of the model a run reads.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// Every row.
    All,
    /// Rows at or past a cursor position, rows without one, and due records by key.
    Since(CursorValue),
    /// Rows with these row ids.
    Keys(Vec<String>),
}

/// Decides the scope of a run, before anything is read.
pub fn scope(
    sync: &Sync,
    record: &SyncRecord,
    run_type: RunType,
    options: &RunOptions,
    now: Timestamp,
) -> Scope {
    if !options.source_ids.is_empty() {
        return Scope::Keys(options.source_ids.clone());
    }
    let Some(cursor) = record.cursor.as_ref().filter(|_| sync.model.cursor.is_some()) else {
        return Scope::All;
    };
    if options.read_mode != ReadMode::Incremental || run_type == RunType::Seed || options.reseed {
        return Scope::All;
    }
    let full_read_due = sync.write_mode == WriteMode::Mirror
        && record
            .last_full_read_at
            .is_none_or(|at| now.duration_since(at).as_secs_f64() >= sync.full_read_every.as_secs_f64());
    if full_read_due && options.max_entities.is_none() {
        return Scope::All;
    }
    // A limited run reads on from the cursor itself: re-reading the lookback could fill the limit
    // every time and never progress.
    let lookback = if options.max_entities.is_some() { Duration::ZERO } else { sync.lookback };
    Scope::Since(earlier(cursor, lookback))
}

fn earlier(cursor: &CursorValue, by: Duration) -> CursorValue {
    match cursor {
        CursorValue::Timestamp { micros, zoned } => {
            CursorValue::Timestamp { micros: micros.saturating_sub(by.as_micros() as i64), zoned: *zoned }
        }
        other => other.clone(),
    }
}

/// A key's texts, one per key column, from its row id.
pub fn key_texts(row_id: &str, key_columns: usize) -> Option<Vec<String>> {
    if key_columns == 1 {
        return Some(vec![row_id.to_string()]);
    }
    let texts: Vec<String> = serde_json::from_str(row_id).ok()?;
    (texts.len() == key_columns).then_some(texts)
}

/// The filter a source is asked for.
pub fn filter(scope: &Scope, sync: &Sync, due: &[Key]) -> ReadFilter {
    let columns = sync.model.key.len();
    match scope {
        Scope::All => ReadFilter::All,
        Scope::Keys(ids) => ReadFilter::Keys(ids.iter().filter_map(|id| key_texts(id, columns)).collect()),
        Scope::Since(from) => ReadFilter::Since {
            column: sync.model.cursor.clone().unwrap_or_default(),
            from: from.clone(),
            keys: due.iter().filter_map(|k| key_texts(&k.row_id(), columns)).collect(),
        },
    }
}

/// The rows at `indices` (ascending) of a batch, with their invalid marks; none of the unreadable ones.
pub fn select(batch: &SourceBatch, indices: &[u32]) -> Result<SourceBatch> {
    let rows = match indices.len() == batch.rows.num_rows() {
        true => batch.rows.clone(),
        false => arrow::compute::take_record_batch(&batch.rows, &UInt32Array::from(indices.to_vec()))?,
    };
    let invalid = batch.invalid.iter().filter_map(|i| {
        let row = indices.binary_search(&(i.row as u32)).ok()?;
        Some(InvalidRow { row, error: i.error.clone() })
    });
    Ok(SourceBatch { rows, invalid: invalid.collect(), unreadable: Vec::new() })
}

/// Applies a scope to rows of a source that does not push it down.
pub struct RowFilter {
    from: Option<CursorValue>,
    keys: HashSet<String>,
}

impl RowFilter {
    pub fn new(scope: &Scope, due: &[Key]) -> Option<Self> {
        match scope {
            Scope::All => None,
            Scope::Keys(ids) => Some(Self { from: None, keys: ids.iter().cloned().collect() }),
            Scope::Since(from) => {
                Some(Self { from: Some(from.clone()), keys: due.iter().map(Key::row_id).collect() })
            }
        }
    }

    pub fn keeps(&self, cursor: Option<CursorValue>, row_id: &str) -> bool {
        if let Some(from) = &self.from {
            match cursor {
                None => return true,
                Some(c) if c.compare(from).is_none_or(|o| o.is_ge()) => return true,
                Some(_) => {}
            }
        }
        self.keys.contains(row_id)
    }
}

/// Chooses the rows of a run limited by `max_entities`: the first `limit` in cursor-then-key order
/// (key order without a cursor), with every row that ties with the last one on the cursor.
///
/// Rows at `boundary`, the cursor the run starts from, were read before; they are kept and do not
/// count. Rows that no cursor can pass (without a value, or dated past the bound) come last and
/// together, because the next run would meet them again. Without a cursor, rows up to `resume_after`
/// (a key) are left out.
pub struct LimitedRead {
    limit: u64,
    boundary: Option<CursorValue>,
    resume_after: Option<Vec<u8>>,
    has_cursor: bool,
    batches: Vec<Rows>,
    rows: Vec<LimitedRow>,
    bytes: u64,
}

struct LimitedRow {
    cursor: Option<CursorValue>,
    key: Vec<u8>,
    batch: usize,
    row: u32,
}

/// What a limited read chose.
pub struct LimitedRows {
    pub batches: Vec<Rows>,
    /// Rows were left for a later run.
    pub truncated: bool,
    /// Without a cursor: the last key chosen, where the next limited run goes on.
    pub resume_after: Option<Vec<u8>>,
}

impl LimitedRead {
    pub fn new(
        limit: u64,
        boundary: Option<CursorValue>,
        resume_after: Option<Vec<u8>>,
        has_cursor: bool,
    ) -> Self {
        Self { limit, boundary, resume_after, has_cursor, batches: Vec::new(), rows: Vec::new(), bytes: 0 }
    }

    /// Remembers decoded rows.
    pub fn push(&mut self, rows: Rows, normalizer: &Normalizer, memory_budget: u64) -> Result<()> {
        let Rows::Decoded { batch, .. } = &rows else {
            return Err(Error::internal("a limited read orders decoded rows"));
        };
        let mut normalized = normalizer.rows(&batch.rows);
        for row in 0..batch.rows.num_rows() {
            let key = normalized.key(row).map(|k| k.as_bytes().to_vec()).unwrap_or_default();
            if !self.has_cursor && self.resume_after.as_ref().is_some_and(|after| key <= *after) {
                continue;
            }
            self.bytes += 64 + key.len() as u64;
            let (cursor, row) = (normalized.cursor(row), row as u32);
            self.rows.push(LimitedRow { cursor, key, batch: self.batches.len(), row });
        }
        self.bytes += rows.bytes() as u64;
        if self.bytes > memory_budget {
            return Err(Error::new(
                ErrorKind::OutOfMemory,
                "a run limited by max_entities has to order more rows than the memory budget holds",
            )
            .help("raise memory_budget, or limit the model itself"));
        }
        self.batches.push(rows);
        Ok(())
    }

    /// `bound`: the latest time that the cursor may move to after this read.
    pub fn finish(mut self, bound: Option<Timestamp>, normalizer: &Normalizer) -> Result<LimitedRows> {
        let bound = bound.map_or(i64::MAX, Timestamp::as_microsecond);
        let order = |c: &Option<CursorValue>| match c {
            Some(CursorValue::Timestamp { micros, .. }) if *micros <= bound => (0, *micros),
            Some(CursorValue::Integer(n)) => (0, *n),
            _ => (1, 0),
        };
        self.rows.sort_by(|a, b| order(&a.cursor).cmp(&order(&b.cursor)).then_with(|| a.key.cmp(&b.key)));
        let mut counted = 0u64;
        let mut end = self.rows.len();
        for (i, row) in self.rows.iter().enumerate() {
            let at_boundary = self.has_cursor && row.cursor.is_some() && row.cursor == self.boundary;
            if at_boundary {
                continue;
            }
            let ties = self.has_cursor && i > 0 && order(&self.rows[i - 1].cursor) == order(&row.cursor);
            if counted >= self.limit && !ties {
                end = i;
                break;
            }
            counted += 1;
        }
        let truncated = end < self.rows.len();
        let resume_after = match self.rows[..end].last() {
            Some(last) if truncated && !self.has_cursor => Some(last.key.clone()),
            _ => None,
        };
        let mut chosen: Vec<Vec<u32>> = self.batches.iter().map(|_| Vec::new()).collect();
        for row in &self.rows[..end] {
            chosen[row.batch].push(row.row);
        }
        let mut batches = Vec::new();
        for (mut rows, mut chosen) in self.batches.into_iter().zip(chosen) {
            chosen.sort_unstable();
            let mut subset = rows.subset(&chosen, normalizer)?;
            if let (Rows::Decoded { batch: from, .. }, Rows::Decoded { batch: to, .. }) =
                (&mut rows, &mut subset)
            {
                to.unreadable = std::mem::take(&mut from.unreadable);
            }
            batches.push(subset);
        }
        Ok(LimitedRows { batches, truncated, resume_after })
    }
}

/// How far the cursor may move after a read.
///
/// It is the greatest value seen that is not after the source's own clock nor after the start of the
/// oldest write still open there, and never before where it was.
pub struct CursorProgress {
    bound: Option<i64>,
    seen: Option<CursorValue>,
    before: Option<CursorValue>,
}

impl CursorProgress {
    pub fn new(before: Option<CursorValue>) -> Self {
        Self { bound: None, seen: None, before }
    }

    /// Sets the bound; must come before the first `see`, or values are judged at the end.
    pub fn bound(&mut self, now: Option<Timestamp>, oldest_open_write: Option<Timestamp>) {
        let micros = |t: Timestamp| t.as_microsecond();
        self.bound = now.into_iter().chain(oldest_open_write).map(micros).min();
    }

    /// Notes a value that does not lie in the future as far as is known.
    pub fn see(&mut self, value: &CursorValue) {
        let later = self.seen.as_ref().is_none_or(|s| value.compare(s).is_some_and(|o| o.is_gt()));
        if later {
            self.seen = Some(value.clone());
        }
    }

    /// The new position.
    pub fn finish(self) -> Option<CursorValue> {
        let bounded = match (self.seen, self.bound) {
            (Some(CursorValue::Timestamp { micros, zoned }), Some(bound)) => {
                Some(CursorValue::Timestamp { micros: micros.min(bound), zoned })
            }
            (seen, _) => seen,
        };
        match (bounded, self.before) {
            (Some(new), Some(old)) if new.compare(&old).is_some_and(|o| o.is_lt()) => Some(old),
            (Some(new), _) => Some(new),
            (None, old) => old,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{AsArray, Int64Array, RecordBatch};
    use arrow::datatypes::Int64Type;
    use syncline_core::LogicalType;

    use super::*;

    fn int(n: i64) -> CursorValue {
        CursorValue::Integer(n)
    }

    fn at(micros: i64) -> CursorValue {
        CursorValue::Timestamp { micros, zoned: true }
    }

    #[test]
    fn the_cursor_stops_at_the_sources_clock_and_never_goes_back() {
        let mut p = CursorProgress::new(Some(at(50)));
        p.bound(Some(Timestamp::from_microsecond(100).unwrap()), None);
        p.see(&at(70));
        p.see(&at(5_000));
        assert_eq!(p.finish(), Some(at(100)), "a row dated in the future does not carry it along");

        let mut p = CursorProgress::new(Some(at(50)));
        p.bound(
            Some(Timestamp::from_microsecond(100).unwrap()),
            Some(Timestamp::from_microsecond(60).unwrap()),
        );
        p.see(&at(90));
        assert_eq!(p.finish(), Some(at(60)), "an open write may still commit earlier rows");

        let mut p = CursorProgress::new(Some(int(9)));
        p.see(&int(3));
        assert_eq!(p.finish(), Some(int(9)));
        assert_eq!(CursorProgress::new(Some(int(9))).finish(), Some(int(9)));
        assert_eq!(CursorProgress::new(None).finish(), None);
    }

    fn limited(cursors: &[Option<i64>], limit: u64, boundary: Option<i64>) -> (Vec<i64>, bool) {
        let (mut sync, _) = crate::testing::sync_with_cursor();
        sync.model.cursor = Some("at".into());
        let schema = Arc::new(arrow::datatypes::Schema::new(vec![
            LogicalType::Int64.field("id", false),
            LogicalType::Int64.field("at", true),
        ]));
        let ids: Vec<i64> = (0..cursors.len() as i64).collect();
        let columns: Vec<arrow::array::ArrayRef> =
            vec![Arc::new(Int64Array::from(ids)), Arc::new(Int64Array::from(cursors.to_vec()))];
        let rows = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let transform = crate::testing::transform_of(&sync, &schema);
        let normalizer = Normalizer::new(&sync, &transform, &schema, 1).unwrap();
        let mut read = LimitedRead::new(limit, boundary.map(int), None, true);
        read.push(Rows::decoded(rows.into(), &normalizer), &normalizer, 1 << 20).unwrap();
        let chosen = read.finish(None, &normalizer).unwrap();
        let Rows::Decoded { batch, identities } = &chosen.batches[0] else { panic!("they were decoded") };
        assert_eq!(identities.len(), batch.rows.num_rows());
        let ids = batch.rows.column(0).as_primitive::<Int64Type>().values().to_vec();
        (ids, chosen.truncated)
    }

    #[test]
    fn a_limited_run_takes_whole_tie_groups_in_cursor_order() {
        assert_eq!(limited(&[Some(3), Some(1), Some(2), Some(2)], 2, None), (vec![1, 2, 3], true));
        assert_eq!(limited(&[Some(3), Some(1), Some(2)], 2, None), (vec![1, 2], true));
        assert_eq!(limited(&[Some(3), Some(1)], 2, None), (vec![0, 1], false));
    }

    #[test]
    fn rows_at_the_boundary_do_not_use_up_the_limit() {
        let (ids, truncated) = limited(&[Some(5), Some(5), Some(5), Some(6), Some(7)], 1, Some(5));
        assert_eq!((ids, truncated), (vec![0, 1, 2, 3], true));
    }

    #[test]
    fn a_mirror_with_a_cursor_reads_everything_when_its_full_read_is_due() {
        let (sync, mut record) = crate::testing::sync_with_cursor();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let options = RunOptions::default();
        record.cursor = Some(at(7_000_000_000));
        record.last_full_read_at = Some(now - Duration::from_secs(3_600));
        assert_eq!(
            scope(&sync, &record, RunType::Sync, &options, now),
            Scope::Since(at(7_000_000_000 - 600_000_000)),
            "ten minutes are read again"
        );
        record.last_full_read_at = Some(now - Duration::from_secs(86_400));
        assert_eq!(scope(&sync, &record, RunType::Sync, &options, now), Scope::All);
        let ids = RunOptions { source_ids: vec!["7".into()], ..Default::default() };
        assert_eq!(scope(&sync, &record, RunType::Sync, &ids, now), Scope::Keys(vec!["7".into()]));
    }
}
