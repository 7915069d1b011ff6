//! Objects that the API made, each under its kind and id.

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind};

use super::{Outcome, Row, Sql, WORKSPACE, time, values};
use crate::Object;

/// Each case is one statement, so that of two that race one is told so.
pub fn put(tx: &dyn Sql, object: &Object, expected: Option<u64>, now: Timestamp) -> Outcome<u64> {
    let (kind, id, body) = (&object.kind, &object.id, object.body.to_string());
    let insert = "INSERT INTO objects (workspace_id, kind, id, revision, created_at, updated_at, body)
         VALUES (?, ?, ?, 1, ?, ?, ?) ON CONFLICT (workspace_id, kind, id)";
    let stored = match expected {
        None => tx.query_first(
            &format!(
                "{insert} DO UPDATE SET revision = objects.revision + 1, updated_at = excluded.updated_at,
                     body = excluded.body
                 RETURNING revision"
            ),
            values![WORKSPACE, kind, id, now, now, body],
        )?,
        Some(0) => tx.query_first(
            &format!("{insert} DO NOTHING RETURNING revision"),
            values![WORKSPACE, kind, id, now, now, body],
        )?,
        Some(revision) => tx.query_first(
            "UPDATE objects SET revision = revision + 1, updated_at = ?, body = ?
             WHERE workspace_id = ? AND kind = ? AND id = ? AND revision = ? RETURNING revision",
            values![now, body, WORKSPACE, kind, id, revision],
        )?,
    };
    stored.map_or_else(|| Err(changed(object, expected).into()), |row| row.count(0))
}

pub fn get(tx: &dyn Sql, kind: &str, id: &str) -> Outcome<Option<Object>> {
    tx.query_first(
        &format!("SELECT {COLUMNS} FROM objects WHERE workspace_id = ? AND kind = ? AND id = ?"),
        values![WORKSPACE, kind, id],
    )?
    .map(|row| read(&row))
    .transpose()
}

pub fn all(tx: &dyn Sql, kind: &str) -> Outcome<Vec<Object>> {
    tx.query(
        &format!("SELECT {COLUMNS} FROM objects WHERE workspace_id = ? AND kind = ? ORDER BY id"),
        values![WORKSPACE, kind],
    )?
    .iter()
    .map(read)
    .collect()
}

pub fn remove(tx: &dyn Sql, kind: &str, id: &str) -> Outcome<bool> {
    let removed = tx.execute(
        "DELETE FROM objects WHERE workspace_id = ? AND kind = ? AND id = ?",
        values![WORKSPACE, kind, id],
    )?;
    Ok(removed == 1)
}

const COLUMNS: &str = "kind, id, revision, created_at, updated_at, body";

fn read(row: &Row) -> Outcome<Object> {
    let (kind, id) = (row.text(0)?.to_string(), row.text(1)?.to_string());
    let what = format!("{kind} {id}");
    Ok(Object {
        revision: row.count(2)?,
        created_at: time(row.integer(3)?, &what)?,
        updated_at: time(row.integer(4)?, &what)?,
        body: super::json(row.text(5)?, &what)?,
        kind,
        id,
    })
}

fn changed(object: &Object, expected: Option<u64>) -> Error {
    let Object { kind, id, .. } = object;
    match expected {
        Some(0) => Error::new(ErrorKind::Conflict, format!("there is a {kind} {id} already")),
        _ => Error::new(ErrorKind::Conflict, format!("{kind} {id} was changed or removed meanwhile"))
            .help("read it again and repeat the change on what it is now"),
    }
}
