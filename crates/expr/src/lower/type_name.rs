//! SQL type names and casts.

use datafusion_sql::sqlparser::ast::{self, DataType, ExactNumberInfo, Spanned};
use datafusion_sql::sqlparser::tokenizer::Span;
use syncline_core::{LogicalType, Result};

use super::{Lowering, Value};
use crate::decimal::DIGITS_MAX;
use crate::functions;

impl Lowering<'_> {
    pub(super) fn cast(&mut self, expr: &ast::Expr, ty: &DataType, attempt: bool) -> Result<Value> {
        let at = expr.span();
        let value = self.expr(expr)?;
        let (ty, length) = self.type_named(ty, at)?;
        let value = match (&ty, &value.kind) {
            (LogicalType::Interval, super::Kind::Open(Some(text))) if !attempt => {
                return self.typed_string(&ast::TypedString {
                    data_type: DataType::Interval { fields: None, precision: None },
                    value: ast::ValueWithSpan {
                        value: ast::Value::SingleQuotedString(text.clone()),
                        span: at,
                    },
                    uses_odbc_syntax: false,
                });
            }
            _ => self.explicit(value, &ty, attempt, at)?,
        };
        // varchar(n) cuts, as an explicit cast does in PostgreSQL.
        match length {
            Some(length) => functions::call(self, "left", vec![value, Value::integer(length)], at),
            None => Ok(value),
        }
    }

    /// The canonical type, and the length for `varchar(n)`.
    pub(super) fn type_named(&self, ty: &DataType, at: Span) -> Result<(LogicalType, Option<i32>)> {
        use LogicalType::*;
        let named = match ty {
            DataType::Bool | DataType::Boolean => Bool,
            DataType::SmallInt(None) | DataType::Int2(None) => Int16,
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => Int32,
            DataType::BigInt(None) | DataType::Int8(None) => Int64,
            DataType::Real | DataType::Float4 => Float32,
            DataType::DoublePrecision | DataType::Float8 | DataType::Double(ExactNumberInfo::None) => Float64,
            DataType::Float(ExactNumberInfo::None) => Float64,
            DataType::Float(ExactNumberInfo::Precision(p)) if *p <= 24 => Float32,
            DataType::Float(ExactNumberInfo::Precision(p)) if *p <= 53 => Float64,
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => {
                self.numeric_named(info, at)?
            }
            DataType::Text | DataType::String(None) => Text,
            DataType::Varchar(length)
            | DataType::CharacterVarying(length)
            | DataType::CharVarying(length) => {
                let length = match length {
                    None | Some(ast::CharacterLength::Max) => None,
                    Some(ast::CharacterLength::IntegerLength { length, .. }) => {
                        Some(i32::try_from(*length).unwrap_or(i32::MAX))
                    }
                };
                return Ok((Text, length));
            }
            DataType::Bytea => Bytes,
            DataType::Uuid => Uuid,
            DataType::JSON | DataType::JSONB => Json,
            DataType::Date => Date,
            DataType::Time(None, ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone) => Time,
            DataType::Timestamp(None, ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone) => {
                Timestamp
            }
            DataType::Timestamp(None, _) => TimestampTz,
            DataType::Interval { fields: None, precision: None } => Interval,
            other => {
                return Err(self.fail(at, format!("there is no type {other} here")).help(
                    "the types are boolean, smallint, integer, bigint, real, double precision, \
                     numeric(p,s), text, varchar(n), bytea, uuid, json, date, time, timestamp, \
                     timestamptz and interval",
                ));
            }
        };
        Ok((named, None))
    }

    fn numeric_named(&self, info: &ExactNumberInfo, at: Span) -> Result<LogicalType> {
        let (precision, scale) = match info {
            ExactNumberInfo::None => return Ok(LogicalType::Numeric(None)),
            ExactNumberInfo::Precision(p) => (*p, 0),
            ExactNumberInfo::PrecisionAndScale(p, s) => (*p, *s),
        };
        let fits = (1..=DIGITS_MAX as u64).contains(&precision)
            && (0..=38).contains(&scale)
            && scale.unsigned_abs() <= precision;
        if !fits {
            let message = format!("numeric({precision},{scale}) is not possible here");
            return Err(self.fail(at, message).help(format!(
                "the precision is 1 to {DIGITS_MAX}, the scale 0 to 38 and at most the precision"
            )));
        }
        Ok(LogicalType::Numeric(Some((precision as u16, scale as i16))))
    }
}
