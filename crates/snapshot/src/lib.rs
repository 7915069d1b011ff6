//! What is known of each key of a sync, and the questions change detection asks about it.
//!
//! A snapshot is a list of immutable [`Segment`]s, oldest first. Each holds records sorted by
//! the hash of their keys; the newest record of a key wins, and an erasure hides what older
//! segments say. A run collects what it learned in a [`DeltaBuilder`] and adds one segment; when
//! segments become many they are merged. During a run a [`Probe`] answers, from memory, whether
//! a source row is the one that was delivered before.
//!
//! This crate reads and writes bytes that its caller opened. It names no files and syncs none:
//! making a segment durable and visible is the caller's part. `layout` documents the format.

mod arena;
mod counts;
mod cursor;
mod delta;
mod filter;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod key_set;
mod layout;
mod many;
mod merge;
mod page;
mod probe;
mod purge;
mod read_at;
mod record;
mod segment;
mod snapshot;
mod spill;
mod table;
mod wire;
mod writer;

pub use counts::StateCounts;
pub use delta::{DeltaBuilder, Finished};
pub use key_set::KeySet;
pub use layout::FORMAT_VERSION;
pub use probe::{Found, Lookup, Probe, Unseen};
pub use purge::Kept;
pub use read_at::ReadAt;
pub use record::{EntryRef, Record};
pub use segment::Segment;
pub use snapshot::{HashRange, Length, Scan, Snapshot, Values};
pub use writer::{SegmentSummary, SegmentWriter};
