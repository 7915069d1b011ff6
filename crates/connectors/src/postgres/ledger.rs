//! The two tables of our own at a target: which chunks have been applied, and who may write.
//!
//! `_syncline_ledger` gets a row for each chunk in the transaction that writes the chunk, so after
//! a crash it tells whether the chunk is there. `_syncline_fence` holds, for each sync, the run's
//! epoch and the one server session that may commit. A commit checks the fence in the same message
//! to the server, so a process that was suspended for an hour cannot commit late; and because
//! nothing is locked before that, such a process cannot keep its successor waiting either.

use syncline_connector::OpenRequest;
use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::client::PgClient;
use super::describe::Table;
use super::names::{literal, quoted};
use super::violations::failed;

/// Runs of a sync whose ledger rows are kept.
const RUNS_KEPT: i64 = 5;

/// How long a session that was told to end may take to do so, in tenths of a second.
const ENDING_TENTHS_MAX: i32 = 100;

/// The ledger and the fence of one session.
#[derive(Debug)]
pub struct Ledger {
    ledger: String,
    fence: String,
    sync_uid: String,
    run_id: String,
    epoch: i64,
    /// Condition that is true of the fence's row while this session holds it.
    held: String,
}

impl Ledger {
    /// Makes the tables where they are missing, takes the fence, ends the session that held it
    /// before, and removes what old runs left. `None`: we may not make or use the tables.
    ///
    /// Fails with [`ErrorKind::Fenced`] when a newer run holds the fence.
    pub async fn take(
        pg: &PgClient,
        schema: &str,
        table: &Table,
        request: &OpenRequest,
    ) -> Result<Option<Ledger>> {
        if !ensure_tables(pg, schema, &table.name.plain()).await? {
            return Ok(None);
        }
        let epoch = i64::try_from(request.epoch).map_err(|_| Error::internal("an epoch is out of range"))?;
        let mut ledger = Ledger {
            ledger: format!("{}._syncline_ledger", quoted(schema)),
            fence: format!("{}._syncline_fence", quoted(schema)),
            sync_uid: request.sync_uid.to_string(),
            run_id: request.run_id.to_string(),
            epoch,
            held: String::new(),
        };
        let object = table.name.plain();
        let done = ledger.take_fence(pg).await;
        done.map_err(|e| e.context(format_args!("taking the fence of {object}")))?;
        Ok(Some(ledger))
    }

    /// What a database administrator runs so that the tables can be kept.
    pub fn setup(schema: &str, role: &str) -> String {
        format!(
            "{}; {}; GRANT SELECT, INSERT, UPDATE, DELETE ON {s}._syncline_ledger, {s}._syncline_fence TO {}",
            create_ledger(schema),
            create_fence(schema),
            quoted(role),
            s = quoted(schema),
        )
    }

    async fn take_fence(&mut self, pg: &PgClient) -> Result<()> {
        let client = &pg.client;
        let fail = |e| failed(pg, "its fence", e);
        let before =
            format!("SELECT backend_pid, backend_start::text FROM {} WHERE sync_uid = $1", self.fence);
        let before = client.query_opt(&before, &[&self.sync_uid]).await.map_err(fail)?;
        let take = format!(
            "INSERT INTO {} AS f (sync_uid, epoch, backend_pid, backend_start)
             SELECT $1, $2, a.pid, a.backend_start FROM pg_catalog.pg_stat_activity a
             WHERE a.pid = pg_catalog.pg_backend_pid()
             ON CONFLICT (sync_uid) DO UPDATE SET epoch = excluded.epoch,
               backend_pid = excluded.backend_pid, backend_start = excluded.backend_start
             WHERE f.epoch <= excluded.epoch
             RETURNING f.backend_pid, f.backend_start::text",
            self.fence
        );
        let row = client.query_opt(&take, &[&self.sync_uid, &self.epoch]).await.map_err(fail)?;
        let row = row.ok_or_else(fenced)?;
        let (pid, start): (i32, String) = (row.try_get(0).map_err(fail)?, row.try_get(1).map_err(fail)?);
        self.held = format!(
            "epoch = {} AND backend_pid = {pid} AND backend_start = {}::timestamptz",
            self.epoch,
            literal(&start)
        );
        if let Some(before) = before {
            let (pid, start) = (before.try_get(0).map_err(fail)?, before.try_get(1).map_err(fail)?);
            end_session(pg, pid, start).await?;
        }
        self.prune(pg).await
    }

    async fn prune(&self, pg: &PgClient) -> Result<()> {
        let sql = format!(
            "DELETE FROM {l} WHERE sync_uid = $1 AND run_id <> $2 AND run_id NOT IN (
               SELECT run_id FROM {l} WHERE sync_uid = $1
               GROUP BY run_id ORDER BY max(written_at) DESC LIMIT {RUNS_KEPT})",
            l = self.ledger
        );
        pg.client
            .execute(&sql, &[&self.sync_uid, &self.run_id])
            .await
            .map(|_| ())
            .map_err(|e| failed(pg, "its ledger", e))
    }

    /// Checks the fence and records a chunk in the transaction that is open or that `before` opens,
    /// all in one message: the statements `before`, which return no rows, then this, then `after`.
    /// `false`: the chunk is recorded already.
    ///
    /// Fails with [`ErrorKind::Fenced`] when this session no longer holds the fence, so that a
    /// superseded run stops early; the check of [`Ledger::commit`] is what counts.
    pub async fn record(
        &self,
        pg: &PgClient,
        chunk: u32,
        plan_digest: &str,
        before: &str,
        after: &str,
    ) -> Result<bool> {
        let sql = format!(
            "{before}WITH held AS MATERIALIZED (SELECT FROM {} WHERE sync_uid = {sync} AND {})
             SELECT 1 / count(*) FROM held;
             INSERT INTO {} (sync_uid, run_id, chunk, plan_digest) VALUES ({sync}, {}, {}, {})
             ON CONFLICT DO NOTHING RETURNING 'recorded'; {after}",
            self.fence,
            self.held,
            self.ledger,
            literal(&self.run_id),
            chunk_number(chunk)?,
            literal(plan_digest),
            sync = literal(&self.sync_uid),
        );
        let answers = match pg.client.simple_query(&sql).await {
            Ok(answers) => answers,
            Err(e) if e.code() == Some(&SqlState::DIVISION_BY_ZERO) => return Err(fenced()),
            Err(e) => return Err(failed(pg, "its fence and ledger", e)),
        };
        let is_recorded = |answer: &SimpleQueryMessage| matches!(answer, SimpleQueryMessage::Row(row) if row.get(0) == Some("recorded"));
        Ok(answers.iter().any(is_recorded))
    }

    pub async fn has(&self, pg: &PgClient, chunk: u32) -> Result<bool> {
        let sql = format!("SELECT FROM {} WHERE sync_uid = $1 AND run_id = $2 AND chunk = $3", self.ledger);
        let chunk = chunk_number(chunk)?;
        let row = pg.client.query_opt(&sql, &[&self.sync_uid, &self.run_id, &chunk]).await;
        Ok(row.map_err(|e| failed(pg, "its ledger", e))?.is_some())
    }

    /// Commits if this session holds the fence, in one message: a division by zero ends the
    /// transaction if not. The shared lock keeps the fence from moving until the commit is done.
    ///
    /// Fails with [`ErrorKind::Fenced`] when it does not.
    pub async fn commit(&self, pg: &PgClient, object: &str) -> Result<()> {
        let sql = format!(
            "WITH held AS MATERIALIZED (SELECT FROM {} WHERE sync_uid = {} AND {} FOR SHARE)
             SELECT 1 / count(*) FROM held; COMMIT",
            self.fence,
            literal(&self.sync_uid),
            self.held
        );
        match pg.client.batch_execute(&sql).await {
            Ok(()) => Ok(()),
            Err(e) if e.code() == Some(&SqlState::DIVISION_BY_ZERO) => Err(fenced()),
            Err(e) => Err(failed(pg, object, e)),
        }
    }
}

/// The error of a session that has been superseded.
fn fenced() -> Error {
    Error::new(ErrorKind::Fenced, "a newer run or session of this sync has taken over at the target")
        .help("nothing of this one was committed since; look at the newer run")
}

fn chunk_number(chunk: u32) -> Result<i32> {
    i32::try_from(chunk).map_err(|_| Error::internal("a chunk number is out of range"))
}

fn create_ledger(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}._syncline_ledger (sync_uid text NOT NULL, run_id text NOT NULL, \
         chunk int4 NOT NULL, plan_digest text NOT NULL, \
         written_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), \
         PRIMARY KEY (sync_uid, run_id, chunk))",
        quoted(schema)
    )
}

fn create_fence(schema: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {}._syncline_fence (sync_uid text PRIMARY KEY, epoch int8 NOT NULL, \
         backend_pid int4 NOT NULL, backend_start timestamptz NOT NULL)",
        quoted(schema)
    )
}

/// Whether both tables are there and ours to use, after making them if we may.
async fn ensure_tables(pg: &PgClient, schema: &str, object: &str) -> Result<bool> {
    for (table, create) in
        [("_syncline_ledger", create_ledger(schema)), ("_syncline_fence", create_fence(schema))]
    {
        if let Some(usable) = usable(pg, schema, table).await? {
            if !usable {
                return Ok(false);
            }
            continue;
        }
        let Err(error) = pg.client.batch_execute(&create).await else { continue };
        let code = error.code().cloned();
        let is_code = |codes: &[SqlState]| code.as_ref().is_some_and(|c| codes.contains(c));
        if is_code(&[SqlState::INSUFFICIENT_PRIVILEGE]) {
            return Ok(false);
        }
        // Another session made it at the same moment: IF NOT EXISTS does not wait for it.
        let lost_the_race =
            is_code(&[SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT]);
        if !lost_the_race {
            return Err(failed(pg, object, error));
        }
        if usable(pg, schema, table).await? != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None`: there is no such table.
async fn usable(pg: &PgClient, schema: &str, table: &str) -> Result<Option<bool>> {
    let sql = "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
                  AND pg_catalog.has_table_privilege(c.oid, 'INSERT')
                  AND pg_catalog.has_table_privilege(c.oid, 'UPDATE')
                  AND pg_catalog.has_table_privilege(c.oid, 'DELETE')
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = $1 AND c.relname = $2";
    let fail = |e| failed(pg, table, e);
    let row = pg.client.query_opt(sql, &[&schema, &table]).await.map_err(fail)?;
    row.map(|row| row.try_get(0)).transpose().map_err(fail)
}

/// Ends the server session that held the fence, if it still exists: it can no longer commit, but
/// its open transaction may hold locks on rows that are about to be written.
async fn end_session(pg: &PgClient, pid: i32, start: String) -> Result<()> {
    let alive = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
                 WHERE pid = $1 AND backend_start = $2::text::timestamptz AND pid <> pg_catalog.pg_backend_pid()";
    match pg.client.query_opt(alive, &[&pid, &start]).await {
        Ok(None) => return Ok(()),
        Ok(Some(_)) => {}
        // Another role's session. It is fenced all the same; its locks have to run out.
        Err(e) if e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => return Ok(()),
        Err(e) => return Err(failed(pg, "its fence", e)),
    }
    let gone = "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                                   WHERE pid = $1 AND backend_start = $2::text::timestamptz)";
    for _ in 0..ENDING_TENTHS_MAX {
        let row = pg.client.query_one(gone, &[&pid, &start]).await;
        if row.and_then(|row| row.try_get(0)).map_err(|e| failed(pg, "its fence", e))? {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(Error::new(
        ErrorKind::DestinationUnreachable,
        format!("an earlier session of this sync (process {pid} of the server) does not end"),
    )
    .help("it may be committing; try again, or end it with pg_terminate_backend"))
}
