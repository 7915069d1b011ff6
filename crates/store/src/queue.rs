//! Runs as a queue: what is due, what waits, who executes it, and what follows when it ends.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::sync::Overlap;
use syncline_core::{EndReason, Result, Run, RunId, RunType, SyncId, SyncUid};

use crate::{Store, SyncRecord, SyncState};

/// Most runs of one sync that wait; a further trigger is `queue_full`.
pub const QUEUED_PER_SYNC_MAX: u64 = 16;

/// The queue. Every method is one transaction, as with [`Store`], and has its errors.
///
/// Rules that hold whatever races: at most one active writing run per sync [G23]; at most one
/// scheduled run of type `sync` per sync; a sync's writing runs start in the order in which they
/// were queued; its tests are a line of their own.
#[async_trait]
pub trait Queue: Store {
    /// Puts a new run (status `queued`) at the end of its sync's line, or joins one that waits there.
    ///
    /// It joins a queued run of equal type, read mode, source ids, limits, batch size, reseed and
    /// replay; that run is given back. One that was approved and waits to go on is not joined.
    /// `queue_full` when [`QUEUED_PER_SYNC_MAX`] wait already;
    /// `sync_halted` when the sync is halted and the type is neither test, one_time nor replay.
    /// A run with `run_at` is stored as `scheduled` instead, and joins one that is scheduled for that moment.
    async fn enqueue(&self, run: &Run) -> Result<Enqueued>;

    /// Queued runs that could start now, one for each sync and line (writing runs, tests), the sync
    /// that was claimed from longest ago first. Those whose sync has an active writing run are left
    /// out unless they are tests; so are those of `passed_over`.
    async fn candidates(&self, limit: u64, passed_over: &[RunId]) -> Result<Vec<Candidate>>;

    /// queued → starting, with a new epoch, for a worker that has `claim.uses` room for it.
    ///
    /// `Busy` when another worker has it, its sync has an active writing run, or something it uses
    /// is used by as many active runs as may be.
    async fn claim(&self, id: &RunId, claim: &Claim) -> Result<Claimed>;

    /// Prolongs the leases of what a worker executes and says what it has to know about them.
    /// Leases are counted by the store's clock; an embedded store has none to lose.
    async fn renew(&self, worker: &str, runs: &[(RunId, u64)], ttl: Duration) -> Result<Renewed>;

    /// Active runs whose lease ran out at least `grace` ago; of an embedded store none.
    async fn expired_leases(&self, grace: Duration) -> Result<Vec<Run>>;

    /// Takes over an active run whose lease ran out (`conflict` when it did not): new epoch, worker
    /// and lease, same status, and `takeovers` + 1 where it `counts` against the run. An embedded store's
    /// lock is the proof that whoever had the run is gone.
    async fn take_over(
        &self,
        id: &RunId,
        worker: &str,
        ttl: Duration,
        grace: Duration,
        counts: bool,
    ) -> Result<Run>;

    /// Scheduled runs that are due, the longest due first.
    async fn due(&self, now: Timestamp, limit: u64) -> Result<Vec<Run>>;
    /// When the next scheduled run is due.
    async fn next_due(&self) -> Result<Option<Timestamp>>;

    /// Lets scheduled runs that are due happen, all in one transaction.
    ///
    /// A run of type `sync` by schedule or retry becomes `not_run` (held) when a run of its sync is
    /// held; `not_run` (overlap) when one is active and the policy is `skip`, or when one of the same
    /// type is queued already; else `queued`. A run that a person asked for is queued in any case.
    /// With `not_run`, `next` is scheduled in the same transaction. Runs that are not scheduled any
    /// more are passed over.
    async fn fire(&self, fires: &[Fire], now: Timestamp) -> Result<Vec<Fired>>;

    /// Active syncs without an active, held or queued run of type `sync` that have no scheduled one
    /// either, or more than one.
    async fn unscheduled(&self) -> Result<Vec<SyncRecord>>;

    /// The latest runs by schedule of each of these syncs, at most `limit` of each, newest first; syncs
    /// without any are left out. `bad_usage` for more than [`crate::Page::SIZE_MAX`] syncs or runs in all.
    async fn fires(&self, syncs: &[SyncUid], limit: u64) -> Result<HashMap<SyncUid, Vec<Run>>>;

    /// Makes a run the one scheduled run of type `sync` of each of these syncs, in place of the one there
    /// is; `None` removes it. Nothing is inserted for a sync that is not active, or while an active or
    /// queued run of type `sync` is there (its end schedules the next). All together, or none.
    async fn reschedule(&self, next: &[(SyncUid, Option<Run>)]) -> Result<()>;

    /// Sets the state of a sync. Active: schedules `next`. Inactive or halted: removes its scheduled
    /// runs of type `sync`, retries included, and cancels its queued ones; other types stay and what
    /// runs may finish.
    async fn set_activation(
        &self,
        uid: &SyncUid,
        state: &SyncState,
        next: Option<&Run>,
        now: Timestamp,
    ) -> Result<Activation>;

    /// Asks for the end of a run. A queued one is cancelled, a scheduled one does not run (and
    /// `follow.next` is scheduled); of an active one the wish is noted for its worker, who gets it
    /// with [`Queue::renew`]. A held or ended one is `conflict`.
    async fn request_cancel(&self, id: &RunId, follow: &FollowUp, now: Timestamp) -> Result<Run>;

    /// Held runs that were planned before `planned_before`.
    async fn held_since(&self, planned_before: Timestamp) -> Result<Vec<Run>>;

    /// Replaces the configuration that a run is pinned to; `fenced` unless `run.epoch` is its.
    async fn pin(&self, run: &Run, config: &str) -> Result<()>;
}

#[derive(Clone, Debug, PartialEq)]
pub struct Enqueued {
    pub run: Run,
    /// It is a run that waited already.
    pub joined: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub run_id: RunId,
    pub sync_id: SyncId,
    pub sync_uid: SyncUid,
    pub run_type: RunType,
    pub created_at: Timestamp,
}

/// By whom and with what a run is claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    pub worker: String,
    pub ttl: Duration,
    pub uses: Vec<Use>,
    pub now: Timestamp,
}

/// Something that only so many active runs may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// `connection:<name>` or `object:<connection>/<object>`, for example.
    pub name: String,
    /// `None`: any number; it is counted for others all the same.
    pub runs_max: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    Run(Box<Run>),
    /// What it waits for, for people.
    Busy(String),
}

/// What a worker learns of the runs it executes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Taken over by another, or ended: they must stop without writing anything.
    pub lost: Vec<RunId>,
    /// Somebody wishes that they end.
    pub cancelled: Vec<RunId>,
}

/// A scheduled run that is due.
#[derive(Clone, Debug)]
pub struct Fire {
    pub run_id: RunId,
    pub overlap: Overlap,
    /// What is scheduled when this one does not run.
    pub next: Option<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    pub run_id: RunId,
    /// `None`: it is queued.
    pub not_run: Option<EndReason>,
}

/// What changed with the state of a sync.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activation {
    /// Scheduled runs that are gone.
    pub removed: Vec<RunId>,
    /// Queued runs that were cancelled.
    pub cancelled: Vec<RunId>,
}

/// What the end of a run brings about, in its transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FollowUp {
    /// The next run of the sync: its next fire or, if that comes earlier, a retry; status `scheduled`.
    /// One of type `sync` is inserted only while the sync is active, and in place of a scheduled
    /// `sync` run that would come later, not beside one that comes earlier; and not while a run of
    /// type `sync` of the sync is queued or active. A held one does not hinder it: the next fire
    /// finds it and is seen as `not_run` (held).
    pub next: Option<Run>,
    /// Runs of syncs that run after this one; status `queued`. Inserted while their sync is active:
    /// as `not_run` (held, overlap) by the rules of [`Queue::fire`].
    pub downstream: Vec<(Run, Overlap)>,
    pub notices: Vec<NewNotice>,
}

/// A message to somebody outside, to be delivered after the transaction that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewNotice {
    pub id: String,
    /// The notification channel, by its id.
    pub channel: String,
    /// `failed`, `held`, …: the event it tells of.
    pub event: String,
    pub sync_id: Option<SyncId>,
    pub run_id: Option<RunId>,
    /// What is told, without secrets; the channel makes its own format of it.
    pub payload: serde_json::Value,
    pub created_at: Timestamp,
}
