//! The PostgreSQL source against a real server.

mod fixture;

mod connecting;
mod ends;
mod raw;
mod reading;
mod sql;
mod values;
