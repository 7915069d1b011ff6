//! What Syncline keeps in the database it writes to.
//!
//! - `_syncline_ledger`: one row per written chunk, in the chunk's own transaction.
//! - `_syncline_fence`: the newest epoch of each sync; an older session cannot commit.
//! - An index `_syncline_mark_…` on each written table, which never has an entry
//!   (`ON table (0) WHERE 0`): SQLite has no table ids, but an index goes with its table when that
//!   is dropped and stays through everything else. `_syncline_incarnation` remembers the last mark
//!   of each name, so that a table made anew never counts as the old one, even where SQLite gives
//!   it the same page again.

use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, OptionalExtension, Result, params};
use syncline_connector::OpenRequest;
use xxhash_rust::xxh3::xxh3_64;

use super::catalog::Table;
use super::database::quote;

/// Ledger rows of earlier runs are removed after this many days; their chunks are settled long
/// before.
const LEDGER_DAYS: u32 = 30;

/// Whether a table is one of these.
pub fn is_ours(table: &str) -> bool {
    table.to_ascii_lowercase().starts_with("_syncline_")
}

pub fn create_tables(conn: &Connection) -> Result<()> {
    conn.execute_batch(
        "CREATE TABLE IF NOT EXISTS main._syncline_ledger (
             sync_uid TEXT NOT NULL,
             run_id TEXT NOT NULL,
             chunk INTEGER NOT NULL,
             plan_digest TEXT NOT NULL,
             written_at TEXT NOT NULL,
             PRIMARY KEY (sync_uid, run_id, chunk)
         ) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS main._syncline_fence (
             sync_uid TEXT NOT NULL PRIMARY KEY,
             epoch INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE TABLE IF NOT EXISTS main._syncline_incarnation (
             object TEXT NOT NULL PRIMARY KEY,
             token TEXT NOT NULL
         ) WITHOUT ROWID;",
    )
}

/// The newest epoch that took this sync's fence.
pub fn fence(conn: &Connection, sync_uid: &str) -> Result<Option<i64>> {
    conn.query_row("SELECT epoch FROM main._syncline_fence WHERE sync_uid = ?1", [sync_uid], |row| row.get(0))
        .optional()
}

pub fn set_fence(conn: &Connection, sync_uid: &str, epoch: i64) -> Result<()> {
    conn.execute(
        "INSERT INTO main._syncline_fence (sync_uid, epoch) VALUES (?1, ?2)
         ON CONFLICT (sync_uid) DO UPDATE SET epoch = excluded.epoch",
        params![sync_uid, epoch],
    )?;
    Ok(())
}

pub fn has_chunk(conn: &Connection, request: &OpenRequest, chunk: u32) -> Result<bool> {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM main._syncline_ledger WHERE sync_uid = ?1 AND run_id = ?2 AND chunk = ?3)",
        params![request.sync_uid.as_str(), request.run_id.as_str(), chunk],
        |row| row.get(0),
    )
}

/// Enters a chunk; writing one again (an idempotent repetition) enters it again.
pub fn record_chunk(conn: &Connection, request: &OpenRequest, chunk: u32) -> Result<()> {
    conn.execute(
        "INSERT OR REPLACE INTO main._syncline_ledger (sync_uid, run_id, chunk, plan_digest, written_at)
         VALUES (?1, ?2, ?3, ?4, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
        params![request.sync_uid.as_str(), request.run_id.as_str(), chunk, request.plan_digest],
    )?;
    Ok(())
}

/// Removes what earlier runs of the sync left in the ledger long ago.
pub fn prune_ledger(conn: &Connection, request: &OpenRequest) -> Result<()> {
    conn.execute(
        "DELETE FROM main._syncline_ledger WHERE sync_uid = ?1 AND run_id <> ?2
         AND written_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3)",
        params![request.sync_uid.as_str(), request.run_id.as_str(), format!("-{LEDGER_DAYS} days")],
    )?;
    Ok(())
}

const MARK_PREFIX: &str = "_syncline_mark_";

/// Changes when the table is dropped and made anew or the file is replaced by another. An older
/// state that is copied *into* the same file (`.restore`, `cp`) cannot be told from within.
pub fn incarnation(conn: &Connection, table: &Table, path: &Path) -> Result<String> {
    let token = match mark(conn, &table.name)? {
        Some(token) => token,
        None => unmarked_token(conn, &table.name)?,
    };
    Ok(format!("{:016x}-{token}", file_token(path)))
}

/// Marks a table that has no mark, with the token that it had without one.
pub fn ensure_mark(conn: &Connection, table: &Table) -> Result<()> {
    if mark(conn, &table.name)?.is_some() {
        return Ok(());
    }
    let token = unmarked_token(conn, &table.name)?;
    let (index, name) = (quote(&format!("{MARK_PREFIX}{token}")), quote(&table.name));
    conn.execute_batch(&format!("CREATE INDEX main.{index} ON {name} (0) WHERE 0"))?;
    conn.execute(
        "INSERT OR REPLACE INTO main._syncline_incarnation (object, token) VALUES (?1, ?2)",
        [&table.name, &token],
    )?;
    Ok(())
}

fn mark(conn: &Connection, table: &str) -> Result<Option<String>> {
    let name: Option<String> = conn
        .query_row(
            "SELECT name FROM main.sqlite_schema
             WHERE type = 'index' AND tbl_name = ?1 AND substr(name, 1, length(?2)) = ?2
             ORDER BY name LIMIT 1",
            [table, MARK_PREFIX],
            |row| row.get(0),
        )
        .optional()?;
    Ok(name.map(|n| n[MARK_PREFIX.len()..].to_string()))
}

/// Where the table stands in the schema, together with the mark that a table of this name had
/// before: what tells it from others as long as it bears no mark itself.
fn unmarked_token(conn: &Connection, table: &str) -> Result<String> {
    let (row, page): (i64, i64) = conn.query_row(
        "SELECT rowid, rootpage FROM main.sqlite_schema WHERE name = ?1 AND type IN ('table', 'view')",
        [table],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let kept: bool = conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = '_syncline_incarnation')",
        [],
        |row| row.get(0),
    )?;
    let before: Option<String> = match kept {
        false => None,
        true => conn
            .query_row("SELECT token FROM main._syncline_incarnation WHERE object = ?1", [table], |r| {
                r.get(0)
            })
            .optional()?,
    };
    let facts = format!("{table}\0{row}\0{page}\0{}", before.unwrap_or_default());
    Ok(format!("{:016x}", xxh3_64(facts.as_bytes())))
}

/// Another value for another file at the same path: its inode and birth, where the system has them.
fn file_token(path: &Path) -> u64 {
    let Ok(meta) = std::fs::metadata(path) else { return 0 };
    let born =
        meta.created().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&meta);
    #[cfg(not(unix))]
    let inode = 0u64;
    xxh3_64(format!("{inode}\0{born}").as_bytes())
}
