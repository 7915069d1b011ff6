//! How long a server asks to wait.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Longest wait that is granted, whatever a server asks for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(15 * 60);

/// What a `Retry-After` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// At most [`RETRY_AFTER_MAX`].
    pub wait: Duration,
    /// More than that was asked for.
    pub capped: bool,
}

impl RetryAfter {
    /// Reads the header's value: seconds, or a date in any of the three forms of RFC 9110. A date
    /// that is past asks for no wait. `None` when it is neither, as when there is no header.
    pub fn parse(value: &str, now: Timestamp) -> Option<Self> {
        let value = value.trim();
        let seconds = match seconds(value) {
            Some(seconds) => seconds,
            None => date(value)?.duration_since(now).as_secs_f64().max(0.0),
        };
        let max = RETRY_AFTER_MAX.as_secs_f64();
        Some(Self { wait: Duration::from_secs_f64(seconds.min(max)), capped: seconds > max })
    }
}

/// Digits, of any length; some servers add a fraction.
fn seconds(value: &str) -> Option<f64> {
    let is_number = value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number { value.parse().ok() } else { None }
}

fn date(value: &str) -> Option<Timestamp> {
    if let Ok(timestamp) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value) {
        return Some(timestamp);
    }
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let civil = obsolete.iter().find_map(|format| DateTime::strptime(format, value).ok())?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Option<RetryAfter> {
        RetryAfter::parse(value, "1994-11-06T08:49:30Z".parse().unwrap())
    }

    fn waits(seconds: f64) -> Option<RetryAfter> {
        Some(RetryAfter { wait: Duration::from_secs_f64(seconds), capped: false })
    }

    #[test]
    fn seconds_and_all_three_forms_of_dates_are_read() {
        assert_eq!(parse("0"), waits(0.0));
        assert_eq!(parse(" 120 "), waits(120.0));
        assert_eq!(parse("1.5"), waits(1.5));
        assert_eq!(parse("900"), waits(900.0));
        assert_eq!(parse("Sun, 06 Nov 1994 08:49:37 GMT"), waits(7.0));
        assert_eq!(parse("Sunday, 06-Nov-94 08:49:37 GMT"), waits(7.0));
        assert_eq!(parse("Sun Nov  6 08:49:37 1994"), waits(7.0));
    }

    #[test]
    fn a_date_that_is_past_asks_for_no_wait() {
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), waits(0.0));
    }

    #[test]
    fn absurd_waits_are_capped() {
        let capped = Some(RetryAfter { wait: RETRY_AFTER_MAX, capped: true });
        let digits = "9".repeat(400);
        for absurd in ["901", "86400", "99999999999999999999999", &digits, "Thu, 30 Dec 9999 00:00:00 GMT"] {
            assert_eq!(parse(absurd), capped, "{absurd}");
        }
    }

    #[test]
    fn what_is_neither_counts_as_absent() {
        for nonsense in ["", "-5", "soon", "1e9", "NaN", "inf", "+3", "1.2.3", "2026-01-01T00:00:00Z", "٣"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }
}
