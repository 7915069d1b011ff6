//! Many runs that ended, as a server has them after weeks, made by the database itself out of one real run.

use std::path::Path;

use super::sqlite3;
use crate::postgres;

/// Over how many days the runs are spread: retention keeps more, the longest view of Sync Health half.
const DAYS: u64 = 60;

/// Columns of `runs` that are given, in the order of both statements below.
const COLUMNS: &str = "workspace_id, id, sync_uid, type, triggered_by, status, writes, epoch, base_generation,
    correlation_id, created_at, started_at, completed_at, duration, rows_processed, rows_created, rows_failed, record";

/// How the runs ended: 2 of 100 were cancelled, 5 failed.
const STATUS: &str = "case when (i * 37 + i / 200) % 100 < 5 then 'failed'
    when (i * 37 + i / 200) % 100 < 7 then 'cancelled' else 'completed' end";

/// What every run took, in microseconds.
const DURATION: u64 = 5_000_000;

/// Adds `runs` runs to the state in `database`, in turns over all its syncs, without a journal, which the
/// server sets again. The id of run `i` is [`id`].
pub fn fill_sqlite(database: &Path, runs: u64) {
    let step = DAYS * 86_400_000_000 / runs;
    let time = |micros: &str| format!("strftime('%Y-%m-%dT%H:%M:%fZ', ({micros}) / 1e6, 'unixepoch')");
    sqlite3(
        database,
        &format!(
            "pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -400000;
             begin;
             create temp table line as select row_number() over (order by id) - 1 as n, uid, id from syncs;
             create unique index temp.line_n on line (n);
             create temp table sample as
                 select record, strftime('%s', 'now') * 1000000 as now, (select count(*) from line) as syncs
                 from runs limit 1;
             insert into runs ({COLUMNS})
             with recursive numbers(i) as (select 1 union all select i + 1 from numbers where i < {runs}),
             made as materialized (
                 select i, printf('run_%032x', i) as id, printf('%032x', i) as correlation_id, line.uid as uid,
                     line.id as sync_id, {STATUS} as status, now - ({runs} - i) * {step} as at, record
                 from numbers cross join sample join line on line.n = i % syncs)
             select 'default', id, uid, 'sync', 'schedule', status, 1, i, 0, correlation_id, at, at,
                 at + {DURATION}, {DURATION}, 3, 3, 0,
                 json_set(record, '$.record.id', id, '$.record.sync_id', sync_id, '$.record.sync_uid', uid,
                     '$.record.status', status, '$.record.correlation_id', correlation_id,
                     '$.record.created_at', {at}, '$.record.started_at', {at}, '$.record.completed_at', {end})
             from made;
             commit",
            at = time("at"),
            end = time(&format!("at + {DURATION}")),
        ),
    );
}

/// As [`fill_sqlite`], of the state in a database of PostgreSQL.
pub fn fill_postgres(url: &str, runs: u64) {
    let step = DAYS * 86_400_000_000 / runs;
    let time = |micros: &str| {
        format!(
            "to_char(to_timestamp(({micros}) / 1e6) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        )
    };
    postgres::execute(
        url,
        &format!(
            "set search_path = syncline;
             with line as materialized (select row_number() over (order by id) - 1 as n, uid, id from syncs),
             sample as materialized (
                 select record::jsonb as record, extract(epoch from now())::bigint * 1000000 as now,
                     (select count(*) from line) as syncs
                 from runs limit 1),
             made as (
                 select i, 'run_' || lpad(to_hex(i), 32, '0') as id, lpad(to_hex(i), 32, '0') as correlation_id,
                     line.uid as uid, line.id as sync_id, {STATUS} as status, now - ({runs} - i) * {step} as at,
                     record
                 from generate_series(1, {runs}::bigint) as i cross join sample join line on line.n = i % syncs)
             insert into runs ({COLUMNS})
             select 'default', id, uid, 'sync', 'schedule', status, 1, i, 0, correlation_id, at, at,
                 at + {DURATION}, {DURATION}, 3, 3, 0,
                 jsonb_set(record, '{{record}}', record -> 'record' || jsonb_build_object('id', id,
                     'sync_id', sync_id, 'sync_uid', uid, 'status', status, 'correlation_id', correlation_id,
                     'created_at', {at}, 'started_at', {at}, 'completed_at', {end}))::text
             from made",
            at = time("at"),
            end = time(&format!("at + {DURATION}")),
        ),
    );
    postgres::execute(url, "vacuum analyze syncline.runs");
}

/// The id of a run that was added.
pub fn id(n: u64) -> String {
    format!("run_{n:032x}")
}
