//! The engine over doubles of both ends and a real state store.

mod approvals;
mod cursors;
mod doubles;
mod fixture;
mod lost_replies;
mod privacy;
mod properties;
mod recovery;
mod row_failures;
mod snapshots;
mod source_faults;
mod stopping;
mod tests_and_seeds;
mod write_modes;
