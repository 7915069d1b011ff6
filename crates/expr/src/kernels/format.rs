//! Dates as text in a chosen format and back: PostgreSQL's template patterns, the ones people use.

use arrow::array::{Array, ArrayRef, Date32Builder, StringBuilder};
use std::sync::Arc;
use syncline_core::LogicalType;

use super::calendar::{Civil, MICROS_PER_DAY, MICROS_PER_SECOND, checked_days};
use super::cast::{micros_at, timestamps};
use super::shown::shown;
use super::texts;
use crate::kernel::Kernel;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Patterns, longest first where one begins another.
const TOKENS: [&str; 25] = [
    "HH24", "HH12", "HH", "MI", "SS", "MS", "US", "AM", "PM", "IYYY", "YYYY", "YY", "MONTH", "MON", "MM",
    "DAY", "DY", "DDD", "DD", "ID", "IW", "WW", "Q", "D", "TZ",
];

/// How a name is written: `MONTH`, `Month`, `month`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Letters {
    Upper,
    Title,
    Lower,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Piece {
    Literal(String),
    /// A pattern; `bare` (the FM prefix) leaves out padding.
    Pattern {
        name: &'static str,
        letters: Letters,
        bare: bool,
    },
}

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Format(Vec<Piece>);

impl Format {
    /// Refuses letters that are no pattern, so that other systems' formats are not taken literally.
    pub fn parse(text: &str) -> Result<Format, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut bare = false;
        while let Some(c) = rest.chars().next() {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (literal, after) =
                    quoted.split_once('"').ok_or("the format has a quote that is not closed")?;
                pieces.push(Piece::Literal(literal.to_string()));
                rest = after;
                continue;
            }
            if rest.get(..2).is_some_and(|p| p.eq_ignore_ascii_case("FM")) {
                bare = true;
                rest = &rest[2..];
                continue;
            }
            let token = TOKENS
                .iter()
                .find(|t| rest.get(..t.len()).is_some_and(|start| start.eq_ignore_ascii_case(t)));
            if let Some(name) = token {
                pieces.push(Piece::Pattern { name, letters: letters(&rest[..name.len()]), bare });
                bare = false;
                rest = &rest[name.len()..];
                continue;
            }
            if c.is_ascii_alphabetic() || c == '%' {
                return Err(format!(
                    "the format '{text}' has '{c}', which is no pattern; use YYYY, MM, DD, HH24, MI, SS and \
                     the like, and put literal letters in double quotes"
                ));
            }
            pieces.push(Piece::Literal(c.to_string()));
            rest = &rest[c.len_utf8()..];
        }
        Ok(Format(pieces))
    }

    /// Whether text in this format can be read back into a date.
    pub fn check_readable(&self) -> Result<(), String> {
        for piece in &self.0 {
            if let Piece::Pattern { name, .. } = piece
                && matches!(*name, "IYYY" | "DAY" | "DY" | "ID" | "IW" | "WW" | "Q" | "D" | "TZ")
            {
                return Err(format!("the pattern {name} can be written but not read"));
            }
        }
        Ok(())
    }

    fn write(&self, micros: i64, zoned: bool) -> String {
        let civil = Civil::from_micros(micros);
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Pattern { name, letters, bare } => {
                    out.push_str(&written(name, *letters, *bare, &civil, zoned));
                }
            }
        }
        out
    }

    /// The microseconds of text in this format; `None` when it does not match exactly.
    fn read(&self, text: &str) -> Option<i64> {
        let (mut year, mut month, mut day, mut day_of_year) = (None, 1i64, 1i64, None);
        let (mut hour, mut minute, mut second, mut micros) = (0i64, 0i64, 0i64, 0i64);
        let mut afternoon = None;
        let mut rest = text.trim();
        for piece in &self.0 {
            let name = match piece {
                Piece::Literal(literal) => {
                    rest = rest.strip_prefix(literal.as_str())?;
                    continue;
                }
                Piece::Pattern { name, .. } => *name,
            };
            match name {
                "AM" | "PM" => {
                    let mark = rest.get(..2)?.to_ascii_uppercase();
                    afternoon = Some(match mark.as_str() {
                        "AM" => false,
                        "PM" => true,
                        _ => return None,
                    });
                    rest = &rest[2..];
                }
                "MONTH" | "MON" => {
                    let short = name == "MON";
                    let starts = |m: &str| {
                        let wanted = if short { &m[..3] } else { m };
                        rest.get(..wanted.len()).is_some_and(|s| s.eq_ignore_ascii_case(wanted))
                    };
                    let index = MONTHS.iter().position(|m| starts(m))?;
                    month = index as i64 + 1;
                    rest = &rest[if short { 3 } else { MONTHS[index].len() }..];
                }
                "MS" | "US" => {
                    let (digits, after) = take_digits(rest, if name == "MS" { 3 } else { 6 })?;
                    micros = format!("{digits:0<6}").parse().ok()?;
                    rest = after;
                }
                _ => {
                    let width = match name {
                        "YYYY" => 4,
                        "DDD" => 3,
                        _ => 2,
                    };
                    let (digits, after) = take_digits(rest, width)?;
                    let value: i64 = digits.parse().ok()?;
                    rest = after;
                    match name {
                        "YYYY" => year = Some(value),
                        // PostgreSQL takes the year nearest to 2020.
                        "YY" => year = Some(if value < 70 { 2000 + value } else { 1900 + value }),
                        "MM" => month = value,
                        "DD" => day = value,
                        "DDD" => day_of_year = Some(value),
                        "HH24" | "HH12" | "HH" => hour = value,
                        "MI" => minute = value,
                        _ => second = value,
                    }
                }
            }
        }
        if !rest.is_empty() || !(0..60).contains(&minute) || !(0..60).contains(&second) {
            return None;
        }
        if let Some(afternoon) = afternoon {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if afternoon { 12 } else { 0 };
        }
        if !(0..24).contains(&hour) {
            return None;
        }
        let year = year?;
        let days = match day_of_year {
            Some(n) => {
                let days = checked_days(year, 1, 1)? + n - 1;
                let same_year = Civil::from_micros(days * MICROS_PER_DAY).year == year;
                (n >= 1 && same_year).then_some(days)?
            }
            None => checked_days(year, month, day)?,
        };
        let clock = ((hour * 60 + minute) * 60 + second) * MICROS_PER_SECOND + micros;
        days.checked_mul(MICROS_PER_DAY)?.checked_add(clock)
    }
}

fn letters(token: &str) -> Letters {
    let mut chars = token.chars();
    match (chars.next().is_some_and(char::is_uppercase), chars.next().is_some_and(char::is_uppercase)) {
        (true, true) => Letters::Upper,
        (true, false) => Letters::Title,
        _ => Letters::Lower,
    }
}

fn cased(text: &str, letters: Letters) -> String {
    match letters {
        Letters::Upper => text.to_uppercase(),
        Letters::Title => text.to_string(),
        Letters::Lower => text.to_lowercase(),
    }
}

fn written(name: &str, letters: Letters, bare: bool, civil: &Civil, zoned: bool) -> String {
    let number = |value: i64, width: usize| if bare { value.to_string() } else { format!("{value:0width$}") };
    let hour12 = (civil.hour() + 11) % 12 + 1;
    let month = MONTHS[(civil.month as usize - 1) % 12];
    let day = DAYS[civil.weekday() as usize % 7];
    // PostgreSQL pads full names to the longest.
    let padded = |text: String| if bare { text } else { format!("{text:<9}") };
    match name {
        "HH24" => number(civil.hour(), 2),
        "HH12" | "HH" => number(hour12, 2),
        "MI" => number(civil.minute(), 2),
        "SS" => number(civil.second(), 2),
        "MS" => number(civil.microsecond() / 1_000, 3),
        "US" => number(civil.microsecond(), 6),
        "AM" | "PM" => cased(if civil.hour() < 12 { "AM" } else { "PM" }, letters),
        "IYYY" => number(civil.iso_week().0, 4),
        "YYYY" => number(civil.year, 4),
        "YY" => number(civil.year.rem_euclid(100), 2),
        "MONTH" => padded(cased(month, letters)),
        "MON" => cased(&month[..3], letters),
        "MM" => number(i64::from(civil.month), 2),
        "DAY" => padded(cased(day, letters)),
        "DY" => cased(&day[..3], letters),
        "DDD" => number(civil.day_of_year(), 3),
        "DD" => number(i64::from(civil.day), 2),
        "D" => (civil.weekday() + 1).to_string(),
        "ID" => civil.iso_weekday().to_string(),
        "IW" => number(civil.iso_week().1, 2),
        "WW" => number((civil.day_of_year() - 1) / 7 + 1, 2),
        "Q" => civil.quarter().to_string(),
        _ if zoned => cased("UTC", letters),
        _ => String::new(),
    }
}

/// Up to `width` digits, at least one.
fn take_digits(text: &str, width: usize) -> Option<(&str, &str)> {
    let end = text.bytes().take(width).take_while(u8::is_ascii_digit).count();
    (end > 0).then(|| text.split_at(end))
}

/// `to_char(x, format)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ToChar {
    pub format: Format,
    pub of: LogicalType,
}

impl Kernel for ToChar {
    fn name(&self) -> &'static str {
        "to_char"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let mut out = StringBuilder::new();
        for row in 0..args[0].len() {
            match micros_at(&args[0], &self.of, row) {
                None => out.append_null(),
                Some(Some(v)) if v != i64::MAX && v != i64::MIN => {
                    out.append_value(self.format.write(v, self.of == LogicalType::TimestampTz));
                }
                _ => {
                    let value = shown(&args[0], &self.of, row).unwrap_or_default();
                    return Err(format!("{value} cannot be formatted"));
                }
            }
        }
        Ok(Arc::new(out.finish()))
    }
}

/// `to_date(text, format)` and `to_timestamp(text, format)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FromFormat {
    pub format: Format,
    pub result: LogicalType,
}

impl Kernel for FromFormat {
    fn name(&self) -> &'static str {
        if self.result == LogicalType::Date { "to_date" } else { "to_timestamp" }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let mut values = Vec::with_capacity(args[0].len());
        for text in texts(&args[0])? {
            let bad = |text: &str| {
                let shown: String = text.chars().take(40).collect();
                format!("'{shown}' does not match the date format")
            };
            values.push(text.map(|t| self.format.read(t).ok_or_else(|| bad(t))).transpose()?);
        }
        if self.result != LogicalType::Date {
            return Ok(timestamps(values, &self.result));
        }
        let mut out = Date32Builder::new();
        for v in values {
            out.append_option(v.and_then(|v| i32::try_from(v.div_euclid(MICROS_PER_DAY)).ok()));
        }
        Ok(Arc::new(out.finish()))
    }
}
