//! Syncs: identity, state, and the counters that runs and commits move on.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use syncline_core::{CursorValue, Error, ErrorKind, SyncId, SyncUid};

use super::fault::Outcome;
use super::{WORKSPACE, blob};
use crate::{SyncRecord, SyncSeen, SyncState};

const COLUMNS: &str = "uid, id, state, seed, cursor, generation, created_at, last_full_read_at, config_hash";

pub fn ensure(tx: &Connection, seen: &SyncSeen, now: Timestamp) -> Outcome<SyncRecord> {
    if let Some(known) = by_id(tx, &seen.id)? {
        return Ok(known);
    }
    if let Some(earlier) = &seen.renamed_from
        && let Some(known) = by_id(tx, earlier)?
    {
        return rename(tx, known, &seen.id, now);
    }
    insert(tx, seen, now)?;
    require(tx, &seen.uid)
}

pub fn by_id(tx: &Connection, id: &SyncId) -> Outcome<Option<SyncRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND id = ?");
    let found =
        tx.prepare_cached(&sql)?.query_row([WORKSPACE, id.as_str()], |row| Ok(read(row))).optional()?;
    found.transpose()
}

pub fn all(tx: &rusqlite::Transaction) -> Outcome<Vec<SyncRecord>> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? ORDER BY id");
    let mut statement = tx.prepare_cached(&sql)?;
    let mut rows = statement.query([WORKSPACE])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(row)?);
    }
    Ok(records)
}

/// The sync of this uid, which must exist.
pub fn require(tx: &Connection, uid: &SyncUid) -> Outcome<SyncRecord> {
    let sql = format!("SELECT {COLUMNS} FROM syncs WHERE workspace_id = ? AND uid = ?");
    tx.prepare_cached(&sql)?
        .query_row([WORKSPACE, uid.as_str()], |row| Ok(read(row)))
        .optional()?
        .unwrap_or_else(|| Err(unknown(uid).into()))
}

pub fn set_state(tx: &Connection, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Outcome<()> {
    let changed = tx
        .prepare_cached("UPDATE syncs SET state = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?")?
        .execute(params![blob::encode(state)?, now.as_microsecond(), WORKSPACE, uid.as_str()])?;
    if changed == 0 { Err(unknown(uid).into()) } else { Ok(()) }
}

/// The next fencing epoch of the sync: greater than every one before it.
/// The last epoch given to a run of this sync.
pub fn epoch(tx: &Connection, uid: &SyncUid) -> Outcome<u64> {
    let epoch = tx
        .prepare_cached("SELECT epoch FROM syncs WHERE workspace_id = ? AND uid = ?")?
        .query_row([WORKSPACE, uid.as_str()], |row| row.get(0))
        .optional()?;
    epoch.ok_or_else(|| unknown(uid).into())
}

pub fn next_epoch(tx: &Connection, uid: &SyncUid) -> Outcome<u64> {
    let epoch = tx
        .prepare_cached(
            "UPDATE syncs SET epoch = epoch + 1 WHERE workspace_id = ? AND uid = ? RETURNING epoch",
        )?
        .query_row([WORKSPACE, uid.as_str()], |row| row.get(0))
        .optional()?;
    epoch.ok_or_else(|| unknown(uid).into())
}

pub fn set_cursor(
    tx: &Connection,
    uid: &SyncUid,
    cursor: Option<&CursorValue>,
    now: Timestamp,
) -> Outcome<()> {
    let cursor = cursor.map(blob::encode).transpose()?;
    tx.prepare_cached("UPDATE syncs SET cursor = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?")?
        .execute(params![cursor, now.as_microsecond(), WORKSPACE, uid.as_str()])?;
    Ok(())
}

/// Moves the sync from one generation to the next. `false`: it is not at `from` any more.
pub fn advance_generation(tx: &Connection, uid: &SyncUid, from: u64, to: u64) -> Outcome<bool> {
    let changed = tx
        .prepare_cached(
            "UPDATE syncs SET generation = ? WHERE workspace_id = ? AND uid = ? AND generation = ?",
        )?
        .execute(params![to, WORKSPACE, uid.as_str(), from])?;
    Ok(changed == 1)
}

/// Notes what a run that ended says about the sync; what is `None` stays.
pub fn note_run(
    tx: &Connection,
    uid: &SyncUid,
    full_read_at: Option<Timestamp>,
    config_hash: Option<&str>,
    now: Timestamp,
) -> Outcome<()> {
    tx.prepare_cached(
        "UPDATE syncs SET last_full_read_at = coalesce(?, last_full_read_at),
             config_hash = coalesce(?, config_hash), updated_at = ?
         WHERE workspace_id = ? AND uid = ?",
    )?
    .execute(params![
        full_read_at.map(Timestamp::as_microsecond),
        config_hash,
        now.as_microsecond(),
        WORKSPACE,
        uid.as_str()
    ])?;
    Ok(())
}

fn insert(tx: &Connection, seen: &SyncSeen, now: Timestamp) -> Outcome<()> {
    let state = if seen.active { SyncState::Active } else { SyncState::Inactive };
    let inserted = tx
        .prepare_cached(
            "INSERT INTO syncs (workspace_id, uid, id, state, seed, generation, epoch, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6) ON CONFLICT (workspace_id, uid) DO NOTHING",
        )?
        .execute(params![
            WORKSPACE,
            seen.uid.as_str(),
            seen.id.as_str(),
            blob::encode(&state)?,
            seen.seed.cast_signed(),
            now.as_microsecond()
        ])?;
    if inserted == 1 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!("sync {} cannot be registered: its uid {} belongs to another sync", seen.id, seen.uid),
    )
    .into())
}

fn rename(tx: &Connection, known: SyncRecord, to: &SyncId, now: Timestamp) -> Outcome<SyncRecord> {
    tx.prepare_cached("UPDATE syncs SET id = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?")?
        .execute(params![to.as_str(), now.as_microsecond(), WORKSPACE, known.uid.as_str()])?;
    Ok(SyncRecord { id: to.clone(), ..known })
}

fn read(row: &Row) -> Outcome<SyncRecord> {
    let uid: String = row.get("uid")?;
    let id: String = row.get("id")?;
    let what = format!("sync {id}");
    let cursor: Option<String> = row.get("cursor")?;
    Ok(SyncRecord {
        id: SyncId::parse(&id).map_err(|_| damaged(&what))?,
        state: blob::decode(&row.get::<_, String>("state")?, &what)?,
        seed: row.get::<_, i64>("seed")?.cast_unsigned(),
        cursor: cursor.map(|text| blob::decode(&text, &what)).transpose()?,
        generation: row.get("generation")?,
        created_at: time(row.get("created_at")?, &what)?,
        last_full_read_at: row
            .get::<_, Option<i64>>("last_full_read_at")?
            .map(|micros| time(micros, &what))
            .transpose()?,
        config_hash: row.get("config_hash")?,
        uid: SyncUid::from_stored(uid),
    })
}

fn time(micros: i64, what: &str) -> Outcome<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| damaged(what).into())
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} in the state store cannot be read"))
        .help("restore the state folder from a backup")
}

fn unknown(uid: &SyncUid) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no sync with uid {uid}"))
}
