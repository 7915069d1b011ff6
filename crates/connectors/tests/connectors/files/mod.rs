//! The `files` connector through its public traits, on real folders.

mod fixture;

mod commits;
mod damage;
mod modes;
mod round_trips;
mod source;
mod targets;
