//! Checks five-field cron expressions: minute, hour, day of month, month, day of week.

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

/// Whether an expression is valid and can ever fire; the error says which field is wrong.
pub(crate) fn check(expression: &str) -> Result<(), String> {
    const EXPRESSION_BYTES_MAX: usize = 500;
    if expression.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("a cron expression has at most {EXPRESSION_BYTES_MAX} characters"));
    }
    let parts: Vec<&str> = expression.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "a cron expression has five fields (minute, hour, day of month, month, day of week), this has {}",
            parts.len()
        ));
    }
    for (field, part) in FIELDS.iter().zip(&parts) {
        values(field, part)?;
    }
    let (days, months) = (values(&FIELDS[2], parts[2])?, values(&FIELDS[3], parts[3])?);
    let possible = parts[4] != "*"
        || months.iter().any(|month| days.iter().any(|day| *day <= MONTH_DAYS[usize::from(*month) - 1]));
    if possible {
        Ok(())
    } else {
        Err("no month it names has such a day, so it would never fire".to_string())
    }
}

/// The values a field's text stands for.
fn values(field: &Field, text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
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
        out.extend((from..=to).step_by(usize::from(step)));
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

    #[test]
    fn usual_expressions_are_valid() {
        for text in ["0 * * * *", "*/15 6-22 * * mon-fri", "0,30 0 1 jan,JUL *", "5/10 * * * 7", "0 0 29 2 *"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
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
            ("+5 * * * *", "minute"),
        ] {
            let error = check(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
