//! Dates and times: fields, truncation, zones, and arithmetic with intervals.
//!
//! The infinities of dates and timestamps may be compared and passed on, but have no fields: a row that
//! asks for one is at fault.

use arrow::array::{Array, ArrayRef, AsArray, Date32Builder, Int32Builder, IntervalMonthDayNanoBuilder};
use arrow::datatypes::{Date32Type, Int32Type, IntervalMonthDayNano, IntervalMonthDayNanoType, i256};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::sync::Arc;
use syncline_core::LogicalType;

use super::calendar::{Civil, MICROS_PER_DAY, MICROS_PER_SECOND, add_months, checked_days};
use super::cast::{decimals, micros_at, timestamps};
use super::{shown::shown, texts};
use crate::decimal;
use crate::kernel::Kernel;
use crate::layout::scale_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Weekday,
    IsoWeekday,
    DayOfYear,
    IsoYear,
    Epoch,
}

impl Field {
    pub fn parse(name: &str) -> Option<Field> {
        use Field::*;
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix('s').unwrap_or(&name) {
            "microsecond" => Microsecond,
            "millisecond" => Millisecond,
            "second" => Second,
            "minute" => Minute,
            "hour" => Hour,
            "day" => Day,
            "week" => Week,
            "month" => Month,
            "quarter" => Quarter,
            "year" => Year,
            "decade" => Decade,
            "century" => Century,
            "millennium" => Millennium,
            "dow" => Weekday,
            "isodow" => IsoWeekday,
            "doy" => DayOfYear,
            "isoyear" => IsoYear,
            "epoch" => Epoch,
            _ => return None,
        })
    }

    /// Whether `date_trunc` knows it.
    pub fn truncates(self) -> bool {
        !matches!(self, Field::Weekday | Field::IsoWeekday | Field::DayOfYear | Field::IsoYear | Field::Epoch)
    }

    /// Whether it has a fraction of up to six digits (milliseconds: three).
    pub fn type_of(self) -> LogicalType {
        match self {
            Field::Second | Field::Epoch => LogicalType::Numeric(Some((20, 6))),
            Field::Millisecond => LogicalType::Numeric(Some((20, 3))),
            _ => LogicalType::Numeric(Some((19, 0))),
        }
    }
}

/// The microseconds of a finite date or timestamp.
fn finite(array: &ArrayRef, ty: &LogicalType, row: usize) -> Result<Option<i64>, String> {
    match micros_at(array, ty, row) {
        None => Ok(None),
        Some(Some(v)) if v != i64::MAX && v != i64::MIN => Ok(Some(v)),
        _ => Err(format!("{} is not a date to compute with", shown(array, ty, row).unwrap_or_default())),
    }
}

fn too_far() -> String {
    "the date is out of range".to_string()
}

/// `extract(field from x)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extract {
    pub field: Field,
    pub of: LogicalType,
}

impl Kernel for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let result = self.field.type_of();
        let mut out = decimals(&result);
        for row in 0..args[0].len() {
            let value = match &self.of {
                LogicalType::Interval => {
                    let array = args[0].as_primitive::<IntervalMonthDayNanoType>();
                    array.is_valid(row).then(|| self.of_interval(array.value(row)))
                }
                ty => finite(&args[0], ty, row)?.map(|v| self.of_moment(v)),
            };
            out.append_option(value.map(i256::from_i128));
        }
        Ok(Arc::new(out.finish()))
    }
}

impl Extract {
    /// The value, scaled as [`Field::type_of`] says.
    fn of_moment(&self, micros: i64) -> i128 {
        let civil = Civil::from_micros(micros);
        i128::from(match self.field {
            Field::Microsecond | Field::Millisecond | Field::Second => {
                civil.second() * MICROS_PER_SECOND + civil.microsecond()
            }
            Field::Epoch => micros,
            Field::Minute => civil.minute(),
            Field::Hour => civil.hour(),
            Field::Day => i64::from(civil.day),
            Field::Week => civil.iso_week().1,
            Field::Month => i64::from(civil.month),
            Field::Quarter => civil.quarter(),
            Field::Year => civil.year,
            Field::Decade => civil.year.div_euclid(10),
            Field::Century => (civil.year - 1).div_euclid(100) + 1,
            Field::Millennium => (civil.year - 1).div_euclid(1000) + 1,
            Field::Weekday => civil.weekday(),
            Field::IsoWeekday => civil.iso_weekday(),
            Field::DayOfYear => civil.day_of_year(),
            Field::IsoYear => civil.iso_week().0,
        })
    }

    fn of_interval(&self, v: IntervalMonthDayNano) -> i128 {
        let micros = i128::from(v.nanoseconds / 1_000);
        let months = i128::from(v.months);
        match self.field {
            Field::Microsecond | Field::Millisecond | Field::Second => micros % 60_000_000,
            Field::Minute => micros / 60_000_000 % 60,
            Field::Hour => micros / 3_600_000_000,
            Field::Day => i128::from(v.days),
            Field::Month => months % 12,
            Field::Quarter => months % 12 / 3 + 1,
            Field::Year => months / 12,
            Field::Decade => months / 120,
            Field::Century => months / 1_200,
            Field::Millennium => months / 12_000,
            // PostgreSQL counts a year as 365.25 days and a leftover month as 30.
            Field::Epoch => {
                let (years, months) = (months / 12, months % 12);
                years * 31_557_600_000_000
                    + (months * 30 + i128::from(v.days)) * i128::from(MICROS_PER_DAY)
                    + micros
            }
            // Refused when the expression is compiled.
            _ => 0,
        }
    }

    /// Whether an interval has this field.
    pub fn interval_has(field: Field) -> bool {
        field == Field::Epoch || (field.truncates() && field != Field::Week)
    }
}

/// `date_trunc(field, x)` for timestamps, in UTC; with a second argument in that time zone.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Truncate {
    pub field: Field,
    pub of: LogicalType,
}

impl Kernel for Truncate {
    fn name(&self) -> &'static str {
        "date_trunc"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let mut zones = args.get(1).map(Zones::new).transpose()?;
        let mut out = Vec::with_capacity(args[0].len());
        for row in 0..args[0].len() {
            // PostgreSQL truncates infinity to infinity.
            let value = match micros_at(&args[0], &self.of, row) {
                Some(Some(v)) if v != i64::MAX && v != i64::MIN => v,
                Some(Some(v)) => {
                    out.push(Some(v));
                    continue;
                }
                _ => {
                    out.push(None);
                    continue;
                }
            };
            out.push(match &mut zones {
                None => Some(truncate(value, self.field).ok_or_else(too_far)?),
                Some(zones) => match zones.at(row)? {
                    None => None,
                    Some(zone) => {
                        let local = truncate(to_local(value, zone)?, self.field).ok_or_else(too_far)?;
                        Some(from_local(local, zone)?)
                    }
                },
            });
        }
        Ok(timestamps(out, &self.of))
    }
}

fn truncate(micros: i64, field: Field) -> Option<i64> {
    let civil = Civil::from_micros(micros);
    let clock = |unit: i64| Some(micros - micros.rem_euclid(unit));
    let year_start = |year: i64| checked_days(year, 1, 1);
    let days = match field {
        Field::Microsecond => return Some(micros),
        Field::Millisecond => return clock(1_000),
        Field::Second => return clock(MICROS_PER_SECOND),
        Field::Minute => return clock(60 * MICROS_PER_SECOND),
        Field::Hour => return clock(3_600 * MICROS_PER_SECOND),
        Field::Day => Some(civil.days),
        Field::Week => Some(civil.days - (civil.iso_weekday() - 1)),
        Field::Month => checked_days(civil.year, i64::from(civil.month), 1),
        Field::Quarter => checked_days(civil.year, (civil.quarter() - 1) * 3 + 1, 1),
        Field::Year => year_start(civil.year),
        Field::Decade => year_start(civil.year.div_euclid(10) * 10),
        Field::Century => year_start((civil.year - 1).div_euclid(100) * 100 + 1),
        Field::Millennium => year_start((civil.year - 1).div_euclid(1000) * 1000 + 1),
        _ => None,
    }?;
    days.checked_mul(MICROS_PER_DAY)
}

/// `x at time zone zone`: an instant becomes the wall clock there, a wall clock there becomes the instant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct AtZone {
    pub of: LogicalType,
}

impl Kernel for AtZone {
    fn name(&self) -> &'static str {
        "timezone"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let instants = self.of == LogicalType::TimestampTz;
        let mut zones = Zones::new(&args[1])?;
        let mut out = Vec::with_capacity(args[0].len());
        for row in 0..args[0].len() {
            let (Some(Some(value)), Some(zone)) = (micros_at(&args[0], &self.of, row), zones.at(row)?) else {
                out.push(None);
                continue;
            };
            out.push(Some(match value {
                i64::MAX | i64::MIN => value,
                _ if instants => to_local(value, zone)?,
                _ => from_local(value, zone)?,
            }));
        }
        let result = if instants { LogicalType::Timestamp } else { LogicalType::TimestampTz };
        Ok(timestamps(out, &result))
    }
}

/// The time zone named `name` in the IANA database.
pub(crate) fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("'{name}' is not a known time zone; use a name such as 'Europe/Berlin' or 'UTC'")
    })
}

/// The zones of a column, which are few and mostly one.
struct Zones<'a> {
    names: &'a arrow::array::StringArray,
    last: Option<(String, TimeZone)>,
}

impl<'a> Zones<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, String> {
        Ok(Zones { names: texts(array)?, last: None })
    }

    fn at(&mut self, row: usize) -> Result<Option<&TimeZone>, String> {
        if self.names.is_null(row) {
            return Ok(None);
        }
        let name = self.names.value(row);
        if self.last.as_ref().is_none_or(|(last, _)| last != name) {
            self.last = Some((name.to_string(), zone(name)?));
        }
        Ok(self.last.as_ref().map(|(_, zone)| zone))
    }
}

fn to_local(micros: i64, zone: &TimeZone) -> Result<i64, String> {
    let instant = jiff::Timestamp::from_microsecond(micros).map_err(|_| too_far())?;
    let offset = i64::from(zone.to_offset(instant).seconds());
    micros.checked_add(offset * MICROS_PER_SECOND).ok_or_else(too_far)
}

/// PostgreSQL reads a time that the clock skips or repeats with the standard-time offset.
fn from_local(micros: i64, zone: &TimeZone) -> Result<i64, String> {
    let civil =
        jiff::Timestamp::from_microsecond(micros).map_err(|_| too_far())?.to_zoned(TimeZone::UTC).datetime();
    let offset = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } => before,
        AmbiguousOffset::Fold { after, .. } => after,
    };
    micros.checked_sub(i64::from(offset.seconds()) * MICROS_PER_SECOND).ok_or_else(too_far)
}

/// A date or timestamp plus (or minus) an interval; the first argument is a timestamp.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shift {
    pub of: LogicalType,
    pub minus: bool,
}

impl Kernel for Shift {
    fn name(&self) -> &'static str {
        if self.minus { "minus_interval" } else { "plus_interval" }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let intervals = args[1].as_primitive::<IntervalMonthDayNanoType>();
        let sign = if self.minus { -1 } else { 1 };
        let mut out = Vec::with_capacity(args[0].len());
        for row in 0..args[0].len() {
            let value = finite(&args[0], &self.of, row)?;
            out.push(match value {
                Some(v) if intervals.is_valid(row) => {
                    Some(shift(v, intervals.value(row), sign).ok_or_else(too_far)?)
                }
                _ => None,
            });
        }
        Ok(timestamps(out, &self.of))
    }
}

fn shift(micros: i64, by: IntervalMonthDayNano, sign: i64) -> Option<i64> {
    let days = add_months(micros.div_euclid(MICROS_PER_DAY), sign * i64::from(by.months))?
        .checked_add(sign * i64::from(by.days))?;
    days.checked_mul(MICROS_PER_DAY)?
        .checked_add(micros.rem_euclid(MICROS_PER_DAY))?
        .checked_add(sign * (by.nanoseconds / 1_000))
}

/// A date plus (or minus) whole days.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShiftDays {
    pub minus: bool,
}

impl Kernel for ShiftDays {
    fn name(&self) -> &'static str {
        if self.minus { "minus_days" } else { "plus_days" }
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let (dates, days) = (args[0].as_primitive::<Date32Type>(), args[1].as_primitive::<Int32Type>());
        let mut out = Date32Builder::new();
        for row in 0..dates.len() {
            if finite(&args[0], &LogicalType::Date, row)?.is_none() || days.is_null(row) {
                out.append_null();
                continue;
            }
            let (date, n) = (dates.value(row), days.value(row));
            let moved = if self.minus { date.checked_sub(n) } else { date.checked_add(n) };
            out.append_value(moved.ok_or_else(too_far)?);
        }
        Ok(Arc::new(out.finish()))
    }
}

/// `a - b`: days between dates, an interval of days and time between timestamps.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Difference {
    pub of: LogicalType,
}

impl Kernel for Difference {
    fn name(&self) -> &'static str {
        "difference"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let mut days = Int32Builder::new();
        let mut intervals = IntervalMonthDayNanoBuilder::new();
        for row in 0..args[0].len() {
            let pair = finite(&args[0], &self.of, row)?.zip(finite(&args[1], &self.of, row)?);
            let micros = pair.map(|(a, b)| a.checked_sub(b).ok_or_else(too_far)).transpose()?;
            if self.of == LogicalType::Date {
                days.append_option(micros.and_then(|v| i32::try_from(v / MICROS_PER_DAY).ok()));
                continue;
            }
            intervals.append_option(micros.map(|v| {
                let whole = (v / MICROS_PER_DAY) as i32;
                IntervalMonthDayNano::new(0, whole, v % MICROS_PER_DAY * 1_000)
            }));
        }
        if self.of == LogicalType::Date {
            return Ok(Arc::new(days.finish()));
        }
        Ok(Arc::new(intervals.finish()))
    }
}

/// `make_date(year, month, day)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct MakeDate;

impl Kernel for MakeDate {
    fn name(&self) -> &'static str {
        "make_date"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let parts = [0, 1, 2].map(|i: usize| args[i].as_primitive::<Int32Type>());
        let mut out = Date32Builder::new();
        for row in 0..args[0].len() {
            if parts.iter().any(|p| p.is_null(row)) {
                out.append_null();
                continue;
            }
            let [year, month, day] = parts.map(|p| i64::from(p.value(row)));
            let days = checked_days(year, month, day).and_then(|d| i32::try_from(d).ok());
            out.append_value(days.ok_or_else(|| format!("there is no date {year:04}-{month:02}-{day:02}"))?);
        }
        Ok(Arc::new(out.finish()))
    }
}

/// `to_timestamp(seconds since 1970)`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct FromEpoch {
    pub of: LogicalType,
}

impl Kernel for FromEpoch {
    fn name(&self) -> &'static str {
        "to_timestamp"
    }

    fn run(&self, args: &[ArrayRef]) -> Result<ArrayRef, String> {
        let seconds = args[0].as_primitive::<arrow::datatypes::Decimal256Type>();
        let scale = scale_of(&self.of);
        let micros = |v: i256| {
            decimal::rescale(v, scale, 6)?.to_i128().and_then(|v| i64::try_from(v).ok()).ok_or(()).ok()
        };
        let mut out = Vec::with_capacity(seconds.len());
        for v in seconds.iter() {
            out.push(v.map(|v| micros(v).ok_or_else(too_far)).transpose()?);
        }
        Ok(timestamps(out, &LogicalType::TimestampTz))
    }
}
