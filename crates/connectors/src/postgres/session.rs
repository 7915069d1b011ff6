//! One run's writing: a connection with one transaction at a time.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use syncline_connector::{Chunk, OpenRequest, Recovery, Session};
use syncline_core::snapshot_entry::RemovalAction;
use syncline_core::sync::WriteMode;
use syncline_core::{Error, ErrorKind, Op, Result, RowError, RowResult};
use tokio_postgres::Statement;
use tokio_postgres::error::SqlState;

use super::client::{PgClient, reason};
use super::ledger::Ledger;
use super::merge::{Merge, Rows, STAGING};
use super::stage::StagedChunk;
use super::violations::{constraint_columns, copied_field, failed, local_fault, row_code, row_error};

/// A lock that is not to be had for this long ends the chunk, so that a run reports who is in its
/// way instead of waiting for ever.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A transaction that hears nothing from us for this long is given up by the server, and with it
/// its locks.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Attempts at one row that keeps appearing and disappearing under concurrent writers.
const RACES_MAX: u32 = 5;

/// Rows refused by a unique or foreign key are tried again after the others, because another row of
/// the chunk may have freed the value or brought the parent: at most so many, in at most so many
/// rounds.
const SECOND_TRIES_MAX: usize = 1_000;
const SECOND_ROUNDS_MAX: u32 = 8;

/// Name of the savepoint before the statements that are being tried.
const SAVE: &str = "SAVEPOINT syncline";
const KEEP: &str = "RELEASE SAVEPOINT syncline";
const KEEP_AND_SAVE: &str = "RELEASE SAVEPOINT syncline; SAVEPOINT syncline";
const BACK: &str = "ROLLBACK TO SAVEPOINT syncline";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No transaction.
    Idle,
    /// A transaction in which every chunk was written whole.
    Open,
    /// A chunk failed or was broken off; only `rollback` helps.
    Broken,
}

pub struct PgSession {
    pg: PgClient,
    merge: Merge,
    ledger: Option<Ledger>,
    plan_digest: String,
    state: State,
    /// Chunks written in the open transaction.
    uncommitted: Vec<u32>,
    /// Rows in the staging table.
    staged: usize,
    has_probe: bool,
    statements: HashMap<String, Statement>,
    /// The last chunk found other records at the target than its plan expected, so that the next
    /// one looks first.
    is_surprised: bool,
}

/// Rows that are tried together.
struct Work {
    rows: Vec<u32>,
    /// Look for existing records first, whatever the plan expects.
    careful: bool,
    tries: u32,
}

/// What came of trying.
enum Tried {
    Done(Vec<(u32, RowResult)>),
    /// Fewer rows were created than were missing: a concurrent writer or a trigger came between,
    /// and which rows are affected is not known.
    Short,
}

impl PgSession {
    /// Limits what this connection waits for. Comes before anything that could wait.
    pub async fn configure(pg: &PgClient, statement_timeout: Option<Duration>) -> Result<()> {
        let mut settings = format!(
            "SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET plan_cache_mode = force_custom_plan",
            LOCK_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis()
        );
        if let Some(limit) = statement_timeout {
            settings.push_str(&format!("; SET statement_timeout = {}", limit.as_millis()));
        }
        pg.client.batch_execute(&settings).await.map_err(|e| failed(pg, "the session's settings", e))
    }

    pub async fn start(
        pg: PgClient,
        merge: Merge,
        ledger: Option<Ledger>,
        request: &OpenRequest,
    ) -> Result<PgSession> {
        pg.client.batch_execute(&merge.create_staging()).await.map_err(|e| {
            let is_forbidden = e.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
            let error = failed(&pg, "the temporary table that rows pass through", e);
            let role = super::names::quoted(&merge.table.role);
            if is_forbidden {
                error.help(format!("GRANT TEMPORARY ON DATABASE … TO {role}"))
            } else {
                error
            }
        })?;
        Ok(PgSession {
            pg,
            merge,
            ledger,
            plan_digest: request.plan_digest.clone(),
            state: State::Idle,
            uncommitted: Vec::new(),
            staged: 0,
            has_probe: false,
            statements: HashMap::new(),
            is_surprised: false,
        })
    }

    async fn write_chunk(&mut self, chunk: &Chunk, is_begun: bool) -> Result<Vec<RowResult>> {
        let staged = StagedChunk::new(&self.merge, chunk)?;
        self.begin_chunk(chunk.number, is_begun).await?;
        let mut results: Vec<Option<RowResult>> =
            staged.faults(&self.merge).into_iter().map(|fault| fault.map(RowResult::Rejected)).collect();
        self.stage(&staged, &mut results).await?;
        fail::fail_point!("postgres.after_copy", |_| Err(injected()));
        let work = Work { rows: unsettled(&results), careful: self.is_surprised, tries: 0 };
        self.deliver(&staged, vec![work], &mut results).await?;
        self.try_again(&staged, &mut results).await?;
        self.uncommitted.push(chunk.number);
        let results = results
            .into_iter()
            .map(|r| r.ok_or_else(|| Error::internal("a row was left without result")))
            .collect::<Result<Vec<RowResult>>>()?;
        self.is_surprised = chunk.ops.iter().zip(&results).any(|(op, result)| is_surprise(*op, result));
        Ok(results)
    }

    /// Begins the transaction if there is none, checks the fence, records the chunk, empties the
    /// staging table and sets the savepoint that staging starts from, in one message.
    async fn begin_chunk(&mut self, number: u32, is_begun: bool) -> Result<()> {
        let mut sql = String::new();
        if !is_begun {
            // Constraints are checked by each statement, also those declared as deferred: only so
            // can a violation be told of the row that causes it.
            sql += "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE; ";
        }
        if self.staged > 0 {
            sql += &format!("TRUNCATE {STAGING}; ");
            self.staged = 0;
        }
        match &self.ledger {
            None => self.run(&(sql + SAVE)).await,
            Some(ledger) => match ledger.record(&self.pg, number, &self.plan_digest, &sql, SAVE).await? {
                true => Ok(()),
                false => {
                    let object = self.object();
                    let message = format!("chunk {number} of this run has been applied to {object} before");
                    Err(Error::new(ErrorKind::Conflict, message))
                }
            },
        }
    }

    /// Copies the rows without result into the staging table, and settles those that cannot be. A
    /// savepoint is set before and after.
    async fn stage(&mut self, chunk: &StagedChunk<'_>, results: &mut [Option<RowResult>]) -> Result<()> {
        let copy = self.statement(self.merge.copy()).await.map_err(|e| self.failed(e))?;
        let mut work = vec![unsettled(results)];
        while let Some(rows) = work.pop().filter(|rows| !rows.is_empty()) {
            match chunk.copy(&self.pg.client, &copy, &self.merge, &rows).await {
                Ok(faults) => {
                    self.staged += rows.len() - faults.len();
                    for (row, fault) in faults {
                        results[row as usize] = Some(RowResult::Rejected(fault));
                    }
                    self.run(KEEP_AND_SAVE).await?;
                }
                // Happens where the database's encoding lacks a character.
                Err(error) => {
                    let Some(code) = row_fault(&error) else { return Err(self.failed(error)) };
                    self.run(BACK).await?;
                    if let [row] = rows.as_slice() {
                        let column = error.as_db_error().and_then(|db| copied_field(&self.merge, db));
                        let fault = RowError { field: column, ..RowError::new(code, reason(&error)) };
                        results[*row as usize] = Some(RowResult::Rejected(fault));
                    } else {
                        split(rows, |half| work.push(half));
                    }
                }
            }
        }
        Ok(())
    }

    /// Tries the work, halving what fails, until every row has a result. A savepoint is set before.
    async fn deliver(
        &mut self,
        chunk: &StagedChunk<'_>,
        mut work: Vec<Work>,
        results: &mut [Option<RowResult>],
    ) -> Result<()> {
        let mut is_indexed = false;
        while let Some(Work { rows, careful, tries }) = work.pop() {
            if rows.is_empty() {
                continue;
            }
            let error = match self.attempt(chunk, &rows, careful).await {
                Ok(Tried::Done(done)) => {
                    fail::fail_point!("postgres.mid_merge", |_| Err(injected()));
                    if !work.is_empty() {
                        self.run(KEEP_AND_SAVE).await?;
                    }
                    done.into_iter().for_each(|(row, result)| results[row as usize] = Some(result));
                    continue;
                }
                Ok(Tried::Short) => None,
                Err(error) => Some(error),
            };
            let error = match error {
                Some(error) if row_fault(&error).is_none() => return Err(self.failed(error)),
                other => other,
            };
            self.run(BACK).await?;
            let single = match rows.as_slice() {
                [row] => Some(*row),
                _ => None,
            };
            match (single, error) {
                _ if !careful => work.push(Work { rows, careful: true, tries }),
                (Some(row), Some(error)) => {
                    let fault = self.diagnose(chunk, row, &error).await?;
                    results[row as usize] = Some(RowResult::Rejected(fault));
                }
                (Some(_), None) if tries < RACES_MAX => work.push(Work { rows, careful, tries: tries + 1 }),
                (Some(row), None) => {
                    let message = "a trigger of the table discarded the record";
                    results[row as usize] =
                        Some(RowResult::Rejected(RowError::new("discarded_by_trigger", message)));
                }
                (None, _) => {
                    if !is_indexed {
                        // Statistics as well: without them a short list of rows looks like many.
                        let index = "CREATE INDEX IF NOT EXISTS _syncline_staging_seq ON";
                        let analyze = format!("ANALYZE {STAGING} (seq)");
                        self.run(&format!("{index} {STAGING} (seq); {analyze}; {KEEP_AND_SAVE}")).await?;
                        is_indexed = true;
                    }
                    split(rows, |rows| work.push(Work { rows, careful, tries: 0 }));
                }
            }
        }
        self.run(KEEP).await
    }

    async fn try_again(&mut self, chunk: &StagedChunk<'_>, results: &mut [Option<RowResult>]) -> Result<()> {
        for _ in 0..SECOND_ROUNDS_MAX {
            let refused: Vec<u32> =
                (0..results.len() as u32).filter(|row| depends_on_others(&results[*row as usize])).collect();
            let is_alone = !results.iter().any(|r| !matches!(r, Some(RowResult::Rejected(_))));
            if refused.is_empty() || refused.len() > SECOND_TRIES_MAX || is_alone {
                return Ok(());
            }
            self.run(SAVE).await?;
            let work = refused.iter().rev().map(|row| Work { rows: vec![*row], careful: true, tries: 0 });
            self.deliver(chunk, work.collect(), results).await?;
            let has_progress =
                refused.iter().any(|row| !matches!(results[*row as usize], Some(RowResult::Rejected(_))));
            if !has_progress {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs the statements for `rows`. Removals come first, so that what they free can be taken.
    async fn attempt(
        &mut self,
        chunk: &StagedChunk<'_>,
        rows: &[u32],
        careful: bool,
    ) -> std::result::Result<Tried, tokio_postgres::Error> {
        let of = |wanted: &dyn Fn(Op, usize) -> bool| -> Vec<u32> {
            let is_wanted = |row: &&u32| wanted(chunk.chunk.ops[**row as usize], **row as usize);
            rows.iter().filter(is_wanted).copied().collect()
        };
        let mut done = Vec::with_capacity(rows.len());
        for action in [RemovalAction::Delete, RemovalAction::Clear, RemovalAction::Flag] {
            let removed = of(&|op, _| op == Op::Remove(action));
            let selection = self.selection(&removed);
            let sql = match action {
                RemovalAction::Delete => Some(self.merge.delete(selection)),
                RemovalAction::Clear => self.merge.clear(selection),
                RemovalAction::Flag => self.merge.flag(selection),
            };
            if let Some(sql) = sql.filter(|_| !removed.is_empty()) {
                self.execute(sql, &removed).await?;
            }
            done.extend(removed.into_iter().map(|row| (row, RowResult::Removed)));
        }
        let appended = of(&|op, _| op == Op::Append);
        if !appended.is_empty() {
            let sql = self.merge.append(self.selection(&appended));
            if self.execute(sql, &appended).await? != appended.len() as u64 {
                return Ok(Tried::Short);
            }
            done.extend(appended.into_iter().map(created));
        }
        let moved = of(&|op, row| is_write(op) && chunk.is_moved(row));
        let mut written = of(&|op, row| is_write(op) && !chunk.is_moved(row));
        if !moved.is_empty() {
            // Not found by the old value: moved by an earlier attempt, or gone. Either way it is
            // now a write like any other.
            let found = self.seqs(self.merge.update_moved(self.selection(&moved)), &moved).await?;
            let (found, missing) = divide(moved, &found);
            done.extend(found.into_iter().map(updated));
            written.extend(missing);
            written.sort_unstable();
        }
        if careful || self.merge.mode == WriteMode::Update {
            done.extend(match self.write_rows(written).await? {
                Tried::Done(rest) => rest,
                Tried::Short => return Ok(Tried::Short),
            });
            return Ok(Tried::Done(done));
        }
        // As the plan expects: what it updates is there, and what it creates is not. The counts tell
        // whether that is so, which is cheaper than to ask about each row.
        let (new, known): (Vec<u32>, Vec<u32>) =
            written.into_iter().partition(|row| chunk.chunk.ops[*row as usize] == Op::Create);
        if !known.is_empty() {
            done.extend(match self.update_known(known).await? {
                Tried::Done(rest) => rest,
                Tried::Short => return Ok(Tried::Short),
            });
        }
        if !new.is_empty() {
            let sql = self.merge.insert_new(self.selection(&new));
            if self.execute(sql, &new).await? != new.len() as u64 {
                return Ok(Tried::Short);
            }
            done.extend(new.into_iter().map(created));
        }
        Ok(Tried::Done(done))
    }

    /// Updates rows that are expected to be there.
    async fn update_known(&mut self, rows: Vec<u32>) -> std::result::Result<Tried, tokio_postgres::Error> {
        if self.merge.mode == WriteMode::Insert {
            return self.write_rows(rows).await;
        }
        let sql = self.merge.update(self.selection(&rows));
        if self.execute(sql, &rows).await? != rows.len() as u64 {
            return Ok(Tried::Short);
        }
        Ok(Tried::Done(rows.into_iter().map(updated).collect()))
    }

    /// Creates and updates by match value, as the write mode allows, whatever is expected.
    async fn write_rows(&mut self, rows: Vec<u32>) -> std::result::Result<Tried, tokio_postgres::Error> {
        if rows.is_empty() {
            return Ok(Tried::Done(Vec::new()));
        }
        let mode = self.merge.mode;
        let selection = self.selection(&rows);
        let sql = match mode {
            WriteMode::Insert => self.merge.find(selection),
            _ => self.merge.update_and_tell(selection),
        };
        let found = self.seqs(sql, &rows).await?;
        let (existing, missing) = divide(rows, &found);
        let mut done: Vec<(u32, RowResult)> = match mode {
            WriteMode::Insert => existing.into_iter().map(|row| (row, RowResult::Exists)).collect(),
            _ => existing.into_iter().map(updated).collect(),
        };
        if mode == WriteMode::Update {
            done.extend(missing.into_iter().map(|row| (row, RowResult::Absent)));
        } else if !missing.is_empty() {
            let sql = self.merge.insert(self.selection(&missing));
            if self.execute(sql, &missing).await? != missing.len() as u64 {
                return Ok(Tried::Short);
            }
            done.extend(missing.into_iter().map(created));
        }
        Ok(Tried::Done(done))
    }

    /// The error of a row that fails by itself, with the column that is at fault.
    async fn diagnose(
        &mut self,
        chunk: &StagedChunk<'_>,
        row: u32,
        error: &tokio_postgres::Error,
    ) -> Result<RowError> {
        let db = error.as_db_error().ok_or_else(|| Error::internal("a row error came without its cause"))?;
        let code = row_code(db).unwrap_or("refused_by_target");
        let payload = &chunk.chunk.payload;
        let mut columns = constraint_columns(&self.pg, &self.merge, db).await?;
        let is_value = !chunk.chunk.ops[row as usize].is_removal() && code != "raised_by_trigger";
        if columns.is_empty() && is_value {
            if let Some(fault) = local_fault(&self.merge, payload, row as usize, |_| true)
                && fault.code == code
            {
                return Ok(fault);
            }
            columns.extend(self.probe(row, db.code()).await?);
        }
        Ok(row_error(&self.merge, payload, row as usize, code, &columns, db))
    }

    /// Stores the row's values one by one to see which fails with this code.
    async fn probe(&mut self, row: u32, code: &SqlState) -> Result<Option<String>> {
        if !self.has_probe {
            let made = self.pg.client.batch_execute(&self.merge.create_probe()).await;
            // Without the right to read the table the column stays unnamed.
            if made.is_err() {
                self.run(BACK).await?;
                return Ok(None);
            }
            self.run(KEEP_AND_SAVE).await?;
            self.has_probe = true;
        }
        for field in 0..self.merge.fields.len() {
            let Some(sql) = self.merge.probe(field, row) else { continue };
            let tried = self.pg.client.batch_execute(&sql).await;
            self.run(BACK).await?;
            if tried.is_err_and(|e| e.code() == Some(code)) {
                return Ok(Some(self.merge.fields[field].name.clone()));
            }
        }
        Ok(None)
    }

    fn selection(&self, rows: &[u32]) -> Rows {
        if rows.len() == self.staged { Rows::All } else { Rows::Listed }
    }

    async fn statement(&mut self, sql: String) -> std::result::Result<Statement, tokio_postgres::Error> {
        if let Some(statement) = self.statements.get(&sql) {
            return Ok(statement.clone());
        }
        let statement = self.pg.client.prepare(&sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    async fn execute(
        &mut self,
        sql: String,
        rows: &[u32],
    ) -> std::result::Result<u64, tokio_postgres::Error> {
        let listed = listed(rows);
        match self.selection(rows) {
            Rows::All => {
                let statement = self.statement(sql).await?;
                self.pg.client.execute(&statement, &[]).await
            }
            Rows::Listed => {
                let statement = self.statement(sql).await?;
                self.pg.client.execute(&statement, &[&listed]).await
            }
        }
    }

    async fn seqs(
        &mut self,
        sql: String,
        rows: &[u32],
    ) -> std::result::Result<Vec<u32>, tokio_postgres::Error> {
        let listed = listed(rows);
        let statement = self.statement(sql).await?;
        let found = match self.selection(rows) {
            Rows::All => self.pg.client.query(&statement, &[]).await?,
            Rows::Listed => self.pg.client.query(&statement, &[&listed]).await?,
        };
        found.iter().map(|row| row.try_get::<_, i32>(0).map(|seq| seq as u32)).collect()
    }

    async fn run(&self, sql: &str) -> Result<()> {
        self.pg.client.batch_execute(sql).await.map_err(|e| self.failed(e))
    }

    fn failed(&self, error: tokio_postgres::Error) -> Error {
        failed(&self.pg, &self.object(), error)
    }

    fn object(&self) -> String {
        self.merge.table.name.plain()
    }
}

#[async_trait]
impl Session for PgSession {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        let before = self.state;
        if before == State::Broken {
            return Err(Error::internal("a session was written to after an error, without rollback"));
        }
        // Until this write has ended well there is nothing that could be committed.
        self.state = State::Broken;
        let mut cancel = self.pg.cancel_on_drop();
        let result = self.write_chunk(chunk, before == State::Open).await;
        cancel.disarm();
        if result.is_ok() {
            self.state = State::Open;
        }
        result
    }

    async fn commit(&mut self) -> Result<()> {
        match self.state {
            State::Idle => return Ok(()),
            State::Open => {}
            // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error.
            State::Broken => return Err(Error::internal("a session was committed after an error")),
        }
        fail::fail_point!("postgres.before_commit", |_| Err(injected()));
        self.state = State::Broken;
        match &self.ledger {
            Some(ledger) => ledger.commit(&self.pg, &self.object()).await?,
            None => self.run("COMMIT").await?,
        }
        fail::fail_point!("postgres.after_commit", |_| Err(injected()));
        self.ended();
        Ok(())
    }

    async fn rollback(&mut self) -> Result<()> {
        if self.state != State::Idle {
            self.run("ROLLBACK").await?;
            self.ended();
        }
        Ok(())
    }

    async fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        // Taking the fence ended whatever could still have committed the chunk, so what the ledger
        // says now stays true.
        let Some(ledger) = &self.ledger else { return Ok(Recovery::Unknown) };
        if self.uncommitted.contains(&chunk) {
            return Ok(Recovery::NotApplied);
        }
        Ok(if ledger.has(&self.pg, chunk).await? { Recovery::Committed } else { Recovery::NotApplied })
    }
}

impl PgSession {
    /// The transaction is over; both ways empty the staging table and drop the probe.
    fn ended(&mut self) {
        self.state = State::Idle;
        self.uncommitted.clear();
        self.staged = 0;
        self.has_probe = false;
    }
}

/// The row error's code of a statement's error; `None`: not a row's fault.
fn row_fault(error: &tokio_postgres::Error) -> Option<&'static str> {
    error.as_db_error().and_then(row_code)
}

/// Whether the record was there, or not, against what the plan expected.
fn is_surprise(op: Op, result: &RowResult) -> bool {
    match op {
        Op::Create => matches!(result, RowResult::Updated { .. } | RowResult::Exists),
        Op::Update => matches!(result, RowResult::Created { .. } | RowResult::Absent),
        _ => false,
    }
}

fn is_write(op: Op) -> bool {
    matches!(op, Op::Create | Op::Update)
}

fn created(row: u32) -> (u32, RowResult) {
    (row, RowResult::Created { target_id: None })
}

fn updated(row: u32) -> (u32, RowResult) {
    (row, RowResult::Updated { target_id: None })
}

/// Whether a row was refused for what another row of its chunk may have changed since.
fn depends_on_others(result: &Option<RowResult>) -> bool {
    let codes = ["unique_violation", "foreign_key_violation", "exclusion_violation"];
    matches!(result, Some(RowResult::Rejected(e)) if codes.contains(&e.code.as_str()))
}

fn unsettled(results: &[Option<RowResult>]) -> Vec<u32> {
    (0..results.len() as u32).filter(|row| results[*row as usize].is_none()).collect()
}

fn listed(rows: &[u32]) -> Vec<i32> {
    rows.iter().map(|row| *row as i32).collect()
}

/// Hands over the halves so that a stack yields the first one first.
fn split(mut rows: Vec<u32>, mut push: impl FnMut(Vec<u32>)) {
    let second = rows.split_off(rows.len() / 2);
    push(second);
    push(rows);
}

/// Divides `rows` into those in `found` and the others, keeping their order.
fn divide(rows: Vec<u32>, found: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let found: std::collections::HashSet<u32> = found.iter().copied().collect();
    rows.into_iter().partition(|row| found.contains(row))
}

#[allow(dead_code, reason = "failpoints are compiled out unless their feature is on")]
pub fn injected() -> Error {
    Error::new(ErrorKind::DestinationUnreachable, "injected by a failpoint")
}
