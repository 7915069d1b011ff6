//! Values of every type come back as they were written, in every format.

use std::sync::Arc;

use arrow::array::RecordBatch;
use proptest::prelude::*;
use serde_json::json;
use syncline_core::sync::WriteMode;
use syncline_core::{ErrorKind, LogicalType, Op, canon};

use super::fixture::{FORMATS, Home, batch, chunk, deliver, model, names, read, request};

/// Canonical texts per type, edges included.
const EDGES: [(&str, &[&str]); 18] = [
    ("bool", &["true", "false"]),
    ("int16", &["-32768", "32767", "0"]),
    ("int32", &["-2147483648", "2147483647"]),
    ("int64", &["9007199254740993", "-9223372036854775808", "9223372036854775807"]),
    ("float32", &["0.1", "NaN", "-Infinity", "3.4028235e38", "1e-45"]),
    ("float64", &["0.1", "NaN", "Infinity", "-0", "1.7976931348623157e308", "5e-324", "0.30000000000000004"]),
    ("numeric", &["NaN", "Infinity", "-Infinity", "0.000", "12345678901234567890123456789012345678901.10"]),
    ("numeric(38,10)", &["1234567890123456789012345678.0123456789", "-0.0000000001"]),
    (
        "text",
        &[
            "",
            " ",
            "\0",
            "😀é",
            "a\nb\r\nc\r",
            "\"",
            ",",
            "\t",
            "null",
            "NULL",
            "\\N",
            "\u{feff}",
            "=1+1",
            "\u{2028}",
        ],
    ),
    ("bytes", &["\\x", "\\x00ff0a0d22"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("date", &["0001-01-01", "9999-12-31", "infinity", "-infinity", "-0043-03-15"]),
    ("time", &["00:00:00", "24:00:00", "23:59:59.999999"]),
    ("timestamp", &["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", "infinity"]),
    ("timestamptz", &["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "-infinity"]),
    ("interval", &["P14M-3DT-90.5S", "P0M0DT0S"]),
    (
        "json",
        &[
            "null",
            "{}",
            "[1,{\"a\":\"\\u0000\\n\\\"\"}]",
            "1.10",
            "\"\"",
            "{\n \"a b\" : 12345678901234567890.10 }",
        ],
    ),
    ("text[]", &["[]", "[\"\",null,\"a\\nb\",\"😀\",\"null\"]"]),
];

const MORE_ARRAYS: [(&str, &[&str]); 3] = [
    ("int64[]", &["[9007199254740993,null]"]),
    ("numeric[]", &["[\"12345678901234567890.10\",\"NaN\",null]"]),
    ("float64[]", &["[0.1,\"NaN\",\"Infinity\",5e-324,0.30000000000000004]"]),
];

fn all_types() -> Vec<(String, String, &'static [&'static str])> {
    let all = EDGES.iter().chain(&MORE_ARRAYS);
    all.enumerate().map(|(i, (ty, values))| (format!("c{i} \"x\""), ty.to_string(), *values)).collect()
}

fn canonical_bytes(rows: &RecordBatch, row: usize) -> Vec<Vec<u8>> {
    let schema = rows.schema();
    let cell = |(i, field): (usize, &Arc<arrow::datatypes::Field>)| {
        let mut out = Vec::new();
        canon::encode(rows.column(i), &LogicalType::of(field).unwrap(), row, &mut out);
        out
    };
    schema.fields().iter().enumerate().map(cell).collect()
}

/// Appends rows by the destination, reads them by the source and compares canonical values.
async fn round_trip(object: &str, columns: &[(&str, &str)], rows: &[&[Option<&str>]], updates: bool) {
    let home = Home::with(json!({"format": object.rsplit_once('.').map_or("parquet", |(_, e)| match e {
        "tsv" => "csv",
        other => other,
    })}));
    let payload = batch(columns, rows);
    let mut runs = vec![chunk(0, Op::Append, &payload)];
    let mode = if updates { WriteMode::Upsert } else { WriteMode::Append };
    if updates {
        // A second run that changes every record must leave the same values as the first.
        runs = vec![chunk(0, Op::Create, &payload), chunk(0, Op::Update, &payload)];
    }
    for (i, chunk) in runs.iter().enumerate() {
        let results =
            deliver(&home, request(object, mode, &payload, &format!("run_{i}")), chunk).await.unwrap();
        let expected = if i == 0 { "created" } else { "updated" };
        assert!(names(&results).iter().all(|r| *r == expected), "{results:?}");
    }
    let pattern = if object.ends_with('/') { "d/*" } else { object };
    // Columns are named, because JSON Lines orders them by appearance and a json NULL does not appear.
    let wanted = Some(columns.iter().map(|(name, _)| name.to_string()).collect());
    let read = read(&*home.source, &model(pattern, columns), wanted).await.unwrap();
    assert!(
        read.invalid.is_empty() && read.unreadable.is_empty(),
        "{:?} {:?}",
        read.invalid,
        read.unreadable
    );
    assert_eq!(read.rows.schema(), payload.schema());
    assert_eq!(read.rows.num_rows(), payload.num_rows());
    for i in 0..payload.num_rows() {
        assert_eq!(canonical_bytes(&read.rows, i), canonical_bytes(&payload, i), "{object} row {i}");
    }
}

#[tokio::test]
async fn every_canonical_type_survives_the_round_trip_at_its_edges() {
    let types = all_types();
    let deep = types.iter().map(|(_, _, values)| values.len()).max().unwrap();
    let mut columns = vec![("id", "int64")];
    columns.extend(types.iter().map(|(name, ty, _)| (name.as_str(), ty.as_str())));
    let ids: Vec<String> = (0..=deep).map(|i| i.to_string()).collect();
    let rows: Vec<Vec<Option<&str>>> = (0..=deep)
        .map(|i| {
            // The last row is all NULL.
            let values = types
                .iter()
                .map(|(_, _, values)| if i < deep { Some(values[i % values.len()]) } else { None });
            std::iter::once(Some(ids[i].as_str())).chain(values).collect()
        })
        .collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    for object in FORMATS {
        round_trip(object, &columns, &rows, false).await;
        round_trip(object, &columns, &rows, true).await;
    }
    round_trip("d/", &columns, &rows, false).await;
}

#[tokio::test]
async fn one_column_of_nulls_survives() {
    for object in FORMATS {
        round_trip(object, &[("a", "text")], &[&[None], &[Some("")], &[Some("x")], &[None]], false).await;
    }
}

fn any_value(ty: usize) -> BoxedStrategy<Option<String>> {
    let (name, edges) = EDGES[ty];
    let edge = prop::sample::select(edges).prop_map(|v| v.to_string());
    let free: BoxedStrategy<String> = match name {
        "int64" => any::<i64>().prop_map(|v| v.to_string()).boxed(),
        "float64" => any::<f64>().prop_map(|v| format!("{v}").replace("inf", "Infinity")).boxed(),
        "float32" => any::<f32>().prop_map(|v| format!("{v}").replace("inf", "Infinity")).boxed(),
        "numeric" => "-?[1-9][0-9]{0,60}\\.[0-9]{1,30}".boxed(),
        "text" => any::<String>().boxed(),
        "json" => any::<String>().prop_map(|v| json!({ "v": v }).to_string()).boxed(),
        "text[]" => any::<Vec<Option<String>>>().prop_map(|v| json!(v).to_string()).boxed(),
        "bytes" => prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|v| format!("\\x{}", v.iter().map(|b| format!("{b:02x}")).collect::<String>()))
            .boxed(),
        _ => edge.clone().boxed(),
    };
    prop_oneof![1 => Just(None), 2 => edge.prop_map(Some), 4 => free.prop_map(Some)].boxed()
}

fn any_rows() -> impl Strategy<Value = Vec<Vec<Option<String>>>> {
    let one: Vec<_> = (0..EDGES.len()).map(any_value).collect();
    prop::collection::vec(one, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_values_survive_the_round_trip(rows in any_rows(), format in 0..FORMATS.len(), updates: bool) {
        let names: Vec<String> = (0..EDGES.len()).map(|i| format!("c{i}")).collect();
        let mut columns = vec![("id", "int64")];
        columns.extend(EDGES.iter().enumerate().map(|(i, (ty, _))| (names[i].as_str(), *ty)));
        let ids: Vec<String> = (0..rows.len()).map(|i| i.to_string()).collect();
        let rows: Vec<Vec<Option<&str>>> = rows
            .iter()
            .zip(&ids)
            .map(|(row, id)| std::iter::once(Some(id.as_str())).chain(row.iter().map(Option::as_deref)).collect())
            .collect();
        let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(round_trip(FORMATS[format], &columns, &rows, updates));
    }

    /// Whatever the bytes, a read ends with rows or a typed error.
    #[test]
    fn any_bytes_are_rows_or_a_typed_error(
        bytes in prop::collection::vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'{'), any::<u8>()], 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            for name in FORMATS {
                home.put(name, &bytes);
                if let Err(e) = home.read(&model(name, &[])).await {
                    assert_eq!(e.kind, ErrorKind::ModelQueryFailed, "{}", e.message);
                }
            }
        });
    }
}
