//! Functions on dates and times.

use syncline_core::{LogicalType, Result};

use super::texts::{entry, own};
use super::{Call, Entry};
use crate::kernels::datetime::{AtZone, Extract, Field, FromEpoch, MakeDate, Truncate, zone};
use crate::kernels::format::{Format, FromFormat, ToChar};
use crate::lower::{Kind, Lowering, Value, as_numeric};

#[rustfmt::skip]
pub(super) fn entries() -> Vec<Entry> {
    vec![
        entry("date_part", &["extract"], "extract(field from x) → numeric", "A field of a date, timestamp or interval: year, quarter, month, week, day, hour, minute, second, dow, isodow, doy, isoyear, epoch …; also date_part('year', x).", "extract(year from date '2025-01-31')", "2025", own(2, 2, date_part)),
        entry("date_trunc", &[], "date_trunc(field, x [, zone]) → x", "Cut to the start of its second, hour, day, week, month, quarter or year; timestamptz in UTC or the zone.", "date_trunc('month', timestamp '2025-01-31 10:00:00')", "2025-01-01T00:00:00", own(2, 3, date_trunc)),
        entry("timezone", &[], "x at time zone 'Europe/Berlin'", "The wall clock of an instant in a zone (timestamptz → timestamp), or the instant of a wall clock (timestamp → timestamptz).", "timestamptz '2025-06-01 12:00:00+00' at time zone 'Europe/Berlin'", "2025-06-01T14:00:00", own(2, 2, timezone)),
        entry("to_char", &[], "to_char(x, format) → text", "A date or timestamp in a format of YYYY, MM, DD, HH24, MI, SS, Mon, Day, Q, IW and the like; literal letters in double quotes.", "to_char(date '2025-01-31', 'DD.MM.YYYY')", "31.01.2025", own(2, 2, to_char)),
        entry("to_date", &[], "to_date(text, format) → date", "The date that a text in a format stands for; a row whose text does not match is invalid.", "to_date('31.01.2025', 'DD.MM.YYYY')", "2025-01-31", own(2, 2, to_date)),
        entry("to_timestamp", &[], "to_timestamp(text, format) or to_timestamp(seconds) → timestamptz", "The instant (in UTC) that a text in a format stands for, or that many seconds after 1970.", "to_timestamp(1738281600)", "2025-01-31T00:00:00Z", own(1, 2, to_timestamp)),
        entry("make_date", &[], "make_date(year, month, day) → date", "A date from its parts.", "make_date(2025, 1, 31)", "2025-01-31", own(3, 3, make_date)),
    ]
}

fn field(lowering: &Lowering, call: &Call) -> Result<Field> {
    let name = call.constant(lowering, 0, "the field")?;
    Field::parse(name.trim_matches('"')).ok_or_else(|| {
        lowering.fail(call.at, format!("'{name}' is not a field of dates")).help(
            "the fields are year, quarter, month, week, day, hour, minute, second, millisecond, microsecond, \
             decade, century, millennium, dow, isodow, doy, isoyear and epoch",
        )
    })
}

/// The date or timestamp in argument `i`.
fn moment(lowering: &Lowering, call: &Call, i: usize) -> Result<LogicalType> {
    match &call.args[i].kind {
        Kind::Known(ty @ (LogicalType::Date | LogicalType::Timestamp | LogicalType::TimestampTz)) => {
            Ok(ty.clone())
        }
        Kind::Open(None) => Ok(LogicalType::Timestamp),
        _ => Err(call.wrong(lowering, i, "a date or timestamp")),
    }
}

fn date_part(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let field = field(lowering, &call)?;
    let of = match &call.args[1].kind {
        Kind::Known(ty @ (LogicalType::Interval | LogicalType::Time)) => ty.clone(),
        _ => moment(lowering, &call, 1)?,
    };
    let has = match of {
        LogicalType::Interval => Extract::interval_has(field),
        LogicalType::Time => matches!(
            field,
            Field::Hour
                | Field::Minute
                | Field::Second
                | Field::Millisecond
                | Field::Microsecond
                | Field::Epoch
        ),
        LogicalType::Date => !matches!(
            field,
            Field::Hour | Field::Minute | Field::Second | Field::Millisecond | Field::Microsecond
        ),
        _ => true,
    };
    if !has {
        let message = format!("{} has no such field", call.args[1].type_name());
        return Err(lowering.fail(call.at, message));
    }
    let value = call.take(lowering, 1, &of)?;
    Ok(call.own(Extract { field, of }, field.type_of(), vec![value]))
}

fn date_trunc(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let field = field(lowering, &call)?;
    if !field.truncates() {
        return Err(lowering.fail(call.at, "date_trunc cannot cut to this field"));
    }
    let of = match moment(lowering, &call, 1)? {
        LogicalType::Date => LogicalType::Timestamp,
        other => other,
    };
    let mut args = vec![call.take(lowering, 1, &of)?];
    if call.args.len() == 3 {
        if of != LogicalType::TimestampTz {
            return Err(call.wrong(lowering, 1, "a timestamptz when a zone is given"));
        }
        check_zone(lowering, &call, 2)?;
        args.push(call.take(lowering, 2, &LogicalType::Text)?);
    }
    Ok(call.own(Truncate { field, of: of.clone() }, of, args))
}

/// A constant zone is checked when the expression is.
fn check_zone(lowering: &Lowering, call: &Call, i: usize) -> Result<()> {
    if let Kind::Open(Some(name)) = &call.args[i].kind {
        zone(name).map_err(|message| lowering.fail(call.at, message))?;
    }
    Ok(())
}

fn timezone(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    check_zone(lowering, &call, 0)?;
    let of = match moment(lowering, &call, 1)? {
        LogicalType::Date => LogicalType::Timestamp,
        other => other,
    };
    let args = vec![call.take(lowering, 1, &of)?, call.take(lowering, 0, &LogicalType::Text)?];
    let result =
        if of == LogicalType::TimestampTz { LogicalType::Timestamp } else { LogicalType::TimestampTz };
    Ok(call.own(AtZone { of }, result, args))
}

fn format(lowering: &Lowering, call: &Call) -> Result<Format> {
    let text = call.constant(lowering, 1, "the format")?;
    Format::parse(&text).map_err(|message| lowering.fail(call.at, message))
}

fn to_char(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    if matches!(&call.args[0].kind, Kind::Known(ty) if ty.is_number()) {
        return Err(call
            .wrong(lowering, 0, "a date or timestamp")
            .help("write numbers with cast(round(x, 2) as text), and lpad for leading zeros"));
    }
    let of = moment(lowering, &call, 0)?;
    let format = format(lowering, &call)?;
    let value = call.take(lowering, 0, &of)?;
    Ok(call.own(ToChar { format, of }, LogicalType::Text, vec![value]))
}

fn from_format(lowering: &Lowering, mut call: Call, result: LogicalType) -> Result<Value> {
    let format = format(lowering, &call)?;
    format.check_readable().map_err(|message| lowering.fail(call.at, message))?;
    let text = call.take(lowering, 0, &LogicalType::Text)?;
    Ok(call.own(FromFormat { format, result: result.clone() }, result, vec![text]))
}

fn to_date(lowering: &mut Lowering, call: Call) -> Result<Value> {
    from_format(lowering, call, LogicalType::Date)
}

fn to_timestamp(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    if call.args.len() == 2 {
        return from_format(lowering, call, LogicalType::TimestampTz);
    }
    let of = match call.known(0)? {
        ty if ty.is_integer() => as_numeric(&ty),
        ty if ty.is_number() => LogicalType::Numeric(None),
        _ => return Err(call.wrong(lowering, 0, "a number of seconds when there is no format")),
    };
    let seconds = lowering.explicit(call.args[0].clone(), &of, false, call.at)?;
    Ok(call.own(FromEpoch { of }, LogicalType::TimestampTz, vec![seconds.expr]))
}

fn make_date(lowering: &mut Lowering, mut call: Call) -> Result<Value> {
    let args = (0..3).map(|i| call.take(lowering, i, &LogicalType::Int32)).collect::<Result<Vec<_>>>()?;
    Ok(call.own(MakeDate, LogicalType::Date, args))
}
