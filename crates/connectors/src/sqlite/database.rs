//! Opening the file, and what SQLite's errors mean.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use syncline_connector::ConnectionConfig;
use syncline_core::{Error, ErrorKind, Result};

use super::options::Options;

/// Where the database is and how to open it.
#[derive(Debug)]
pub struct Database {
    /// Absolute, so that SQLite takes no part of it for a URI.
    pub path: PathBuf,
    pub create: bool,
    busy_timeout: Duration,
}

/// The end of a sync that an error belongs to: the same fault has another kind on either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

impl Database {
    pub fn new(config: &ConnectionConfig) -> Result<Self> {
        let options: Options = config.parse()?;
        let of_connection = |e: Error| e.context(format_args!("connection '{}'", config.name));
        if options.path.as_os_str().is_empty() {
            return Err(of_connection(
                Error::new(ErrorKind::InvalidConfig, "path is empty").help("name the database file"),
            ));
        }
        let path = std::path::absolute(config.base_dir.join(&options.path))?;
        Ok(Self {
            path,
            create: options.create,
            busy_timeout: options.busy_timeout().map_err(of_connection)?,
        })
    }

    /// Opens for reading. A missing file stays missing. What an interrupted write left in a target is
    /// rolled back first; a source is never written to.
    pub fn open_read(&self, side: Side) -> Result<Connection> {
        self.check_readable(side)?;
        let opened = self.open_unwritable(side)?;
        match look(&opened) {
            Err(e) if side == Side::Destination && awaits_rollback(&e) => {
                look(&self.open_write()?).map_err(|e| self.failure(side, e))?;
                self.open_unwritable(side)
            }
            // Any other error comes again, from whoever reads.
            _ => Ok(opened),
        }
    }

    fn open_unwritable(&self, side: Side) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&self.path, flags).map_err(|e| self.failure(side, e))?;
        conn.busy_timeout(self.busy_timeout).map_err(|e| self.failure(side, e))?;
        conn.execute_batch("PRAGMA query_only = ON").map_err(|e| self.failure(side, e))?;
        Ok(conn)
    }

    /// Opens for writing; makes the file only with `create: true`.
    pub fn open_write(&self) -> Result<Connection> {
        let side = Side::Destination;
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if self.create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        } else {
            self.check_readable(side)?;
        }
        let conn = Connection::open_with_flags(&self.path, flags).map_err(|e| self.failure(side, e))?;
        conn.busy_timeout(self.busy_timeout).map_err(|e| self.failure(side, e))?;
        conn.execute_batch("PRAGMA foreign_keys = ON").map_err(|e| self.failure(side, e))?;
        Ok(conn)
    }

    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    fn check_readable(&self, side: Side) -> Result<()> {
        let path = self.path.display();
        // Only files are opened: opening a pipe would wait for its other end.
        let opened = std::fs::metadata(&self.path).and_then(|meta| match meta.is_file() {
            true => File::open(&self.path).map(|_| meta),
            false => Ok(meta),
        });
        let (kind, message, help) = match (opened, side) {
            (Ok(meta), _) if meta.is_file() => return Ok(()),
            (Ok(_), Side::Source) => (
                ErrorKind::ModelQueryFailed,
                format!("{path} is not a file"),
                "correct the connection's path",
            ),
            (Ok(_), Side::Destination) => (
                ErrorKind::DestinationUnsuitable,
                format!("{path} is not a file"),
                "correct the connection's path",
            ),
            (Err(e), Side::Source) if e.kind() == io::ErrorKind::PermissionDenied => (
                ErrorKind::SourceAuthFailed,
                format!("{path}: this process may not read the file"),
                "give it permission to read the file",
            ),
            (Err(e), Side::Source) => (
                ErrorKind::SourceUnreachable,
                format!("{path}: {}", reason(&e)),
                "correct the connection's path, or put the database there",
            ),
            (Err(e), Side::Destination) if e.kind() == io::ErrorKind::NotFound => (
                ErrorKind::DestinationUnsuitable,
                format!("{path}: {}", reason(&e)),
                "correct the connection's path, or let it be created with create: true",
            ),
            (Err(e), Side::Destination) => (
                ErrorKind::DestinationUnsuitable,
                format!("{path}: {}", reason(&e)),
                "correct the connection's path or the file's permissions",
            ),
        };
        Err(Error::new(kind, message).help(help))
    }

    /// What an error of SQLite means for the run.
    pub fn failure(&self, side: Side, error: rusqlite::Error) -> Error {
        failure(side, &self.path, error)
    }
}

/// Reads what makes SQLite roll back an interrupted write, where it may.
fn look(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// There is the journal of an interrupted write, and this connection may not roll it back.
fn awaits_rollback(error: &rusqlite::Error) -> bool {
    let interrupted = [ffi::SQLITE_READONLY_ROLLBACK, ffi::SQLITE_READONLY_RECOVERY];
    error.sqlite_error().is_some_and(|e| interrupted.contains(&e.extended_code))
}

fn reason(e: &io::Error) -> String {
    if e.kind() == io::ErrorKind::NotFound { "there is no such file".to_string() } else { e.to_string() }
}

/// What an error of SQLite means for the run, naming the file.
pub fn failure(side: Side, path: &Path, error: rusqlite::Error) -> Error {
    let path = path.display();
    let pick = |source, destination| if side == Side::Source { source } else { destination };
    let unreachable = pick(ErrorKind::SourceUnreachable, ErrorKind::DestinationUnreachable);
    let unsuitable = pick(ErrorKind::ModelQueryFailed, ErrorKind::DestinationUnsuitable);
    let refused = pick(ErrorKind::ModelQueryFailed, ErrorKind::DestinationFailed);
    let (kind, what, help) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            unreachable,
            "another process keeps the database locked".to_string(),
            Some("end that process's transaction, or wait longer with busy_timeout"),
        ),
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::FileLockingProtocolFailed) => (
            unreachable,
            format!("the file cannot be read or written ({error})"),
            Some("check the disk, the folder and its permissions"),
        ),
        Some(ErrorCode::ReadOnly) if side == Side::Source => (
            unreachable,
            format!("an interrupted write must be rolled back first ({error})"),
            Some("open the database once with the program that writes it"),
        ),
        Some(ErrorCode::ReadOnly) => (
            unsuitable,
            "the database is read-only".to_string(),
            Some("make the file and its folder writable"),
        ),
        Some(ErrorCode::NotADatabase) => (
            unsuitable,
            "this is not an SQLite database, or it is encrypted".to_string(),
            Some("correct the connection's path"),
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            refused,
            format!("the database is damaged ({error})"),
            Some("look with PRAGMA integrity_check, then recover it or restore a backup"),
        ),
        Some(ErrorCode::DiskFull) => (
            ErrorKind::LocalIo,
            "the disk is full".to_string(),
            Some("free some space on this disk and run again; nothing was lost"),
        ),
        Some(ErrorCode::OutOfMemory) => (ErrorKind::OutOfMemory, error.to_string(), None),
        _ => (refused, error.to_string(), None),
    };
    let failure = Error::new(kind, format!("{path}: {what}")).caused_by(error);
    match help {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// An identifier as SQL text. Quoted always, so that no name is taken for anything else.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Runs blocking work on tokio's blocking threads.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::internal("a thread that used SQLite ended unexpectedly").caused_by(e))?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database as a process leaves it that dies while it writes.
    fn interrupted(folder: &Path) -> PathBuf {
        let (alive, dead) = (folder.join("alive.db"), folder.join("dead.db"));
        let conn = Connection::open(&alive).unwrap();
        conn.execute_batch(
            "PRAGMA cache_size = 1;
             CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);
             INSERT INTO t VALUES (1, 'before');
             BEGIN;
             WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
             INSERT INTO t SELECT i, hex(randomblob(100)) FROM n;
             UPDATE t SET text = 'during' WHERE id = 1;",
        )
        .unwrap();
        std::fs::copy(&alive, &dead).unwrap();
        std::fs::copy(folder.join("alive.db-journal"), folder.join("dead.db-journal")).unwrap();
        dead
    }

    fn database(path: &Path) -> Database {
        Database { path: path.into(), create: false, busy_timeout: Duration::ZERO }
    }

    #[test]
    fn an_interrupted_write_to_a_target_is_rolled_back_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = interrupted(folder.path());
        let conn = database(&path).open_read(Side::Destination).unwrap();
        let found = conn
            .query_row("SELECT count(*), max(text) FROM t", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .unwrap();
        assert_eq!(found, (1, "before".to_string()));
        assert!(conn.execute("DELETE FROM t", []).is_err());
    }

    #[test]
    fn an_interrupted_write_to_a_source_is_left_to_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = interrupted(folder.path());
        let database = database(&path);
        let conn = database.open_read(Side::Source).unwrap();
        let error = conn.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap_err();
        assert!(awaits_rollback(&error), "{error}");
        assert_eq!(database.failure(Side::Source, error).kind, ErrorKind::SourceUnreachable);
        assert!(folder.path().join("dead.db-journal").exists());
    }
}
