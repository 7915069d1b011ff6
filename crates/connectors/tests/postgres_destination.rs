//! The PostgreSQL destination against a real server.
#![cfg(feature = "postgres")]

#[path = "postgres_destination/target.rs"]
mod target;

#[path = "postgres_destination/constraints.rs"]
mod constraints;
#[path = "postgres_destination/durability.rs"]
mod durability;
#[path = "postgres_destination/modes.rs"]
mod modes;
#[path = "postgres_destination/objects.rs"]
mod objects;
#[path = "postgres_destination/values.rs"]
mod values;
