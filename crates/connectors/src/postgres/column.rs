//! Values in PostgreSQL's binary formats, decoded into an Arrow column in canonical form.

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, ListArray, NullBufferBuilder, PrimitiveArray,
    StringArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use std::sync::Arc;

use syncline_core::{LogicalType, Result};

use super::decode::BATCH_BYTES_MAX;
use super::framing::Malformed;
use super::numeric;
use super::types::Wire;

/// Longest decoded value. An Arrow column addresses 2 GiB; this leaves room for the rows before.
const VALUE_BYTES_MAX: usize = 1 << 30;

/// Days from 1970-01-01 to 2000-01-01, where PostgreSQL's calendar starts.
const EPOCH_DAYS: i32 = 10_957;
pub const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * MICROS_PER_DAY;
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A column that is being filled.
pub struct Column {
    values: Values,
    nulls: NullBufferBuilder,
}

/// Why a value cannot be appended. The column is as it was before.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A good value without canonical form: the row is invalid.
    Invalid(String),
    /// Bytes that are no value of the type: the read cannot be trusted.
    Malformed(String),
}

impl From<Malformed> for Refusal {
    fn from(Malformed(message): Malformed) -> Self {
        Refusal::Malformed(message)
    }
}

enum Values {
    Bool(BooleanBufferBuilder),
    Int2(Vec<i16>),
    Int4(Vec<i32>),
    Int8(Vec<i64>),
    Oid(Vec<i64>),
    Float4(Vec<f32>),
    Float8(Vec<f64>),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Timestamp { micros: Vec<i64>, zoned: bool },
    Interval(Vec<IntervalMonthDayNano>),
    Text(Variable),
    Numeric(Variable),
    Jsonb(Variable),
    Uuid(Variable),
    Bytes(Variable),
    List { offsets: Vec<i32>, items: Box<Column>, element_oid: u32, item: LogicalType },
}

/// Values of different lengths, end to end.
struct Variable {
    data: Vec<u8>,
    offsets: Vec<i32>,
}

impl Variable {
    fn new() -> Self {
        Self { data: Vec::new(), offsets: vec![0] }
    }

    /// Ends the value that `data` was extended with since the last call; how long it is.
    fn end_value(&mut self) -> std::result::Result<usize, Refusal> {
        let start = self.last_offset();
        let len = self.data.len() - start;
        match i32::try_from(self.data.len()) {
            Ok(end) if len <= VALUE_BYTES_MAX => {
                self.offsets.push(end);
                Ok(len)
            }
            _ => {
                self.data.truncate(start);
                Err(too_long())
            }
        }
    }

    fn last_offset(&self) -> usize {
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    fn push(&mut self, bytes: &[u8]) -> std::result::Result<usize, Refusal> {
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(too_long());
        }
        self.data.extend_from_slice(bytes);
        self.end_value()
    }

    fn push_null(&mut self) {
        self.offsets.push(self.last_offset() as i32);
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.data.truncate(self.last_offset());
    }

    /// Takes data and offsets, keeping about the same room for the next batch.
    fn take(&mut self) -> (OffsetBuffer<i32>, Vec<u8>) {
        let data = Vec::with_capacity(self.data.len().min(BATCH_BYTES_MAX));
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        let full = std::mem::replace(self, Self { data, offsets });
        (OffsetBuffer::new(full.offsets.into()), full.data)
    }
}

impl Column {
    pub fn new(wire: &Wire, logical: &LogicalType) -> Self {
        let values = match wire {
            Wire::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            Wire::Int2 => Values::Int2(Vec::new()),
            Wire::Int4 => Values::Int4(Vec::new()),
            Wire::Int8 => Values::Int8(Vec::new()),
            Wire::Oid => Values::Oid(Vec::new()),
            Wire::Float4 => Values::Float4(Vec::new()),
            Wire::Float8 => Values::Float8(Vec::new()),
            Wire::Date => Values::Date(Vec::new()),
            Wire::Time => Values::Time(Vec::new()),
            Wire::Timestamp => {
                Values::Timestamp { micros: Vec::new(), zoned: *logical == LogicalType::TimestampTz }
            }
            Wire::Interval => Values::Interval(Vec::new()),
            Wire::Text => Values::Text(Variable::new()),
            Wire::Numeric => Values::Numeric(Variable::new()),
            Wire::Jsonb => Values::Jsonb(Variable::new()),
            Wire::Uuid => Values::Uuid(Variable::new()),
            Wire::Bytes => Values::Bytes(Variable::new()),
            Wire::Array { element, element_oid } => {
                let item = match logical {
                    LogicalType::Array(item) => (**item).clone(),
                    other => other.clone(),
                };
                Values::List {
                    offsets: vec![0],
                    items: Box::new(Column::new(element, &item)),
                    element_oid: *element_oid,
                    item,
                }
            }
        };
        Self { values, nulls: NullBufferBuilder::new(0) }
    }

    /// Bytes that a row takes in this column besides what [`Column::push`] counts.
    pub fn fixed_bytes(&self) -> usize {
        match &self.values {
            Values::Bool(_) => 1,
            Values::Int2(_) => 2,
            Values::Int4(_) | Values::Float4(_) | Values::Date(_) => 4,
            Values::Int8(_) | Values::Oid(_) | Values::Float8(_) | Values::Time(_) => 8,
            Values::Timestamp { .. } => 8,
            Values::Interval(_) => 16,
            Values::Text(_) | Values::Numeric(_) | Values::Jsonb(_) | Values::Uuid(_) | Values::Bytes(_) => 4,
            Values::List { .. } => 4,
        }
    }

    /// Appends a value. Answers how many bytes it takes besides its fixed ones.
    pub fn push(&mut self, bytes: &[u8]) -> std::result::Result<usize, Refusal> {
        let mut added = 0;
        match &mut self.values {
            Values::Bool(values) => values.append(boolean(bytes)?),
            Values::Int2(values) => values.push(i16::from_be_bytes(exactly(bytes)?)),
            Values::Int4(values) => values.push(i32::from_be_bytes(exactly(bytes)?)),
            Values::Int8(values) => values.push(i64::from_be_bytes(exactly(bytes)?)),
            Values::Oid(values) => values.push(i64::from(u32::from_be_bytes(exactly(bytes)?))),
            Values::Float4(values) => values.push(f32::from_be_bytes(exactly(bytes)?)),
            Values::Float8(values) => values.push(f64::from_be_bytes(exactly(bytes)?)),
            Values::Date(values) => values.push(date(i32::from_be_bytes(exactly(bytes)?))?),
            Values::Time(values) => values.push(time(i64::from_be_bytes(exactly(bytes)?))?),
            Values::Timestamp { micros, .. } => micros.push(timestamp(i64::from_be_bytes(exactly(bytes)?))?),
            Values::Interval(values) => values.push(interval(exactly(bytes)?)?),
            Values::Text(values) => added = values.push(text(bytes)?)?,
            Values::Jsonb(values) => added = values.push(text(jsonb(bytes)?)?)?,
            Values::Bytes(values) => added = values.push(bytes)?,
            Values::Uuid(values) => added = values.push(&uuid_text(exactly(bytes)?))?,
            Values::Numeric(values) => added = push_numeric(values, bytes)?,
            Values::List { offsets, items, element_oid, .. } => {
                added = push_list(offsets, items, *element_oid, bytes)?;
            }
        }
        self.nulls.append_non_null();
        Ok(added)
    }

    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append(false),
            Values::Int2(values) => values.push(0),
            Values::Int4(values) | Values::Date(values) => values.push(0),
            Values::Int8(values) | Values::Oid(values) | Values::Time(values) => values.push(0),
            Values::Timestamp { micros, .. } => micros.push(0),
            Values::Float4(values) => values.push(0.0),
            Values::Float8(values) => values.push(0.0),
            Values::Interval(values) => values.push(IntervalMonthDayNano::ZERO),
            Values::Text(values)
            | Values::Numeric(values)
            | Values::Jsonb(values)
            | Values::Uuid(values)
            | Values::Bytes(values) => values.push_null(),
            Values::List { offsets, items, .. } => offsets.push(items.len() as i32),
        }
        self.nulls.append_null();
    }

    fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Drops values from the end. Lists never hold lists, so their own are not truncated.
    fn truncate(&mut self, len: usize) {
        match &mut self.values {
            Values::Bool(values) => values.truncate(len),
            Values::Int2(values) => values.truncate(len),
            Values::Int4(values) | Values::Date(values) => values.truncate(len),
            Values::Int8(values) | Values::Oid(values) | Values::Time(values) => values.truncate(len),
            Values::Timestamp { micros, .. } => micros.truncate(len),
            Values::Float4(values) => values.truncate(len),
            Values::Float8(values) => values.truncate(len),
            Values::Interval(values) => values.truncate(len),
            Values::Text(values)
            | Values::Numeric(values)
            | Values::Jsonb(values)
            | Values::Uuid(values)
            | Values::Bytes(values) => values.truncate(len),
            Values::List { offsets, .. } => offsets.truncate(len + 1),
        }
        self.nulls.truncate(len);
    }

    pub fn take(&mut self) -> Result<ArrayRef> {
        let nulls = self.nulls.finish();
        Ok(match &mut self.values {
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int2(values) => primitive::<Int16Type>(values, nulls),
            Values::Int4(values) => primitive::<Int32Type>(values, nulls),
            Values::Int8(values) | Values::Oid(values) => primitive::<Int64Type>(values, nulls),
            Values::Float4(values) => primitive::<Float32Type>(values, nulls),
            Values::Float8(values) => primitive::<Float64Type>(values, nulls),
            Values::Date(values) => primitive::<Date32Type>(values, nulls),
            Values::Time(values) => primitive::<Time64MicrosecondType>(values, nulls),
            Values::Timestamp { micros, zoned } => {
                let values = std::mem::replace(micros, Vec::with_capacity(micros.len()));
                let array = PrimitiveArray::<TimestampMicrosecondType>::new(values.into(), nulls);
                Arc::new(if *zoned { array.with_timezone("UTC") } else { array })
            }
            Values::Interval(values) => primitive::<IntervalMonthDayNanoType>(values, nulls),
            Values::Text(values) | Values::Numeric(values) | Values::Jsonb(values) | Values::Uuid(values) => {
                let (offsets, data) = values.take();
                Arc::new(StringArray::try_new(offsets, data.into(), nulls)?)
            }
            Values::Bytes(values) => {
                let (offsets, data) = values.take();
                Arc::new(BinaryArray::try_new(offsets, data.into(), nulls)?)
            }
            Values::List { offsets, items, item, .. } => {
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                Arc::new(ListArray::try_new(item.field("item", true), offsets, items.take()?, nulls)?)
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: &mut Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    let values = std::mem::replace(values, Vec::with_capacity(values.len()));
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

/// The bytes of a fixed-width value.
pub fn exactly<const N: usize>(bytes: &[u8]) -> std::result::Result<[u8; N], Refusal> {
    bytes
        .try_into()
        .map_err(|_| Refusal::Malformed(format!("the server sent {} bytes instead of {N}", bytes.len())))
}

pub fn boolean(bytes: &[u8]) -> std::result::Result<bool, Refusal> {
    match exactly(bytes)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(Refusal::Malformed(format!("the server sent the boolean {other}"))),
    }
}

/// The bytes of a text. Most are short and ASCII, which is seen faster than it is validated.
#[inline]
fn text(bytes: &[u8]) -> std::result::Result<&[u8], Refusal> {
    if bytes.is_ascii() { Ok(bytes) } else { utf8(bytes).map(str::as_bytes) }
}

/// PostgreSQL's text has one encoding per database, except in those that were made with none.
pub fn utf8(bytes: &[u8]) -> std::result::Result<&str, Refusal> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(e) => Err(Refusal::Invalid(format!(
            "the text is not valid UTF-8 from byte {} on (the database has the encoding SQL_ASCII, which \
             checks nothing)",
            e.valid_up_to()
        ))),
    }
}

fn jsonb(bytes: &[u8]) -> std::result::Result<&[u8], Refusal> {
    match bytes.split_first() {
        Some((1, text)) => Ok(text),
        Some((version, _)) => Err(Refusal::Malformed(format!("the server sent jsonb of version {version}"))),
        None => Err(Refusal::Malformed("the server sent jsonb without a version".into())),
    }
}

/// `i32::MIN` and `i32::MAX` mean the infinities on both sides.
pub fn date(days: i32) -> std::result::Result<i32, Refusal> {
    if days == i32::MIN || days == i32::MAX {
        return Ok(days);
    }
    match days.checked_add(EPOCH_DAYS) {
        Some(days) if days != i32::MAX => Ok(days),
        _ => Err(Refusal::Malformed(format!("the server sent the date {days}"))),
    }
}

pub fn time(micros: i64) -> std::result::Result<i64, Refusal> {
    match micros {
        0..=MICROS_PER_DAY => Ok(micros),
        _ => Err(Refusal::Malformed(format!("the server sent the time {micros}"))),
    }
}

/// `i64::MIN` and `i64::MAX` mean the infinities on both sides. PostgreSQL counts from 2000, so its
/// last thirty years have no number in a count from 1970.
pub fn timestamp(micros: i64) -> std::result::Result<i64, Refusal> {
    if micros == i64::MIN || micros == i64::MAX {
        return Ok(micros);
    }
    match micros.checked_add(EPOCH_MICROS) {
        Some(micros) if micros != i64::MAX => Ok(micros),
        _ => Err(Refusal::Invalid(
            "the timestamp is after 294247-01-10 04:00:54, the last that can be kept".into(),
        )),
    }
}

fn interval(bytes: [u8; 16]) -> std::result::Result<IntervalMonthDayNano, Refusal> {
    let (micros, rest) = bytes.split_at(8);
    let (days, months) = rest.split_at(4);
    let micros = i64::from_be_bytes(exactly(micros)?);
    let days = i32::from_be_bytes(exactly(days)?);
    let months = i32::from_be_bytes(exactly(months)?);
    match micros.checked_mul(1_000) {
        Some(nanos) => Ok(IntervalMonthDayNano::new(months, days, nanos)),
        // The infinite intervals of PostgreSQL 17 come here too: all their parts are extreme.
        None => Err(Refusal::Invalid(
            "the time part of the interval is longer than 292 years, the most that can be kept".into(),
        )),
    }
}

/// Lower case, with dashes.
pub fn uuid_text(bytes: [u8; 16]) -> [u8; 36] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    text
}

fn push_numeric(values: &mut Variable, bytes: &[u8]) -> std::result::Result<usize, Refusal> {
    match numeric::append_text(bytes, &mut values.data) {
        Ok(()) => values.end_value(),
        Err(malformed) => {
            values.data.truncate(values.last_offset());
            Err(malformed.into())
        }
    }
}

/// Format: `array_send` in PostgreSQL's arrayfuncs.c: dimensions, a NULL flag, the element type;
/// per dimension length and lower bound; then the elements, each with its length.
fn push_list(
    offsets: &mut Vec<i32>,
    items: &mut Column,
    element_oid: u32,
    bytes: &[u8],
) -> std::result::Result<usize, Refusal> {
    let mut rest = bytes;
    let dimensions = next_i32(&mut rest)?;
    let _has_nulls = next_i32(&mut rest)?;
    let oid = next_i32(&mut rest)? as u32;
    if oid != element_oid {
        return Err(Refusal::Malformed(format!(
            "the server sent an array of type {oid} instead of {element_oid}"
        )));
    }
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = next_i32(&mut rest)?;
            let _lower_bound = next_i32(&mut rest)?;
            if count < 0 {
                return Err(Refusal::Malformed(format!("the server sent an array of {count} elements")));
            }
            count
        }
        2..=6 => {
            return Err(Refusal::Invalid(format!(
                "the array has {dimensions} dimensions, and one can be kept"
            )));
        }
        _ => return Err(Refusal::Malformed(format!("the server sent an array of {dimensions} dimensions"))),
    };
    let before = items.len();
    match push_items(items, count, rest) {
        Ok(added) => match i32::try_from(items.len()) {
            Ok(end) => {
                offsets.push(end);
                Ok(added)
            }
            Err(_) => {
                items.truncate(before);
                Err(too_long())
            }
        },
        Err(refusal) => {
            items.truncate(before);
            Err(refusal)
        }
    }
}

fn push_items(items: &mut Column, count: i32, mut rest: &[u8]) -> std::result::Result<usize, Refusal> {
    let mut added = 0;
    for _ in 0..count {
        added += items.fixed_bytes();
        match next_i32(&mut rest)? {
            -1 => items.push_null(),
            len => {
                let element = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
                let (element, after) = element
                    .ok_or_else(|| Refusal::Malformed(format!("an array element has a length of {len}")))?;
                added += items.push(element)?;
                rest = after;
            }
        }
        if added > VALUE_BYTES_MAX {
            return Err(too_long());
        }
    }
    if rest.is_empty() {
        Ok(added)
    } else {
        Err(Refusal::Malformed(format!("{} bytes follow the elements of an array", rest.len())))
    }
}

fn next_i32(rest: &mut &[u8]) -> std::result::Result<i32, Refusal> {
    let (number, after) =
        rest.split_first_chunk().ok_or_else(|| Refusal::Malformed("an array is cut off".into()))?;
    *rest = after;
    Ok(i32::from_be_bytes(*number))
}

fn too_long() -> Refusal {
    Refusal::Invalid("the value is longer than 1 GiB".into())
}
