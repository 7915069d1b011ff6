//! Rows of a first load: all of them are new, and go to the target as they are read.

use arrow::array::{Array, RecordBatch, UInt32Array};
use syncline_core::sync::StoreValues;
use syncline_core::{EntryState, Error, Key, Op, Origin, Result, SkipReason, Stage, canon};
use syncline_snapshot::{EntryRef, Record};

use super::{DecodedBatch, Planner, Sink};
use crate::failures::row_json;
use crate::privacy;
use crate::rows::Rows;

impl Planner {
    /// Maps rows that were counted and hands them over. Their entries say delivered, which comes true
    /// when the load is committed. A key that comes twice is found by its entries when they are sorted.
    pub fn load(&mut self, rows: &Rows) -> Result<()> {
        let identities = rows.identities();
        let first = self.tally.counters.rows_processed - identities.len() as u64;
        let all: Vec<u32> = (0..identities.len() as u32).collect();
        let decoded = rows.decode(&all)?;
        let invalid = decoded.invalid.into_iter().map(|i| (i.row, i.error)).collect();
        let mut batch = DecodedBatch { rows: decoded.rows, invalid, candidates: Vec::new() };
        let mut clear: Vec<u32> = all;
        for row in identities.unclear() {
            self.unclear(&mut batch, *row as usize, first + u64::from(*row) + 1)?;
        }
        if !identities.unclear().is_empty() || !batch.invalid.is_empty() {
            clear.retain(|row| {
                identities.unclear().binary_search(row).is_err()
                    && !batch.invalid.contains_key(&(*row as usize))
            });
            let mut faulty: Vec<usize> = batch.invalid.keys().copied().collect();
            faulty.retain(|row| identities.unclear().binary_search(&(*row as u32)).is_err());
            faulty.sort_unstable();
            for row in faulty {
                let Some(error) = batch.invalid.remove(&row) else { continue };
                let (key, fp) = (Key::new(identities.key(row)), identities.fingerprint(row));
                self.fail(&batch.rows, row, key, fp, None, Stage::Normalize, error, None)?;
            }
        }
        if !batch.candidates.is_empty() {
            // A row that has a key after all: what is wrong with it was found when it was decoded.
            for candidate in std::mem::take(&mut batch.candidates) {
                let Some(error) = batch.invalid.remove(&candidate.row) else {
                    return Err(Error::internal("a row without identity has nothing wrong with it"));
                };
                let (key, fp) = (candidate.key, candidate.source_fp);
                self.fail(&batch.rows, candidate.row, key, fp, None, Stage::Normalize, error, None)?;
            }
        }
        let subset = match clear.len() == batch.rows.num_rows() {
            true => batch.rows,
            false => arrow::compute::take_record_batch(&batch.rows, &UInt32Array::from(clear.clone()))?,
        };
        self.load_mapped(rows, &subset, &clear)
    }

    /// `places`: of each row of `subset` among `rows`.
    fn load_mapped(&mut self, rows: &Rows, subset: &RecordBatch, places: &[u32]) -> Result<()> {
        let identities = rows.identities();
        let transform = std::sync::Arc::clone(&self.transform);
        let (excluded, mut exclude_errors) = transform.excluded(subset)?;
        let mut mapped = transform.apply(subset)?;
        let payload_rows = transform.payload().rows(&mapped.payload);
        let (mut values, mut match_value) = (Vec::new(), Vec::new());
        let mut sent: Vec<u32> = Vec::with_capacity(places.len());
        for (i, place) in places.iter().enumerate() {
            let place = *place as usize;
            let key = identities.key(place);
            let source_fp = identities.fingerprint(place);
            let is_excluded = excluded.as_ref().is_some_and(|e| e.is_valid(i) && e.value(i));
            if is_excluded || (transform.excludes_keys() && transform.is_excluded_key(&Key::new(key))) {
                self.skip_row(identities, place, SkipReason::Excluded);
                // Says nothing of the key, but is found when it comes twice.
                self.updates.push(Record::Erase(Key::new(key)))?;
                continue;
            }
            if let Some(error) = exclude_errors.remove(&i).or_else(|| mapped.errors.remove(&i)) {
                let payload = self.keeps_values().then(|| row_json(&mapped.payload, i));
                self.fail(subset, i, Key::new(key), source_fp, None, Stage::Transform, error, payload)?;
                continue;
            }
            values.clear();
            match_value.clear();
            payload_rows.encode(i, &mut values);
            let has_match = payload_rows.encode_match(i, &mut match_value);
            let masked = match self.sync.store_values {
                StoreValues::Masked => privacy::kept(StoreValues::Masked, self.seed, &values)?,
                StoreValues::Full | StoreValues::None => None,
            };
            let kept = match self.sync.store_values {
                StoreValues::Full => Some(values.as_slice()),
                StoreValues::Masked | StoreValues::None => masked.as_deref(),
            };
            self.updates.push_put(&EntryRef {
                key,
                hash: identities.hash(place),
                state: EntryState::Delivered,
                format: canon::FORMAT,
                source_fp: Some(source_fp),
                delivered_hash: Some(canon::hash(self.seed, &values)),
                origin: Origin::Created,
                match_value: has_match.then_some(match_value.as_slice()),
                target_id: None,
                values: kept,
            })?;
            self.tally.plan(Op::Create, || Key::new(key).row_id());
            sent.push(i as u32);
        }
        if sent.is_empty() {
            return Ok(());
        }
        let payload = match sent.len() == mapped.payload.num_rows() {
            true => mapped.payload.clone(),
            false => arrow::compute::take_record_batch(&mapped.payload, &UInt32Array::from(sent))?,
        };
        match &mut self.sink {
            Sink::Load(hand_over) => hand_over.payload(payload),
            Sink::Plan(_) | Sink::Loaded => Err(Error::internal("rows of a plan are not handed over")),
        }
    }
}
