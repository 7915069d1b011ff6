//! The operations of the REST API, by subject.

pub mod access;
pub mod authoring;
pub mod connections;
pub mod definitions;
pub mod events;
pub mod insights;
pub mod instances;
pub mod letters;
mod made;
pub mod notifications;
pub mod overview;
pub mod purge;
pub mod runs;
pub mod server;
pub mod syncs;
