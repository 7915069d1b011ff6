//! Which store this is. A restored backup is another one: what it remembers may be behind what its
//! destinations have.

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind};

use super::{Outcome, Sql, WORKSPACE, time, values};
use crate::Incarnation;

pub fn get(tx: &dyn Sql) -> Outcome<Incarnation> {
    let row = tx
        .query_first("SELECT id, restored_at FROM incarnation WHERE workspace_id = ?", values![WORKSPACE])?
        .ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, "the state store has lost its identity")
                .help("restore the state from a backup")
        })?;
    let restored_at = row.integer_or_null(1)?.map(|micros| time(micros, "the restore")).transpose()?;
    Ok(Incarnation { id: row.text(0)?.into(), restored_at })
}

pub fn begin(tx: &dyn Sql, id: &str, restored_at: Timestamp) -> Outcome<()> {
    tx.execute(
        "UPDATE incarnation SET id = ?, restored_at = ? WHERE workspace_id = ?",
        values![id, restored_at, WORKSPACE],
    )?;
    Ok(())
}
