//! Five-field cron expressions: minute, hour, day of month, month, day of week.
//!
//! They speak of civil time only; what a moment of it is in a zone is decided where they are used.

use jiff::civil::{Date, DateTime, Time};

struct Field {
    name: &'static str,
    min: u8,
    max: u8,
    /// Names in order, the first meaning `min`.
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Most days that each month has.
const MONTH_DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const FIELDS: [Field; 5] = [
    Field { name: "minute", min: 0, max: 59, names: &[] },
    Field { name: "hour", min: 0, max: 23, names: &[] },
    Field { name: "day of month", min: 1, max: 31, names: &[] },
    Field { name: "month", min: 1, max: 12, names: MONTHS },
    Field { name: "day of week", min: 0, max: 7, names: DAYS },
];

/// When an expression that is valid can fire at all, it does so within this many years: a 29 February
/// falls on each day of the week once in 28 years, or in 40 where a century is no leap year.
const YEARS_MAX: i16 = 41;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Values,
    hours: Values,
    days: Values,
    months: Values,
    /// From 0, Sunday.
    weekdays: Values,
    either_day: bool,
}

/// A set of numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Values(u64);

impl Values {
    fn contains(self, value: u8) -> bool {
        self.0 & (1 << value) != 0
    }

    fn insert(&mut self, value: u8) {
        self.0 |= 1 << value;
    }

    fn remove(&mut self, value: u8) {
        self.0 &= !(1 << value);
    }

    /// The least value that is not below `from`.
    fn from(self, from: u8) -> Option<u8> {
        let rest = if from < 64 { self.0 >> from << from } else { 0 };
        (rest != 0).then(|| rest.trailing_zeros() as u8)
    }
}

impl Cron {
    /// Reads an expression that can fire; the error says which field is wrong.
    pub fn parse(expression: &str) -> Result<Self, String> {
        const EXPRESSION_BYTES_MAX: usize = 500;
        if expression.len() > EXPRESSION_BYTES_MAX {
            return Err(format!("a cron expression has at most {EXPRESSION_BYTES_MAX} characters"));
        }
        let parts: Vec<&str> = expression.split_whitespace().collect();
        let &[minute, hour, day, month, weekday] = parts.as_slice() else {
            return Err(format!(
                "a cron expression has five fields (minute, hour, day of month, month, day of week), this has {}",
                parts.len()
            ));
        };
        let mut cron = Self {
            minutes: values(&FIELDS[0], minute)?,
            hours: values(&FIELDS[1], hour)?,
            days: values(&FIELDS[2], day)?,
            months: values(&FIELDS[3], month)?,
            weekdays: values(&FIELDS[4], weekday)?,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        if cron.weekdays.contains(7) {
            cron.weekdays.remove(7);
            cron.weekdays.insert(0);
        }
        if cron.either_day || cron.has_day() {
            return Ok(cron);
        }
        Err("no month it names has such a day, so it would never fire".to_string())
    }

    /// Whether a month it names has a day it names.
    fn has_day(&self) -> bool {
        let first = self.days.from(1).unwrap_or(u8::MAX);
        (1..=12).any(|month| self.months.contains(month) && first <= MONTH_DAYS[usize::from(month) - 1])
    }

    /// Whether it fires on a date.
    ///
    /// As with Vixie's cron, a date has to match one of the two day fields where both say something, and
    /// both of them where one begins with `*` (`*/2` does).
    pub fn matches_date(&self, date: Date) -> bool {
        let day = self.days.contains(date.day() as u8);
        let weekday = self.weekdays.contains(date.weekday().to_sunday_zero_offset() as u8);
        self.months.contains(date.month() as u8)
            && if self.either_day { day || weekday } else { day && weekday }
    }

    /// The first civil minute after `after` at which it fires. `None` past the end of the calendar.
    pub fn next_after(&self, after: DateTime) -> Option<DateTime> {
        let (date, time) = (after.date(), after.time());
        if self.matches_date(date)
            && let Some(time) = self.time_from(time.hour() as u8, time.minute() as u8 + 1)
        {
            return Some(date.to_datetime(time));
        }
        let time = self.time_from(0, 0)?;
        let mut date = date.tomorrow().ok()?;
        let last_year = date.year().saturating_add(YEARS_MAX);
        while !self.matches_date(date) {
            date = if self.months.contains(date.month() as u8) {
                date.tomorrow().ok()?
            } else {
                date.last_of_month().tomorrow().ok()?
            };
            if date.year() > last_year {
                return None;
            }
        }
        Some(date.to_datetime(time))
    }

    /// The first time of a day that it names, from a minute of an hour on; the minute may be 60.
    fn time_from(&self, hour: u8, minute: u8) -> Option<Time> {
        let in_hour = self.hours.contains(hour).then(|| self.minutes.from(minute)).flatten();
        let (hour, minute) = match in_hour {
            Some(minute) => (hour, minute),
            None => (self.hours.from(hour + 1)?, self.minutes.from(0)?),
        };
        Time::new(hour as i8, minute as i8, 0, 0).ok()
    }
}

/// The values a field's text stands for.
fn values(field: &Field, text: &str) -> Result<Values, String> {
    let mut out = Values::default();
    for item in text.split(',') {
        let wrong = || {
            format!(
                "'{item}' is not a {} ({} to {}, as *, 5, 1-5, */10 or a list)",
                field.name, field.min, field.max
            )
        };
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let step: u8 = step.parse().map_err(|_| wrong())?;
                (range, Some(step).filter(|s| *s > 0).ok_or_else(wrong)?)
            }
            None => (item, 1),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (field.min, field.max),
            Some((from, to)) => (value(field, from).ok_or_else(wrong)?, value(field, to).ok_or_else(wrong)?),
            None => {
                let from = value(field, range).ok_or_else(wrong)?;
                (from, if item.contains('/') { field.max } else { from })
            }
        };
        if from > to {
            return Err(format!("'{item}' runs backwards in the field {}", field.name));
        }
        (from..=to).step_by(usize::from(step)).for_each(|value| out.insert(value));
    }
    Ok(out)
}

fn value(field: &Field, text: &str) -> Option<u8> {
    if let Some(place) = field.names.iter().position(|name| text.eq_ignore_ascii_case(name)) {
        return u8::try_from(place).ok().map(|place| field.min + place);
    }
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.filter(|n| (field.min..=field.max).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    #[test]
    fn usual_expressions_are_valid() {
        for text in ["0 * * * *", "*/15 6-22 * * mon-fri", "0,30 0 1 jan,JUL *", "5/10 * * * 7", "0 0 29 2 *"]
        {
            assert!(Cron::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_wrong_field_is_named() {
        for (text, part) in [
            ("* * * *", "this has 4"),
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day of month"),
            ("* * * 13 *", "month"),
            ("* * * * 8", "day of week"),
            ("*/0 * * * *", "minute"),
            ("5-1 * * * *", "backwards"),
            ("a * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("0 0 30 2 *", "never fire"),
            ("0 0 30 2 */2", "never fire"),
            ("+5 * * * *", "minute"),
        ] {
            let error = Cron::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn two_restricted_day_fields_are_alternatives_and_a_star_is_no_restriction() {
        let fires =
            |text: &str, day: i8| Cron::parse(text).unwrap().matches_date(jiff::civil::date(2026, 6, day));
        // 1 June 2026 is a Monday.
        assert!(fires("0 0 13 * 1", 13) && fires("0 0 13 * 1", 8) && !fires("0 0 13 * 1", 14));
        assert!(fires("0 0 1-7 * *", 7) && !fires("0 0 1-7 * *", 8));
        assert!(fires("0 0 * * 1", 8) && !fires("0 0 * * 1", 7));
        assert!(fires("0 0 */2 * 1", 1) && !fires("0 0 */2 * 1", 8) && !fires("0 0 */2 * 1", 3));
        assert!(fires("0 0 * * 7", 7) && fires("0 0 * * 0", 7) && fires("0 0 * * 5-7", 7));
        assert!(fires("0 0 * * */2", 7) && !fires("0 0 * * */2", 8));
    }

    #[test]
    fn the_next_fire_is_found_however_far_it_is() {
        let next = |text: &str, after| Cron::parse(text).unwrap().next_after(after);
        assert_eq!(
            next("30 6 * * *", datetime(2026, 1, 1, 6, 30, 0, 0)),
            Some(datetime(2026, 1, 2, 6, 30, 0, 0))
        );
        assert_eq!(
            next("59 23 31 12 *", datetime(2026, 12, 31, 23, 59, 0, 0)),
            Some(datetime(2027, 12, 31, 23, 59, 0, 0))
        );
        assert_eq!(
            next("* * * * *", datetime(2026, 1, 1, 6, 30, 7, 1)),
            Some(datetime(2026, 1, 1, 6, 31, 0, 0))
        );
        // A 29 February that is a Sunday; 2100 is no leap year.
        assert_eq!(
            next("0 0 29 2 */7", datetime(2088, 2, 29, 0, 0, 0, 0)),
            Some(datetime(2128, 2, 29, 0, 0, 0, 0))
        );
        assert_eq!(next("0 0 * * *", DateTime::MAX), None);
    }
}
