//! The embedded store: one SQLite database in the state folder, written by one process at a time.
//!
//! One connection serves all calls in turn, on a thread that may block.

mod errors;
mod folder;
pub(crate) mod migrations;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};
use syncline_core::{Error, Result};
use tokio::sync::Mutex;

use crate::sql::{Backend, Outcome, Sql};

/// Prepared statements kept; the store has fewer than this many.
const STATEMENTS_CACHED_MAX: usize = 128;

/// A [`Store`] in a SQLite database (`state.db`) in the state folder.
///
/// Dropping it closes the database and frees the folder for other processes, after a call that may
/// still be under way.
pub struct SqliteStore {
    open: Arc<Mutex<Open>>,
    database: PathBuf,
    read_only: bool,
}

/// The connection and the lock that entitles to it, which live and end together.
struct Open {
    connection: Connection,
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the state of `folder` for reading and writing, creating it where there is none.
    ///
    /// The folder stays locked until the store is dropped: while another process has it, this is
    /// `state_locked`, with a message that says which one.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_at(folder, migrations::MIGRATIONS.len())
    }

    /// As [`SqliteStore::open`], with an older schema: for rows that are to be brought to the newest.
    pub(crate) fn open_at(folder: &Path, schema_version: usize) -> Result<Self> {
        folder::create(folder)?;
        let lock = folder::lock(folder)?;
        let database = folder::database(folder);
        folder::create_database_file(&database)?;
        let steps = &migrations::MIGRATIONS[..schema_version];
        let connection =
            open_for_writing(&database, steps).map_err(|fault| errors::error(fault, &database))?;
        Ok(Self::new(Open { connection, _lock: Some(lock) }, database, false))
    }

    /// Opens the state of `folder` to look at it, also while another process writes.
    ///
    /// `not_found` where there is no state yet. Methods that would change something fail.
    pub fn open_read_only(folder: &Path) -> Result<Self> {
        let database = folder::require_database(folder)?;
        let connection = open_for_reading(&database).map_err(|fault| errors::error(fault, &database))?;
        Ok(Self::new(Open { connection, _lock: None }, database, true))
    }

    fn new(open: Open, database: PathBuf, read_only: bool) -> Self {
        Self { open: Arc::new(Mutex::new(open)), database, read_only }
    }

    /// Waits for the connection without holding a thread, then works on a thread that may block.
    ///
    /// A caller that goes away does not stop work that has begun: it still commits or rolls back as
    /// a whole before the next call gets the connection.
    async fn on_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let mut open = Arc::clone(&self.open).lock_owned().await;
        match tokio::task::spawn_blocking(move || work(&mut open.connection)).await {
            Ok(outcome) => outcome.map_err(|fault| errors::error(fault, &self.database)),
            Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
            Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
        }
    }
}

impl Backend for SqliteStore {
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.on_connection(move |connection| work(&*connection.transaction()?)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        if self.read_only {
            return Err(Error::internal(format!(
                "the state store {} was opened to read only",
                self.database.display()
            )));
        }
        self.on_connection(move |connection| {
            // Taking the write lock at once keeps what `work` reads true until it commits.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&*transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }
}

/// Live figures of runs live in this process's memory: they are worth nothing after it.
pub(crate) const PROGRESS: &str = "PRAGMA temp_store = MEMORY;
    CREATE TEMP TABLE run_progress (
        workspace_id TEXT NOT NULL,
        run_id       TEXT NOT NULL,
        progress     TEXT NOT NULL,
        PRIMARY KEY (workspace_id, run_id)
    ) STRICT, WITHOUT ROWID;";

fn open_for_writing(database: &Path, steps: &[&str]) -> Outcome<Connection> {
    let mut connection = folder::connect(database, false)?;
    // Readers in other processes never block the writer in WAL mode, and FULL makes each commit
    // survive a power cut.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(folder::unsuitable_file_system(database).into());
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    migrations::migrate(&mut connection, steps)?;
    connection.execute_batch(PROGRESS)?;
    Ok(connection)
}

fn open_for_reading(database: &Path) -> Outcome<Connection> {
    let connection = folder::connect(database, true)?;
    migrations::require_current(&connection, migrations::MIGRATIONS.len())?;
    connection.execute_batch(PROGRESS)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
