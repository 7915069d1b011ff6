//! Literals: numbers, texts, typed texts and intervals.

use arrow::datatypes::IntervalMonthDayNano;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, lit};
use datafusion_sql::sqlparser::ast::{self, Spanned};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{LogicalType, Result};

use super::value::literal;
use super::{Lowering, Value};
use crate::layout::numeric;

impl Lowering<'_> {
    pub(super) fn literal(&self, value: &ast::ValueWithSpan) -> Result<Value> {
        use ast::Value as Literal;
        match &value.value {
            Literal::Number(digits, _) => self.number(digits, value.span),
            Literal::SingleQuotedString(text)
            | Literal::EscapedStringLiteral(text)
            | Literal::UnicodeStringLiteral(text) => Ok(Value::open(Some(text.clone()))),
            Literal::DollarQuotedString(text) => Ok(Value::open(Some(text.value.clone()))),
            Literal::Boolean(b) => Ok(Value::new(lit(*b), LogicalType::Bool, 1)),
            Literal::Null => Ok(Value::open(None)),
            Literal::Placeholder(name) => {
                Err(self.fail(value.span, format!("'{name}' has no value: expressions take no parameters")))
            }
            other => Err(self
                .fail(value.span, format!("this literal is not supported: {other}"))
                .help("write texts in single quotes")),
        }
    }

    /// Whole numbers are integer, bigint or numeric, by size; with a point or exponent they are numeric.
    pub(super) fn number(&self, digits: &str, span: Span) -> Result<Value> {
        if let Ok(small) = digits.parse::<i32>() {
            return Ok(Value::new(lit(small), LogicalType::Int32, 1));
        }
        if let Ok(large) = digits.parse::<i64>() {
            return Ok(Value::new(lit(large), LogicalType::Int64, 1));
        }
        let text = syncline_core::text::parse_numeric(digits)
            .ok_or_else(|| self.fail(span, format!("'{digits}' is not a number")))?;
        let unsigned = text.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let ty =
            numeric(i32::try_from(whole.len()).unwrap_or(i32::MAX / 2), fraction.len().min(1_000) as i32);
        literal(Some(&text), &ty).map_err(|e| self.fail(span, e.message))
    }

    /// `date '2025-01-31'`.
    pub(super) fn typed_string(&self, typed: &ast::TypedString) -> Result<Value> {
        let span = typed.value.span;
        let (ty, _) = self.type_named(&typed.data_type, span)?;
        let Some(text) = typed.value.value.clone().into_string() else {
            return Err(self.fail(span, "a text in single quotes was expected"));
        };
        if ty == LogicalType::Interval {
            return self.interval_text(&text, span);
        }
        literal(Some(&text), &ty).map_err(|e| self.fail(span, e.message))
    }

    /// `interval '1 day'`, `interval '3' month`.
    pub(super) fn interval(&self, interval: &ast::Interval) -> Result<Value> {
        let span = interval.value.span();
        let text = match interval.value.as_ref() {
            ast::Expr::Value(value) => value.value.clone().into_string(),
            _ => None,
        };
        let Some(text) = text.filter(|_| interval.last_field.is_none()) else {
            return Err(self
                .fail(span, "an interval is a constant text")
                .help("write for example interval '1 day' or interval '2 hours 30 minutes'"));
        };
        let text = match &interval.leading_field {
            Some(unit) => format!("{text} {unit}"),
            None => text,
        };
        self.interval_text(&text, span)
    }

    fn interval_text(&self, text: &str, span: Span) -> Result<Value> {
        let value = parse_interval(text).ok_or_else(|| {
            let error = self.fail(span, format!("'{text}' is not an interval"));
            error.help("write for example '1 day', '2 hours 30 minutes', '1 year 6 months', '01:30:00'")
        })?;
        let scalar = ScalarValue::IntervalMonthDayNano(Some(value));
        Ok(Value::new(Expr::Literal(scalar, None), LogicalType::Interval, 1))
    }
}

/// Reads `1 year 2 months 3 days 04:05:06`, with signs and `ago`, or ISO 8601.
fn parse_interval(text: &str) -> Option<IntervalMonthDayNano> {
    let text = text.trim();
    if text.starts_with('P') {
        return iso_interval(text);
    }
    let (mut months, mut days, mut micros) = (0i64, 0i64, 0i64);
    let lower = text.to_lowercase();
    let (body, sign) = match lower.strip_suffix("ago") {
        Some(body) => (body, -1),
        None => (lower.as_str(), 1),
    };
    let mut words = body.split_whitespace().peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            micros = micros.checked_add(clock(word)?)?;
            continue;
        }
        let (number, unit) = match word.find(|c: char| c.is_ascii_alphabetic()) {
            Some(at) => word.split_at(at),
            None => (word, words.next()?),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let n: i64 = whole.parse().ok()?;
        let times = |factor: i64| n.checked_mul(factor);
        if !fraction.is_empty() && !matches!(unit.trim_end_matches('s'), "second" | "sec") {
            return None;
        }
        match unit.strip_suffix('s').unwrap_or(unit) {
            "year" | "yr" | "y" => months = months.checked_add(times(12)?)?,
            "month" | "mon" => months = months.checked_add(n)?,
            "week" | "w" => days = days.checked_add(times(7)?)?,
            "day" | "d" => days = days.checked_add(n)?,
            "hour" | "hr" | "h" => micros = micros.checked_add(times(3_600_000_000)?)?,
            "minute" | "min" | "m" => micros = micros.checked_add(times(60_000_000)?)?,
            "second" | "sec" | "" => {
                let part = fraction_micros(fraction)?;
                let part = if number.starts_with('-') { -part } else { part };
                micros = micros.checked_add(times(1_000_000)?)?.checked_add(part)?;
            }
            "millisecond" | "msec" => micros = micros.checked_add(times(1_000)?)?,
            "microsecond" | "usec" => micros = micros.checked_add(n)?,
            _ => return None,
        }
    }
    Some(IntervalMonthDayNano::new(
        i32::try_from(sign * months).ok()?,
        i32::try_from(sign * days).ok()?,
        (sign * micros).checked_mul(1_000)?,
    ))
}

fn iso_interval(text: &str) -> Option<IntervalMonthDayNano> {
    use arrow::array::AsArray;
    let (array, bad) = syncline_core::text::parse(&[Some(text)], &LogicalType::Interval);
    let array = array.as_primitive::<arrow::datatypes::IntervalMonthDayNanoType>();
    bad.is_empty().then(|| array.value(0))
}

/// `[-]HH:MM[:SS[.ffffff]]` in microseconds.
fn clock(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut parts = text.splitn(3, ':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let (seconds, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "")),
        None => ("0", ""),
    };
    let seconds: i64 = seconds.parse().ok()?;
    if hours < 0 || !(0..60).contains(&minutes) || !(0..60).contains(&seconds) {
        return None;
    }
    let whole = hours.checked_mul(3_600)?.checked_add(minutes * 60 + seconds)?.checked_mul(1_000_000)?;
    Some(sign * whole.checked_add(fraction_micros(fraction)?)?)
}

fn fraction_micros(digits: &str) -> Option<i64> {
    if digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<6}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_as_people_write_them() {
        for (text, months, days, micros) in [
            ("1 day", 0, 1, 0),
            ("1 year 2 mons", 14, 0, 0),
            ("-3 days 04:05:06.5", 0, -3, 14_706_500_000i64),
            ("2h 30m", 0, 0, 9_000_000_000),
            ("1 week ago", 0, -7, 0),
            ("90.25 seconds", 0, 0, 90_250_000),
            ("P1Y2DT3H", 12, 2, 10_800_000_000),
        ] {
            let expected = IntervalMonthDayNano::new(months, days, micros * 1_000);
            assert_eq!(parse_interval(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "1", "1.5 days", "1 fortnight", "99999999999999999999 days"] {
            assert_eq!(parse_interval(text), None, "{text}");
        }
    }
}
