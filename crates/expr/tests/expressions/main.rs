//! Expressions as users see them: what they give, what they refuse, and which rows they fault.

mod documentation;
mod properties;
mod refusals;
mod rows;
mod semantics;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use syncline_core::{Error, LogicalType, text};
use syncline_expr::{Compiler, Evaluated, Expression, LookupTables};

/// The columns of the table that tests read: name, type, and one value per row.
const COLUMNS: &[(&str, &str, [Option<&str>; 4])] = &[
    ("id", "int32", [Some("1"), Some("2"), Some("3"), Some("4")]),
    ("small", "int16", [Some("7"), Some("-7"), None, Some("32767")]),
    ("big", "int64", [Some("9223372036854775807"), Some("10"), None, Some("0")]),
    ("ratio", "float64", [Some("0.5"), Some("2.5"), None, Some("NaN")]),
    ("mrr", "numeric(12,2)", [Some("12.50"), Some("-0.05"), None, Some("9999999999.99")]),
    ("amount", "numeric", [Some("1.10"), Some("NaN"), None, Some("100")]),
    ("email", "text", [Some(" Ann@Example.com "), Some("bob@test.org"), None, Some("")]),
    ("FirstName", "text", [Some("Ann"), Some("Bob"), None, Some("Élise")]),
    ("number_text", "text", [Some("42"), Some("abc"), None, Some(" 7 ")]),
    ("active", "bool", [Some("true"), Some("false"), None, Some("true")]),
    ("born", "date", [Some("1990-05-17"), Some("2024-02-29"), None, Some("infinity")]),
    (
        "seen",
        "timestamptz",
        [Some("2025-06-01T12:00:00Z"), Some("2025-01-31T23:30:00.250Z"), None, Some("infinity")],
    ),
    (
        "local",
        "timestamp",
        [Some("2025-06-01T12:00:00"), Some("1969-12-31T23:59:59"), None, Some("2025-03-30T02:30:00")],
    ),
    ("ref", "uuid", [Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), None, None, None]),
    ("doc", "json", [Some("{\"a\":1}"), None, None, None]),
    ("raw", "bytes", [Some("\\x616263"), None, None, Some("\\xff")]),
    ("tags", "text[]", [Some("[\"a\",null,\"b\"]"), Some("[]"), None, None]),
    ("Name", "text", [Some("x"), None, None, None]),
    ("NAME", "text", [Some("y"), None, None, None]),
];

fn schema() -> SchemaRef {
    let fields: Vec<_> =
        COLUMNS.iter().map(|(name, ty, _)| ty.parse::<LogicalType>().unwrap().field(name, true)).collect();
    Arc::new(Schema::new(fields))
}

fn batch() -> RecordBatch {
    let arrays: Vec<ArrayRef> = COLUMNS
        .iter()
        .map(|(name, ty, values)| {
            let (array, bad) = text::parse(values, &ty.parse().unwrap());
            assert!(bad.is_empty(), "{name}");
            array
        })
        .collect();
    RecordBatch::try_new(schema(), arrays).unwrap()
}

fn lookups() -> Arc<LookupTables> {
    let countries = HashMap::from([("1".to_string(), "DE".to_string()), ("2".to_string(), "FR".to_string())]);
    let example = HashMap::from([("key".to_string(), "value".to_string())]);
    Arc::new(LookupTables::from([("countries".to_string(), countries), ("example".to_string(), example)]))
}

fn compiler() -> Compiler {
    Compiler::new(schema(), lookups()).unwrap()
}

fn compile(sql: &str) -> Expression {
    compiler().compile(sql).unwrap_or_else(|e| panic!("{sql}: {e} ({:?})", e.help))
}

fn refused(sql: &str) -> Error {
    match compiler().compile(sql) {
        Err(error) => error,
        Ok(expression) => panic!("{sql} compiled to a {}", expression.ty()),
    }
}

/// The canonical text of each row's value; `NULL` for NULL.
fn shown(expression: &Expression, evaluated: &Evaluated) -> Vec<String> {
    assert_eq!(*evaluated.array.data_type(), expression.ty().arrow(), "the canonical layout");
    (0..evaluated.array.len())
        .map(|row| text::render(&evaluated.array, expression.ty(), row).unwrap_or_else(|| "NULL".into()))
        .collect()
}

/// The value and type of an expression in the first row, or what is wrong.
fn attempt(sql: &str) -> Result<(String, LogicalType), String> {
    let expression = compiler().compile(sql).map_err(|e| format!("{e} ({:?})", e.help))?;
    let evaluated = expression.evaluate(&batch().slice(0, 1)).map_err(|e| e.to_string())?;
    match evaluated.errors.first() {
        Some(fault) => Err(format!("row fault: {}", fault.message)),
        None => Ok((shown(&expression, &evaluated).remove(0), expression.ty().clone())),
    }
}

/// The value of an expression in the first row.
fn first(sql: &str) -> String {
    attempt(sql).unwrap_or_else(|e| panic!("{sql}: {e}")).0
}
