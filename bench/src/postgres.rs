//! The server that both sides of every comparison work on: a source and a target database.

use std::process::{Command, Stdio};

use syncline_tests::postgres::{Durability, Server};

use crate::customers;

/// Equal for everybody. A server with its installation's defaults would spend a load in checkpoints,
/// and one that vacuums by itself would do so in the middle of a measurement.
const SETTINGS: [(&str, &str); 4] = [
    ("shared_buffers", "1GB"),
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "30min"),
    ("autovacuum", "off"),
];

/// Sum over all rows of a hash of the row's text, and their number: equal tables give equal texts.
const CHECKSUM: &str = "count(*) || ':' || coalesce(sum(hashtextextended(row(";

/// Who everybody connects as, and the password: one that needs no escaping in any program's settings.
pub const ROLE: &str = "bench";

pub struct Databases {
    server: Server,
    pub source: String,
    pub target: String,
}

impl Databases {
    /// A server of its own, durable as in production unless only instructions are counted.
    pub fn start(durability: Durability) -> Self {
        let server = Server::start_with(durability, &SETTINGS);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let (source, target) = runtime.block_on(async { (server.database().await, server.database().await) });
        execute(source.url(), &format!("create role {ROLE} superuser login password '{ROLE}'"));
        let url = |name: &str| format!("postgres://{ROLE}:{ROLE}@127.0.0.1:{}/{name}", server.port());
        Self { source: url(source.name()), target: url(target.name()), server }
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Process id of the server's first process.
    pub fn process(&self) -> u32 {
        let file = value(&self.source, "select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
        file.parse().expect("the file begins with a number")
    }

    /// Makes the source table anew, with `rows` rows and an index on the cursor column.
    pub fn fill(&self, rows: u64) {
        execute(&self.source, "drop table if exists customers");
        execute(&self.source, &format!("create table customers ({})", customers::COLUMNS));
        execute(&self.source, &customers::insert(1, rows, "true"));
        execute(&self.source, "create index on customers (updated_at)");
        self.settle_source();
    }

    /// Makes the target table anew, empty, with its primary key.
    pub fn clear_target(&self) {
        execute(&self.target, "drop schema public cascade");
        execute(&self.target, "create schema public");
        execute(&self.target, &format!("create table customers ({})", customers::COLUMNS));
    }

    /// Changes the source, and leaves it as a table that lives for long is: vacuumed.
    pub fn change_source(&self, sql: &str) {
        execute(&self.source, sql);
        self.settle_source();
    }

    fn settle_source(&self) {
        execute(&self.source, "vacuum analyze customers");
    }

    /// Writes out what earlier steps left in memory, so that no step pays for another.
    pub fn checkpoint(&self) {
        execute(&self.source, "checkpoint");
    }

    /// # Panics
    ///
    /// When the target does not hold exactly the rows of the source.
    pub fn assert_equal(&self, who: &str) {
        let sql = format!("select {CHECKSUM}{})::text, 0)), 0) from customers", customers::NAMES);
        let (source, target) = (value(&self.source, &sql), value(&self.target, &sql));
        assert_eq!(source, target, "{who}: the target does not hold the source's rows (rows:checksum)");
    }

    /// `COPY` of the source table into the target table, by two `psql` and a pipe.
    pub fn copy(&self) -> Command {
        self.shell(
            "psql -qX -d \"$SOURCE\" -c 'copy customers to stdout (format binary)' \
             | psql -qX -d \"$TARGET\" -c 'copy customers from stdin (format binary)'",
        )
    }

    /// `COPY` of the source table to nowhere.
    pub fn read(&self) -> Command {
        self.shell("psql -qX -d \"$SOURCE\" -c 'copy customers to stdout (format binary)' > /dev/null")
    }

    /// A script that finds the addresses of the databases in `$SOURCE` and `$TARGET`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-o", "pipefail", "-c", script]);
        command.env("SOURCE", &self.source).env("TARGET", &self.target);
        command
    }
}

/// Runs one statement.
///
/// # Panics
///
/// When it fails.
pub fn execute(url: &str, sql: &str) {
    value(url, sql);
}

/// What a query gives, as text.
pub fn value(url: &str, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["-qXAt", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql])
        .stdin(Stdio::null())
        .output()
        .expect("psql runs (Debian's package postgresql-client)");
    assert!(output.status.success(), "{sql}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}
