//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use syncline_core::{LogicalType, fuzzing::logical_type};

use super::rows::BatchBuilder;
use super::types::Affinity;
use super::values;

/// Values as SQLite hands them out, two in a row, for columns of two types; those that fit are
/// written for columns of every affinity.
pub fn sqlite_values(bytes: &[u8]) {
    let Some((&[first, second], mut rest)) = bytes.split_first_chunk() else { return };
    let types = [logical_type(first), logical_type(second)];
    let columns: Vec<(String, LogicalType, usize)> =
        types.iter().enumerate().map(|(i, ty)| (format!("c{i}"), ty.clone(), i)).collect();
    let mut builder = BatchBuilder::new(&columns);
    let mut rows = 0;
    while let (Some(a), Some(b)) = (value(&mut rest), value(&mut rest)) {
        let row = [a, b];
        builder.push(|i| Ok::<_, ()>(row[i])).expect("reading a value does not fail");
        rows += 1;
    }
    let batch = builder.take().expect("the columns fit");
    assert_eq!(batch.rows.num_rows(), rows);
    assert!(batch.invalid.is_sorted_by(|a, b| a.row < b.row));
    for (array, ty) in batch.rows.columns().iter().zip(&types) {
        for row in 0..rows {
            for affinity in
                [Affinity::Integer, Affinity::Real, Affinity::Numeric, Affinity::Text, Affinity::Blob]
            {
                if let Ok(ToSqlOutput::Owned(Value::Real(number))) = values::encode(array, ty, affinity, row)
                {
                    assert!(!number.is_nan(), "SQLite keeps it as NULL");
                }
            }
        }
    }
}

/// Takes a value off the bytes: a kind, and eight bytes or a length with as many.
fn value<'a>(rest: &mut &'a [u8]) -> Option<ValueRef<'a>> {
    let (kind, after) = rest.split_first()?;
    *rest = after;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count)?;
        *rest = tail;
        Some(head)
    };
    Some(match kind % 5 {
        0 => ValueRef::Null,
        1 => ValueRef::Integer(i64::from_be_bytes(take(8)?.try_into().ok()?)),
        2 => ValueRef::Real(f64::from_be_bytes(take(8)?.try_into().ok()?)),
        3 => {
            let len = usize::from(*take(1)?.first()?);
            ValueRef::Text(take(len)?)
        }
        _ => {
            let len = usize::from(*take(1)?.first()?);
            ValueRef::Blob(take(len)?)
        }
    })
}
