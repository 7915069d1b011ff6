//! Canonical text of values: how a value is shown, parsed, and stored where a system has only text.
//!
//! | type | text |
//! |---|---|
//! | bool | `true`, `false` |
//! | numbers | shortest exact decimal; `NaN`, `Infinity`, `-Infinity` |
//! | bytes | `\x` and lower-case hexadecimal |
//! | date | `2025-01-31`; outside years 0001–9999 with a sign (`+12345-01-01`, `-0043-03-15`); `infinity` |
//! | time | `09:30:00`, with up to six decimals of a second when they are not zero |
//! | timestamp | date, `T`, time; timestamptz ends in `Z` |
//! | interval | ISO 8601 with one sign per part: `P14M3DT-90.5S` |
//! | array | a JSON array of its items' JSON |

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, BooleanBuilder, Date32Builder, Float32Builder, Float64Builder,
    Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, ListArray, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    Date32Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
};
use std::borrow::Cow;
use std::sync::Arc;

use crate::json_text;
use crate::types::LogicalType;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Largest exponent of a decimal. Every float has a smaller one; written out, a number of a few bytes
/// becomes as many digits, so this also bounds what a file of such numbers takes in memory.
const EXPONENT_MAX: u32 = 1_000;

/// The canonical text of one value, or `None` for NULL.
///
/// `array` must have the Arrow layout of `ty` and contain `row`.
pub fn render(array: &dyn Array, ty: &LogicalType, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    use LogicalType::*;
    Some(match ty {
        Bool => array.as_boolean().value(row).to_string(),
        Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        Float32 => float_text(array.as_primitive::<Float32Type>().value(row)),
        Float64 => float_text(array.as_primitive::<Float64Type>().value(row)),
        Numeric(_) | Text | Uuid | Json => array.as_string::<i32>().value(row).to_string(),
        Bytes => hex(array.as_binary::<i32>().value(row)),
        Date => date_text(array.as_primitive::<Date32Type>().value(row)),
        Time => time_text(array.as_primitive::<Time64MicrosecondType>().value(row)),
        Timestamp => timestamp_text(array.as_primitive::<TimestampMicrosecondType>().value(row), ""),
        TimestampTz => timestamp_text(array.as_primitive::<TimestampMicrosecondType>().value(row), "Z"),
        Interval => interval_text(array.as_primitive::<IntervalMonthDayNanoType>().value(row)),
        Array(item) => array_text(&array.as_list::<i32>().value(row), item),
    })
}

/// One value as JSON: booleans, integers and finite floats as such, json values parsed, arrays as
/// arrays, everything else (exact numerics included) as its canonical text.
pub fn to_json(array: &dyn Array, ty: &LogicalType, row: usize) -> serde_json::Value {
    use serde_json::Value;
    if array.is_null(row) {
        return Value::Null;
    }
    match ty {
        LogicalType::Bool => Value::Bool(array.as_boolean().value(row)),
        LogicalType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        LogicalType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        LogicalType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        LogicalType::Float32 | LogicalType::Float64 => {
            let text = render(array, ty, row).unwrap_or_default();
            match text.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
                Some(n) => Value::Number(n),
                None => Value::String(text),
            }
        }
        LogicalType::Json => {
            let text = array.as_string::<i32>().value(row);
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_string()))
        }
        LogicalType::Array(item) => {
            let values = array.as_list::<i32>().value(row);
            (0..values.len()).map(|i| to_json(&values, item, i)).collect()
        }
        _ => Value::String(render(array, ty, row).unwrap_or_default()),
    }
}

/// Parses canonical text (and the common variants that databases and files write) into an array.
///
/// Returns the array and, for each text that is not a `ty`, its index; those rows are NULL.
pub fn parse(texts: &[Option<&str>], ty: &LogicalType) -> (ArrayRef, Vec<usize>) {
    let mut bad = Vec::new();
    macro_rules! build {
        ($builder:expr, $parse:expr) => {{
            let mut builder = $builder;
            for (i, text) in texts.iter().enumerate() {
                match text.map($parse) {
                    None => builder.append_null(),
                    Some(Some(v)) => builder.append_value(v),
                    Some(None) => {
                        bad.push(i);
                        builder.append_null();
                    }
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    use LogicalType::*;
    let array = match ty {
        Bool => build!(BooleanBuilder::new(), parse_bool),
        Int16 => build!(Int16Builder::new(), |t: &str| t.trim().parse().ok()),
        Int32 => build!(Int32Builder::new(), |t: &str| t.trim().parse().ok()),
        Int64 => build!(Int64Builder::new(), |t: &str| t.trim().parse().ok()),
        Float32 => build!(Float32Builder::new(), |t: &str| parse_float(t).map(|v| v as f32)),
        Float64 => build!(Float64Builder::new(), parse_float),
        Numeric(_) => build!(StringBuilder::new(), parse_numeric),
        Text => build!(StringBuilder::new(), Some),
        Uuid => build!(StringBuilder::new(), |t: &str| uuid::Uuid::parse_str(t.trim())
            .ok()
            .map(|u| u.to_string())),
        Json => build!(StringBuilder::new(), |t| {
            serde_json::from_str::<serde::de::IgnoredAny>(t).ok().map(|_| t)
        }),
        Bytes => build!(BinaryBuilder::new(), parse_hex),
        Date => build!(Date32Builder::new(), |t: &str| parse_date(t.trim())),
        Time => build!(Time64MicrosecondBuilder::new(), |t: &str| parse_time(t.trim())),
        Timestamp => build!(TimestampMicrosecondBuilder::new(), |t: &str| parse_timestamp(t.trim(), false)),
        TimestampTz => build!(TimestampMicrosecondBuilder::new().with_timezone("UTC"), |t: &str| {
            parse_timestamp(t.trim(), true)
        }),
        Interval => build!(IntervalMonthDayNanoBuilder::new(), |t: &str| parse_interval(t.trim())),
        Array(item) => {
            let mut items: Vec<Option<Cow<'_, str>>> = Vec::new();
            let mut offsets = vec![0i32];
            let mut valid = Vec::new();
            let mut owner = Vec::new();
            for (i, text) in texts.iter().enumerate() {
                let parsed = text.map(|t| array_items(t, item));
                valid.push(matches!(parsed, Some(Some(_))));
                match parsed {
                    Some(Some(values)) => {
                        owner.extend(std::iter::repeat_n(i, values.len()));
                        items.extend(values);
                    }
                    Some(None) => bad.push(i),
                    None => {}
                }
                offsets.push(items.len() as i32);
            }
            let items: Vec<Option<&str>> = items.iter().map(|t| t.as_deref()).collect();
            let (values, bad_items) = parse(&items, item);
            bad.extend(bad_items.into_iter().map(|i| owner[i]));
            bad.sort_unstable();
            bad.dedup();
            let nulls = NullBuffer::from(valid);
            Arc::new(ListArray::new(
                item.field("item", true),
                OffsetBuffer::new(offsets.into()),
                values,
                Some(nulls),
            )) as ArrayRef
        }
    };
    (array, bad)
}

/// The texts of a JSON array's items, numbers with all their digits; `None` when it is no array.
fn array_items<'a>(text: &'a str, item: &LogicalType) -> Option<Vec<Option<Cow<'a, str>>>> {
    json_text::validate(text).ok()?;
    json_text::items(text)?.into_iter().map(|raw| json_text::value_text(raw, item).ok()).collect()
}

/// A JSON array; items of type json keep their spelling.
fn array_text(items: &dyn Array, ty: &LogicalType) -> String {
    let texts = (0..items.len()).map(|row| match ty {
        LogicalType::Json if items.is_valid(row) => items.as_string::<i32>().value(row).to_string(),
        _ => to_json(items, ty, row).to_string(),
    });
    format!("[{}]", texts.collect::<Vec<_>>().join(","))
}

fn float_text<F: std::fmt::Display + PartialEq + Into<f64> + Copy>(v: F) -> String {
    let wide: f64 = v.into();
    if wide.is_nan() {
        "NaN".into()
    } else if wide.is_infinite() {
        if wide > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        v.to_string()
    }
}

fn parse_float(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" | "nan" => Some(f64::NAN),
        "Infinity" | "infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-infinity" | "-inf" => Some(f64::NEG_INFINITY),
        t => t.parse::<f64>().ok().filter(|v| v.is_finite()),
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "on" => Some(true),
        "false" | "f" | "0" | "no" | "n" | "off" => Some(false),
        _ => None,
    }
}

/// Checks decimal text and returns it without exponent, leading zeros and `+`, keeping its scale.
pub fn parse_numeric(text: &str) -> Option<String> {
    let t = text.trim();
    match t.to_ascii_lowercase().as_str() {
        "nan" => return Some("NaN".into()),
        "infinity" | "inf" | "+infinity" => return Some("Infinity".into()),
        "-infinity" | "-inf" => return Some("-Infinity".into()),
        _ => {}
    }
    let (negative, unsigned) = match t.as_bytes().first()? {
        b'-' => (true, &t[1..]),
        b'+' => (false, &t[1..]),
        _ => (false, t),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let is_decimal = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if !is_decimal || exponent.unsigned_abs() > EXPONENT_MAX {
        return None;
    }
    let mut digits: String = format!("{whole}{fraction}");
    let mut point = whole.len() as i64 + i64::from(exponent);
    if point < 0 {
        digits.insert_str(0, &"0".repeat(point.unsigned_abs() as usize));
        point = 0;
    }
    while (digits.len() as i64) < point {
        digits.push('0');
    }
    let (w, f) = digits.split_at(point as usize);
    let w = w.trim_start_matches('0');
    let w = if w.is_empty() { "0" } else { w };
    let zero = w == "0" && f.bytes().all(|b| b == b'0');
    let sign = if negative && !zero { "-" } else { "" };
    Some(if f.is_empty() { format!("{sign}{w}") } else { format!("{sign}{w}.{f}") })
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 + bytes.len() * 2);
    out.push_str("\\x");
    for b in bytes {
        out.push(char::from_digit(u32::from(b >> 4), 16).unwrap_or('0'));
        out.push(char::from_digit(u32::from(b & 15), 16).unwrap_or('0'));
    }
    out
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| {
            let high = (pair[0] as char).to_digit(16)?;
            let low = (pair[1] as char).to_digit(16)?;
            Some((high * 16 + low) as u8)
        })
        .collect()
}

/// Civil date from days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`), proleptic Gregorian with a year zero.
pub fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`]; the date must exist.
pub fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn date_text(days: i32) -> String {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        _ => civil_text(i64::from(days)),
    }
}

fn civil_text(days: i64) -> String {
    let (y, m, d) = civil_from_days(days);
    match y {
        1..=9999 => format!("{y:04}-{m:02}-{d:02}"),
        _ if y < 0 => format!("-{:04}-{m:02}-{d:02}", -y),
        _ => format!("+{y:04}-{m:02}-{d:02}"),
    }
}

fn parse_date(text: &str) -> Option<i32> {
    match text {
        "infinity" => Some(i32::MAX),
        "-infinity" => Some(i32::MIN),
        // The ends of the range mean the infinities.
        _ => i32::try_from(parse_civil(text)?).ok().filter(|days| !matches!(*days, i32::MIN | i32::MAX)),
    }
}

fn parse_civil(text: &str) -> Option<i64> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let mut parts = rest.splitn(3, '-');
    let year = digits(parts.next()?, 4, 7)?;
    let month = digits(parts.next()?, 2, 2)? as u32;
    let day = digits(parts.next()?, 2, 2)? as u32;
    let year = if negative { -year } else { year };
    if !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let days = days_from_civil(year, month, day);
    (civil_from_days(days) == (year, month, day)).then_some(days)
}

fn digits(text: &str, min: usize, max: usize) -> Option<i64> {
    let ok = (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    ok.then(|| text.parse().ok()).flatten()
}

fn time_text(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let base = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 { base } else { format!("{base}.{}", format!("{fraction:06}").trim_end_matches('0')) }
}

fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.splitn(3, ':');
    let h = digits(parts.next()?, 2, 2)?;
    let m = digits(parts.next()?, 2, 2)?;
    let (s, fraction) = match parts.next() {
        None => (0, 0),
        Some(t) => {
            let (s, f) = t.split_once('.').unwrap_or((t, ""));
            (digits(s, 2, 2)?, parse_fraction(f)?)
        }
    };
    let micros = ((h * 60 + m) * 60 + s) * 1_000_000 + fraction;
    (m < 60 && s <= 60 && micros <= MICROS_PER_DAY).then_some(micros)
}

/// Microseconds from the digits after the point; further digits are rounded half up.
fn parse_fraction(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut padded = digits.as_bytes().to_vec();
    padded.resize(7.max(padded.len()), b'0');
    let micros = padded[..6].iter().fold(0i64, |n, b| n * 10 + i64::from(b - b'0'));
    Some(micros + i64::from(padded[6] >= b'5'))
}

fn timestamp_text(micros: i64, zone: &str) -> String {
    match micros {
        i64::MAX => "infinity".into(),
        i64::MIN => "-infinity".into(),
        _ => {
            let days = micros.div_euclid(MICROS_PER_DAY);
            format!("{}T{}{zone}", civil_text(days), time_text(micros.rem_euclid(MICROS_PER_DAY)))
        }
    }
}

/// Parses a date and time; with `zoned`, an offset (`Z`, `+02`, `+02:00`) is applied and a missing
/// one means UTC; without, an offset is an error.
fn parse_timestamp(text: &str, zoned: bool) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let split = text.find(['T', 't', ' ']);
    let (date, clock) = match split {
        Some(i) => (&text[..i], text[i + 1..].trim_start()),
        None => (text, "00:00:00"),
    };
    let (clock, offset) = match clock.find(['Z', 'z', '+', '-']) {
        Some(i) if zoned => (&clock[..i], parse_offset(&clock[i..])?),
        Some(_) => return None,
        None => (clock, 0),
    };
    let midnight = i128::from(parse_civil(date)?) * i128::from(MICROS_PER_DAY);
    let micros = midnight + i128::from(parse_time(clock.trim_end())? - offset);
    // The ends of the range mean the infinities.
    i64::try_from(micros).ok().filter(|micros| !matches!(*micros, i64::MIN | i64::MAX))
}

fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let rest = text[1..].replace(':', "");
    let hours = digits(rest.get(..2)?, 2, 2)?;
    let minutes = match &rest[2..] {
        "" => 0,
        m => digits(m, 2, 2)?,
    };
    Some(sign * (hours * 60 + minutes) * 60_000_000)
}

fn interval_text(v: IntervalMonthDayNano) -> String {
    let micros = v.nanoseconds / 1_000;
    let sign = if micros < 0 { "-" } else { "" };
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let fraction = if fraction == 0 {
        String::new()
    } else {
        format!(".{}", format!("{fraction:06}").trim_end_matches('0'))
    };
    format!("P{}M{}DT{sign}{seconds}{fraction}S", v.months, v.days)
}

/// Parses ISO 8601 durations (`P1Y2M3DT4H5M6.5S`, a sign allowed before each number).
fn parse_interval(text: &str) -> Option<IntervalMonthDayNano> {
    let rest = text.strip_prefix('P')?;
    let (date, clock) = rest.split_once('T').unwrap_or((rest, ""));
    let (mut months, mut days, mut micros) = (0i64, 0i64, 0i64);
    for (number, unit) in interval_parts(date)? {
        let n: i64 = number.parse().ok()?;
        match unit {
            'Y' => months = months.checked_add(n.checked_mul(12)?)?,
            'M' => months = months.checked_add(n)?,
            'W' => days = days.checked_add(n.checked_mul(7)?)?,
            'D' => days = days.checked_add(n)?,
            _ => return None,
        }
    }
    for (number, unit) in interval_parts(clock)? {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let scale = match unit {
            'H' => 3_600_000_000i64,
            'M' => 60_000_000,
            'S' => 1_000_000,
            _ => return None,
        };
        if !fraction.is_empty() && unit != 'S' {
            return None;
        }
        let n: i64 = if whole == "-" { 0 } else { whole.parse().ok()? };
        let part = parse_fraction(fraction)?;
        let part = if number.starts_with('-') { -part } else { part };
        micros = micros.checked_add(n.checked_mul(scale)?.checked_add(part)?)?;
    }
    Some(IntervalMonthDayNano::new(
        i32::try_from(months).ok()?,
        i32::try_from(days).ok()?,
        micros.checked_mul(1_000)?,
    ))
}

fn interval_parts(text: &str) -> Option<Vec<(&str, char)>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        parts.push((&rest[..end], rest[end..].chars().next()?));
        rest = &rest[end + 1..];
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(ty: LogicalType, text: &str) -> Option<String> {
        let (array, bad) = parse(&[Some(text)], &ty);
        if bad.is_empty() { render(&array, &ty, 0) } else { None }
    }

    #[test]
    fn canonical_text_survives_parsing() {
        use LogicalType::*;
        for (ty, text) in [
            (Bool, "true"),
            (Int64, "9007199254740993"),
            (Float64, "0.1"),
            (Float64, "NaN"),
            (Float32, "-Infinity"),
            (Numeric(None), "123456789012345678901234567890.0123456789"),
            (Numeric(None), "NaN"),
            (Bytes, "\\x00ff10"),
            (Date, "0001-01-01"),
            (Date, "9999-12-31"),
            (Date, "+12345-06-07"),
            (Date, "-0043-03-15"),
            (Date, "infinity"),
            (Time, "24:00:00"),
            (Time, "09:30:00.000001"),
            (Timestamp, "1969-12-31T23:59:59.999999"),
            (TimestampTz, "2025-06-01T12:00:00Z"),
            (TimestampTz, "-infinity"),
            (Timestamp, "-290308-12-21T19:59:05.224193"),
            (Interval, "P14M-3DT-90.5S"),
            (Interval, "P0M0DT-0.5S"),
            (Json, r#"{"a":[1,null]}"#),
            (Array(Box::new(Numeric(None))), r#"["1.50",null]"#),
            (Array(Box::new(Text)), r#"["a","",null]"#),
            (Array(Box::new(Json)), r#"[{"a":1.50},12345678901234567890.1]"#),
            (Array(Box::new(Float64)), "[0.1,1e+300]"),
        ] {
            assert_eq!(round(ty.clone(), text).as_deref(), Some(text), "{ty}");
        }
    }

    #[test]
    fn common_variants_are_understood() {
        use LogicalType::*;
        for (ty, text, canonical) in [
            (TimestampTz, "2025-06-01 12:00:00+02", "2025-06-01T10:00:00Z"),
            (TimestampTz, "2025-06-01T12:00", "2025-06-01T12:00:00Z"),
            (Timestamp, "2025-06-01", "2025-06-01T00:00:00"),
            (Numeric(None), "1.5e3", "1500"),
            (Numeric(None), "-0.0", "0.0"),
            (Numeric(None), "1e-3", "0.001"),
            (Uuid, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            (Interval, "P1Y2M", "P14M0DT0S"),
            (Bool, "t", "true"),
            (Array(Box::new(Numeric(None))), "[12345678901234567890.10]", r#"["12345678901234567890.10"]"#),
        ] {
            assert_eq!(round(ty.clone(), text).as_deref(), Some(canonical), "{ty} {text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        use LogicalType::*;
        for (ty, text) in [
            (Int16, "40000"),
            (Date, "2025-02-30"),
            (Date, "soon"),
            (Time, "25:00:00"),
            (Timestamp, "2025-01-01T00:00:00Z"),
            (Numeric(None), "1.2.3"),
            (Numeric(None), "-"),
            (Json, "{"),
            (Bytes, "ff"),
            (Timestamp, "é"),
            (Date, "+5881580-07-11"),
            (Timestamp, "+294247-01-10T04:00:54.775807"),
            (Numeric(None), "1e-2147483648"),
            (Numeric(None), "1e1001"),
        ] {
            assert_eq!(round(ty.clone(), text), None, "{ty} {text}");
        }
    }
}
