//! SQLite: a database file, read in one snapshot and written in transactions.
//!
//! SQLite keeps whatever it is given, whatever a column declares. So types come from the declared
//! names ([`types`]), a value that contradicts its column is an invalid row when it is read, and a
//! value that would not come back as it was sent is refused when it is written.
//!
//! All calls block, so each runs on tokio's blocking threads; a connection never outlives its read
//! or session.

mod bookkeeping;
mod catalog;
mod database;
mod destination;
mod foreign_keys;
#[doc(hidden)]
pub mod fuzzing;
mod options;
mod rows;
mod session;
mod source;
mod statements;
mod types;
mod values;
mod violations;

use std::sync::Arc;

use syncline_connector::{
    Connection, ConnectionConfig, ConnectorSpec, DestinationSpec, ModelKind, RemovalKind, SourceSpec,
};
use syncline_core::Result;
use syncline_core::sync::{OnMatchChange, Publish, WriteMode};

use database::Database;
use destination::SqliteDestination;
use options::Options;
use source::SqliteSource;

/// What the connector can do.
pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        type_name: "sqlite",
        title: "SQLite database file",
        options_schema: || schemars::schema_for!(Options).to_value(),
        source: Some(SourceSpec { models: &[ModelKind::Sql, ModelKind::Table] }),
        destination: Some(DestinationSpec {
            write_modes: &[
                WriteMode::Insert,
                WriteMode::Update,
                WriteMode::Upsert,
                WriteMode::Mirror,
                WriteMode::Append,
            ],
            on_removed: &[
                RemovalKind::Delete,
                RemovalKind::ClearFields,
                RemovalKind::Flag,
                RemovalKind::Ignore,
            ],
            on_match_change: &[OnMatchChange::Fail, OnMatchChange::UpdateById, OnMatchChange::Recreate],
            publish: &[Publish::Atomic, Publish::Progressive],
            field_rules: true,
            batch_size: 10_000,
            batch_size_max: 100_000,
            idempotent: true,
        }),
    }
}

/// Builds both ends of a connection; no file is touched.
pub fn connect(config: &ConnectionConfig) -> Result<Connection> {
    let database = Arc::new(Database::new(config)?);
    Ok(Connection {
        source: Some(Arc::new(SqliteSource::new(database.clone()))),
        destination: Some(Arc::new(SqliteDestination::new(database))),
    })
}
