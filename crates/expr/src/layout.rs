//! How canonical types are laid out inside an expression, and which type two operands share.
//!
//! Everything keeps its canonical layout except numeric, which becomes a 256-bit decimal: with the declared
//! scale, or with [`FREE_SCALE`] decimal places when none is declared.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use std::sync::Arc;
use syncline_core::{LogicalType, Result};

use crate::decimal::DIGITS_MAX;

/// Decimal places of a numeric without declared scale; 56 digits remain before the point.
pub const FREE_SCALE: usize = 20;

/// Largest declared scale that is kept; it leaves as many digits before the point.
const DECLARED_SCALE_MAX: i16 = 38;

/// The decimal places a numeric type has inside an expression.
pub(crate) fn scale_of(ty: &LogicalType) -> usize {
    match ty {
        LogicalType::Numeric(None) => FREE_SCALE,
        LogicalType::Numeric(Some((_, s))) => (*s).clamp(0, DECLARED_SCALE_MAX) as usize,
        _ => 0,
    }
}

/// The Arrow layout of a type inside an expression.
pub(crate) fn layout(ty: &LogicalType) -> DataType {
    match ty {
        LogicalType::Numeric(_) => DataType::Decimal256(DIGITS_MAX as u8, scale_of(ty) as i8),
        other => other.arrow(),
    }
}

/// The schema of the columns `names` inside an expression. All are nullable: rows at fault become NULL.
pub(crate) fn inner_schema<'a>(columns: impl Iterator<Item = (&'a str, &'a LogicalType)>) -> SchemaRef {
    let fields: Vec<Field> = columns.map(|(name, ty)| Field::new(name, layout(ty), true)).collect();
    Arc::new(Schema::new(fields))
}

/// The numeric type with room for `whole` digits before and `scale` after the point.
pub(crate) fn numeric(whole: i32, scale: i32) -> LogicalType {
    if whole + scale > DIGITS_MAX as i32 || scale > i32::from(DECLARED_SCALE_MAX) {
        return LogicalType::Numeric(None);
    }
    LogicalType::Numeric(Some(((whole + scale).max(1) as u16, scale as i16)))
}

/// Digits before and after the point, or `None` when the type does not limit them.
pub(crate) fn digits(ty: &LogicalType) -> Option<(i32, i32)> {
    match ty {
        LogicalType::Int16 => Some((5, 0)),
        LogicalType::Int32 => Some((10, 0)),
        LogicalType::Int64 => Some((19, 0)),
        LogicalType::Numeric(Some((p, s))) => {
            let scale = i32::from((*s).clamp(0, DECLARED_SCALE_MAX));
            Some((i32::from(*p) - i32::from(*s), scale))
        }
        _ => None,
    }
}

/// The type that values of both types are brought to before they are compared or returned from one
/// CASE, as PostgreSQL chooses it; `None` when there is none.
pub(crate) fn common(a: &LogicalType, b: &LogicalType) -> Option<LogicalType> {
    use LogicalType::*;
    if a == b {
        return Some(a.clone());
    }
    if a.is_number() && b.is_number() {
        return Some(common_number(a, b));
    }
    match (a, b) {
        (Date, Timestamp) | (Timestamp, Date) => Some(Timestamp),
        (Date | Timestamp, TimestampTz) | (TimestampTz, Date | Timestamp) => Some(TimestampTz),
        _ => None,
    }
}

fn common_number(a: &LogicalType, b: &LogicalType) -> LogicalType {
    use LogicalType::*;
    match (a, b) {
        (Float64, _) | (_, Float64) => Float64,
        // PostgreSQL computes real with anything but real in double precision.
        (Float32, _) | (_, Float32) => Float64,
        (Numeric(_), _) | (_, Numeric(_)) => match (digits(a), digits(b)) {
            (Some((whole_a, scale_a)), Some((whole_b, scale_b))) => {
                numeric(whole_a.max(whole_b), scale_a.max(scale_b))
            }
            _ => Numeric(None),
        },
        (Int64, _) | (_, Int64) => Int64,
        _ => Int32,
    }
}

/// The name of a type as users write it in SQL.
pub(crate) fn sql_name(ty: &LogicalType) -> String {
    use LogicalType::*;
    match ty {
        Bool => "boolean".into(),
        Int16 => "smallint".into(),
        Int32 => "integer".into(),
        Int64 => "bigint".into(),
        Float32 => "real".into(),
        Float64 => "double precision".into(),
        Bytes => "bytea".into(),
        Array(item) => format!("{}[]", sql_name(item)),
        other => other.to_string(),
    }
}

/// The logical types of a schema's fields, in order.
pub(crate) fn types_of(schema: &Schema) -> Result<Vec<(String, LogicalType)>> {
    schema.fields().iter().map(|f| Ok((f.name().clone(), LogicalType::of(f)?))).collect()
}
