//! Syncs: identity, state, and the counters that runs and commits move on.

use jiff::Timestamp;
use syncline_core::{CursorValue, Error, ErrorKind, SyncId, SyncUid};

use super::overviews::Asked;
use super::{Dialect, Outcome, Row, Sql, WORKSPACE, blob, damaged, events, time, values};
use crate::{SyncRecord, SyncState};

const COLUMNS: &str = "uid, id, state, seed, cursor, generation, created_at, last_full_read_at, config_hash";

pub fn by_id(tx: &dyn Sql, id: &SyncId) -> Outcome<Option<SyncRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND id = ?");
    tx.query_first(&sql, values![WORKSPACE, id.as_str()])?.as_ref().map(read).transpose()
}

pub fn all(tx: &dyn Sql) -> Outcome<Vec<SyncRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? ORDER BY id");
    tx.query(&sql, values![WORKSPACE])?.iter().map(read).collect()
}

/// Those of these ids that there are, by id.
pub fn of(tx: &dyn Sql, ids: &[SyncId]) -> Outcome<Vec<SyncRecord>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let asked = Asked::of(ids.iter().map(SyncId::as_str));
    let marks = &asked.marks;
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND id IN ({marks}) ORDER BY id");
    tx.query(&sql, &asked.values)?.iter().map(read).collect()
}

/// The sync of this uid, which must exist.
pub fn require(tx: &dyn Sql, uid: &SyncUid) -> Outcome<SyncRecord> {
    get(tx, uid)?.ok_or_else(|| unknown(uid).into())
}

/// The sync of this uid, if there is one.
pub fn get(tx: &dyn Sql, uid: &SyncUid) -> Outcome<Option<SyncRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND uid = ?");
    tx.query_first(&sql, values![WORKSPACE, uid.as_str()])?.as_ref().map(read).transpose()
}

/// Keeps what else changes the runs of a sync waiting until the transaction ends. An embedded store
/// has one writer anyway.
pub fn lock(tx: &dyn Sql, uid: &SyncUid) -> Outcome<()> {
    if tx.dialect() == Dialect::Postgres {
        let sql = "SELECT uid FROM syncs WHERE workspace_id = ? AND uid = ? FOR UPDATE";
        tx.query(sql, values![WORKSPACE, uid.as_str()])?;
    }
    Ok(())
}

/// Active syncs without a run that is so, by id.
pub fn active_without(tx: &dyn Sql, condition: &str) -> Outcome<Vec<SyncRecord>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND activity = 'active' AND NOT EXISTS (
             SELECT 1 FROM {} WHERE runs.workspace_id = syncs.workspace_id AND runs.sync_uid = syncs.uid
             AND {condition})
         ORDER BY id",
        tx.dialect().by_index("runs", "runs_unfinished")
    );
    tx.query(&sql, values![WORKSPACE])?.iter().map(read).collect()
}

/// Puts a sync behind all others that have something to run.
pub fn note_claim(tx: &dyn Sql, uid: &SyncUid, now: Timestamp) -> Outcome<()> {
    tx.execute(
        "UPDATE syncs SET last_claimed_at = ? WHERE workspace_id = ? AND uid = ?",
        values![now, WORKSPACE, uid.as_str()],
    )?;
    Ok(())
}

pub fn set_state(tx: &dyn Sql, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Outcome<()> {
    let before = require(tx, uid)?;
    tx.execute(
        "UPDATE syncs SET state = ?, activity = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?",
        values![blob::encode(state)?, state.as_str(), now, WORKSPACE, uid.as_str()],
    )?;
    if before.state == *state { Ok(()) } else { events::sync_changed(tx, &before, state) }
}

/// The last epoch given to a run of this sync.
pub fn epoch(tx: &dyn Sql, uid: &SyncUid) -> Outcome<u64> {
    let sql = "SELECT epoch FROM syncs WHERE workspace_id = ? AND uid = ?";
    tx.query_first(sql, values![WORKSPACE, uid.as_str()])?.ok_or_else(|| unknown(uid))?.count(0)
}

/// The next fencing epoch of the sync: greater than every one before it.
pub fn next_epoch(tx: &dyn Sql, uid: &SyncUid) -> Outcome<u64> {
    let sql = "UPDATE syncs SET epoch = epoch + 1 WHERE workspace_id = ? AND uid = ? RETURNING epoch";
    tx.query_first(sql, values![WORKSPACE, uid.as_str()])?.ok_or_else(|| unknown(uid))?.count(0)
}

pub fn set_cursor(tx: &dyn Sql, uid: &SyncUid, cursor: Option<&CursorValue>, now: Timestamp) -> Outcome<()> {
    let cursor = cursor.map(blob::encode).transpose()?;
    tx.execute(
        "UPDATE syncs SET cursor = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?",
        values![cursor, now, WORKSPACE, uid.as_str()],
    )?;
    Ok(())
}

/// Moves the sync from one generation to the next. `false`: it is not at `from` any more.
pub fn advance_generation(tx: &dyn Sql, uid: &SyncUid, from: u64, to: u64) -> Outcome<bool> {
    let changed = tx.execute(
        "UPDATE syncs SET generation = ? WHERE workspace_id = ? AND uid = ? AND generation = ?",
        values![to, WORKSPACE, uid.as_str(), from],
    )?;
    Ok(changed == 1)
}

/// Notes what a run that ended says about the sync; what is `None` stays.
pub fn note_run(
    tx: &dyn Sql,
    uid: &SyncUid,
    full_read_at: Option<Timestamp>,
    config_hash: Option<&str>,
    now: Timestamp,
) -> Outcome<()> {
    tx.execute(
        "UPDATE syncs SET last_full_read_at = coalesce(?, last_full_read_at),
         config_hash = coalesce(?, config_hash), updated_at = ?
     WHERE workspace_id = ? AND uid = ?",
        values![full_read_at, config_hash, now, WORKSPACE, uid.as_str()],
    )?;
    Ok(())
}

fn read(row: &Row) -> Outcome<SyncRecord> {
    let id = row.text(1)?;
    let what = format!("sync {id}");
    Ok(SyncRecord {
        uid: SyncUid::from_stored(row.text(0)?),
        id: SyncId::parse(id).map_err(|_| damaged(&what))?,
        state: blob::decode(row.text(2)?, &what)?,
        seed: row.integer(3)?.cast_unsigned(),
        cursor: row.text_or_null(4)?.map(|text| blob::decode(text, &what)).transpose()?,
        generation: row.count(5)?,
        created_at: time(row.integer(6)?, &what)?,
        last_full_read_at: row.integer_or_null(7)?.map(|micros| time(micros, &what)).transpose()?,
        config_hash: row.text_or_null(8)?.map(str::to_string),
    })
}

fn unknown(uid: &SyncUid) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no sync with uid {uid}"))
}
