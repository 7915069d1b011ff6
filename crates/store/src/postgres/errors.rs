//! What a server says has gone wrong, as the product's error.
//!
//! Messages name the server and its schema, never a user's password. What a server tells in detail may
//! hold values of the workspace, so only its sentence and its code are repeated.

use syncline_core::{Error, ErrorKind};
use tokio_postgres::error::{DbError, SqlState};

use crate::sql::Fault;

/// The error as the caller sees it; `identity` names the store.
pub fn error(fault: Fault, identity: &str) -> Error {
    match fault {
        Fault::Known(e) => e,
        Fault::Postgres(e) => postgres_error(e, identity),
        Fault::Sqlite(e) => Error::internal(format!("{identity}: {e}")).caused_by(e),
    }
}

/// It met another transaction and may be made again: nothing of it was stored.
///
/// The statements look before they insert. So when a key is there twice, or what a row refers to is
/// gone, another transaction was quicker, and the next attempt finds what it did.
pub fn met_another(e: &tokio_postgres::Error) -> bool {
    let states = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
    ];
    e.code().is_some_and(|code| states.contains(code))
}

/// The connection or the server is gone, whatever was asked of it.
pub fn is_lost(e: &tokio_postgres::Error) -> bool {
    let Some(db) = e.as_db_error() else { return e.is_closed() || is_io(e) };
    let states = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    states.contains(db.code()) || class(db) == "08"
}

fn is_io(e: &tokio_postgres::Error) -> bool {
    std::error::Error::source(e).is_some_and(|cause| cause.is::<std::io::Error>())
}

/// A commit that failed. Unless the server said so, nobody knows whether it took place: it is not made
/// again, because what it did may be there.
pub fn committing(e: tokio_postgres::Error, identity: &str) -> Error {
    if !is_lost(&e) {
        return postgres_error(e, identity);
    }
    let message = format!(
        "{identity}: the connection was lost while the last step was stored, which may have taken place: {}",
        reason(&e)
    );
    told(ErrorKind::StateUnreachable, message, e).help("check the server of the state store, then look again")
}

/// A server that does not let us in, or is not there.
pub fn refused(e: tokio_postgres::Error, identity: &str) -> Error {
    let why = reason(&e);
    let code = e.code().map(SqlState::code).unwrap_or_default();
    let (kind, message, help) = if code.starts_with("28") {
        let message = format!("{identity} refused the role: {why}");
        (ErrorKind::InvalidConfig, message, "check user and password of the state's address")
    } else if code == SqlState::INVALID_CATALOG_NAME.code() {
        let help = "create the database, or correct its name in the state's address";
        (ErrorKind::InvalidConfig, format!("{identity}: {why}"), help)
    } else if code == SqlState::TOO_MANY_CONNECTIONS.code() {
        let help = "close other connections or raise max_connections of the server";
        (ErrorKind::StateUnreachable, format!("{identity}: {why}"), help)
    } else {
        let help = "check that the server runs, and its host and port in the state's address";
        (ErrorKind::StateUnreachable, format!("{identity} cannot be reached: {why}"), help)
    };
    told(kind, message, e).help(help)
}

/// A server that took the connection and then said nothing.
pub fn silent(identity: &str) -> Error {
    Error::new(ErrorKind::StateUnreachable, format!("{identity} did not answer in time"))
        .help("check host, port and firewall of the state's address")
}

fn postgres_error(e: tokio_postgres::Error, identity: &str) -> Error {
    let why = reason(&e);
    if is_lost(&e) {
        return told(ErrorKind::StateUnreachable, format!("{identity} was lost: {why}"), e)
            .help("check the server of the state store, then try again; nothing of the last step was kept");
    }
    if met_another(&e) {
        return told(ErrorKind::StateLocked, format!("{identity} is too busy: {why}"), e)
            .help("try again; nothing of the last step was kept");
    }
    let code = e.code().map(SqlState::code).unwrap_or_default();
    let (kind, help) = match code {
        "53100" => (ErrorKind::LocalIo, "free some space at the server; nothing of the last step was kept"),
        "XX001" | "XX002" => (ErrorKind::Corrupt, "restore the state from a backup"),
        "25006" => {
            (ErrorKind::StateUnreachable, "name the server that takes writes, not one that follows it")
        }
        "42501" => (ErrorKind::InvalidConfig, "grant the role what it lacks, or make it the schema's owner"),
        "57014" => (ErrorKind::StateLocked, "the server is too slow or too busy; try again"),
        _ => return told(ErrorKind::Internal, format!("{identity}: {why}"), e),
    };
    told(kind, format!("{identity}: {why}"), e).help(help)
}

/// Keeps the cause, unless it would tell what stands in a row.
fn told(kind: ErrorKind, message: String, e: tokio_postgres::Error) -> Error {
    let error = Error::new(kind, message);
    if e.as_db_error().is_some() { error } else { error.caused_by(e) }
}

fn reason(e: &tokio_postgres::Error) -> String {
    match e.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => match std::error::Error::source(e) {
            Some(cause) => format!("{e}: {cause}"),
            None => e.to_string(),
        },
    }
}

fn class(db: &DbError) -> &str {
    &db.code().code()[..2]
}
