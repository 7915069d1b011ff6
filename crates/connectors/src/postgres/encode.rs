//! Canonical values as `COPY … FROM STDIN (FORMAT binary)` wants them.
//!
//! The layout of each type is that of its receive function in PostgreSQL. Values go into staging
//! columns that take every value of their type, so a row that PostgreSQL could not receive is found
//! here, before it is sent, and fails by itself instead of with its whole chunk.

use std::ops::Range;

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, IntervalMonthDayNanoArray, ListArray, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use syncline_core::LogicalType;
use tokio_postgres::types::Type;

use super::numeric;

/// What a binary COPY starts with: signature, no flags, no header extension.
pub const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a binary COPY ends with.
pub const TRAILER: &[u8] = &(-1i16).to_be_bytes();

/// Largest field PostgreSQL can hold (`MaxAllocSize`), less what it needs around the value.
const FIELD_BYTES_MAX: usize = (1 << 30) - 1024;

/// Days from 1970-01-01 to PostgreSQL's day zero, 2000-01-01.
const EPOCH_DAYS: i64 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS * 86_400_000_000;
/// First day (4714-11-24 BC) and the day after the last (5874898-01-01), from 2000-01-01;
/// `datatype/timestamp.h`.
const DAYS: std::ops::Range<i64> = -2_451_545..2_145_031_949;
/// First microsecond and the one after the last (294277-01-01), from 2000-01-01; the same header.
const MICROS: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

/// Digits of a numeric before and after the point (`numeric.h`).
const NUMERIC_WHOLE_DIGITS_MAX: usize = 131_072;
const NUMERIC_SCALE_MAX: usize = 16_383;

/// The version of jsonb's binary form.
const JSONB_VERSION: u8 = 1;

/// Why a value cannot be sent, as a row error's code and message.
#[derive(Debug, PartialEq, Eq)]
pub struct Unsendable {
    pub code: &'static str,
    pub message: String,
}

fn unsendable(code: &'static str, message: impl Into<String>) -> Unsendable {
    Unsendable { code, message: message.into() }
}

/// The type of the staging column that receives values of a canonical type.
pub fn staging_type(ty: &LogicalType) -> Type {
    use LogicalType::*;
    match ty {
        Bool => Type::BOOL,
        Int16 => Type::INT2,
        Int32 => Type::INT4,
        Int64 => Type::INT8,
        Float32 => Type::FLOAT4,
        Float64 => Type::FLOAT8,
        Numeric(_) => Type::NUMERIC,
        // JSON is text until the server has parsed it, because jsonb refuses some valid JSON.
        Text | Json => Type::TEXT,
        Bytes => Type::BYTEA,
        Uuid => Type::UUID,
        Date => Type::DATE,
        Time => Type::TIME,
        Timestamp => Type::TIMESTAMP,
        TimestampTz => Type::TIMESTAMPTZ,
        Interval => Type::INTERVAL,
        Array(item) => match &**item {
            Bool => Type::BOOL_ARRAY,
            Int16 => Type::INT2_ARRAY,
            Int32 => Type::INT4_ARRAY,
            Int64 => Type::INT8_ARRAY,
            Float32 => Type::FLOAT4_ARRAY,
            Float64 => Type::FLOAT8_ARRAY,
            Numeric(_) => Type::NUMERIC_ARRAY,
            // Canonical arrays have one dimension; an array of arrays never gets this far.
            Text | Json | Array(_) => Type::TEXT_ARRAY,
            Bytes => Type::BYTEA_ARRAY,
            Uuid => Type::UUID_ARRAY,
            Date => Type::DATE_ARRAY,
            Time => Type::TIME_ARRAY,
            Timestamp => Type::TIMESTAMP_ARRAY,
            TimestampTz => Type::TIMESTAMPTZ_ARRAY,
            Interval => Type::INTERVAL_ARRAY,
        },
    }
}

/// Appends one field: its length and its value, or NULL. For single values; see [`Field`].
///
/// On an error `out` holds part of the field; the caller takes back the row.
pub fn field(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    Field::new(array, ty).append(row, out)
}

/// A column of a batch on its way out: what it holds is looked at once, not again for every value.
pub struct Field<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Bool(&'a BooleanArray),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Numeric(&'a StringArray),
    Text(&'a StringArray),
    /// Text behind a version byte.
    Jsonb(&'a StringArray),
    Bytes(&'a BinaryArray),
    Uuid(&'a StringArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray),
    Timestamp(&'a TimestampMicrosecondArray),
    Interval(&'a IntervalMonthDayNanoArray),
    List {
        array: &'a ListArray,
        items: Box<Field<'a>>,
        element_oid: u32,
    },
    /// Never gets this far: canonical arrays have one dimension.
    Nested,
}

/// What stands before a NULL: a length that no value has.
pub const NULL: [u8; 4] = (-1i32).to_be_bytes();

impl<'a> Field<'a> {
    /// For the staging column of a canonical type ([`staging_type`]).
    pub fn new(array: &'a dyn Array, ty: &LogicalType) -> Self {
        use LogicalType::*;
        let values = match ty {
            Bool => Values::Bool(array.as_boolean()),
            Int16 => Values::Int16(array.as_primitive()),
            Int32 => Values::Int32(array.as_primitive()),
            Int64 => Values::Int64(array.as_primitive()),
            Float32 => Values::Float32(array.as_primitive()),
            Float64 => Values::Float64(array.as_primitive()),
            Numeric(_) => Values::Numeric(array.as_string()),
            Text | Json => Values::Text(array.as_string()),
            Bytes => Values::Bytes(array.as_binary()),
            Uuid => Values::Uuid(array.as_string()),
            Date => Values::Date(array.as_primitive()),
            Time => Values::Time(array.as_primitive()),
            Timestamp | TimestampTz => Values::Timestamp(array.as_primitive()),
            Interval => Values::Interval(array.as_primitive()),
            Array(item) if matches!(**item, Array(_)) => Values::Nested,
            Array(item) => {
                let array = array.as_list::<i32>();
                let items = Box::new(Field::new(array.values(), item));
                Values::List { array, items, element_oid: staging_type(item).oid() }
            }
        };
        Self { nulls: array.nulls(), values }
    }

    /// For a `jsonb` column: JSON texts.
    pub fn jsonb(array: &'a dyn Array) -> Self {
        Self { nulls: array.nulls(), values: Values::Jsonb(array.as_string()) }
    }

    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends one field: its length and its value, or NULL.
    ///
    /// On an error `out` holds part of the field; the caller takes back the row.
    #[inline]
    pub fn append(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Unsendable> {
        if self.is_null(row) {
            out.extend_from_slice(&NULL);
            return Ok(());
        }
        match &self.values {
            Values::Bool(array) => out.extend_from_slice(&[0, 0, 0, 1, u8::from(array.value(row))]),
            Values::Int16(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Int32(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Int64(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Float32(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Float64(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Date(array) => fixed(date(array.value(row))?.to_be_bytes(), out),
            Values::Time(array) => fixed(array.value(row).to_be_bytes(), out),
            Values::Timestamp(array) => fixed(timestamp(array.value(row))?.to_be_bytes(), out),
            Values::Uuid(array) => fixed(uuid(array.value(row))?, out),
            Values::Text(array) => sized(&[], text(array.value(row))?, out)?,
            Values::Jsonb(array) => sized(&[JSONB_VERSION], text(array.value(row))?, out)?,
            Values::Bytes(array) => sized(&[], array.value(row), out)?,
            Values::Numeric(array) => measured(out, |out| numeric(array.value(row), out))?,
            Values::Interval(array) => {
                let v = array.value(row);
                out.extend_from_slice(&16i32.to_be_bytes());
                out.extend_from_slice(&(v.nanoseconds / 1_000).to_be_bytes());
                out.extend_from_slice(&v.days.to_be_bytes());
                out.extend_from_slice(&v.months.to_be_bytes());
            }
            Values::List { array, items, element_oid } => {
                let offsets = array.value_offsets();
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                measured(out, |out| list(items, range, *element_oid, out))?;
            }
            Values::Nested => return Err(unsendable("invalid_value", "arrays of arrays are not supported")),
        }
        Ok(())
    }
}

#[inline]
fn fixed<const N: usize>(value: [u8; N], out: &mut Vec<u8>) {
    out.extend_from_slice(&(N as i32).to_be_bytes());
    out.extend_from_slice(&value);
}

#[inline]
fn sized(prefix: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsendable> {
    let len = prefix.len() + value.len();
    check_length(len)?;
    out.extend_from_slice(&(len as i32).to_be_bytes());
    out.extend_from_slice(prefix);
    out.extend_from_slice(value);
    Ok(())
}

/// Appends what `write` appends, with its length before it.
#[inline]
fn measured(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unsendable>,
) -> Result<(), Unsendable> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out)?;
    let len = out.len() - start - 4;
    check_length(len)?;
    out[start..start + 4].copy_from_slice(&(len as i32).to_be_bytes());
    Ok(())
}

#[inline]
fn check_length(len: usize) -> Result<(), Unsendable> {
    if len > FIELD_BYTES_MAX {
        return Err(unsendable("value_too_large", format!("{len} bytes are more than PostgreSQL can hold")));
    }
    Ok(())
}

fn uuid(text: &str) -> Result<[u8; 16], Unsendable> {
    match uuid::Uuid::try_parse_ascii(text.as_bytes()) {
        Ok(id) => Ok(id.into_bytes()),
        Err(_) => Err(unsendable("invalid_value", format!("'{text}' is not a UUID"))),
    }
}

#[inline]
fn text(value: &str) -> Result<&[u8], Unsendable> {
    if value.as_bytes().contains(&0) {
        return Err(unsendable(
            "invalid_value",
            "the text holds a NUL character, which PostgreSQL cannot store",
        ));
    }
    Ok(value.as_bytes())
}

fn date(days: i32) -> Result<i32, Unsendable> {
    if days == i32::MIN || days == i32::MAX {
        return Ok(days);
    }
    let shifted = i64::from(days) - EPOCH_DAYS;
    // Every day of the range fits, as its bounds do.
    if DAYS.contains(&shifted) {
        Ok(shifted as i32)
    } else {
        Err(unsendable("datetime_out_of_range", "PostgreSQL's dates end at 4714-11-24 BC and 5874897-12-31"))
    }
}

fn timestamp(micros: i64) -> Result<i64, Unsendable> {
    if micros == i64::MIN || micros == i64::MAX {
        return Ok(micros);
    }
    micros.checked_sub(EPOCH_MICROS).filter(|shifted| MICROS.contains(shifted)).ok_or_else(|| {
        unsendable("datetime_out_of_range", "PostgreSQL's timestamps end at 4714-11-24 BC and 294276-12-31")
    })
}

/// Format: `array_recv` in PostgreSQL's arrayfuncs.c.
fn list(
    items: &Field<'_>,
    range: Range<usize>,
    element_oid: u32,
    out: &mut Vec<u8>,
) -> Result<(), Unsendable> {
    let dimensions = i32::from(!range.is_empty());
    let has_nulls = range.clone().any(|i| items.is_null(i));
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&i32::from(has_nulls).to_be_bytes());
    out.extend_from_slice(&element_oid.to_be_bytes());
    if dimensions > 0 {
        let length = i32::try_from(range.len())
            .map_err(|_| unsendable("value_too_large", "the array has too many items"))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    range.into_iter().try_for_each(|i| items.append(i, out))
}

/// Writes decimal text as PostgreSQL's base-10,000 digits. The scale is kept: `1.50` stays `1.50`.
///
/// Format: `numeric_recv` in PostgreSQL's numeric.c; see [`super::numeric`].
fn numeric(text: &str, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    let header = |digits: u16, weight: i16, sign: u16, scale: u16| -> [u8; 8] {
        let mut header = [0; 8];
        for (i, word) in [digits, weight as u16, sign, scale].into_iter().enumerate() {
            header[i * 2..i * 2 + 2].copy_from_slice(&word.to_be_bytes());
        }
        header
    };
    let special = match text {
        "NaN" => Some(numeric::NAN),
        "Infinity" => Some(numeric::INFINITY),
        "-Infinity" => Some(numeric::NEGATIVE_INFINITY),
        _ => None,
    };
    if let Some(sign) = special {
        out.extend_from_slice(&header(0, 0, sign, 0));
        return Ok(());
    }
    let bytes = text.as_bytes();
    let (sign, unsigned) = match bytes.strip_prefix(b"-") {
        Some(rest) => (numeric::NEGATIVE, rest),
        None => (numeric::POSITIVE, bytes),
    };
    let point = unsigned.iter().position(|b| *b == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, &[][..]),
    };
    let zeros = whole.iter().take_while(|b| **b == b'0').count();
    let whole = &whole[zeros..];
    if !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(unsendable("invalid_value", format!("'{text}' is not a number")));
    }
    if whole.len() > NUMERIC_WHOLE_DIGITS_MAX || fraction.len() > NUMERIC_SCALE_MAX {
        return Err(unsendable(
            "numeric_out_of_range",
            "the number has more digits than PostgreSQL can hold",
        ));
    }
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    let digits = out.len();
    // Groups of four decimal digits, counted from the point. Zero groups at both ends are left out.
    let mut weight = whole.len().div_ceil(4) as i32 - 1;
    let group = |digits: &[u8]| digits.iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
    let (first, rest) = whole.split_at(whole.len() % 4);
    let (tail, last) = fraction.split_at(fraction.len() - fraction.len() % 4);
    if !first.is_empty() {
        out.extend_from_slice(&group(first).to_be_bytes());
    }
    for four in rest.chunks_exact(4).chain(tail.chunks_exact(4)) {
        let group = group(four);
        if group == 0 && out.len() == digits {
            weight -= 1;
        } else {
            out.extend_from_slice(&group.to_be_bytes());
        }
    }
    if !last.is_empty() {
        out.extend_from_slice(&(group(last) * 10u16.pow(4 - last.len() as u32)).to_be_bytes());
    }
    while out.len() > digits && out.ends_with(&[0, 0]) {
        out.truncate(out.len() - 2);
    }
    let count = (out.len() - digits) / 2;
    let (weight, sign) = if count == 0 { (0, numeric::POSITIVE) } else { (weight, sign) };
    // The limits above keep all three numbers small enough.
    let header = header(count as u16, weight as i16, sign, fraction.len() as u16);
    out[start..digits].copy_from_slice(&header);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_core::text;

    fn encoded(ty: LogicalType, value: &str) -> Result<Vec<u8>, Unsendable> {
        let (array, bad) = text::parse(&[Some(value)], &ty);
        assert!(bad.is_empty(), "{value} is no {ty}");
        let mut out = Vec::new();
        field(&array, &ty, 0, &mut out).map(|()| out)
    }

    fn numeric_words(value: &str) -> Vec<i16> {
        let bytes = encoded(LogicalType::Numeric(None), value).unwrap();
        bytes[4..].chunks(2).map(|c| i16::from_be_bytes([c[0], c[1]])).collect()
    }

    #[test]
    fn numerics_are_groups_of_four_digits_around_the_point() {
        for (text, words) in [
            ("0", vec![0, 0, 0, 0]),
            ("0.00", vec![0, 0, 0, 2]),
            ("1", vec![1, 0, 0, 0, 1]),
            ("-12345.678", vec![3, 1, 0x4000, 3, 1, 2345, 6780]),
            ("10000", vec![1, 1, 0, 0, 1]),
            ("0.00001", vec![1, -2, 0, 5, 1000]),
            ("1.50", vec![2, 0, 0, 2, 1, 5000]),
        ] {
            assert_eq!(numeric_words(text), words, "{text}");
        }
    }

    #[test]
    fn what_postgresql_cannot_hold_is_found_before_it_is_sent() {
        for (ty, value, code) in [
            (LogicalType::Text, "a\0b", "invalid_value"),
            (LogicalType::Array(Box::new(LogicalType::Text)), r#"["ok","a\u0000"]"#, "invalid_value"),
            (LogicalType::Date, "-4800-01-01", "datetime_out_of_range"),
            (LogicalType::Timestamp, "-4800-01-01T00:00:00", "datetime_out_of_range"),
            (LogicalType::TimestampTz, "-4800-01-01T00:00:00Z", "datetime_out_of_range"),
        ] {
            assert_eq!(encoded(ty, value).unwrap_err().code, code, "{value}");
        }
        let long = format!("0.{}", "1".repeat(16_384));
        assert_eq!(encoded(LogicalType::Numeric(None), &long).unwrap_err().code, "numeric_out_of_range");
    }
}
