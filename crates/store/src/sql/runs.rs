//! Runs: the queue, who holds a sync, and the record of what happened.

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind, Run, RunId, RunStatus, SyncUid};

use super::conditions::Conditions;
use super::letters::LetterChanges;
use super::{
    Outcome, Sql, Value, WORKSPACE, blob, claims, events, follow, letters, plans, queue, replays, syncs,
    values,
};
use crate::{Page, RunFilter};

pub fn insert(tx: &dyn Sql, run: &Run, config: &str) -> Outcome<()> {
    if !matches!(run.status, RunStatus::Scheduled | RunStatus::Queued) {
        return Err(not_new(run).into());
    }
    check_new(run)?;
    add(tx, run)?;
    set_config(tx, &run.id, config)
}

pub fn check_new(run: &Run) -> Outcome<()> {
    if run.epoch == 0 { Ok(()) } else { Err(not_new(run).into()) }
}

fn not_new(run: &Run) -> Error {
    Error::internal(format!("{} is not new: only new runs are inserted", run.id))
}

/// Adds a run in the status it has, at the end of its sync's line if that is `queued`.
pub fn add(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    syncs::require(tx, &run.sync_uid)?;
    let place = match run.status {
        RunStatus::Queued => Some(queue::next_place(tx, &run.sync_uid)?),
        _ => None,
    };
    let mut values = values![
        WORKSPACE,
        run.id.as_str(),
        run.sync_uid.as_str(),
        run.run_type.as_str(),
        run.trigger.as_str(),
        run.run_type.writes(),
        &run.correlation_id,
        place
    ]
    .to_vec();
    values.extend(columns(run)?);
    let inserted = tx.execute(
        "INSERT INTO runs (workspace_id, id, sync_uid, type, triggered_by, writes, correlation_id, queue,
             created_at, status, epoch, base_generation, run_at, started_at, completed_at, duration, rows_processed,
             rows_created, rows_updated, rows_deleted, rows_failed, worker, record)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        &values,
    )?;
    if inserted == 1 {
        return events::run_changed(tx, run);
    }
    let message = match get(tx, &run.id)? {
        Some(_) => format!("there is a run {} already", run.id),
        None => format!("a run of type sync of {} is scheduled already", run.sync_id),
    };
    Err(Error::new(ErrorKind::Conflict, message).into())
}

/// Where a run stands in lists, which is what the column `created_at` is for: when it was made and, once it
/// does not wait any more, when its turn came. A daily run is made a day before.
fn place_in_time(run: &Run) -> Timestamp {
    match run.status {
        RunStatus::Scheduled => run.created_at,
        _ => {
            let due = follow::due_at(run);
            run.completed_at.map_or(due, |end| due.min(end)).max(run.created_at)
        }
    }
}

/// What changes with a run: its status and what follows from its record.
fn columns(run: &Run) -> Outcome<[Value; 15]> {
    let duration = run.completed_at.and_then(|end| run.duration(end));
    let run_at = match run.status {
        RunStatus::Scheduled => Some(follow::due_at(run)),
        _ => run.run_at,
    };
    Ok([
        place_in_time(run).into(),
        run.status.as_str().into(),
        run.epoch.into(),
        run.base_generation.into(),
        run_at.into(),
        run.started_at.into(),
        run.completed_at.into(),
        duration.map(|d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX)).into(),
        run.counters.rows_processed.into(),
        run.counters.rows_created.into(),
        run.counters.rows_updated.into(),
        run.counters.rows_deleted.into(),
        run.counters.rows_failed.into(),
        run.worker.as_deref().into(),
        encode(run)?.into(),
    ])
}

/// Puts `config` in the place of the one that the run is pinned to, or pins it first.
pub fn set_config(tx: &dyn Sql, id: &RunId, config: &str) -> Outcome<()> {
    tx.execute(
        "INSERT INTO run_configs (workspace_id, run_id, config) VALUES (?, ?, ?)
         ON CONFLICT (workspace_id, run_id) DO UPDATE SET config = excluded.config",
        values![WORKSPACE, id.as_str(), config],
    )?;
    Ok(())
}

pub fn claim(tx: &dyn Sql, id: &RunId, now: Timestamp) -> Outcome<Run> {
    let run = require(tx, id)?;
    run.status.transition(RunStatus::Starting).map_err(|e| e.context(id))?;
    if run.run_type.writes()
        && let Some(holder) = active(tx, &run.sync_uid, true)?
    {
        // G23; the unique index `runs_one_writer` says the same, without a sentence.
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("run {holder} of sync {} is active; {id} cannot start beside it", run.sync_id),
        )
        .help("wait until it has ended")
        .into());
    }
    start(tx, &run, now)
}

/// queued → starting, under a new epoch.
pub fn start(tx: &dyn Sql, run: &Run, now: Timestamp) -> Outcome<Run> {
    // A test takes no lease and fences nobody: it plans beside whoever writes.
    let epoch = match run.run_type.writes() {
        true => syncs::next_epoch(tx, &run.sync_uid)?,
        false => syncs::epoch(tx, &run.sync_uid)?,
    };
    let started_at = Some(run.started_at.unwrap_or(now));
    let status = run.status.transition(RunStatus::Starting).map_err(|e| e.context(&run.id))?;
    let started = Run { status, epoch, started_at, ..run.clone() };
    save(tx, run, &started)?;
    Ok(started)
}

pub fn reclaim(tx: &dyn Sql, id: &RunId) -> Outcome<Run> {
    let run = require(tx, id)?;
    let taken = Run { epoch: epoch_of_takeover(tx, &run)?, ..run.clone() };
    save(tx, &run, &taken)?;
    Ok(taken)
}

/// As [`reclaim`], for another worker.
pub fn take_over(tx: &dyn Sql, run: &Run, worker: &str, counts: bool) -> Outcome<Run> {
    let epoch = epoch_of_takeover(tx, run)?;
    let (worker, takeovers) = (Some(worker.to_string()), run.takeovers + u32::from(counts));
    let taken = Run { epoch, worker, takeovers, ..run.clone() };
    save(tx, run, &taken)?;
    Ok(taken)
}

fn epoch_of_takeover(tx: &dyn Sql, run: &Run) -> Outcome<u64> {
    if run.status.is_active() {
        return syncs::next_epoch(tx, &run.sync_uid);
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!("run {} is {}; only an active run can be taken over", run.id, run.status.as_str()),
    )
    .into())
}

pub fn update(tx: &dyn Sql, run: &Run) -> Outcome<()> {
    let stored = require(tx, &run.id)?;
    check_holder(&stored, run)?;
    if stored.status != run.status {
        check_transition(tx, &stored, run)?;
        if run.status.is_terminal() {
            // Nothing can expose them any more.
            letters::drop_staged(tx, &run.id)?;
            let reopened = replays::end(tx, run)?;
            events::letters_changed(tx, run, &LetterChanges { reopened, ..LetterChanges::default() })?;
        }
    }
    save(tx, &stored, run)
}

fn check_transition(tx: &dyn Sql, stored: &Run, run: &Run) -> Outcome<()> {
    let id = &run.id;
    stored.status.transition(run.status).map_err(|e| e.context(id))?;
    if run.status == RunStatus::Starting {
        return Err(Error::internal(format!("run {id} must be claimed to start")).into());
    }
    if !run.status.is_active()
        && let Some(number) = plans::first_sent(tx, id)?
    {
        return Err(Error::internal(format!(
            "run {id} sent chunk {number}: it must end with a commit, or what was delivered is forgotten"
        ))
        .into());
    }
    Ok(())
}

pub fn get(tx: &dyn Sql, id: &RunId) -> Outcome<Option<Run>> {
    tx.first_text(
        "SELECT record FROM runs WHERE workspace_id = ? AND id = ?",
        values![WORKSPACE, id.as_str()],
    )?
    .map(|text| Ok(blob::decode(&text, &format!("run {id}"))?))
    .transpose()
}

/// The run of this id, which must exist.
pub fn require(tx: &dyn Sql, id: &RunId) -> Outcome<Run> {
    get(tx, id)?.ok_or_else(|| unknown(id).into())
}

/// A run that has not ended and that the holder of `epoch` has: things may still be added to it.
pub fn require_held(tx: &dyn Sql, id: &RunId, epoch: u64) -> Outcome<Run> {
    let run = require(tx, id)?;
    check_epoch(&run, epoch)?;
    if !run.status.is_terminal() {
        return Ok(run);
    }
    Err(Error::new(ErrorKind::Conflict, format!("run {id} has ended ({})", run.status.as_str())).into())
}

pub fn config(tx: &dyn Sql, id: &RunId) -> Outcome<String> {
    tx.first_text(
        "SELECT config FROM run_configs WHERE workspace_id = ? AND run_id = ?",
        values![WORKSPACE, id.as_str()],
    )?
    .ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no configuration that run {id} is pinned to"))
            .into()
    })
}

pub fn list(tx: &dyn Sql, filter: &RunFilter, page: Page) -> Outcome<(Vec<Run>, u64)> {
    let table = tx.dialect().by_index("runs", index_for(filter));
    let counted = tx.dialect().by_index("runs", index_to_count(filter));
    let (records, total) = conditions(filter).counted_by(counted).page(tx, &table, NEWEST_FIRST, page)?;
    let runs = records.iter().map(|text| blob::decode(text, "a run")).collect::<Result<_, _>>()?;
    Ok((runs, total))
}

/// Newest first, by [`place_in_time`]; of one moment, the greater id.
const NEWEST_FIRST: &str = "created_at DESC, id DESC";

fn conditions(filter: &RunFilter) -> Conditions {
    let mut conditions = Conditions::new();
    conditions.and_if("sync_uid =", filter.sync_uid.as_ref().map(|uid| uid.as_str().to_string()));
    conditions.and_if("correlation_id =", filter.correlation_id.clone());
    if let Some(beginning) = &filter.id_prefix {
        conditions.and("id >=", beginning.clone());
        // No id holds a character behind this one.
        conditions.and("id <", format!("{beginning}~"));
    }
    conditions.and_if("created_at >=", filter.since);
    conditions.and_if("created_at <", filter.until);
    conditions.and_if("completed_at >=", filter.ended_since);
    conditions.and_if("completed_at <", filter.ended_until);
    conditions.and_if("rows_failed >", filter.failed_rows.then_some(0_u64));
    conditions.and_one_of("sync_uid", filter.of_syncs.iter().map(|uid| uid.as_str()));
    conditions.and_one_of("triggered_by", filter.triggers.iter().map(|t| t.as_str()));
    conditions.and_one_of("type", filter.run_types.iter().map(|t| t.as_str()));
    conditions.and_one_of("status", filter.statuses.iter().map(|s| s.as_str()));
    conditions
}

/// The index that reads least.
fn index_for(filter: &RunFilter) -> &'static str {
    let statuses = &filter.statuses;
    if filter.correlation_id.is_some() {
        "runs_by_correlation"
    } else if filter.sync_uid.is_some() {
        "runs_of_sync"
    } else if statuses.len() == 1 || (!statuses.is_empty() && !statuses.iter().any(|s| s.is_terminal())) {
        // One status comes in order; unfinished runs are few enough to sort.
        "runs_by_status"
    } else {
        "runs_newest"
    }
}

/// The index under which the fewest rows are counted. Several statuses do not come in order there, which
/// counting does not need.
fn index_to_count(filter: &RunFilter) -> &'static str {
    match index_for(filter) {
        "runs_newest" if !filter.statuses.is_empty() => "runs_by_status",
        index => index,
    }
}

/// An active run of a sync: one that writes, or any.
pub fn active(tx: &dyn Sql, uid: &SyncUid, writing: bool) -> Outcome<Option<String>> {
    let runs = tx.dialect().by_index("runs", "runs_by_status");
    tx.first_text(
        &format!(
            "SELECT id FROM {runs}
             WHERE workspace_id = ? AND status IN ('starting', 'running') AND sync_uid = ? AND writes >= ?"
        ),
        values![WORKSPACE, uid.as_str(), writing],
    )
}

/// Whether `run`, as a caller has it, is the stored one under the epoch that the caller holds.
pub fn check_holder(stored: &Run, run: &Run) -> Outcome<()> {
    check_epoch(stored, run.epoch)?;
    let same = stored.sync_uid == run.sync_uid
        && stored.run_type == run.run_type
        && stored.trigger == run.trigger
        && stored.correlation_id == run.correlation_id
        && stored.created_at == run.created_at;
    if same {
        return Ok(());
    }
    Err(Error::internal(format!(
        "run {} changed its sync, type, trigger, correlation id or time of creation, which never change",
        run.id
    ))
    .into())
}

/// G21: a holder that was replaced writes nothing.
pub fn check_epoch(stored: &Run, epoch: u64) -> Outcome<()> {
    if stored.epoch == epoch {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Fenced,
        format!("run {} was taken over: its epoch is {}, not {epoch}", stored.id, stored.epoch),
    )
    .help("another process goes on with this run; see its record for the outcome")
    .into())
}

/// Stores a run's record with the columns that follow from it, and tells of what changed since
/// `before`.
pub fn save(tx: &dyn Sql, before: &Run, run: &Run) -> Outcome<()> {
    let mut values = columns(run)?.to_vec();
    values.extend_from_slice(values![WORKSPACE, run.id.as_str()]);
    tx.execute(
        "UPDATE runs SET created_at = ?, status = ?, epoch = ?, base_generation = ?, run_at = ?, started_at = ?,
             completed_at = ?, duration = ?, rows_processed = ?, rows_created = ?, rows_updated = ?,
             rows_deleted = ?, rows_failed = ?, worker = ?, record = ?
         WHERE workspace_id = ? AND id = ?",
        &values,
    )?;
    if before.status != run.status {
        moved(tx, before, run)?;
    }
    if before.status != run.status || before.phase != run.phase {
        events::run_changed(tx, run)?;
    }
    Ok(())
}

/// What a run takes up by its status: a place in the line, or all that only active runs have.
fn moved(tx: &dyn Sql, before: &Run, run: &Run) -> Outcome<()> {
    let place = match run.status {
        RunStatus::Queued => Some(queue::next_place(tx, &run.sync_uid)?),
        _ => None,
    };
    if place.is_some() || before.status == RunStatus::Queued {
        tx.execute(
            "UPDATE runs SET queue = ? WHERE workspace_id = ? AND id = ?",
            values![place, WORKSPACE, run.id.as_str()],
        )?;
    }
    if before.status.is_active() && !run.status.is_active() {
        claims::release(tx, &run.id)?;
    }
    Ok(())
}

pub fn encode(run: &Run) -> Outcome<String> {
    Ok(blob::encode_verified(run, &format!("run {}", run.id))?)
}

fn unknown(id: &RunId) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no run {id}"))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use syncline_core::{RunType, Trigger};

    use super::super::Dialect;
    use super::*;
    use crate::sqlite::migrations::{MIGRATIONS, migrate};

    fn explain(filter: &RunFilter) -> String {
        let table = Dialect::Sqlite.by_index("runs", index_for(filter));
        let sql = conditions(filter).page_sql("record", &table, NEWEST_FIRST);
        told(&format!("EXPLAIN QUERY PLAN {sql}"), 3)
    }

    fn count_sql(filter: &RunFilter) -> String {
        let counted = Dialect::Sqlite.by_index("runs", index_to_count(filter));
        conditions(filter).counted_by(counted).count_sql("runs INDEXED BY runs_newest").0
    }

    /// A column of what a new database tells of a statement.
    fn told(explain: &str, column: usize) -> String {
        let mut db = Connection::open_in_memory().unwrap();
        migrate(&mut db, MIGRATIONS).unwrap();
        let mut statement = db.prepare(explain).unwrap();
        let count = statement.parameter_count();
        let rows = statement
            .query_map(rusqlite::params_from_iter(vec!["x"; count]), |row| row.get::<_, String>(column))
            .unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn all_runs_are_counted_by_pages_and_those_of_some_statuses_by_these() {
        use RunStatus::*;
        let opcodes = told(&format!("EXPLAIN {}", count_sql(&RunFilter::default())), 1);
        assert!(opcodes.contains("Count") && !opcodes.contains("Next"), "{opcodes}");
        let failed = RunFilter { statuses: vec![Failed, SourceFailure], ..Default::default() };
        let plan = told(&format!("EXPLAIN QUERY PLAN {}", count_sql(&failed)), 3);
        assert!(plan.starts_with("SEARCH runs USING COVERING INDEX runs_by_status"), "{plan}");
    }

    #[test]
    fn no_list_of_runs_sorts_more_than_the_unfinished_ones() {
        use RunStatus::*;
        let uid = Some(SyncUid::from_stored("sync_1"));
        let sets = [
            vec![],
            vec![Failed],
            vec![Completed, Failed, SourceFailure],
            vec![Running, Failed],
            vec![Queued],
        ];
        for statuses in sets {
            for sync_uid in [None, uid.clone()] {
                for correlation_id in [None, Some("c".to_string())] {
                    let filter = RunFilter {
                        sync_uid: sync_uid.clone(),
                        statuses: statuses.clone(),
                        correlation_id,
                        run_types: vec![RunType::Sync],
                        triggers: vec![Trigger::Schedule],
                        id_prefix: None,
                        since: Some(Timestamp::UNIX_EPOCH),
                        until: Some(Timestamp::MAX),
                        of_syncs: vec![SyncUid::from_stored("sync_1")],
                        ended_since: Some(Timestamp::UNIX_EPOCH),
                        ended_until: Some(Timestamp::MAX),
                        failed_rows: true,
                    };
                    let plan = explain(&filter);
                    assert!(plan.starts_with("SEARCH runs USING INDEX runs_"), "{filter:?}: {plan}");
                    assert!(!plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
                }
            }
        }
        let unfinished = RunFilter { statuses: vec![Starting, Running], ..Default::default() };
        assert!(explain(&unfinished).contains("runs_by_status"));
    }
}
