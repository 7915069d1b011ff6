//! Canonical types: what a column is while it travels through Syncline.
//!
//! A batch is an Arrow `RecordBatch`. Each field carries its [`LogicalType`] as text under the
//! metadata key [`TYPE_KEY`], because several logical types share one Arrow layout:
//!
//! | logical | Arrow |
//! |---|---|
//! | bool | Boolean |
//! | int16, int32, int64 | Int16, Int32, Int64 |
//! | float32, float64 | Float32, Float64 |
//! | numeric, numeric(p,s) | Utf8: exact decimal text, or `NaN`, `Infinity`, `-Infinity` |
//! | text, uuid, json | Utf8 (uuid: lower case with dashes) |
//! | bytes | Binary |
//! | date | Date32; i32::MIN and i32::MAX are -infinity and infinity |
//! | time | Time64(Microsecond); 24:00:00 is 86,400,000,000 |
//! | timestamp | Timestamp(Microsecond, none); i64::MIN and MAX are -infinity and infinity |
//! | timestamptz | Timestamp(Microsecond, "UTC"); likewise |
//! | interval | Interval(MonthDayNano) |
//! | T[] | List of T, one dimension |

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// Arrow field metadata key that holds the logical type's text.
pub const TYPE_KEY: &str = "syncline.type";

/// Arrays nested deeper are no type: what walks a type may recurse.
const ARRAY_DEPTH_MAX: usize = 4;

/// The canonical type of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum LogicalType {
    Bool,
    Int16,
    Int32,
    Int64,
    Float32,
    Float64,
    /// Exact decimal. `None`: any precision. `Some((precision, scale))` as declared.
    Numeric(Option<(u16, i16)>),
    Text,
    Bytes,
    Uuid,
    Date,
    /// Time of day without zone.
    Time,
    /// Date and time without zone.
    Timestamp,
    /// An instant, kept in UTC.
    TimestampTz,
    Interval,
    Json,
    Array(Box<LogicalType>),
}

impl LogicalType {
    /// The Arrow layout of this type.
    pub fn arrow(&self) -> DataType {
        use LogicalType::*;
        match self {
            Bool => DataType::Boolean,
            Int16 => DataType::Int16,
            Int32 => DataType::Int32,
            Int64 => DataType::Int64,
            Float32 => DataType::Float32,
            Float64 => DataType::Float64,
            Numeric(_) | Text | Uuid | Json => DataType::Utf8,
            Bytes => DataType::Binary,
            Date => DataType::Date32,
            Time => DataType::Time64(TimeUnit::Microsecond),
            Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Array(item) => DataType::List(item.field("item", true)),
        }
    }

    /// An Arrow field of this type, tagged with it.
    pub fn field(&self, name: &str, nullable: bool) -> FieldRef {
        let metadata = HashMap::from([(TYPE_KEY.to_string(), self.to_string())]);
        Arc::new(Field::new(name, self.arrow(), nullable).with_metadata(metadata))
    }

    /// The logical type of a field: its tag, or what its Arrow type means when it has none.
    ///
    /// Fails with [`ErrorKind::UnsupportedType`] naming the column.
    pub fn of(field: &Field) -> Result<LogicalType, Error> {
        if let Some(tag) = field.metadata().get(TYPE_KEY) {
            return tag.parse();
        }
        use LogicalType::*;
        Ok(match field.data_type() {
            DataType::Boolean => Bool,
            DataType::Int16 => Int16,
            DataType::Int32 => Int32,
            DataType::Int64 => Int64,
            DataType::Float32 => Float32,
            DataType::Float64 => Float64,
            DataType::Utf8 => Text,
            DataType::Binary => Bytes,
            DataType::Date32 => Date,
            DataType::Time64(TimeUnit::Microsecond) => Time,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Timestamp,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => TimestampTz,
            DataType::Interval(IntervalUnit::MonthDayNano) => Interval,
            DataType::List(item) => Array(Box::new(LogicalType::of(item)?)),
            other => {
                return Err(Error::new(
                    ErrorKind::UnsupportedType,
                    format!("column '{}' has type {other}, which has no canonical form", field.name()),
                ));
            }
        })
    }

    pub fn is_integer(&self) -> bool {
        matches!(self, LogicalType::Int16 | LogicalType::Int32 | LogicalType::Int64)
    }

    pub fn is_number(&self) -> bool {
        self.is_integer()
            || matches!(self, LogicalType::Float32 | LogicalType::Float64 | LogicalType::Numeric(_))
    }
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use LogicalType::*;
        f.write_str(match self {
            Bool => "bool",
            Int16 => "int16",
            Int32 => "int32",
            Int64 => "int64",
            Float32 => "float32",
            Float64 => "float64",
            Numeric(None) => "numeric",
            Numeric(Some((p, s))) => return write!(f, "numeric({p},{s})"),
            Text => "text",
            Bytes => "bytes",
            Uuid => "uuid",
            Date => "date",
            Time => "time",
            Timestamp => "timestamp",
            TimestampTz => "timestamptz",
            Interval => "interval",
            Json => "json",
            Array(item) => return write!(f, "{item}[]"),
        })
    }
}

impl FromStr for LogicalType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        use LogicalType::*;
        let unknown = || Error::new(ErrorKind::UnsupportedType, format!("'{text}' is not a type"));
        if let Some(item) = text.strip_suffix("[]") {
            if item.ends_with(&"[]".repeat(ARRAY_DEPTH_MAX)) {
                return Err(unknown());
            }
            return Ok(Array(Box::new(item.parse()?)));
        }
        if let Some(args) = text.strip_prefix("numeric(").and_then(|t| t.strip_suffix(')')) {
            let (p, s) = args.split_once(',').unwrap_or((args, "0"));
            let p = p.trim().parse().map_err(|_| unknown())?;
            let s = s.trim().parse().map_err(|_| unknown())?;
            return Ok(Numeric(Some((p, s))));
        }
        Ok(match text {
            "bool" => Bool,
            "int16" => Int16,
            "int32" => Int32,
            "int64" => Int64,
            "float32" => Float32,
            "float64" => Float64,
            "numeric" => Numeric(None),
            "text" => Text,
            "bytes" => Bytes,
            "uuid" => Uuid,
            "date" => Date,
            "time" => Time,
            "timestamp" => Timestamp,
            "timestamptz" => TimestampTz,
            "interval" => Interval,
            "json" => Json,
            _ => return Err(unknown()),
        })
    }
}

impl TryFrom<String> for LogicalType {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<LogicalType> for String {
    fn from(t: LogicalType) -> String {
        t.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_survives_its_text_and_its_field() {
        use LogicalType::*;
        for t in [
            Bool,
            Int16,
            Int32,
            Int64,
            Float32,
            Float64,
            Numeric(None),
            Numeric(Some((38, 10))),
            Text,
            Bytes,
            Uuid,
            Date,
            Time,
            Timestamp,
            TimestampTz,
            Interval,
            Json,
            Array(Box::new(Numeric(None))),
        ] {
            assert_eq!(t.to_string().parse::<LogicalType>().unwrap(), t);
            assert_eq!(LogicalType::of(&t.field("c", true)).unwrap(), t);
        }
    }

    #[test]
    fn the_nesting_of_arrays_has_a_limit() {
        let nested = |depth: usize| format!("int64{}", "[]".repeat(depth)).parse::<LogicalType>();
        assert!(nested(ARRAY_DEPTH_MAX).is_ok());
        assert!(nested(ARRAY_DEPTH_MAX + 1).is_err());
        assert!(nested(1_000_000).is_err());
    }
}
