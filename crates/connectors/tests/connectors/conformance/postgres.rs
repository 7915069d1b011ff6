//! The suite for every connector, over PostgreSQL.

mod source {
    syncline_connector::source_conformance!(crate::systems::postgres::Postgres::new().await);
}

mod destination {
    syncline_connector::destination_conformance!(crate::systems::postgres::Postgres::new().await);
}
