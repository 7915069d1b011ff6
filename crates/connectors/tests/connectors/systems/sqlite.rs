//! A SQLite database for the suites, made and filled by SQLite itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::types::Value;
use syncline_connector::conformance::table::{Column, Row};
use syncline_connector::conformance::{DestinationFixture, SourceFixture};
use syncline_connector::{Connection, ConnectionConfig, Destination, DestinationSpec, Source};
use syncline_connectors::sqlite;
use syncline_core::LogicalType;
use syncline_core::sync::{Model, ModelQuery};

pub struct Sqlite {
    folder: tempfile::TempDir,
    connection: Connection,
    names: AtomicU32,
}

impl Sqlite {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = serde_json::json!({ "path": "data.db", "busy_timeout": "200ms" });
        let config = ConnectionConfig {
            name: "database".into(),
            type_name: "sqlite".into(),
            options: options.as_object().unwrap().clone(),
            base_dir: folder.path().into(),
        };
        let this =
            Self { folder, connection: sqlite::connect(&config).unwrap(), names: AtomicU32::default() };
        this.raw().execute_batch("PRAGMA journal_mode = WAL").unwrap();
        this
    }

    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("data.db")).unwrap()
    }

    fn name(&self) -> String {
        format!("t{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    fn table(name: &str, key: &str) -> Model {
        Model {
            query: ModelQuery::Table(name.into()),
            key: vec![key.into()],
            cursor: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// The declared type that means a canonical one and keeps its values.
fn declared(ty: &LogicalType) -> &'static str {
    match ty {
        LogicalType::Bool => "BOOLEAN",
        LogicalType::Int64 => "BIGINT",
        LogicalType::Float64 => "DOUBLE PRECISION",
        LogicalType::Numeric(_) => "DECIMAL TEXT",
        LogicalType::Text => "VARCHAR",
        LogicalType::Bytes => "BLOB",
        LogicalType::Uuid => "UUID TEXT",
        LogicalType::Date => "DATE TEXT",
        LogicalType::Time => "TIME TEXT",
        LogicalType::Timestamp => "DATETIME TEXT",
        LogicalType::TimestampTz => "TIMESTAMPTZ TEXT",
        LogicalType::Interval => "INTERVAL",
        LogicalType::Json => "JSON TEXT",
        other => panic!("SQLite has no {other}"),
    }
}

fn value(ty: &LogicalType, text: &Option<String>) -> Value {
    let Some(text) = text else { return Value::Null };
    match ty {
        LogicalType::Bool => Value::Integer((text == "true").into()),
        LogicalType::Int64 => Value::Integer(text.parse().unwrap()),
        LogicalType::Float64 => Value::Real(text.parse().unwrap()),
        LogicalType::Bytes => {
            let digits = &text.as_bytes()[2..];
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
            Value::Blob(digits.chunks(2).map(byte).collect())
        }
        // SQLite's own spelling of a date with a time has a space.
        LogicalType::Timestamp | LogicalType::TimestampTz => Value::Text(text.replace('T', " ")),
        _ => Value::Text(text.clone()),
    }
}

#[async_trait]
impl SourceFixture for Sqlite {
    fn source(&self) -> Arc<dyn Source> {
        self.connection.source.clone().unwrap()
    }

    fn types(&self) -> Vec<LogicalType> {
        use LogicalType::*;
        vec![
            Bool,
            Int64,
            Float64,
            Numeric(None),
            Text,
            Bytes,
            Uuid,
            Date,
            Time,
            Timestamp,
            TimestampTz,
            Interval,
            Json,
        ]
    }

    /// SQLite keeps NaN as NULL.
    fn holds(&self, ty: &LogicalType, text: &str) -> bool {
        !(*ty == LogicalType::Float64 && text == "NaN")
    }

    async fn load(&self, columns: &[Column], rows: &[Row]) -> Model {
        let (name, mut raw) = (self.name(), self.raw());
        let lines: Vec<String> =
            columns.iter().map(|(name, ty)| format!("\"{name}\" {}", declared(ty))).collect();
        raw.execute_batch(&format!("CREATE TABLE {name} ({})", lines.join(", "))).unwrap();
        let transaction = raw.transaction().unwrap();
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {name} VALUES ({places})")).unwrap();
        for row in rows {
            let values = columns.iter().zip(row).map(|((_, ty), text)| value(ty, text));
            insert.execute(rusqlite::params_from_iter(values)).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
        Self::table(&name, &columns[0].0)
    }

    fn missing(&self) -> Model {
        Self::table("missing", "id")
    }
}

#[async_trait]
impl DestinationFixture for Sqlite {
    fn spec(&self) -> DestinationSpec {
        sqlite::spec().destination.unwrap()
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
        Self::table(object, &columns[0].0)
    }

    async fn remove(&self, object: &str) {
        self.raw().execute_batch(&format!("DROP TABLE {object}")).unwrap();
    }

    fn stored_type(&self, ty: &LogicalType) -> LogicalType {
        match ty {
            LogicalType::Int16 | LogicalType::Int32 => LogicalType::Int64,
            LogicalType::Float32 => LogicalType::Float64,
            LogicalType::Numeric(_) => LogicalType::Numeric(None),
            LogicalType::Array(_) => LogicalType::Json,
            other => other.clone(),
        }
    }

    /// SQLite keeps NaN as NULL.
    fn refuses(&self, ty: &LogicalType, text: &str) -> bool {
        matches!(ty, LogicalType::Float32 | LogicalType::Float64) && text == "NaN"
    }
}
