//! Failed rows on their way to row errors, dead letters and pending entries.

use arrow::array::RecordBatch;
use jiff::Timestamp;
use syncline_core::ids::LetterId;
use syncline_core::{
    Entry, EntryState, Hash128, Key, LogicalType, Origin, RowError, Run, Stage, canon, text,
};
use syncline_snapshot::Record;
use syncline_store::{DeadLetter, LetterState, RowErrorRecord};

use crate::decide;

/// Flag of a letter whose record may be at the target all the same.
pub const MAY_HAVE_BEEN_WRITTEN: &str = "may_have_been_written";

/// One row that failed.
pub struct Failure {
    /// `None`: the row has no usable key and cannot be remembered, only reported.
    pub key: Option<Key>,
    /// Row id, or the place of a row without key.
    pub row_id: String,
    pub stage: Stage,
    pub error: RowError,
    pub source_row: Option<serde_json::Value>,
    pub payload: Option<serde_json::Value>,
    /// The operation that failed; `None`: it never got that far.
    pub op: Option<syncline_core::Op>,
    pub source_fp: Option<Hash128>,
    /// What was known of the key.
    pub entry: Option<Box<Entry>>,
    /// The target may have it all the same.
    pub unknown: bool,
}

impl Failure {
    pub fn without_key(place: String, stage: Stage, error: RowError) -> Self {
        Self {
            key: None,
            row_id: place,
            stage,
            error,
            source_row: None,
            payload: None,
            op: None,
            source_fp: None,
            entry: None,
            unknown: false,
        }
    }

    /// Whether the key had not failed before.
    pub fn is_first(&self) -> bool {
        !matches!(self.entry.as_ref().map(|e| &e.state), Some(EntryState::Pending { .. }))
    }

    /// Failures of this key in a row, this one included.
    fn attempts(&self) -> u32 {
        match self.entry.as_ref().map(|e| &e.state) {
            Some(EntryState::Pending { attempts, .. }) => attempts + 1,
            _ => 1,
        }
    }

    /// As listed among the run's errors.
    pub fn row_error(&self, keep_values: bool) -> RowErrorRecord {
        RowErrorRecord {
            row_id: self.row_id.clone(),
            stage: self.stage,
            code: self.error.code.clone(),
            message: self.error.message.clone(),
            field: self.error.field.clone(),
            raw_value: self.error.raw_value.clone().filter(|_| keep_values),
            removal: self.op.is_some_and(|op| op.is_removal()),
        }
    }

    /// As a dead letter; `None` without a key. Opened letters of the same key are found by the store.
    pub fn letter(
        &self,
        run: &Run,
        mapping_version: u64,
        keep_values: bool,
        now: Timestamp,
    ) -> Option<DeadLetter> {
        let key = self.key.as_ref()?;
        let identity = format!("{}/{}", run.sync_uid, self.row_id);
        let id =
            uuid::Uuid::from_u128(xxhash_rust::xxh3::xxh3_128(format!("{identity}/{}", run.id).as_bytes()));
        Some(DeadLetter {
            id: LetterId::from_uuid(id),
            sync_uid: run.sync_uid.clone(),
            sync_id: run.sync_id.clone(),
            entity: run.sync_id.entity().to_string(),
            key: key.as_bytes().to_vec(),
            row_id: self.row_id.clone(),
            run_id: run.id.clone(),
            correlation_id: run.correlation_id.clone(),
            state: LetterState::Open,
            stage: self.stage,
            code: self.error.code.clone(),
            message: self.error.message.clone(),
            field: self.error.field.clone(),
            raw_value: self.error.raw_value.clone().filter(|_| keep_values),
            fingerprint: self.fingerprint(),
            source_row: self.source_row.clone(),
            payload: self.payload.clone(),
            mapping_version: format!("{mapping_version:016x}"),
            op: self.op.map_or("none", |op| op.as_str()).to_string(),
            attempts: self.attempts(),
            first_seen_at: now,
            last_seen_at: now,
            flags: if self.unknown { vec![MAY_HAVE_BEEN_WRITTEN.into()] } else { Vec::new() },
            source_fp: self.kept_fp().map(|fp| format!("{:032x}", fp.0)),
            edited: None,
            replayed_by: None,
            ignored_because: None,
        })
    }

    /// The fingerprint of the row that failed. A removal has no row.
    fn kept_fp(&self) -> Option<Hash128> {
        self.source_fp.filter(|_| !self.op.is_some_and(|op| op.is_removal()))
    }

    /// The same for errors of one kind: code, field and stage.
    fn fingerprint(&self) -> String {
        let text = format!(
            "{}|{}|{}",
            self.stage.as_str(),
            self.error.code,
            self.error.field.as_deref().unwrap_or_default()
        );
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes()))
    }

    /// The key's pending entry after this failure; `None` for rows without a key.
    ///
    /// A record that could not be removed stands as it was delivered. It is pending so that its key is
    /// looked at in every run; without a fingerprint, so that a row that is back is compared at once.
    pub fn entry_record(&self, epoch: u64, now_micros: i64) -> Option<Record> {
        let key = self.key.clone()?;
        let entry = self.entry.as_deref();
        Some(Record::Put(Entry {
            key,
            state: decide::pending(self.attempts(), epoch, now_micros),
            format: canon::FORMAT,
            source_fp: self.kept_fp(),
            // What an unknown outcome left at the target is not what was delivered before.
            delivered_hash: entry
                .and_then(|e| e.delivered_hash)
                .map(|hash| if self.unknown { decide::UNSURE } else { hash }),
            origin: entry.map_or(Origin::Created, |e| e.origin),
            match_value: entry.and_then(|e| e.match_value.clone()),
            target_id: entry.and_then(|e| e.target_id.clone()),
            values: entry.and_then(|e| e.values.clone()),
        }))
    }
}

/// Failures of a run that wait to be stored, and the keys whose trouble is over.
#[derive(Default)]
pub struct Failures {
    pub pending: Vec<Failure>,
    pub resolved: Vec<Key>,
}

/// One row of a batch as a JSON object.
pub fn row_json(rows: &RecordBatch, row: usize) -> serde_json::Value {
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let ty = LogicalType::of(field).unwrap_or(LogicalType::Text);
        (field.name().clone(), text::to_json(column.as_ref(), &ty, row))
    });
    serde_json::Value::Object(fields.collect())
}
