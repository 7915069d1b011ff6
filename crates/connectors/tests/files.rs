//! The `files` connector through its public traits, on real folders.

#![cfg(feature = "files")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use futures::StreamExt;
use proptest::prelude::*;
use serde_json::json;
use syncline_connector::{
    Chunk, Connection, ConnectionConfig, Consistency, Destination, FieldRule, InvalidRow, OpenRequest,
    ReadFilter, ReadRequest, Recovery, Session, Source, SourceItem, UnreadableRow,
};
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::{
    FieldWrite, FileFormat, FileModel, Model, ModelQuery, Nulls, Publish, Target, WriteMode,
};
use syncline_core::{Error, ErrorKind, LogicalType, Op, Result, RowResult, RunId, SyncUid, canon, text};
use tempfile::TempDir;

const FORMATS: [&str; 4] = ["t.csv", "t.tsv", "t.jsonl", "t.parquet"];

fn connect_with(folder: &Path, mut options: serde_json::Value) -> Connection {
    options["path"] = json!("data");
    let config = ConnectionConfig {
        name: "files".into(),
        type_name: "files".into(),
        options: options.as_object().unwrap().clone(),
        base_dir: folder.to_path_buf(),
    };
    syncline_connectors::registry().connect(&config).unwrap()
}

struct Home {
    dir: TempDir,
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
}

impl Home {
    fn with(options: serde_json::Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let connection = connect_with(dir.path(), options);
        fs::create_dir(dir.path().join("data")).unwrap();
        Self { dir, source: connection.source.unwrap(), destination: connection.destination.unwrap() }
    }

    fn new() -> Self {
        Self::with(json!({}))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("data").join(name)
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every name in the folder, hidden ones included.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(""))
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    async fn read(&self, model: &Model) -> Result<Read> {
        read(&*self.source, model, None).await
    }
}

#[derive(Debug)]
struct Read {
    rows: RecordBatch,
    invalid: Vec<InvalidRow>,
    unreadable: Vec<UnreadableRow>,
    consistency: Consistency,
}

impl Read {
    /// Canonical text of every value, NULL as `None`.
    fn texts(&self) -> Vec<Vec<Option<String>>> {
        let types: Vec<_> = self.rows.schema().fields().iter().map(|f| LogicalType::of(f).unwrap()).collect();
        (0..self.rows.num_rows())
            .map(|row| {
                let cell = |(i, ty)| text::render(self.rows.column(i), ty, row);
                types.iter().enumerate().map(cell).collect()
            })
            .collect()
    }

    fn types(&self) -> Vec<(String, String)> {
        let fields = self.rows.schema();
        fields.fields().iter().map(|f| (f.name().clone(), LogicalType::of(f).unwrap().to_string())).collect()
    }
}

async fn read(source: &dyn Source, model: &Model, columns: Option<Vec<String>>) -> Result<Read> {
    let request = ReadRequest { model: model.clone(), columns, filter: ReadFilter::All, order_by: vec![] };
    let mut stream = source.read(request).await?;
    let (mut batches, mut invalid, mut unreadable, mut end) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut before = 0;
    while let Some(item) = stream.next().await {
        assert!(end.is_none(), "nothing follows the end");
        match item? {
            SourceItem::End(e) => end = Some(e),
            SourceItem::Batch(batch) => {
                invalid.extend(batch.invalid.into_iter().map(|i| InvalidRow { row: i.row + before, ..i }));
                unreadable.extend(batch.unreadable);
                before += batch.rows.num_rows();
                batches.push(batch.rows);
            }
        }
    }
    let end = end.ok_or_else(|| Error::new(ErrorKind::SourceUnreachable, "cut off"))?;
    let schema = match batches.first() {
        Some(batch) => batch.schema(),
        None => source.describe(model).await?,
    };
    let rows = concat_batches(&schema, &batches).unwrap();
    Ok(Read { rows, invalid, unreadable, consistency: end.consistency })
}

fn file_model(path: &str) -> FileModel {
    FileModel { path: path.into(), format: None, types: BTreeMap::new(), delimiter: None, null: None }
}

fn model_of(file: FileModel) -> Model {
    Model {
        query: ModelQuery::File(file),
        key: vec!["id".into()],
        cursor: None,
        timeout: Duration::from_secs(10),
    }
}

fn model(path: &str, types: &[(&str, &str)]) -> Model {
    let types = types.iter().map(|(name, ty)| (name.to_string(), ty.parse().unwrap())).collect();
    model_of(FileModel { types, ..file_model(path) })
}

fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|v| v.map(str::to_string)).collect()
}

/// A batch from canonical texts; one column per name and type.
fn batch(columns: &[(&str, &str)], rows: &[&[Option<&str>]]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (i, (name, ty)) in columns.iter().enumerate() {
        let ty: LogicalType = ty.parse().unwrap();
        let (array, bad) = text::parse(&rows.iter().map(|r| r[i]).collect::<Vec<_>>(), &ty);
        assert!(bad.is_empty(), "{name}: {bad:?}");
        fields.push(ty.field(name, true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

const ALWAYS: FieldRule = FieldRule { write: FieldWrite::Always, nulls: Nulls::Write };

fn request(object: &str, mode: WriteMode, schema: &RecordBatch, run: &str) -> OpenRequest {
    let append = mode == WriteMode::Append;
    OpenRequest {
        sync_uid: SyncUid::from_stored("sync_1"),
        run_id: RunId::from_stored(run),
        epoch: 1,
        plan_digest: "plan".into(),
        target: Target {
            object: object.into(),
            match_fields: if append { vec![] } else { vec!["id".into()] },
        },
        write_mode: mode,
        publish: Publish::Atomic,
        schema: schema.schema(),
        rules: vec![ALWAYS; schema.num_columns()],
        flag: None,
        duplicates_accepted: false,
    }
}

fn chunk(number: u32, op: Op, payload: &RecordBatch) -> Chunk {
    Chunk { number, ops: vec![op; payload.num_rows()], payload: payload.clone(), old_match: None }
}

async fn deliver(home: &Home, request: OpenRequest, chunk: &Chunk) -> Result<Vec<RowResult>> {
    let mut session = home.destination.open(request).await?;
    let results = session.write(chunk).await?;
    session.commit().await?;
    Ok(results)
}

fn names(results: &[RowResult]) -> Vec<&'static str> {
    let name = |r: &RowResult| match r {
        RowResult::Created { .. } => "created",
        RowResult::Updated { .. } => "updated",
        RowResult::Removed => "removed",
        RowResult::Exists => "exists",
        RowResult::Absent => "absent",
        RowResult::Rejected(_) => "rejected",
        RowResult::Unknown(_) => "unknown",
    };
    results.iter().map(name).collect()
}

const CONTACT: [(&str, &str); 2] = [("id", "int64"), ("name", "text")];

fn contacts(rows: &[(&str, Option<&str>)]) -> RecordBatch {
    let rows: Vec<[Option<&str>; 2]> = rows.iter().map(|(id, name)| [Some(*id), *name]).collect();
    batch(&CONTACT, &rows.iter().map(|r| r.as_slice()).collect::<Vec<_>>())
}

// Source

#[tokio::test]
async fn csv_tells_null_from_empty_and_types_by_the_model() {
    let home = Home::new();
    home.put("c.csv", "\u{feff}id;name;note\r\n1;\"\";x\r\n2;;\"a;\"\"b\"\"\r\n\"\r\nNULL;N;y\r\n");
    let file = FileModel { delimiter: Some(';'), null: Some("NULL".into()), ..file_model("c.csv") };
    let file = FileModel { types: BTreeMap::from([("id".into(), LogicalType::Int64)]), ..file };
    let read = home.read(&model_of(file)).await.unwrap();
    assert_eq!(read.types()[0], ("id".into(), "int64".into()));
    let expected = [
        row(&[Some("1"), Some(""), Some("x")]),
        row(&[Some("2"), None, Some("a;\"b\"\r\n")]),
        row(&[None, Some("N"), Some("y")]),
    ];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.consistency, Consistency::Snapshot);
}

#[tokio::test]
async fn bad_csv_rows_are_reported_with_their_place_and_the_read_goes_on() {
    let home = Home::new();
    home.put("c.csv", b"id,n\n1,1\n2\n3,\xff\n4,x\n5,\"a\"b\n6,6\n");
    let read = home.read(&model("c.csv", &[("id", "int64"), ("n", "int64")])).await.unwrap();
    let places: Vec<&str> = read.unreadable.iter().map(|u| u.place.as_str()).collect();
    assert_eq!(places, ["c.csv:3", "c.csv:4", "c.csv:6"]);
    assert!(read.unreadable[0].error.message.contains("expected 2 fields, found 1"));
    assert!(read.unreadable[1].error.message.contains("offset 13 "), "{:?}", read.unreadable[1]);
    let expected = [row(&[Some("1"), Some("1")]), row(&[Some("4"), None]), row(&[Some("6"), Some("6")])];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.invalid.len(), 1);
    assert_eq!(read.invalid[0].row, 1);
    assert_eq!(read.invalid[0].error.field.as_deref(), Some("n"));
    assert_eq!(read.invalid[0].error.raw_value.as_deref(), Some("x"));
}

#[tokio::test]
async fn files_of_a_pattern_are_read_in_name_order_and_must_agree() {
    let home = Home::new();
    home.put("b.csv", "name,id\nB,2\n");
    home.put("a.csv", "id,name\n1,A\n");
    let all = model("*.csv", &[("id", "int64")]);
    assert_eq!(
        home.read(&all).await.unwrap().texts(),
        [row(&[Some("1"), Some("A")]), row(&[Some("2"), Some("B")])]
    );
    let columns = Some(vec!["name".to_string()]);
    assert_eq!(
        read(&*home.source, &all, columns).await.unwrap().texts(),
        [row(&[Some("A")]), row(&[Some("B")])]
    );
    home.put("c.csv", "id,title\n3,C\n");
    let e = home.read(&all).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::ModelQueryFailed);
    assert!(e.message.contains("c.csv") && e.message.contains("'name'"), "{}", e.message);
}

#[tokio::test]
async fn what_is_absent_or_empty_is_never_an_empty_read() {
    let home = Home::new();
    home.put("empty.csv", "");
    home.put("open.csv", "id\n\"1\n");
    home.put("cut.jsonl", "{\"id\":1}\n{\"id\":");
    home.put("no.parquet", "PAR1");
    for pattern in ["none*.csv", "empty.csv", "open.csv", "cut.jsonl", "no.parquet", "../data/empty.csv"] {
        let e = home.read(&model(pattern, &[])).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::ModelQueryFailed, "{pattern}: {}", e.message);
    }
    fs::remove_dir_all(home.path("")).unwrap();
    let gone = home.read(&model("empty.csv", &[])).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::SourceUnreachable, "the folder may be a mount");
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_a_source_failure() {
    let home = Home::new();
    for name in ["t.csv", "t.jsonl"] {
        let line = |i: u32| if name == "t.csv" { format!("{i}\n") } else { format!("{{\"id\":{i}}}\n") };
        let head = if name == "t.csv" { "id\n" } else { "" };
        home.put(name, head.to_string() + &(0..100_000).map(line).collect::<String>());
        let request =
            ReadRequest { model: model(name, &[]), columns: None, filter: ReadFilter::All, order_by: vec![] };
        let mut stream = home.source.read(request).await.unwrap();
        stream.next().await.unwrap().unwrap();
        // Batches are read two ahead, so the reader is still far from the end.
        let grown = home.text(name) + &line(7);
        home.put(name, grown);
        let mut last = None;
        while let Some(item) = stream.next().await {
            last = Some(item);
        }
        let e = last.unwrap().unwrap_err();
        assert_eq!(e.kind, ErrorKind::SourceUnreachable, "{}", e.message);
        assert!(e.message.contains("changed while it was read"));
    }
}

#[tokio::test]
async fn json_lines_are_typed_by_the_model_or_by_all_their_values() {
    let home = Home::new();
    home.put(
        "a.jsonl",
        "{\"id\":9007199254740993,\"v\":0.12345678901234567890,\"o\":{\"a\": 1.10}}\nnonsense\n",
    );
    home.put("b.jsonl", "{\"id\":\"x\",\"new\":true}\n\n{\"o\":null,\"d\":\"2025-01-31\"}");
    let read = home.read(&model("*.jsonl", &[("id", "int64"), ("d", "date"), ("z", "text")])).await.unwrap();
    let types: Vec<String> = read.types().into_iter().map(|(n, t)| format!("{n} {t}")).collect();
    assert_eq!(types, ["id int64", "v numeric", "o json", "new bool", "d date", "z text"]);
    let expected = [
        row(&[
            Some("9007199254740993"),
            Some("0.12345678901234567890"),
            Some("{\"a\": 1.10}"),
            None,
            None,
            None,
        ]),
        row(&[None, None, None, Some("true"), None, None]),
        row(&[None, None, None, None, Some("2025-01-31"), None]),
    ];
    assert_eq!(read.texts(), expected);
    assert_eq!(read.unreadable[0].place, "a.jsonl:2");
    assert_eq!((read.invalid[0].row, read.invalid[0].error.raw_value.as_deref()), (1, Some("x")));
}

#[tokio::test]
async fn discover_lists_files_with_their_columns() {
    let home = Home::new();
    home.put("a.csv", "id,name\n");
    home.put("broken.parquet", "x");
    home.put("notes.txt", "x");
    let found = home.source.discover().await.unwrap();
    let found: Vec<(String, usize)> = found.into_iter().map(|s| (s.name, s.schema.fields().len())).collect();
    assert_eq!(found, [("a.csv".to_string(), 2), ("broken.parquet".to_string(), 0)]);
    assert!(home.source.check().await.unwrap().contains("2 readable files"));
}

/// Reads a cut file: an error, or exactly the rows before a record boundary.
async fn whole_or_error(home: &Home, name: &str, bytes: &[u8], boundaries: &[usize]) {
    for end in 0..bytes.len() {
        home.put(name, &bytes[..end]);
        match home.read(&model(name, &[])).await {
            Err(e) => assert_eq!(e.kind, ErrorKind::ModelQueryFailed, "{end}: {}", e.message),
            Ok(read) => {
                assert!(boundaries.contains(&end), "{name} cut at {end} was read as {:?}", read.texts());
                assert!(read.unreadable.is_empty() && read.invalid.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_file_cut_at_any_byte_is_never_a_short_read_except_between_records() {
    let home = Home::new();
    let csv = "id,name\r\n1,\"a\nb\"\r\n22,hello\r\n";
    // After CR and after LF the record is complete.
    whole_or_error(&home, "t.csv", csv.as_bytes(), &[8, 9, 17, 18, 27]).await;
    let jsonl = "{\"id\":1}\n{\"id\":22,\"n\":\"x\"}\n";
    whole_or_error(&home, "t.jsonl", jsonl.as_bytes(), &[0, 8, 9, 26]).await;
    let rows = contacts(&[("1", Some("a")), ("2", None), ("3", Some(""))]);
    deliver(&home, request("t.parquet", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    let bytes = fs::read(home.path("t.parquet")).unwrap();
    whole_or_error(&home, "cut.parquet", &bytes, &[]).await;
}

#[tokio::test]
async fn a_missing_final_line_break_is_read_only_when_the_connection_says_so() {
    let home = Home::with(json!({"final_newline": "optional"}));
    home.put("c.csv", "id\n1\n2");
    assert_eq!(home.read(&model("c.csv", &[])).await.unwrap().rows.num_rows(), 2);
    home.put("c.csv", "id,n\n1,1\n2");
    assert!(home.read(&model("c.csv", &[])).await.is_err(), "the last record is cut off anyway");
}

// Round trips

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

// Destination

async fn current(home: &Home, object: &str) -> Vec<Vec<Option<String>>> {
    home.read(&model(object, &CONTACT)).await.unwrap().texts()
}

#[tokio::test]
async fn write_modes_say_what_they_did() {
    for object in FORMATS {
        let home = Home::new();
        let first = contacts(&[("1", Some("a")), ("2", Some("b"))]);
        let results = deliver(
            &home,
            request(object, WriteMode::Insert, &first, "run_1"),
            &chunk(0, Op::Create, &first),
        )
        .await;
        assert_eq!(names(&results.unwrap()), ["created", "created"]);
        let second = contacts(&[("2", Some("B")), ("3", None)]);
        for (mode, expected, names_after) in [
            (WriteMode::Insert, ["exists", "created"], vec![Some("a"), Some("b"), None]),
            (WriteMode::Update, ["updated", "updated"], vec![Some("a"), Some("B"), None]),
            (WriteMode::Upsert, ["updated", "updated"], vec![Some("a"), Some("B"), None]),
        ] {
            let run = format!("run_{mode:?}");
            let results =
                deliver(&home, request(object, mode, &second, &run), &chunk(0, Op::Update, &second))
                    .await
                    .unwrap();
            assert_eq!(names(&results), expected, "{object} {mode:?}");
            let now: Vec<Option<String>> =
                current(&home, object).await.into_iter().map(|r| r[1].clone()).collect();
            assert_eq!(now, row(&names_after), "{object} {mode:?}");
        }
        let unknown = contacts(&[("9", Some("z"))]);
        let results = deliver(
            &home,
            request(object, WriteMode::Update, &unknown, "run_u"),
            &chunk(0, Op::Update, &unknown),
        )
        .await;
        assert_eq!(names(&results.unwrap()), ["absent"]);
        let gone = contacts(&[("1", None), ("8", None)]);
        let remove = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
        let results =
            deliver(&home, request(object, WriteMode::Mirror, &gone, "run_d"), &remove).await.unwrap();
        assert_eq!(names(&results), ["removed", "removed"]);
        assert_eq!(current(&home, object).await, [row(&[Some("2"), Some("B")]), row(&[Some("3"), None])]);
    }
}

#[tokio::test]
async fn removals_can_clear_or_flag() {
    for object in FORMATS {
        let home = Home::new();
        let rows = contacts(&[("1", Some("a")), ("2", Some("b"))]);
        let mut req = request(object, WriteMode::Mirror, &rows, "run_1");
        req.flag = Some(("gone".into(), "true".into()));
        deliver(&home, req.clone(), &chunk(0, Op::Create, &rows)).await.unwrap();
        let payload = contacts(&[("1", None), ("2", None)]);
        let mut removal = chunk(1, Op::Remove(RemovalAction::Clear), &payload);
        removal.ops[1] = Op::Remove(RemovalAction::Flag);
        deliver(&home, req, &removal).await.unwrap();
        let read =
            home.read(&model(object, &[("id", "int64"), ("name", "text"), ("gone", "bool")])).await.unwrap();
        let expected = [row(&[Some("1"), None, None]), row(&[Some("2"), Some("b"), Some("true")])];
        assert_eq!(read.texts(), expected, "{object}");
    }
}

#[tokio::test]
async fn a_flag_of_now_is_the_time_of_the_write() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    let mut req = request("t.csv", WriteMode::Mirror, &rows, "run_1");
    req.flag = Some(("gone_at".into(), "now".into()));
    deliver(&home, req.clone(), &chunk(0, Op::Create, &rows)).await.unwrap();
    deliver(&home, req.clone(), &chunk(1, Op::Remove(RemovalAction::Flag), &rows)).await.unwrap();
    let read = home.read(&model("t.csv", &[("gone_at", "timestamptz")])).await.unwrap();
    assert!(read.invalid.is_empty());
    let at: jiff::Timestamp = read.texts()[0][2].clone().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now() - at).total(jiff::Unit::Second).unwrap().abs() < 60.0);
    req.flag = Some(("id".into(), "soon".into()));
    let e = home.destination.open(req).await.err().unwrap();
    assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{}", e.message);
}

#[tokio::test]
async fn field_rules_protect_what_is_there() {
    const FIELDS: [(&str, &str); 4] = [("id", "int64"), ("once", "text"), ("fill", "text"), ("keep", "text")];
    for object in FORMATS {
        let home = Home::new();
        let first = batch(
            &FIELDS,
            &[
                &[Some("1"), Some("a"), Some("a"), Some("a")],
                &[Some("2"), None, None, None],
                &[Some("3"), Some(""), Some(""), Some("")],
            ],
        );
        let mut req = request(object, WriteMode::Upsert, &first, "run_1");
        req.rules[1].write = FieldWrite::CreateOnly;
        req.rules[2].write = FieldWrite::IfEmpty;
        req.rules[3].nulls = Nulls::Skip;
        deliver(&home, req.clone(), &chunk(0, Op::Create, &first)).await.unwrap();
        let second = batch(
            &FIELDS,
            &[
                &[Some("1"), Some("b"), Some("b"), None],
                &[Some("2"), Some("b"), Some("b"), Some("b")],
                &[Some("3"), Some("b"), Some("b"), None],
            ],
        );
        deliver(&home, req, &chunk(1, Op::Update, &second)).await.unwrap();
        let expected = [
            row(&[Some("1"), Some("a"), Some("a"), Some("a")]),
            row(&[Some("2"), None, Some("b"), Some("b")]),
            row(&[Some("3"), Some(""), Some("b"), Some("")]),
        ];
        assert_eq!(home.read(&model(object, &FIELDS)).await.unwrap().texts(), expected, "{object}");
    }
}

#[tokio::test]
async fn records_may_take_each_others_match_values() {
    for object in FORMATS {
        let home = Home::new();
        let first = contacts(&[("1", Some("a")), ("2", Some("b")), ("3", Some("c")), ("4", Some("d"))]);
        deliver(&home, request(object, WriteMode::Upsert, &first, "run_1"), &chunk(0, Op::Create, &first))
            .await
            .unwrap();
        // 1 and 2 swap, 3 becomes 5, a new 3 appears, and 4 wants the value 1, which is taken again.
        let payload = contacts(&[("2", Some("a")), ("1", Some("b")), ("5", Some("c")), ("3", Some("new"))]);
        let old = batch(&[("id", "int64")], &[&[Some("1")], &[Some("2")], &[Some("3")], &[None]]);
        let moves = Chunk { old_match: Some(old), ..chunk(0, Op::Update, &payload) };
        let mut session =
            home.destination.open(request(object, WriteMode::Upsert, &payload, "run_2")).await.unwrap();
        assert_eq!(
            names(&session.write(&moves).await.unwrap()),
            ["updated", "updated", "updated", "created"]
        );
        let payload = contacts(&[("1", Some("d"))]);
        let old = batch(&[("id", "int64")], &[&[Some("4")]]);
        let taken = Chunk { old_match: Some(old), ..chunk(1, Op::Update, &payload) };
        assert_eq!(names(&session.write(&taken).await.unwrap()), ["rejected"]);
        session.commit().await.unwrap();
        let expected = [("2", "a"), ("1", "b"), ("5", "c"), ("4", "d"), ("3", "new")];
        let expected: Vec<_> = expected.iter().map(|(id, name)| row(&[Some(id), Some(name)])).collect();
        assert_eq!(current(&home, object).await, expected, "{object}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_written_are_rejected_and_the_others_arrive() {
    let home = Home::new();
    let columns = [("id", "int64"), ("doc", "json")];
    let good = batch(&columns, &[&[Some("1"), Some("{}")], &[None, Some("{}")], &[Some("3"), Some("[]")]]);
    // Canonical json is valid; a source that lies must not spoil the file.
    let docs = arrow::array::StringArray::from(vec!["{}", "{}", "{"]);
    let payload = RecordBatch::try_new(good.schema(), vec![good.column(0).clone(), Arc::new(docs)]).unwrap();
    let results = deliver(
        &home,
        request("t.jsonl", WriteMode::Upsert, &payload, "run_1"),
        &chunk(0, Op::Create, &payload),
    )
    .await
    .unwrap();
    assert_eq!(names(&results), ["created", "rejected", "rejected"]);
    let fields: Vec<Option<&str>> = results
        .iter()
        .map(|r| if let RowResult::Rejected(e) = r { e.field.as_deref() } else { None })
        .collect();
    assert_eq!(fields, [None, Some("id"), Some("doc")]);
    assert_eq!(home.text("t.jsonl"), "{\"id\":1,\"doc\":{}}\n");
}

#[tokio::test]
async fn an_existing_file_keeps_its_other_columns_records_and_order() {
    let home = Home::new();
    home.put("t.csv", "\u{feff}note,name,id\r\n\"x, y\",old,007\r\nkept,\"\",abc\r\n,c,3");
    let rows = contacts(&[("7", Some("new")), ("9", None)]);
    deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
        .await
        .unwrap();
    let expected = "\u{feff}note,name,id\r\n\"x, y\",new,007\r\nkept,\"\",abc\r\n,c,3\r\n,,9\r\n";
    assert_eq!(home.text("t.csv"), expected);
    home.put("t.jsonl", "{\"x\": 1.10, \"id\": 7, \"name\": \"old\"}\n{\"other\":[1, 2]}\n");
    deliver(&home, request("t.jsonl", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
        .await
        .unwrap();
    let expected = "{\"x\":1.10,\"id\":7,\"name\":\"new\"}\n{\"other\":[1, 2]}\n{\"id\":9,\"name\":null}\n";
    assert_eq!(home.text("t.jsonl"), expected);
}

#[tokio::test]
async fn an_existing_file_that_does_not_fit_is_refused_and_left_alone() {
    let home = Home::new();
    let rows = contacts(&[("7", Some("new"))]);
    for (name, content, says) in [
        ("missing.csv", "id\n1\n", "'name'"),
        ("twice.csv", "id,name\n1,a\n01,b\n", "id = '1'"),
        ("ragged.csv", "id,name\n1\n2,b\n", "ragged.csv:2"),
        ("open.csv", "id,name\n1,\"a\n", "open.csv:2"),
        ("bad.jsonl", "{\"id\":1}\nx\n", "bad.jsonl:2"),
        ("bad.parquet", "nonsense", "bad.parquet"),
    ] {
        home.put(name, content);
        let result =
            deliver(&home, request(name, WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Update, &rows))
                .await;
        let e = result.unwrap_err();
        assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{name}: {}", e.message);
        assert!(e.message.contains(says), "{name}: {}", e.message);
        assert_eq!(home.text(name), content);
    }
    let typed = batch(&[("id", "text"), ("name", "text")], &[&[Some("7"), None]]);
    deliver(&home, request("t.parquet", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    let e =
        home.destination.open(request("t.parquet", WriteMode::Upsert, &typed, "run_2")).await.err().unwrap();
    assert!(e.message.contains("'id'") && e.message.contains("int64"), "{}", e.message);
}

#[tokio::test]
async fn nothing_shows_before_commit_and_nothing_stays_without_it() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    for object in ["t.csv", "sub/deep/t.parquet", "d/"] {
        let mode = if object == "d/" { WriteMode::Append } else { WriteMode::Upsert };
        let op = if object == "d/" { Op::Append } else { Op::Create };
        let mut session = home.destination.open(request(object, mode, &rows, "run_1")).await.unwrap();
        session.write(&chunk(0, op, &rows)).await.unwrap();
        assert!(home.source.discover().await.unwrap().is_empty(), "{object}");
        drop(session);
        let mut session = home.destination.open(request(object, mode, &rows, "run_1")).await.unwrap();
        session.write(&chunk(0, op, &rows)).await.unwrap();
        session.rollback().await.unwrap();
        session.commit().await.unwrap();
        assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
        assert!(home.source.discover().await.unwrap().is_empty(), "{object}");
    }
    let left: Vec<String> = home.names().into_iter().filter(|n| n.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn committed_chunks_are_recovered_by_any_later_session() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    for object in ["t.csv", "t.jsonl", "d/"] {
        let req = |run: &str| request(object, WriteMode::Append, &rows, run);
        deliver(&home, req("run_1"), &chunk(0, Op::Append, &rows)).await.unwrap();
        deliver(&home, req("run_1"), &chunk(1, Op::Append, &rows)).await.unwrap();
        let mut session = home.destination.open(OpenRequest { epoch: 2, ..req("run_1") }).await.unwrap();
        let mut outcomes = Vec::new();
        for number in 0..3 {
            outcomes.push(session.recover(number).await.unwrap());
        }
        assert_eq!(outcomes, [Recovery::Committed, Recovery::Committed, Recovery::NotApplied], "{object}");
        let late = home.destination.open(req("run_1")).await.err().unwrap();
        assert_eq!(late.kind, ErrorKind::Fenced);
    }
}

#[tokio::test]
async fn a_chunk_sent_twice_is_one_file_of_a_dataset() {
    let home = Home::with(json!({"format": "jsonl"}));
    let rows = contacts(&[("1", Some("a")), ("2", None)]);
    for _ in 0..2 {
        let req = request("d/", WriteMode::Append, &rows, "run_1");
        deliver(&home, req, &chunk(3, Op::Append, &rows)).await.unwrap();
    }
    let files: Vec<String> = fs::read_dir(home.path("d"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|n| !n.starts_with('.'))
        .collect();
    assert_eq!(files, ["run_1-000003.jsonl"]);
    assert_eq!(home.text("d/run_1-000003.jsonl"), "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n");
    // A consumer takes the file; the chunk is still known to have been delivered.
    fs::remove_file(home.path("d/run_1-000003.jsonl")).unwrap();
    let mut session = home.destination.open(request("d/", WriteMode::Append, &rows, "run_1")).await.unwrap();
    assert_eq!(session.recover(3).await.unwrap(), Recovery::Committed);
    let upsert = home.destination.open(request("d/", WriteMode::Upsert, &rows, "run_1")).await.err().unwrap();
    assert_eq!(upsert.kind, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn an_edit_during_the_run_is_never_overwritten() {
    let home = Home::new();
    home.put("t.csv", "id,name\n1,a\n");
    let rows = contacts(&[("2", Some("b"))]);
    let mut session =
        home.destination.open(request("t.csv", WriteMode::Upsert, &rows, "run_1")).await.unwrap();
    session.write(&chunk(0, Op::Create, &rows)).await.unwrap();
    home.put("t.csv", "id,name\n1,edited\n");
    let e = session.commit().await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::DestinationUnreachable, "{}", e.message);
    assert_eq!(home.text("t.csv"), "id,name\n1,edited\n");
    let results =
        deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
            .await;
    assert_eq!(names(&results.unwrap()), ["created"]);
    assert_eq!(home.text("t.csv"), "id,name\n1,edited\n2,b\n");
}

#[tokio::test]
async fn a_deleted_target_is_noticed_and_an_edited_one_is_not() {
    let home = Home::new();
    let rows = contacts(&[("1", Some("a"))]);
    let deliver_run = |run: &'static str| {
        let rows = rows.clone();
        let home = &home;
        async move {
            deliver(home, request("t.csv", WriteMode::Upsert, &rows, run), &chunk(0, Op::Create, &rows))
                .await
                .unwrap();
        }
    };
    let seen = || async { home.destination.describe("t.csv").await.unwrap().unwrap() };
    let before = seen().await;
    assert!(before.open_schema && before.fields.is_empty() && before.not_writable.is_none());
    deliver_run("run_1").await;
    let first = seen().await;
    assert_ne!(first.incarnation, before.incarnation);
    assert_eq!(first.identity, before.identity);
    home.put("t.csv", "id,name\n1,edited\n5,mine\n");
    deliver_run("run_2").await;
    let second = seen().await;
    assert_eq!(second.incarnation, first.incarnation);
    assert_eq!((second.open_schema, second.fields.len()), (first.open_schema, first.fields.len()));
    fs::remove_file(home.path("t.csv")).unwrap();
    let gone = seen().await.incarnation;
    assert_ne!(gone, first.incarnation);
    deliver_run("run_3").await;
    assert!(![gone, first.incarnation.clone()].contains(&seen().await.incarnation));
    fs::remove_dir_all(home.path("")).unwrap();
    assert_ne!(seen().await.incarnation, first.incarnation, "even when the ledger went too");
}

#[tokio::test]
async fn objects_that_cannot_be_written_say_so_beforehand() {
    let home = Home::with(json!({"create_folders": false}));
    for bad in ["../t.csv", "/tmp/t.csv", "t.txt", ".hidden.csv", "t"] {
        let e = home.destination.describe(bad).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::DestinationUnsuitable, "{bad}: {}", e.message);
    }
    let described = home.destination.describe("sub/t.csv").await.unwrap().unwrap();
    assert!(described.not_writable.unwrap().contains("create_folders"));
    let rows = contacts(&[]);
    assert!(home.destination.open(request("sub/t.csv", WriteMode::Upsert, &rows, "run_1")).await.is_err());
    assert!(home.names().is_empty(), "describing and refusing write nothing");
}

#[tokio::test]
async fn large_changes_spill_and_many_chunks_merge_in_one_commit() {
    let home = Home::new();
    let wide = "x".repeat(100_000);
    let mut session: Option<Box<dyn Session>> = None;
    for number in 0..5u32 {
        let ids: Vec<String> = (0..100).map(|i| (number * 100 + i).to_string()).collect();
        let rows = contacts(&ids.iter().map(|id| (id.as_str(), Some(wide.as_str()))).collect::<Vec<_>>());
        if session.is_none() {
            let req = request("t.jsonl", WriteMode::Upsert, &rows, "run_1");
            session = Some(home.destination.open(req).await.unwrap());
        }
        session.as_mut().unwrap().write(&chunk(number, Op::Create, &rows)).await.unwrap();
    }
    session.unwrap().commit().await.unwrap();
    let read = current(&home, "t.jsonl").await;
    assert_eq!(read.len(), 500);
    assert!(
        read.iter().enumerate().all(|(i, r)| r[0] == Some(i.to_string()) && r[1].as_deref() == Some(&wide))
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_rewritten_file_keeps_its_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.put("t.csv", "id,name\n");
    fs::set_permissions(home.path("t.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    let rows = contacts(&[("1", None)]);
    deliver(&home, request("t.csv", WriteMode::Upsert, &rows, "run_1"), &chunk(0, Op::Create, &rows))
        .await
        .unwrap();
    assert_eq!(fs::metadata(home.path("t.csv")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn the_options_are_checked_and_described() {
    let registry = syncline_connectors::registry();
    let spec = registry.spec("files").unwrap();
    let schema = (spec.options_schema)();
    assert_eq!(schema["properties"]["path"]["type"], "string");
    assert_eq!(schema["required"], json!(["path"]));
    let config = |options: serde_json::Value| ConnectionConfig {
        name: "f".into(),
        type_name: "files".into(),
        options: options.as_object().unwrap().clone(),
        base_dir: ".".into(),
    };
    assert!(registry.connect(&config(json!({"path": "x", "format": "jsonl"}))).is_ok());
    for bad in [json!({}), json!({"path": "x", "paht": "y"}), json!({"path": "x", "format": "xml"})] {
        assert_eq!(registry.connect(&config(bad)).err().unwrap().kind, ErrorKind::InvalidConfig);
    }
    assert_eq!(FileFormat::Csv, serde_json::from_value(json!("csv")).unwrap());
}

/// Two syncs may share a file; each knows only its own runs.
#[tokio::test]
async fn syncs_that_share_a_file_keep_their_own_ledger() {
    let home = Home::new();
    let other = |run: &str, rows: &RecordBatch| OpenRequest {
        sync_uid: SyncUid::from_stored("sync_2"),
        ..request("t.csv", WriteMode::Upsert, rows, run)
    };
    let (first, second) = (contacts(&[("1", Some("a"))]), contacts(&[("2", Some("b"))]));
    let mine = request("t.csv", WriteMode::Upsert, &first, "run_1");
    deliver(&home, mine.clone(), &chunk(0, Op::Create, &first)).await.unwrap();
    deliver(&home, other("run_2", &second), &chunk(0, Op::Create, &second)).await.unwrap();
    assert_eq!(home.text("t.csv"), "id,name\n1,a\n2,b\n");
    for request in [mine, other("run_2", &second)] {
        let mut session = home.destination.open(request).await.unwrap();
        assert_eq!(session.recover(0).await.unwrap(), Recovery::Committed);
    }
    let mut session = home.destination.open(other("run_1", &second)).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn a_damaged_parquet_file_is_a_typed_error_at_any_byte() {
    let home = Home::new();
    let rows = batch(
        &[("id", "int64"), ("name", "text"), ("tags", "text[]"), ("at", "timestamptz")],
        &[
            &[Some("1"), Some("a"), Some("[\"x\",null]"), Some("2025-01-31T00:00:00Z")],
            &[Some("2"), None, None, None],
        ],
    );
    let req = request("t.parquet", WriteMode::Upsert, &rows, "run_1");
    deliver(&home, req, &chunk(0, Op::Create, &rows)).await.unwrap();
    let whole = fs::read(home.path("t.parquet")).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= [0x01, 0x80, 0xff][at % 3];
        home.put("t.parquet", &damaged);
        if let Err(e) = home.read(&model("t.parquet", &[])).await {
            let typed = [ErrorKind::ModelQueryFailed, ErrorKind::UnsupportedType];
            assert!(typed.contains(&e.kind), "byte {at}: {:?} {}", e.kind, e.message);
        }
    }
}
