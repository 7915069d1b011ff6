//! What a database is and what can be read from it.

use std::sync::Arc;

use arrow::datatypes::Schema;
use futures::{StreamExt, TryStreamExt, stream};
use syncline_connector::StreamInfo;
use syncline_core::{Error, Result};

use super::client::{PgClient, reason};
use super::names::ObjectName;
use super::options::Settings;
use super::types::PgType;

/// Tables described at once, over one connection.
const DESCRIBED_AT_ONCE: usize = 64;

/// Tables, partitioned tables, views, materialized and foreign tables that the role may read, with
/// their primary keys and the columns that are never null. Partitions are left out: they are read through their table.
const READABLE: &str = "\
SELECT n.nspname, c.relname, \
       coalesce((SELECT array_agg(a.attname::text ORDER BY k.place) \
                 FROM pg_catalog.pg_index i \
                 CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place) \
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum \
                 WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts), '{}'), \
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped) \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
  AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp\\_%' \
  AND has_schema_privilege(n.oid, 'USAGE') \
  AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')) \
ORDER BY n.nspname, c.relname";

/// One line about the other end:
/// `PostgreSQL 15.4, database shop at db.example.com:5432 as reader (TLS)`.
pub async fn greeting(client: &PgClient, settings: &Settings) -> Result<String> {
    let row = client
        .client
        .query_one(
            "SELECT split_part(current_setting('server_version'), ' ', 1), current_database()::text, \
                    current_user::text, \
                    (SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid())",
            &[],
        )
        .await
        .map_err(|e| failed(client, e))?;
    let text = |i: usize| row.try_get::<_, String>(i).map_err(|e| failed(client, e));
    let encrypted: Option<bool> = row.try_get(3).map_err(|e| failed(client, e))?;
    Ok(format!(
        "PostgreSQL {}, database {} at {} as {} ({})",
        text(0)?,
        text(1)?,
        settings.address(),
        text(2)?,
        if encrypted == Some(true) { "TLS" } else { "not encrypted" }
    ))
}

/// Everything readable, each with the columns that have a canonical form. Runs inside the caller's
/// transaction.
pub async fn streams(client: &PgClient) -> Result<Vec<StreamInfo>> {
    let rows = client.client.query(READABLE, &[]).await.map_err(|e| failed(client, e))?;
    let mut tables = Vec::with_capacity(rows.len());
    for row in rows {
        let name = ObjectName {
            schema: Some(row.try_get(0).map_err(|e| failed(client, e))?),
            name: row.try_get(1).map_err(|e| failed(client, e))?,
        };
        let of_names = |i: usize| row.try_get::<_, Vec<String>>(i).map_err(|e| failed(client, e));
        tables.push((name, of_names(2)?, of_names(3)?));
    }
    // Preparing reads nothing and needs no more rights than knowing the name.
    let described = stream::iter(tables)
        .map(|(name, key, required): (ObjectName, Vec<String>, Vec<String>)| async move {
            let statement = client.client.prepare(&format!("SELECT * FROM {}", name.sql())).await?;
            let columns = statement.columns().iter().filter_map(|column| {
                let ty = PgType::of(column.type_(), column.type_modifier())?;
                let nullable = !required.iter().any(|name| name == column.name());
                Some(ty.logical.field(column.name(), nullable))
            });
            let schema = Arc::new(Schema::new(columns.collect::<Vec<_>>()));
            Ok(StreamInfo { name: name.plain(), schema, key })
        })
        .buffered(DESCRIBED_AT_ONCE);
    described.try_collect().await.map_err(|e| failed(client, e))
}

/// The error of a catalog query.
pub fn failed(client: &PgClient, error: tokio_postgres::Error) -> Error {
    match client.lost(error) {
        Ok(lost) => lost,
        Err(error) => {
            let message = format!("{}: the catalog cannot be read: {}", client.identity(), reason(&error));
            Error::new(client.side().unreachable(), message).caused_by(error)
        }
    }
}
