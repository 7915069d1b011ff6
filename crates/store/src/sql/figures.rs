//! Figures over many runs and letters. Each is read from an index that holds all it needs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use syncline_core::{Error, ErrorKind, RunStatus, SyncUid};

use super::{Outcome, Row, Sql, WORKSPACE, blob, damaged, letters, time, values};
use crate::{Health, LetterFilter, LetterGroup, Page, Period};

/// Most periods of one answer.
const PERIODS_MAX: i64 = 10_000;

/// Runs that ended and were not tests. They may have been held before, but are not now; those that
/// did not run tell nothing about how runs go.
const ENDED: &str = "writes = 1 AND completed_at IS NOT NULL
     AND status IN ('completed', 'failed', 'source_failure', 'cancelled')";

pub fn health(tx: &dyn Sql, since: Timestamp, seconds: u64) -> Outcome<Health> {
    let micros = i64::try_from(seconds).ok().and_then(|s| s.checked_mul(1_000_000)).filter(|m| *m > 0);
    let micros = micros.ok_or_else(|| refused("a period lasts a second or longer"))?;
    let sql = format!(
        "SELECT status, completed_at / ? AS period, count(*), count(duration),
             CAST(coalesce(sum(duration), 0) AS BIGINT),
             CAST(coalesce(sum(rows_created), 0) AS BIGINT), CAST(coalesce(sum(rows_updated), 0) AS BIGINT),
             CAST(coalesce(sum(rows_deleted), 0) AS BIGINT), CAST(coalesce(sum(rows_failed), 0) AS BIGINT)
         FROM {} WHERE workspace_id = ? AND completed_at >= ? AND writes = 1 AND completed_at IS NOT NULL
         AND status IN ('completed', 'failed', 'source_failure', 'cancelled', 'not_run')
         GROUP BY period, status ORDER BY period",
        tx.dialect().by_index("runs", "runs_ended")
    );
    let mut health = Health { syncs_with_errors: syncs_with_errors(tx, since)?, ..Health::default() };
    let (mut timed, mut duration) = (0, 0);
    for row in tx.query(&sql, values![micros, WORKSPACE, since])? {
        let (status, runs) = (status(&row)?, row.count(2)?);
        period(&mut health.periods, since, micros, row.integer(1)?)?.by_status.insert(status, runs);
        match status {
            RunStatus::Completed => health.completed += runs,
            RunStatus::Failed => health.failed += runs,
            RunStatus::SourceFailure => health.source_failures += runs,
            RunStatus::Cancelled => health.cancelled += runs,
            _ => continue,
        }
        timed += row.count(3)?;
        duration += row.integer(4)?;
        health.rows_created += row.count(5)?;
        health.rows_updated += row.count(6)?;
        health.rows_deleted += row.count(7)?;
        health.rows_failed += row.count(8)?;
    }
    health.total_runs = health.completed + health.failed + health.source_failures + health.cancelled;
    health.average_duration_seconds = (timed > 0).then(|| duration as f64 / timed as f64 / 1e6);
    Ok(health)
}

/// The period of this number since 1970, which is the last one or after it.
fn period(periods: &mut Vec<Period>, since: Timestamp, micros: i64, number: i64) -> Outcome<&mut Period> {
    let first = since.as_microsecond().div_euclid(micros);
    if number - first >= PERIODS_MAX {
        return Err(refused("there would be more than 10,000 periods").into());
    }
    while (periods.len() as i64) <= number - first {
        let start = time((first + periods.len() as i64) * micros, "a run")?.max(since);
        periods.push(Period { start, by_status: BTreeMap::new() });
    }
    Ok(periods.last_mut().ok_or_else(|| damaged("a run"))?)
}

/// Syncs whose latest run in the period failed or had failed rows: one look into the index for each.
fn syncs_with_errors(tx: &dyn Sql, since: Timestamp) -> Outcome<Vec<SyncUid>> {
    let sql = format!(
        "SELECT s.uid FROM syncs AS s JOIN runs AS latest ON latest.workspace_id = s.workspace_id
             AND latest.id = (SELECT id FROM {} WHERE workspace_id = s.workspace_id AND sync_uid = s.uid
                 AND completed_at >= ? AND {ENDED} ORDER BY completed_at DESC, id DESC LIMIT 1)
         WHERE s.workspace_id = ? AND (latest.status IN ('failed', 'source_failure') OR latest.rows_failed > 0)
         ORDER BY s.id",
        tx.dialect().by_index("runs", "runs_ended_of_sync")
    );
    let uids = tx.texts(&sql, values![since, WORKSPACE])?;
    Ok(uids.into_iter().map(SyncUid::from_stored).collect())
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::BadUsage, message).help("ask for longer periods, or for a later start")
}

pub fn run_counts(tx: &dyn Sql) -> Outcome<BTreeMap<RunStatus, u64>> {
    let sql = format!(
        "SELECT status, count(*) FROM {} WHERE workspace_id = ? GROUP BY status",
        tx.dialect().by_index("runs", "runs_by_status")
    );
    tx.query(&sql, values![WORKSPACE])?.iter().map(|row| Ok((status(row)?, row.count(1)?))).collect()
}

fn status(row: &Row) -> Outcome<RunStatus> {
    RunStatus::parse(row.text(0)?).ok_or_else(|| damaged("a run").into())
}

/// Groups, then one example each, which the index by fingerprint gives at once.
pub fn letter_groups(tx: &dyn Sql, filter: &LetterFilter, page: Page) -> Outcome<(Vec<LetterGroup>, u64)> {
    let conditions = letters::conditions(filter);
    let (rows, total) = conditions.groups(
        tx,
        "fingerprint, sync_uid",
        "fingerprint, sync_uid, count(*), min(first_seen_at), max(last_seen_at)",
        "letters",
        "count(*) DESC, max(last_seen_at) DESC, fingerprint, sync_uid",
        page,
    )?;
    let groups = rows.iter().map(|row| group(tx, filter, row)).collect::<Outcome<_>>()?;
    Ok((groups, total))
}

fn group(tx: &dyn Sql, filter: &LetterFilter, row: &Row) -> Outcome<LetterGroup> {
    let fingerprint = row.text(0)?.to_string();
    let sync_uid = SyncUid::from_stored(row.text(1)?);
    let of_group = LetterFilter {
        fingerprint: Some(fingerprint.clone()),
        sync_uid: Some(sync_uid.clone()),
        ..filter.clone()
    };
    let latest = letters::conditions(&of_group).first(
        tx,
        "record",
        &tx.dialect().by_index("letters", letters::index_for(&of_group)),
        letters::LATEST_FIRST,
        1,
    )?;
    let example = latest.first().ok_or_else(|| damaged("a letter"))?.text(0)?;
    Ok(LetterGroup {
        count: row.count(2)?,
        first_seen_at: time(row.integer(3)?, "a letter")?,
        last_seen_at: time(row.integer(4)?, "a letter")?,
        example: blob::decode(example, "a letter")?,
        fingerprint,
        sync_uid,
    })
}
