//! What a row is known by, taken from its bytes as the server sent them.

use std::ops::Range;

use arrow::array::Array;
use syncline_connector::{Identify, Identities};
use syncline_core::canon::{self, Scalar};
use syncline_core::sync::Model;
use syncline_core::{CursorValue, Error, ErrorKind, LogicalType, Result};

use super::column::{self, Column, MICROS_PER_DAY, Refusal};
use super::framing::{Malformed, Row};
use super::numeric;
use super::source_sql::ModelColumn;
use super::types::{PgType, Wire};

/// Where keys, fingerprints and cursors are in the rows of one read.
#[derive(Debug)]
pub struct Identifier {
    columns: usize,
    keys: Vec<Part>,
    /// Runs of neighbouring covered columns. In order, and none touches the next.
    covered: Vec<Range<usize>>,
    cursor: Option<Part>,
    /// Of the fingerprints; other columns or types have another one.
    seed: u64,
}

/// A column that is looked into.
#[derive(Debug)]
struct Part {
    index: usize,
    name: String,
    ty: PgType,
}

impl Identifier {
    /// `columns`: those of the read, in order.
    ///
    /// Fails with [`ErrorKind::SchemaChanged`] when the read lacks a key column or a covered one.
    pub fn new(columns: &[&ModelColumn], model: &Model, identify: &Identify) -> Result<Self> {
        let part = |name: &String| {
            let index = columns.iter().position(|c| c.name == *name).ok_or_else(|| {
                Error::new(ErrorKind::SchemaChanged, format!("the model has no column '{name}'"))
            })?;
            Ok(Part { index, name: name.clone(), ty: columns[index].ty.clone() })
        };
        let mut places: Vec<usize> =
            identify.columns.iter().map(|name| part(name).map(|p| p.index)).collect::<Result<_>>()?;
        places.sort_unstable();
        places.dedup();
        let mut covered: Vec<Range<usize>> = Vec::new();
        for place in places {
            match covered.last_mut() {
                Some(run) if run.end == place => run.end += 1,
                _ => covered.push(place..place + 1),
            }
        }
        let has_cursor = |name: &&String| columns.iter().any(|c| c.name == **name);
        Ok(Self {
            columns: columns.len(),
            keys: model.key.iter().map(part).collect::<Result<_>>()?,
            seed: seed(identify.seed, covered.iter().cloned().flatten().map(|i| columns[i])),
            covered,
            cursor: model.cursor.as_ref().filter(has_cursor).map(part).transpose()?,
        })
    }

    /// Starts a batch.
    pub fn start(&self) -> Identifying<'_> {
        Identifying {
            by: self,
            found: Identities::with_columns(self.columns),
            cursor_max: None,
            key: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

/// The fingerprints' seed for rows of these columns.
fn seed<'a>(seed: u64, columns: impl Iterator<Item = &'a ModelColumn>) -> u64 {
    let mut description = Vec::new();
    for column in columns {
        description.extend_from_slice(&(column.name.len() as u64).to_be_bytes());
        description.extend_from_slice(column.name.as_bytes());
        description.extend_from_slice(&column.native.oid().to_be_bytes());
        description.extend_from_slice(&column.typmod.to_be_bytes());
    }
    xxhash_rust::xxh3::xxh3_64_with_seed(&description, seed)
}

/// The rows of one batch, identified one by one.
pub struct Identifying<'a> {
    by: &'a Identifier,
    found: Identities,
    cursor_max: Option<i64>,
    key: Vec<u8>,
    scratch: Vec<u8>,
}

impl Identifying<'_> {
    /// Adds a row. Fails, naming the column, when a key or cursor is no value at all.
    pub fn add(&mut self, row: Row<'_>) -> std::result::Result<(), Malformed> {
        row.nulls().for_each(|column| self.found.count_null(column));
        let is_clear = self.see_cursor(row)? & self.find_key(row)?;
        if is_clear {
            let fingerprint = self.fingerprint(row);
            self.found.push(fingerprint, |out| out.extend_from_slice(&self.key));
        } else {
            self.found.push_unclear();
        }
        Ok(())
    }

    pub fn finish(mut self) -> Identities {
        if let (Some(max), Some(cursor)) = (self.cursor_max, &self.by.cursor) {
            self.found.see_cursor(match cursor.ty.logical {
                LogicalType::Date | LogicalType::Timestamp => {
                    CursorValue::Timestamp { micros: max, zoned: false }
                }
                LogicalType::TimestampTz => CursorValue::Timestamp { micros: max, zoned: true },
                _ => CursorValue::Integer(max),
            });
        }
        self.found
    }

    fn fingerprint(&mut self, row: Row<'_>) -> syncline_core::Hash128 {
        if let [run] = self.by.covered.as_slice() {
            return canon::hash(self.by.seed, row.run(run));
        }
        self.scratch.clear();
        for run in &self.by.covered {
            self.scratch.extend_from_slice(row.run(run));
        }
        canon::hash(self.by.seed, &self.scratch)
    }

    /// Sets `key`; false when it cannot be told without decoding the row.
    #[inline]
    fn find_key(&mut self, row: Row<'_>) -> std::result::Result<bool, Malformed> {
        self.key.clear();
        for part in &self.by.keys {
            let Some(bytes) = row.field(part.index) else { return Ok(false) };
            match append_canonical(&part.ty, bytes, &mut self.scratch, &mut self.key) {
                Ok(()) => {}
                Err(refusal) => return part.unclear(refusal),
            }
        }
        Ok(true)
    }

    /// False when there is a cursor value that cannot be told.
    #[inline]
    fn see_cursor(&mut self, row: Row<'_>) -> std::result::Result<bool, Malformed> {
        let Some(part) = &self.by.cursor else { return Ok(true) };
        let Some(bytes) = row.field(part.index) else { return Ok(true) };
        match position(&part.ty.wire, bytes) {
            Ok(Some(position)) => {
                self.cursor_max = self.cursor_max.max(Some(position));
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(refusal) => part.unclear(refusal),
        }
    }
}

impl Part {
    /// A value without canonical form makes its row unclear; no value at all is an error.
    fn unclear(&self, refusal: Refusal) -> std::result::Result<bool, Malformed> {
        match refusal {
            Refusal::Invalid(_) => Ok(false),
            Refusal::Malformed(message) => Err(Malformed(format!("column '{}': {message}", self.name))),
        }
    }
}

/// Position of a value in a cursor column; `None`: values of this type have none.
#[inline]
fn position(wire: &Wire, bytes: &[u8]) -> std::result::Result<Option<i64>, Refusal> {
    use column::exactly;
    Ok(Some(match wire {
        Wire::Int2 => i16::from_be_bytes(exactly(bytes)?).into(),
        Wire::Int4 => i32::from_be_bytes(exactly(bytes)?).into(),
        Wire::Int8 => i64::from_be_bytes(exactly(bytes)?),
        Wire::Oid => u32::from_be_bytes(exactly(bytes)?).into(),
        Wire::Date => {
            let days = column::date(i32::from_be_bytes(exactly(bytes)?))?;
            i64::from(days).saturating_mul(MICROS_PER_DAY)
        }
        Wire::Timestamp => column::timestamp(i64::from_be_bytes(exactly(bytes)?))?,
        _ => return Ok(None),
    }))
}

/// Appends the bytes that [`canon::encode`] gives for the decoded value.
#[inline]
fn append_canonical(
    ty: &PgType,
    bytes: &[u8],
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> std::result::Result<(), Refusal> {
    use column::exactly;
    let value = match ty.wire {
        Wire::Bool => Scalar::Bool(column::boolean(bytes)?),
        Wire::Int2 => Scalar::Int(i16::from_be_bytes(exactly(bytes)?).into()),
        Wire::Int4 => Scalar::Int(i32::from_be_bytes(exactly(bytes)?).into()),
        Wire::Int8 => Scalar::Int(i64::from_be_bytes(exactly(bytes)?)),
        Wire::Oid => Scalar::Int(u32::from_be_bytes(exactly(bytes)?).into()),
        Wire::Float4 => Scalar::Float(f32::from_be_bytes(exactly(bytes)?).into()),
        Wire::Float8 => Scalar::Float(f64::from_be_bytes(exactly(bytes)?)),
        Wire::Numeric => {
            scratch.clear();
            numeric::append_text(bytes, scratch)?;
            Scalar::Numeric(column::utf8(scratch)?)
        }
        Wire::Text if ty.logical == LogicalType::Text => Scalar::Text(column::utf8(bytes)?),
        Wire::Bytes => Scalar::Bytes(bytes),
        Wire::Uuid => {
            let text = column::uuid_text(exactly(bytes)?);
            canon::encode_scalar(Scalar::Uuid(column::utf8(&text)?), out);
            return Ok(());
        }
        Wire::Date => Scalar::Date(column::date(i32::from_be_bytes(exactly(bytes)?))?),
        Wire::Time => Scalar::Time(column::time(i64::from_be_bytes(exactly(bytes)?))?),
        Wire::Timestamp => {
            let micros = column::timestamp(i64::from_be_bytes(exactly(bytes)?))?;
            if ty.logical == LogicalType::TimestampTz {
                Scalar::TimestampTz(micros)
            } else {
                Scalar::Timestamp(micros)
            }
        }
        Wire::Text | Wire::Jsonb | Wire::Interval | Wire::Array { .. } => {
            let value = decoded(ty, bytes)?;
            canon::encode(&value, &ty.logical, 0, out);
            return Ok(());
        }
    };
    canon::encode_scalar(value, out);
    Ok(())
}

/// One value by the way of all columns: for types that are rarely in keys.
fn decoded(ty: &PgType, bytes: &[u8]) -> std::result::Result<impl Array, Refusal> {
    let mut column = Column::new(&ty.wire, &ty.logical);
    column.push(bytes)?;
    column.take().map_err(|e| Refusal::Malformed(e.to_string()))
}
