//! A database with a destination over it, and short ways to write chunks.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use syncline_connector::{Chunk, ConnectionConfig, Destination, FieldRule, OpenRequest, Session};
use syncline_core::sync::{FieldWrite, Nulls, Publish, Target, WriteMode};
use syncline_core::{LogicalType, Op, RowError, RowResult, RunId, SyncUid, text};
use syncline_tests::postgres::{Database, Server};
use tokio_postgres::Client;

pub struct World {
    pub database: Database,
    pub client: Client,
    pub destination: Arc<dyn Destination>,
}

/// A new database in which `ddl` has been run.
pub async fn world(ddl: &str) -> World {
    let database = Server::shared().database().await;
    let client = database.client().await;
    client.batch_execute(ddl).await.unwrap();
    let destination = destination(database.url());
    World { database, client, destination }
}

pub fn destination(url: &str) -> Arc<dyn Destination> {
    destination_with(serde_json::json!({ "url": url }))
}

pub fn destination_with(options: serde_json::Value) -> Arc<dyn Destination> {
    let serde_json::Value::Object(options) = options else { panic!("options are an object") };
    let config = ConnectionConfig {
        name: "target".into(),
        type_name: "postgres".into(),
        options,
        base_dir: PathBuf::new(),
    };
    syncline_connectors::postgres::connect(&config).unwrap().destination.unwrap()
}

impl World {
    /// Rows of a query, each column as text, NULL as `-`.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        let sql = format!(
            "SELECT array_to_string(ARRAY(SELECT coalesce(v.value, '-') FROM json_each_text(row_to_json(q)) v), '|') FROM ({sql}) q"
        );
        self.client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    pub async fn execute(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap();
    }

    pub async fn open(&self, request: OpenRequest) -> Box<dyn Session> {
        self.destination.open(request).await.unwrap()
    }

    /// Writes one chunk in a session of its own and commits.
    pub async fn write(&self, request: OpenRequest, chunk: Chunk) -> Vec<RowResult> {
        let mut session = self.open(request).await;
        let results = session.write(&chunk).await.unwrap();
        session.commit().await.unwrap();
        results
    }
}

pub fn schema(fields: &[(&str, &str)]) -> SchemaRef {
    let fields: Vec<_> =
        fields.iter().map(|(name, ty)| ty.parse::<LogicalType>().unwrap().field(name, true)).collect();
    Arc::new(Schema::new(fields))
}

/// A request that matches by the first field.
pub fn request(object: &str, write_mode: WriteMode, fields: &[(&str, &str)]) -> OpenRequest {
    let always = FieldRule { write: FieldWrite::Always, nulls: Nulls::Write };
    let match_fields =
        if write_mode == WriteMode::Append { Vec::new() } else { vec![fields[0].0.to_string()] };
    OpenRequest {
        sync_uid: SyncUid::from_stored("sync_1"),
        run_id: RunId::from_stored("run_1"),
        epoch: 1,
        plan_digest: "digest".into(),
        target: Target { object: object.into(), match_fields },
        write_mode,
        publish: Publish::Atomic,
        schema: schema(fields),
        rules: vec![always; fields.len()],
        flag: None,
        duplicates_accepted: false,
    }
}

/// Rows of canonical texts, `-` for NULL.
pub fn batch(schema: &SchemaRef, rows: &[&[&str]]) -> RecordBatch {
    let columns = schema.fields().iter().enumerate().map(|(i, field)| {
        let texts: Vec<Option<&str>> = rows.iter().map(|row| Some(row[i]).filter(|t| *t != "-")).collect();
        let (array, bad) = text::parse(&texts, &LogicalType::of(field).unwrap());
        assert!(bad.is_empty(), "{} is no value of {field:?}", rows[bad[0]][i]);
        array
    });
    RecordBatch::try_new(Arc::clone(schema), columns.collect()).unwrap()
}

pub fn chunk(request: &OpenRequest, op: Op, rows: &[&[&str]]) -> Chunk {
    chunk_of(request, &vec![op; rows.len()], rows)
}

pub fn chunk_of(request: &OpenRequest, ops: &[Op], rows: &[&[&str]]) -> Chunk {
    Chunk { number: 0, ops: ops.to_vec(), payload: batch(&request.schema, rows), old_match: None }
}

/// `created`, `updated` …, or the code of a rejection with its field.
pub fn name(result: &RowResult) -> String {
    match result {
        RowResult::Created { .. } => "created".into(),
        RowResult::Updated { .. } => "updated".into(),
        RowResult::Removed => "removed".into(),
        RowResult::Exists => "exists".into(),
        RowResult::Absent => "absent".into(),
        RowResult::Rejected(e) => format!("{} {}", e.code, e.field.as_deref().unwrap_or("?")),
        RowResult::Unknown(_) => "unknown".into(),
    }
}

pub fn names(results: &[RowResult]) -> Vec<String> {
    results.iter().map(name).collect()
}

pub fn rejection(result: &RowResult) -> &RowError {
    match result {
        RowResult::Rejected(error) => error,
        other => panic!("not rejected: {other:?}"),
    }
}
