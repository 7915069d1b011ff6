//! The state folder: its lock and its database file.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use syncline_core::{Error, ErrorKind, Result};

use super::STATEMENTS_CACHED_MAX;
use crate::files::io_error;
use crate::sql::Outcome;

const DATABASE: &str = "state.db";
const LOCK: &str = "lock";

/// How long a statement waits for another connection, for example that of a backup.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Size to which the write-ahead log shrinks after a large transaction.
pub const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// Most characters shown of who holds the lock.
const HOLDER_CHARS_MAX: usize = 120;

pub fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Creates the folder, readable by its owner alone, where it does not exist.
pub fn create(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        std::fs::create_dir_all(parent).map_err(|e| io_error("create the folder", parent, e))?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        // Another process may have been quicker; the lock decides who gets it.
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(io_error("create the state folder", folder, e))
        }
        _ => Ok(()),
    }
}

/// Takes the folder's lock, held as long as the file is open, and notes in it who took it.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let mut file = owner_only()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|e| io_error("open the lock file", &path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(locked(folder, &mut file)),
        Err(TryLockError::Error(e)) => return Err(io_error("lock", &path, e)),
    }
    note_holder(&mut file).map_err(|e| io_error("write the lock file", &path, e))?;
    Ok(file)
}

/// Writes `pid, program and subcommand`. Further arguments may hold what should not lie in a file.
fn note_holder(file: &mut File) -> std::io::Result<()> {
    let mut words = std::env::args_os().take(2).map(|word| {
        let name = Path::new(&word).file_name().unwrap_or(&word).to_string_lossy().into_owned();
        name.replace(char::is_control, " ")
    });
    let program = words.next().unwrap_or_default();
    let subcommand = words.next().filter(|word| !word.starts_with('-')).unwrap_or_default();
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "pid {}, {}", std::process::id(), format!("{program} {subcommand}").trim_end())
}

fn locked(folder: &Path, file: &mut File) -> Error {
    let mut note = Vec::new();
    // Where the note cannot be read, the message does without it.
    let _ = file.take(1024).read_to_end(&mut note);
    let note = String::from_utf8_lossy(&note);
    let holder: String = note.lines().next().unwrap_or_default().chars().take(HOLDER_CHARS_MAX).collect();
    let holder = if holder.is_empty() { String::new() } else { format!(" ({holder})") };
    Error::new(
        ErrorKind::StateLocked,
        format!("another syncline process{holder} is using {}", folder.display()),
    )
    .help("wait for it or stop it")
}

/// Creates the database file before SQLite does, so that only its owner can read it; SQLite gives
/// its journal the same permissions.
pub fn create_database_file(database: &Path) -> Result<()> {
    owner_only()
        .write(true)
        .create(true)
        .truncate(false)
        .open(database)
        .map(drop)
        .map_err(|e| io_error("open the state store", database, e))
}

/// The database file of a folder that must have one.
pub fn require_database(folder: &Path) -> Result<PathBuf> {
    let database = database(folder);
    match std::fs::metadata(&database) {
        Ok(found) if found.is_file() && found.len() > 0 => Ok(database),
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(io_error("open the state store", &database, e))
        }
        _ => Err(Error::new(ErrorKind::NotFound, format!("there is no state in {} yet", folder.display()))
            .help("run a sync first, or name the project's folder")),
    }
}

/// Length of the journal beside a database; none has none.
pub fn journal_bytes(database: &Path) -> u64 {
    let mut journal = database.as_os_str().to_owned();
    journal.push("-wal");
    std::fs::metadata(journal).map_or(0, |found| found.len())
}

pub fn connect(database: &Path, read_only: bool) -> Outcome<Connection> {
    let access = if read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let connection = Connection::open_with_flags(database, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    connection.execute_batch(&format!(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA journal_size_limit = {JOURNAL_BYTES_MAX};"
    ))?;
    Ok(connection)
}

pub fn unsuitable_file_system(database: &Path) -> Error {
    Error::new(
        ErrorKind::LocalIo,
        format!("the file system of {} cannot hold the state store's journal", database.display()),
    )
    .help("put the state folder on a local disk; network file systems do not work")
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
