//! Stored values to canonical batches.
//!
//! A column whose type is not declared takes it from the first rows of the read: all integers →
//! int64, integers and floats → float64, all blobs → bytes, anything else (also nothing but NULL)
//! → text. A later value that does not fit makes its row invalid; `CAST` in the model's SQL makes
//! the type certain.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch,
    StringBuilder,
};
use arrow::datatypes::{Schema, SchemaRef};
use rusqlite::types::ValueRef;
use syncline_connector::{InvalidRow, SourceBatch};
use syncline_core::{LogicalType, Result, RowError, text};

use super::values::decimal_of;

/// A batch is handed on at this size.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
pub const BATCH_ROWS_MAX: usize = 65_536;

/// What a column without a declared type has held so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed {
    integer: bool,
    real: bool,
    text: bool,
    blob: bool,
}

impl Observed {
    pub fn see(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(_) => self.integer = true,
            ValueRef::Real(_) => self.real = true,
            ValueRef::Text(_) => self.text = true,
            ValueRef::Blob(_) => self.blob = true,
        }
    }

    pub fn anything(&self) -> bool {
        self.integer || self.real || self.text || self.blob
    }

    pub fn ty(&self) -> LogicalType {
        match (self.integer, self.real, self.text, self.blob) {
            (true, false, false, false) => LogicalType::Int64,
            (_, true, false, false) => LogicalType::Float64,
            (false, false, false, true) => LogicalType::Bytes,
            _ => LogicalType::Text,
        }
    }
}

/// Collects rows into batches of one schema.
pub struct BatchBuilder {
    schema: SchemaRef,
    /// For each column of the schema, its place in the statement's rows.
    places: Vec<usize>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
    /// Values at fault: row, column of the schema, error.
    misfits: Vec<(usize, usize, RowError)>,
}

impl BatchBuilder {
    /// `columns`: name, type and place in the statement's rows.
    pub fn new(columns: &[(String, LogicalType, usize)]) -> Self {
        let fields: Vec<_> = columns.iter().map(|(name, ty, _)| ty.field(name, true)).collect();
        Self {
            schema: Arc::new(Schema::new(fields)),
            places: columns.iter().map(|(_, _, place)| *place).collect(),
            columns: columns.iter().map(|(name, ty, _)| ColumnBuilder::new(name, ty)).collect(),
            rows: 0,
            bytes: 0,
            misfits: Vec::new(),
        }
    }

    pub fn push<'a, E>(&mut self, value: impl Fn(usize) -> Result<ValueRef<'a>, E>) -> Result<(), E> {
        for (i, (column, place)) in self.columns.iter_mut().zip(&self.places).enumerate() {
            match column.push(value(*place)?) {
                Ok(bytes) => self.bytes += bytes,
                Err(error) => self.misfits.push((self.rows, i, error)),
            }
        }
        self.rows += 1;
        Ok(())
    }

    pub fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows so far; the builder starts anew. A row with several values at fault is reported
    /// once, for the first of them.
    pub fn take(&mut self) -> Result<SourceBatch> {
        let mut misfits = std::mem::take(&mut self.misfits);
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (i, column) in self.columns.iter_mut().enumerate() {
            let (array, bad) = column.finish();
            misfits.extend(bad.into_iter().map(|(row, error)| (row, i, error)));
            arrays.push(array);
        }
        misfits.sort_by_key(|(row, column, _)| (*row, *column));
        misfits.dedup_by_key(|(row, _, _)| *row);
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        let rows = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        (self.rows, self.bytes) = (0, 0);
        let invalid = misfits.into_iter().map(|(row, _, error)| InvalidRow { row, error }).collect();
        Ok(SourceBatch { rows, invalid, unreadable: Vec::new() })
    }
}

struct ColumnBuilder {
    name: String,
    ty: LogicalType,
    values: Values,
}

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Bytes(BinaryBuilder),
    Text(StringBuilder),
    /// Texts that become values of the column's type when the batch is done.
    Parsed(Vec<Option<String>>),
}

impl ColumnBuilder {
    fn new(name: &str, ty: &LogicalType) -> Self {
        let values = match ty {
            LogicalType::Bool => Values::Bool(BooleanBuilder::new()),
            LogicalType::Int64 => Values::Int(Int64Builder::new()),
            LogicalType::Float64 => Values::Float(Float64Builder::new()),
            LogicalType::Bytes => Values::Bytes(BinaryBuilder::new()),
            LogicalType::Text => Values::Text(StringBuilder::new()),
            _ => Values::Parsed(Vec::new()),
        };
        Self { name: name.to_string(), ty: ty.clone(), values }
    }

    /// Appends a value and returns its size; appends NULL when it does not fit.
    fn push(&mut self, value: ValueRef<'_>) -> std::result::Result<usize, RowError> {
        let known = match value {
            ValueRef::Null => {
                self.push_null();
                return Ok(1);
            }
            ValueRef::Text(bytes) if std::str::from_utf8(bytes).is_err() => false,
            _ => true,
        };
        let fits = known && self.push_known(value);
        if fits {
            return Ok(size(value));
        }
        self.push_null();
        Err(self.misfit(value, known))
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(b) => b.append_null(),
            Values::Int(b) => b.append_null(),
            Values::Float(b) => b.append_null(),
            Values::Bytes(b) => b.append_null(),
            Values::Text(b) => b.append_null(),
            Values::Parsed(texts) => texts.push(None),
        }
    }

    /// Appends a value that is not NULL; `false`, with nothing appended, when it does not fit.
    fn push_known(&mut self, value: ValueRef<'_>) -> bool {
        match (&mut self.values, value) {
            (Values::Bool(b), ValueRef::Integer(n @ (0 | 1))) => b.append_value(n == 1),
            (Values::Bool(b), ValueRef::Text(t)) => match t {
                b"true" | b"TRUE" | b"True" | b"t" | b"1" => b.append_value(true),
                b"false" | b"FALSE" | b"False" | b"f" | b"0" => b.append_value(false),
                _ => return false,
            },
            (Values::Int(b), ValueRef::Integer(n)) => b.append_value(n),
            (Values::Float(b), ValueRef::Real(f)) => b.append_value(f),
            (Values::Float(b), ValueRef::Integer(n)) if (n as f64) as i128 == i128::from(n) => {
                b.append_value(n as f64)
            }
            (Values::Bytes(b), ValueRef::Blob(bytes)) => b.append_value(bytes),
            (Values::Text(b), value) => match shown(value) {
                Some(text) => b.append_value(text),
                None => return false,
            },
            (Values::Parsed(texts), value) => match parsable(&self.ty, value) {
                Some(text) => texts.push(Some(text)),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    fn misfit(&self, value: ValueRef<'_>, utf8: bool) -> RowError {
        let (name, ty) = (&self.name, &self.ty);
        let message = match value {
            ValueRef::Text(_) if !utf8 => format!("column '{name}' holds text that is not UTF-8"),
            ValueRef::Integer(_) | ValueRef::Real(_)
                if matches!(
                    ty,
                    LogicalType::Date | LogicalType::Time | LogicalType::Timestamp | LogicalType::TimestampTz
                ) =>
            {
                format!(
                    "column '{name}' holds {} where a {ty} was expected; read it in SQL, for example as datetime({name}, 'unixepoch')",
                    class(value)
                )
            }
            _ => format!("column '{name}' holds {} that is no {ty}", class(value)),
        };
        RowError::new("invalid_value", message).field(name).raw_value(Some(raw(value)))
    }

    fn finish(&mut self) -> (ArrayRef, Vec<(usize, RowError)>) {
        match &mut self.values {
            Values::Bool(b) => (ArrayBuilder::finish(b), Vec::new()),
            Values::Int(b) => (ArrayBuilder::finish(b), Vec::new()),
            Values::Float(b) => (ArrayBuilder::finish(b), Vec::new()),
            Values::Bytes(b) => (ArrayBuilder::finish(b), Vec::new()),
            Values::Text(b) => (ArrayBuilder::finish(b), Vec::new()),
            Values::Parsed(texts) => {
                let texts = std::mem::take(texts);
                let borrowed: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
                let (array, bad) = text::parse(&borrowed, &self.ty);
                debug_assert_eq!(array.len(), texts.len());
                let error = |row: usize| {
                    let text = borrowed[row].unwrap_or_default();
                    (row, self.misfit(ValueRef::Text(text.as_bytes()), true))
                };
                let errors = bad.into_iter().map(error).collect();
                (array, errors)
            }
        }
    }
}

/// The text of a value that is text or a number.
fn shown(value: ValueRef<'_>) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        ValueRef::Integer(n) => Some(n.to_string().into()),
        ValueRef::Real(f) => Some(decimal_of(f)?.into()),
        ValueRef::Text(t) => std::str::from_utf8(t).ok().map(Into::into),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

/// The text from which a value of `ty` is parsed, if values of this storage class can be one.
fn parsable(ty: &LogicalType, value: ValueRef<'_>) -> Option<String> {
    match (ty, value) {
        (_, ValueRef::Text(_)) => shown(value).map(Into::into),
        (LogicalType::Numeric(_) | LogicalType::Json, ValueRef::Integer(_) | ValueRef::Real(_)) => {
            shown(value).map(Into::into)
        }
        (LogicalType::Uuid, ValueRef::Blob(bytes)) => {
            uuid::Uuid::from_slice(bytes).ok().map(|u| u.to_string())
        }
        _ => None,
    }
}

fn size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(b) | ValueRef::Blob(b) => b.len() + 4,
        _ => 8,
    }
}

fn class(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "NULL",
        ValueRef::Integer(_) => "an integer",
        ValueRef::Real(_) => "a floating-point number",
        ValueRef::Text(_) => "a text",
        ValueRef::Blob(_) => "a blob",
    }
}

/// The value for people: text as it is (with marks where it is not UTF-8), blobs in hexadecimal.
fn raw(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_string(),
        ValueRef::Integer(n) => n.to_string(),
        ValueRef::Real(f) => f.to_string(),
        ValueRef::Text(t) => String::from_utf8_lossy(t).into_owned(),
        ValueRef::Blob(b) => {
            let array = arrow::array::BinaryArray::from(vec![b]);
            text::render(&array, &LogicalType::Bytes, 0).unwrap_or_default()
        }
    }
}
