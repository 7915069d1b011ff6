//! Normalize: what a canonical row is known by: its key, its position on the cursor, its fingerprint.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int16Type, Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType};
use syncline_connector::{Identify, Identities};
use syncline_core::sync::Sync;
use syncline_core::{CursorValue, Error, ErrorKind, Hash128, Key, LogicalType, Result, RowEncoder, canon};

use crate::transform::Transform;

/// The columns by which the rows of one read are known.
pub struct Normalizer {
    keys: Vec<Column>,
    /// The columns that keys, mapping and filter use.
    used: Vec<Column>,
    cursor: Option<Column>,
    seed: u64,
}

struct Column {
    name: String,
    index: usize,
    ty: LogicalType,
}

impl Normalizer {
    /// `schema`: of the batches that will come. `seed`: the sync's secret. Fails when a column is not
    /// there, or the cursor's type has no order.
    pub fn new(sync: &Sync, transform: &Transform, schema: &SchemaRef, seed: u64) -> Result<Self> {
        let column = |name: &String| -> Result<Column> {
            let index = schema.index_of(name).map_err(|_| {
                Error::new(ErrorKind::SchemaChanged, format!("the model no longer has the column '{name}'"))
            })?;
            Ok(Column { name: name.clone(), index, ty: LogicalType::of(schema.field(index))? })
        };
        let cursor = sync.model.cursor.as_ref().map(column).transpose()?;
        if let Some(cursor) = &cursor {
            check_cursor(&cursor.name, &cursor.ty)?;
        }
        Ok(Self {
            keys: sync.model.key.iter().map(column).collect::<Result<_>>()?,
            used: transform.columns().iter().map(column).collect::<Result<_>>()?,
            cursor,
            // Another mapping makes other fingerprints: its rows are looked at again.
            seed: seed ^ transform.version().rotate_left(32),
        })
    }

    /// What a source of undecoded rows has to compute to know rows as this does.
    pub fn identify_at_source(&self) -> Identify {
        Identify { seed: self.seed, columns: self.used.iter().map(|c| c.name.clone()).collect() }
    }

    /// Keys and fingerprints of decoded rows.
    pub fn identify(&self, batch: &RecordBatch) -> Identities {
        let columns = batch.num_columns();
        let mut identities = Identities::with_columns(columns);
        for column in 0..columns {
            identities.count_nulls(column, batch.column(column).null_count() as u64);
        }
        let (keys, used) = (encoder(&self.keys, batch), encoder(&self.used, batch));
        let rows = self.rows(batch);
        let mut bytes = Vec::new();
        for row in 0..batch.num_rows() {
            if let Some(value) = rows.cursor(row) {
                identities.see_cursor(value);
            }
            if rows.null_key_column(row).is_some() {
                identities.push_unclear();
                continue;
            }
            bytes.clear();
            used.encode(row, &mut bytes);
            identities.push(canon::hash(self.seed, &bytes), |out| keys.encode(row, out));
        }
        identities
    }

    pub fn rows<'b>(&'b self, batch: &'b RecordBatch) -> NormalizedRows<'b> {
        let column = |c: &'b Column| (batch.column(c.index).as_ref(), c);
        NormalizedRows {
            keys: self.keys.iter().map(column).collect(),
            used: self.used.iter().map(column).collect(),
            cursor: self.cursor.as_ref().map(column),
            seed: self.seed,
            buffer: Vec::new(),
        }
    }
}

fn encoder<'b>(columns: &'b [Column], batch: &'b RecordBatch) -> RowEncoder<'b> {
    RowEncoder::new(columns.iter().map(|c| (&[] as &[u8], &c.ty, batch.column(c.index))))
}

/// The rows of one batch, normalized one by one.
pub struct NormalizedRows<'b> {
    keys: Vec<(&'b dyn Array, &'b Column)>,
    used: Vec<(&'b dyn Array, &'b Column)>,
    cursor: Option<(&'b dyn Array, &'b Column)>,
    seed: u64,
    buffer: Vec<u8>,
}

impl NormalizedRows<'_> {
    /// The row's key; `None` when one of its columns is NULL.
    pub fn key(&mut self, row: usize) -> Option<Key> {
        self.buffer.clear();
        for (array, column) in &self.keys {
            if array.is_null(row) {
                return None;
            }
            canon::encode(*array, &column.ty, row, &mut self.buffer);
        }
        Some(Key::new(&self.buffer))
    }

    /// The first key column that is NULL.
    pub fn null_key_column(&self, row: usize) -> Option<&str> {
        self.keys.iter().find(|(array, _)| array.is_null(row)).map(|(_, column)| column.name.as_str())
    }

    /// Fingerprint of the canonical bytes of the columns in use.
    pub fn fingerprint(&mut self, row: usize) -> Hash128 {
        self.buffer.clear();
        for (array, column) in &self.used {
            canon::encode(*array, &column.ty, row, &mut self.buffer);
        }
        canon::hash(self.seed, &self.buffer)
    }

    /// The row's position in the cursor column; `None` when it is NULL or there is no cursor.
    pub fn cursor(&self, row: usize) -> Option<CursorValue> {
        let (array, column) = self.cursor?;
        if array.is_null(row) {
            return None;
        }
        let timestamp = |micros, zoned| CursorValue::Timestamp { micros, zoned };
        Some(match &column.ty {
            LogicalType::Int16 => CursorValue::Integer(array.as_primitive::<Int16Type>().value(row).into()),
            LogicalType::Int32 => CursorValue::Integer(array.as_primitive::<Int32Type>().value(row).into()),
            LogicalType::Int64 => CursorValue::Integer(array.as_primitive::<Int64Type>().value(row)),
            LogicalType::Date => {
                let days = i64::from(array.as_primitive::<Date32Type>().value(row));
                timestamp(days.saturating_mul(86_400_000_000), false)
            }
            ty => timestamp(
                array.as_primitive::<TimestampMicrosecondType>().value(row),
                *ty == LogicalType::TimestampTz,
            ),
        })
    }
}

/// Fails when the cursor column's type has no order that progress can be measured by.
pub fn check_cursor(name: &str, ty: &LogicalType) -> Result<()> {
    let ordered = matches!(ty, LogicalType::Timestamp | LogicalType::TimestampTz | LogicalType::Date);
    if ordered || ty.is_integer() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::ModelQueryFailed, format!("the cursor column '{name}' is {ty}")).help(
        "a cursor must be a timestamp, a date or an integer; cast it in the model, or leave the cursor out",
    ))
}
