//! What went wrong with a model's query, told with the line it happened in.

use std::time::Duration;

use syncline_core::{Error, ErrorKind};
use tokio_postgres::error::{ErrorPosition, SqlState};

use super::client::{PgClient, reason};
use super::source_sql::ModelSql;

/// Longest piece of SQL quoted in a message.
const QUOTED_CHARS_MAX: usize = 120;

/// The error of a statement that was the model's own text, with line and text from the position the
/// server gives, or the connection's error if that is what failed.
pub fn statement_failed(
    client: &PgClient,
    model: &ModelSql,
    timeout: Duration,
    error: tokio_postgres::Error,
) -> Error {
    let place = match (error.as_db_error().and_then(|db| db.position()), &model.origin) {
        (Some(ErrorPosition::Original(position)), Some(_)) => place(&model.statement, *position),
        _ => String::new(),
    };
    failed(client, model, timeout, error, &place)
}

/// The error of a statement we wrote around the model; positions in it mean nothing to anybody.
pub fn read_failed(
    client: &PgClient,
    model: &ModelSql,
    timeout: Duration,
    error: tokio_postgres::Error,
) -> Error {
    failed(client, model, timeout, error, "")
}

fn failed(
    client: &PgClient,
    model: &ModelSql,
    timeout: Duration,
    error: tokio_postgres::Error,
    place: &str,
) -> Error {
    let error = match client.lost(error) {
        Ok(lost) => return lost,
        Err(error) => error,
    };
    let code = error.code().cloned();
    if code == Some(SqlState::QUERY_CANCELED) {
        return cancelled(client, timeout, error);
    }
    let origin = model.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    let message = format!("Model query failed{origin}: {}{place}", reason(&error));
    let hint = error.as_db_error().and_then(|db| db.hint()).map(str::to_string);
    let help = hint.or_else(|| advice(code.as_ref()).map(str::to_string));
    let failed = Error::new(ErrorKind::ModelQueryFailed, message).caused_by(error);
    match help {
        Some(help) => failed.help(help),
        None => failed,
    }
}

/// A statement that was stopped: by its own limit, which another try would meet again, or by
/// somebody at the server, which is a passing thing.
fn cancelled(client: &PgClient, timeout: Duration, error: tokio_postgres::Error) -> Error {
    // Both have the same code. Only the text, which servers may translate, tells; where it does
    // not, the passing cause is assumed, because it is retried.
    if reason(&error).contains("timeout") {
        let message = format!(
            "Model query failed: it took longer than model.timeout ({timeout:?}), or than a limit of the server"
        );
        Error::new(ErrorKind::ModelQueryFailed, message)
            .help("make the query faster (an index on the cursor column?) or raise model.timeout")
            .caused_by(error)
    } else {
        let message = format!("{}: the query was cancelled at the server", client.identity());
        Error::new(ErrorKind::SourceUnreachable, message).caused_by(error)
    }
}

fn advice(code: Option<&SqlState>) -> Option<&'static str> {
    let code = code?;
    Some(if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        "grant the connection's role SELECT on it (and USAGE on its schema)"
    } else if *code == SqlState::UNDEFINED_TABLE {
        "check the spelling, upper and lower case, and the schema (schema.table)"
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        "a model only reads; it cannot change data, lock rows or use sequences"
    } else {
        return None;
    })
}

/// ` at line 12: the line` for a position counted in characters from 1.
fn place(sql: &str, position: u32) -> String {
    let offset = (position as usize).saturating_sub(1);
    let at = sql.char_indices().nth(offset).map_or(sql.len(), |(at, _)| at);
    let line = sql[..at].matches('\n').count() + 1;
    let text = sql.lines().nth(line - 1).unwrap_or_default().trim();
    let mut quoted: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    if quoted.is_empty() { format!(" at line {line}") } else { format!(" at line {line}: {quoted}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_becomes_a_line() {
        let sql = "select 'ü',\n  nam\nform t";
        assert_eq!(place(sql, 1), " at line 1: select 'ü',");
        assert_eq!(place(sql, 15), " at line 2: nam");
        assert_eq!(place(sql, 19), " at line 3: form t");
        assert_eq!(place(sql, 9_999), " at line 3: form t");
        assert_eq!(place("", 1), " at line 1");
        assert!(place(&"x".repeat(500), 1).ends_with("x…"));
    }
}
