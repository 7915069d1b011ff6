//! The versions of the schema. A database's version is its `user_version`.

use rusqlite::{Connection, TransactionBehavior};
use syncline_core::{Error, ErrorKind};

use crate::sql::{Fault, Outcome};

/// Step `n` makes version `n + 1` of version `n`. Steps that were released never change.
pub const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_start.sql"), include_str!("migrations/0002_server.sql")];

/// The version of a database; 0: an empty one.
pub fn version(connection: &Connection) -> Outcome<usize> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}

/// Brings a database to the newest version, each step in a transaction of its own.
pub fn migrate(connection: &mut Connection, migrations: &[&str]) -> Outcome<()> {
    let mut at = version(connection)?;
    refuse_newer(at, migrations.len())?;
    if at == 0 {
        refuse_foreign(connection)?;
    }
    while at < migrations.len() {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migrations[at])?;
        at += 1;
        transaction.pragma_update(None, "user_version", at)?;
        transaction.commit()?;
    }
    Ok(())
}

/// For a connection that may not migrate: the database must have this program's version.
pub fn require_current(connection: &Connection, newest: usize) -> Outcome<()> {
    let at = version(connection)?;
    refuse_newer(at, newest)?;
    if at == newest {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, "the state store was written by an older version of syncline")
        .help("run a command that writes, for example `syncline run`, once: it brings the store up to date")
        .into())
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

/// A database without version is ours only if it is empty.
fn refuse_foreign(connection: &Connection) -> Outcome<()> {
    let tables: u64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(());
    }
    Err(Fault::Known(
        Error::new(ErrorKind::Corrupt, "the database is not a syncline state store: it has other tables")
            .help("choose another state folder, or move this database away"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: &[&str] = &[
        "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);",
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7;",
        "UPDATE a SET y = y + x;",
    ];

    fn kind(fault: Fault) -> ErrorKind {
        match fault {
            Fault::Known(e) => e.kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_database_of_any_version_ends_at_the_newest() {
        for start in 0..=STEPS.len() {
            let mut db = Connection::open_in_memory().unwrap();
            migrate(&mut db, &STEPS[..start]).unwrap();
            migrate(&mut db, STEPS).unwrap();
            assert_eq!(version(&db).unwrap(), 3, "from {start}");
            let y: i64 = db.query_row("SELECT y FROM a", [], |r| r.get(0)).unwrap();
            assert_eq!(y, 8, "from {start}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let mut db = Connection::open_in_memory().unwrap();
        let broken = [STEPS[0], "CREATE TABLE b (x INTEGER); INSERT INTO missing VALUES (1);"];
        assert!(migrate(&mut db, &broken).is_err());
        assert_eq!(version(&db).unwrap(), 1);
        let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 1, "the half-done step left its table");
        migrate(&mut db, STEPS).unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut db = Connection::open_in_memory().unwrap();
        db.pragma_update(None, "user_version", 4).unwrap();
        assert_eq!(kind(migrate(&mut db, STEPS).unwrap_err()), ErrorKind::StateTooNew);
        assert_eq!(kind(require_current(&db, 3).unwrap_err()), ErrorKind::StateTooNew);
        require_current(&db, 4).unwrap();
        assert_eq!(kind(require_current(&db, 5).unwrap_err()), ErrorKind::Conflict);
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert_eq!(kind(migrate(&mut db, STEPS).unwrap_err()), ErrorKind::Corrupt);
        assert_eq!(version(&db).unwrap(), 0);
    }
}
