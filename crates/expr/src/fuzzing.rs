//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema};
use syncline_core::{Error, ErrorKind, LogicalType, text};

use crate::{Compiler, LookupTables};

/// A column of each type, with values at the edges.
const COLUMNS: &[(&str, &str, [Option<&str>; 3])] = &[
    ("b", "bool", [Some("true"), Some("false"), None]),
    ("i", "int64", [Some("9223372036854775807"), Some("-9223372036854775808"), Some("0")]),
    ("s", "int16", [Some("-32768"), None, Some("7")]),
    ("f", "float64", [Some("NaN"), Some("-1.5e300"), Some("0.1")]),
    ("n", "numeric", [Some("123456789012345678901234567890.0123456789"), Some("NaN"), Some("-0.5")]),
    ("p", "numeric(10,2)", [Some("12345678.90"), None, Some("-0.01")]),
    ("t", "text", [Some("Ærøskøbing 😀"), Some(""), Some("2025-02-30")]),
    ("j", "json", [Some(r#"{"a":[1,{"b":null}]}"#), Some("1e400"), Some("\"x\"")]),
    ("d", "date", [Some("0001-01-01"), Some("infinity"), Some("+5874897-12-31")]),
    ("c", "time", [Some("24:00:00"), Some("00:00:00"), None]),
    ("w", "timestamp", [Some("-infinity"), Some("9999-12-31T23:59:59.999999"), Some("1970-01-01T00:00:00")]),
    ("z", "timestamptz", [Some("2025-03-30T01:00:00Z"), Some("infinity"), None]),
    ("v", "interval", [Some("P2147483647M-2147483648DT-90.5S"), Some("P0M0DT0S"), None]),
    ("u", "uuid", [Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), None, None]),
    ("y", "bytes", [Some("\\x00ff"), Some("\\x"), None]),
    ("a", "int64[]", [Some("[1,null,-9223372036854775808]"), Some("[]"), None]),
    ("x", "text[]", [Some(r#"["a","",null]"#), None, Some("[]")]),
];

/// One SQL expression: compiled, and evaluated over rows at the edges. A row's value does not depend
/// on the rows beside it.
pub fn expression(bytes: &[u8]) {
    let Ok(sql) = std::str::from_utf8(bytes) else { return };
    static FIXTURE: OnceLock<(Compiler, RecordBatch)> = OnceLock::new();
    let (compiler, batch) = FIXTURE.get_or_init(fixture);
    if let Err(e) = compiler.compile_condition(sql) {
        expected(&e);
    }
    let expression = match compiler.compile(sql) {
        Ok(expression) => expression,
        Err(e) => return expected(&e),
    };
    let whole = match expression.evaluate(batch) {
        Ok(whole) => whole,
        Err(e) => return expected(&e),
    };
    assert_eq!(whole.array.len(), batch.num_rows());
    assert!(whole.errors.is_sorted_by(|a, b| a.row < b.row));
    for row in 0..batch.num_rows() {
        let alone = expression.evaluate(&batch.slice(row, 1)).expect("the whole batch was evaluated");
        let fault = whole.errors.iter().find(|fault| fault.row == row).map(|fault| &fault.message);
        assert_eq!(alone.errors.first().map(|fault| &fault.message), fault, "row {row}");
        let shown = text::render(&whole.array, expression.ty(), row);
        assert_eq!(text::render(&alone.array, expression.ty(), 0), shown, "row {row}");
        assert!(fault.is_none() || shown.is_none(), "row {row} has a value and an error");
    }
}

/// Panics on an error that says that something cannot be.
fn expected(e: &Error) {
    assert_ne!(e.kind, ErrorKind::Internal, "{e:?}");
}

fn fixture() -> (Compiler, RecordBatch) {
    let mut fields: Vec<Arc<Field>> = Vec::new();
    let mut arrays = Vec::new();
    for (name, ty, texts) in COLUMNS {
        let ty: LogicalType = ty.parse().expect("it is a type");
        let (array, bad) = text::parse(texts, &ty);
        assert!(bad.is_empty(), "{name}: {bad:?}");
        fields.push(ty.field(name, true));
        arrays.push(array);
    }
    let schema = Arc::new(Schema::new(fields));
    let table = HashMap::from([("a".to_string(), "1".to_string())]);
    let lookups = LookupTables::from([("codes".to_string(), table)]);
    let compiler = Compiler::new(Arc::clone(&schema), Arc::new(lookups)).expect("it is canonical");
    (compiler, RecordBatch::try_new(schema, arrays).expect("the columns fit"))
}
