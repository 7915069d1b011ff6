//! What lists show of syncs: a page of them takes as many statements as one sync.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use syncline_core::{Run, RunId, SyncId, SyncUid};

use super::queue::UNFINISHED;
use super::{Dialect, Outcome, Row, Sql, Value, WORKSPACE, blob, syncs, time};
use crate::{Generation, Page, Recent, SyncOverview};

pub fn of(tx: &dyn Sql, ids: &[SyncId]) -> Outcome<Vec<SyncOverview>> {
    Page::first(ids.len() as u64).check()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let records = syncs::of(tx, ids)?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let asked = Asked::of(records.iter().map(|record| record.uid.as_str()));
    let (mut last_runs, mut next_runs) = (last_runs(tx, &asked)?, next_runs(tx, &asked)?);
    let (mut held, mut states) = (held(tx, &asked)?, states(tx, &asked)?);
    let mut letters = open_letters(tx, &asked)?;
    let overview = |record: crate::SyncRecord| SyncOverview {
        last_run: last_runs.remove(&record.uid),
        next_run_at: next_runs.remove(&record.uid),
        held: held.remove(&record.uid).unwrap_or_default(),
        states: states.remove(&record.uid).unwrap_or_default(),
        open_letters: letters.remove(&record.uid).unwrap_or_default(),
        record,
    };
    Ok(records.into_iter().map(overview).collect())
}

pub fn recent(tx: &dyn Sql, ids: &[SyncId], runs: u64) -> Outcome<Vec<Recent>> {
    Page::first((ids.len() as u64).saturating_mul(runs)).check()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let records = syncs::of(tx, ids)?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let asked = Asked::of(records.iter().map(|record| record.uid.as_str()));
    let (mut runs, mut letters) = (ended_runs(tx, &asked, runs)?, open_letters(tx, &asked)?);
    let recent = |record: crate::SyncRecord| Recent {
        runs: runs.remove(&record.uid).unwrap_or_default(),
        open_letters: letters.remove(&record.uid).unwrap_or_default(),
        record,
    };
    Ok(records.into_iter().map(recent).collect())
}

/// The latest of each, newest first: as many looks into the index as there are syncs.
fn ended_runs(tx: &dyn Sql, asked: &Asked, limit: u64) -> Outcome<HashMap<SyncUid, Vec<Run>>> {
    let latest = |columns| {
        format!(
            "SELECT {columns} FROM {} WHERE workspace_id = s.workspace_id AND sync_uid = s.uid
                 AND status IN ('completed', 'failed', 'source_failure')
             ORDER BY created_at DESC, id DESC LIMIT {limit}",
            tx.dialect().by_index("runs", "runs_of_sync")
        )
    };
    let of_each = match tx.dialect() {
        Dialect::Sqlite => {
            let ids = latest("id");
            format!("JOIN runs AS ended ON ended.workspace_id = s.workspace_id AND ended.id IN ({ids})")
        }
        Dialect::Postgres => format!("CROSS JOIN LATERAL ({}) AS ended", latest("id, created_at, record")),
    };
    let sql = format!(
        "SELECT ended.record FROM syncs AS s {of_each}
         WHERE s.workspace_id = ? AND s.uid IN ({}) ORDER BY ended.created_at DESC, ended.id DESC",
        asked.marks
    );
    let mut ended: HashMap<SyncUid, Vec<Run>> = HashMap::new();
    for record in tx.texts(&sql, &asked.values)? {
        let run: Run = blob::decode(&record, "a run")?;
        ended.entry(run.sync_uid.clone()).or_default().push(run);
    }
    Ok(ended)
}

/// The syncs that are asked for, as a statement's marks and values.
pub struct Asked {
    pub marks: String,
    pub values: Vec<Value>,
}

impl Asked {
    pub fn of<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Self {
        let marks = vec!["?"; names.len()].join(", ");
        Self { marks, values: std::iter::once(WORKSPACE).chain(names).map(Value::from).collect() }
    }
}

/// The latest run of each that started. What waits, or did not run, is passed over in the index.
fn last_runs(tx: &dyn Sql, asked: &Asked) -> Outcome<HashMap<SyncUid, Run>> {
    let sql = format!(
        "SELECT latest.record FROM syncs AS s JOIN runs AS latest ON latest.workspace_id = s.workspace_id
             AND latest.id = (SELECT id FROM {} WHERE workspace_id = s.workspace_id AND sync_uid = s.uid
                 AND status NOT IN ('scheduled', 'queued', 'not_run') AND started_at IS NOT NULL
                 ORDER BY created_at DESC, id DESC LIMIT 1)
         WHERE s.workspace_id = ? AND s.uid IN ({})",
        tx.dialect().by_index("runs", "runs_of_sync"),
        asked.marks
    );
    let read = |record: &String| {
        let run: Run = blob::decode(record, "a run")?;
        Ok((run.sync_uid.clone(), run))
    };
    tx.texts(&sql, &asked.values)?.iter().map(read).collect()
}

fn next_runs(tx: &dyn Sql, asked: &Asked) -> Outcome<HashMap<SyncUid, Timestamp>> {
    let sql = format!(
        "SELECT sync_uid, min(run_at) FROM {} WHERE workspace_id = ? AND sync_uid IN ({})
         AND {UNFINISHED} AND status = 'scheduled' GROUP BY sync_uid",
        tx.dialect().by_index("runs", "runs_unfinished"),
        asked.marks
    );
    let read = |row: &Row| Ok((uid(row)?, time(row.integer(1)?, "a scheduled run")?));
    tx.query(&sql, &asked.values)?.iter().map(read).collect()
}

/// Newest first.
fn held(tx: &dyn Sql, asked: &Asked) -> Outcome<HashMap<SyncUid, Vec<RunId>>> {
    let sql = format!(
        "SELECT sync_uid, id FROM {} WHERE workspace_id = ? AND sync_uid IN ({})
         AND {UNFINISHED} AND status = 'held' ORDER BY created_at DESC, id DESC",
        tx.dialect().by_index("runs", "runs_unfinished"),
        asked.marks
    );
    let mut held: HashMap<SyncUid, Vec<RunId>> = HashMap::new();
    for row in tx.query(&sql, &asked.values)? {
        held.entry(uid(&row)?).or_default().push(RunId::from_stored(row.text(1)?));
    }
    Ok(held)
}

/// Live keys of each by entry state.
fn states(tx: &dyn Sql, asked: &Asked) -> Outcome<HashMap<SyncUid, BTreeMap<String, u64>>> {
    let sql = format!(
        "SELECT newest.record FROM syncs AS s JOIN generations AS newest
             ON newest.workspace_id = s.workspace_id AND newest.sync_uid = s.uid AND newest.number = s.generation
         WHERE s.workspace_id = ? AND s.uid IN ({})",
        asked.marks
    );
    let read = |record: &String| {
        let generation: Generation = blob::decode(record, "a snapshot")?;
        Ok((generation.sync_uid, generation.states))
    };
    tx.texts(&sql, &asked.values)?.iter().map(read).collect()
}

fn open_letters(tx: &dyn Sql, asked: &Asked) -> Outcome<HashMap<SyncUid, u64>> {
    let sql = format!(
        "SELECT sync_uid, count(*) FROM {} WHERE workspace_id = ? AND sync_uid IN ({}) AND state = 'open'
         GROUP BY sync_uid",
        tx.dialect().by_index("letters", "letters_of_sync"),
        asked.marks
    );
    tx.query(&sql, &asked.values)?.iter().map(|row| Ok((uid(row)?, row.count(1)?))).collect()
}

fn uid(row: &Row) -> Outcome<SyncUid> {
    Ok(SyncUid::from_stored(row.text(0)?))
}
