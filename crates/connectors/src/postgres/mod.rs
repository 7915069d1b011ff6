//! PostgreSQL, read by `COPY … TO STDOUT (FORMAT binary)` from one read-only snapshot.

mod client;
mod names;
mod options;
mod tls;
mod types;
// The destination's modules: (none yet)

use std::sync::Arc;

use syncline_connector::{Connection, ConnectionConfig, ConnectorSpec, ModelKind, SourceSpec};
use syncline_core::Result;

use options::{PostgresOptions, Settings};

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
    let _settings = Arc::new(Settings::new(config)?);
    Ok(Connection {
        source: None,
        // The destination, over `Arc::clone(&settings)`:
        destination: None,
    })
}
