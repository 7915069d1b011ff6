//! What the scheduler needs from those who know syncs and can run them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use syncline_core::{Result, Run, RunType, SyncId};
use syncline_store::{FollowUp, SyncState, Use};

/// The syncs that are defined here and now. What it answers may change at any time.
pub trait Definitions: Send + Sync {
    fn sync(&self, id: &SyncId) -> Option<Arc<syncline_core::Sync>>;

    /// Syncs whose schedule is `after: id`.
    fn downstream(&self, id: &SyncId) -> Vec<Arc<syncline_core::Sync>>;
}

/// Decides what the end of a run brings about in its own transaction.
/// [`crate::Successor`] knows of fires, retries and downstream runs; whoever tells people adds notices to it.
#[async_trait]
pub trait FollowUps: Send + Sync {
    /// `run` is as it will be stored; `state` is the sync's new state, if the end changes it.
    async fn follow_up(&self, run: &Run, state: Option<&SyncState>) -> Result<FollowUp>;
}

/// Runs syncs, for a [`crate::Worker`].
pub trait Executor: Send + Sync {
    /// What a run of a sync uses; `None`: this process cannot run it, because it does not know the sync or
    /// one of its secrets. It is asked before every claim and has to be quick. A test writes nothing: it
    /// does not use what only one run may write to.
    fn resolve(&self, sync: &SyncId, run_type: RunType) -> Option<Vec<Use>>;

    /// Begins what is to be done with a run that belongs to this worker: it is `starting` or `running` and
    /// has an epoch.
    ///
    /// The work carries the run to a stored end (ended or held), with the follow-up of that end in the
    /// same transaction, and gives the run as it was stored. An `Err` means that there is none: the run was
    /// lost to another server (`fenced`), or the state could not be kept. The run is then still active in
    /// the store, and a worker recovers it. The work is driven by a task of its own; it may be dropped when
    /// the process ends, and must leave what a kill would leave.
    fn begin(&self, run: Run, task: Task) -> Execution;
}

/// What is to be done with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// It was just claimed: pin its configuration, and run it.
    Execute,
    /// Whoever had it is gone: settle what was in flight, then go on or end it as interrupted.
    Recover,
    /// As [`Task::Recover`], but it is not gone on with, and its sync is halted: the run was taken over
    /// too often.
    GiveUp,
}

/// A run that is being worked on.
pub struct Execution {
    pub control: Box<dyn Control>,
    pub work: Pin<Box<dyn Future<Output = Result<Run>> + Send>>,
}

/// What reaches a run from outside. Calls return at once, and may come when the work is done already.
pub trait Control: Send + Sync {
    /// Asks the work to end. A later [`Stop::Lost`] overrides an earlier reason.
    fn stop(&self, why: Stop);

    /// After this moment nothing may be sent, because it could still be under way when another server takes
    /// the run over [G21]. It is put off again and again while the lease is kept, and not called where there
    /// are no leases.
    fn hold_until(&self, until: Instant);
}

/// Why work on a run is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Somebody wishes it: the run ends as cancelled at its next safe point, with all that was acknowledged.
    Cancelled,
    /// Another server has the run: nothing more may be written, here or at the target.
    Lost,
    /// This process ends: the work ends as soon as nothing is in flight, or else leaves the run as a kill
    /// would. It is resumed later.
    Shutdown,
}
