//! The connectors through their public traits, over real files, databases and servers. Tests that
//! need PostgreSQL share one server; those that change or stop it start their own.

mod conformance;
mod systems;

#[cfg(feature = "files")]
mod files;
#[cfg(all(feature = "files", feature = "postgres", feature = "sqlite"))]
mod pairs;
#[cfg(feature = "postgres")]
mod postgres_destination;
#[cfg(feature = "postgres")]
mod postgres_source;
#[cfg(feature = "sqlite")]
mod sqlite;
