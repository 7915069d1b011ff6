//! The PostgreSQL destination against a real server.

mod target;

mod constraints;
mod durability;
mod load;
mod modes;
mod objects;
mod values;
