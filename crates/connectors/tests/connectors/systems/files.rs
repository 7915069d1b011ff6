//! A folder of files of one format for the suites, filled by plain writers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Schema};
use async_trait::async_trait;
use parquet::arrow::ArrowWriter;
use syncline_connector::conformance::table::{self, Column, Row};
use syncline_connector::conformance::{DestinationFixture, SourceFixture, values};
use syncline_connector::{Connection, ConnectionConfig, Destination, DestinationSpec, Source};
use syncline_connectors::files;
use syncline_core::LogicalType;
use syncline_core::sync::{FileModel, Model, ModelQuery};

pub struct Files {
    folder: tempfile::TempDir,
    connection: Connection,
    /// `csv`, `jsonl` or `parquet`.
    ending: &'static str,
    names: AtomicU32,
}

impl Files {
    pub fn new(ending: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ConnectionConfig {
            name: "folder".into(),
            type_name: "files".into(),
            options: serde_json::json!({ "path": "." }).as_object().unwrap().clone(),
            base_dir: folder.path().into(),
        };
        let connection = files::connect(&config).unwrap();
        Self { folder, connection, ending, names: AtomicU32::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self) -> String {
        format!("t{}.{}", self.names.fetch_add(1, Ordering::Relaxed), self.ending)
    }

    /// Parquet files say themselves which types their columns have.
    fn file(&self, name: &str, columns: &[Column]) -> Model {
        let types = match self.ending {
            "parquet" => BTreeMap::new(),
            _ => columns.iter().cloned().collect(),
        };
        let key = columns.first().map_or("id".to_string(), |(name, _)| name.clone());
        Model {
            query: ModelQuery::File(FileModel {
                path: name.into(),
                format: None,
                types,
                delimiter: None,
                null: None,
            }),
            key: vec![key],
            cursor: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Every value quoted, so that NULL is what is not.
fn csv(columns: &[Column], rows: &[Row]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let header: Vec<String> = columns.iter().map(|(name, _)| quoted(name)).collect();
    let mut lines = vec![header.join(",")];
    for row in rows {
        let cells: Vec<String> =
            row.iter().map(|cell| cell.as_deref().map(quoted).unwrap_or_default()).collect();
        lines.push(cells.join(","));
    }
    lines.join("\n") + "\n"
}

fn jsonl(columns: &[Column], rows: &[Row]) -> String {
    let mut lines = String::new();
    for row in rows {
        let member = |((name, ty), cell): (&Column, &Option<String>)| {
            use LogicalType::*;
            let raw = match (ty, cell) {
                // `null` is a value of a json column.
                (Json, None) => return None,
                (_, None) => "null".to_string(),
                (Bool | Int16 | Int32 | Int64 | Json | Array(_), Some(text)) => text.clone(),
                (_, Some(text)) => serde_json::Value::from(text.as_str()).to_string(),
            };
            Some(format!("{}:{raw}", serde_json::Value::from(name.as_str())))
        };
        let members: Vec<String> = columns.iter().zip(row).filter_map(member).collect();
        lines += &format!("{{{}}}\n", members.join(","));
    }
    lines
}

/// Parquet has no interval of our precision, so those are texts with the type's tag.
fn parquet(file: File, columns: &[Column], rows: &[Row]) {
    let batch = table::batch(columns, rows);
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (i, (_, ty)) in columns.iter().enumerate() {
        let field = batch.schema().field(i).clone();
        if *ty == LogicalType::Interval {
            fields.push(field.with_data_type(DataType::Utf8));
            arrays.push(Arc::new(rows.iter().map(|row| row[i].as_deref()).collect::<StringArray>()));
        } else {
            fields.push(field);
            arrays.push(Arc::clone(batch.column(i)));
        }
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[async_trait]
impl SourceFixture for Files {
    fn source(&self) -> Arc<dyn Source> {
        self.connection.source.clone().unwrap()
    }

    fn types(&self) -> Vec<LogicalType> {
        values::types()
    }

    async fn load(&self, columns: &[Column], rows: &[Row]) -> Model {
        let name = self.name();
        match self.ending {
            "csv" => fs::write(self.path(&name), csv(columns, rows)).unwrap(),
            "jsonl" => fs::write(self.path(&name), jsonl(columns, rows)).unwrap(),
            _ => parquet(File::create(self.path(&name)).unwrap(), columns, rows),
        }
        self.file(&name, columns)
    }

    fn missing(&self) -> Model {
        self.file(&format!("missing.{}", self.ending), &[])
    }
}

#[async_trait]
impl DestinationFixture for Files {
    fn spec(&self) -> DestinationSpec {
        files::spec().destination.unwrap()
    }

    fn destination(&self) -> Arc<dyn Destination> {
        self.connection.destination.clone().unwrap()
    }

    fn source(&self) -> Arc<dyn Source> {
        self.connection.source.clone().unwrap()
    }

    fn new_object(&self) -> String {
        self.name()
    }

    fn model(&self, object: &str, columns: &[Column]) -> Model {
        self.file(object, columns)
    }

    async fn remove(&self, object: &str) {
        fs::remove_file(self.path(object)).unwrap();
    }
}
