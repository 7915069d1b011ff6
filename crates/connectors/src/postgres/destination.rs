//! Writing to PostgreSQL.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use syncline_connector::{
    Destination, DestinationSpec, DirectLoad, ObjectDescription, OpenRequest, RemovalKind, Session,
};
use syncline_core::sync::{OnMatchChange, Publish, WriteMode};
use syncline_core::{Error, ErrorKind, Result};

use super::client::{PgClient, Side, connect};
use super::create;
use super::describe::Table;
use super::ledger::Ledger;
use super::load::{self, PgLoad};
use super::merge::Merge;
use super::names::ObjectName;
use super::options::Settings;
use super::session::PgSession;
use super::violations::failed;

/// Rows in one chunk: large enough that a statement's own cost does not show, small enough that a
/// chunk of ordinary rows stays within a few dozen megabytes.
const BATCH_ROWS: u32 = 50_000;
const BATCH_ROWS_MAX: u32 = 1_000_000;

/// What the destination can do.
pub fn capabilities() -> DestinationSpec {
    use {OnMatchChange as Moved, WriteMode as Mode};
    DestinationSpec {
        write_modes: &[Mode::Insert, Mode::Update, Mode::Upsert, Mode::Mirror, Mode::Append],
        on_removed: &[RemovalKind::Delete, RemovalKind::ClearFields, RemovalKind::Flag, RemovalKind::Ignore],
        on_match_change: &[Moved::Fail, Moved::UpdateById, Moved::Recreate],
        publish: &[Publish::Atomic, Publish::Progressive],
        field_rules: true,
        batch_size: BATCH_ROWS,
        batch_size_max: BATCH_ROWS_MAX,
        idempotent: true,
    }
}

/// A PostgreSQL database that is written to. Each session has a connection of its own.
pub struct PgDestination {
    settings: Arc<Settings>,
}

impl PgDestination {
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }

    async fn connect(&self) -> Result<PgClient> {
        connect(&self.settings, Side::Destination).await
    }

    async fn table(&self, pg: &PgClient, object: &str) -> Result<Option<Table>> {
        let name = ObjectName::parse(object)?;
        Table::load(&pg.client, &name).await.map_err(|e| failed(pg, &name.plain(), e))
    }

    /// A connection for one run, what it writes, and the schema for the ledger.
    async fn prepare(&self, request: &OpenRequest) -> Result<(PgClient, Merge, String)> {
        let pg = self.connect().await?;
        PgSession::configure(&pg, self.settings.statement_timeout).await?;
        let table = self.table(&pg, &request.target.object).await?.ok_or_else(|| {
            let message =
                format!("there is no table '{}' in {}", request.target.object, self.settings.identity());
            Error::new(ErrorKind::DestinationUnsuitable, message).help(
                "create it, or correct `to.object`; names are compared exactly, with upper and lower case",
            )
        })?;
        let merge = Merge::new(table, request)?;
        let schema = match &self.settings.ledger_schema {
            Some(schema) => schema.clone(),
            None => merge.table.name.schema.clone().unwrap_or_default(),
        };
        Ok((pg, merge, schema))
    }
}

#[async_trait]
impl Destination for PgDestination {
    async fn check(&self) -> Result<String> {
        let pg = self.connect().await?;
        let sql = "SELECT pg_catalog.current_setting('server_version'), current_user::text";
        let row = pg.client.query_one(sql, &[]).await.map_err(|e| failed(&pg, "the server", e))?;
        let (version, role): (String, String) = (row.get(0), row.get(1));
        Ok(format!("PostgreSQL {version} at {} as {role}", self.settings.identity()))
    }

    async fn describe(&self, object: &str) -> Result<Option<ObjectDescription>> {
        let pg = self.connect().await?;
        let table = self.table(&pg, object).await?;
        Ok(table.map(|table| table.description(&self.settings.identity())))
    }

    fn creation_plan(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<String> {
        create::statement(object, schema, match_fields)
    }

    async fn create(&self, object: &str, schema: &SchemaRef, match_fields: &[String]) -> Result<()> {
        let sql = create::statement(object, schema, match_fields)?;
        let pg = self.connect().await?;
        pg.client.batch_execute(&sql).await.map_err(|e| failed(&pg, &format!("creating {object}"), e))
    }

    async fn open(&self, request: OpenRequest) -> Result<Box<dyn Session>> {
        let (pg, merge, schema) = self.prepare(&request).await?;
        let ledger = Ledger::take(&pg, &schema, &merge.table, &request).await?;
        if ledger.is_none() && request.write_mode == WriteMode::Append && !request.duplicates_accepted {
            return Err(Error::new(
                ErrorKind::DestinationUnsuitable,
                format!(
                    "append to {} needs the tables _syncline_ledger and _syncline_fence in schema '{schema}', \
                     and role '{}' may not make or use them; without them a crash could append rows twice",
                    merge.table.name.plain(),
                    merge.table.role
                ),
            )
            .help(format!(
                "run as the owner of the schema: {}; or write `append_without_ledger: accepted` in the sync",
                Ledger::setup(&schema, &merge.table.role)
            )));
        }
        let session = PgSession::start(pg, merge, ledger, &request).await?;
        Ok(Box::new(session))
    }
    async fn load(&self, request: OpenRequest) -> Result<Option<Box<dyn DirectLoad>>> {
        if !load::is_possible(&request) {
            return Ok(None);
        }
        let (pg, merge, schema) = self.prepare(&request).await?;
        let load = PgLoad::begin(pg, merge, &schema, &request).await?;
        Ok(load.map(|load| Box::new(load) as Box<dyn DirectLoad>))
    }
}
