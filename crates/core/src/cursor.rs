//! Cursor values: how far a sync has progressed in its source's cursor column.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::LogicalType;

/// A position in a cursor column: canonical text with its type.
///
/// Values of one column compare by [`CursorValue::compare`]; opaque ones have no order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum CursorValue {
    /// Microseconds since 1970-01-01 (UTC for zoned columns). `zoned`: a `timestamptz` column.
    Timestamp {
        micros: i64,
        zoned: bool,
    },
    Integer(i64),
    /// Any other text; the source alone understands it.
    Opaque(String),
}

impl CursorValue {
    /// The order of two positions; `None` when they cannot be compared.
    pub fn compare(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Timestamp { micros: a, .. }, Self::Timestamp { micros: b, .. }) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Reads a cursor from canonical text of a column of type `ty`; `None` when it is not one.
    pub fn parse(text: &str, ty: &LogicalType) -> Option<Self> {
        use arrow::array::AsArray;
        use arrow::datatypes::{Date32Type, Int64Type, TimestampMicrosecondType};
        let as_type = |ty: &LogicalType| {
            let (array, bad) = crate::text::parse(&[Some(text)], ty);
            bad.is_empty().then_some(array)
        };
        Some(match ty {
            LogicalType::Timestamp | LogicalType::TimestampTz => Self::Timestamp {
                micros: as_type(ty)?.as_primitive::<TimestampMicrosecondType>().value(0),
                zoned: *ty == LogicalType::TimestampTz,
            },
            // The infinities, and days beyond what microseconds can count, are the ends of their range.
            LogicalType::Date => Self::Timestamp {
                micros: i64::from(as_type(ty)?.as_primitive::<Date32Type>().value(0))
                    .saturating_mul(86_400_000_000),
                zoned: false,
            },
            t if t.is_integer() => {
                Self::Integer(as_type(&LogicalType::Int64)?.as_primitive::<Int64Type>().value(0))
            }
            _ => Self::Opaque(text.to_string()),
        })
    }
}

impl fmt::Display for CursorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp { micros, zoned } => {
                let array = arrow::array::TimestampMicrosecondArray::from(vec![*micros]);
                let ty = if *zoned { LogicalType::TimestampTz } else { LogicalType::Timestamp };
                f.write_str(&crate::text::render(&array, &ty, 0).unwrap_or_default())
            }
            Self::Integer(n) => write!(f, "{n}"),
            Self::Opaque(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_beyond_all_timestamps_is_a_position_at_the_end() {
        let date = |text: &str| CursorValue::parse(text, &LogicalType::Date).unwrap();
        for (text, shown) in [
            ("2025-02-28", "2025-02-28T00:00:00"),
            ("infinity", "infinity"),
            ("-infinity", "-infinity"),
            ("+5874897-12-31", "infinity"),
        ] {
            assert_eq!(date(text).to_string(), shown);
        }
        assert_eq!(date("infinity").compare(&date("9999-12-31")), Some(std::cmp::Ordering::Greater));
    }
}
