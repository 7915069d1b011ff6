//! What happened, numbered in the order in which it became visible.
//!
//! On a server, transactions commit in another order than they append in. So an event is appended
//! without number there, and gets it from whoever reads next, one reader at a time, when it is
//! committed: nobody sees a number and later a smaller one, and writers never wait for each other.

use jiff::Timestamp;
use serde_json::{Value, json};
use syncline_core::{Run, RunId, SyncId};

use super::conditions::Conditions;
use super::letters::LetterChanges;
use super::{Dialect, Outcome, Row, Sql, WORKSPACE, time, values};
use crate::{DeadLetter, Event, LetterState, SyncRecord, SyncState};

/// Appends an event of another kind than those below.
pub fn add(tx: &dyn Sql, kind: &str, data: &Value, now: Timestamp) -> Outcome<()> {
    tx.execute(
        "INSERT INTO events (workspace_id, at, kind, data) VALUES (?, ?, ?, ?)",
        values![WORKSPACE, now, kind, data.to_string()],
    )?;
    Ok(())
}

/// A run is new, or its status or phase changed.
pub fn run_changed(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    append(tx, "run", Some(&run.id), Some(&run.sync_id), &run_data(run))
}

/// A scheduled run is gone as if it had never been.
pub fn run_removed(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    let data = json!({ "id": run.id, "sync_id": run.sync_id, "type": run.run_type, "removed": true });
    append(tx, "run", Some(&run.id), Some(&run.sync_id), &data)
}

/// What an event of the kind `run` says of a run.
pub fn run_data(run: &Run) -> Value {
    json!({
        "id": run.id,
        "sync_id": run.sync_id,
        "type": run.run_type,
        "trigger": run.trigger,
        "status": run.status,
        "phase": run.phase,
        "end_reason": run.end_reason,
        "correlation_id": run.correlation_id,
        "run_at": run.run_at,
        "started_at": run.started_at,
        "completed_at": run.completed_at,
        "error": run.error.as_ref().map(|error| &error.code),
        "partially_written": run.partially_written,
        "counters": run.counters,
    })
}

/// The state of one letter changed.
pub fn letter_changed(tx: &dyn Sql, letter: &DeadLetter) -> Outcome<()> {
    let data = json!({
        "id": letter.id,
        "sync_id": letter.sync_id,
        "run_id": letter.run_id,
        "state": letter.state,
        "code": letter.code,
        "fingerprint": letter.fingerprint,
    });
    append(tx, "letter", Some(&letter.run_id), Some(&letter.sync_id), &data)
}

/// A run exposed, resolved or replays letters: one event, however many they are.
pub fn letters_changed(tx: &dyn Sql, run: &Run, changes: &LetterChanges) -> Outcome<()> {
    if *changes == LetterChanges::default() {
        return Ok(());
    }
    let data = json!({ "sync_id": run.sync_id, "run_id": run.id, "changes": changes });
    append(tx, "letter", Some(&run.id), Some(&run.sync_id), &data)
}

/// Somebody decided about letters, or nobody looked at them for long: one event, however many they are.
pub fn letters_moved(tx: &dyn Sql, to: LetterState, count: u64) -> Outcome<()> {
    match count {
        0 => Ok(()),
        _ => append(tx, "letter", None, None, &json!({ "changes": { (to.as_str()): count } })),
    }
}

pub fn sync_changed(tx: &dyn Sql, sync: &SyncRecord, state: &SyncState) -> Outcome<()> {
    let mut data = json!({ "id": sync.id });
    if let (Value::Object(data), Ok(Value::Object(state))) = (&mut data, serde_json::to_value(state)) {
        data.extend(state);
    }
    append(tx, "sync", None, Some(&sync.id), &data)
}

/// The moment is the database's: what changes a run does not always say when.
fn append(tx: &dyn Sql, kind: &str, run: Option<&RunId>, sync: Option<&SyncId>, data: &Value) -> Outcome<()> {
    tx.execute(
        &format!(
            "INSERT INTO events (workspace_id, at, kind, run_id, sync_id, data) VALUES (?, {}, ?, ?, ?, ?)",
            tx.dialect().now()
        ),
        values![WORKSPACE, kind, run.map(RunId::as_str), sync.map(SyncId::as_str), data.to_string()],
    )?;
    Ok(())
}

/// Whether committed events wait for their numbers.
pub fn unnumbered(tx: &dyn Sql) -> Outcome<bool> {
    match tx.dialect() {
        Dialect::Sqlite => Ok(false),
        Dialect::Postgres => {
            Ok(tx.query_first("SELECT 1 FROM events WHERE sequence IS NULL LIMIT 1", &[])?.is_some())
        }
    }
}

/// Numbers them.
pub fn number(tx: &dyn Sql) -> Outcome<()> {
    if tx.dialect() == Dialect::Postgres {
        tx.execute("LOCK TABLE event_numbering IN EXCLUSIVE MODE", &[])?;
        tx.execute(
            "UPDATE events SET sequence = (SELECT coalesce(max(sequence), 0) FROM events) + place
             FROM (SELECT draft AS d, row_number() OVER (ORDER BY draft) AS place
                   FROM events WHERE sequence IS NULL) AS waiting
             WHERE draft = waiting.d",
            &[],
        )?;
    }
    Ok(())
}

pub fn after(tx: &dyn Sql, after: u64, run: Option<&RunId>, limit: u64) -> Outcome<Vec<Event>> {
    let mut conditions = Conditions::new();
    conditions.and("sequence >", after);
    conditions.and_if("run_id =", run.map(RunId::as_str));
    conditions.first(tx, COLUMNS, "events", "sequence", limit)?.iter().map(read).collect()
}

pub fn bounds(tx: &dyn Sql) -> Outcome<(u64, u64)> {
    let end = |which: &str| {
        let sql = format!("SELECT {which}(sequence) FROM events WHERE workspace_id = ?");
        let row = tx.query_first(&sql, values![WORKSPACE])?;
        Ok::<_, super::Fault>(row.map(|row| row.integer_or_null(0)).transpose()?.flatten().unwrap_or(0))
    };
    Ok((end("min")?.cast_unsigned(), end("max")?.cast_unsigned()))
}

/// The newest event stays, so that no number is ever given twice.
pub fn forget(tx: &dyn Sql, before: Timestamp) -> Outcome<u64> {
    tx.execute(
        "DELETE FROM events WHERE workspace_id = ? AND at < ?
         AND sequence < (SELECT max(sequence) FROM events WHERE workspace_id = ?)",
        values![WORKSPACE, before, WORKSPACE],
    )
}

const COLUMNS: &str = "sequence, at, kind, run_id, sync_id, data";

fn read(row: &Row) -> Outcome<Event> {
    let sequence = row.count(0)?;
    let what = format!("event {sequence}");
    let sync_id = row.text_or_null(4)?.map(SyncId::parse).transpose();
    Ok(Event {
        sequence,
        at: time(row.integer(1)?, &what)?,
        kind: row.text(2)?.into(),
        run_id: row.text_or_null(3)?.map(RunId::from_stored),
        sync_id: sync_id.map_err(|_| super::damaged(&what))?,
        data: super::json(row.text(5)?, &what)?,
    })
}
