//! One transaction on one connection, for statements that wait for their answers on a thread that may
//! block.

use std::cell::Cell;

use deadpool_postgres::Object;
use futures::future::try_join_all;
use syncline_core::Error;
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::values::{numbered, read_row};
use crate::sql::{Dialect, Outcome, Row, Sql, Value};

/// Prepared statements kept per connection. The store has fewer texts than this; lists with rare
/// combinations of filters make a few more.
const STATEMENTS_CACHED_MAX: usize = 512;

/// Most statements that are under way at once on a connection.
const PIPELINED_MAX: usize = 256;

/// Why a transaction did not take place, or may not have.
pub enum Failure {
    /// It was rolled back.
    Before(crate::sql::Fault),
    /// Its commit failed: the error says whether it may have been stored all the same.
    Committing(tokio_postgres::Error),
}

/// A connection taken from the pool. One that is dropped in the middle of a transaction is closed.
pub struct Connection {
    client: Option<Object>,
    runtime: Handle,
    in_transaction: bool,
    /// The server refused a statement of the transaction: it takes no more, and a commit would be a
    /// rollback that says nothing.
    refused: Cell<bool>,
}

impl Connection {
    pub fn new(client: Object, runtime: Handle) -> Self {
        Self { client: Some(client), runtime, in_transaction: false, refused: Cell::new(false) }
    }

    /// Runs `work` between `begin` and a commit; an error of it rolls everything back.
    pub fn transact<T>(mut self, begin: &str, work: &dyn Fn(&dyn Sql) -> Outcome<T>) -> Result<T, Failure> {
        self.begin(begin).map_err(Failure::Before)?;
        match work(&self) {
            Ok(_) if self.refused.get() => {
                let defect = Error::internal("a statement was refused and nobody took note");
                Err(Failure::Before(defect.into()))
            }
            Ok(value) => {
                self.run("COMMIT").map_err(Failure::Committing)?;
                self.in_transaction = false;
                Ok(value)
            }
            Err(fault) => {
                // When even that fails, closing the connection does it.
                self.in_transaction = self.run("ROLLBACK").is_err();
                Err(Failure::Before(fault))
            }
        }
    }

    pub fn begin(&mut self, begin: &str) -> Outcome<()> {
        self.in_transaction = true;
        Ok(self.run(begin)?)
    }

    pub fn commit(&mut self) -> Outcome<()> {
        self.run("COMMIT")?;
        self.in_transaction = false;
        Ok(())
    }

    /// Commands that take no values and give no rows.
    pub fn run(&self, commands: &str) -> Result<(), tokio_postgres::Error> {
        self.runtime.block_on(self.client().batch_execute(commands))
    }

    fn client(&self) -> &Object {
        self.client.as_ref().expect("it is there until the connection is dropped")
    }

    /// Waits for the answer to a statement.
    fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, tokio_postgres::Error> {
        let answer = self.runtime.block_on(asked);
        self.refused.set(self.refused.get() || answer.is_err());
        answer
    }

    async fn prepared(&self, statement: &str) -> Result<tokio_postgres::Statement, tokio_postgres::Error> {
        let client = self.client();
        if client.statement_cache.size() >= STATEMENTS_CACHED_MAX {
            client.statement_cache.clear();
        }
        client.prepare_cached(&numbered(statement)).await
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.in_transaction {
            // Back in the pool it would keep its locks.
            self.client.take().map(Object::take);
        }
    }
}

impl Sql for Connection {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn execute(&self, statement: &str, values: &[Value]) -> Outcome<u64> {
        let changed = self.answer(async {
            let statement = self.prepared(statement).await?;
            self.client().execute(&statement, &parameters(values)).await
        })?;
        Ok(changed)
    }

    fn execute_each(&self, statement: &str, rows: &[Vec<Value>]) -> Outcome<()> {
        self.answer(async {
            let statement = self.prepared(statement).await?;
            for rows in rows.chunks(PIPELINED_MAX) {
                let answers = rows.iter().map(|values| async {
                    let values = parameters(values);
                    self.client().execute(&statement, &values).await
                });
                try_join_all(answers).await?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn query(&self, statement: &str, values: &[Value]) -> Outcome<Vec<Row>> {
        let rows = self.answer(async {
            let statement = self.prepared(statement).await?;
            self.client().query(&statement, &parameters(values)).await
        })?;
        rows.iter().map(read_row).collect()
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as _).collect()
}
