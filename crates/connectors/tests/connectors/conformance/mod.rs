//! The suite for every connector, over each of them.

#[cfg(feature = "files")]
mod files;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
