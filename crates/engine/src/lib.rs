//! The engine: runs a sync from reading its source to committing what was delivered.
//!
//! A run has three durable steps. [`plan`] reads the source to its end, compares every row with the
//! snapshot and stores a change set; [`apply`] sends it in chunks, each with durable outcomes;
//! [`finalize`] turns outcomes into the next generation, counters and letters, visible together.
//! A record passes five stages on the way: [`ingest`], [`normalize`], [`transform`],
//! execute ([`apply`]) and [`finalize`]. The engine knows connectors by their traits only.

mod apply;
mod approval;
mod clock;
pub mod coerce;
mod cursor_effect;
pub mod decide;
mod engine;
mod failures;
mod finalize;
#[doc(hidden)]
pub mod fuzzing;
pub mod guards;
mod history;
mod ingest;
pub mod inspect;
mod known;
mod load;
mod normalize;
mod outcomes;
mod partition;
mod payload;
mod plan;
mod plan_file;
mod planner;
mod privacy;
mod purge;
mod read;
mod recovery;
pub mod replay;
pub mod review;
mod rows;
mod stored_bytes;
mod tally;
#[cfg(test)]
mod testing;
mod transform;
pub mod watch;

pub use clock::{Clock, SystemClock};
pub use cursor_effect::{CursorEffect, cursor_effect, cursor_type};
pub use engine::{Endpoints, Engine, NoSuccession, Succession, config_hash, pinned};
pub use history::History;
pub use ingest::key_texts;
pub use purge::PurgeReport;
pub use transform::{MappingProblem, Transform};
