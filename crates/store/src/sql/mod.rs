//! What the store's statements run on: an open transaction of SQLite or PostgreSQL.
//!
//! The logic of the store is written once, over [`Sql`]. A statement is SQL that both databases
//! understand, with `?` for its parameters; where they differ, [`Sql::dialect`] tells which it is.
//! Integers are 64 bits wide and signed, truth values are the integers 0 and 1.

mod audit;
pub(crate) mod blob;
mod catalog_driver;
mod claims;
mod commit;
mod conditions;
mod cursors;
mod driver;
mod events;
#[cfg(test)]
mod explained;
mod fault;
mod figures;
mod follow;
pub mod fuzzing;
mod generations;
pub(crate) mod incarnation;
mod letters;
mod notices;
mod objects;
mod overviews;
mod plans;
mod progress;
pub(crate) mod purge;
mod queue;
mod queue_driver;
pub(crate) mod registration;
mod replays;
mod requests;
mod retention;
mod row_errors;
mod runs;
mod sync_figures;
mod syncs;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use syncline_core::ids::DEFAULT_WORKSPACE;
use syncline_core::{Error, ErrorKind};

pub(crate) use driver::Backend;
pub use events::run_data;
pub(crate) use fault::{Fault, Outcome};

/// The workspace of every row: a store has one.
pub(crate) const WORKSPACE: &str = DEFAULT_WORKSPACE;

/// What goes into a statement and comes out of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// `table`, read by this index where the database does not choose well by itself: SQLite, knowing
    /// no figures, may take one under which it would have to sort a million rows.
    fn by_index(self, table: &str, index: &str) -> String {
        match self {
            Dialect::Sqlite => format!("{table} INDEXED BY {index}"),
            Dialect::Postgres => table.into(),
        }
    }

    /// The database's clock, as microseconds since 1970-01-01 UTC.
    fn now(self) -> &'static str {
        match self {
            Dialect::Sqlite => "CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)",
            Dialect::Postgres => "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    /// After a query: its rows stay as they are until the transaction ends, and those that another
    /// transaction has are left out. An embedded store has one writer anyway.
    fn for_update_skipping_locked(self) -> &'static str {
        match self {
            Dialect::Sqlite => "",
            Dialect::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }
}

/// An open transaction. Its methods block.
pub trait Sql {
    fn dialect(&self) -> Dialect;
    /// Runs a statement; how many rows it changed.
    fn execute(&self, statement: &str, values: &[Value]) -> Outcome<u64>;
    /// Runs a statement for each of many rows. A server is not waited for in between.
    fn execute_each(&self, statement: &str, rows: &[Vec<Value>]) -> Outcome<()> {
        rows.iter().try_for_each(|values| self.execute(statement, values).map(drop))
    }
    /// All rows of a query, or of a statement that returns some.
    fn query(&self, statement: &str, values: &[Value]) -> Outcome<Vec<Row>>;
    /// Its first row.
    fn query_first(&self, statement: &str, values: &[Value]) -> Outcome<Option<Row>> {
        Ok(self.query(statement, values)?.into_iter().next())
    }
    /// The first column of all rows, as text.
    fn texts(&self, statement: &str, values: &[Value]) -> Outcome<Vec<String>> {
        self.query(statement, values)?.iter().map(|row| Ok(row.text(0)?.to_string())).collect()
    }
    /// The first column of the first row, as text.
    fn first_text(&self, statement: &str, values: &[Value]) -> Outcome<Option<String>> {
        self.query_first(statement, values)?.map(|row| Ok(row.text(0)?.to_string())).transpose()
    }
}

/// The values of a statement: `values![a, b]` for anything that [`Value`] is made from.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// One row of an answer. A column of another type than asked for is `corrupt_state`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    pub fn text(&self, column: usize) -> Outcome<&str> {
        self.text_or_null(column)?.ok_or_else(|| unreadable(column).into())
    }

    pub fn text_or_null(&self, column: usize) -> Outcome<Option<&str>> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column).into()),
        }
    }

    pub fn integer(&self, column: usize) -> Outcome<i64> {
        self.integer_or_null(column)?.ok_or_else(|| unreadable(column).into())
    }

    pub fn integer_or_null(&self, column: usize) -> Outcome<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column).into()),
        }
    }

    /// A count, a number of a generation, an epoch: never negative.
    pub fn count(&self, column: usize) -> Outcome<u64> {
        u64::try_from(self.integer(column)?).map_err(|_| unreadable(column).into())
    }

    pub fn real_or_null(&self, column: usize) -> Outcome<Option<f64>> {
        match self.0.get(column) {
            Some(Value::Real(number)) => Ok(Some(*number)),
            Some(Value::Integer(number)) => Ok(Some(*number as f64)),
            Some(Value::Null) => Ok(None),
            _ => Err(unreadable(column).into()),
        }
    }

    pub fn blob(&self, column: usize) -> Outcome<&[u8]> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(unreadable(column).into()),
        }
    }
}

/// A stored moment; `what` names what it belongs to.
fn time(micros: i64, what: &str) -> Outcome<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| damaged(what).into())
}

/// Stored JSON without a version tag: text that is not ours to understand.
fn json<T: DeserializeOwned>(text: &str, what: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|e| damaged(what).caused_by(e).into())
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("{what} in the state store cannot be read"))
        .help("restore the state from a backup")
}

fn unreadable(column: usize) -> Error {
    Error::new(ErrorKind::Corrupt, format!("column {column} of a row in the state store cannot be read"))
        .help("restore the state from a backup")
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

/// Counts and epochs; none comes near the limit.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Value::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Integer(truth.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::Text(text.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Value::Blob(bytes.into())
    }
}

impl From<&Vec<u8>> for Value {
    fn from(bytes: &Vec<u8>) -> Self {
        Value::Blob(bytes.clone())
    }
}

/// Microseconds since 1970-01-01 UTC.
impl From<jiff::Timestamp> for Value {
    fn from(time: jiff::Timestamp) -> Self {
        Value::Integer(time.as_microsecond())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl Sql for rusqlite::Connection {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn execute(&self, statement: &str, values: &[Value]) -> Outcome<u64> {
        let changed = self.prepare_cached(statement)?.execute(rusqlite::params_from_iter(values))?;
        Ok(changed as u64)
    }

    fn query(&self, statement: &str, values: &[Value]) -> Outcome<Vec<Row>> {
        let mut statement = self.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let row = (0..columns).map(|n| row.get_ref(n)?.try_into()).collect::<Outcome<_>>()?;
            found.push(Row(row));
        }
        Ok(found)
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Real(number) => ValueRef::Real(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl TryFrom<rusqlite::types::ValueRef<'_>> for Value {
    type Error = Fault;

    fn try_from(value: rusqlite::types::ValueRef<'_>) -> Outcome<Self> {
        use rusqlite::types::ValueRef;
        Ok(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(number) => Value::Real(number),
            ValueRef::Text(text) => Value::Text(
                std::str::from_utf8(text).map_err(|e| rusqlite::Error::Utf8Error(0, e))?.to_string(),
            ),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    }
}
