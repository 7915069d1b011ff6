//! Canonical values as SQLite keeps them.
//!
//! | canonical | stored |
//! |---|---|
//! | bool | 0 or 1 |
//! | integers, floats | as such |
//! | numeric | a number if that keeps every digit, else exact text where the column keeps text |
//! | text, uuid, json, interval, arrays (as JSON) | text |
//! | bytes | a blob |
//! | date, time | ISO text: `2025-01-31`, `09:30:00.5` |
//! | timestamp, timestamptz | `2025-01-31 09:30:00.5`, the latter ending in `Z`; `infinity` |
//!
//! A value that would not read back equal is refused, never bent. Matching compares what is
//! stored: a date or time that another program keeps in another spelling is another value.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, IntervalMonthDayNanoType};
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use syncline_core::{LogicalType, RowError, text};

use super::types::Affinity;

/// One value as SQLite's, for a column of `affinity`. The error names no field yet.
pub fn encode<'a>(
    array: &'a dyn Array,
    ty: &LogicalType,
    affinity: Affinity,
    row: usize,
) -> Result<ToSqlOutput<'a>, RowError> {
    if array.is_null(row) {
        return Ok(ToSqlOutput::Owned(Value::Null));
    }
    use LogicalType::*;
    let rendered = || text::render(array, ty, row).unwrap_or_default();
    Ok(match ty {
        Bool => ToSqlOutput::Owned(Value::Integer(i64::from(array.as_boolean().value(row)))),
        Int16 => integer(i64::from(array.as_primitive::<Int16Type>().value(row)), affinity)?,
        Int32 => integer(i64::from(array.as_primitive::<Int32Type>().value(row)), affinity)?,
        Int64 => integer(array.as_primitive::<Int64Type>().value(row), affinity)?,
        Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row)))?,
        Float64 => float(array.as_primitive::<Float64Type>().value(row))?,
        Numeric(_) => numeric(array.as_string::<i32>().value(row), affinity)?,
        Text | Json => string(array.as_string::<i32>().value(row), affinity)?,
        Uuid => borrowed(array.as_string::<i32>().value(row)),
        Bytes => ToSqlOutput::Borrowed(ValueRef::Blob(array.as_binary::<i32>().value(row))),
        Interval => {
            let nanoseconds = array.as_primitive::<IntervalMonthDayNanoType>().value(row).nanoseconds;
            if nanoseconds % 1_000 != 0 {
                return Err(RowError::new(
                    "value_not_storable",
                    "the interval has parts of a microsecond, which are not kept",
                ));
            }
            ToSqlOutput::Owned(Value::Text(rendered()))
        }
        Timestamp | TimestampTz => ToSqlOutput::Owned(Value::Text(rendered().replacen('T', " ", 1))),
        Date | Time | Array(_) => ToSqlOutput::Owned(Value::Text(rendered())),
    })
}

fn borrowed(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

/// Integers above this magnitude are not all floats.
const FLOAT_EXACT_MAX: u64 = 1 << 53;

fn integer(value: i64, affinity: Affinity) -> Result<ToSqlOutput<'static>, RowError> {
    if affinity == Affinity::Real && value.unsigned_abs() > FLOAT_EXACT_MAX {
        return Err(out_of_range(&value.to_string()));
    }
    Ok(ToSqlOutput::Owned(Value::Integer(value)))
}

fn float(value: f64) -> Result<ToSqlOutput<'static>, RowError> {
    if value.is_nan() {
        return Err(RowError::new("value_not_storable", "SQLite would keep NaN as NULL"));
    }
    Ok(ToSqlOutput::Owned(Value::Real(value)))
}

fn numeric(value: &str, affinity: Affinity) -> Result<ToSqlOutput<'_>, RowError> {
    let plain = plain_decimal(value);
    if matches!(affinity, Affinity::Text | Affinity::Blob) || !looks_numeric(plain) {
        return Ok(borrowed(plain));
    }
    let number = match plain.parse::<i64>() {
        Ok(n) if affinity != Affinity::Real || n.unsigned_abs() <= FLOAT_EXACT_MAX => Some(Value::Integer(n)),
        _ => plain.parse::<f64>().ok().filter(|f| decimal_of(*f).as_deref() == Some(plain)).map(Value::Real),
    };
    number.map(ToSqlOutput::Owned).ok_or_else(|| out_of_range(plain))
}

fn out_of_range(value: &str) -> RowError {
    RowError::new(
        "numeric_out_of_range",
        format!(
            "SQLite would keep {value} as a floating-point number and lose digits; declare the column NUMERIC TEXT"
        ),
    )
}

/// Text, also where SQLite would turn it into a number: then only if that number is shown the same.
fn string(value: &str, affinity: Affinity) -> Result<ToSqlOutput<'_>, RowError> {
    if matches!(affinity, Affinity::Text | Affinity::Blob) || !looks_numeric(value) {
        return Ok(borrowed(value));
    }
    let integer = value.parse::<i64>().ok().filter(|n| n.to_string() == value && affinity != Affinity::Real);
    let number = integer.map(Value::Integer).or_else(|| {
        let float = value.parse::<f64>().ok().filter(|f| decimal_of(*f).as_deref() == Some(value));
        // A whole float would come back as an integer from some columns and with a point from others.
        float.filter(|f| f.fract() != 0.0).map(Value::Real)
    });
    number.map(ToSqlOutput::Owned).ok_or_else(|| {
        RowError::new(
            "value_not_storable",
            "SQLite would turn this text into a number and change it; declare the column with TEXT in its type",
        )
    })
}

/// Whether SQLite may take the text for a number where a column prefers numbers. It looks no
/// further than a NUL. Errs on the side of yes.
fn looks_numeric(text: &str) -> bool {
    let trimmed = text.split('\0').next().unwrap_or_default().trim();
    let unsigned = trimmed.trim_start_matches(['+', '-']);
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') && trimmed.parse::<f64>().is_ok()
}

/// Decimal text without trailing zeros after the point: one spelling per value, so that values
/// kept as text are found again by matching.
fn plain_decimal(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The shortest decimal that is this float and no other; how a stored float is read as a decimal.
pub fn decimal_of(value: f64) -> Option<String> {
    text::parse_numeric(&value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringArray;

    fn stored(ty: &LogicalType, affinity: Affinity, value: &str) -> Option<Value> {
        let array = StringArray::from(vec![value]);
        match encode(&array, ty, affinity, 0).ok()? {
            ToSqlOutput::Owned(v) => Some(v),
            ToSqlOutput::Borrowed(ValueRef::Text(t)) => {
                Some(Value::Text(String::from_utf8(t.to_vec()).unwrap()))
            }
            _ => None,
        }
    }

    #[test]
    fn decimals_are_numbers_only_while_every_digit_is_kept() {
        let ty = LogicalType::Numeric(None);
        let numeric = |v: &str| stored(&ty, Affinity::Numeric, v);
        assert_eq!(numeric("12.50"), Some(Value::Real(12.5)));
        assert_eq!(numeric("9223372036854775807"), Some(Value::Integer(i64::MAX)));
        assert_eq!(numeric("0.1"), Some(Value::Real(0.1)));
        assert_eq!(numeric("123456789.0123456789"), None);
        assert_eq!(numeric("9223372036854775808.5"), None);
        assert_eq!(numeric("NaN"), Some(Value::Text("NaN".into())));
        let text = |v: &str| stored(&ty, Affinity::Text, v);
        assert_eq!(text("123456789.01234567890"), Some(Value::Text("123456789.0123456789".into())));
    }

    #[test]
    fn text_that_sqlite_would_change_is_refused() {
        let numeric = |v: &str| stored(&LogicalType::Text, Affinity::Numeric, v);
        assert_eq!(numeric("7"), Some(Value::Integer(7)));
        for bad in ["007", "0\0", "1\0x", "1e3", " 1", "1.0", "+1", "1.", ".5", "99999999999999999999"] {
            assert_eq!(numeric(bad), None, "{bad}");
        }
        for kept in ["abc", "inf", "nan", "0x10", "1-2", ""] {
            assert_eq!(numeric(kept), Some(Value::Text(kept.into())), "{kept}");
        }
        assert_eq!(stored(&LogicalType::Text, Affinity::Text, "007"), Some(Value::Text("007".into())));
    }
}
