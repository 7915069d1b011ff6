//! The text of a value as PostgreSQL shows it with `::text`, in concatenations and in `lookup`.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    Decimal256Type, Float32Type, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
};
use syncline_core::LogicalType;

use crate::decimal;
use crate::layout::scale_of;

/// The text of the value at `row`, or `None` for NULL. `array` has the layout of `ty` inside expressions.
pub(crate) fn shown(array: &dyn Array, ty: &LogicalType, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match ty {
        LogicalType::Numeric(declared) => {
            let value = array.as_primitive::<Decimal256Type>().value(row);
            decimal::render(value, scale_of(ty), declared.is_none())
        }
        LogicalType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(format!("{value:e}"), f64::from(value), 6)
        }
        LogicalType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(format!("{value:e}"), value, 15)
        }
        LogicalType::Timestamp => syncline_core::text::render(array, ty, row)?.replace('T', " "),
        LogicalType::TimestampTz => {
            syncline_core::text::render(array, ty, row)?.replace('T', " ").replace('Z', "+00")
        }
        LogicalType::Interval => interval(array.as_primitive::<IntervalMonthDayNanoType>().value(row)),
        other => syncline_core::text::render(array, other, row)?,
    })
}

/// Shortest exact digits, with an exponent below -4 and from `exponent_min` on.
fn float(scientific: String, value: f64, exponent_min: i32) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= exponent_min {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits:0<whole$}");
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

/// `1 year 2 mons 3 days 04:05:06.5`, each part with its own sign.
fn interval(v: IntervalMonthDayNano) -> String {
    let mut parts = Vec::new();
    let mut part = |n: i32, one: &str, many: &str| {
        if n != 0 {
            parts.push(format!("{n} {}", if n == 1 { one } else { many }));
        }
    };
    part(v.months / 12, "year", "years");
    part(v.months % 12, "mon", "mons");
    part(v.days, "day", "days");
    let micros = v.nanoseconds / 1_000;
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { "" };
        let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let mut clock = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction != 0 {
            clock.push('.');
            clock.push_str(format!("{fraction:06}").trim_end_matches('0'));
        }
        parts.push(clock);
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_as_in_postgresql() {
        for (value, text) in [
            (0.1, "0.1"),
            (-0.0, "-0"),
            (100000.0, "100000"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-1234.5, "-1234.5"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(float(format!("{value:e}"), value, 15), text);
        }
    }
}
