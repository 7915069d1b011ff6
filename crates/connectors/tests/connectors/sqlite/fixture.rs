//! A database file, and short ways to read it and write to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use futures::StreamExt;
use syncline_connector::{
    Chunk, Connection, ConnectionConfig, Consistency, Destination, FieldRule, InvalidRow, ObjectDescription,
    OpenRequest, ReadFilter, ReadRequest, Source, SourceItem,
};
use syncline_connectors::sqlite;
use syncline_core::sync::{FieldWrite, Model, ModelQuery, Nulls, Publish, Target, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Op, Result, RowError, RowResult, RunId, SyncUid, text};

pub struct Fixture {
    pub folder: tempfile::TempDir,
}

impl Fixture {
    /// A database made by these statements.
    pub fn new(sql: &str) -> Self {
        let fixture = Self::empty();
        fixture.sql(sql);
        fixture
    }

    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data.db")
    }

    pub fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    pub fn sql(&self, sql: &str) {
        self.raw().execute_batch(sql).unwrap();
    }

    /// The first column of the first row, as text.
    pub fn get(&self, sql: &str) -> String {
        use rusqlite::types::Value;
        match self.raw().query_row(sql, [], |row| row.get(0)).unwrap() {
            Value::Null => "NULL".into(),
            Value::Integer(n) => n.to_string(),
            Value::Real(f) => f.to_string(),
            Value::Text(t) => t,
            Value::Blob(b) => format!("{b:02x?}"),
        }
    }

    pub fn connection(&self) -> Connection {
        connect(self.folder.path(), serde_json::json!({ "path": "data.db", "busy_timeout": "100ms" }))
            .unwrap()
    }

    pub fn source(&self) -> Arc<dyn Source> {
        self.connection().source.unwrap()
    }

    pub fn destination(&self) -> Arc<dyn Destination> {
        self.connection().destination.unwrap()
    }

    pub async fn describe(&self, object: &str) -> ObjectDescription {
        self.destination().describe(object).await.unwrap().unwrap()
    }
}

pub fn connect(folder: &Path, options: serde_json::Value) -> Result<Connection> {
    let serde_json::Value::Object(options) = options else { panic!("options are an object") };
    sqlite::connect(&ConnectionConfig {
        name: "test".into(),
        type_name: "sqlite".into(),
        options,
        base_dir: folder.into(),
    })
}

pub fn model(query: ModelQuery) -> Model {
    Model { query, key: vec!["id".into()], cursor: None, timeout: Duration::from_secs(30) }
}

pub fn sql_model(sql: &str) -> Model {
    model(ModelQuery::Sql { sql: sql.into(), origin: "syncs/crm.yaml:9".into() })
}

pub fn table_model(name: &str) -> Model {
    model(ModelQuery::Table(name.into()))
}

pub struct Read {
    pub schema: SchemaRef,
    /// Canonical texts.
    pub rows: Vec<Vec<Option<String>>>,
    pub invalid: Vec<InvalidRow>,
    pub batches: usize,
}

pub async fn read_columns(source: &dyn Source, model: Model, columns: Option<Vec<String>>) -> Result<Read> {
    let request = ReadRequest { model, columns, filter: ReadFilter::All, order_by: vec![], identify: None };
    let mut stream = source.read(request).await?;
    let mut read = Read { schema: Arc::new(Schema::empty()), rows: vec![], invalid: vec![], batches: 0 };
    let mut ended = false;
    while let Some(item) = stream.next().await {
        assert!(!ended, "nothing may follow the end");
        match item? {
            SourceItem::Raw(_) => panic!("undecoded rows were not asked for"),
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

pub async fn read(source: &dyn Source, model: Model) -> Result<Read> {
    read_columns(source, model, None).await
}

pub fn types(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|f| LogicalType::of(f).unwrap().to_string()).collect()
}

/// A batch from canonical texts.
pub fn batch(fields: &[(&str, LogicalType)], rows: &[&[Option<&str>]]) -> RecordBatch {
    let schema = Schema::new(fields.iter().map(|(n, t)| t.field(n, true)).collect::<Vec<_>>());
    let column = |i: usize| -> ArrayRef {
        let texts: Vec<Option<&str>> = rows.iter().map(|r| r[i]).collect();
        let (array, bad) = text::parse(&texts, &fields[i].1);
        assert!(bad.is_empty(), "{}: {texts:?}", fields[i].0);
        array
    };
    RecordBatch::try_new(Arc::new(schema), (0..fields.len()).map(column).collect()).unwrap()
}

pub const ALWAYS: FieldRule = FieldRule { write: FieldWrite::Always, nulls: Nulls::Write };

pub fn request(mode: WriteMode, matches: &[&str], payload: &RecordBatch) -> OpenRequest {
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

pub fn chunk(number: u32, op: Op, payload: &RecordBatch) -> Chunk {
    Chunk { number, ops: vec![op; payload.num_rows()], payload: payload.clone(), old_match: None }
}

pub async fn write_with(fixture: &Fixture, request: OpenRequest, chunk: &Chunk) -> Result<Vec<RowResult>> {
    let mut session = fixture.destination().open(request).await?;
    let results = session.write(chunk).await?;
    session.commit().await?;
    Ok(results)
}

pub async fn upsert(fixture: &Fixture, payload: &RecordBatch) -> Vec<RowResult> {
    write_with(fixture, request(WriteMode::Upsert, &["id"], payload), &chunk(0, Op::Create, payload))
        .await
        .unwrap()
}

pub fn created() -> RowResult {
    RowResult::Created { target_id: None }
}

pub fn updated() -> RowResult {
    RowResult::Updated { target_id: None }
}

pub fn rejected(result: &RowResult) -> &RowError {
    match result {
        RowResult::Rejected(error) => error,
        other => panic!("{other:?} is no rejection"),
    }
}

pub fn kind<T>(result: Result<T>) -> (ErrorKind, String) {
    let Err(Error { kind, message, .. }) = result else { panic!("it should fail") };
    (kind, message)
}

pub const INT: LogicalType = LogicalType::Int64;
pub const TEXT: LogicalType = LogicalType::Text;

pub fn people(rows: &[&[Option<&str>]]) -> RecordBatch {
    batch(&[("id", INT), ("name", TEXT)], rows)
}

pub const PEOPLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO t VALUES (1, 'one'), (2, 'two');";
