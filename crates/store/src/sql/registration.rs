//! Syncs at first sight: many are registered with as many statements as one.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind, SyncId, SyncUid};

use super::overviews::Asked;
use super::{Outcome, Sql, WORKSPACE, blob, syncs, time, values};
use crate::{SyncRecord, SyncSeen, SyncState};

/// What is known of these syncs, in their order; `None` unless all are.
pub fn known(tx: &dyn Sql, seen: &[SyncSeen]) -> Outcome<Option<Vec<SyncRecord>>> {
    let ids: Vec<SyncId> = seen.iter().map(|seen| seen.id.clone()).collect();
    let there = by_id(tx, &ids)?;
    Ok(ids.iter().map(|id| there.get(id).cloned()).collect())
}

/// Finds or registers these syncs, as if one after the other.
pub fn ensure(tx: &dyn Sql, seen: &[SyncSeen], now: Timestamp) -> Outcome<Vec<SyncRecord>> {
    let ids: Vec<SyncId> =
        seen.iter().flat_map(|seen| seen.renamed_from.iter().chain([&seen.id])).cloned().collect();
    let mut there = by_id(tx, &ids)?;
    let (mut renamed, mut new) = (Vec::new(), HashSet::new());
    let mut ensured = Vec::with_capacity(seen.len());
    for seen in seen {
        let record = match there.get(&seen.id) {
            Some(known) => known.clone(),
            None => match seen.renamed_from.as_ref().and_then(|earlier| there.remove(earlier)) {
                Some(known) => {
                    if !new.contains(&known.uid) {
                        renamed.push((known.uid.clone(), seen.id.clone()));
                    }
                    SyncRecord { id: seen.id.clone(), ..known }
                }
                None if new.insert(seen.uid.clone()) => first_sight(seen, now)?,
                None => return Err(taken(&seen.id, &seen.uid).into()),
            },
        };
        there.insert(seen.id.clone(), record.clone());
        ensured.push(record);
    }
    rename(tx, &renamed, now)?;
    // In the order of their ids, as every server does it: none waits for one that waits for it.
    let new: Vec<&SyncRecord> = there.values().filter(|record| new.contains(&record.uid)).collect();
    insert(tx, &new, now)?;
    Ok(ensured)
}

fn by_id(tx: &dyn Sql, ids: &[SyncId]) -> Outcome<BTreeMap<SyncId, SyncRecord>> {
    Ok(syncs::of(tx, ids)?.into_iter().map(|record| (record.id.clone(), record)).collect())
}

/// A new sync, as it will be read again.
fn first_sight(seen: &SyncSeen, now: Timestamp) -> Outcome<SyncRecord> {
    Ok(SyncRecord {
        uid: seen.uid.clone(),
        id: seen.id.clone(),
        state: if seen.active { SyncState::Active } else { SyncState::Inactive },
        seed: seen.seed,
        cursor: None,
        generation: 0,
        created_at: time(now.as_microsecond(), "the time of a new sync")?,
        last_full_read_at: None,
        config_hash: None,
    })
}

/// In the order given, in which a name is free before it is taken.
fn rename(tx: &dyn Sql, renamed: &[(SyncUid, SyncId)], now: Timestamp) -> Outcome<()> {
    let rows: Vec<_> =
        renamed.iter().map(|(uid, to)| values![to.as_str(), now, WORKSPACE, uid.as_str()].to_vec()).collect();
    tx.execute_each("UPDATE syncs SET id = ?, updated_at = ? WHERE workspace_id = ? AND uid = ?", &rows)
}

fn insert(tx: &dyn Sql, new: &[&SyncRecord], now: Timestamp) -> Outcome<()> {
    check_uids(tx, new)?;
    let row = |record: &&SyncRecord| {
        let values = values![
            WORKSPACE,
            record.uid.as_str(),
            record.id.as_str(),
            blob::encode(&record.state)?,
            record.state.as_str(),
            record.seed.cast_signed(),
            now,
            now
        ];
        Ok(values.to_vec())
    };
    let rows: Vec<_> = new.iter().map(row).collect::<Outcome<_>>()?;
    tx.execute_each(
        "INSERT INTO syncs (workspace_id, uid, id, state, activity, seed, generation, epoch, created_at,
             updated_at)
         VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?)",
        &rows,
    )
}

/// Refuses uids that belong to other syncs already.
fn check_uids(tx: &dyn Sql, new: &[&SyncRecord]) -> Outcome<()> {
    if new.is_empty() {
        return Ok(());
    }
    let asked = Asked::of(new.iter().map(|record| record.uid.as_str()));
    let sql = format!("SELECT uid FROM syncs WHERE workspace_id = ? AND uid IN ({})", asked.marks);
    let there: HashSet<String> = tx.texts(&sql, &asked.values)?.into_iter().collect();
    match new.iter().find(|record| there.contains(record.uid.as_str())) {
        Some(record) => Err(taken(&record.id, &record.uid).into()),
        None => Ok(()),
    }
}

fn taken(id: &SyncId, uid: &SyncUid) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!("sync {id} cannot be registered: its uid {uid} belongs to another sync"),
    )
}
