//! Canonical values as `COPY … FROM STDIN (FORMAT binary)` wants them.
//!
//! The layout of each type is that of its receive function in PostgreSQL. Values go into staging
//! columns that take every value of their type, so a row that PostgreSQL could not receive is found
//! here, before it is sent, and fails by itself instead of with its whole chunk.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType,
    Time64MicrosecondType, TimestampMicrosecondType,
};
use syncline_core::LogicalType;
use tokio_postgres::types::Type;

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

/// Appends one field: its length and its value, or NULL.
///
/// On an error `out` holds part of the field; the caller takes back the row.
pub fn field(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    if array.is_null(row) {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    value(array, ty, row, out)?;
    let bytes = out.len() - start - 4;
    if bytes > FIELD_BYTES_MAX {
        return Err(unsendable(
            "value_too_large",
            format!("{bytes} bytes are more than PostgreSQL can hold"),
        ));
    }
    out[start..start + 4].copy_from_slice(&(bytes as i32).to_be_bytes());
    Ok(())
}

fn value(array: &dyn Array, ty: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    use LogicalType::*;
    match ty {
        Bool => out.push(u8::from(array.as_boolean().value(row))),
        Int16 => out.extend_from_slice(&array.as_primitive::<Int16Type>().value(row).to_be_bytes()),
        Int32 => out.extend_from_slice(&array.as_primitive::<Int32Type>().value(row).to_be_bytes()),
        Int64 => out.extend_from_slice(&array.as_primitive::<Int64Type>().value(row).to_be_bytes()),
        Float32 => out.extend_from_slice(&array.as_primitive::<Float32Type>().value(row).to_be_bytes()),
        Float64 => out.extend_from_slice(&array.as_primitive::<Float64Type>().value(row).to_be_bytes()),
        Numeric(_) => numeric(array.as_string::<i32>().value(row), out)?,
        Text | Json => text(array.as_string::<i32>().value(row), out)?,
        Bytes => out.extend_from_slice(array.as_binary::<i32>().value(row)),
        Uuid => {
            let text = array.as_string::<i32>().value(row);
            let id = uuid::Uuid::parse_str(text)
                .map_err(|_| unsendable("invalid_value", format!("'{text}' is not a UUID")))?;
            out.extend_from_slice(id.as_bytes());
        }
        Date => out.extend_from_slice(&date(array.as_primitive::<Date32Type>().value(row))?.to_be_bytes()),
        Time => {
            out.extend_from_slice(&array.as_primitive::<Time64MicrosecondType>().value(row).to_be_bytes());
        }
        Timestamp | TimestampTz => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            out.extend_from_slice(&timestamp(micros)?.to_be_bytes());
        }
        Interval => {
            let v = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            out.extend_from_slice(&(v.nanoseconds / 1_000).to_be_bytes());
            out.extend_from_slice(&v.days.to_be_bytes());
            out.extend_from_slice(&v.months.to_be_bytes());
        }
        Array(item) => list(&array.as_list::<i32>().value(row), item, out)?,
    }
    Ok(())
}

fn text(value: &str, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    if value.as_bytes().contains(&0) {
        return Err(unsendable(
            "invalid_value",
            "the text holds a NUL character, which PostgreSQL cannot store",
        ));
    }
    out.extend_from_slice(value.as_bytes());
    Ok(())
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

fn list(items: &dyn Array, item: &LogicalType, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    let element = match staging_type(item) {
        _ if matches!(item, LogicalType::Array(_)) => {
            return Err(unsendable("invalid_value", "arrays of arrays are not supported"));
        }
        element => element,
    };
    let dimensions = i32::from(!items.is_empty());
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&i32::from(items.null_count() > 0).to_be_bytes());
    out.extend_from_slice(&element.oid().to_be_bytes());
    if dimensions > 0 {
        let length = i32::try_from(items.len())
            .map_err(|_| unsendable("value_too_large", "the array has too many items"))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    (0..items.len()).try_for_each(|i| field(items, item, i, out))
}

/// Writes decimal text as PostgreSQL's base-10,000 digits. The scale is kept: `1.50` stays `1.50`.
fn numeric(text: &str, out: &mut Vec<u8>) -> Result<(), Unsendable> {
    const POSITIVE: u16 = 0;
    const NEGATIVE: u16 = 0x4000;
    const NAN: u16 = 0xC000;
    const INFINITY: u16 = 0xD000;
    const NEGATIVE_INFINITY: u16 = 0xF000;
    let header = |digits: u16, weight: i16, sign: u16, scale: u16, out: &mut Vec<u8>| {
        out.extend_from_slice(&digits.to_be_bytes());
        out.extend_from_slice(&weight.to_be_bytes());
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&scale.to_be_bytes());
    };
    match text {
        "NaN" => {
            return {
                header(0, 0, NAN, 0, out);
                Ok(())
            };
        }
        "Infinity" => {
            return {
                header(0, 0, INFINITY, 0, out);
                Ok(())
            };
        }
        "-Infinity" => {
            return {
                header(0, 0, NEGATIVE_INFINITY, 0, out);
                Ok(())
            };
        }
        _ => {}
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (POSITIVE, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = whole.trim_start_matches('0');
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(unsendable("invalid_value", format!("'{text}' is not a number")));
    }
    if whole.len() > NUMERIC_WHOLE_DIGITS_MAX || fraction.len() > NUMERIC_SCALE_MAX {
        return Err(unsendable(
            "numeric_out_of_range",
            "the number has more digits than PostgreSQL can hold",
        ));
    }
    // Groups of four digits, counted from the point.
    let group = |digits: &[u8]| digits.iter().fold(0u16, |n, b| n * 10 + u16::from(b - b'0'));
    let mut groups: Vec<u16> = whole.as_bytes().rchunks(4).rev().map(group).collect();
    let mut weight = groups.len() as i32 - 1;
    groups.extend(fraction.as_bytes().chunks(4).map(|c| group(c) * 10u16.pow(4 - c.len() as u32)));
    let leading = groups.iter().take_while(|g| **g == 0).count();
    groups.drain(..leading);
    weight -= leading as i32;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (weight, sign) = if groups.is_empty() { (0, POSITIVE) } else { (weight, sign) };
    // The limits above keep all three numbers small enough.
    header(groups.len() as u16, weight as i16, sign, fraction.len() as u16, out);
    groups.iter().for_each(|g| out.extend_from_slice(&g.to_be_bytes()));
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
