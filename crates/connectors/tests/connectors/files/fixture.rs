//! A folder with a source and a destination over it, and short ways to read and write its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use futures::StreamExt;
use serde_json::json;
use syncline_connector::{
    Chunk, Connection, ConnectionConfig, Consistency, Destination, FieldRule, InvalidRow, OpenRequest,
    ReadFilter, ReadRequest, Source, SourceItem, UnreadableRow,
};
use syncline_core::sync::{FieldWrite, FileModel, Model, ModelQuery, Nulls, Publish, Target, WriteMode};
use syncline_core::{Error, ErrorKind, LogicalType, Op, Result, RowResult, RunId, SyncUid, text};
use tempfile::TempDir;

pub const FORMATS: [&str; 4] = ["t.csv", "t.tsv", "t.jsonl", "t.parquet"];

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

pub struct Home {
    dir: TempDir,
    pub source: Arc<dyn Source>,
    pub destination: Arc<dyn Destination>,
}

impl Home {
    pub fn with(options: serde_json::Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let connection = connect_with(dir.path(), options);
        fs::create_dir(dir.path().join("data")).unwrap();
        Self { dir, source: connection.source.unwrap(), destination: connection.destination.unwrap() }
    }

    pub fn new() -> Self {
        Self::with(json!({}))
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("data").join(name)
    }

    pub fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Every name in the folder, hidden ones included.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(""))
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    pub async fn read(&self, model: &Model) -> Result<Read> {
        read(&*self.source, model, None).await
    }
}

#[derive(Debug)]
pub struct Read {
    pub rows: RecordBatch,
    pub invalid: Vec<InvalidRow>,
    pub unreadable: Vec<UnreadableRow>,
    pub consistency: Consistency,
}

impl Read {
    /// Canonical text of every value, NULL as `None`.
    pub fn texts(&self) -> Vec<Vec<Option<String>>> {
        let types: Vec<_> = self.rows.schema().fields().iter().map(|f| LogicalType::of(f).unwrap()).collect();
        (0..self.rows.num_rows())
            .map(|row| {
                let cell = |(i, ty)| text::render(self.rows.column(i), ty, row);
                types.iter().enumerate().map(cell).collect()
            })
            .collect()
    }

    pub fn types(&self) -> Vec<(String, String)> {
        let fields = self.rows.schema();
        fields.fields().iter().map(|f| (f.name().clone(), LogicalType::of(f).unwrap().to_string())).collect()
    }
}

pub async fn read(source: &dyn Source, model: &Model, columns: Option<Vec<String>>) -> Result<Read> {
    let request = ReadRequest {
        model: model.clone(),
        columns,
        filter: ReadFilter::All,
        order_by: vec![],
        identify: None,
    };
    let mut stream = source.read(request).await?;
    let (mut batches, mut invalid, mut unreadable, mut end) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut before = 0;
    while let Some(item) = stream.next().await {
        assert!(end.is_none(), "nothing follows the end");
        match item? {
            SourceItem::End(e) => end = Some(e),
            SourceItem::Raw(_) => panic!("undecoded rows were not asked for"),
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

pub fn file_model(path: &str) -> FileModel {
    FileModel { path: path.into(), format: None, types: BTreeMap::new(), delimiter: None, null: None }
}

pub fn model_of(file: FileModel) -> Model {
    Model {
        query: ModelQuery::File(file),
        key: vec!["id".into()],
        cursor: None,
        timeout: Duration::from_secs(10),
    }
}

pub fn model(path: &str, types: &[(&str, &str)]) -> Model {
    let types = types.iter().map(|(name, ty)| (name.to_string(), ty.parse().unwrap())).collect();
    model_of(FileModel { types, ..file_model(path) })
}

pub fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
    values.iter().map(|v| v.map(str::to_string)).collect()
}

/// A batch from canonical texts; one column per name and type.
pub fn batch(columns: &[(&str, &str)], rows: &[&[Option<&str>]]) -> RecordBatch {
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

pub fn request(object: &str, mode: WriteMode, schema: &RecordBatch, run: &str) -> OpenRequest {
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

pub fn chunk(number: u32, op: Op, payload: &RecordBatch) -> Chunk {
    Chunk { number, ops: vec![op; payload.num_rows()], payload: payload.clone(), old_match: None }
}

pub async fn deliver(home: &Home, request: OpenRequest, chunk: &Chunk) -> Result<Vec<RowResult>> {
    let mut session = home.destination.open(request).await?;
    let results = session.write(chunk).await?;
    session.commit().await?;
    Ok(results)
}

pub fn names(results: &[RowResult]) -> Vec<&'static str> {
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

pub fn contacts(rows: &[(&str, Option<&str>)]) -> RecordBatch {
    let rows: Vec<[Option<&str>; 2]> = rows.iter().map(|(id, name)| [Some(*id), *name]).collect();
    batch(&CONTACT, &rows.iter().map(|r| r.as_slice()).collect::<Vec<_>>())
}

pub async fn current(home: &Home, object: &str) -> Vec<Vec<Option<String>>> {
    home.read(&model(object, &CONTACT)).await.unwrap().texts()
}
