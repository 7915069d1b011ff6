//! The embedded store: one SQLite database in the state folder, written by one process at a time.
//!
//! One connection serves all calls in turn, on a thread that may block. Each file here keeps one
//! subject; its functions take the connection of an open transaction.

mod blob;
mod commit;
mod conditions;
mod cursors;
pub(crate) mod fault;
mod folder;
pub mod fuzzing;
mod generations;
mod letters;
mod migrations;
mod plans;
mod retention;
mod row_errors;
mod runs;
mod syncs;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use syncline_core::ids::DEFAULT_WORKSPACE;
use syncline_core::run::FileRef;
use syncline_core::{Error, Result, Run, RunId, Stage, SyncId, SyncUid};
use tokio::sync::Mutex;

use crate::{
    ChunkRecord, Commit, CursorChange, CursorHistory, DeadLetter, FollowUp, Forgotten, Generation, KeepUntil,
    LetterFilter, LetterState, Page, PlanRecord, RowErrorRecord, RunFilter, Store, SyncRecord, SyncSeen,
    SyncState,
};
use fault::Outcome;

/// The workspace of every row: an embedded store has one.
const WORKSPACE: &str = DEFAULT_WORKSPACE;

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
        folder::create(folder)?;
        let lock = folder::lock(folder)?;
        let database = folder::database(folder);
        folder::create_database_file(&database)?;
        let connection = open_for_writing(&database).map_err(|fault| fault.into_error(&database))?;
        Ok(Self::new(Open { connection, _lock: Some(lock) }, database, false))
    }

    /// Opens the state of `folder` to look at it, also while another process writes.
    ///
    /// `not_found` where there is no state yet. Methods that would change something fail.
    pub fn open_read_only(folder: &Path) -> Result<Self> {
        let database = folder::require_database(folder)?;
        let connection = open_for_reading(&database).map_err(|fault| fault.into_error(&database))?;
        Ok(Self::new(Open { connection, _lock: None }, database, true))
    }

    fn new(open: Open, database: PathBuf, read_only: bool) -> Self {
        Self { open: Arc::new(Mutex::new(open)), database, read_only }
    }

    /// Runs `work` in a transaction of its own that sees one state of the database.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.on_connection(move |connection| work(&connection.transaction()?)).await
    }

    /// Runs `work` in a transaction that is durable when this returns, or leaves nothing.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.change(move |connection| in_transaction(connection, work)).await
    }

    /// As [`SqliteStore::write`], for work that manages its transaction.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        if self.read_only {
            return Err(Error::internal(format!(
                "the state store {} was opened to read only",
                self.database.display()
            )));
        }
        self.on_connection(work).await
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
            Ok(outcome) => outcome.map_err(|fault| fault.into_error(&self.database)),
            Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
            Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
        }
    }
}

/// Runs `work` and commits what it did; an error rolls everything back.
fn in_transaction<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction) -> Outcome<T>,
) -> Outcome<T> {
    // Taking the write lock at once keeps what `work` reads true until it commits.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn open_for_writing(database: &Path) -> Outcome<Connection> {
    let mut connection = folder::connect(database, false)?;
    // Readers in other processes never block the writer in WAL mode, and FULL makes each commit
    // survive a power cut.
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(folder::unsuitable_file_system(database).into());
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
    migrations::migrate(&mut connection, migrations::MIGRATIONS)?;
    Ok(connection)
}

fn open_for_reading(database: &Path) -> Outcome<Connection> {
    let connection = folder::connect(database, true)?;
    migrations::require_current(&connection, migrations::MIGRATIONS.len())?;
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    async fn ensure_sync(&self, seen: &SyncSeen, now: Timestamp) -> Result<SyncRecord> {
        let seen = seen.clone();
        self.write(move |tx| syncs::ensure(tx, &seen, now)).await
    }

    async fn sync(&self, id: &SyncId) -> Result<Option<SyncRecord>> {
        let id = id.clone();
        self.read(move |tx| syncs::by_id(tx, &id)).await
    }

    async fn syncs(&self) -> Result<Vec<SyncRecord>> {
        self.read(syncs::all).await
    }

    async fn set_sync_state(&self, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Result<()> {
        let (uid, state) = (uid.clone(), state.clone());
        self.write(move |tx| syncs::set_state(tx, &uid, &state, now)).await
    }

    async fn insert_run(&self, run: &Run, config: &str) -> Result<()> {
        let (run, config) = (run.clone(), config.to_string());
        self.write(move |tx| runs::insert(tx, &run, &config)).await
    }

    async fn claim_run(&self, id: &RunId, now: Timestamp) -> Result<Run> {
        let id = id.clone();
        self.write(move |tx| runs::claim(tx, &id, now)).await
    }

    async fn reclaim_run(&self, id: &RunId) -> Result<Run> {
        let id = id.clone();
        self.write(move |tx| runs::reclaim(tx, &id)).await
    }

    async fn update_run(&self, run: &Run) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| runs::update(tx, &run)).await
    }

    async fn end_run(&self, run: &Run, _follow: &FollowUp) -> Result<()> {
        self.update_run(run).await
    }

    async fn run(&self, id: &RunId) -> Result<Option<Run>> {
        let id = id.clone();
        self.read(move |tx| runs::get(tx, &id)).await
    }

    async fn run_config(&self, id: &RunId) -> Result<String> {
        let id = id.clone();
        self.read(move |tx| runs::config(tx, &id)).await
    }

    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<(Vec<Run>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| runs::list(tx, &filter, page)).await
    }

    async fn save_plan(&self, plan: &PlanRecord, chunks: &[ChunkRecord]) -> Result<()> {
        let (plan, chunks) = (plan.clone(), chunks.to_vec());
        self.change(move |connection| plans::save(connection, &plan, &chunks)).await
    }

    async fn plan(&self, run: &RunId) -> Result<Option<PlanRecord>> {
        let run = run.clone();
        self.read(move |tx| plans::get(tx, &run)).await
    }

    async fn scrub_plan(&self, run: &RunId, file: Option<&FileRef>) -> Result<()> {
        let (run, file) = (run.clone(), file.cloned());
        self.write(move |tx| plans::scrub(tx, &run, file.as_ref())).await
    }

    async fn chunks(&self, run: &RunId) -> Result<Vec<ChunkRecord>> {
        let run = run.clone();
        self.read(move |tx| plans::chunks(tx, &run)).await
    }

    async fn set_chunk(&self, run: &RunId, epoch: u64, chunk: &ChunkRecord) -> Result<()> {
        let (run, chunk) = (run.clone(), chunk.clone());
        self.change(move |connection| plans::set_chunk(connection, &run, epoch, &chunk)).await
    }

    async fn add_row_errors(&self, run: &RunId, errors: &[RowErrorRecord]) -> Result<()> {
        let (run, errors) = (run.clone(), errors.to_vec());
        self.write(move |tx| row_errors::add(tx, &run, &errors)).await
    }

    async fn clear_row_errors(&self, run: &RunId, stage: Option<Stage>) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| row_errors::clear(tx, &run, stage)).await
    }

    async fn row_errors(&self, run: &RunId, page: Page) -> Result<(Vec<RowErrorRecord>, u64)> {
        let run = run.clone();
        self.read(move |tx| row_errors::list(tx, &run, page)).await
    }

    async fn stage_letters(&self, run: &RunId, letters: &[DeadLetter]) -> Result<()> {
        let (run, letters) = (run.clone(), letters.to_vec());
        self.write(move |tx| letters::stage(tx, &run, &letters)).await
    }

    async fn clear_staged_letters(&self, run: &RunId) -> Result<()> {
        let run = run.clone();
        self.write(move |tx| letters::clear_staged(tx, &run)).await
    }

    async fn letters(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<DeadLetter>, u64)> {
        let filter = filter.clone();
        self.read(move |tx| letters::list(tx, &filter, page)).await
    }

    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>> {
        let id = id.to_string();
        self.read(move |tx| letters::get(tx, &id)).await
    }

    async fn set_letter_state(&self, id: &str, state: LetterState) -> Result<DeadLetter> {
        let id = id.to_string();
        self.write(move |tx| letters::set_state(tx, &id, state)).await
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let commit = commit.clone();
        self.change(move |connection| commit::commit(connection, &commit)).await
    }

    async fn generation(&self, uid: &SyncUid) -> Result<Option<Generation>> {
        let uid = uid.clone();
        self.read(move |tx| generations::newest(tx, &uid)).await
    }

    async fn set_cursor(&self, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Result<()> {
        let (uid, change) = (uid.clone(), change.clone());
        self.write(move |tx| cursors::set_by_hand(tx, &uid, &change, now)).await
    }

    async fn cursor_history(&self, uid: &SyncUid, page: Page) -> Result<(Vec<CursorHistory>, u64)> {
        let uid = uid.clone();
        self.read(move |tx| cursors::history(tx, &uid, page)).await
    }

    async fn forget(&self, keep: &KeepUntil) -> Result<Forgotten> {
        let keep = keep.clone();
        self.write(move |tx| retention::forget(tx, &keep)).await
    }

    async fn live_files(&self) -> Result<Vec<String>> {
        self.read(generations::live_files).await
    }
}

#[cfg(test)]
mod tests;
