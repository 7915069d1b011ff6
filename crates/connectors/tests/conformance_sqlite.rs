//! The suite for every connector, over SQLite.
#![cfg(feature = "sqlite")]

#[path = "systems/sqlite.rs"]
mod system;

mod source {
    syncline_connector::source_conformance!(crate::system::Sqlite::new());
}

mod destination {
    syncline_connector::destination_conformance!(crate::system::Sqlite::new());
}
