//! How far a sync has read, and how it got there.

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind, SyncUid};

use super::conditions::Conditions;
use super::{Outcome, Sql, WORKSPACE, blob, runs, syncs, values};
use crate::{CursorChange, CursorHistory, Page};

pub fn set_by_hand(tx: &dyn Sql, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Outcome<()> {
    let sync = syncs::require(tx, uid)?;
    if let Some(run) = runs::active(tx, uid, false)? {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the cursor of sync {} cannot be set: run {run} is active", sync.id),
        )
        .help("wait until it has ended")
        .into());
    }
    set(tx, uid, change, now)
}

/// Sets the cursor and keeps the change in the history; setting what is there is no change.
pub fn set(tx: &dyn Sql, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Outcome<()> {
    let from = syncs::require(tx, uid)?.cursor;
    if from == change.to {
        return Ok(());
    }
    syncs::set_cursor(tx, uid, change.to.as_ref(), now)?;
    let entry = CursorHistory { at: now, from, change: change.clone() };
    tx.execute(
        "INSERT INTO cursor_history (workspace_id, sync_uid, record) VALUES (?, ?, ?)",
        values![WORKSPACE, uid.as_str(), blob::encode(&entry)?],
    )?;
    Ok(())
}

pub fn history(tx: &dyn Sql, uid: &SyncUid, page: Page) -> Outcome<(Vec<CursorHistory>, u64)> {
    syncs::require(tx, uid)?;
    let mut conditions = Conditions::new();
    conditions.and("sync_uid =", uid.as_str().to_string());
    let (records, total) = conditions.page(tx, "cursor_history", "sequence DESC", page)?;
    let what = format!("the cursor history of {uid}");
    let entries = records.iter().map(|text| blob::decode(text, &what)).collect::<Result<_, _>>()?;
    Ok((entries, total))
}
