//! One run's writing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Statement, params_from_iter};
use syncline_connector::{Chunk, OpenRequest, Recovery, Session};
use syncline_core::sync::WriteMode;
use syncline_core::{Error, ErrorKind, Op, RemovalAction, Result, RowError, RowResult, text};

use super::bookkeeping;
use super::database::{Database, Side, blocking};
use super::foreign_keys::{Deferred, ForeignKey};
use super::statements::{Bind, Sql, WritePlan};
use super::values;
use super::violations::Refused;

/// Statements kept prepared; inserts differ by the columns they leave to their defaults.
const STATEMENTS_MAX: usize = 64;

/// Rounds in which rows that depend on others of their chunk are tried again. Rows that still wait
/// after them are refused, and tried again by the next run.
const SECOND_ROUNDS_MAX: u32 = 8;

/// The session as the engine sees it: hands each call to a blocking thread.
pub struct SqliteSession {
    /// `None` while a call runs. A call that was cancelled takes the writer, and with it the open
    /// transaction, to its end.
    writer: Option<Writer>,
}

impl SqliteSession {
    pub fn new(writer: Writer) -> Self {
        Self { writer: Some(writer) }
    }

    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Writer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(mut writer) = self.writer.take() else {
            return Err(Error::internal("the session's last call was cut off; open a new session"));
        };
        let (writer, result) = blocking(move || {
            let result = work(&mut writer);
            Ok((writer, result))
        })
        .await?;
        self.writer = Some(writer);
        result
    }
}

#[async_trait]
impl Session for SqliteSession {
    async fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        let chunk = chunk.clone();
        self.with(move |writer| writer.write(&chunk)).await
    }

    async fn commit(&mut self) -> Result<()> {
        self.with(Writer::commit).await
    }

    async fn rollback(&mut self) -> Result<()> {
        self.with(Writer::rollback).await
    }

    async fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        self.with(move |writer| writer.recover(chunk)).await
    }
}

/// A connection that writes, and the transaction it may be in. Dropping it rolls back.
pub struct Writer {
    database: Arc<Database>,
    conn: Connection,
    request: OpenRequest,
    epoch: i64,
    plan: WritePlan,
    foreign_keys: Vec<ForeignKey>,
    deferred: Deferred,
    has_triggers: bool,
    transaction: Transaction,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    None,
    Open,
    /// A chunk failed; nothing may be committed until it was rolled back.
    Failed,
}

impl Writer {
    /// `conn` is open for writing and outside any transaction; the fence is taken.
    pub fn new(
        database: Arc<Database>,
        conn: Connection,
        plan: WritePlan,
        request: OpenRequest,
        epoch: i64,
    ) -> Result<Self> {
        let failure = |e| database.failure(Side::Destination, e);
        let table = &plan.table.name;
        let foreign_keys = super::foreign_keys::of(&conn, table).map_err(failure)?;
        let deferred = Deferred::find(&conn, table).map_err(failure)?;
        let has_triggers = conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE)",
                [table],
                |row| row.get(0),
            )
            .map_err(failure)?;
        let transaction = Transaction::None;
        Ok(Self { database, conn, request, epoch, plan, foreign_keys, deferred, has_triggers, transaction })
    }

    fn failure(&self, error: rusqlite::Error) -> Error {
        self.database.failure(Side::Destination, error)
    }

    fn write(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        let written = self.begin().and_then(|()| self.write_chunk(chunk));
        if written.is_err() {
            self.transaction = Transaction::Failed;
        }
        written
    }

    /// Starts a transaction unless one is open. The write lock is taken at once, so what the fence
    /// says then holds until the commit.
    fn begin(&mut self) -> Result<()> {
        match self.transaction {
            Transaction::Open => return Ok(()),
            Transaction::Failed => return Err(must_roll_back()),
            Transaction::None => {}
        }
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(|e| self.failure(e))?;
        self.transaction = Transaction::Open;
        let fence = bookkeeping::fence(&self.conn, self.request.sync_uid.as_str());
        check_fence(fence.map_err(|e| self.failure(e))?, self.epoch)?;
        if !self.deferred.is_empty() {
            self.deferred.accept(&self.conn).map_err(|e| self.database.failure(Side::Destination, e))?;
        }
        Ok(())
    }

    fn write_chunk(&mut self, chunk: &Chunk) -> Result<Vec<RowResult>> {
        if chunk.ops.len() != chunk.payload.num_rows() {
            return Err(Error::internal("a chunk has another number of rows than operations"));
        }
        let repeated = bookkeeping::has_chunk(&self.conn, &self.request, chunk.number);
        if repeated.map_err(|e| self.failure(e))? && self.request.write_mode == WriteMode::Append {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "chunk {} of this run is written already; appending it again would double it",
                    chunk.number
                ),
            ));
        }
        let mut rows = Rows {
            conn: &self.conn,
            database: &self.database,
            plan: &self.plan,
            foreign_keys: &self.foreign_keys,
            savepoints: self.has_triggers,
            write_mode: self.request.write_mode,
            chunk,
            statements: HashMap::new(),
        };
        let results = if self.deferred.is_empty() {
            rows.apply(0..chunk.ops.len())?
        } else {
            rows.apply_checked(0..chunk.ops.len(), &mut self.deferred)?
        };
        drop(rows);
        bookkeeping::record_chunk(&self.conn, &self.request, chunk.number).map_err(|e| self.failure(e))?;
        Ok(results)
    }

    fn commit(&mut self) -> Result<()> {
        match self.transaction {
            Transaction::None => return Ok(()),
            Transaction::Failed => return Err(must_roll_back()),
            Transaction::Open => {}
        }
        // Whatever goes wrong from here, only a new session can tell what became of it.
        self.transaction = Transaction::Failed;
        fail::fail_point!("sqlite.before_commit");
        self.conn.execute_batch("COMMIT").map_err(|e| self.failure(e))?;
        self.transaction = Transaction::None;
        fail::fail_point!("sqlite.after_commit");
        Ok(())
    }

    fn rollback(&mut self) -> Result<()> {
        // An error may have ended the transaction already.
        if !self.conn.is_autocommit() {
            self.conn.execute_batch("ROLLBACK").map_err(|e| self.failure(e))?;
        }
        self.transaction = Transaction::None;
        Ok(())
    }

    fn recover(&mut self, chunk: u32) -> Result<Recovery> {
        if self.transaction != Transaction::None {
            return Err(Error::internal("a chunk is recovered before anything is written"));
        }
        // Opening took the write lock, so no older session of this sync has a transaction left.
        match bookkeeping::has_chunk(&self.conn, &self.request, chunk).map_err(|e| self.failure(e))? {
            true => Ok(Recovery::Committed),
            false => Ok(Recovery::NotApplied),
        }
    }
}

/// Refuses to go on when a newer epoch has taken the fence.
pub fn check_fence(taken: Option<i64>, epoch: i64) -> Result<()> {
    match taken {
        Some(newer) if newer > epoch => Err(Error::new(
            ErrorKind::Fenced,
            format!("another run of this sync took over the destination (epoch {newer}, ours is {epoch})"),
        )),
        _ => Ok(()),
    }
}

/// Whether a row was refused for what other rows of its chunk may change.
fn depends_on_others(result: &RowResult) -> bool {
    let codes = ["unique_violation", "foreign_key_violation"];
    matches!(result, RowResult::Rejected(error) if codes.contains(&error.code.as_str()))
}

fn must_roll_back() -> Error {
    Error::internal("the session's transaction failed and must be rolled back first")
}

/// Writes the rows of one chunk, one statement after the other: an error in one leaves the others.
struct Rows<'a> {
    conn: &'a Connection,
    database: &'a Database,
    plan: &'a WritePlan,
    foreign_keys: &'a [ForeignKey],
    /// A trigger can leave half of a statement behind (`RAISE(FAIL)`), so each row has a savepoint.
    savepoints: bool,
    write_mode: WriteMode,
    chunk: &'a Chunk,
    statements: HashMap<StatementName, Prepared<'a>>,
}

struct Prepared<'a> {
    statement: Statement<'a>,
    binds: Vec<Bind>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum StatementName {
    Exists,
    Update,
    UpdateMatch,
    Delete,
    Clear,
    Flag,
    Insert(Vec<bool>),
}

/// Why a row was not written.
enum Failure {
    /// Found before asking SQLite.
    Refused(RowError),
    /// While running the row's statement.
    Statement(rusqlite::Error),
    /// Not this row's fault.
    Chunk(Error),
}

impl From<RowError> for Failure {
    fn from(error: RowError) -> Self {
        Failure::Refused(error)
    }
}

/// One row's values, encoded.
struct RowValues<'a> {
    fields: Vec<ToSqlOutput<'a>>,
    old_match: Option<Vec<ToSqlOutput<'a>>>,
}

impl<'a> Rows<'a> {
    fn apply(&mut self, range: std::ops::Range<usize>) -> Result<Vec<RowResult>> {
        let middle = self.chunk.ops.len() / 2;
        let mut results = Vec::with_capacity(range.len());
        for row in range.clone() {
            if row == middle {
                fail::fail_point!("sqlite.mid_chunk");
            }
            results.push(self.apply_row(row)?);
        }
        self.apply_again(range.start, &mut results)?;
        Ok(results)
    }

    /// Tries once more the rows that were refused for what another row of the chunk may have changed
    /// since: it gave up a value, or is the parent. Goes backwards, because in a chain of records
    /// that hand on a value, each in order waits for the next.
    fn apply_again(&mut self, start: usize, results: &mut [RowResult]) -> Result<()> {
        for _ in 0..SECOND_ROUNDS_MAX {
            let mut has_progress = false;
            for (i, result) in results.iter_mut().enumerate().rev() {
                if depends_on_others(result) {
                    *result = self.apply_row(start + i)?;
                    has_progress |= !matches!(result, RowResult::Rejected(_));
                }
            }
            if !has_progress {
                break;
            }
        }
        Ok(())
    }

    /// Writes rows such that no deferred foreign key is broken by them. Where one is, halves find
    /// the row.
    fn apply_checked(
        &mut self,
        range: std::ops::Range<usize>,
        deferred: &mut Deferred,
    ) -> Result<Vec<RowResult>> {
        self.execute("SAVEPOINT syncline_rows")?;
        let results = self.apply(range.clone())?;
        let broken = deferred.check(self.conn).map_err(|e| self.failure(e))?;
        let Some(broken) = broken else {
            self.execute("RELEASE syncline_rows")?;
            return Ok(results);
        };
        self.execute("ROLLBACK TO syncline_rows; RELEASE syncline_rows")?;
        if range.len() == 1 {
            return Ok(vec![RowResult::Rejected(self.refused(range.start).broken(&broken))]);
        }
        let middle = range.start + range.len() / 2;
        let mut results = self.apply_checked(range.start..middle, deferred)?;
        results.extend(self.apply_checked(middle..range.end, deferred)?);
        Ok(results)
    }

    fn apply_row(&mut self, row: usize) -> Result<RowResult> {
        if self.savepoints {
            self.execute("SAVEPOINT syncline_row")?;
        }
        let error = match self.write_row(row) {
            Ok(result) => {
                if self.savepoints {
                    self.execute("RELEASE syncline_row")?;
                }
                return Ok(result);
            }
            Err(Failure::Chunk(error)) => return Err(error),
            Err(Failure::Refused(error)) => error,
            Err(Failure::Statement(error)) => match self.refused(row).explain(&error) {
                // A trigger can roll back everything (`RAISE(ROLLBACK)`).
                Some(explained) if !self.conn.is_autocommit() => explained,
                _ => return Err(self.failure(error)),
            },
        };
        if self.savepoints {
            self.execute("ROLLBACK TO syncline_row; RELEASE syncline_row")?;
        }
        Ok(RowResult::Rejected(error))
    }

    fn write_row(&mut self, row: usize) -> Result<RowResult, Failure> {
        let op = self.chunk.ops[row];
        let values = self.encode(row)?;
        if op == Op::Append || self.write_mode == WriteMode::Append {
            if op.is_removal() {
                return Err(Failure::Chunk(Error::internal("append removes nothing")));
            }
            self.insert(row, &values)?;
            return Ok(RowResult::Created { target_id: None });
        }
        let created = RowResult::Created { target_id: None };
        let updated = RowResult::Updated { target_id: None };
        match (op, self.write_mode) {
            (Op::Remove(action), _) => self.remove(action, &values),
            (_, WriteMode::Insert) if self.exists(&values)? => Ok(RowResult::Exists),
            (_, WriteMode::Insert) => self.insert(row, &values).map(|()| created),
            (_, WriteMode::Update) => Ok(if self.update(&values)? { updated } else { RowResult::Absent }),
            (_, _) if self.update(&values)? => Ok(updated),
            (_, _) => self.insert(row, &values).map(|()| created),
        }
    }

    /// Encodes a row; of a removal the match fields only.
    fn encode(&self, row: usize) -> Result<RowValues<'a>, RowError> {
        let (plan, chunk) = (self.plan, self.chunk);
        let matches = self.write_mode != WriteMode::Append && chunk.ops[row] != Op::Append;
        let mut fields = Vec::with_capacity(plan.fields.len());
        for place in 0..plan.fields.len() {
            let is_match = plan.match_places.contains(&place);
            if chunk.ops[row].is_removal() && !is_match {
                fields.push(ToSqlOutput::Owned(Value::Null));
                continue;
            }
            let array = chunk.payload.column(place);
            if matches && is_match && array.is_null(row) {
                return Err(RowError::new(
                    "null_match_value",
                    "a match field is NULL, so no record can be found",
                )
                .field(&plan.fields[place].name));
            }
            fields.push(self.encode_value(&chunk.payload, place, place, row)?);
        }
        let old_match = match &chunk.old_match {
            None => None,
            Some(old) if old.columns().iter().all(|c| c.is_null(row)) => None,
            Some(old) => {
                let encode = |(i, &place): (usize, &usize)| match old.column(i).is_null(row) {
                    true => self.encode_value(&chunk.payload, place, place, row),
                    false => self.encode_value(old, i, place, row),
                };
                Some(plan.match_places.iter().enumerate().map(encode).collect::<Result<_, _>>()?)
            }
        };
        Ok(RowValues { fields, old_match })
    }

    fn encode_value(
        &self,
        batch: &'a RecordBatch,
        column: usize,
        place: usize,
        row: usize,
    ) -> Result<ToSqlOutput<'a>, RowError> {
        let field = &self.plan.fields[place];
        let array = batch.column(column);
        values::encode(array, &field.ty, field.column.affinity, row)
            .map_err(|e| e.field(&field.name).raw_value(text::render(array, &field.ty, row)))
    }

    /// Whether there was a record to update. It may have the old match value or, where an earlier
    /// attempt came this far, already the new one.
    fn update(&mut self, values: &RowValues<'a>) -> Result<bool, Failure> {
        if values.old_match.is_some() && self.run(StatementName::UpdateMatch, values)? > 0 {
            return Ok(true);
        }
        match self.plan.update {
            Some(_) => Ok(self.run(StatementName::Update, values)? > 0),
            None => self.exists(values),
        }
    }

    fn insert(&mut self, row: usize, values: &RowValues<'a>) -> Result<(), Failure> {
        let inserted = self.plan.inserted(|place| self.chunk.payload.column(place).is_null(row));
        match self.run(StatementName::Insert(inserted), values)? {
            0 => Err(Failure::Refused(ignored_by_trigger())),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, action: RemovalAction, values: &RowValues<'a>) -> Result<RowResult, Failure> {
        let (name, sql) = match action {
            RemovalAction::Delete => (StatementName::Delete, Some(&self.plan.delete)),
            RemovalAction::Clear => (StatementName::Clear, self.plan.clear.as_ref()),
            RemovalAction::Flag => (StatementName::Flag, self.plan.flag.as_ref()),
        };
        if sql.is_none() {
            return match action {
                RemovalAction::Flag => Err(Failure::Chunk(Error::internal("a removal flags without a flag"))),
                _ => Ok(RowResult::Removed),
            };
        }
        if self.run(name, values)? == 0 && self.savepoints && self.exists(values)? {
            return Err(Failure::Refused(ignored_by_trigger()));
        }
        Ok(RowResult::Removed)
    }

    fn exists(&mut self, values: &RowValues<'a>) -> Result<bool, Failure> {
        let plan = self.plan;
        let prepared = self.prepared(StatementName::Exists)?;
        let bound = bind(plan, &prepared.binds, values);
        prepared.statement.exists(params_from_iter(bound)).map_err(Failure::Statement)
    }

    /// Runs a statement and answers how many rows it changed.
    fn run(&mut self, name: StatementName, values: &RowValues<'a>) -> Result<usize, Failure> {
        let plan = self.plan;
        let prepared = self.prepared(name)?;
        let bound = bind(plan, &prepared.binds, values);
        prepared.statement.execute(params_from_iter(bound)).map_err(Failure::Statement)
    }

    fn prepared(&mut self, name: StatementName) -> Result<&mut Prepared<'a>, Failure> {
        if self.statements.len() >= STATEMENTS_MAX && !self.statements.contains_key(&name) {
            self.statements.clear();
        }
        match self.statements.entry(name) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let Sql { text, binds } = statement(self.plan, entry.key());
                // A statement that cannot be prepared is wrong for every row.
                let prepared = self.conn.prepare(&text);
                let statement =
                    prepared.map_err(|e| Failure::Chunk(self.database.failure(Side::Destination, e)))?;
                Ok(entry.insert(Prepared { statement, binds }))
            }
        }
    }

    fn refused(&self, row: usize) -> Refused<'a> {
        Refused {
            conn: self.conn,
            plan: self.plan,
            foreign_keys: self.foreign_keys,
            payload: &self.chunk.payload,
            row,
            removal: self.chunk.ops[row].is_removal(),
        }
    }

    fn execute(&self, sql: &str) -> Result<()> {
        self.conn.execute_batch(sql).map_err(|e| self.failure(e))
    }

    fn failure(&self, error: rusqlite::Error) -> Error {
        self.database.failure(Side::Destination, error)
    }
}

fn ignored_by_trigger() -> RowError {
    RowError::new("discarded_by_trigger", "a trigger of the table ignored the row")
}

/// The statement of this name. One that the plan lacks is empty; its rows are settled before.
fn statement(plan: &WritePlan, name: &StatementName) -> Sql {
    match name {
        StatementName::Exists => plan.exists.clone(),
        StatementName::Update => plan.update.clone().unwrap_or_default(),
        StatementName::UpdateMatch => plan.update_match.clone(),
        StatementName::Delete => plan.delete.clone(),
        StatementName::Clear => plan.clear.clone().unwrap_or_default(),
        StatementName::Flag => plan.flag.clone().unwrap_or_default(),
        StatementName::Insert(inserted) => plan.insert(inserted),
    }
}

fn bind<'v>(plan: &'v WritePlan, binds: &[Bind], values: &'v RowValues<'_>) -> Vec<&'v dyn rusqlite::ToSql> {
    let value = |bind: &Bind| -> &'v dyn rusqlite::ToSql {
        match bind {
            Bind::Field(place) => &values.fields[*place],
            Bind::OldMatch(i) => values.old_match.as_ref().map_or(&rusqlite::types::Null, |old| &old[*i]),
            Bind::Flag => &plan.flag_value,
        }
    };
    binds.iter().map(value).collect()
}
