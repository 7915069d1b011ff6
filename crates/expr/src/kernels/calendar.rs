//! A moment taken apart into calendar fields, and the arithmetic of months and weeks.

use syncline_core::text::{civil_from_days, days_from_civil};

pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(crate) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A civil date and time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    /// Days since 1970-01-01.
    pub days: i64,
    /// Microseconds since midnight.
    pub clock: i64,
}

impl Civil {
    pub fn from_micros(micros: i64) -> Civil {
        let days = micros.div_euclid(MICROS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        Civil { year, month, day, days, clock: micros.rem_euclid(MICROS_PER_DAY) }
    }

    pub fn hour(&self) -> i64 {
        self.clock / (3_600 * MICROS_PER_SECOND)
    }

    pub fn minute(&self) -> i64 {
        self.clock / (60 * MICROS_PER_SECOND) % 60
    }

    pub fn second(&self) -> i64 {
        self.clock / MICROS_PER_SECOND % 60
    }

    pub fn microsecond(&self) -> i64 {
        self.clock % MICROS_PER_SECOND
    }

    pub fn quarter(&self) -> i64 {
        i64::from((self.month - 1) / 3 + 1)
    }

    /// 0 is Sunday.
    pub fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }

    /// 1 is Monday, 7 is Sunday.
    pub fn iso_weekday(&self) -> i64 {
        (self.days + 3).rem_euclid(7) + 1
    }

    pub fn day_of_year(&self) -> i64 {
        self.days - days_from_civil(self.year, 1, 1) + 1
    }

    /// The ISO 8601 year and week: the week belongs to the year its Thursday is in.
    pub fn iso_week(&self) -> (i64, i64) {
        let thursday = self.days - (self.iso_weekday() - 4);
        let (year, _, _) = civil_from_days(thursday);
        (year, (thursday - days_from_civil(year, 1, 1)) / 7 + 1)
    }
}

/// Days since 1970-01-01 of a date, if there is such a day.
pub(crate) fn checked_days(year: i64, month: i64, day: i64) -> Option<i64> {
    // Far beyond every timestamp, near enough that no arithmetic below overflows.
    if !(-6_000_000..=6_000_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (m, d) = (month as u32, day as u32);
    let days = days_from_civil(year, m, d);
    (civil_from_days(days) == (year, m, d)).then_some(days)
}

/// Adds months to a date; a day the new month lacks becomes its last day.
pub(crate) fn add_months(days: i64, months: i64) -> Option<i64> {
    let (year, month, day) = civil_from_days(days);
    let count = year.checked_mul(12)?.checked_add(i64::from(month) - 1)?.checked_add(months)?;
    let (year, month) = (count.div_euclid(12), count.rem_euclid(12) + 1);
    (28..=i64::from(day)).rev().find_map(|d| checked_days(year, month, d)).or_else(|| {
        // Days below 28 exist in every month.
        checked_days(year, month, i64::from(day))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn civil(year: i64, month: i64, day: i64) -> Civil {
        Civil::from_micros(checked_days(year, month, day).unwrap() * MICROS_PER_DAY)
    }

    #[test]
    fn weeks_belong_to_the_year_of_their_thursday() {
        assert_eq!(civil(2021, 1, 3).iso_week(), (2020, 53));
        assert_eq!(civil(2024, 12, 30).iso_week(), (2025, 1));
        assert_eq!(civil(2025, 1, 31).iso_week(), (2025, 5));
        assert_eq!((civil(2025, 1, 31).weekday(), civil(2025, 1, 31).iso_weekday()), (5, 5));
        assert_eq!((civil(2025, 2, 2).weekday(), civil(2025, 2, 2).iso_weekday()), (0, 7));
        assert_eq!(civil(2024, 12, 31).day_of_year(), 366);
    }

    #[test]
    fn months_end_where_they_end() {
        let from = checked_days(2024, 1, 31).unwrap();
        assert_eq!(add_months(from, 1), checked_days(2024, 2, 29));
        assert_eq!(add_months(from, 13), checked_days(2025, 2, 28));
        assert_eq!(add_months(from, -2), checked_days(2023, 11, 30));
        assert_eq!(add_months(checked_days(2024, 5, 7).unwrap(), -12), checked_days(2023, 5, 7));
    }
}
