//! The engine over doubles of both ends and a real state store.

mod cursors;
mod doubles;
mod fixture;
mod lost_replies;
mod row_failures;
mod snapshots;
mod source_faults;
mod write_modes;
