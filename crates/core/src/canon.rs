//! Canonical bytes of values: what keys are compared by and what is hashed.
//!
//! Equal values have equal bytes, whatever their spelling: −0 is 0, there is one NaN, exact
//! decimals lose trailing zeros, integers of every width agree. Each value is tagged and
//! self-delimiting, so a sequence of them decodes without a schema.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::json_text;
use crate::text;
use crate::types::LogicalType;

/// Version of this encoding. It is stored beside every hash; see [`crate::Entry`].
pub const FORMAT: u8 = 1;

pub(crate) mod tag {
    pub const NULL: u8 = 0;
    pub const BOOL: u8 = 1;
    pub const INT: u8 = 2;
    pub const FLOAT: u8 = 3;
    pub const NUMERIC: u8 = 4;
    pub const TEXT: u8 = 5;
    pub const BYTES: u8 = 6;
    pub const UUID: u8 = 7;
    pub const DATE: u8 = 8;
    pub const TIME: u8 = 9;
    pub const TIMESTAMP: u8 = 10;
    pub const TIMESTAMPTZ: u8 = 11;
    pub const INTERVAL: u8 = 12;
    pub const JSON: u8 = 13;
    pub const ARRAY: u8 = 14;
}

/// A 128-bit fingerprint (xxh3-128 over canonical bytes with the sync's secret).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hash128(pub u128);

/// Hashes canonical bytes with a per-sync secret seed, so that equal rows of two syncs differ.
pub fn hash(seed: u64, bytes: &[u8]) -> Hash128 {
    Hash128(xxhash_rust::xxh3::xxh3_128_with_seed(bytes, seed))
}

/// Appends the canonical bytes of one value.
pub fn encode(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) {
    if array.is_null(row) {
        out.push(tag::NULL);
        return;
    }
    use LogicalType::*;
    match ty {
        Bool => {
            out.push(tag::BOOL);
            out.push(u8::from(array.as_boolean().value(row)));
        }
        Int16 => int(i64::from(array.as_primitive::<Int16Type>().value(row)), out),
        Int32 => int(i64::from(array.as_primitive::<Int32Type>().value(row)), out),
        Int64 => int(array.as_primitive::<Int64Type>().value(row), out),
        Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row)), out),
        Float64 => float(array.as_primitive::<Float64Type>().value(row), out),
        Numeric(_) => sized(tag::NUMERIC, plain_decimal(array.as_string::<i32>().value(row)).as_bytes(), out),
        Text => sized(tag::TEXT, array.as_string::<i32>().value(row).as_bytes(), out),
        Uuid => sized(tag::UUID, array.as_string::<i32>().value(row).as_bytes(), out),
        Json => sized(tag::JSON, &compact_json(array.as_string::<i32>().value(row)), out),
        Bytes => sized(tag::BYTES, array.as_binary::<i32>().value(row), out),
        Date => fixed(tag::DATE, &ordered(i64::from(array.as_primitive::<Date32Type>().value(row))), out),
        Time => fixed(tag::TIME, &ordered(array.as_primitive::<Time64MicrosecondType>().value(row)), out),
        Timestamp => {
            fixed(tag::TIMESTAMP, &ordered(array.as_primitive::<TimestampMicrosecondType>().value(row)), out)
        }
        TimestampTz => fixed(
            tag::TIMESTAMPTZ,
            &ordered(array.as_primitive::<TimestampMicrosecondType>().value(row)),
            out,
        ),
        Interval => {
            let v = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            out.push(tag::INTERVAL);
            out.extend_from_slice(&v.months.to_be_bytes());
            out.extend_from_slice(&v.days.to_be_bytes());
            out.extend_from_slice(&v.nanoseconds.to_be_bytes());
        }
        Array(item) => {
            let values = array.as_list::<i32>().value(row);
            out.push(tag::ARRAY);
            out.extend_from_slice(&(values.len() as u32).to_be_bytes());
            for i in 0..values.len() {
                encode(&values, item, i, out);
            }
        }
    }
}

pub(crate) fn int(v: i64, out: &mut Vec<u8>) {
    fixed(tag::INT, &ordered(v), out);
}

/// Big-endian bytes whose order is the order of the numbers.
pub(crate) fn ordered(v: i64) -> [u8; 8] {
    (v ^ i64::MIN).to_be_bytes()
}

fn from_ordered(bytes: [u8; 8]) -> i64 {
    i64::from_be_bytes(bytes) ^ i64::MIN
}

pub(crate) fn float(v: f64, out: &mut Vec<u8>) {
    let v = if v.is_nan() {
        f64::NAN
    } else if v == 0.0 {
        0.0
    } else {
        v
    };
    fixed(tag::FLOAT, &v.to_be_bytes(), out);
}

pub(crate) fn fixed(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

pub(crate) fn sized(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Decimal text without trailing zeros after the point.
pub(crate) fn plain_decimal(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// JSON text without white space outside strings. Key order and number spelling are kept.
fn compact_json(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for &b in text.as_bytes() {
        if in_string {
            out.push(b);
            in_string = escaped || b != b'"';
            escaped = !escaped && b == b'\\';
        } else if !b.is_ascii_whitespace() {
            in_string = b == b'"';
            out.push(b);
        }
    }
    out
}

/// A value that is not NULL, in the canonical form that [`crate::types`] gives for its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Decimal text; trailing zeros make no difference.
    Numeric(&'a str),
    Text(&'a str),
    Bytes(&'a [u8]),
    Uuid(&'a str),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01.
    Timestamp(i64),
    TimestampTz(i64),
}

/// Appends the canonical bytes that [`encode`] gives for a value, without an array around it.
#[inline]
pub fn encode_scalar(value: Scalar<'_>, out: &mut Vec<u8>) {
    match value {
        Scalar::Bool(v) => fixed(tag::BOOL, &[u8::from(v)], out),
        Scalar::Int(v) => int(v, out),
        Scalar::Float(v) => float(v, out),
        Scalar::Numeric(v) => sized(tag::NUMERIC, plain_decimal(v).as_bytes(), out),
        Scalar::Text(v) => sized(tag::TEXT, v.as_bytes(), out),
        Scalar::Bytes(v) => sized(tag::BYTES, v, out),
        Scalar::Uuid(v) => sized(tag::UUID, v.as_bytes(), out),
        Scalar::Date(days) => fixed(tag::DATE, &ordered(days.into()), out),
        Scalar::Time(micros) => fixed(tag::TIME, &ordered(micros), out),
        Scalar::Timestamp(micros) => fixed(tag::TIMESTAMP, &ordered(micros), out),
        Scalar::TimestampTz(micros) => fixed(tag::TIMESTAMPTZ, &ordered(micros), out),
    }
}

/// A record's key: the canonical bytes of its key columns, in order.
///
/// Compared as bytes; [`Key::hash`] only sorts and finds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub Arc<[u8]>);

impl Key {
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Position of this key in sorted segments. Not secret, not an identity.
    pub fn hash(&self) -> u64 {
        key_hash(&self.0)
    }

    /// What stands in the place of a record's key and of its values once they were purged.
    pub const PURGED: &str = "(purged)";

    /// The key of a record whose own was purged: no column, which no record has.
    pub fn purged() -> Self {
        Self::new(&[])
    }

    pub fn is_purged(&self) -> bool {
        self.0.is_empty()
    }

    /// The key as people write it: its text, or a JSON array of texts when it has several columns.
    pub fn row_id(&self) -> String {
        match decode(&self.0) {
            Ok(values) if values.is_empty() => Self::PURGED.to_string(),
            Ok(values) if values.len() == 1 => values.into_iter().next().flatten().unwrap_or_default(),
            Ok(values) => serde_json::Value::from(values).to_string(),
            Err(_) => "(unreadable key)".to_string(),
        }
    }
}

/// [`Key::hash`] of canonical bytes.
pub fn key_hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.row_id())
    }
}

/// Decodes a sequence of canonical values to their canonical text (NULL is `None`).
///
/// Fails with [`ErrorKind::Corrupt`] when the bytes are not a whole sequence.
pub fn decode(bytes: &[u8]) -> Result<Vec<Option<String>>, Error> {
    let mut reader = Reader { bytes };
    let mut values = Vec::new();
    while !reader.bytes.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// Builds one array per column from rows of canonical bytes, as each column's type.
///
/// Every row must decode to `types.len()` values that are values of those types.
pub fn decode_columns(rows: &[&[u8]], types: &[LogicalType]) -> Result<Vec<ArrayRef>, Error> {
    let decoded = rows.iter().map(|r| decode(r)).collect::<Result<Vec<_>, _>>()?;
    if decoded.iter().any(|row| row.len() != types.len()) {
        return Err(corrupt("a stored key has another number of columns"));
    }
    let columns = types.iter().enumerate().map(|(i, ty)| {
        let (array, bad) = text::parse(&decoded.iter().map(|row| row[i].as_deref()).collect::<Vec<_>>(), ty);
        match bad.first() {
            None => Ok(array),
            Some(&row) => Err(corrupt(&format!(
                "stored value '{}' is not a {ty}",
                decoded[row][i].as_deref().unwrap_or("NULL")
            ))),
        }
    });
    columns.collect()
}

/// Appends one row of a batch as named fields: for each, its name and canonical value. These bytes
/// are what a delivered hash covers, so fields must come in a stable order (by name).
pub fn encode_fields(fields: &[(&str, &LogicalType, &dyn Array)], row: usize, out: &mut Vec<u8>) {
    for (name, ty, array) in fields {
        sized(tag::TEXT, name.as_bytes(), out);
        encode(*array, ty, row, out);
    }
}

/// The same bytes for fields whose values are texts.
pub fn encode_text_fields(fields: &[(String, Option<String>)], out: &mut Vec<u8>) {
    for (name, value) in fields {
        sized(tag::TEXT, name.as_bytes(), out);
        match value {
            Some(text) => sized(tag::TEXT, text.as_bytes(), out),
            None => out.push(tag::NULL),
        }
    }
}

/// Reads back [`encode_fields`]: names with the canonical text of their values.
pub fn decode_fields(bytes: &[u8]) -> Result<Vec<(String, Option<String>)>, Error> {
    let values = decode(bytes)?;
    let mut values = values.into_iter();
    let mut fields = Vec::new();
    while let Some(name) = values.next() {
        match (name, values.next()) {
            (Some(name), Some(value)) => fields.push((name, value)),
            _ => return Err(corrupt("stored fields are cut short")),
        }
    }
    Ok(fields)
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, what)
}

/// Nesting of arrays deeper than this is not something we wrote.
const DEPTH_MAX: usize = 4;

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        if self.bytes.len() < n {
            return Err(corrupt("a stored value is cut short"));
        }
        let (head, tail) = self.bytes.split_at(n);
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn sized(&mut self) -> Result<&'a [u8], Error> {
        let len = u32::from_be_bytes(self.array()?);
        self.take(len as usize)
    }

    fn string(&mut self) -> Result<String, Error> {
        String::from_utf8(self.sized()?.to_vec()).map_err(|_| corrupt("a stored text is not UTF-8"))
    }

    /// An item of an array as JSON: json keeps its own spelling, everything else is its text.
    fn item(&mut self, depth: usize) -> Result<String, Error> {
        let is_json = self.bytes.first() == Some(&tag::JSON);
        match self.value(depth)? {
            None => Ok("null".into()),
            Some(raw) if is_json => match json_text::validate(&raw) {
                Ok(()) => Ok(raw),
                Err(_) => Err(corrupt("a stored json value is not JSON")),
            },
            Some(text) => Ok(json_text::quote(&text)),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Option<String>, Error> {
        use arrow::array as a;
        let one = |array: &dyn Array, ty: LogicalType| Ok(text::render(array, &ty, 0));
        match self.array::<1>()?[0] {
            tag::NULL => Ok(None),
            tag::BOOL => Ok(Some((self.array::<1>()?[0] != 0).to_string())),
            tag::INT => Ok(Some(from_ordered(self.array()?).to_string())),
            tag::FLOAT => {
                one(&a::Float64Array::from(vec![f64::from_be_bytes(self.array()?)]), LogicalType::Float64)
            }
            tag::NUMERIC | tag::TEXT | tag::UUID | tag::JSON => Ok(Some(self.string()?)),
            tag::BYTES => {
                let bytes = self.sized()?;
                one(&a::BinaryArray::from(vec![bytes]), LogicalType::Bytes)
            }
            tag::DATE => {
                one(&a::Date32Array::from(vec![from_ordered(self.array()?) as i32]), LogicalType::Date)
            }
            tag::TIME => {
                one(&a::Time64MicrosecondArray::from(vec![from_ordered(self.array()?)]), LogicalType::Time)
            }
            tag::TIMESTAMP => one(
                &a::TimestampMicrosecondArray::from(vec![from_ordered(self.array()?)]),
                LogicalType::Timestamp,
            ),
            tag::TIMESTAMPTZ => one(
                &a::TimestampMicrosecondArray::from(vec![from_ordered(self.array()?)]),
                LogicalType::TimestampTz,
            ),
            tag::INTERVAL => {
                let v = arrow::datatypes::IntervalMonthDayNano::new(
                    i32::from_be_bytes(self.array()?),
                    i32::from_be_bytes(self.array()?),
                    i64::from_be_bytes(self.array()?),
                );
                one(&a::IntervalMonthDayNanoArray::from(vec![v]), LogicalType::Interval)
            }
            tag::ARRAY if depth < DEPTH_MAX => {
                let len = u32::from_be_bytes(self.array()?);
                let mut items = Vec::new();
                for _ in 0..len {
                    items.push(self.item(depth + 1)?);
                }
                Ok(Some(format!("[{}]", items.join(","))))
            }
            other => Err(corrupt(&format!("a stored value has the unknown tag {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(ty: &LogicalType, text: &str) -> Vec<u8> {
        let (array, bad) = text::parse(&[Some(text)], ty);
        assert!(bad.is_empty(), "{ty} {text}");
        let mut out = Vec::new();
        encode(&array, ty, 0, &mut out);
        out
    }

    #[test]
    fn equal_values_have_equal_bytes_whatever_their_spelling() {
        use LogicalType::*;
        assert_eq!(bytes(&Numeric(None), "1.500"), bytes(&Numeric(Some((10, 3))), "1.5"));
        assert_eq!(bytes(&Numeric(None), "100"), bytes(&Numeric(None), "100.00"));
        assert_eq!(bytes(&Float64, "-0"), bytes(&Float64, "0"));
        assert_eq!(bytes(&Int16, "7"), bytes(&Int64, "7"));
        assert_eq!(bytes(&Json, r#"{ "a b" : "\" x" }"#), bytes(&Json, r#"{"a b":"\" x"}"#));
        assert_ne!(bytes(&Text, ""), {
            let mut null = Vec::new();
            encode(&arrow::array::StringArray::from(vec![None::<&str>]), &Text, 0, &mut null);
            null
        });
    }

    #[test]
    fn a_key_shows_its_text_and_decodes_to_typed_columns() {
        let mut raw = bytes(&LogicalType::Int64, "42");
        assert_eq!(Key::new(&raw).row_id(), "42");
        assert_eq!(Key::purged().row_id(), Key::PURGED);
        raw.extend(bytes(&LogicalType::Date, "2025-01-31"));
        assert_eq!(Key::new(&raw).row_id(), r#"["42","2025-01-31"]"#);
        let columns = decode_columns(&[&raw], &[LogicalType::Int32, LogicalType::Date]).unwrap();
        assert_eq!(text::render(&columns[0], &LogicalType::Int32, 0).unwrap(), "42");
    }

    #[test]
    fn json_in_an_array_stays_json() {
        let ty = LogicalType::Array(Box::new(LogicalType::Json));
        let raw = bytes(&ty, r#"[{"a":1.50},null,"x"]"#);
        assert_eq!(decode(&raw).unwrap(), [Some(r#"[{"a":1.50},null,"x"]"#.to_string())]);
        let columns = decode_columns(&[&raw], std::slice::from_ref(&ty)).unwrap();
        let mut again = Vec::new();
        encode(&columns[0], &ty, 0, &mut again);
        assert_eq!(again, raw);
    }

    #[test]
    fn cut_bytes_are_an_error() {
        let raw = bytes(&LogicalType::Text, "hello");
        for end in 1..raw.len() {
            assert_eq!(decode(&raw[..end]).unwrap_err().kind, ErrorKind::Corrupt);
        }
    }
}
