//! The state of a workspace: what syncs, runs, plans, cursors and dead letters exist.
//!
//! [`Store`] is the contract; one suite of tests runs over every implementation. Large immutable
//! data (plans, outcomes, snapshot segments) lives in files beside it, kept by [`files::FileStore`]
//! and referred to by [`FileRef`] with length and checksum, so that nothing becomes visible by
//! listing a folder.

pub mod backup;
mod catalog;
mod fail_points;
mod files;
mod location;
mod postgres;
mod purge;
mod queue;
mod records;
mod sql;
mod sqlite;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use syncline_core::ids::LetterId;
use syncline_core::run::FileRef;
use syncline_core::{Error, Result, Run, RunId, Stage, SyncId, SyncUid};

pub use catalog::{
    ANSWERS_KEPT, Answer, AuditEntry, AuditFilter, AuditRecord, Begun, Catalog, Delivery, Event, Health,
    Incarnation, LetterGroup, Notice, NoticeState, Object, Period, Recent, SyncFigures, SyncOverview,
    SyncSchedule,
};
pub use files::{CACHE_BYTES, FileStore, FileWriter, Pin};
pub use location::StateLocation;
pub use postgres::{PostgresStore, ServerAddress};
pub use purge::{Purge, Purged};
pub use queue::{
    Activation, Candidate, Claim, Claimed, Enqueued, Fire, Fired, FollowUp, NewNotice, QUEUED_PER_SYNC_MAX,
    Queue, Renewed, Use,
};
pub use records::{
    ChunkRecord, ChunkState, Commit, CursorChange, CursorHistory, DeadLetter, EditedPayload, Forgotten,
    Generation, KeepUntil, LetterFilter, LetterState, Page, PlanRecord, RowErrorFilter, RowErrorGroup,
    RowErrorRecord, RunFilter, SyncRecord, SyncSeen, SyncState,
};
#[doc(hidden)]
pub use sql::fuzzing;
pub use sql::run_data;
pub use sqlite::SqliteStore;

/// The state store. Every method is one transaction, durable when it returns.
///
/// Errors: `state_locked` when another process holds an embedded store, `state_unreachable` when a
/// state server is not there or was lost (the message says so if the call may have taken place all the
/// same), `state_too_new`, `corrupt_state`, `local_io` (disk full included: the transaction left
/// nothing), `conflict`, `fenced`, `not_found`; `bad_usage` for a page above [`Page::SIZE_MAX`];
/// `internal` for a call that breaks this contract, which leaves nothing either.
///
/// A call that its caller gives up half way is still made as a whole or not at all.
#[async_trait]
pub trait Store: Send + Sync {
    // --- syncs ---

    /// Registers syncs at first sight (with `seen.uid` and `seen.seed`), or finds them again by their ids
    /// or, once, by `renamed_from`, as if one after the other. An existing sync keeps its state. All of
    /// them are registered or none; `bad_usage` for more than [`Page::SIZE_MAX`].
    async fn ensure_syncs(&self, seen: &[SyncSeen], now: Timestamp) -> Result<Vec<SyncRecord>>;
    /// The same for one.
    async fn ensure_sync(&self, seen: &SyncSeen, now: Timestamp) -> Result<SyncRecord> {
        let ensured = self.ensure_syncs(std::slice::from_ref(seen), now).await?;
        let one = || Error::internal(format!("sync {} was not registered", seen.id));
        ensured.into_iter().next().ok_or_else(one)
    }
    async fn sync(&self, id: &SyncId) -> Result<Option<SyncRecord>>;
    /// All syncs, by id.
    async fn syncs(&self) -> Result<Vec<SyncRecord>>;
    async fn set_sync_state(&self, uid: &SyncUid, state: &SyncState, now: Timestamp) -> Result<()>;

    // --- runs ---

    /// Stores a new run (scheduled or queued) with the configuration it is pinned to, as JSON.
    /// `conflict` when there is a run with its id.
    async fn insert_run(&self, run: &Run, config: &str) -> Result<()>;
    /// queued → starting. A run that writes gets a new epoch, greater than every earlier one of the
    /// sync; a test keeps the last one.
    ///
    /// A run that writes gets `conflict` while another writing run of its sync is active [G23].
    /// `started_at` is that of the first claim.
    async fn claim_run(&self, id: &RunId, now: Timestamp) -> Result<Run>;
    /// Takes over an active run whose process is gone: same status, new epoch.
    async fn reclaim_run(&self, id: &RunId) -> Result<Run>;
    /// Stores progress or a transition of a run. Status changes go through
    /// [`syncline_core::RunStatus::transition`]; a run whose stored epoch is not `run.epoch` is
    /// `fenced`. Ending a run that sent anything goes through [`Store::commit`] instead. Ending one
    /// here drops the letters it put aside.
    async fn update_run(&self, run: &Run) -> Result<()>;
    /// Stores the end of a run that sent nothing (or that is held, or a scheduled run's that does not
    /// run), as [`Store::update_run`] does, with what follows from it.
    async fn end_run(&self, run: &Run, follow: &FollowUp) -> Result<()>;
    async fn run(&self, id: &RunId) -> Result<Option<Run>>;
    /// The pinned configuration of a run.
    async fn run_config(&self, id: &RunId) -> Result<String>;
    /// Runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: Page) -> Result<(Vec<Run>, u64)>;

    // --- plans and chunks ---

    /// Stores a complete plan with its chunks, all `planned` and numbered from 0; replaces an earlier
    /// plan of the run, but not one of which something was sent (`conflict`). `fenced` unless `epoch`
    /// is the run's [G21].
    async fn save_plan(&self, plan: &PlanRecord, epoch: u64, chunks: &[ChunkRecord]) -> Result<()>;
    async fn plan(&self, run: &RunId) -> Result<Option<PlanRecord>>;
    /// Replaces the change set of an ended run by a masked one, or by none, and marks the plan so.
    async fn scrub_plan(&self, run: &RunId, file: Option<&FileRef>) -> Result<()>;
    async fn chunks(&self, run: &RunId) -> Result<Vec<ChunkRecord>>;
    /// Stores the state of one chunk; `fenced` unless `epoch` is the run's. The states follow
    /// planned → sending → settled; `sending` is durable before the first byte leaves, and may be set
    /// again with a later attempt or with outcomes. Setting a chunk to what it is does nothing.
    async fn set_chunk(&self, run: &RunId, epoch: u64, chunk: &ChunkRecord) -> Result<()>;

    // --- errors and dead letters ---

    /// Adds row errors of a run; they become visible with the run's end. `fenced` unless `epoch` is
    /// the run's, as with all that a worker notes of a run before its end.
    async fn add_row_errors(&self, run: &RunId, epoch: u64, errors: &[RowErrorRecord]) -> Result<()>;
    /// Drops the errors of a run that has not ended; only those of `stage`, if it is given.
    async fn clear_row_errors(&self, run: &RunId, epoch: u64, stage: Option<Stage>) -> Result<()>;
    /// Errors of a run in the order they occurred, and how many there are; none while it is active.
    async fn row_errors(
        &self,
        run: &RunId,
        filter: &RowErrorFilter,
        page: Page,
    ) -> Result<(Vec<RowErrorRecord>, u64)>;
    /// The kinds of a run's errors, the most frequent first, at most [`Page::SIZE_MAX`].
    async fn row_error_groups(&self, run: &RunId) -> Result<Vec<RowErrorGroup>>;
    /// Puts letters aside, hidden, until the run's commit exposes them. A letter replaces one of the
    /// same key; those put aside before a takeover stay, because its run goes on with the same plan.
    async fn stage_letters(&self, run: &RunId, epoch: u64, letters: &[DeadLetter]) -> Result<()>;
    /// Drops the letters that a run put aside. A run that plans again does this first.
    async fn clear_staged_letters(&self, run: &RunId, epoch: u64) -> Result<()>;
    /// Letters, latest seen first.
    async fn letters(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<DeadLetter>, u64)>;
    async fn letter(&self, id: &str) -> Result<Option<DeadLetter>>;
    /// The latest letter of each of these rows of a sync that has one.
    async fn letters_of_rows(&self, sync: &SyncUid, rows: &[String]) -> Result<BTreeMap<String, LetterId>>;
    /// Moves a letter along [`LetterState::transition`]; an illegal step is `conflict`.
    async fn set_letter_state(&self, id: &str, state: LetterState) -> Result<DeadLetter>;
    /// Moves those of these letters that are in one of the states `from`, all together; how many they
    /// were. Others, and unknown ones, are left as they are. `because`: why, for [`LetterState::Ignored`].
    async fn move_letters(
        &self,
        ids: &[LetterId],
        from: &[LetterState],
        to: LetterState,
        because: Option<&str>,
    ) -> Result<u64>;
    /// The letters with these ids, in the order given; unknown ones are left out.
    async fn letters_by_id(&self, ids: &[LetterId]) -> Result<Vec<DeadLetter>>;
    /// Stores the payload that a person wants to be sent, or takes it back; `conflict` unless the
    /// letter is open or ignored.
    async fn edit_letter(&self, id: &str, edited: Option<&EditedPayload>) -> Result<DeadLetter>;
    /// Marks the letters of an active replay that are open or ignored as `replaying` by it; `fenced`
    /// unless `run.epoch` is the stored one. With the end of the run, however it ends, those that are
    /// neither resolved nor failed again are open as before.
    async fn begin_replay(&self, run: &Run) -> Result<()>;

    // --- commit ---

    /// Ends a run: the one transaction that makes everything it did visible together.
    ///
    /// Checks that the run's stored epoch is `commit.run.epoch` and the sync's generation is
    /// `commit.run.base_generation` (else `fenced`); stores the generation, cursor, run, sync state;
    /// exposes staged letters (one live letter per key: a known one keeps its id and first_seen, gets
    /// all else of the new one with at least one attempt more, and is open; it stays ignored, and keeps
    /// what a person made of its payload, where the source row that failed is the same); resolves letters of
    /// `commit.resolved` whose keys did not fail in this run, ignored ones too.
    ///
    /// A run cannot become `completed`, and no cursor moves on, while one of its chunks is not settled
    /// [G2, G3]. A run without base generation cannot make one. Of a test only the record is stored,
    /// whatever generation the sync has reached. Generations that no unfinished run started from are
    /// forgotten, except the newest two.
    async fn commit(&self, commit: &Commit) -> Result<()>;

    // --- snapshots and cursors ---

    /// The newest generation of a sync.
    async fn generation(&self, uid: &SyncUid) -> Result<Option<Generation>>;
    /// Sets a cursor by hand (`None` clears it), keeping history; `conflict` while a run of the sync
    /// is active.
    async fn set_cursor(&self, uid: &SyncUid, change: &CursorChange, now: Timestamp) -> Result<()>;
    /// Cursor changes, newest first. Setting a cursor to what it is is no change.
    async fn cursor_history(&self, uid: &SyncUid, page: Page) -> Result<(Vec<CursorHistory>, u64)>;

    /// Drops ended runs with all that belongs to them, and letters, that are past keeping. Snapshots
    /// and cursors stay.
    async fn forget(&self, keep: &KeepUntil) -> Result<Forgotten>;
    /// Drops events, settled notices and answers to requests from before `before`.
    async fn forget_traces(&self, before: Timestamp) -> Result<u64>;
    /// Paths of every file that any generation, plan or chunk names, sorted.
    async fn live_files(&self) -> Result<Vec<String>>;
    /// Paths of the files that the generations, plans and chunks of a sync name, sorted.
    async fn files_of_sync(&self, uid: &SyncUid) -> Result<Vec<String>>;
    /// Removes what is to go of some records of a sync, or only counts it (`removes`). `None`, and
    /// nothing happened: the sync has other files than were looked at. `conflict` while a run of the sync
    /// is active, or waits and needs one of the records.
    async fn purge(&self, purge: &Purge, removes: bool) -> Result<Option<Purged>>;
    /// Overwrites what rows that are gone have left in the database's own files. A server does that by
    /// itself, as it vacuums.
    async fn wipe_freed(&self) -> Result<()>;
    /// The store's identity: new with every restored backup.
    async fn incarnation(&self) -> Result<Incarnation>;
}
