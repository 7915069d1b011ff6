//! Dead letters: staged by a run, exposed by its commit.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use syncline_core::ids::LetterId;
use syncline_core::{Error, ErrorKind, Run, RunId, RunType, SyncUid};

use super::conditions::Conditions;
use super::{Dialect, Outcome, Sql, Value, WORKSPACE, blob, events, replays, runs, values};
use crate::{DeadLetter, LetterFilter, LetterState, Page};

pub fn stage(tx: &dyn Sql, id: &RunId, epoch: u64, letters: &[DeadLetter]) -> Outcome<()> {
    let run = runs::require_held(tx, id, epoch)?;
    let put = format!(
        "INSERT INTO staged_letters (workspace_id, run_id, key, record) VALUES (?, ?, ?, ?)
         ON CONFLICT (workspace_id, run_id, {}) DO UPDATE SET record = excluded.record",
        unique_key(tx.dialect())
    );
    let mut rows = Vec::with_capacity(letters.len());
    for letter in letters {
        if letter.run_id != run.id || letter.sync_uid != run.sync_uid {
            return Err(Error::internal(format!(
                "letter {} belongs to run {} of {}, not to {id}",
                letter.id, letter.run_id, letter.sync_uid
            ))
            .into());
        }
        rows.push(values![WORKSPACE, id.as_str(), &letter.key, blob::encode(letter)?].to_vec());
    }
    tx.execute_each(&put, &rows)
}

/// What of a key is unique. A server's index takes no long ones, so there it is their hash.
fn unique_key(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "key",
        Dialect::Postgres => "sha256(key)",
    }
}

pub fn clear_staged(tx: &dyn Sql, id: &RunId, epoch: u64) -> Outcome<()> {
    runs::check_epoch(&runs::require(tx, id)?, epoch)?;
    drop_staged(tx, id)
}

pub fn drop_staged(tx: &dyn Sql, run: &RunId) -> Outcome<()> {
    tx.execute(
        "DELETE FROM staged_letters WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, run.as_str()],
    )?;
    Ok(())
}

/// Makes the letters of a run that ends visible and resolves those of `resolved`.
///
/// A key that the run both resolved and failed keeps its letter: a failure is never hidden.
pub fn expose(tx: &dyn Sql, run: &Run, resolved: &[Vec<u8>]) -> Outcome<()> {
    let mut failed = HashSet::new();
    let mut changes = LetterChanges::default();
    let staged = tx.texts(
        "SELECT record FROM staged_letters WHERE workspace_id = ? AND run_id = ? ORDER BY key",
        values![WORKSPACE, run.id.as_str()],
    )?;
    for text in staged {
        let letter: DeadLetter = blob::decode(&text, &format!("a letter of run {}", run.id))?;
        failed.insert(letter.key.clone());
        match live(tx, &letter.sync_uid, &letter.key)? {
            None => {
                insert(tx, &DeadLetter { state: LetterState::Open, ..letter })?;
                changes.opened += 1;
            }
            Some(known) => {
                update(tx, &replays::seen_again(known, letter))?;
                changes.seen_again += 1;
            }
        }
    }
    drop_staged(tx, &run.id)?;
    let state = match run.run_type {
        RunType::Replay => LetterState::ResolvedReplay,
        _ => LetterState::ResolvedAuto,
    };
    for key in resolved.iter().filter(|key| !failed.contains(*key)) {
        if let Some(letter) = live(tx, &run.sync_uid, key)? {
            update(tx, &DeadLetter { state, replayed_by: None, ignored_because: None, ..letter })?;
            changes.resolved += 1;
        }
    }
    if run.status.is_terminal() {
        changes.reopened = replays::end(tx, run)?;
    }
    events::letters_changed(tx, run, &changes)
}

/// How many letters the end of a run changed, by how.
#[derive(Default, PartialEq, Serialize)]
pub struct LetterChanges {
    pub opened: u64,
    pub seen_again: u64,
    pub resolved: u64,
    /// A replay took them in hand.
    #[serde(skip_serializing_if = "is_none")]
    pub replaying: u64,
    /// A replay ended without delivering them or failing again.
    #[serde(skip_serializing_if = "is_none")]
    pub reopened: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Latest seen first; of one moment, the greater id.
pub const LATEST_FIRST: &str = "last_seen_at DESC, id DESC";

pub fn list(tx: &dyn Sql, filter: &LetterFilter, page: Page) -> Outcome<(Vec<DeadLetter>, u64)> {
    let table = tx.dialect().by_index("letters", index_for(filter));
    let (records, total) = conditions(filter).page(tx, &table, LATEST_FIRST, page)?;
    let letters = records.iter().map(|text| blob::decode(text, "a letter")).collect::<Result<_, _>>()?;
    Ok((letters, total))
}

/// The latest letter of each of these rows that has one.
pub fn of_rows(tx: &dyn Sql, sync: &SyncUid, rows: &[String]) -> Outcome<BTreeMap<String, LetterId>> {
    if rows.is_empty() {
        return Ok(BTreeMap::new());
    }
    let table = tx.dialect().by_index("letters", "letters_of_row");
    let marks = vec!["?"; rows.len()].join(", ");
    // Oldest first, so that the latest is what stays in the map.
    let statement = format!(
        "SELECT row_id, id FROM {table} WHERE workspace_id = ? AND row_id IN ({marks}) AND sync_uid = ? \
         ORDER BY last_seen_at, id"
    );
    let mut wanted = vec![Value::from(WORKSPACE)];
    wanted.extend(rows.iter().map(|row| Value::from(row.as_str())));
    wanted.push(sync.as_str().into());
    let found = tx.query(&statement, &wanted)?;
    found.iter().map(|row| Ok((row.text(0)?.to_string(), LetterId::from_stored(row.text(1)?)))).collect()
}

pub fn conditions(filter: &LetterFilter) -> Conditions {
    let mut conditions = Conditions::new();
    conditions.and_if("sync_uid =", filter.sync_uid.as_ref().map(SyncUid::as_str));
    conditions.and_one_of("state", filter.states.iter().map(|state| state.as_str()));
    conditions.and_if("run_id =", filter.run_id.as_ref().map(RunId::as_str));
    conditions.and_if("row_id =", filter.row_id.as_ref());
    conditions.and_if("fingerprint =", filter.fingerprint.as_ref());
    conditions.and_if("code =", filter.code.as_ref());
    conditions.and_if("last_seen_at >=", filter.since);
    conditions.and_if("last_seen_at <", filter.until);
    conditions
}

/// The index that leaves fewest letters; all give them latest seen first.
pub fn index_for(filter: &LetterFilter) -> &'static str {
    if filter.row_id.is_some() {
        "letters_of_row"
    } else if filter.run_id.is_some() {
        "letters_of_run"
    } else if filter.fingerprint.is_some() {
        "letters_by_fingerprint"
    } else if filter.sync_uid.is_some() {
        "letters_of_sync"
    } else {
        "letters_newest"
    }
}

pub fn get(tx: &dyn Sql, id: &str) -> Outcome<Option<DeadLetter>> {
    tx.first_text("SELECT record FROM letters WHERE workspace_id = ? AND id = ?", values![WORKSPACE, id])?
        .map(|text| Ok(blob::decode(&text, &format!("letter {id}"))?))
        .transpose()
}

pub fn set_state(tx: &dyn Sql, id: &str, state: LetterState) -> Outcome<DeadLetter> {
    let letter = step(tx, id, state, None)?;
    events::letter_changed(tx, &letter)?;
    Ok(letter)
}

pub fn move_all(
    tx: &dyn Sql,
    ids: &[LetterId],
    from: &[LetterState],
    to: LetterState,
    because: Option<&str>,
) -> Outcome<u64> {
    let mut moved = 0;
    for id in ids {
        if get(tx, id.as_str())?.is_some_and(|letter| from.contains(&letter.state)) {
            step(tx, id.as_str(), to, because)?;
            moved += 1;
        }
    }
    events::letters_moved(tx, to, moved)?;
    Ok(moved)
}

/// As [`set_state`], without telling of it.
pub fn step(tx: &dyn Sql, id: &str, state: LetterState, because: Option<&str>) -> Outcome<DeadLetter> {
    let Some(letter) = get(tx, id)? else {
        return Err(Error::new(ErrorKind::NotFound, format!("there is no dead letter {id}")).into());
    };
    let state = letter.state.transition(state).map_err(|e| e.context(id))?;
    let ignored_because = because.filter(|_| state == LetterState::Ignored).map(str::to_string);
    let letter = DeadLetter { state, replayed_by: None, ignored_because, ..letter };
    update(tx, &letter)?;
    Ok(letter)
}

/// The letter of a key that is not done with.
fn live(tx: &dyn Sql, uid: &SyncUid, key: &[u8]) -> Outcome<Option<DeadLetter>> {
    let letters = tx.dialect().by_index("letters", "letters_one_live");
    tx.first_text(
        &format!(
            "SELECT record FROM {letters}
             WHERE workspace_id = ? AND sync_uid = ? AND key = ? AND state IN ('open', 'replaying', 'ignored')"
        ),
        values![WORKSPACE, uid.as_str(), key],
    )?
    .map(|text| Ok(blob::decode(&text, "a letter")?))
    .transpose()
}

fn insert(tx: &dyn Sql, letter: &DeadLetter) -> Outcome<()> {
    tx.execute(
        "INSERT INTO letters (workspace_id, id, sync_uid, key, row_id, run_id, state, code, fingerprint,
             first_seen_at, last_seen_at, record)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            WORKSPACE,
            letter.id.as_str(),
            letter.sync_uid.as_str(),
            &letter.key,
            &letter.row_id,
            letter.run_id.as_str(),
            letter.state.as_str(),
            &letter.code,
            &letter.fingerprint,
            letter.first_seen_at,
            letter.last_seen_at,
            blob::encode(letter)?
        ],
    )?;
    Ok(())
}

pub fn update(tx: &dyn Sql, letter: &DeadLetter) -> Outcome<()> {
    tx.execute(
        "UPDATE letters SET row_id = ?, run_id = ?, state = ?, code = ?, fingerprint = ?, last_seen_at = ?,
         record = ?
     WHERE workspace_id = ? AND id = ?",
        values![
            &letter.row_id,
            letter.run_id.as_str(),
            letter.state.as_str(),
            &letter.code,
            &letter.fingerprint,
            letter.last_seen_at,
            blob::encode(letter)?,
            WORKSPACE,
            letter.id.as_str()
        ],
    )?;
    Ok(())
}
