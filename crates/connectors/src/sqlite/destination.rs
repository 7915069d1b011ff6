//! Writing: what tables take, making them, and opening a session.

use std::fs::OpenOptions;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use syncline_connector::{Destination, ObjectDescription, OpenRequest, Session};
use syncline_core::sync::WriteMode;
use syncline_core::{Error, ErrorKind, LogicalType, Result};

use super::bookkeeping;
use super::catalog::{self, Table};
use super::database::{Database, Side, blocking, quote};
use super::session::{SqliteSession, Writer, check_fence};
use super::statements::WritePlan;
use super::types;

pub struct SqliteDestination {
    database: Arc<Database>,
}

impl SqliteDestination {
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Destination for SqliteDestination {
    async fn check(&self) -> Result<String> {
        let database = self.database.clone();
        blocking(move || {
            let (version, path) = (rusqlite::version(), database.path.display());
            if database.create && !database.exists() {
                return Ok(format!("SQLite {version}, {path} (will be created)"));
            }
            let conn = database.open_read(Side::Destination)?;
            let tables = catalog::list(&conn).map_err(|e| database.failure(Side::Destination, e))?.len();
            let access = if not_writable(&database).is_some() { ", read-only" } else { "" };
            Ok(format!("SQLite {version}, {path}, {tables} tables and views{access}"))
        })
        .await
    }

    async fn describe(&self, object: &str) -> Result<Option<ObjectDescription>> {
        let (database, object) = (self.database.clone(), object.to_string());
        blocking(move || describe(&database, &object)).await
    }

    fn creation_plan(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<String> {
        create_statement(object, schema, match_fields)
    }

    async fn create(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<()> {
        let sql = create_statement(object, schema, match_fields)?;
        let database = self.database.clone();
        blocking(move || {
            let conn = database.open_write()?;
            conn.execute_batch(&sql).map_err(|e| database.failure(Side::Destination, e))
        })
        .await
    }

    async fn open(&self, request: OpenRequest) -> Result<Box<dyn Session>> {
        let database = self.database.clone();
        blocking(move || {
            let writer = open(database, request)?;
            Ok(Box::new(SqliteSession::new(writer)) as Box<dyn Session>)
        })
        .await
    }
}

fn describe(database: &Database, object: &str) -> Result<Option<ObjectDescription>> {
    if database.create && !database.exists() {
        return Ok(None);
    }
    let conn = database.open_read(Side::Destination)?;
    let failure = |e| database.failure(Side::Destination, e);
    conn.execute_batch("BEGIN").map_err(failure)?;
    let Some(table) = catalog::table(&conn, object).map_err(failure)? else { return Ok(None) };
    Ok(Some(ObjectDescription {
        fields: table.fields(),
        open_schema: false,
        unique_keys: table
            .unique_keys
            .iter()
            .map(|key| key.columns.iter().map(|(name, _)| name.clone()).collect())
            .collect(),
        not_writable: table.not_writable().or_else(|| not_writable(database)),
        identity: format!("sqlite:{}:{}", database.path.display(), table.name),
        incarnation: bookkeeping::incarnation(&conn, &table, &database.path).map_err(failure)?,
    }))
}

/// Why the file cannot be written. Opening it for writing changes nothing.
fn not_writable(database: &Database) -> Option<String> {
    let opened = OpenOptions::new().write(true).open(&database.path);
    opened.err().map(|e| format!("{} cannot be written: {e}", database.path.display()))
}

fn create_statement(object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<String> {
    let name = match object.split_once('.') {
        Some((schema, name)) if schema.eq_ignore_ascii_case("main") => name,
        _ => object,
    };
    let mut lines = Vec::new();
    for field in schema.fields() {
        let declared = types::declare(&LogicalType::of(field)?);
        let required = if match_fields.contains(field.name()) { " NOT NULL" } else { "" };
        lines.push(format!("{} {declared}{required}", quote(field.name())));
    }
    if !match_fields.is_empty() {
        let columns: Vec<String> = match_fields.iter().map(|f| quote(f)).collect();
        lines.push(format!("PRIMARY KEY ({})", columns.join(", ")));
    }
    Ok(format!("CREATE TABLE {} (\n    {}\n)", quote(name), lines.join(",\n    ")))
}

fn open(database: Arc<Database>, request: OpenRequest) -> Result<Writer> {
    if request.write_mode == WriteMode::TwoWay {
        let message = format!("{}: write_mode two_way cannot be written to SQLite", database.path.display());
        return Err(Error::new(ErrorKind::DestinationUnsuitable, message).help("choose another write_mode"));
    }
    let conn = database.open_write()?;
    let failure = |e| database.failure(Side::Destination, e);
    let epoch = i64::try_from(request.epoch)
        .map_err(|_| Error::internal(format!("epoch {} is out of range", request.epoch)))?;
    // The write lock: whatever an older session of this sync was doing has ended.
    conn.execute_batch("BEGIN IMMEDIATE").map_err(failure)?;
    let table = writable_table(&database, &conn, &request.target.object)?;
    let plan = WritePlan::new(table, &request)?;
    bookkeeping::create_tables(&conn).map_err(failure)?;
    let uid = request.sync_uid.as_str();
    check_fence(bookkeeping::fence(&conn, uid).map_err(failure)?, epoch)?;
    bookkeeping::set_fence(&conn, uid, epoch).map_err(failure)?;
    bookkeeping::prune_ledger(&conn, &request).map_err(failure)?;
    bookkeeping::ensure_mark(&conn, &plan.table).map_err(failure)?;
    conn.execute_batch("COMMIT").map_err(failure)?;
    Writer::new(database.clone(), conn, plan, request, epoch)
}

fn writable_table(database: &Database, conn: &rusqlite::Connection, object: &str) -> Result<Table> {
    let found = catalog::table(conn, object).map_err(|e| database.failure(Side::Destination, e))?;
    let path = database.path.display();
    let Some(table) = found else {
        return Err(Error::new(
            ErrorKind::DestinationUnsuitable,
            format!("{path}: there is no table '{object}'"),
        )
        .help("create the table, or correct the sync's target"));
    };
    match table.not_writable() {
        None => Ok(table),
        Some(why) => Err(Error::new(ErrorKind::DestinationUnsuitable, format!("{path}: {why}"))
            .help("write to an ordinary table")),
    }
}
