//! What SQLite says has gone wrong, as the product's error.

use std::path::Path;

use rusqlite::ErrorCode;
use syncline_core::{Error, ErrorKind};

use crate::sql::Fault;

/// The error as the caller sees it; `database` is the file it happened in.
pub fn error(fault: Fault, database: &Path) -> Error {
    match fault {
        Fault::Known(e) => e,
        Fault::Sqlite(e) => sqlite_error(e, database),
        Fault::Postgres(e) => Error::internal("an embedded store has no server").caused_by(e),
    }
}

fn sqlite_error(e: rusqlite::Error, database: &Path) -> Error {
    let at = database.display();
    let unreadable = matches!(
        e,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    );
    let error = match e.sqlite_error_code() {
        Some(_) if is_disk_full(&e) => Error::new(
            ErrorKind::LocalIo,
            format!("the disk is full: the state store {at} could not be written"),
        )
        .help("free some space on this disk and run again; nothing of the last step was kept half"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(database),
        _ if unreadable => damaged(database),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Error::new(ErrorKind::StateLocked, format!("the state store {at} is in use by another program"))
                .help("close programs that have this database open, then run again")
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport,
        ) => Error::new(ErrorKind::LocalIo, format!("the state store {at} cannot be read or written: {e}"))
            .help("check that the folder is on a local disk and belongs to the user that runs syncline"),
        _ => Error::internal(format!("the state store {at}: {e}")),
    };
    error.caused_by(e)
}

/// The file of the write-ahead log's index cannot grow on a full disk, which SQLite tells apart
/// (<https://sqlite.org/rescode.html#ioerr_shmsize>).
fn is_disk_full(e: &rusqlite::Error) -> bool {
    e.sqlite_error().is_some_and(|e| {
        e.code == ErrorCode::DiskFull || e.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

/// The error for a database whose content cannot be trusted.
pub fn damaged(database: &Path) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the state store {} is damaged", database.display())).help(
        "restore the state folder from a backup; without one, move the folder away and seed the syncs again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_such_wherever_it_is_met() {
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_SHMSIZE] {
            let e = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let error = error(Fault::from(e), Path::new("state.db"));
            assert_eq!(error.kind, ErrorKind::LocalIo);
            assert!(error.message.contains("disk is full"), "{error}");
        }
    }
}
