//! What can go wrong inside a transaction, before its store makes the product's error of it.

use syncline_core::Error;

/// A failure on its way out of the store: the database's, or one that already says what it is.
#[derive(Debug)]
pub enum Fault {
    Sqlite(rusqlite::Error),
    Postgres(tokio_postgres::Error),
    Known(Error),
}

/// What statements and the functions made of them give back. A store turns the fault into an error
/// once, at its edge.
pub type Outcome<T> = std::result::Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(e: rusqlite::Error) -> Self {
        Fault::Sqlite(e)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(e: tokio_postgres::Error) -> Self {
        Fault::Postgres(e)
    }
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Fault::Known(e)
    }
}
