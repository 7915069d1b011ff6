//! Random values of every type come back equal, or their row is refused by the name of the column.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use futures::StreamExt;
use proptest::prelude::*;
use syncline_connector::{ReadFilter, ReadRequest, SourceItem};
use syncline_core::{LogicalType, RowResult, canon, text};

use super::fixture::{Fixture, INT, batch, sql_model, upsert};

/// Columns of every type, as a person would declare them and as we declare them.
const ROUND_TRIP: [(&str, &str); 19] = [
    ("BOOLEAN", "bool"),
    ("INTEGER", "int64"),
    ("REAL", "float64"),
    ("NUMERIC", "numeric"),
    ("NUMERIC TEXT", "numeric"),
    ("TEXT", "text"),
    ("STRING", "text"),
    ("BLOB", "bytes"),
    ("UUID", "uuid"),
    ("DATE", "date"),
    ("TIME", "time"),
    ("TIMESTAMP", "timestamp"),
    ("TIMESTAMPTZ", "timestamptz"),
    ("INTERVAL", "interval"),
    ("JSON", "json"),
    ("JSON TEXT", "json"),
    ("DATE TEXT", "date"),
    ("TIMESTAMP TEXT", "timestamp"),
    ("TIMESTAMPTZ TEXT", "timestamptz"),
];

fn canonical_text(ty: &str) -> BoxedStrategy<String> {
    let rendered = |array: ArrayRef, ty: LogicalType| text::render(&array, &ty, 0).unwrap_or_default();
    match ty {
        "bool" => any::<bool>().prop_map(|b| b.to_string()).boxed(),
        "int64" => any::<i64>().prop_map(|n| n.to_string()).boxed(),
        "float64" => prop_oneof![
            any::<f64>(),
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(-0.0),
            Just(9007199254740993.0)
        ]
        .prop_map(move |f| {
            rendered(Arc::new(arrow::array::Float64Array::from(vec![f])), LogicalType::Float64)
        })
        .boxed(),
        "numeric" => prop_oneof![
            "-?[1-9][0-9]{0,25}(\\.[0-9]{1,15})?",
            "-?0\\.[0-9]{1,20}",
            "-?[0-9]{1,4}\\.[0-9]{1,3}",
            Just("NaN".to_string()),
            Just("-Infinity".to_string()),
        ]
        .prop_map(|t| text::parse_numeric(&t).unwrap())
        .boxed(),
        "text" => {
            prop_oneof![any::<String>(), "[ +-]?[0-9]{0,20}\\.?[0-9]{0,4}(e[0-9])?", "\\PC*\0\\PC*"].boxed()
        }
        "bytes" => proptest::collection::vec(any::<u8>(), 0..20)
            .prop_map(move |b| {
                rendered(Arc::new(arrow::array::BinaryArray::from(vec![b.as_slice()])), LogicalType::Bytes)
            })
            .boxed(),
        "uuid" => any::<u128>().prop_map(|u| uuid::Uuid::from_u128(u).to_string()).boxed(),
        "date" => prop_oneof![any::<i32>(), -800_000..3_000_000i32, Just(i32::MAX), Just(i32::MIN)]
            .prop_map(move |d| {
                rendered(Arc::new(arrow::array::Date32Array::from(vec![d])), LogicalType::Date)
            })
            .boxed(),
        "time" => (0..=86_400_000_000i64)
            .prop_map(move |t| {
                rendered(Arc::new(arrow::array::Time64MicrosecondArray::from(vec![t])), LogicalType::Time)
            })
            .boxed(),
        "timestamp" | "timestamptz" => {
            let ty: LogicalType = ty.parse().unwrap();
            prop_oneof![
                any::<i64>(),
                -62_135_596_800_000_000..253_402_300_800_000_000i64,
                Just(i64::MAX),
                Just(i64::MIN)
            ]
            .prop_map(move |t| {
                rendered(Arc::new(arrow::array::TimestampMicrosecondArray::from(vec![t])), ty.clone())
            })
            .boxed()
        }
        "interval" => (any::<i32>(), any::<i32>(), -9_000_000_000_000_000..9_000_000_000_000_000i64)
            .prop_map(|(m, d, s)| {
                let v = arrow::datatypes::IntervalMonthDayNano::new(m, d, s / 1_000 * 1_000);
                text::render(
                    &arrow::array::IntervalMonthDayNanoArray::from(vec![v]),
                    &LogicalType::Interval,
                    0,
                )
                .unwrap()
            })
            .boxed(),
        "json" => prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>()
                .prop_filter("finite", |f| f.is_finite())
                .prop_map(|f| serde_json::json!(f).to_string()),
            "-?[1-9][0-9]{0,25}\\.[0-9]{0,5}0",
            any::<String>().prop_map(|s| serde_json::json!({ "k": [s, null, true] }).to_string()),
            Just("null".to_string()),
            Just("\"text\"".to_string()),
        ]
        .boxed(),
        other => panic!("no values for {other}"),
    }
}

fn canonical_bytes(array: &dyn Array, ty: &LogicalType, row: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    canon::encode(array, ty, row, &mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_back_equal_or_its_row_is_rejected_with_its_column(
        values in ROUND_TRIP.iter().map(|(_, ty)| proptest::option::weighted(0.9, canonical_text(ty))).collect::<Vec<_>>()
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let columns: Vec<String> = ROUND_TRIP.iter().enumerate().map(|(i, (d, _))| format!("c{i} {d}")).collect();
            let f = Fixture::new(&format!("PRAGMA synchronous = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, {});", columns.join(", ")));
            let names: Vec<String> = (0..ROUND_TRIP.len()).map(|i| format!("c{i}")).collect();
            let mut fields = vec![("id", INT)];
            fields.extend(names.iter().zip(&ROUND_TRIP).map(|(n, (_, ty))| (n.as_str(), ty.parse().unwrap())));
            // One row per value, so that one refusal hides no other value.
            let ids: Vec<String> = (0..values.len()).map(|i| i.to_string()).collect();
            let rows: Vec<Vec<Option<&str>>> = (0..values.len())
                .map(|row| {
                    let cells = values.iter().enumerate().map(|(i, v)| v.as_deref().filter(|_| i == row));
                    [Some(ids[row].as_str())].into_iter().chain(cells).collect()
                })
                .collect();
            let payload = batch(&fields, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let results = upsert(&f, &payload).await;
            let mut written = 0;
            let request = ReadRequest { model: sql_model("SELECT * FROM t ORDER BY id"), columns: None, filter: ReadFilter::All, order_by: vec![], identify: None };
            let mut stream = f.source().read(request).await.unwrap();
            let SourceItem::Batch(read) = stream.next().await.unwrap().unwrap() else { panic!("there are rows") };
            assert!(read.invalid.is_empty(), "{:?}", read.invalid);
            for (row, result) in results.iter().enumerate() {
                if let RowResult::Rejected(error) = result {
                    assert_eq!(error.field.as_deref(), Some(names[row].as_str()), "{error:?}");
                    assert!(
                        ["float64", "numeric", "text", "json"].contains(&ROUND_TRIP[row].1) && !ROUND_TRIP[row].0.contains("TEXT"),
                        "{error:?}"
                    );
                    continue;
                }
                let ty = LogicalType::of(payload.schema().field(row + 1)).unwrap();
                let stored_id = read.rows.column(0).as_primitive::<arrow::datatypes::Int64Type>().value(written);
                assert_eq!(stored_id, row as i64);
                assert_eq!(LogicalType::of(read.rows.schema().field(row + 1)).unwrap(), ty);
                assert_eq!(
                    canonical_bytes(read.rows.column(row + 1), &ty, written),
                    canonical_bytes(payload.column(row + 1), &ty, row),
                    "{} {:?}", ROUND_TRIP[row].0, values[row]
                );
                written += 1;
            }
            assert_eq!(written, read.rows.num_rows());
        });
    }
}
