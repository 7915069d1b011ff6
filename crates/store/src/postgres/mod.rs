//! The store that several servers share: a schema of a PostgreSQL database.
//!
//! A write is a serializable transaction: what it reads stays true until it commits, as if writes
//! came one after the other. One that met another is rolled back and made again; after a few times it
//! is made while no other is under way, so that it comes to an end however many compete.

mod address;
mod errors;
mod migrations;
mod retry;
mod tls;
mod transaction;
mod values;

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use syncline_core::{Error, Result};
use tokio::runtime::Handle;
use tokio_postgres::NoTls;

use crate::sql::{Backend, Outcome, Sql};
pub use address::ServerAddress;
use retry::{Next, Retries};
use transaction::Failure;

/// Most connections of one store.
const CONNECTIONS_MAX: usize = 8;

/// A [`crate::Store`] in a PostgreSQL database, 12 or newer.
///
/// Its connections belong to the tokio runtime that it was opened in.
pub struct PostgresStore {
    pool: Pool,
    /// For messages, without credentials.
    identity: String,
    read_only: bool,
}

impl PostgresStore {
    /// Opens the state at a server for reading and writing, creating its schema and tables where there
    /// are none.
    pub async fn open(address: &ServerAddress) -> Result<Self> {
        let store = Self::connect(address, false)?;
        let schema = address.schema().to_string();
        store
            .on_connection(move |client| migrations::migrate(client, &schema, migrations::MIGRATIONS))
            .await?;
        Ok(store)
    }

    /// Opens the state at a server to look at it. `not_found` where there is none yet. Methods that
    /// would change something fail.
    pub async fn open_read_only(address: &ServerAddress) -> Result<Self> {
        let store = Self::connect(address, true)?;
        let schema = address.schema().to_string();
        store.on_connection(move |client| migrations::require_current(client, &schema)).await?;
        Ok(store)
    }

    fn connect(address: &ServerAddress, read_only: bool) -> Result<Self> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match address.tls()? {
            Some(tls) => Manager::from_config(address.config().clone(), tls, config),
            None => Manager::from_config(address.config().clone(), NoTls, config),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(address.connect_timeout()))
            .build()
            .map_err(|e| Error::internal("the pool of connections cannot be made").caused_by(e))?;
        Ok(Self { pool, identity: address.identity(), read_only })
    }

    async fn client(&self) -> Result<Object> {
        self.pool.get().await.map_err(|e| match e {
            PoolError::Backend(e) => errors::refused(e, &self.identity),
            PoolError::Timeout(_) => errors::silent(&self.identity),
            other => Error::internal("the pool of connections is unusable").caused_by(other),
        })
    }

    /// Work on a connection that manages its transaction.
    async fn on_connection<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut transaction::Connection) -> Outcome<T> + Send + 'static,
    {
        let mut connection = transaction::Connection::new(self.client().await?, Handle::current());
        blocking(move || work(&mut connection)).await?.map_err(|fault| errors::error(fault, &self.identity))
    }

    /// Makes a transaction, again and again while that may help.
    ///
    /// Each attempt is made as a whole or not at all, also when the caller goes away meanwhile.
    async fn transact<T, W>(&self, mut retries: Retries, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    {
        let mut work = work;
        loop {
            let connection = transaction::Connection::new(self.client().await?, Handle::current());
            let begin = retries.begin();
            let (again, ended) = blocking(move || {
                let ended = connection.transact(begin, &work);
                (work, ended)
            })
            .await?;
            work = again;
            match ended {
                Ok(value) => return Ok(value),
                Err(Failure::Committing(e)) if !errors::met_another(&e) => {
                    return Err(errors::committing(e, &self.identity));
                }
                Err(failure) => match retries.after(failure) {
                    Next::Again(pause) => pause_for(pause).await,
                    Next::Fail(fault) => return Err(errors::error(fault, &self.identity)),
                },
            }
        }
    }
}

async fn pause_for(pause: Duration) {
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Ok(value),
        Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
        Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
    }
}

impl Backend for PostgresStore {
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        self.transact(Retries::of_reading(), work).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&dyn Sql) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        if self.read_only {
            return Err(Error::internal(format!("{} was opened to read only", self.identity)));
        }
        self.transact(Retries::of_writing(), work).await
    }
}

#[cfg(test)]
mod tests;
