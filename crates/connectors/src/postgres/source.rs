//! Reading models from PostgreSQL.
//!
//! A read is one `COPY (SELECT …) TO STDOUT (FORMAT binary)` in a read-only REPEATABLE READ
//! transaction of its own connection: one snapshot, at the server's bulk speed, and with nothing
//! that the model's SQL could change.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use jiff::Timestamp;
use syncline_connector::{Consistency, ReadEnd, ReadFilter, ReadRequest, Source, SourceStream, StreamInfo};
use syncline_core::sync::Model;
use syncline_core::{Error, ErrorKind, Result};

use super::client::{PgClient, Side, connect};
use super::decode::BatchDecoder;
use super::discover;
use super::framing::Framer;
use super::identify::Identifier;
use super::model_error::{read_failed, statement_failed};
use super::options::Settings;
use super::raw::Shape;
use super::reading::{Collector, Reading, Rows};
use super::source_sql::{ModelColumn, ModelSql, condition};
use super::types::{PgType, unsupported};

/// Limit of the few catalog queries of `check` and `discover`.
const CATALOG_TIMEOUT: Duration = Duration::from_secs(60);

/// A PostgreSQL database to read from. Every read has a connection of its own.
pub struct PostgresSource {
    settings: Arc<Settings>,
}

impl PostgresSource {
    pub fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }

    async fn connect(&self) -> Result<PgClient> {
        connect(&self.settings, Side::Source).await
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn check(&self) -> Result<String> {
        discover::greeting(&self.connect().await?, &self.settings).await
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let client = self.connect().await?;
        begin(&client, CATALOG_TIMEOUT).await.map_err(|e| discover::failed(&client, e))?;
        discover::streams(&client).await
    }

    async fn describe(&self, model: &Model) -> Result<SchemaRef> {
        let sql = ModelSql::new(&model.query)?;
        let client = self.connect().await?;
        begin(&client, model.timeout).await.map_err(|e| read_failed(&client, &sql, model.timeout, e))?;
        let columns = prepare(&client, &sql, model.timeout).await?;
        Ok(schema(columns.iter()))
    }

    async fn read(&self, request: ReadRequest) -> Result<SourceStream> {
        let sql = ModelSql::new(&request.model.query)?;
        let client = self.connect().await?;
        Ok(plan(client, sql, request).await?.stream())
    }

    fn pushes_down(&self) -> bool {
        true
    }

    fn identity(&self) -> String {
        self.settings.identity()
    }
}

/// Opens the transaction that everything is read in.
async fn begin(client: &PgClient, timeout: Duration) -> std::result::Result<(), tokio_postgres::Error> {
    // Zero would mean no limit at all.
    let timeout_ms = timeout.as_millis().clamp(1, i32::MAX as u128);
    // How literals are read must not depend on the role's settings: the model's end is looked for,
    // and filters are written, by the standard's rules.
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
         SET LOCAL statement_timeout = {timeout_ms}; \
         SET LOCAL standard_conforming_strings = on"
    );
    client.client.batch_execute(&sql).await
}

/// Proves that the model is one statement that only selects, and learns its columns.
async fn prepare(client: &PgClient, sql: &ModelSql, timeout: Duration) -> Result<Vec<ModelColumn>> {
    let refused = |why: &str| {
        let origin = sql.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
        Error::new(ErrorKind::ModelQueryFailed, format!("Model query failed{origin}: {why}"))
            .help("a model is one SELECT statement")
    };
    let statement =
        client.client.prepare(&sql.statement).await.map_err(|e| statement_failed(client, sql, timeout, e))?;
    if !statement.params().is_empty() {
        return Err(refused("it has parameters ($1), for which there are no values"));
    }
    if statement.columns().is_empty() {
        return Err(refused("it returns no columns"));
    }
    let mut columns = Vec::with_capacity(statement.columns().len());
    for column in statement.columns() {
        let (name, native) = (column.name(), column.type_());
        if columns.iter().any(|c: &ModelColumn| c.name == name) {
            return Err(refused(&format!("two of its columns have the name '{name}'"))
                .help("give one of them another name with `as`"));
        }
        let ty = PgType::of(native, column.type_modifier()).ok_or_else(|| unsupported(name, native))?;
        let typmod = column.type_modifier();
        columns.push(ModelColumn { name: name.to_string(), native: native.clone(), typmod, ty });
    }
    // What is complete by itself need not be a query: INSERT … RETURNING and SHOW have columns too.
    // Inside FROM the grammar takes nothing but queries, and no writing WITH.
    let all: Vec<&ModelColumn> = columns.iter().collect();
    match client.client.prepare(&sql.select(&all, None, &[])).await {
        Ok(_) => Ok(columns),
        Err(e) => match client.lost(e) {
            Ok(lost) => Err(lost),
            Err(e) => {
                Err(refused(&format!("it is not a query that only reads ({})", super::client::reason(&e)))
                    .caused_by(e))
            }
        },
    }
}

fn schema<'a>(columns: impl Iterator<Item = &'a ModelColumn>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(|c| c.ty.logical.field(&c.name, true)).collect::<Vec<_>>()))
}

/// Fixes the snapshot and proves that the read can be done.
async fn plan(client: PgClient, sql: ModelSql, request: ReadRequest) -> Result<Reading> {
    let timeout = request.model.timeout;
    let failed = |e| read_failed(&client, &sql, timeout, e);
    // Before the snapshot: a transaction that is open now and not in the snapshot is one whose
    // rows may yet appear, and one that begins later is dated after `now`.
    let clock = source_clock(&client).await.map_err(failed)?;
    begin(&client, timeout).await.map_err(failed)?;
    if clock.unchecked_text {
        // Otherwise the server would fail the whole read at the first text that is not UTF-8.
        client.client.batch_execute("SET LOCAL client_encoding = 'SQL_ASCII'").await.map_err(failed)?;
    }
    let model = prepare(&client, &sql, timeout).await?;

    let columns = match &request.columns {
        None => model.iter().collect(),
        Some(names) => named(&model, names)?,
    };
    let order_by = named(&model, &request.order_by)?;
    let key = match &request.filter {
        ReadFilter::All => Vec::new(),
        _ => named(&model, &request.model.key)?,
    };
    let cursor = match &request.filter {
        ReadFilter::Since { column, .. } => Some(one(&model, column)?),
        _ => None,
    };
    let filter = condition(&request.filter, &key, cursor)?;
    let copy = ModelSql::copy(&sql.select(&columns, filter.as_deref(), &order_by));
    let types: Vec<PgType> = columns.iter().map(|c| c.ty.clone()).collect();
    let schema = schema(columns.iter().copied());
    let collector = match &request.identify {
        None => Collector::Decoded(BatchDecoder::new(schema, &types)),
        Some(identify) => {
            let identifier = Identifier::new(&columns, &request.model, identify)?;
            Collector::Raw(Arc::new(Shape { schema, types, identifier }))
        }
    };
    let framer = Framer::new(columns.len());
    let end = ReadEnd {
        consistency: Consistency::Snapshot,
        now: clock.now,
        oldest_open_write: clock.oldest_open_write,
    };
    Ok(Reading::new(client, sql, timeout, copy, Rows { framer, collector }, end))
}

/// The source's time, and its writers, just before the snapshot.
struct SourceClock {
    now: Option<Timestamp>,
    oldest_open_write: Option<Timestamp>,
    /// The database takes any bytes for text.
    unchecked_text: bool,
}

async fn source_clock(client: &PgClient) -> std::result::Result<SourceClock, tokio_postgres::Error> {
    // A transaction that has only read so far may still write rows dated at its start. Other roles'
    // transactions are visible only to members of pg_read_all_stats; one that was prepared is counted
    // from then.
    let row = client
        .client
        .query_one(
            "SELECT (extract(epoch FROM now()) * 1000000)::int8, \
                    (extract(epoch FROM min(began)) * 1000000)::int8, \
                    current_setting('server_encoding') = 'SQL_ASCII' \
             FROM (SELECT xact_start FROM pg_catalog.pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid() \
                     AND (backend_xid IS NOT NULL OR backend_type IN ('client backend', 'background worker')) \
                   UNION ALL \
                   SELECT prepared FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()) \
                  AS open(began)",
            &[],
        )
        .await?;
    let timestamp = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    Ok(SourceClock {
        now: timestamp(row.try_get(0)?),
        oldest_open_write: timestamp(row.try_get(1)?),
        unchecked_text: row.try_get(2)?,
    })
}

fn named<'a>(columns: &'a [ModelColumn], names: &[String]) -> Result<Vec<&'a ModelColumn>> {
    names.iter().map(|name| one(columns, name)).collect()
}

fn one<'a>(columns: &'a [ModelColumn], name: &str) -> Result<&'a ModelColumn> {
    columns.iter().find(|c| c.name == name).ok_or_else(|| {
        let known: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
        Error::new(ErrorKind::SchemaChanged, format!("the model has no column '{name}'"))
            .help(format!("it has {}", known.join(", ")))
    })
}
