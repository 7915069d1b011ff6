//! The vocabulary of Syncline: ids, types, values, syncs, runs, changes, outcomes and errors.
//!
//! This crate holds values and pure functions only. It does no I/O, starts no task and reads no
//! clock; every other crate depends on it and it depends on none of them.

pub mod canon;
pub mod change;
pub mod counters;
pub mod cron;
pub mod cursor;
pub mod error;
mod explanation;
#[doc(hidden)]
pub mod fuzzing;
pub mod ids;
pub mod json_text;
pub mod row_encoder;
pub mod run;
pub mod snapshot_entry;
pub mod sync;
pub mod text;
pub mod types;

pub use canon::{Hash128, Key};
pub use change::{Op, RowError, RowResult, SkipReason, Stage};
pub use counters::{Counters, Durations};
pub use cursor::CursorValue;
pub use error::{Error, ErrorKind, Result};
pub use ids::{LetterId, RunId, SyncId, SyncUid};
pub use row_encoder::RowEncoder;
pub use run::{EndReason, Phase, ReadMode, Replay, ReplayMode, Run, RunStatus, RunType, Trigger};
pub use snapshot_entry::{Entry, EntryState, Origin, RemovalAction};
pub use sync::Sync;
pub use types::LogicalType;
