//! PostgreSQL, read by `COPY … TO STDOUT (FORMAT binary)` from one read-only snapshot.

mod client;
mod column;
mod decode;
mod discover;
mod framing;
mod model_error;
mod names;
mod numeric;
mod options;
mod source;
mod source_sql;
mod statement;
mod tls;
mod types;
// The destination's modules: (none yet)

use std::sync::Arc;

use syncline_connector::{Connection, ConnectionConfig, ConnectorSpec, ModelKind, SourceSpec};
use syncline_core::Result;

use options::{PostgresOptions, Settings};
use source::PostgresSource;

/// What this connector type can do.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        type_name: "postgres",
        title: "PostgreSQL database",
        options_schema: || schemars::schema_for!(PostgresOptions).into(),
        source: Some(SourceSpec { models: &[ModelKind::Sql, ModelKind::Table] }),
        // The destination's capabilities:
        destination: None,
    }
}

/// Builds both ends of a connection; nothing is dialled yet.
pub fn connect(config: &ConnectionConfig) -> Result<Connection> {
    let settings = Arc::new(Settings::new(config)?);
    Ok(Connection {
        source: Some(Arc::new(PostgresSource::new(Arc::clone(&settings)))),
        // The destination, over `Arc::clone(&settings)`:
        destination: None,
    })
}
