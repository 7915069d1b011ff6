//! Values survive the way through every pair of systems: written to the first, read from it, written
//! to the second and read again, each row is what it was, or was refused by the name of its column.
//! And what was read once is read the same again, so that a second run has nothing to write.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use syncline_connector::conformance::DestinationFixture;
use syncline_connector::conformance::table::{self, Column, Row, everything};
use syncline_connector::conformance::values::{edges, is_same, types};
use syncline_connector::{Chunk, FieldRule, OpenRequest, ReadRequest};
use syncline_core::sync::{FieldWrite, Nulls, Publish, Target, WriteMode};
use syncline_core::{LogicalType, Op, RowResult, RunId, SyncUid, text};

use crate::systems::{files, postgres, sqlite};

/// Random tables per first system, besides the one of all edges.
const CASES: usize = 3;
const ROWS: usize = 40;

/// Repeats a run: `SYNCLINE_TEST_SEED=7 cargo test -p syncline-connectors --test connectors pairs`.
const SEED_VARIABLE: &str = "SYNCLINE_TEST_SEED";

struct System {
    name: &'static str,
    fixture: Box<dyn DestinationFixture>,
}

async fn systems() -> Vec<System> {
    let system = |name, fixture| System { name, fixture };
    vec![
        system("sqlite", Box::new(sqlite::Sqlite::new())),
        system("csv", Box::new(files::Files::new("csv"))),
        system("jsonl", Box::new(files::Files::new("jsonl"))),
        system("parquet", Box::new(files::Files::new("parquet"))),
        system("postgres", Box::new(postgres::Postgres::new().await)),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_sqlite_to_every_system() {
    through_every_pair("sqlite").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_csv_to_every_system() {
    through_every_pair("csv").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_jsonl_to_every_system() {
    through_every_pair("jsonl").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_parquet_to_every_system() {
    through_every_pair("parquet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_postgres_to_every_system() {
    through_every_pair("postgres").await;
}

async fn through_every_pair(first: &str) {
    let systems = systems().await;
    let first = systems.iter().find(|s| s.name == first).unwrap();
    let columns = columns();
    check(&systems, first, &columns, &edge_rows(&columns)).await;
    let seed = seed();
    // Shown when the test fails.
    println!("{SEED_VARIABLE}={seed}");
    let mut runner = runner(seed);
    for _ in 0..CASES {
        let rows = random_rows(&columns).new_tree(&mut runner).unwrap().current();
        check(&systems, first, &columns, &rows).await;
    }
}

/// Rows by their id.
type Rows = BTreeMap<usize, Row>;

async fn check(systems: &[System], first: &System, columns: &[Column], rows: &[Row]) {
    let at_first = deliver(first, columns, rows).await;
    assert_same(first.name, columns, rows, &at_first.rows);
    let again = read(first, &at_first.object, columns).await;
    assert_eq!(again.1, at_first.rows, "{}: a second read finds the same", first.name);
    let read: Vec<Row> = at_first.rows.into_values().collect();
    for second in systems {
        let pair = format!("{} to {}", first.name, second.name);
        let at_second = deliver(second, &at_first.columns, &read).await;
        assert_same(&pair, columns, rows, &at_second.rows);
    }
}

/// The rows that arrived are those that were sent.
fn assert_same(pair: &str, columns: &[Column], sent: &[Row], arrived: &Rows) {
    for (id, row) in arrived {
        for (i, (_, ty)) in columns.iter().enumerate() {
            let (sent, got) = (sent[*id][i].as_deref(), row[i].as_deref());
            assert!(is_same_value(ty, sent, got), "{pair}, {ty}: {sent:?} arrived as {got:?}");
        }
    }
}

/// A system may order the members of a JSON object and spell its numbers in its own way.
fn is_same_value(ty: &LogicalType, a: Option<&str>, b: Option<&str>) -> bool {
    let parsed = |text: Option<&str>| text.and_then(|t| serde_json::from_str::<serde_json::Value>(t).ok());
    is_same(ty, a, b) || (*ty == LogicalType::Json && parsed(a).is_some() && parsed(a) == parsed(b))
}

struct Delivered {
    object: String,
    /// With the types that the system reads them as.
    columns: Vec<Column>,
    rows: Rows,
}

/// Writes rows to a new object of a system and reads what arrived. Exactly those are missing that
/// the system says it refuses, each with a result that names the column.
async fn deliver(system: &System, columns: &[Column], rows: &[Row]) -> Delivered {
    let (fixture, destination) = (&system.fixture, system.fixture.destination());
    let object = fixture.new_object();
    let match_fields = vec![columns[0].0.clone()];
    destination.create(&object, &table::schema(columns), &match_fields).await.unwrap();
    let description = destination.describe(&object).await.unwrap().unwrap();
    let fields: Vec<Column> = match description.open_schema {
        true => columns.to_vec(),
        false => description.fields.iter().map(|f| (f.name.clone(), f.ty.clone())).collect(),
    };
    let request = OpenRequest {
        sync_uid: SyncUid::from_stored(format!("sync_{object}")),
        run_id: RunId::from_stored("run_1"),
        epoch: 1,
        plan_digest: "digest".into(),
        target: Target { object: object.clone(), match_fields },
        write_mode: WriteMode::Upsert,
        publish: Publish::Atomic,
        schema: table::schema(&fields),
        rules: vec![FieldRule { write: FieldWrite::Always, nulls: Nulls::Write }; fields.len()],
        flag: None,
        duplicates_accepted: false,
    };
    let payload = table::batch(&fields, rows);
    let chunk = Chunk { number: 0, ops: vec![Op::Create; rows.len()], payload, old_match: None };
    let mut session = destination.open(request).await.unwrap();
    let results = session.write(&chunk).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(results.len(), rows.len());

    let (columns_read, arrived) = read(system, &object, columns).await;
    for (row, result) in rows.iter().zip(&results) {
        let id: usize = row[0].as_ref().unwrap().parse().unwrap();
        let refused: Vec<&str> = columns
            .iter()
            .zip(row)
            .filter(|((_, ty), cell)| cell.as_ref().is_some_and(|text| fixture.refuses(ty, text)))
            .map(|((name, _), _)| name.as_str())
            .collect();
        match result {
            RowResult::Created { .. } => {
                assert!(refused.is_empty(), "{}: {refused:?} of {row:?} should be refused", system.name);
                assert!(arrived.contains_key(&id), "{}: {row:?} was written and is not there", system.name);
            }
            RowResult::Rejected(e) => {
                let names_it = e.field.as_deref().is_some_and(|field| refused.contains(&field));
                assert!(names_it, "{}: refused because of {refused:?}, but: {e:?}, {row:?}", system.name);
                assert!(!arrived.contains_key(&id), "{}: {row:?} was refused and is there", system.name);
            }
            other => panic!("{}: a new record was answered {other:?}", system.name),
        }
    }
    Delivered { object, columns: columns_read, rows: arrived }
}

async fn read(system: &System, object: &str, columns: &[Column]) -> (Vec<Column>, Rows) {
    let model = system.fixture.model(object, columns);
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    let request = ReadRequest { columns: Some(names), ..everything(&model) };
    let read = table::read(&*system.fixture.source(), request).await.unwrap();
    assert!(read.invalid.is_empty() && read.unreadable == 0, "{}: {:?}", system.name, read.invalid);
    let schema = read.schema.expect("rows arrive in batches");
    let column =
        |f: &std::sync::Arc<arrow::datatypes::Field>| (f.name().clone(), LogicalType::of(f).unwrap());
    let id = |row: &Row| row[0].as_ref().unwrap().parse().unwrap();
    let count = read.rows.len();
    let rows: Rows = read.rows.into_iter().map(|row| (id(&row), row)).collect();
    assert_eq!(rows.len(), count, "{}: every record is there once", system.name);
    (schema.fields().iter().map(column).collect(), rows)
}

/// A key and a column of every type.
fn columns() -> Vec<Column> {
    let column = |(i, ty): (usize, LogicalType)| (format!("v{i}"), ty);
    let key = ("id".to_string(), LogicalType::Int64);
    std::iter::once(key).chain(types().into_iter().enumerate().map(column)).collect()
}

/// One row per edge, so that a value that is refused takes no other with it; and one of NULLs.
fn edge_rows(columns: &[Column]) -> Vec<Row> {
    let mut rows: Vec<Row> = vec![vec![None; columns.len()]];
    for (i, (_, ty)) in columns.iter().enumerate().skip(1) {
        for text in edges(ty) {
            let mut row = vec![None; columns.len()];
            row[i] = Some(text.to_string());
            rows.push(row);
        }
    }
    number(rows)
}

fn number(mut rows: Vec<Row>) -> Vec<Row> {
    rows.iter_mut().enumerate().for_each(|(id, row)| row[0] = Some(id.to_string()));
    rows
}

fn seed() -> u64 {
    match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().expect("the seed is a number"),
        Err(_) => rand_seed(),
    }
}

fn rand_seed() -> u64 {
    u64::from_le_bytes(uuid::Uuid::new_v4().as_bytes()[..8].try_into().unwrap())
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn random_rows(columns: &[Column]) -> impl Strategy<Value = Vec<Row>> {
    let cells: Vec<_> = columns.iter().map(|(_, ty)| proptest::option::weighted(0.8, value(ty))).collect();
    proptest::collection::vec(cells, ROWS..=ROWS).prop_map(number)
}

/// A random value; now and then an edge, but seldom enough that most rows are refused nowhere.
fn value(ty: &LogicalType) -> BoxedStrategy<String> {
    let edge = proptest::sample::select(edges(ty)).prop_map(str::to_string);
    prop_oneof![1 => edge, 5 => random(ty)].boxed()
}

/// Canonical texts of a type.
fn random(ty: &LogicalType) -> BoxedStrategy<String> {
    use LogicalType::*;
    match ty {
        Bool => any::<bool>().prop_map(|v| v.to_string()).boxed(),
        Int16 => any::<i16>().prop_map(|v| v.to_string()).boxed(),
        Int32 => any::<i32>().prop_map(|v| v.to_string()).boxed(),
        Int64 => any::<i64>().prop_map(|v| v.to_string()).boxed(),
        Float32 => any::<f32>().prop_map(|v| v.to_string()).boxed(),
        Float64 => any::<f64>().prop_map(|v| v.to_string()).boxed(),
        Numeric(None) => "-?[1-9][0-9]{0,60}(\\.[0-9]{1,40})?".boxed(),
        Numeric(Some(_)) => "-?[1-9][0-9]{0,27}(\\.[0-9]{1,10})?".boxed(),
        Text => any::<String>().boxed(),
        Bytes => proptest::collection::vec(any::<u8>(), 0..40)
            .prop_map(|v| v.iter().fold("\\x".to_string(), |text, b| format!("{text}{b:02x}")))
            .boxed(),
        Uuid => any::<u128>().prop_map(|v| uuid::Uuid::from_u128(v).to_string()).boxed(),
        Date => {
            let (first, last) = (text::days_from_civil(1, 1, 1), text::days_from_civil(9999, 12, 31));
            let shown = |days| {
                let (year, month, day) = text::civil_from_days(days);
                format!("{year:04}-{month:02}-{day:02}")
            };
            (first..=last).prop_map(shown).boxed()
        }
        Time => (0..86_400_000_000u64)
            .prop_map(|v| {
                let (s, micros) = (v / 1_000_000, v % 1_000_000);
                format!("{:02}:{:02}:{:02}.{micros:06}", s / 3600, s / 60 % 60, s % 60)
            })
            .boxed(),
        Timestamp => (random(&Date), random(&Time)).prop_map(|(d, t)| format!("{d}T{t}")).boxed(),
        TimestampTz => (random(&Date), random(&Time)).prop_map(|(d, t)| format!("{d}T{t}Z")).boxed(),
        Interval => (-100_000..100_000i32, any::<i32>(), -1_000_000_000_000..1_000_000_000_000i64)
            .prop_map(|(months, days, micros)| {
                let (sign, size) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
                format!("P{months}M{days}DT{sign}{}.{:06}S", size / 1_000_000, size % 1_000_000)
            })
            .boxed(),
        Json => json().prop_map(|v| v.to_string()).boxed(),
        Array(item) => {
            let json = matches!(**item, Bool | Int16 | Int32 | Int64 | Float32 | Float64);
            let shown = move |cell: Option<String>| match cell {
                None => "null".to_string(),
                Some(text) if json => text,
                Some(text) => serde_json::Value::from(text).to_string(),
            };
            let cell = proptest::option::weighted(0.8, random(item)).prop_map(shown);
            proptest::collection::vec(cell, 0..5).prop_map(|cells| format!("[{}]", cells.join(","))).boxed()
        }
    }
}

/// Nested JSON. Its numbers are whole: systems spell fractions differently.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let members = proptest::collection::btree_map("[a-z\u{e9}\" ]{0,4}", inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
            members.prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}
