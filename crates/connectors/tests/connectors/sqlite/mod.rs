//! The SQLite connector against real database files.

mod fixture;

mod connecting;
mod constraints;
mod modes;
mod objects;
mod round_trips;
mod source;
mod sql;
mod transactions;
