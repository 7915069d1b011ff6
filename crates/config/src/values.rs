//! The small languages inside values: durations, sizes, percentages, time zones.
//!
//! Each has one parser, used when a document is checked and when it is read. A parser's error is a
//! sentence that says what was found and what is expected.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use syncline_core::sync::Limit;
use syncline_core::{LogicalType, SyncId};

/// Longest duration: ten years, so that adding one to a date never leaves the calendar.
const DURATION_MAX: Duration = Duration::from_secs(3650 * 24 * 3600);
/// A longer value is not one of these.
const VALUE_CHARS_MAX: usize = 100;
const URL_CHARS_MAX: usize = 2000;

/// The keyword under which a schema names one of these languages. It is our own, because the
/// standard `format: duration` means something else.
pub(crate) const FORMAT: &str = "x-format";

/// What a value of a format looks like, for "expected …".
pub(crate) fn expected(format: &str) -> Option<&'static str> {
    Some(match format {
        "duration" | "period" => "a duration such as 30s, 15m, 1h30m or 7d",
        "limit" => "a percentage such as 10% or a count such as 1000",
        "percent" => "a percentage such as 5%",
        "bytes" => "a size such as 512MB",
        "cron" => "a cron expression such as \"0 6 * * 1-5\"",
        "timezone" => "a time zone such as Europe/Berlin",
        "sync_id" => "a sync such as crm.contact",
        "name" => "a name of letters, digits, _ and -",
        "column_type" => "a type such as text, int64, numeric(10,2) or timestamptz",
        "delimiter" => "one ASCII character, such as \";\"",
        "listen_address" => "an IP address and a port such as 127.0.0.1:8400",
        "base_url" => "an address such as https://syncline.example.com",
        "not_empty" => "text",
        _ => return None,
    })
}

/// Checks a text against a format. Unknown formats accept everything.
pub(crate) fn check(format: &str, text: &str) -> Result<(), String> {
    match format {
        "duration" => duration(text).map(drop),
        "period" => period(text).map(drop),
        "limit" => limit(text).map(drop),
        "percent" => percent(text).map(drop),
        "bytes" => bytes(text).map(drop),
        "cron" => syncline_core::cron::Cron::parse(text).map(drop),
        "timezone" => timezone(text),
        "sync_id" => sync_id(text).map(drop),
        "name" => name(text),
        "column_type" => column_type(text).map(drop),
        "delimiter" => delimiter(text).map(drop),
        "listen_address" => listen_address(text).map(drop),
        "base_url" => base_url(text).map(drop),
        "not_empty" if text.trim().is_empty() => Err("this is empty".to_string()),
        _ => Ok(()),
    }
}

fn wrong(text: &str, format: &str) -> String {
    let shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    format!("'{shown}' is not {}", expected(format).unwrap_or("valid"))
}

/// Whole numbers with units, the largest first: `90s`, `1h30m`, `7d`. Zero is allowed.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
    let mut millis: u64 = 0;
    let mut smallest = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| wrong(text, "duration"))?;
        let Some(place) = UNITS.iter().skip(smallest).position(|(name, _)| *name == unit) else {
            return Err(wrong(text, "duration"));
        };
        smallest += place + 1;
        millis = number
            .checked_mul(UNITS[smallest - 1].1)
            .and_then(|n| millis.checked_add(n))
            .filter(|n| u128::from(*n) <= DURATION_MAX.as_millis())
            .ok_or_else(|| format!("'{text}' is longer than ten years"))?;
        rest = after;
    }
    if text.is_empty() { Err(wrong(text, "duration")) } else { Ok(Duration::from_millis(millis)) }
}

/// A duration of at least a second.
pub(crate) fn period(text: &str) -> Result<Duration, String> {
    let value = duration(text)?;
    if value < Duration::from_secs(1) {
        return Err(format!("'{text}' is too short; the least is 1s"));
    }
    Ok(value)
}

/// `10%` or `1000`.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    if text.ends_with('%') {
        return number_percent(text, "limit", f64::MAX).map(Limit::Percent);
    }
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let count = if digits { text.parse().ok() } else { None };
    count.map(Limit::Count).ok_or_else(|| wrong(text, "limit"))
}

/// `5%`, from 0 to 100.
pub(crate) fn percent(text: &str) -> Result<f64, String> {
    number_percent(text, "percent", 100.0)
}

fn number_percent(text: &str, format: &str, max: f64) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or("").trim_end();
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = if plain { number.parse::<f64>().ok() } else { None };
    match value.filter(|v| v.is_finite()) {
        Some(value) if value > max => Err(format!("'{text}' is more than {max}%")),
        Some(value) => Ok(value),
        None => Err(wrong(text, format)),
    }
}

/// `512MB`, `1.5GiB`, `4096`. KB, MB, GB, TB are powers of 1000; KiB, MiB, GiB, TiB of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 10] = [
        ("", 1),
        ("b", 1),
        ("kb", 1000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
    ];
    let split = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, unit) = text.split_at(split);
    let unit = unit.trim_start().to_ascii_lowercase();
    let scale = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, scale)| *scale);
    match (number.parse::<f64>(), scale) {
        (Ok(number), Some(scale)) if number.is_finite() && number * scale as f64 <= (1u64 << 50) as f64 => {
            Ok((number * scale as f64) as u64)
        }
        _ => Err(wrong(text, "bytes")),
    }
}

/// A name of the IANA time zone database.
pub(crate) fn timezone(text: &str) -> Result<(), String> {
    let zones = jiff::tz::db();
    if text.eq_ignore_ascii_case("utc") || zones.get(text).is_ok() {
        return Ok(());
    }
    if zones.is_definitively_empty() {
        return Err(format!(
            "'{text}' cannot be checked: this system has no time zone database; install the package tzdata"
        ));
    }
    let known: Vec<String> = zones.available().map(|zone| zone.as_str().to_string()).collect();
    let hint = match crate::suggest::closest(text, known.iter().map(String::as_str)) {
        Some(zone) => format!("did you mean {zone}?"),
        None => "write it like Europe/Berlin".to_string(),
    };
    let shown: String = text.chars().take(VALUE_CHARS_MAX).collect();
    Err(format!("there is no time zone '{shown}'; {hint}"))
}

pub(crate) fn sync_id(text: &str) -> Result<SyncId, String> {
    SyncId::parse(text).map_err(|_| wrong(text, "sync_id"))
}

pub(crate) fn name(text: &str) -> Result<(), String> {
    if syncline_core::ids::is_name(text) && text.chars().count() <= VALUE_CHARS_MAX {
        Ok(())
    } else {
        Err(wrong(text, "name"))
    }
}

/// `127.0.0.1:8400`, `[::1]:8400` or `localhost:8400`. Other names are not taken: what they mean is
/// decided elsewhere, and with it who can reach the server.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let address = local.map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    address.or_else(|| text.parse().ok()).ok_or_else(|| wrong(text, "listen_address"))
}

/// `http://` or `https://`, a host, and perhaps a path; without user, query and slashes at its end.
pub(crate) fn base_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or("");
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>' | '\\');
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(plain) || text.len() > URL_CHARS_MAX {
        return Err(wrong(text, "base_url"));
    }
    Ok(text.trim_end_matches('/').to_string())
}

pub(crate) fn column_type(text: &str) -> Result<LogicalType, String> {
    // Nested lists recurse in the type's parser, so the length is checked first.
    if text.len() > VALUE_CHARS_MAX {
        return Err(wrong(text, "column_type"));
    }
    text.parse().map_err(|_| wrong(text, "column_type"))
}

pub(crate) fn delimiter(text: &str) -> Result<char, String> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() && !matches!(c, '"' | '\n' | '\r') => Ok(c),
        _ => Err(wrong(text, "delimiter")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_units_from_large_to_small() {
        for (text, seconds) in [
            ("30s", 30),
            ("15m", 900),
            ("1h30m", 5400),
            ("24h", 86_400),
            ("7d", 604_800),
            ("0s", 0),
            ("2w", 1_209_600),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in
            ["", "15", "m", "15 m", "1.5h", "30m1h", "1h1h", "-5m", "15min", "99999999999999999999d", "5000d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(period("0s").is_err());
    }

    #[test]
    fn limits_are_percentages_or_counts() {
        assert_eq!(limit("10%"), Ok(Limit::Percent(10.0)));
        assert_eq!(limit("2.5 %"), Ok(Limit::Percent(2.5)));
        assert_eq!(limit("1000"), Ok(Limit::Count(1000)));
        for text in ["", "%", "-1", "1,000", "10 percent", "+5", "1e3", "nan%"] {
            assert!(limit(text).is_err(), "{text}");
        }
        assert!(percent("101%").is_err());
        assert!(percent("5").is_err());
    }

    #[test]
    fn sizes_know_decimal_and_binary_units() {
        assert_eq!(bytes("512MB"), Ok(512_000_000));
        assert_eq!(bytes("1.5 GiB"), Ok(1_610_612_736));
        assert_eq!(bytes("4096"), Ok(4096));
        for text in ["", "MB", "12XB", "99999999TB", "1.2.3MB", "-1MB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn zones_are_checked_and_suggested() {
        assert_eq!(timezone("Europe/Berlin"), Ok(()));
        assert_eq!(timezone("UTC"), Ok(()));
        assert!(timezone("Europe/Berln").unwrap_err().contains("did you mean Europe/Berlin?"));
    }

    #[test]
    fn a_type_of_absurd_depth_is_refused_before_it_is_parsed() {
        assert!(column_type(&"[]".repeat(1_000_000)).is_err());
        assert!(column_type("int64[]").is_ok());
    }
}
