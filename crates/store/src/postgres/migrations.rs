//! The versions of the schema. `syncline_meta` tells that of a database.

use syncline_core::{Error, ErrorKind};

use super::transaction::Connection;
use crate::sql::{Outcome, Sql, values};

/// Step `n` makes version `n + 1` of version `n`. Steps that were released never change.
pub const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_start.sql")];

/// Migrations of one schema wait for each other by this advisory lock and one made of its name.
/// 'SYNC', as in the header of the embedded database.
const LOCK: i64 = 0x5359_4E43;

/// What a schema holds.
enum Content {
    /// Nothing; it may not even exist.
    Nothing,
    /// Other programs' tables.
    Foreign,
    Version(usize),
}

/// Brings a schema to the newest version, all steps in one transaction.
pub fn migrate(connection: &mut Connection, schema: &str, migrations: &[&str]) -> Outcome<()> {
    connection.begin("BEGIN")?;
    // Read by a statement after the lock was got, not before.
    connection.query(
        "SELECT 1 FROM pg_advisory_xact_lock(CAST(? AS INTEGER), hashtext(?))",
        values![LOCK, schema],
    )?;
    let at = match content(connection, schema)? {
        Content::Foreign => return Err(foreign(schema).into()),
        Content::Version(at) => at,
        Content::Nothing => {
            create_schema(connection, schema)?;
            0
        }
    };
    refuse_newer(at, migrations.len())?;
    for step in &migrations[at..] {
        connection.run(step)?;
    }
    if at < migrations.len() {
        connection.execute("DELETE FROM syncline_meta", &[])?;
        let newest = migrations.len() as u64;
        connection.execute("INSERT INTO syncline_meta (version) VALUES (?)", values![newest])?;
    }
    connection.commit()
}

/// For a store that may not migrate: the schema must have this program's version.
pub fn require_current(connection: &mut Connection, schema: &str) -> Outcome<()> {
    let at = match content(connection, schema)? {
        Content::Nothing => {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no state in schema {schema} yet"))
                .help("run a sync first, or correct the state's address")
                .into());
        }
        Content::Foreign => return Err(foreign(schema).into()),
        Content::Version(at) => at,
    };
    refuse_newer(at, MIGRATIONS.len())?;
    if at == MIGRATIONS.len() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "the state store was written by an older version of syncline")
        .help("run a command that writes, for example `syncline run`, once: it brings the store up to date")
        .into())
}

fn content(connection: &Connection, schema: &str) -> Outcome<Content> {
    let tables = connection.texts(
        "SELECT CAST(c.relname AS TEXT) FROM pg_class AS c
         JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE n.nspname = CAST(? AS TEXT) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        values![schema],
    )?;
    if tables.is_empty() {
        return Ok(Content::Nothing);
    }
    if !tables.iter().any(|table| table == "syncline_meta") {
        return Ok(Content::Foreign);
    }
    let version = connection.query_first("SELECT version FROM syncline_meta", &[])?;
    let version = version.map(|row| row.count(0)).transpose()?.unwrap_or(0);
    Ok(Content::Version(usize::try_from(version).unwrap_or(usize::MAX)))
}

/// One that is there already may have been made by somebody else, for a role that may not make any.
fn create_schema(connection: &Connection, schema: &str) -> Outcome<()> {
    let there = "SELECT 1 FROM pg_namespace WHERE nspname = CAST(? AS TEXT)";
    if connection.query_first(there, values![schema])?.is_none() {
        connection.run(&format!("CREATE SCHEMA {schema}"))?;
    }
    Ok(())
}

fn refuse_newer(at: usize, newest: usize) -> Outcome<()> {
    if at <= newest {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::StateTooNew,
        format!("the state store has schema version {at}; this version of syncline knows up to {newest}"),
    )
    .help("run the newer version of syncline, or restore a backup from before the upgrade")
    .into())
}

fn foreign(schema: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("schema {schema} is not a syncline state store: it has other tables"),
    )
    .help("choose another schema with ?schema= in the state's address")
}
