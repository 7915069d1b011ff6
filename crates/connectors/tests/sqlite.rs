//! The SQLite connector against real database files.
#![cfg(feature = "sqlite")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use proptest::prelude::*;
use syncline_connector::{
    Chunk, Connection, ConnectionConfig, Consistency, Destination, Equality, FieldRule, InvalidRow,
    ObjectDescription, OpenRequest, ReadFilter, ReadRequest, Recovery, Session, Source, SourceItem,
};
use syncline_connectors::sqlite;
use syncline_core::sync::{FieldWrite, Model, ModelQuery, Nulls, Publish, Target, WriteMode};
use syncline_core::{
    Error, ErrorKind, LogicalType, Op, RemovalAction, Result, RowError, RowResult, RunId, SyncUid, canon,
    text,
};

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    /// A database made by these statements.
    fn new(sql: &str) -> Self {
        let fixture = Self::empty();
        fixture.sql(sql);
        fixture
    }

    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data.db")
    }

    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    fn sql(&self, sql: &str) {
        self.raw().execute_batch(sql).unwrap();
    }

    /// The first column of the first row, as text.
    fn get(&self, sql: &str) -> String {
        use rusqlite::types::Value;
        match self.raw().query_row(sql, [], |row| row.get(0)).unwrap() {
            Value::Null => "NULL".into(),
            Value::Integer(n) => n.to_string(),
            Value::Real(f) => f.to_string(),
            Value::Text(t) => t,
            Value::Blob(b) => format!("{b:02x?}"),
        }
    }

    fn connection(&self) -> Connection {
        connect(self.folder.path(), serde_json::json!({ "path": "data.db", "busy_timeout": "100ms" }))
            .unwrap()
    }

    fn source(&self) -> Arc<dyn Source> {
        self.connection().source.unwrap()
    }

    fn destination(&self) -> Arc<dyn Destination> {
        self.connection().destination.unwrap()
    }

    async fn describe(&self, object: &str) -> ObjectDescription {
        self.destination().describe(object).await.unwrap().unwrap()
    }
}

fn connect(folder: &Path, options: serde_json::Value) -> Result<Connection> {
    let serde_json::Value::Object(options) = options else { panic!("options are an object") };
    sqlite::connect(&ConnectionConfig {
        name: "test".into(),
        type_name: "sqlite".into(),
        options,
        base_dir: folder.into(),
    })
}

fn model(query: ModelQuery) -> Model {
    Model { query, key: vec!["id".into()], cursor: None, timeout: Duration::from_secs(30) }
}

fn sql_model(sql: &str) -> Model {
    model(ModelQuery::Sql { sql: sql.into(), origin: "syncs/crm.yaml:9".into() })
}

fn table_model(name: &str) -> Model {
    model(ModelQuery::Table(name.into()))
}

struct Read {
    schema: SchemaRef,
    /// Canonical texts.
    rows: Vec<Vec<Option<String>>>,
    invalid: Vec<InvalidRow>,
    batches: usize,
}

async fn read_columns(source: &dyn Source, model: Model, columns: Option<Vec<String>>) -> Result<Read> {
    let request = ReadRequest { model, columns, filter: ReadFilter::All, order_by: vec![] };
    let mut stream = source.read(request).await?;
    let mut read = Read { schema: Arc::new(Schema::empty()), rows: vec![], invalid: vec![], batches: 0 };
    let mut ended = false;
    while let Some(item) = stream.next().await {
        assert!(!ended, "nothing may follow the end");
        match item? {
            SourceItem::Batch(batch) => {
                read.schema = batch.rows.schema();
                read.batches += 1;
                assert!(batch.rows.num_rows() <= 65_536);
                for invalid in batch.invalid {
                    read.invalid.push(InvalidRow { row: invalid.row + read.rows.len(), ..invalid });
                }
                for row in 0..batch.rows.num_rows() {
                    let cells = batch.rows.columns().iter().zip(read.schema.fields());
                    read.rows.push(
                        cells.map(|(a, f)| text::render(a, &LogicalType::of(f).unwrap(), row)).collect(),
                    );
                }
            }
            SourceItem::End(end) => {
                assert_eq!(end.consistency, Consistency::Snapshot);
                assert!(end.now.is_some());
                ended = true;
            }
        }
    }
    assert!(ended, "a read ends with its end");
    Ok(read)
}

async fn read(source: &dyn Source, model: Model) -> Result<Read> {
    read_columns(source, model, None).await
}

fn types(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|f| LogicalType::of(f).unwrap().to_string()).collect()
}

/// A batch from canonical texts.
fn batch(fields: &[(&str, LogicalType)], rows: &[&[Option<&str>]]) -> RecordBatch {
    let schema = Schema::new(fields.iter().map(|(n, t)| t.field(n, true)).collect::<Vec<_>>());
    let column = |i: usize| -> ArrayRef {
        let texts: Vec<Option<&str>> = rows.iter().map(|r| r[i]).collect();
        let (array, bad) = text::parse(&texts, &fields[i].1);
        assert!(bad.is_empty(), "{}: {texts:?}", fields[i].0);
        array
    };
    RecordBatch::try_new(Arc::new(schema), (0..fields.len()).map(column).collect()).unwrap()
}

const ALWAYS: FieldRule = FieldRule { write: FieldWrite::Always, nulls: Nulls::Write };

fn request(mode: WriteMode, matches: &[&str], payload: &RecordBatch) -> OpenRequest {
    OpenRequest {
        sync_uid: SyncUid::from_stored("sync_1"),
        run_id: RunId::from_stored("run_1"),
        epoch: 1,
        plan_digest: "digest".into(),
        target: Target { object: "t".into(), match_fields: matches.iter().map(|m| m.to_string()).collect() },
        write_mode: mode,
        publish: Publish::Atomic,
        schema: payload.schema(),
        rules: vec![ALWAYS; payload.num_columns()],
        flag: None,
        duplicates_accepted: false,
    }
}

fn chunk(number: u32, op: Op, payload: &RecordBatch) -> Chunk {
    Chunk { number, ops: vec![op; payload.num_rows()], payload: payload.clone(), old_match: None }
}

async fn write_with(fixture: &Fixture, request: OpenRequest, chunk: &Chunk) -> Result<Vec<RowResult>> {
    let mut session = fixture.destination().open(request).await?;
    let results = session.write(chunk).await?;
    session.commit().await?;
    Ok(results)
}

async fn upsert(fixture: &Fixture, payload: &RecordBatch) -> Vec<RowResult> {
    write_with(fixture, request(WriteMode::Upsert, &["id"], payload), &chunk(0, Op::Create, payload))
        .await
        .unwrap()
}

fn created() -> RowResult {
    RowResult::Created { target_id: None }
}

fn updated() -> RowResult {
    RowResult::Updated { target_id: None }
}

fn rejected(result: &RowResult) -> &RowError {
    match result {
        RowResult::Rejected(error) => error,
        other => panic!("{other:?} is no rejection"),
    }
}

fn kind<T>(result: Result<T>) -> (ErrorKind, String) {
    let Err(Error { kind, message, .. }) = result else { panic!("it should fail") };
    (kind, message)
}

const INT: LogicalType = LogicalType::Int64;
const TEXT: LogicalType = LogicalType::Text;

fn people(rows: &[&[Option<&str>]]) -> RecordBatch {
    batch(&[("id", INT), ("name", TEXT)], rows)
}

// ---- reading

#[tokio::test]
async fn declared_types_become_canonical_types() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, flag BOOLEAN, ratio REAL, price DECIMAL(10,2), name VARCHAR(3),
            raw BLOB, uid UUID, d DATE, tm TIME, ts DATETIME, tz TIMESTAMPTZ, j JSON, span INTERVAL);
         INSERT INTO t VALUES (1, 1, 1.5, 12.50, 'longer than three', x'00ff',
            'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '2025-01-31', '09:30', '2025-01-31 09:30:00',
            '2025-01-31 09:30:00+02:00', '{\"a\": 1}', 'P1Y');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(
        types(&read.schema),
        [
            "int64",
            "bool",
            "float64",
            "numeric",
            "text",
            "bytes",
            "uuid",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "json",
            "interval"
        ]
    );
    let row: Vec<&str> = read.rows[0].iter().map(|c| c.as_deref().unwrap()).collect();
    assert_eq!(
        row,
        [
            "1",
            "true",
            "1.5",
            "12.5",
            "longer than three",
            "\\x00ff",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "2025-01-31",
            "09:30:00",
            "2025-01-31T09:30:00",
            "2025-01-31T07:30:00Z",
            "{\"a\": 1}",
            "P12M0DT0S"
        ]
    );
    assert!(read.invalid.is_empty());
}

#[tokio::test]
async fn expressions_take_their_type_from_what_they_hold_and_describe_agrees() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x, y GEOMETRY); INSERT INTO t VALUES (1, 5, NULL), (2, 'a', NULL), (3, 2.5, NULL);",
    );
    let m = sql_model(
        "SELECT id, id + 1 AS i, id * 1.5 AS f, CASE WHEN id = 1 THEN 1 ELSE 1.5 END AS n, 'x' || id AS s,
         x'00' AS b, NULL AS empty, x, y FROM t ORDER BY id",
    );
    let described = f.source().describe(&m).await.unwrap();
    let read = read(&*f.source(), m).await.unwrap();
    assert_eq!(described, read.schema);
    assert_eq!(
        types(&described),
        ["int64", "int64", "float64", "float64", "text", "bytes", "text", "text", "text"]
    );
    let x: Vec<_> = read.rows.iter().map(|r| r[7].as_deref()).collect();
    assert_eq!(x, [Some("5"), Some("a"), Some("2.5")]);
    assert!(read.invalid.is_empty());
}

#[tokio::test]
async fn a_value_that_contradicts_its_column_makes_its_row_invalid_and_keeps_the_key() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, d DATE, s TEXT, flag BOOLEAN, at TIMESTAMP, u UUID);
         INSERT INTO t VALUES (1, 1, '2025-01-01', 'ok', 1, '2025-01-01', NULL), (2, 'many', NULL, NULL, NULL, NULL, NULL),
            (3, 1.5, NULL, NULL, NULL, NULL, NULL), (4, NULL, '2025-02-30', NULL, NULL, NULL, NULL),
            (5, NULL, NULL, CAST(x'ff41' AS TEXT), NULL, NULL, NULL), (6, NULL, NULL, x'00', NULL, NULL, NULL),
            (7, NULL, NULL, NULL, 2, NULL, NULL), (8, NULL, NULL, NULL, NULL, 1700000000, NULL),
            (9, 'a', 'b', NULL, NULL, NULL, NULL), (10, NULL, NULL, NULL, NULL, NULL, x'0102');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    let ids: Vec<_> = read.rows.iter().map(|r| r[0].clone().unwrap()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    let found: Vec<_> = read
        .invalid
        .iter()
        .map(|i| {
            let e = &i.error;
            assert_eq!(e.code, "invalid_value");
            (i.row + 1, e.field.as_deref().unwrap(), e.raw_value.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        found,
        [
            (2, "n", "many"),
            (3, "n", "1.5"),
            (4, "d", "2025-02-30"),
            (5, "s", "\u{fffd}A"),
            (6, "s", "\\x00"),
            (7, "flag", "2"),
            (8, "at", "1700000000"),
            (9, "n", "a"),
            (10, "u", "\\x0102"),
        ]
    );
    assert_eq!(read.rows[3][2], None);
    assert!(read.invalid[6].error.message.contains("unixepoch"));
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_reported_and_null() {
    let f = Fixture::new(
        "CREATE TABLE t (id INT PRIMARY KEY, a TEXT); INSERT INTO t VALUES ('x', 'a'), (2, 'b');",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(read.rows[0], [None, Some("a".into())]);
    assert_eq!((read.invalid[0].row, read.invalid[0].error.field.as_deref()), (0, Some("id")));
    assert_eq!(read.invalid.len(), 1);
}

#[tokio::test]
async fn a_later_value_that_contradicts_the_inferred_type_is_invalid_not_bent() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
         INSERT INTO t SELECT i, CASE WHEN i = 1100 THEN 'text' ELSE i END FROM n;",
    );
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(types(&read.schema), ["int64", "int64"]);
    assert_eq!(read.invalid.iter().map(|i| i.row).collect::<Vec<_>>(), [1099]);
}

#[tokio::test]
async fn a_column_that_begins_with_many_nulls_is_still_typed_by_its_first_values() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO t SELECT i, CASE WHEN i > 2500 THEN i END FROM n;",
    );
    assert_eq!(types(&f.source().describe(&table_model("t")).await.unwrap()), ["int64", "int64"]);
}

#[tokio::test]
async fn columns_are_chosen_in_the_order_asked_for() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER, a TEXT, b TEXT); INSERT INTO t VALUES (1, 'a', 'b');");
    let source = f.source();
    let wanted = Some(vec!["b".to_string(), "id".to_string()]);
    let read = read_columns(&*source, table_model("main.t"), wanted).await.unwrap();
    assert_eq!(read.rows, [[Some("b".to_string()), Some("1".to_string())]]);
    let unknown = read_columns(&*source, table_model("t"), Some(vec!["zip".into()])).await;
    assert_eq!(kind(unknown).0, ErrorKind::ModelQueryFailed);
}

#[tokio::test]
async fn batches_are_bounded_by_rows_and_bytes_and_nothing_is_lost() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
         INSERT INTO t SELECT i, NULL FROM n;
         CREATE TABLE big (id INTEGER PRIMARY KEY, x BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO big SELECT i, zeroblob(3000000) FROM n;",
    );
    let many = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!((many.rows.len(), many.batches), (150_000, 3));
    let large = read(&*f.source(), table_model("big")).await.unwrap();
    assert_eq!((large.rows.len(), large.batches), (10, 5));
}

#[tokio::test]
async fn a_read_is_one_snapshot_while_others_write() {
    let f = Fixture::new(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
         INSERT INTO t SELECT i, zeroblob(3000000) FROM n;",
    );
    let request =
        ReadRequest { model: table_model("t"), columns: None, filter: ReadFilter::All, order_by: vec![] };
    let mut stream = f.source().read(request).await.unwrap();
    let mut rows = 0;
    let first = stream.next().await.unwrap().unwrap();
    f.sql("DELETE FROM t WHERE id > 5; INSERT INTO t VALUES (1000, NULL)");
    let mut item = Some(Ok(first));
    while let Some(next) = item {
        if let SourceItem::Batch(batch) = next.unwrap() {
            rows += batch.rows.num_rows();
        }
        item = stream.next().await;
    }
    assert_eq!(rows, 20);
}

#[tokio::test]
async fn model_sql_can_read_this_database_and_nothing_else() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); INSERT INTO t VALUES (1, 'a');");
    let other = f.folder.path().join("other.db");
    for sql in [
        "DELETE FROM t".to_string(),
        "DELETE FROM t RETURNING *".into(),
        "INSERT INTO t VALUES (2, 'b')".into(),
        "UPDATE t SET a = 'x' RETURNING id".into(),
        "DROP TABLE t".into(),
        "CREATE TEMP TABLE x AS SELECT 1".into(),
        "SELECT 1 AS id; DELETE FROM t".into(),
        "SELECT 1 AS id; SELECT 2".into(),
        format!("ATTACH '{}' AS o", other.display()),
        format!("VACUUM INTO '{}'", other.display()),
        "PRAGMA journal_mode = WAL".into(),
        "PRAGMA query_only = OFF".into(),
        "SELECT * FROM pragma_journal_mode".into(),
        "BEGIN".into(),
        "COMMIT".into(),
        "EXPLAIN SELECT 1".into(),
        "SELECT load_extension('x') AS id".into(),
        "SELECT ? AS id".into(),
        "".into(),
        "-- nothing".into(),
        "SELECT id, a AS id FROM t".into(),
        "SELECT\0 1".into(),
    ] {
        for described in [true, false] {
            let source = f.source();
            let failed = match described {
                true => source.describe(&sql_model(&sql)).await.map(|_| ()),
                false => read(&*source, sql_model(&sql)).await.map(|_| ()),
            };
            assert_eq!(kind(failed).0, ErrorKind::ModelQueryFailed, "{sql}");
        }
    }
    assert_eq!(f.get("SELECT count(*) || max(a) FROM t"), "1a");
    assert!(!other.exists());
    let fine = "WITH RECURSIVE n(i) AS (VALUES (1) UNION SELECT i + 1 FROM n WHERE i < 3) SELECT i AS id FROM n; -- end";
    assert_eq!(read(&*f.source(), sql_model(fine)).await.unwrap().rows.len(), 3);
    assert_eq!(
        read(&*f.source(), sql_model("SELECT value AS id FROM json_each('[1,2]')")).await.unwrap().rows.len(),
        2
    );
}

#[tokio::test]
async fn full_text_tables_can_be_read() {
    let f =
        Fixture::new("CREATE VIRTUAL TABLE docs USING fts5(body); INSERT INTO docs VALUES ('hello world');");
    let read =
        read(&*f.source(), sql_model("SELECT rowid AS id, body FROM docs WHERE docs MATCH 'hello'")).await;
    assert_eq!(read.unwrap().rows, [[Some("1".to_string()), Some("hello world".to_string())]]);
}

#[tokio::test]
async fn errors_in_sql_name_the_file_and_the_line() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER);");
    let (kind_, message) = kind(f.source().describe(&sql_model("SELECT id\nFROM t\nWERE id = 1")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.starts_with("syncs/crm.yaml:9: line 3 of the SQL: "), "{message}");
    assert!(message.contains("syntax error"), "{message}");
    let (_, message) = kind(f.source().describe(&sql_model("SELECT id,\n  nme FROM t")).await);
    assert!(message.contains("line 2") && message.contains("nme"), "{message}");
    let (kind_, message) = kind(f.source().describe(&table_model("nope")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("'nope'"), "{message}");
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_given_up() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER);");
    let mut m = sql_model(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS id FROM n",
    );
    m.timeout = Duration::from_millis(50);
    let (kind_, message) = kind(read(&*f.source(), m.clone()).await);
    assert_eq!(kind_, ErrorKind::SourceUnreachable);
    assert!(message.contains("took longer"), "{message}");
    assert_eq!(kind(f.source().describe(&m).await).0, ErrorKind::SourceUnreachable);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    let f = Fixture::empty();
    for failed in
        [f.source().check().await.map(|_| ()), f.source().describe(&table_model("t")).await.map(|_| ())]
    {
        let (kind_, message) = kind(failed);
        assert_eq!(kind_, ErrorKind::SourceUnreachable);
        assert!(
            message.contains(&f.path().display().to_string()) && message.contains("no such file"),
            "{message}"
        );
    }
    assert_eq!(kind(f.destination().describe("t").await).0, ErrorKind::DestinationUnsuitable);
    assert!(!f.path().exists(), "reading never makes a file");

    std::fs::write(f.path(), "id,name\n1,Ada\n".repeat(100)).unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("not an SQLite database"), "{message}");
    assert_eq!(kind(f.destination().check().await).0, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn a_damaged_database_is_an_error_not_a_short_read() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         INSERT INTO t SELECT i, 'some text that fills pages' FROM n;",
    );
    let mut bytes = std::fs::read(f.path()).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(f.path(), bytes).unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::ModelQueryFailed);
    assert!(message.contains("damaged"), "{message}");
}

#[tokio::test]
async fn a_locked_database_is_unreachable_on_either_side() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);");
    let holder = f.raw();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (kind_, message) = kind(read(&*f.source(), table_model("t")).await);
    assert_eq!(kind_, ErrorKind::SourceUnreachable);
    assert!(message.contains("locked"), "{message}");
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let opened = f.destination().open(request(WriteMode::Upsert, &["id"], &payload)).await;
    assert_eq!(kind(opened.map(|_| ())).0, ErrorKind::DestinationUnreachable);
}

#[tokio::test]
async fn discover_lists_tables_and_views_with_keys_and_without_our_own() {
    let f = Fixture::new(
        "CREATE TABLE b (y TEXT, x INT, PRIMARY KEY (x, y)); CREATE TABLE a (id INTEGER PRIMARY KEY);
         CREATE VIEW v AS SELECT id AS k FROM a; CREATE VIEW broken AS SELECT * FROM gone;
         CREATE TABLE _syncline_ledger (x); CREATE TABLE s (id INTEGER PRIMARY KEY AUTOINCREMENT);",
    );
    let found = f.source().discover().await.unwrap();
    let names: Vec<_> = found.iter().map(|s| (s.name.as_str(), s.key.join(","))).collect();
    let expected = [("a", "id"), ("b", "x,y"), ("s", "id"), ("v", "")];
    assert_eq!(names, expected.map(|(n, k)| (n, k.to_string())));
    assert_eq!(types(&found[3].schema), ["int64"]);
}

#[test]
fn options_are_checked() {
    let folder = Path::new("/nowhere");
    for options in [
        serde_json::json!({}),
        serde_json::json!({ "path": "" }),
        serde_json::json!({ "path": "x.db", "pth": 1 }),
        serde_json::json!({ "path": "x.db", "busy_timeout": "-1s" }),
        serde_json::json!({ "path": "x.db", "busy_timeout": "soon" }),
    ] {
        let (kind_, message) = kind(connect(folder, options.clone()).map(|_| ()));
        assert_eq!(kind_, ErrorKind::InvalidConfig, "{options}");
        assert!(message.contains("connection 'test'"), "{message}");
    }
    assert!(connect(folder, serde_json::json!({ "path": "x.db", "busy_timeout": "5s" })).is_ok());
    assert!((sqlite::spec().options_schema)().to_string().contains("busy_timeout"));
}

// ---- describing and making

#[tokio::test]
async fn a_table_is_described_with_keys_equality_and_what_cannot_be_written() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE UNIQUE, code TEXT, note VARCHAR(5) NOT NULL DEFAULT 'x',
            double_id INT GENERATED ALWAYS AS (id * 2), part TEXT);
         CREATE UNIQUE INDEX padded ON t (code COLLATE RTRIM, note);
         CREATE UNIQUE INDEX partial ON t (note) WHERE id > 5;
         CREATE UNIQUE INDEX expression ON t (lower(note));
         CREATE VIEW v AS SELECT * FROM t;
         CREATE VIRTUAL TABLE docs USING fts5(body);",
    );
    let d = f.describe("t").await;
    assert_eq!(d.unique_keys.len(), 3, "{:?}", d.unique_keys);
    for key in [vec!["id"], vec!["email"], vec!["code", "note"]] {
        assert!(d.unique_keys.iter().any(|k| *k == key), "{key:?}");
    }
    let field = |name: &str| d.fields.iter().find(|f| f.name == name).unwrap();
    assert_eq!(field("email").equality, Equality::CaseInsensitive);
    assert_eq!(field("code").equality, Equality::Padded);
    assert_eq!(field("note").equality, Equality::Exact);
    assert_eq!(
        (field("note").nullable, field("note").has_default, field("note").max_chars),
        (false, true, None)
    );
    assert!(field("double_id").read_only && !field("id").read_only);
    assert_eq!(d.not_writable, None);
    assert!(d.identity.contains(&f.path().display().to_string()) && d.identity.ends_with(":t"));
    assert!(f.describe("v").await.not_writable.unwrap().contains("view"));
    assert!(f.describe("docs").await.not_writable.is_some());
    assert!(f.destination().describe("nope").await.unwrap().is_none());
    assert!(f.destination().describe("T").await.unwrap().is_some(), "names have no case");
}

#[tokio::test]
async fn a_destination_may_create_its_file_and_table_but_only_when_told() {
    let f = Fixture::empty();
    let schema = batch(
        &[("id", INT), ("price", LogicalType::Numeric(Some((38, 10)))), ("say \"hi\"", LogicalType::Json)],
        &[],
    )
    .schema();
    let matches = ["id".to_string()];
    assert_eq!(
        kind(f.destination().create("t", &schema, &matches).await).0,
        ErrorKind::DestinationUnsuitable
    );
    assert!(!f.path().exists());

    let options = serde_json::json!({ "path": "data.db", "create": true });
    let connection = connect(f.folder.path(), options).unwrap();
    let destination = connection.destination.unwrap();
    assert!(destination.check().await.unwrap().contains("will be created"));
    assert!(destination.describe("t").await.unwrap().is_none());
    assert!(!f.path().exists(), "describing makes nothing");
    assert_eq!(kind(connection.source.unwrap().check().await).0, ErrorKind::SourceUnreachable);
    let plan = destination.creation_plan("t", &schema, &matches).unwrap();
    assert!(plan.starts_with("CREATE TABLE \"t\""), "{plan}");
    destination.create("t", &schema, &matches).await.unwrap();
    let d = f.describe("t").await;
    assert_eq!(d.unique_keys, [["id"]]);
    let types: Vec<_> = d.fields.iter().map(|f| (f.name.as_str(), f.ty.to_string())).collect();
    assert_eq!(
        types,
        [("id", "int64".into()), ("price", "numeric".into()), ("say \"hi\"", "json".to_string())]
    );
    assert_eq!(kind(destination.create("t", &schema, &matches).await).0, ErrorKind::DestinationFailed);
}

#[tokio::test]
async fn the_incarnation_changes_when_the_table_is_made_anew_and_only_then() {
    let make = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);";
    let f = Fixture::new(make);
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let incarnation = async || f.describe("t").await.incarnation;
    let first = incarnation().await;
    upsert(&f, &payload).await;
    assert_eq!(incarnation().await, first, "our own writes are not noticed");
    upsert(&f, &payload).await;
    f.sql("CREATE TABLE other (x); DROP TABLE other; CREATE INDEX i ON t (name); ALTER TABLE t ADD COLUMN age INT;
           ALTER TABLE t DROP COLUMN age; INSERT INTO t VALUES (7, 'x'); DELETE FROM t; VACUUM; ANALYZE;");
    assert_eq!(incarnation().await, first, "neither is what others do to this or other tables");
    let mut seen = vec![first];
    for _ in 0..3 {
        f.sql(&format!("DROP TABLE t; {make}"));
        let now = incarnation().await;
        assert!(!seen.contains(&now), "made anew, before we wrote to it");
        upsert(&f, &payload).await;
        assert_eq!(incarnation().await, now, "our own first write is not noticed");
        seen.push(now);
    }
    f.sql(&format!("ALTER TABLE t RENAME TO old; {make}"));
    assert!(!seen.contains(&incarnation().await), "replaced by renaming");
}

#[tokio::test]
async fn a_replaced_file_is_noticed() {
    let f = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);");
    upsert(&f, &people(&[&[Some("1"), Some("Ada")]])).await;
    let first = f.describe("t").await.incarnation;
    let backup = f.folder.path().join("backup.db");
    std::fs::copy(f.path(), &backup).unwrap();
    std::fs::rename(&backup, f.path()).unwrap();
    assert_ne!(f.describe("t").await.incarnation, first);
}

// ---- writing

const PEOPLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO t VALUES (1, 'one'), (2, 'two');";

#[tokio::test]
async fn each_write_mode_does_what_it_says_and_tells_the_truth() {
    let rows = people(&[&[Some("2"), Some("II")], &[Some("3"), Some("III")]]);
    let names = "SELECT group_concat(name, ',') FROM (SELECT name FROM t ORDER BY id, name)";
    for (mode, results, after) in [
        (WriteMode::Insert, [RowResult::Exists, created()], "one,two,III"),
        (WriteMode::Update, [updated(), RowResult::Absent], "one,II"),
        (WriteMode::Upsert, [updated(), created()], "one,II,III"),
        (WriteMode::Mirror, [updated(), created()], "one,II,III"),
    ] {
        for op in [Op::Create, Op::Update] {
            let f = Fixture::new(PEOPLE);
            let got = write_with(&f, request(mode, &["id"], &rows), &chunk(0, op, &rows)).await.unwrap();
            assert_eq!(got, results, "{mode:?} {op:?}");
            assert_eq!(f.get(names), after, "{mode:?} {op:?}");
        }
    }
    let f = Fixture::new("CREATE TABLE t (id INTEGER, name TEXT); INSERT INTO t VALUES (2, 'two');");
    let got =
        write_with(&f, request(WriteMode::Append, &[], &rows), &chunk(0, Op::Append, &rows)).await.unwrap();
    assert_eq!(got, [created(), created()]);
    assert_eq!(f.get(names), "II,two,III");
}

#[tokio::test]
async fn removals_delete_clear_or_flag() {
    let rows = batch(&[("id", INT), ("name", TEXT)], &[&[Some("2"), None], &[Some("9"), None]]);
    for (action, after) in [
        (RemovalAction::Delete, "1:one:NULL"),
        (RemovalAction::Clear, "1:one:NULL,2:NULL:NULL"),
        (RemovalAction::Flag, "1:one:NULL,2:two:1"),
    ] {
        let f = Fixture::new(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone BOOLEAN, gone_at TIMESTAMP);
             INSERT INTO t (id, name) VALUES (1, 'one'), (2, 'two');",
        );
        let mut request = request(WriteMode::Mirror, &["id"], &rows);
        request.flag = Some(("gone".into(), "true".into()));
        let got = write_with(&f, request, &chunk(0, Op::Remove(action), &rows)).await.unwrap();
        assert_eq!(got, [RowResult::Removed, RowResult::Removed], "what is gone already is removed");
        let all = "SELECT group_concat(id || ':' || ifnull(name, 'NULL') || ':' || ifnull(gone, 'NULL'), ',') FROM t";
        assert_eq!(f.get(all), after);
    }
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, gone_at TIMESTAMPTZ); INSERT INTO t (id) VALUES (2);",
    );
    let mut with_time = request(WriteMode::Mirror, &["id"], &rows);
    with_time.flag = Some(("gone_at".into(), "now".into()));
    write_with(&f, with_time.clone(), &chunk(0, Op::Remove(RemovalAction::Flag), &rows)).await.unwrap();
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert!(read.invalid.is_empty() && read.rows[0][2].as_deref().unwrap().starts_with("20"));
    with_time.flag = Some(("gone_at".into(), "soon".into()));
    assert_eq!(kind(f.destination().open(with_time).await.map(|_| ())).0, ErrorKind::DestinationUnsuitable);
}

#[tokio::test]
async fn field_rules_are_obeyed() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, always TEXT DEFAULT 'd', skip TEXT DEFAULT 'd', once TEXT, fill TEXT, fill_skip TEXT);
         INSERT INTO t VALUES (1, 'a', 'a', 'a', 'a', 'a'), (2, 'a', 'a', 'a', '', NULL), (3, 'a', 'a', 'a', NULL, '');",
    );
    let fields = ["always", "skip", "once", "fill", "fill_skip"].map(|n| (n, TEXT));
    let fields: Vec<_> = [("id", INT)].into_iter().chain(fields).collect();
    let new = [Some("n"); 5];
    let row = |id: &'static str, values: [Option<&'static str>; 5]| {
        [Some(id)].into_iter().chain(values).collect::<Vec<_>>()
    };
    let rows = [row("1", new), row("2", new), row("3", [None; 5]), row("4", new), row("5", [None; 5])];
    let payload = batch(&fields, &rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut request = request(WriteMode::Upsert, &["id"], &payload);
    use FieldWrite::*;
    request.rules = [
        (Always, Nulls::Write),
        (Always, Nulls::Write),
        (Always, Nulls::Skip),
        (CreateOnly, Nulls::Write),
        (IfEmpty, Nulls::Write),
        (IfEmpty, Nulls::Skip),
    ]
    .map(|(write, nulls)| FieldRule { write, nulls })
    .to_vec();
    let got = write_with(&f, request, &chunk(0, Op::Update, &payload)).await.unwrap();
    assert_eq!(got, [updated(), updated(), updated(), created(), created()]);
    let read = read(&*f.source(), sql_model("SELECT * FROM t ORDER BY id")).await.unwrap();
    let shown: Vec<String> = read
        .rows
        .iter()
        .map(|r| r[1..].iter().map(|c| c.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(shown, ["n n a a a", "n n a n n", "- a a - ", "n n n n n", "- d - - -"]);
}

#[tokio::test]
async fn a_changed_match_value_updates_the_old_record() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three');",
    );
    let payload = people(&[
        &[Some("10"), Some("ten")],
        &[Some("2"), Some("II")],
        &[Some("2"), Some("x")],
        &[Some("40"), Some("forty")],
    ]);
    let old = batch(&[("id", INT)], &[&[Some("1")], &[None], &[Some("3")], &[Some("4")]]);
    let chunk = Chunk { old_match: Some(old), ..chunk(0, Op::Update, &payload) };
    let got = write_with(&f, request(WriteMode::Upsert, &["id"], &payload), &chunk).await.unwrap();
    assert_eq!(got[..2], [updated(), updated()]);
    assert_eq!(
        (rejected(&got[2]).code.as_str(), rejected(&got[2]).field.as_deref()),
        ("unique_violation", Some("id"))
    );
    assert_eq!(got[3], created());
    assert_eq!(
        f.get("SELECT group_concat(id || name, ',') FROM (SELECT * FROM t ORDER BY id)"),
        "2II,3three,10ten,40forty"
    );
}

#[tokio::test]
async fn matching_compares_as_the_unique_index_does() {
    let f = Fixture::new(
        "CREATE TABLE t (email TEXT, n INT); CREATE UNIQUE INDEX i ON t (email COLLATE NOCASE); INSERT INTO t VALUES ('Ada@x', 1);",
    );
    let payload = batch(&[("email", TEXT), ("n", INT)], &[&[Some("ADA@X"), Some("2")], &[None, Some("3")]]);
    let got =
        write_with(&f, request(WriteMode::Upsert, &["email"], &payload), &chunk(0, Op::Create, &payload))
            .await
            .unwrap();
    assert_eq!(got[0], updated());
    assert_eq!(
        rejected(&got[1]).field.as_deref(),
        Some("email"),
        "a NULL matches nothing and may not multiply"
    );
    assert_eq!(f.get("SELECT email || n FROM t"), "Ada@x2");
    assert_eq!(f.describe("t").await.fields[0].equality, Equality::CaseInsensitive);
}

#[tokio::test]
async fn every_constraint_rejects_its_row_names_the_column_and_leaves_the_others() {
    let f = Fixture::new(
        r#"CREATE TABLE parent (code TEXT PRIMARY KEY); INSERT INTO parent VALUES ('p');
           CREATE TABLE t (id INTEGER PRIMARY KEY, required TEXT NOT NULL ON CONFLICT IGNORE, once TEXT UNIQUE ON CONFLICT REPLACE,
             age INT CHECK (age > 0), lo INT, hi INT, ref TEXT REFERENCES parent (code), "a, t.b" INT,
             CONSTRAINT ordered CHECK (lo <= hi), CONSTRAINT small CHECK ("a, t.b" < 10), UNIQUE (lo, hi));
           INSERT INTO t (id, required, once) VALUES (100, 'x', 'taken');"#,
    );
    let fields = [
        ("id", INT),
        ("required", TEXT),
        ("once", TEXT),
        ("age", INT),
        ("lo", INT),
        ("hi", INT),
        ("ref", TEXT),
        ("a, t.b", INT),
    ];
    let payload = batch(
        &fields,
        &[
            &[Some("1"), Some("ok"), Some("u"), Some("1"), Some("1"), Some("2"), Some("p"), Some("1")],
            &[Some("2"), None, None, None, None, None, None, None],
            &[Some("3"), Some("x"), Some("taken"), None, None, None, None, None],
            &[Some("4"), Some("x"), None, Some("-5"), None, None, None, None],
            &[Some("5"), Some("x"), None, None, Some("9"), Some("1"), None, None],
            &[Some("6"), Some("x"), None, None, Some("1"), Some("2"), None, None],
            &[Some("7"), Some("x"), None, None, None, None, Some("nobody"), None],
            &[Some("8"), Some("x"), None, None, None, None, None, Some("11")],
            &[Some("9"), Some("ok"), None, None, None, None, None, None],
        ],
    );
    let got = upsert(&f, &payload).await;
    assert_eq!((&got[0], &got[8]), (&created(), &created()));
    let errors: Vec<_> = got[1..8]
        .iter()
        .map(|r| {
            let e = rejected(r);
            (e.code.as_str(), e.field.as_deref(), e.raw_value.as_deref())
        })
        .collect();
    assert_eq!(
        errors,
        [
            ("not_null_violation", Some("required"), None),
            ("unique_violation", Some("once"), Some("taken")),
            ("check_violation", Some("age"), Some("-5")),
            ("check_violation", None, None),
            ("unique_violation", Some("lo"), Some("1")),
            ("foreign_key_violation", Some("ref"), Some("nobody")),
            ("check_violation", Some("a, t.b"), Some("11")),
        ]
    );
    assert_eq!(f.get("SELECT group_concat(id, ',') FROM (SELECT id FROM t ORDER BY id)"), "1,9,100");
}

#[tokio::test]
async fn strict_tables_triggers_and_referenced_records_refuse_their_row_only() {
    let strict = Fixture::new("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT) STRICT;");
    // The engine coerces to the target's types; a table that changed since says no by itself.
    let payload = batch(&[("id", INT), ("n", TEXT)], &[&[Some("1"), Some("x")], &[Some("2"), Some("7")]]);
    let got = upsert(&strict, &payload).await;
    assert_eq!(
        (rejected(&got[0]).code.as_str(), rejected(&got[0]).field.as_deref()),
        ("datatype_mismatch", Some("n"))
    );
    assert_eq!(got[1], created());

    let triggers = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE log (x TEXT); INSERT INTO t VALUES (9, 'kept');
         CREATE TRIGGER refuse AFTER INSERT ON t WHEN new.name = 'fail' BEGIN
            INSERT INTO log VALUES (new.name); SELECT RAISE(FAIL, 'not today'); END;
         CREATE TRIGGER ignore BEFORE INSERT ON t WHEN new.name = 'ignore' BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER keep BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER boom AFTER INSERT ON t WHEN new.name = 'boom' BEGIN SELECT RAISE(ROLLBACK, 'everything'); END;",
    );
    let payload =
        people(&[&[Some("1"), Some("fail")], &[Some("2"), Some("ignore")], &[Some("3"), Some("fine")]]);
    let got = upsert(&triggers, &payload).await;
    assert_eq!(rejected(&got[0]).code, "trigger_refused");
    assert!(rejected(&got[0]).message.contains("not today"));
    assert_eq!(rejected(&got[1]).code, "discarded_by_trigger");
    assert_eq!(got[2], created());
    assert_eq!(
        triggers.get("SELECT (SELECT group_concat(name) FROM t) || (SELECT count(*) FROM log)"),
        "fine,kept0"
    );
    let gone = people(&[&[Some("9"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&triggers, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert_eq!(
        rejected(&got[0]).code,
        "discarded_by_trigger",
        "a record that is still there was not removed"
    );

    // A trigger that rolls back everything takes earlier rows along: nothing may be committed.
    let payload =
        people(&[&[Some("5"), Some("five")], &[Some("6"), Some("boom")], &[Some("7"), Some("seven")]]);
    let mut session =
        triggers.destination().open(request(WriteMode::Upsert, &["id"], &payload)).await.unwrap();
    assert_eq!(kind(session.write(&chunk(0, Op::Create, &payload)).await).0, ErrorKind::DestinationFailed);
    assert!(session.commit().await.is_err() && session.write(&chunk(0, Op::Create, &payload)).await.is_err());
    session.rollback().await.unwrap();
    let fine = people(&[&[Some("5"), Some("five")]]);
    session.write(&chunk(0, Op::Create, &fine)).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(triggers.get("SELECT group_concat(id) FROM t WHERE id BETWEEN 5 AND 7"), "5");

    let referenced = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE child (t_id INT REFERENCES t (id));
         INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO child VALUES (1);",
    );
    let gone = people(&[&[Some("1"), None], &[Some("2"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&referenced, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert_eq!(rejected(&got[0]).code, "foreign_key_violation");
    assert_eq!(got[1], RowResult::Removed);
}

#[tokio::test]
async fn deferred_foreign_keys_fail_the_row_not_the_commit() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, boss INT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE child (t_id INT REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
         INSERT INTO t VALUES (50, NULL); INSERT INTO child VALUES (50);",
    );
    let fields = [("id", INT), ("boss", INT)];
    let forward = batch(&fields, &[&[Some("1"), Some("2")], &[Some("2"), None]]);
    assert_eq!(
        upsert(&f, &forward).await,
        [created(), created()],
        "a chunk may bring the parent after the child"
    );
    let payload = batch(
        &fields,
        &[&[Some("3"), Some("1")], &[Some("4"), Some("99")], &[Some("5"), None], &[Some("6"), Some("98")]],
    );
    let got = upsert(&f, &payload).await;
    for bad in [1, 3] {
        let error = rejected(&got[bad]);
        assert_eq!((error.code.as_str(), error.field.as_deref()), ("foreign_key_violation", Some("boss")));
    }
    assert_eq!((&got[0], &got[2]), (&created(), &created()));
    let gone = batch(&fields, &[&[Some("50"), None], &[Some("3"), None]]);
    let delete = chunk(0, Op::Remove(RemovalAction::Delete), &gone);
    let got = write_with(&f, request(WriteMode::Mirror, &["id"], &gone), &delete).await.unwrap();
    assert!(rejected(&got[0]).message.contains("'child'"), "{:?}", got[0]);
    assert_eq!(got[1], RowResult::Removed);
    assert_eq!(f.get("SELECT group_concat(id) FROM (SELECT id FROM t ORDER BY id)"), "1,2,5,50");
}

#[tokio::test]
async fn values_that_would_change_are_rejected_with_their_column() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, price DECIMAL(38,10), exact NUMERIC TEXT, ratio REAL);",
    );
    let numeric = LogicalType::Numeric(None);
    let payload = batch(
        &[("id", INT), ("price", numeric.clone()), ("exact", numeric), ("ratio", LogicalType::Float64)],
        &[
            &[Some("1"), Some("12.50"), Some("123456789012345678901234567890.0123456789"), Some("0.1")],
            &[Some("2"), Some("123456789012345678.25"), None, None],
            &[Some("3"), None, None, Some("NaN")],
            &[Some("4"), Some("NaN"), Some("-Infinity"), Some("-Infinity")],
        ],
    );
    let got = upsert(&f, &payload).await;
    assert_eq!((&got[0], &got[3]), (&created(), &created()));
    let error = rejected(&got[1]);
    assert_eq!((error.code.as_str(), error.field.as_deref()), ("numeric_out_of_range", Some("price")));
    assert_eq!(error.raw_value.as_deref(), Some("123456789012345678.25"));
    assert!(error.message.contains("NUMERIC TEXT"));
    assert_eq!(rejected(&got[2]).field.as_deref(), Some("ratio"));
    let read = read(&*f.source(), table_model("t")).await.unwrap();
    assert_eq!(read.rows[0][2].as_deref(), Some("123456789012345678901234567890.0123456789"));
    assert_eq!(
        read.rows[1][1..],
        [Some("NaN".to_string()), Some("-Infinity".into()), Some("-Infinity".into())]
    );
}

#[tokio::test]
async fn hostile_names_and_values_are_only_names_and_values() {
    let table = "t\"; DROP TABLE victim; --";
    let column = "x\"; DROP TABLE victim; --";
    let f = Fixture::new("CREATE TABLE victim (id INTEGER);");
    let payload = batch(
        &[("id", INT), (column, TEXT), ("select", TEXT)],
        &[&[Some("1"), Some("'); DROP TABLE victim; --"), Some("nul\0in\u{1f600}side")]],
    );
    let destination = f.destination();
    destination.create(table, &payload.schema(), &["id".to_string()]).await.unwrap();
    let mut request = request(WriteMode::Upsert, &["id"], &payload);
    request.target.object = table.into();
    assert_eq!(write_with(&f, request, &chunk(0, Op::Create, &payload)).await.unwrap(), [created()]);
    let read = read(&*f.source(), table_model(table)).await.unwrap();
    assert_eq!(read.rows[0][1].as_deref(), Some("'); DROP TABLE victim; --"));
    assert_eq!(read.rows[0][2].as_deref(), Some("nul\0in\u{1f600}side"));
    assert_eq!(f.get("SELECT count(*) FROM victim"), "0");
    assert!(destination.describe("x' OR 1=1 --").await.unwrap().is_none());
}

#[tokio::test]
async fn an_unsuitable_target_is_refused_when_opened_and_nothing_is_left_there() {
    let f = Fixture::new(
        "CREATE TABLE t (id INTEGER, name TEXT, twice INT GENERATED ALWAYS AS (id * 2)); CREATE VIEW v AS SELECT * FROM t;
         CREATE UNIQUE INDEX partial ON t (id) WHERE id > 0;",
    );
    let payload = people(&[&[Some("1"), Some("Ada")]]);
    let unknown = batch(&[("id", INT), ("nope", TEXT)], &[]);
    let generated = batch(&[("id", INT), ("twice", INT)], &[]);
    let no_key = request(WriteMode::Upsert, &["id"], &payload);
    let append = |payload: &RecordBatch| request(WriteMode::Append, &[], payload);
    let at = |object: &str| {
        let mut request = append(&payload);
        request.target.object = object.into();
        request
    };
    for (request, word) in [
        (no_key, "unique"),
        (append(&unknown), "nope"),
        (append(&generated), "twice"),
        (at("v"), "view"),
        (at("missing"), "missing"),
        (at("sqlite_schema"), "sqlite_schema"),
    ] {
        let (kind_, message) = kind(f.destination().open(request).await.map(|_| ()));
        assert_eq!(kind_, ErrorKind::DestinationUnsuitable, "{message}");
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(f.get("SELECT count(*) FROM sqlite_schema WHERE name LIKE '\\_syncline%' ESCAPE '\\'"), "0");
}

// ---- transactions, fence and ledger

async fn opened(f: &Fixture, epoch: u64, run: &str, payload: &RecordBatch) -> Result<Box<dyn Session>> {
    let mut request = request(WriteMode::Upsert, &["id"], payload);
    request.epoch = epoch;
    request.run_id = RunId::from_stored(run);
    f.destination().open(request).await
}

#[tokio::test]
async fn nothing_is_visible_before_commit_and_a_dropped_session_leaves_nothing() {
    let f = Fixture::new(PEOPLE);
    let count = "SELECT count(*) FROM t";
    let payload = people(&[&[Some("3"), Some("III")]]);
    let mut session = opened(&f, 1, "run_1", &payload).await.unwrap();
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    assert_eq!(f.get(count), "2");
    drop(session);
    assert_eq!(f.get(count), "2");

    let mut session = opened(&f, 1, "run_1", &payload).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::NotApplied);
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    session.rollback().await.unwrap();
    assert_eq!(f.get(count), "2");
    session.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    let second = people(&[&[Some("4"), Some("IV")]]);
    session.write(&chunk(1, Op::Create, &second)).await.unwrap();
    session.commit().await.unwrap();
    assert_eq!(f.get(count), "4");
    session.commit().await.unwrap();
    drop(session);

    let mut session = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(session.recover(0).await.unwrap(), Recovery::Committed);
    assert_eq!(session.recover(1).await.unwrap(), Recovery::Committed);
    assert_eq!(session.recover(2).await.unwrap(), Recovery::NotApplied);
    let mut other_run = opened(&f, 2, "run_2", &payload).await.unwrap();
    assert_eq!(other_run.recover(0).await.unwrap(), Recovery::NotApplied);
}

#[tokio::test]
async fn a_session_with_an_older_epoch_cannot_commit() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("1"), Some("stale")]]);
    let mut old = opened(&f, 1, "run_1", &payload).await.unwrap();
    let mut new = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(kind(old.write(&chunk(0, Op::Update, &payload)).await).0, ErrorKind::Fenced);
    assert!(old.commit().await.is_err());
    old.rollback().await.unwrap();
    assert_eq!(kind(opened(&f, 1, "run_1", &payload).await.map(|_| ())).0, ErrorKind::Fenced);
    let fresh = people(&[&[Some("1"), Some("fresh")]]);
    new.write(&chunk(0, Op::Update, &fresh)).await.unwrap();
    new.commit().await.unwrap();
    assert_eq!(f.get("SELECT name FROM t WHERE id = 1"), "fresh");
    // Another sync has a fence of its own.
    let mut other = request(WriteMode::Upsert, &["id"], &payload);
    other.sync_uid = SyncUid::from_stored("sync_2");
    assert!(f.destination().open(other).await.is_ok());
}

#[tokio::test]
async fn an_open_transaction_keeps_a_successor_waiting_until_its_outcome_is_known() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("3"), Some("III")]]);
    let mut old = opened(&f, 1, "run_1", &payload).await.unwrap();
    old.write(&chunk(0, Op::Create, &payload)).await.unwrap();
    assert_eq!(kind(opened(&f, 2, "run_1", &payload).await.map(|_| ())).0, ErrorKind::DestinationUnreachable);
    old.commit().await.unwrap();
    let mut new = opened(&f, 2, "run_1", &payload).await.unwrap();
    assert_eq!(new.recover(0).await.unwrap(), Recovery::Committed);
}

#[tokio::test]
async fn a_repeated_chunk_changes_nothing_and_is_never_appended_twice() {
    let f = Fixture::new(PEOPLE);
    let payload = people(&[&[Some("3"), Some("III")]]);
    assert_eq!(upsert(&f, &payload).await, [created()]);
    assert_eq!(upsert(&f, &payload).await, [updated()]);
    let f = Fixture::new("CREATE TABLE t (id INTEGER, name TEXT);");
    let append = chunk(0, Op::Append, &payload);
    write_with(&f, request(WriteMode::Append, &[], &payload), &append).await.unwrap();
    let again = write_with(&f, request(WriteMode::Append, &[], &payload), &append).await;
    assert_eq!(kind(again).0, ErrorKind::Conflict);
    assert_eq!(f.get("SELECT count(*) FROM t"), "1");
}

// ---- round trips

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
            let request = ReadRequest { model: sql_model("SELECT * FROM t ORDER BY id"), columns: None, filter: ReadFilter::All, order_by: vec![] };
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
