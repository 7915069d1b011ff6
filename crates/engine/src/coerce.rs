//! Coercion of mapped values to the target's field types.
//!
//! Whether two types go together is decided once, before a run ([`fits`]); each value is then
//! converted without loss or reported with its row. Three conversions round to what the target can
//! hold, as an assignment in SQL does: decimals to a declared scale (half away from zero), decimals
//! and integers to floating point, and double to single precision.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use syncline_connector::TargetField;
use syncline_core::{LogicalType, RowError, text};

/// Whether values of `from` can be converted to `to`, value by value.
pub fn fits(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType::*;
    match (from, to) {
        (a, b) if a == b => true,
        (Text, _) | (_, Text) => true,
        (Array(a), Array(b)) => fits(a, b),
        (Array(_), Json) | (Json, Array(_)) => true,
        (a, b) if a.is_number() && b.is_number() => true,
        (Bool, b) if b.is_integer() => true,
        (Date, Timestamp) | (Timestamp, Date) => true,
        _ => false,
    }
}

/// What to write instead when types do not go together.
pub fn advice(from: &LogicalType, to: &LogicalType) -> Option<String> {
    use LogicalType::*;
    match (from, to) {
        (TimestampTz, Timestamp) | (Timestamp, TimestampTz) => {
            Some("say which zone is meant: expression at time zone 'UTC'".into())
        }
        (TimestampTz, Date) => {
            Some("say which zone's day is meant: cast(expression at time zone 'UTC' as date)".into())
        }
        (a, Bool) if a.is_number() => Some("write a condition, for example: expression <> 0".into()),
        _ => Some(format!("convert it in the mapping: cast(expression as {to})")),
    }
}

/// The converted column and, for each value that has no place in it, the row and its error.
pub struct Coerced {
    pub array: ArrayRef,
    pub errors: Vec<(usize, RowError)>,
}

/// Converts one column. Values at fault are NULL in the result.
pub fn coerce(array: &ArrayRef, from: &LogicalType, to: &TargetField) -> Coerced {
    let mut coerced = convert(array, from, &to.ty, &to.name);
    if let (Some(max), LogicalType::Text) = (to.max_chars, &to.ty) {
        limit_length(&mut coerced, max as usize, &to.name);
    }
    coerced
}

fn convert(array: &ArrayRef, from: &LogicalType, to: &LogicalType, field: &str) -> Coerced {
    let unchanged = match (from, to) {
        (LogicalType::Numeric(_), LogicalType::Numeric(None)) => true,
        (LogicalType::Numeric(_), LogicalType::Numeric(Some(_))) => false,
        (LogicalType::Numeric(_) | LogicalType::Uuid | LogicalType::Json, LogicalType::Text) => true,
        (a, b) => a == b,
    };
    let unchanged = unchanged
        || matches!((from, to), (LogicalType::Numeric(_), LogicalType::Numeric(Some((precision, scale)))) if {
            let texts = array.as_string::<i32>();
            (0..texts.len()).all(|row| texts.is_null(row) || is_scaled(texts.value(row), *precision, *scale))
        });
    if unchanged {
        return Coerced { array: array.clone(), errors: Vec::new() };
    }
    let mut errors = Vec::new();
    let texts: Vec<Option<String>> = (0..array.len())
        .map(|row| {
            let text = text::render(array, from, row)?;
            match adapt(&text, from, to) {
                Ok(text) => Some(text),
                Err(why) => {
                    errors.push((row, misfit(field, &text, to, why)));
                    None
                }
            }
        })
        .collect();
    let borrowed: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    let (array, bad) = text::parse(&borrowed, to);
    errors.extend(bad.into_iter().map(|row| {
        let value = texts[row].as_deref().unwrap_or_default();
        (row, misfit(field, value, to, None))
    }));
    errors.sort_by_key(|(row, _)| *row);
    Coerced { array, errors }
}

fn misfit(field: &str, value: &str, to: &LogicalType, why: Option<&'static str>) -> RowError {
    let message = match why {
        Some(why) => format!("Value does not fit {to}: {why}"),
        None => format!("Value is not a valid {to}"),
    };
    let code = if why.is_some() { "value_out_of_range" } else { "invalid_value" };
    RowError::new(code, message).field(field).raw_value(Some(value.to_string()))
}

/// The text by which `to` reads this value, or why it cannot.
fn adapt(text: &str, from: &LogicalType, to: &LogicalType) -> Result<String, Option<&'static str>> {
    use LogicalType::*;
    match (from, to) {
        (Bool, t) if t.is_integer() => Ok(if text == "true" { "1" } else { "0" }.into()),
        (_, Numeric(Some((precision, scale)))) => {
            let exact = text::parse_numeric(text).ok_or(None)?;
            round_decimal(&exact, *precision, *scale).ok_or(Some("too many digits before the point"))
        }
        (Numeric(_) | Float32 | Float64 | Int16 | Int32 | Int64, t) if t.is_integer() => {
            let whole = match text.split_once('.') {
                Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole,
                Some(_) => return Err(Some("it has a fraction")),
                None => text,
            };
            let whole = if whole == "-0" { "0" } else { whole };
            let n: i64 = whole.parse().map_err(|_| Some("out of range"))?;
            let inside = match t {
                Int16 => i16::try_from(n).is_ok(),
                Int32 => i32::try_from(n).is_ok(),
                _ => true,
            };
            if inside { Ok(whole.into()) } else { Err(Some("out of range")) }
        }
        (Timestamp, Date) => match text.split_once('T') {
            Some((date, "00:00:00")) => Ok(date.into()),
            None => Ok(text.into()),
            Some(_) => Err(Some("it has a time of day")),
        },
        _ => Ok(text.into()),
    }
}

/// Whether plain decimal text is written with exactly `scale` digits after the point, and fits: what a
/// column of this type sends.
fn is_scaled(text: &str, precision: u16, scale: i16) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    let is_canonical = !whole.is_empty() && (whole.len() == 1 || !whole.starts_with('0'));
    let whole_digits = if whole == "0" { 0 } else { whole.len() as i64 };
    let is_minus_zero = text.starts_with('-') && !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    scale >= 0
        && fraction.len() == scale as usize
        && (scale == 0) != digits.contains('.')
        && whole_digits <= i64::from(precision) - i64::from(scale)
        && is_canonical
        && !is_minus_zero
        && all_digits(whole)
        && all_digits(fraction)
}

/// Rounds plain decimal text to `scale` digits, half away from zero; `None` when more than
/// `precision − scale` digits stand before the point. NaN passes, infinities do not fit.
fn round_decimal(text: &str, precision: u16, scale: i16) -> Option<String> {
    if text == "NaN" {
        return Some(text.into());
    }
    if text.ends_with("Infinity") {
        return None;
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Work on whole + fraction as one string of digits with the point after `whole`.
    let keep = whole.len() as i64 + i64::from(scale);
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let mut kept: Vec<u8> = all.iter().copied().take(keep.max(0) as usize).collect();
    let round_up = keep >= 0 && all.get(keep as usize).is_some_and(|d| *d >= b'5');
    kept.resize(keep.max(0) as usize, b'0');
    if round_up {
        let mut carry = true;
        for d in kept.iter_mut().rev() {
            if *d == b'9' {
                *d = b'0';
            } else {
                *d += 1;
                carry = false;
                break;
            }
        }
        if carry {
            kept.insert(0, b'1');
        }
    }
    // Negative scales drop digits before the point; put zeros back in their place.
    kept.resize(kept.len() + usize::from((-scale).max(0).unsigned_abs()), b'0');
    let fraction_len = scale.max(0) as usize;
    let split = kept.len().saturating_sub(fraction_len);
    let whole = String::from_utf8_lossy(&kept[..split]).trim_start_matches('0').to_string();
    let fraction = String::from_utf8_lossy(&kept[split..]).to_string();
    let whole_max = i64::from(precision) - i64::from(scale);
    if whole.len() as i64 > whole_max.max(0) {
        return None;
    }
    let zero = whole.is_empty() && fraction.bytes().all(|b| b == b'0');
    let sign = if zero { "" } else { sign };
    let whole = if whole.is_empty() { "0" } else { &whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

fn limit_length(coerced: &mut Coerced, max: usize, field: &str) {
    let texts = coerced.array.as_string::<i32>();
    let long: Vec<usize> = (0..texts.len())
        .filter(|&row| {
            texts.is_valid(row) && texts.value(row).len() > max && texts.value(row).chars().count() > max
        })
        .collect();
    if long.is_empty() {
        return;
    }
    for &row in &long {
        let error = RowError::new("string_too_long", format!("String exceeds max length ({max})"))
            .field(field)
            .raw_value(Some(texts.value(row).to_string()));
        coerced.errors.push((row, error));
    }
    let kept: StringArray = (0..texts.len())
        .map(|row| (texts.is_valid(row) && long.binary_search(&row).is_err()).then(|| texts.value(row)))
        .collect();
    coerced.array = Arc::new(kept);
    coerced.errors.sort_by_key(|(row, _)| *row);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(ty: &str, max_chars: Option<u32>) -> TargetField {
        TargetField {
            name: "f".into(),
            ty: ty.parse().unwrap(),
            native_type: ty.into(),
            nullable: true,
            has_default: false,
            read_only: false,
            max_chars,
            equality: Default::default(),
        }
    }

    fn one(from: &str, value: &str, to: &TargetField) -> Result<Option<String>, String> {
        let from: LogicalType = from.parse().unwrap();
        let (array, bad) = text::parse(&[Some(value)], &from);
        assert!(bad.is_empty());
        let coerced = coerce(&array, &from, to);
        match coerced.errors.into_iter().next() {
            Some((_, e)) => Err(e.code),
            None => Ok(text::render(&coerced.array, &to.ty, 0)),
        }
    }

    #[test]
    fn values_convert_without_loss_or_are_reported() {
        for (from, value, to, expected) in [
            ("int64", "7", "int16", Ok("7")),
            ("int64", "70000", "int16", Err("value_out_of_range")),
            ("numeric", "12.00", "int32", Ok("12")),
            ("numeric", "12.5", "int32", Err("value_out_of_range")),
            ("float64", "3", "int64", Ok("3")),
            ("numeric", "NaN", "int64", Err("value_out_of_range")),
            ("int64", "9007199254740993", "numeric", Ok("9007199254740993")),
            ("text", "2025-01-31", "date", Ok("2025-01-31")),
            ("text", "soon", "date", Err("invalid_value")),
            ("timestamp", "2025-01-31T00:00:00", "date", Ok("2025-01-31")),
            ("timestamp", "2025-01-31T10:00:00", "date", Err("value_out_of_range")),
            ("date", "2025-01-31", "timestamp", Ok("2025-01-31T00:00:00")),
            ("bool", "true", "int64", Ok("1")),
            ("json", "{\"a\":1}", "text", Ok("{\"a\":1}")),
        ] {
            let got = one(from, value, &field(to, None));
            let expected = expected.map(|v| Some(v.to_string())).map_err(str::to_string);
            assert_eq!(got, expected, "{from} {value} to {to}");
        }
    }

    #[test]
    fn decimals_round_half_away_from_zero_to_the_declared_scale() {
        for (value, ty, expected) in [
            ("1.005", "numeric(10,2)", Ok("1.01")),
            ("-1.005", "numeric(10,2)", Ok("-1.01")),
            ("1.004", "numeric(10,2)", Ok("1.00")),
            ("9.999", "numeric(3,2)", Err("value_out_of_range")),
            ("99.99", "numeric(3,1)", Err("value_out_of_range")),
            ("0.5", "numeric(2,0)", Ok("1")),
            ("-0.004", "numeric(3,2)", Ok("0.00")),
            ("1250", "numeric(4,-2)", Ok("1300")),
            ("NaN", "numeric(4,2)", Ok("NaN")),
            ("Infinity", "numeric(4,2)", Err("value_out_of_range")),
            ("0.00123", "numeric(3,5)", Ok("0.00123")),
        ] {
            let got = one("numeric", value, &field(ty, None));
            let expected = expected.map(|v| Some(v.to_string())).map_err(str::to_string);
            assert_eq!(got, expected, "{value} to {ty}");
        }
    }

    #[test]
    fn decimals_that_are_as_declared_are_what_rounding_makes_of_them() {
        for text in [
            "0", "1", "-1", "0.5", "0.50", "-0.00", "12.34", "012.34", "123.45", "-99.99", "1.", ".50", "NaN",
        ] {
            for (precision, scale) in [(4, 2), (5, 2), (1, 0), (3, 0), (2, 2)] {
                if is_scaled(text, precision, scale) {
                    assert_eq!(round_decimal(text, precision, scale).as_deref(), Some(text));
                }
            }
        }
        assert!(is_scaled("12.34", 4, 2) && is_scaled("-7", 1, 0) && is_scaled("0.25", 2, 2));
        assert!(!is_scaled("123.45", 4, 2) && !is_scaled("0.5", 4, 2) && !is_scaled("-0.00", 4, 2));
    }

    #[test]
    fn long_text_is_reported_with_its_limit() {
        assert_eq!(one("text", "ééé", &field("text", Some(3))), Ok(Some("ééé".into())));
        assert_eq!(one("text", "four", &field("text", Some(3))), Err("string_too_long".into()));
    }

    #[test]
    fn zones_are_never_guessed() {
        assert!(!fits(&LogicalType::Timestamp, &LogicalType::TimestampTz));
        assert!(!fits(&LogicalType::TimestampTz, &LogicalType::Date));
        assert!(!fits(&LogicalType::Int64, &LogicalType::Bool));
        assert!(fits(&LogicalType::Int64, &LogicalType::Text));
    }
}
