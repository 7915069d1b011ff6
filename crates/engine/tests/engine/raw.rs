//! The same scenarios once more: the source sends rows undecoded, and an empty target is loaded directly.

// What differs is in these constants, which the fixture goes by.
#![allow(clippy::duplicate_mod)]

pub const RAW: bool = true;
pub const LOADS: bool = true;

#[path = "approvals.rs"]
mod approvals;
#[path = "cursors.rs"]
mod cursors;
#[path = "fixture.rs"]
mod fixture;
#[path = "lost_replies.rs"]
mod lost_replies;
#[path = "privacy.rs"]
mod privacy;
#[path = "properties.rs"]
mod properties;
#[path = "row_failures.rs"]
mod row_failures;
#[path = "snapshots.rs"]
mod snapshots;
#[path = "source_faults.rs"]
mod source_faults;
#[path = "tests_and_seeds.rs"]
mod tests_and_seeds;
#[path = "write_modes.rs"]
mod write_modes;
