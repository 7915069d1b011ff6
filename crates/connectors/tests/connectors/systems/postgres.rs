//! A database of a real PostgreSQL server for the suites, filled by SQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use syncline_connector::conformance::table::{Column, Row};
use syncline_connector::conformance::{DestinationFixture, SourceFixture, values};
use syncline_connector::{Connection, ConnectionConfig, Destination, DestinationSpec, Source};
use syncline_connectors::postgres;
use syncline_core::LogicalType;
use syncline_core::sync::{Model, ModelQuery};
use syncline_tests::postgres::{Database, PASSWORD, Server};
use tokio::sync::OnceCell;
use tokio_postgres::types::ToSql;

pub struct Postgres {
    database: Database,
    connection: Connection,
    names: AtomicU32,
}

impl Postgres {
    pub async fn new() -> Self {
        let database = Server::shared().database().await;
        make_role(&database).await;
        let options = serde_json::json!({ "url": database.url_as(ROLE) });
        let config = ConnectionConfig {
            name: "shop".into(),
            type_name: "postgres".into(),
            options: options.as_object().unwrap().clone(),
            base_dir: env!("CARGO_MANIFEST_DIR").into(),
        };
        Self { database, connection: postgres::connect(&config).unwrap(), names: AtomicU32::default() }
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

    fn hidden() -> Vec<String> {
        vec![PASSWORD.into(), PASSWORD.replace(' ', "%20")]
    }
}

const ROLE: &str = "suite";

/// What the server keeps of [`PASSWORD`] (RFC 5803), with one round of hashing. The suites connect
/// some thousand times, and an unoptimized build spends most of that in the usual 4,096 rounds.
const VERIFIER: &str = "SCRAM-SHA-256$1:Y29uZm9ybWFuY2Ugc3VpdA==$i3bQr20qJCyZUbYfn4hGvO4A8qO9L7tKddkckgoa3eI=:jws08x80K8AH2svjwGYO6KL/ONTB74cRgWC8mMPdPus=";

/// Makes the role that the connector logs in as, once per server.
async fn make_role(database: &Database) {
    static MADE: OnceCell<()> = OnceCell::const_new();
    let make = async || {
        let sql = format!("create role {ROLE} superuser login password '{VERIFIER}'");
        database.client().await.batch_execute(&sql).await.unwrap();
    };
    MADE.get_or_init(make).await;
}

fn native(ty: &LogicalType) -> String {
    use LogicalType::*;
    match ty {
        Bool => "bool".into(),
        Int16 => "int2".into(),
        Int32 => "int4".into(),
        Int64 => "int8".into(),
        Float32 => "float4".into(),
        Float64 => "float8".into(),
        Numeric(None) => "numeric".into(),
        Numeric(Some((p, s))) => format!("numeric({p},{s})"),
        Text => "text".into(),
        Bytes => "bytea".into(),
        Uuid => "uuid".into(),
        Date => "date".into(),
        Time => "time".into(),
        Timestamp => "timestamp".into(),
        TimestampTz => "timestamptz".into(),
        Interval => "interval".into(),
        Json => "json".into(),
        Array(item) => format!("{}[]", native(item)),
    }
}

/// The SQL that turns the canonical text in `cell` into a value.
fn cast(ty: &LogicalType, cell: &str) -> String {
    match ty {
        LogicalType::Array(item) => format!(
            "case when {cell} is not null then array(select e.x::{} from \
             json_array_elements_text({cell}::json) with ordinality e(x, n) order by n) end",
            native(item)
        ),
        _ => format!("{cell}::{}", native(ty)),
    }
}

/// PostgreSQL's text has no NUL, nor have the texts in its jsonb.
fn has_nul(ty: &LogicalType, text: &str) -> bool {
    match ty {
        LogicalType::Text => text.contains('\0'),
        LogicalType::Json | LogicalType::Array(_) => text.contains("\\u0000"),
        _ => false,
    }
}

#[async_trait]
impl SourceFixture for Postgres {
    fn source(&self) -> Arc<dyn Source> {
        self.connection.source.clone().unwrap()
    }

    fn types(&self) -> Vec<LogicalType> {
        values::types()
    }

    /// PostgreSQL writes years beyond 1–9999 in another way, which SQL here would have to spell.
    fn holds(&self, ty: &LogicalType, text: &str) -> bool {
        let year_is_signed = text.starts_with(['+', '-']) && !text.ends_with("infinity");
        !has_nul(ty, text) && (*ty != LogicalType::Date || !year_is_signed)
    }

    async fn load(&self, columns: &[Column], rows: &[Row]) -> Model {
        /// Keeps one statement's parameters within a few dozen megabytes.
        const ROWS_MAX: usize = 10_000;
        let (name, client) = (self.name(), self.database.client().await);
        let list = |f: &dyn Fn(usize, &Column) -> String| -> String {
            columns.iter().enumerate().map(|(i, c)| f(i, c)).collect::<Vec<_>>().join(", ")
        };
        let definitions = list(&|_, (name, ty)| format!("\"{name}\" {}", native(ty)));
        client.batch_execute(&format!("create table {name} ({definitions})")).await.unwrap();
        let insert = format!(
            "insert into {name} select {} from unnest({}) as u({})",
            list(&|i, (_, ty)| cast(ty, &format!("u.c{i}"))),
            list(&|i, _| format!("${}::text[]", i + 1)),
            list(&|i, _| format!("c{i}")),
        );
        for rows in rows.chunks(ROWS_MAX) {
            let cells: Vec<Vec<Option<&str>>> =
                (0..columns.len()).map(|i| rows.iter().map(|row| row[i].as_deref()).collect()).collect();
            let cells: Vec<&(dyn ToSql + Sync)> = cells.iter().map(|c| c as _).collect();
            client.execute(&insert, &cells).await.unwrap();
        }
        Self::table(&name, &columns[0].0)
    }

    fn missing(&self) -> Model {
        Self::table("missing", "id")
    }

    fn secrets(&self) -> Vec<String> {
        Self::hidden()
    }
}

#[async_trait]
impl DestinationFixture for Postgres {
    fn spec(&self) -> DestinationSpec {
        postgres::spec().destination.unwrap()
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
        self.database.client().await.batch_execute(&format!("drop table {object}")).await.unwrap();
    }

    fn refuses(&self, ty: &LogicalType, text: &str) -> bool {
        has_nul(ty, text)
    }

    fn secrets(&self) -> Vec<String> {
        Self::hidden()
    }
}
