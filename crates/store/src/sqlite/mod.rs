//! The embedded store: one SQLite database in the state folder, written by one process at a time.
//!
//! One connection writes, in turn. A few others read meanwhile, each from the last commit before it began:
//! neither waits for the other. All work is done on threads that may block.

mod errors;
mod folder;
pub(crate) mod migrations;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use syncline_core::{Error, ErrorKind, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sql::{Backend, Outcome, Sql};

/// Prepared statements kept by each connection; the store has fewer than this many.
const STATEMENTS_CACHED_MAX: usize = 128;

/// Most connections that read.
const READERS_MAX: usize = 4;

/// Commits between two looks at the length of the journal.
const COMMITS_PER_LOOK: u64 = 100;

/// A [`Store`] in a SQLite database (`state.db`) in the state folder.
///
/// Dropping it closes the database and frees the folder for other processes, after a call that may
/// still be under way.
pub struct SqliteStore {
    open: Arc<Open>,
    /// Room for calls that read.
    reading: Arc<Semaphore>,
}

/// The connections and the lock that entitles to them, which end together and in this order: the last
/// connection to go tidies the journal up.
struct Open {
    database: PathBuf,
    /// Those that nobody uses now.
    readers: Mutex<Vec<Connection>>,
    /// `None`: opened to read only.
    writer: Option<Arc<tokio::sync::Mutex<Writer>>>,
    _lock: Option<File>,
}

struct Writer {
    connection: Connection,
    commits: u64,
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
        let writer = Some(Arc::new(tokio::sync::Mutex::new(Writer { connection, commits: 0 })));
        Ok(Self::new(Open { database, readers: Mutex::default(), writer, _lock: Some(lock) }))
    }

    /// Opens the state of `folder` to look at it, also while another process writes.
    ///
    /// `not_found` where there is no state yet. Methods that would change something fail.
    pub fn open_read_only(folder: &Path) -> Result<Self> {
        let database = folder::require_database(folder)?;
        let reader = connect_to_read(&database)
            .and_then(|reader| {
                migrations::require_current(&reader, migrations::MIGRATIONS.len()).map(|()| reader)
            })
            .map_err(|fault| errors::error(fault, &database))?;
        Ok(Self::new(Open { database, readers: Mutex::new(vec![reader]), writer: None, _lock: None }))
    }

    fn new(open: Open) -> Self {
        Self { open: Arc::new(open), reading: Arc::new(Semaphore::new(READERS_MAX)) }
    }

    /// Works on a thread that may block.
    ///
    /// A caller that goes away does not stop work that has begun: it still commits or rolls back as a whole
    /// before what it holds is free, and the folder after it.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Open) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let open = Arc::clone(&self.open);
        match tokio::task::spawn_blocking(move || work(&open)).await {
            Ok(outcome) => outcome.map_err(|fault| errors::error(fault, &self.open.database)),
            Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
            Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
        }
    }

    /// Waits until so many calls may read; nobody else does when it is all of them.
    async fn turn_to_read(&self, calls: usize) -> Result<OwnedSemaphorePermit> {
        let turn = Arc::clone(&self.reading).acquire_many_owned(calls as u32).await;
        turn.map_err(|e| Error::internal("nobody closes this semaphore").caused_by(e))
    }
}

impl Open {
    fn read<T>(&self, work: impl FnOnce(&dyn Sql) -> Outcome<T>) -> Outcome<T> {
        let free = self.free().pop();
        let mut reader = match free {
            Some(reader) => reader,
            None => connect_to_read(&self.database)?,
        };
        let outcome = reader.transaction().map_err(Into::into).and_then(|transaction| work(&*transaction));
        self.free().push(reader);
        outcome
    }

    /// A panic beside it leaves the list as it was.
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    fn write<T>(&mut self, work: impl FnOnce(&dyn Sql) -> Outcome<T>) -> Outcome<T> {
        // Taking the write lock at once keeps what `work` reads true until it commits.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = work(&*transaction)?;
        transaction.commit()?;
        self.commits += 1;
        Ok(value)
    }

    /// As long as reads overlap, SQLite never begins its journal anew, and it would grow without end.
    fn journal_is_long(&self, database: &Path) -> bool {
        self.commits.is_multiple_of(COMMITS_PER_LOOK)
            && folder::journal_bytes(database) > folder::JOURNAL_BYTES_MAX
    }

    /// Brings all of the journal into the database. While nobody reads, the next commit begins it anew.
    fn empty_journal(&self) -> Outcome<()> {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }
}

impl Backend for SqliteStore {
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn_to_read(1).await?;
        self.blocking(move |open| {
            let _turn = turn;
            open.read(work)
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let Some(writer) = &self.open.writer else {
            return Err(Error::internal(format!(
                "the state store {} was opened to read only",
                self.open.database.display()
            )));
        };
        let mut writer = Arc::clone(writer).lock_owned().await;
        let alone = match writer.journal_is_long(&self.open.database) {
            true => Some(self.turn_to_read(READERS_MAX).await?),
            false => None,
        };
        self.blocking(move |_| {
            if alone.is_some() {
                writer.empty_journal()?;
            }
            drop(alone);
            writer.write(work)
        })
        .await
    }

    async fn wipe_freed(&self) -> Result<()> {
        let Some(writer) = &self.open.writer else { return Ok(()) };
        let _writer = Arc::clone(writer).lock_owned().await;
        let alone = self.turn_to_read(READERS_MAX).await?;
        self.blocking(move |open| {
            let _alone = alone;
            wipe_freed(&open.database)
        })
        .await
    }

    async fn read_live<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        match self.open.writer {
            Some(_) => self.write(work).await,
            None => self.read(work).await,
        }
    }
}

/// Live figures of runs live in this process's memory, with the connection that writes: they are worth nothing
/// after it.
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

/// Writes the database anew without what is free in it, and empties the journal. Over a connection of its
/// own, whose temporary data may be larger than memory.
fn wipe_freed(database: &Path) -> Outcome<()> {
    let connection = folder::connect(database, false)?;
    connection.execute_batch("VACUUM")?;
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        let message = "another process reads the state, so its journal could not be emptied";
        return Err(Error::new(ErrorKind::Conflict, message).help("do it again when it is done").into());
    }
    Ok(())
}

fn connect_to_read(database: &Path) -> Outcome<Connection> {
    let connection = folder::connect(database, true)?;
    connection.execute_batch(PROGRESS)?;
    Ok(connection)
}

#[cfg(test)]
mod tests;
