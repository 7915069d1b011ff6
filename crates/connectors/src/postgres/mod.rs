//! PostgreSQL, read by `COPY … TO STDOUT (FORMAT binary)` from one read-only snapshot, and written
//! by `COPY … FROM STDIN (FORMAT binary)` into a staging table that is merged into the target.

mod client;
mod column;
mod create;
mod decode;
mod describe;
mod destination;
mod discover;
mod encode;
mod framing;
#[doc(hidden)]
pub mod fuzzing;
mod identify;
mod ledger;
mod load;
mod merge;
mod model_error;
mod names;
mod numeric;
mod options;
mod raw;
mod reading;
mod session;
mod source;
mod source_sql;
mod stage;
mod statement;
mod tls;
mod types;
mod violations;
#[cfg(test)]
mod wire_rows;

use std::sync::Arc;

use syncline_connector::{Connection, ConnectionConfig, ConnectorSpec, ModelKind, SourceSpec};
use syncline_core::Result;

use destination::PgDestination;
use options::{PostgresOptions, Settings};
use source::PostgresSource;

/// What this connector type can do.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        type_name: "postgres",
        title: "PostgreSQL database",
        options_schema: || schemars::schema_for!(PostgresOptions).into(),
        source: Some(SourceSpec { models: &[ModelKind::Sql, ModelKind::Table] }),
        destination: Some(destination::capabilities()),
    }
}

/// Builds both ends of a connection; nothing is dialled yet.
pub fn connect(config: &ConnectionConfig) -> Result<Connection> {
    let settings = Arc::new(Settings::new(config)?);
    Ok(Connection {
        source: Some(Arc::new(PostgresSource::new(Arc::clone(&settings)))),
        destination: Some(Arc::new(PgDestination::new(settings))),
    })
}
