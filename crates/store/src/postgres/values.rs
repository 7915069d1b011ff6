//! Values on their way to the server and back.

use std::borrow::Cow;
use std::error::Error as StdError;

use bytes::BytesMut;
use syncline_core::Error;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::sql::{Outcome, Row, Value};

/// The statement with its `?` numbered: `$1`, `$2`, … No text of a statement holds another `?`.
pub fn numbered(statement: &str) -> String {
    let mut parts = statement.split('?');
    let mut numbered = String::from(parts.next().unwrap_or_default());
    for (n, part) in (1..).zip(parts) {
        numbered.push_str(&format!("${n}{part}"));
    }
    numbered
}

impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(number), &Type::INT8) => number.to_sql(wanted, out),
            (Value::Integer(number), &Type::INT4) => i32::try_from(*number)?.to_sql(wanted, out),
            (Value::Integer(number), &Type::FLOAT8) => (*number as f64).to_sql(wanted, out),
            (Value::Real(number), &Type::FLOAT8) => number.to_sql(wanted, out),
            (Value::Text(text), &Type::TEXT) => storable(text).to_sql(wanted, out),
            (Value::Blob(bytes), &Type::BYTEA) => bytes.to_sql(wanted, out),
            _ => Err(format!("a statement wants {wanted} where it is given {}", kind(self)).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What a value is, without telling it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Integer(_) => "an integer",
        Value::Real(_) => "a number",
        Value::Text(_) => "text",
        Value::Blob(_) => "bytes",
    }
}

/// PostgreSQL has no text with U+0000. Records are JSON, where it is escaped; what is left are values
/// that are compared with each other and never read back, such as the row id of a letter.
fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{2400}")),
        false => Cow::Borrowed(text),
    }
}

pub fn read_row(row: &tokio_postgres::Row) -> Outcome<Row> {
    (0..row.len()).map(|n| read_column(row, n)).collect::<Outcome<_>>().map(Row)
}

fn read_column(row: &tokio_postgres::Row, n: usize) -> Outcome<Value> {
    Ok(match *row.columns()[n].type_() {
        Type::INT8 => get::<i64>(row, n)?.into(),
        Type::INT4 => get::<i32>(row, n)?.map(i64::from).into(),
        Type::BOOL => get::<bool>(row, n)?.into(),
        Type::FLOAT8 => get::<f64>(row, n)?.into(),
        Type::TEXT | Type::VARCHAR | Type::NAME => get::<String>(row, n)?.into(),
        Type::BYTEA => get::<Vec<u8>>(row, n)?.map_or(Value::Null, Value::Blob),
        ref other => {
            return Err(
                Error::internal(format!("a statement of the store gives a column of type {other}")).into()
            );
        }
    })
}

fn get<'a, T: FromSql<'a>>(row: &'a tokio_postgres::Row, n: usize) -> Outcome<Option<T>> {
    Ok(row.try_get(n)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered_in_their_order() {
        assert_eq!(numbered("SELECT 1"), "SELECT 1");
        assert_eq!(numbered("a = ? AND b IN (?, ?)"), "a = $1 AND b IN ($2, $3)");
        assert_eq!(numbered("?"), "$1");
    }

    #[test]
    fn a_character_that_the_server_cannot_hold_is_replaced() {
        let mut out = BytesMut::new();
        Value::from("a\0b").to_sql(&Type::TEXT, &mut out).unwrap();
        assert_eq!(out, "a\u{2400}b".as_bytes());
    }

    #[test]
    fn a_value_of_another_type_than_the_statement_wants_is_refused() {
        for (value, wanted) in [
            (Value::from("1"), Type::INT8),
            (Value::from(1_i64), Type::TEXT),
            (Value::from(1_i64 << 40), Type::INT4),
        ] {
            assert!(value.to_sql(&wanted, &mut BytesMut::new()).is_err(), "{value:?} as {wanted}");
        }
    }
}
