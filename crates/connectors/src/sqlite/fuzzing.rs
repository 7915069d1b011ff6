//! What the fuzzers in `fuzz/` call: each function takes any bytes, and a panic in it is a defect [G17].

use std::sync::LazyLock;
use std::time::Duration;

use futures::StreamExt;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use serde_json::{Map, json};
use syncline_connector::{ConnectionConfig, ReadFilter, ReadRequest, Source};
use syncline_core::sync::{Model, ModelQuery};
use syncline_core::{ErrorKind, LogicalType, Result, fuzzing::logical_type};

use super::rows::BatchBuilder;
use super::types::Affinity;
use super::values;

/// Tables of a database that are read.
const TABLES_MAX: usize = 4;

/// A database file: what it lists is described and read.
pub fn sqlite_database(bytes: &[u8]) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> =
        LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime starts"));
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    std::fs::write(folder.path().join("f.db"), bytes).expect("the folder can be written");
    let config = ConnectionConfig {
        name: "fuzzed".to_string(),
        type_name: "sqlite".to_string(),
        options: Map::from_iter([("path".to_string(), json!("f.db"))]),
        base_dir: folder.path().to_path_buf(),
    };
    let source = super::connect(&config).expect("the options are right").source.expect("it can be read");
    if let Err(e) = RUNTIME.block_on(read(&*source)) {
        // What a thread that panicked leaves behind.
        assert_ne!(e.kind, ErrorKind::Internal, "{e:?}");
    }
}

async fn read(source: &dyn Source) -> Result<()> {
    source.check().await?;
    // One table that cannot be listed keeps all from being listed, and none from being read.
    let names = match source.discover().await {
        Ok(streams) => streams.into_iter().map(|stream| stream.name).take(TABLES_MAX).collect(),
        Err(e) => {
            assert_ne!(e.kind, ErrorKind::Internal, "{e:?}");
            vec!["t".to_string()]
        }
    };
    for name in names {
        let query = ModelQuery::Table(name);
        let model = Model { query, key: Vec::new(), cursor: None, timeout: Duration::from_secs(5) };
        source.describe(&model).await?;
        let (filter, order_by) = (ReadFilter::All, Vec::new());
        let request = ReadRequest { model, columns: None, filter, order_by, identify: None };
        let mut items = source.read(request).await?;
        let mut ended = false;
        while let Some(item) = items.next().await {
            ended = item?.into_batch()?.is_none();
        }
        assert!(ended, "a thread that read the table has panicked");
    }
    Ok(())
}

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
