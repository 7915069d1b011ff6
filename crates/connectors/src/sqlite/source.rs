//! Reading: one read transaction, one statement that cannot write.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Statement};
use syncline_connector::{Consistency, ReadEnd, ReadRequest, Source, SourceItem, SourceStream, StreamInfo};
use syncline_core::sync::{Model, ModelQuery};
use syncline_core::{Error, ErrorKind, LogicalType, Result};
use tokio::sync::mpsc;

use super::catalog;
use super::database::{Database, Side, blocking, quote};
use super::rows::{BATCH_BYTES_MAX, BatchBuilder, Observed};

/// Batches read ahead of the engine.
const BATCHES_AHEAD_MAX: usize = 2;
/// Instructions of SQLite's machine between two looks at the time and the receiver.
const PROGRESS_INSTRUCTIONS: i32 = 10_000;
/// Rows looked at for the type of a column without a declared one.
const SAMPLE_ROWS: usize = 1_000;
/// Rows looked at when such a column was NULL in all of [`SAMPLE_ROWS`].
const SAMPLE_ROWS_MAX: usize = 100_000;
const SAMPLE_BYTES_MAX: usize = 2 * BATCH_BYTES_MAX;

pub struct SqliteSource {
    database: Arc<Database>,
}

impl SqliteSource {
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn check(&self) -> Result<String> {
        let database = self.database.clone();
        blocking(move || {
            let conn = database.open_read(Side::Source)?;
            let tables = catalog::list(&conn).map_err(|e| database.failure(Side::Source, e))?.len();
            Ok(format!(
                "SQLite {}, {}, {tables} tables and views",
                rusqlite::version(),
                database.path.display()
            ))
        })
        .await
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let database = self.database.clone();
        blocking(move || discover(&database)).await
    }

    async fn describe(&self, model: &Model) -> Result<SchemaRef> {
        let (database, model) = (self.database.clone(), model.clone());
        blocking(move || {
            let budget = TimeBudget::new(model.timeout);
            let snapshot = Snapshot::begin(&database, budget.clone(), || false)?;
            snapshot.schema(&model)
        })
        .await
    }

    async fn read(&self, request: ReadRequest) -> Result<SourceStream> {
        let database = self.database.clone();
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD_MAX);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&database, &request, &sender) {
                // The receiver is gone when the read was dropped; then nobody waits for the error.
                let _ = sender.blocking_send(Err(error));
            }
        });
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|item| (item, receiver))
        });
        Ok(stream.boxed())
    }

    /// The engine filters and sorts: timestamps are kept as text in several spellings, which
    /// SQLite would compare as text.
    fn pushes_down(&self) -> bool {
        false
    }

    fn identity(&self) -> String {
        format!("sqlite:{}", self.database.path.display())
    }
}

type Sender = mpsc::Sender<Result<SourceItem>>;

fn read(database: &Database, request: &ReadRequest, sender: &Sender) -> Result<()> {
    let budget = TimeBudget::new(request.model.timeout);
    let receiver = sender.clone();
    let snapshot = Snapshot::begin(database, budget.clone(), move || receiver.is_closed())?;
    snapshot.read(request, |item| {
        let waited = Instant::now();
        let sent = sender.blocking_send(Ok(item)).is_ok();
        budget.extend(waited.elapsed());
        sent
    })
}

fn discover(database: &Database) -> Result<Vec<StreamInfo>> {
    let conn = database.open_read(Side::Source)?;
    let failure = |e| database.failure(Side::Source, e);
    let mut streams = Vec::new();
    for name in catalog::list(&conn).map_err(failure)? {
        match describe_stream(&conn, &name) {
            Ok(stream) => streams.extend(stream),
            // A view over something that was dropped cannot be read; the others still can.
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::Unknown) => {
                tracing::warn!(object = name, error = %e, "cannot be described and is left out");
            }
            Err(e) => return Err(failure(e)),
        }
    }
    Ok(streams)
}

fn describe_stream(conn: &Connection, name: &str) -> rusqlite::Result<Option<StreamInfo>> {
    let Some(table) = catalog::table(conn, name)? else { return Ok(None) };
    let mut stmt = conn.prepare(&format!("SELECT * FROM main.{}", quote(name)))?;
    let schema = schema_of(&mut stmt)?;
    Ok(Some(StreamInfo { name: name.to_string(), schema, key: table.primary_key() }))
}

/// The canonical columns of a statement.
fn schema_of(stmt: &mut Statement<'_>) -> rusqlite::Result<SchemaRef> {
    let names = column_names(stmt)?;
    let types = column_types(stmt)?;
    Ok(Arc::new(Schema::new(names.iter().zip(types).map(|(n, t)| t.field(n, true)).collect::<Vec<_>>())))
}

/// How long a statement may still work; time spent waiting for the engine is not its own.
#[derive(Clone)]
struct TimeBudget {
    started: Instant,
    micros: Arc<AtomicU64>,
}

impl TimeBudget {
    fn new(timeout: Duration) -> Self {
        Self { started: Instant::now(), micros: Arc::new(AtomicU64::new(micros(timeout))) }
    }

    fn extend(&self, by: Duration) {
        self.micros.fetch_add(micros(by), Ordering::Relaxed);
    }

    fn is_spent(&self) -> bool {
        micros(self.started.elapsed()) > self.micros.load(Ordering::Relaxed)
    }
}

/// Half of the range, so that extending never wraps.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

/// One moment of the database, readable only.
struct Snapshot<'a> {
    database: &'a Database,
    conn: Connection,
    /// SQLite's clock just before the moment.
    now: Timestamp,
    budget: TimeBudget,
}

impl<'a> Snapshot<'a> {
    fn begin(
        database: &'a Database,
        budget: TimeBudget,
        is_dropped: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self> {
        let mut conn = database.open_read(Side::Source)?;
        let failure = |e| database.failure(Side::Source, e);
        let now: String = conn
            .query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| row.get(0))
            .map_err(failure)?;
        let now = now.parse().map_err(|e| Error::internal("SQLite's clock is unreadable").caused_by(e))?;
        // A deferred transaction begins its snapshot with its first read.
        conn.execute_batch("BEGIN; SELECT 1 FROM main.sqlite_schema LIMIT 1").map_err(failure)?;
        let watched = budget.clone();
        conn.progress_handler(PROGRESS_INSTRUCTIONS, Some(move || watched.is_spent() || is_dropped()))
            .map_err(failure)?;
        Ok(Self { database, conn, now, budget })
    }

    fn schema(mut self, model: &Model) -> Result<SchemaRef> {
        let sql = self.sql(model)?;
        self.forbid_all_but_reading()?;
        let mut stmt = self.prepare(model, &sql)?;
        schema_of(&mut stmt).map_err(|e| self.query_failure(model, e))
    }

    /// Reads the model and hands on each item; `send` answers whether anybody still listens.
    fn read(mut self, request: &ReadRequest, mut send: impl FnMut(SourceItem) -> bool) -> Result<()> {
        let model = &request.model;
        let sql = self.sql(model)?;
        self.forbid_all_but_reading()?;
        let mut stmt = self.prepare(model, &sql)?;
        let failure = |e| self.query_failure(model, e);
        let names = column_names(&stmt).map_err(failure)?;
        let types = column_types(&mut stmt).map_err(failure)?;
        let mut builder = BatchBuilder::new(&select(&names, &types, request.columns.as_deref())?);
        let mut rows = stmt.raw_query();
        while let Some(row) = rows.next().map_err(failure)? {
            builder.push(|place| row.get_ref(place)).map_err(failure)?;
            if builder.is_full() && !send(SourceItem::Batch(builder.take()?)) {
                return Ok(());
            }
        }
        if !builder.is_empty() && !send(SourceItem::Batch(builder.take()?)) {
            return Ok(());
        }
        send(SourceItem::End(ReadEnd {
            consistency: Consistency::Snapshot,
            now: Some(self.now),
            oldest_open_write: None,
        }));
        Ok(())
    }

    /// The statement that a model stands for.
    fn sql(&self, model: &Model) -> Result<String> {
        match &model.query {
            ModelQuery::Sql { sql, .. } => Ok(sql.clone()),
            ModelQuery::Table(object) => {
                let found = catalog::find(&self.conn, object);
                match found.map_err(|e| self.database.failure(Side::Source, e))? {
                    Some(name) => Ok(format!("SELECT * FROM main.{}", quote(&name))),
                    None => Err(Error::new(
                        ErrorKind::ModelQueryFailed,
                        format!("{}: there is no table or view '{object}'", self.database.path.display()),
                    )
                    .help("correct the model's table")),
                }
            }
            ModelQuery::File(file) => Err(Error::new(
                ErrorKind::ModelQueryFailed,
                format!("an SQLite connection cannot read the file '{}'", file.path),
            )
            .help("write the model as sql, sql_file or table")),
        }
    }

    /// The model's SQL is somebody's text: whatever it says, it can read this database and
    /// nothing else.
    fn forbid_all_but_reading(&mut self) -> Result<()> {
        let failure = |e| self.database.failure(Side::Source, e);
        self.conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0).map_err(failure)?;
        self.conn.authorizer(Some(authorize)).map_err(failure)?;
        Ok(())
    }

    fn prepare(&self, model: &Model, sql: &str) -> Result<Statement<'_>> {
        let refuse = |what: &str| {
            Err(Error::new(ErrorKind::ModelQueryFailed, format!("{}: {what}", origin(model)))
                .help("a model is one SELECT statement"))
        };
        let stmt = match self.conn.prepare(sql) {
            Ok(stmt) => stmt,
            Err(rusqlite::Error::MultipleStatement) => return refuse("there is more than one statement"),
            Err(e) => return Err(self.query_failure(model, e)),
        };
        if !stmt.readonly() || stmt.is_explain() != 0 || stmt.column_count() == 0 {
            return refuse("the statement is not a SELECT");
        }
        if stmt.parameter_count() > 0 {
            return refuse("the statement has parameters, and nothing fills them");
        }
        let mut names = column_names(&stmt).map_err(|e| self.query_failure(model, e))?;
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::new(
                ErrorKind::ModelQueryFailed,
                format!("{}: two columns are named '{}'", origin(model), pair[0]),
            )
            .help("give one of them another name with AS"));
        }
        Ok(stmt)
    }

    /// What an error while running the model means, with the line in its SQL where SQLite tells it.
    fn query_failure(&self, model: &Model, error: rusqlite::Error) -> Error {
        let place = origin(model);
        match (&error, error.sqlite_error_code()) {
            (_, Some(ErrorCode::OperationInterrupted)) if self.budget.is_spent() => Error::new(
                ErrorKind::SourceUnreachable,
                format!("{place}: the query took longer than {:?}", model.timeout),
            )
            .help("make the query faster, or raise the model's timeout")
            .caused_by(error),
            (_, Some(ErrorCode::AuthorizationForStatementDenied)) => Error::new(
                ErrorKind::ModelQueryFailed,
                format!("{place}: the statement does more than read this database"),
            )
            .help("a model is one SELECT statement")
            .caused_by(error),
            (rusqlite::Error::SqlInputError { msg, sql, offset, .. }, _) => {
                let before = usize::try_from(*offset).ok().and_then(|end| sql.as_bytes().get(..end));
                let message = match before {
                    Some(before) => {
                        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
                        format!("{place}: line {line} of the SQL: {msg}")
                    }
                    None => format!("{place}: {msg}"),
                };
                Error::new(ErrorKind::ModelQueryFailed, message)
                    .help("correct the model's SQL")
                    .caused_by(error)
            }
            _ => self.database.failure(Side::Source, error).context(place),
        }
    }
}

fn origin(model: &Model) -> &str {
    match &model.query {
        ModelQuery::Sql { origin, .. } => origin,
        ModelQuery::Table(name) => name,
        ModelQuery::File(file) => &file.path,
    }
}

/// Pragmas that full-text and other modules of SQLite read on their own tables.
const HARMLESS_PRAGMAS: [&str; 3] = ["data_version", "page_size", "table_info"];

fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Function { function_name } if function_name.eq_ignore_ascii_case("load_extension") => {
            Authorization::Deny
        }
        AuthAction::Function { .. } => Authorization::Allow,
        AuthAction::Pragma { pragma_name, pragma_value: None } if HARMLESS_PRAGMAS.contains(&pragma_name) => {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

fn column_names(stmt: &Statement<'_>) -> rusqlite::Result<Vec<String>> {
    contained(|| stmt.column_names().map(str::to_string).collect())
}

/// Asks for names and types of columns. The library panics on one that is not UTF-8, which SQLite
/// itself takes from whoever makes a table [G17].
fn contained<T>(ask: impl FnOnce() -> T) -> rusqlite::Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(ask)).map_err(|_| {
        rusqlite::Error::InvalidColumnName("(the name or type of a column is not UTF-8)".to_string())
    })
}

/// The types of a statement's columns: as declared, and for other columns by what the statement's
/// first rows hold. The statement starts anew when it is next queried.
fn column_types(stmt: &mut Statement<'_>) -> rusqlite::Result<Vec<LogicalType>> {
    let declared: Vec<Option<LogicalType>> = contained(|| {
        stmt.columns().map(|c| super::types::canonical(c.decl_type().unwrap_or_default())).collect()
    })?;
    let open: Vec<usize> = (0..declared.len()).filter(|&i| declared[i].is_none()).collect();
    let mut observed = vec![Observed::default(); declared.len()];
    if !open.is_empty() {
        sample(stmt, &open, &mut observed)?;
    }
    Ok(declared.into_iter().zip(observed).map(|(d, o)| d.unwrap_or_else(|| o.ty())).collect())
}

fn sample(stmt: &mut Statement<'_>, open: &[usize], observed: &mut [Observed]) -> rusqlite::Result<()> {
    let (mut seen, mut bytes) = (0, 0);
    let mut rows = stmt.raw_query();
    while let Some(row) = rows.next()? {
        for &i in open {
            let value = row.get_ref(i)?;
            if let ValueRef::Text(b) | ValueRef::Blob(b) = value {
                bytes += b.len();
            }
            observed[i].see(value);
        }
        seen += 1;
        let enough = seen >= SAMPLE_ROWS && open.iter().all(|&i| observed[i].anything());
        if enough || seen >= SAMPLE_ROWS_MAX || bytes >= SAMPLE_BYTES_MAX {
            break;
        }
    }
    Ok(())
}

/// The wanted columns with their types and places.
fn select(
    names: &[String],
    types: &[LogicalType],
    wanted: Option<&[String]>,
) -> Result<Vec<(String, LogicalType, usize)>> {
    let at = |place: usize| (names[place].clone(), types[place].clone(), place);
    let Some(wanted) = wanted else { return Ok((0..names.len()).map(at).collect()) };
    let find = |name: &String| {
        names.iter().position(|n| n == name).map(at).ok_or_else(|| {
            Error::new(ErrorKind::ModelQueryFailed, format!("the model has no column '{name}'"))
                .help(format!("it has: {}", names.join(", ")))
        })
    };
    wanted.iter().map(find).collect()
}
