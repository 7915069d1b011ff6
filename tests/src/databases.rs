//! The databases at both ends of a test, spoken to in plain SQL. All values are read as text, so
//! that one comparison serves every system.

use std::path::{Path, PathBuf};

use tokio::runtime::Runtime;
use tokio_postgres::SimpleQueryMessage;

use crate::postgres::{Database as PostgresDatabase, Server};

/// Rows of values as text; `None` is NULL.
pub type Rows = Vec<Vec<Option<String>>>;

/// A database that a test fills and looks into.
pub trait Database: Send {
    /// Runs statements.
    ///
    /// # Panics
    ///
    /// When one fails.
    fn execute(&self, sql: &str);

    fn rows(&self, sql: &str) -> Rows;

    /// The connection's options, as a YAML flow mapping.
    fn options(&self) -> String;

    /// The one value that a query gives.
    fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql);
        rows.first()
            .and_then(|row| row.first().cloned().flatten())
            .unwrap_or_else(|| panic!("no value: {sql}"))
    }
}

/// A PostgreSQL database, empty at first.
pub struct Postgres {
    runtime: Runtime,
    pub database: PostgresDatabase,
    client: tokio_postgres::Client,
}

impl Default for Postgres {
    fn default() -> Self {
        Self::new()
    }
}

impl Postgres {
    pub fn new() -> Self {
        Self::on(Server::shared())
    }

    /// An empty database of a server of the test's own.
    pub fn on(server: &Server) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (database, client) = runtime.block_on(async {
            let database = server.database().await;
            let client = database.client().await;
            (database, client)
        });
        Self { runtime, database, client }
    }

    /// Takes a new session, for example after the server was restarted.
    pub fn reconnect(&mut self) {
        self.client = self.runtime.block_on(self.database.client());
    }

    /// As [`Database::options`], through another port of this machine.
    pub fn options_at(&self, port: u16) -> String {
        format!("{{ type: postgres, url: \"{}\" }}", self.database.url_at(port))
    }
}

impl Database for Postgres {
    fn execute(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
    }

    fn rows(&self, sql: &str) -> Rows {
        let messages = self.runtime.block_on(self.client.simple_query(sql));
        let messages = messages.unwrap_or_else(|e| panic!("{e:?}\n{sql}"));
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|row| (0..row.len()).map(|i| row.get(i).map(str::to_string)).collect()).collect()
    }

    fn options(&self) -> String {
        self.options_at(self.database.port())
    }
}

/// A SQLite database file.
pub struct Sqlite {
    path: PathBuf,
}

impl Sqlite {
    /// A database file that is there, or comes with the first statement.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// A new database file.
    pub fn create(path: &Path) -> Self {
        let database = Self::at(path);
        database.execute("create table made (at text); drop table made;");
        database
    }

    fn open(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(&self.path).expect("open the database file");
        connection.busy_timeout(std::time::Duration::from_secs(10)).expect("set the wait for locks");
        connection
    }
}

impl Database for Sqlite {
    fn execute(&self, sql: &str) {
        self.open().execute_batch(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
    }

    fn rows(&self, sql: &str) -> Rows {
        use rusqlite::types::ValueRef;
        let connection = self.open();
        let mut statement = connection.prepare(sql).unwrap_or_else(|e| panic!("{e}\n{sql}"));
        let columns = statement.column_count();
        let text = |value: ValueRef| match value {
            ValueRef::Null => None,
            ValueRef::Integer(n) => Some(n.to_string()),
            ValueRef::Real(n) => Some(n.to_string()),
            ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Some(bytes.iter().map(|b| format!("{b:02x}")).collect()),
        };
        let rows = statement.query_map([], |row| (0..columns).map(|i| Ok(text(row.get_ref(i)?))).collect());
        rows.and_then(Iterator::collect).unwrap_or_else(|e| panic!("{e}\n{sql}"))
    }

    fn options(&self) -> String {
        format!("{{ type: sqlite, path: \"{}\" }}", self.path.display())
    }
}
