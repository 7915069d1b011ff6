//! Casts between canonical types, as strict and as exact as PostgreSQL's.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Date32Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, StringBuilder, Time64MicrosecondBuilder,
    TimestampMicrosecondBuilder, new_null_array,
};
use arrow::datatypes::{
    Date32Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, i256,
};
use std::sync::Arc;
use syncline_core::LogicalType;

use super::shown::shown;
use super::texts;
use crate::decimal;
use crate::kernel::Kernel;
use crate::layout::{layout, scale_of, sql_name};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// `cast(x as to)`; with `attempt`, a value that cannot be cast is NULL instead of an error.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cast {
    pub from: LogicalType,
    pub to: LogicalType,
    pub attempt: bool,
}

impl Kernel for Cast {
    fn name(&self) -> &'static str {
        if self.attempt { "try_cast" } else { "cast" }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let (array, fault) = convert(&args[0], &self.from, &self.to);
        match fault {
            Some(message) if !self.attempt => Err(message),
            _ => Ok(array),
        }
    }
}

/// `convert_from(bytes, 'UTF8')`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Utf8Text;

impl Kernel for Utf8Text {
    fn name(&self) -> &'static str {
        "convert_from"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let mut out = StringBuilder::new();
        for bytes in args[0].as_binary::<i32>() {
            let text = bytes.map(std::str::from_utf8).transpose();
            out.append_option(text.map_err(|_| "the bytes are not UTF-8 text".to_string())?);
        }
        Ok(Arc::new(out.finish()))
    }
}

/// Whether there is a cast at all.
pub(crate) fn exists(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType::*;
    if from == to {
        return true;
    }
    let textual = |t: &LogicalType| matches!(t, Text | Json | Uuid);
    match (from, to) {
        (Array(_), _) | (_, Array(_)) => false,
        (_, Text) => true,
        (Text, _) => true,
        (a, b) if textual(a) || textual(b) => false,
        (a, b) if a.is_number() && b.is_number() => true,
        (Bool, b) => b.is_integer(),
        (a, Bool) => a.is_integer(),
        (Date, Timestamp | TimestampTz) => true,
        (Timestamp, Date | Time | TimestampTz) => true,
        (TimestampTz, Date | Time | Timestamp) => true,
        _ => false,
    }
}

/// The array as `to`, and what was wrong with the first value that could not be cast (those are NULL).
pub(crate) fn convert(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> (ArrayRef, Option<String>) {
    use LogicalType::*;
    if from == to {
        return (array.clone(), None);
    }
    match (from, to) {
        (_, Text) => {
            let mut out = StringBuilder::new();
            for row in 0..array.len() {
                out.append_option(shown(array, from, row));
            }
            (Arc::new(out.finish()), None)
        }
        (Text, _) => from_text(array, to),
        (Bool, _) => to_numbers(array, from, to),
        (a, _) if a.is_number() && *to != Bool => to_numbers(array, from, to),
        (_, Bool) => {
            let mut out = BooleanBuilder::new();
            for row in 0..array.len() {
                out.append_option(integer_at(array, from, row).map(|v| v != 0));
            }
            (Arc::new(out.finish()), None)
        }
        _ => between_times(array, from, to),
    }
}

fn from_text(array: &ArrayRef, to: &LogicalType) -> (ArrayRef, Option<String>) {
    let strings = match texts(array) {
        Ok(strings) => strings,
        Err(message) => return (new_null_array(&layout(to), array.len()), Some(message)),
    };
    let describe = |row: usize| {
        let value: String = strings.value(row).chars().take(40).collect();
        format!("'{value}' is not a valid {}", sql_name(to))
    };
    if !matches!(to, LogicalType::Numeric(_)) {
        let values: Vec<Option<&str>> = strings.iter().collect();
        let (out, bad) = syncline_core::text::parse(&values, to);
        return (out, bad.first().map(|row| describe(*row)));
    }
    let mut fault = None;
    let mut out = decimals(to);
    for (row, text) in strings.iter().enumerate() {
        let parsed =
            text.map(|t| decimal::parse(t.trim(), scale_of(to), true).ok().and_then(|v| fits(v, to)));
        if parsed == Some(None) {
            fault.get_or_insert_with(|| describe(row));
        }
        out.append_option(parsed.flatten());
    }
    (Arc::new(out.finish()), fault)
}

/// A decimal that respects the type's declared precision.
pub(crate) fn fits(value: i256, ty: &LogicalType) -> Option<i256> {
    match ty {
        LogicalType::Numeric(Some((p, s))) => {
            let digits = i32::from(*p) - i32::from(*s) + scale_of(ty) as i32;
            decimal::within(value, usize::try_from(digits).unwrap_or(0))
        }
        _ => decimal::bounded(value),
    }
}

/// A builder of decimals in the layout of `ty`.
pub(crate) fn decimals(ty: &LogicalType) -> Decimal256Builder {
    Decimal256Builder::new().with_data_type(layout(ty))
}

/// A number on its way from one type to another.
enum Number {
    Integer(i64),
    Decimal(i256, usize),
    Single(f32),
    Double(f64),
}

fn integer_at(array: &ArrayRef, ty: &LogicalType, row: usize) -> Option<i64> {
    if array.is_null(row) {
        return None;
    }
    match ty {
        LogicalType::Bool => Some(i64::from(array.as_boolean().value(row))),
        LogicalType::Int16 => Some(i64::from(array.as_primitive::<Int16Type>().value(row))),
        LogicalType::Int32 => Some(i64::from(array.as_primitive::<Int32Type>().value(row))),
        LogicalType::Int64 => Some(array.as_primitive::<Int64Type>().value(row)),
        _ => None,
    }
}

fn number_at(array: &ArrayRef, ty: &LogicalType, row: usize) -> Option<Number> {
    if array.is_null(row) {
        return None;
    }
    Some(match ty {
        LogicalType::Float32 => Number::Single(array.as_primitive::<Float32Type>().value(row)),
        LogicalType::Float64 => Number::Double(array.as_primitive::<Float64Type>().value(row)),
        LogicalType::Numeric(_) => {
            Number::Decimal(array.as_primitive::<Decimal256Type>().value(row), scale_of(ty))
        }
        _ => Number::Integer(integer_at(array, ty, row)?),
    })
}

fn to_numbers(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> (ArrayRef, Option<String>) {
    let mut fault = None;
    macro_rules! build {
        ($builder:expr, $convert:expr) => {{
            let mut out = $builder;
            for row in 0..array.len() {
                let number = number_at(array, from, row);
                let converted = number.map($convert);
                if matches!(converted, Some(None)) {
                    fault.get_or_insert_with(|| {
                        let value = shown(array, from, row).unwrap_or_default();
                        format!("{value} is out of range for {}", sql_name(to))
                    });
                }
                out.append_option(converted.flatten());
            }
            Arc::new(out.finish()) as ArrayRef
        }};
    }
    let out = match to {
        LogicalType::Int16 => build!(Int16Builder::new(), |n| to_i64(n).and_then(|v| v.try_into().ok())),
        LogicalType::Int32 => build!(Int32Builder::new(), |n| to_i64(n).and_then(|v| v.try_into().ok())),
        LogicalType::Int64 => build!(Int64Builder::new(), to_i64),
        LogicalType::Float32 => build!(Float32Builder::new(), to_f32),
        LogicalType::Float64 => build!(Float64Builder::new(), |n| Some(to_f64(n))),
        _ => build!(decimals(to), |n| to_decimal(n, to)),
    };
    (out, fault)
}

/// Floats are rounded half to even, decimals half away from zero, as in PostgreSQL.
fn to_i64(number: Number) -> Option<i64> {
    match number {
        Number::Integer(v) => Some(v),
        Number::Decimal(v, scale) => decimal::rescale(v, scale, 0)?.to_i128()?.try_into().ok(),
        Number::Single(v) => to_i64(Number::Double(f64::from(v))),
        Number::Double(v) => {
            let rounded = v.round_ties_even();
            // 2^63 itself is a float and does not fit; -2^63 does.
            let inside = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded);
            inside.then_some(rounded as i64)
        }
    }
}

fn to_f64(number: Number) -> f64 {
    match number {
        Number::Integer(v) => v as f64,
        // Parsing the decimal text rounds once, correctly.
        Number::Decimal(v, scale) => decimal::render(v, scale, true).parse().unwrap_or(f64::NAN),
        Number::Single(v) => f64::from(v),
        Number::Double(v) => v,
    }
}

fn to_f32(number: Number) -> Option<f32> {
    let value = match number {
        Number::Integer(v) => v as f32,
        Number::Decimal(v, scale) => decimal::render(v, scale, true).parse().ok()?,
        Number::Single(v) => v,
        Number::Double(v) if v.is_finite() => Some(v as f32).filter(|v| v.is_finite())?,
        Number::Double(v) => v as f32,
    };
    Some(value)
}

/// Floats become decimals with the digits they are sure of: 15, or 6 for real.
fn to_decimal(number: Number, to: &LogicalType) -> Option<i256> {
    let scale = scale_of(to);
    let value = match number {
        Number::Integer(v) => decimal::rescale(i256::from_i128(i128::from(v)), 0, scale)?,
        Number::Decimal(v, from) => decimal::rescale(v, from, scale)?,
        Number::Single(v) => decimal::parse(&format!("{v:.5e}"), scale, true).ok()?,
        Number::Double(v) => decimal::parse(&format!("{v:.14e}"), scale, true).ok()?,
    };
    fits(value, to)
}

/// Between date, time, timestamp and timestamptz; instants are looked at in UTC.
fn between_times(array: &ArrayRef, from: &LogicalType, to: &LogicalType) -> (ArrayRef, Option<String>) {
    use LogicalType::*;
    let mut fault = None;
    let mut values: Vec<Option<i64>> = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let converted = micros_at(array, from, row).map(|v| v.and_then(|v| time_value(v, to)));
        if converted == Some(None) {
            let value = shown(array, from, row).unwrap_or_default();
            fault.get_or_insert(format!("{value} has no {}", sql_name(to)));
        }
        values.push(converted.flatten());
    }
    let out: ArrayRef = match to {
        Date => {
            let mut out = Date32Builder::new();
            values.iter().for_each(|v| out.append_option(v.and_then(|v| i32::try_from(v).ok())));
            Arc::new(out.finish())
        }
        Time => {
            let mut out = Time64MicrosecondBuilder::new();
            values.iter().for_each(|v| out.append_option(*v));
            Arc::new(out.finish())
        }
        _ => timestamps(values, to),
    };
    (out, fault)
}

/// The microseconds of a date (at midnight), time or timestamp; infinities are `i64::MIN` and `MAX`.
/// `None` for NULL, `Some(None)` for a date too far away for a timestamp.
pub(crate) fn micros_at(array: &ArrayRef, ty: &LogicalType, row: usize) -> Option<Option<i64>> {
    if array.is_null(row) {
        return None;
    }
    match ty {
        LogicalType::Date => Some(match array.as_primitive::<Date32Type>().value(row) {
            i32::MAX => Some(i64::MAX),
            i32::MIN => Some(i64::MIN),
            days => i64::from(days).checked_mul(MICROS_PER_DAY),
        }),
        LogicalType::Time => Some(Some(array.as_primitive::<Time64MicrosecondType>().value(row))),
        _ => Some(Some(array.as_primitive::<TimestampMicrosecondType>().value(row))),
    }
}

fn time_value(micros: i64, to: &LogicalType) -> Option<i64> {
    match (to, micros) {
        (LogicalType::Date, i64::MAX) => Some(i64::from(i32::MAX)),
        (LogicalType::Date, i64::MIN) => Some(i64::from(i32::MIN)),
        (LogicalType::Date, v) => Some(v.div_euclid(MICROS_PER_DAY)),
        (LogicalType::Time, i64::MAX | i64::MIN) => None,
        (LogicalType::Time, v) => Some(v.rem_euclid(MICROS_PER_DAY)),
        (_, v) => Some(v),
    }
}

/// Timestamps of the type `ty` from microseconds.
pub(crate) fn timestamps(values: Vec<Option<i64>>, ty: &LogicalType) -> ArrayRef {
    let mut out = TimestampMicrosecondBuilder::with_capacity(values.len()).with_data_type(ty.arrow());
    values.into_iter().for_each(|v| out.append_option(v));
    Arc::new(out.finish())
}
