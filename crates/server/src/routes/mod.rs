//! The operations of the REST API, by subject.

pub mod access;
pub mod events;
pub mod insights;
pub mod runs;
pub mod syncs;
