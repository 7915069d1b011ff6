//! Numbers, durations and times as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `15,432`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `15,432 rows`.
pub fn counted(n: u64, one: &str) -> String {
    format!("{} {}", grouped(n), plural(n, one))
}

/// The word for `n` things.
pub fn plural(n: u64, one: &str) -> String {
    if n == 1 {
        one.to_string()
    } else if let Some(stem) = one.strip_suffix('y') {
        format!("{stem}ies")
    } else {
        format!("{one}s")
    }
}

/// `85ms`, `3.2s`, `45s`, `4m 23s`, `2h 05m`, `3d 4h`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 0.9995 {
        return format!("{:.0}ms", seconds * 1_000.0);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    let (days, hours, minutes) = (whole / 86_400, whole / 3_600 % 24, whole / 60 % 60);
    match whole {
        0..60 => format!("{whole}s"),
        60..3_600 => format!("{minutes}m {:02}s", whole % 60),
        3_600..86_400 => format!("{hours}h {minutes:02}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// `just now`, `4m ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    match seconds {
        ..10 => "just now".to_string(),
        10..60 => format!("{seconds}s ago"),
        60..3_600 => format!("{}m ago", seconds / 60),
        3_600..86_400 => format!("{}h ago", seconds / 3_600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// `2025-01-15 09:00:00` in the viewer's zone.
pub fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_three() {
        for (n, text) in
            [(0, "0"), (999, "999"), (1_205, "1,205"), (15_432, "15,432"), (1_000_000, "1,000,000")]
        {
            assert_eq!(grouped(n), text);
        }
    }

    #[test]
    fn durations_keep_two_units_at_most() {
        for (seconds, text) in [
            (0.0, "0ms"),
            (0.085, "85ms"),
            (0.9996, "1.0s"),
            (3.21, "3.2s"),
            (9.96, "10s"),
            (45.0, "45s"),
            (59.7, "1m 00s"),
            (263.0, "4m 23s"),
            (7_500.0, "2h 05m"),
            (273_600.0, "3d 4h"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn words_follow_their_number() {
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(1_200, "entry"), "1,200 entries");
    }
}
