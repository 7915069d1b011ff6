//! What lists show of syncs: a page of them takes as many statements as one sync.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use syncline_core::{Result, Run, RunId, SyncId, SyncUid};

use super::queue::UNFINISHED;
use super::{Dialect, Outcome, Row, Sql, Value, WORKSPACE, blob, syncs, time};
use crate::{Generation, Page, Recent, SyncOverview, SyncRecord, SyncSchedule};

pub fn of(tx: &dyn Sql, ids: &[SyncId]) -> Outcome<Vec<SyncOverview>> {
    let Some((records, asked)) = registered(tx, ids, 1)? else { return Ok(Vec::new()) };
    let (mut last_runs, mut next_runs) = (last_runs(tx, &asked)?, next_runs(tx, &asked)?);
    let (mut held, mut states) = (held(tx, &asked)?, states(tx, &asked)?);
    let mut letters = open_letters(tx, &asked)?;
    let overview = |record: SyncRecord| SyncOverview {
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
    let Some((records, asked)) = registered(tx, ids, runs)? else { return Ok(Vec::new()) };
    let ended = "status IN ('completed', 'failed', 'source_failure')";
    let (mut runs, mut letters) = (latest_runs(tx, &asked, ended, runs)?, open_letters(tx, &asked)?);
    let recent = |record: SyncRecord| Recent {
        runs: runs.remove(&record.uid).unwrap_or_default(),
        open_letters: letters.remove(&record.uid).unwrap_or_default(),
        record,
    };
    Ok(records.into_iter().map(recent).collect())
}

pub fn schedules(
    tx: &dyn Sql,
    ids: &[SyncId],
    missed_since: Timestamp,
    missed: u64,
) -> Outcome<Vec<SyncSchedule>> {
    let Some((records, asked)) = registered(tx, ids, missed)? else { return Ok(Vec::new()) };
    let not_run = format!("created_at >= {} AND status = 'not_run'", missed_since.as_microsecond());
    let (mut next_runs, mut missed) = (next_runs(tx, &asked)?, latest_runs(tx, &asked, &not_run, missed)?);
    let schedule = |record: SyncRecord| SyncSchedule {
        next_run_at: next_runs.remove(&record.uid),
        missed: missed.remove(&record.uid).unwrap_or_default(),
        record,
    };
    Ok(records.into_iter().map(schedule).collect())
}

/// The latest runs by schedule of each of these syncs, newest first.
pub fn fires(tx: &dyn Sql, syncs: &[SyncUid], limit: u64) -> Outcome<HashMap<SyncUid, Vec<Run>>> {
    check(syncs.len(), limit)?;
    if syncs.is_empty() {
        return Ok(HashMap::new());
    }
    latest_runs(tx, &Asked::of(syncs.iter().map(SyncUid::as_str)), "triggered_by = 'schedule'", limit)
}

/// Those of these syncs that there are, by id, of which so many rows each are read; `None` without any.
fn registered(tx: &dyn Sql, ids: &[SyncId], rows_of_each: u64) -> Outcome<Option<(Vec<SyncRecord>, Asked)>> {
    check(ids.len(), rows_of_each)?;
    let records = syncs::of(tx, ids)?;
    if records.is_empty() {
        return Ok(None);
    }
    let asked = Asked::of(records.iter().map(|record| record.uid.as_str()));
    Ok(Some((records, asked)))
}

/// Refuses to read more rows at once than a page may have.
fn check(syncs: usize, rows_of_each: u64) -> Result<()> {
    Page::first((syncs as u64).saturating_mul(rows_of_each.max(1))).check()
}

/// The latest of each that are so, newest first: as many looks into the index as there are syncs.
fn latest_runs(
    tx: &dyn Sql,
    asked: &Asked,
    condition: &str,
    limit: u64,
) -> Outcome<HashMap<SyncUid, Vec<Run>>> {
    let latest = |columns| {
        format!(
            "SELECT {columns} FROM {} WHERE workspace_id = s.workspace_id AND sync_uid = s.uid
                 AND {condition}
             ORDER BY created_at DESC, id DESC LIMIT {limit}",
            tx.dialect().by_index("runs", "runs_of_sync")
        )
    };
    let of_each = match tx.dialect() {
        // A cross join keeps to its order.
        Dialect::Sqlite => format!(
            "CROSS JOIN runs AS latest ON latest.workspace_id = s.workspace_id AND latest.id IN ({})",
            latest("id")
        ),
        Dialect::Postgres => format!("CROSS JOIN LATERAL ({}) AS latest", latest("record")),
    };
    // Were they asked for in order, SQLite would go through all runs of all syncs, which are in that order.
    let sql = format!(
        "SELECT latest.record FROM syncs AS s {of_each} WHERE s.workspace_id = ? AND s.uid IN ({})",
        asked.marks
    );
    let mut runs: HashMap<SyncUid, Vec<Run>> = HashMap::new();
    for record in tx.texts(&sql, &asked.values)? {
        let run: Run = blob::decode(&record, "a run")?;
        runs.entry(run.sync_uid.clone()).or_default().push(run);
    }
    for runs in runs.values_mut() {
        runs.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    }
    Ok(runs)
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
