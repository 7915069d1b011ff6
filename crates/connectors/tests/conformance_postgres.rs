//! The suite for every connector, over PostgreSQL.
#![cfg(feature = "postgres")]

#[path = "systems/postgres.rs"]
mod system;

mod source {
    syncline_connector::source_conformance!(crate::system::Postgres::new().await);
}

mod destination {
    syncline_connector::destination_conformance!(crate::system::Postgres::new().await);
}
