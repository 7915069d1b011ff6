//! Files of a folder: CSV, JSON Lines and Parquet, as source and as destination.
//!
//! | module | subject |
//! |---|---|
//! | [`options`] | what a connection of this type says |
//! | [`folder`] | paths below the folder, patterns, and noticing that a file changed |
//! | [`source`] | reading models: one file or all files of a pattern |
//! | [`csv`], [`jsonl`], [`parquet`] | the formats |
//! | [`rows`] | texts to canonical batches |
//! | [`destination`] | describing and opening objects |
//! | [`session`] | a file that holds the current set of records, rewritten once and renamed |
//! | [`staging`] | what a run does to each record of such a file |
//! | [`rewrite`] | the old file and the staged changes become the new file |
//! | [`dataset`] | a folder that gets one file per chunk |
//! | [`ledger`] | the hidden file that says who published what |
//!
//! # What a cut-off file looks like
//!
//! A Parquet file ends in its footer, so a cut is always noticed. A text file that was cut exactly
//! between two records cannot be told from a shorter one; a cut anywhere else is an error, because
//! the last record is then incomplete (for CSV: has no line break, which the option
//! `final_newline: optional` allows).

mod csv;
mod dataset;
mod destination;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod jsonl;
mod ledger;
mod options;
mod parquet;
mod parquet_input;
mod rewrite;
mod rows;
mod session;
mod source;
mod staging;

use std::sync::Arc;

use syncline_connector::{
    Connection, ConnectionConfig, ConnectorSpec, DestinationSpec, ModelKind, RemovalKind, SourceSpec,
};
use syncline_core::Result;
use syncline_core::sync::{OnMatchChange, Publish, WriteMode};

pub use destination::FilesDestination;
pub use options::Options;
pub use source::FilesSource;

/// Rows in one chunk when the sync does not say; also in one file of a dataset folder.
const CHUNK_ROWS: u32 = 10_000;
const CHUNK_ROWS_MAX: u32 = 1_000_000;

pub fn spec() -> ConnectorSpec {
    ConnectorSpec {
        type_name: "files",
        title: "CSV, JSON Lines and Parquet files in a folder",
        options_schema: options::schema,
        source: Some(SourceSpec { models: &[ModelKind::File] }),
        destination: Some(DestinationSpec {
            write_modes: &[
                WriteMode::Upsert,
                WriteMode::Insert,
                WriteMode::Update,
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
            publish: &[Publish::Atomic],
            field_rules: true,
            batch_size: CHUNK_ROWS,
            batch_size_max: CHUNK_ROWS_MAX,
            idempotent: true,
        }),
    }
}

pub fn connect(config: &ConnectionConfig) -> Result<Connection> {
    let options: Options = config.parse()?;
    let folder = folder::Folder::new(config.base_dir.join(&options.path));
    Ok(Connection {
        source: Some(Arc::new(FilesSource::new(folder.clone(), options.final_newline))),
        destination: Some(Arc::new(FilesDestination::new(folder, options.create_folders, options.format))),
    })
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| syncline_core::Error::internal("work on a file ended unexpectedly").caused_by(e))?
}
