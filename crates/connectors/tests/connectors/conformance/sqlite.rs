//! The suite for every connector, over SQLite.

mod source {
    syncline_connector::source_conformance!(crate::systems::sqlite::Sqlite::new());
}

mod destination {
    syncline_connector::destination_conformance!(crate::systems::sqlite::Sqlite::new());
}
