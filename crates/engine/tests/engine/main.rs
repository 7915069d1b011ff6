//! The engine over doubles of both ends and a real state store.

// Tests wait for a whole run at once.
#![allow(clippy::large_futures)]

/// How the fixtures' sources and targets are; see [`raw`].
pub const RAW: bool = false;
pub const LOADS: bool = false;

mod approvals;
mod backups;
mod cursors;
mod direct_load;
mod doubles;
mod fixture;
mod inspecting;
mod lost_replies;
mod privacy;
mod properties;
mod raw;
mod recovery;
mod replays;
mod row_failures;
mod snapshots;
mod source_faults;
mod spill;
mod stopping;
mod tests_and_seeds;
mod write_modes;
