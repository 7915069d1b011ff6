//! What a server keeps beside syncs and runs: objects made by its API, audit log, events, notices,
//! answers to repeated requests, and figures over many runs.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use syncline_core::{Result, Run, RunId, RunStatus, SyncId, SyncUid};

use crate::{LetterFilter, NewNotice, Page, Queue, SyncRecord};

/// Longest that the answer to a request with an `Idempotency-Key` is kept.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// Everything a server keeps. Every method is one transaction, as with [`crate::Store`], and has its
/// errors.
#[async_trait]
pub trait Catalog: Queue {
    // --- objects ---

    /// Stores an object. `expected`: the revision it must have (0: it must be new), else `conflict`;
    /// `None`: whatever there is. Gives the new revision.
    async fn put_object(&self, object: &Object, expected: Option<u64>, now: Timestamp) -> Result<u64>;
    async fn object(&self, kind: &str, id: &str) -> Result<Option<Object>>;
    /// All objects of a kind, by id.
    async fn objects(&self, kind: &str) -> Result<Vec<Object>>;
    /// Whether there was one.
    async fn remove_object(&self, kind: &str, id: &str) -> Result<bool>;

    // --- audit ---

    /// Appends to the audit log. Each record holds the hash of the one before it.
    async fn audit(&self, entry: &AuditEntry) -> Result<AuditRecord>;
    /// Records, newest first.
    async fn audit_log(&self, filter: &AuditFilter, page: Page) -> Result<(Vec<AuditRecord>, u64)>;
    /// Checks the chain from its start; the sequence number of the first record that does not fit.
    async fn verify_audit(&self) -> Result<Option<u64>>;

    // --- repeated requests ---

    /// Notes that a request with this key began, unless one did before. `fingerprint` tells requests
    /// apart (token, method, path, body). One that is under way for five minutes was a dead server's, and
    /// may be carried out again.
    async fn begin_request(&self, key: &str, fingerprint: &str, now: Timestamp) -> Result<Begun>;
    /// Keeps its answer; `None`: it may be tried again.
    async fn finish_request(&self, key: &str, answer: Option<&Answer>) -> Result<()>;

    // --- events ---

    /// Events after `sequence`, oldest first. Changes of a run's status or phase, of a letter's and of
    /// a sync's state are appended in their own transactions.
    async fn events(&self, after: u64, run: Option<&RunId>, limit: u64) -> Result<Vec<Event>>;
    /// Sequence numbers of the oldest event that is kept and of the newest; zeros without any.
    async fn event_bounds(&self) -> Result<(u64, u64)>;
    /// Appends an event of another kind.
    async fn add_event(&self, kind: &str, data: &Value, now: Timestamp) -> Result<()>;
    /// Live figures of an active run, for other processes; not durable.
    async fn save_progress(&self, run: &RunId, progress: &Value) -> Result<()>;
    async fn progress(&self, run: &RunId) -> Result<Option<Value>>;

    // --- notices ---

    /// Notices that are due, at most `limit`. They are not due again for `lease`.
    async fn due_notices(&self, now: Timestamp, limit: u64, lease: Duration) -> Result<Vec<Notice>>;
    /// Notes how a delivery went.
    async fn settle_notice(&self, id: &str, delivery: &Delivery) -> Result<()>;
    /// Notices with how their delivery went, newest first; of one channel if it is given.
    async fn notices(&self, channel: Option<&str>, page: Page) -> Result<(Vec<Notice>, u64)>;
    async fn add_notice(&self, notice: &NewNotice) -> Result<()>;

    // --- figures ---

    /// What lists show of syncs, by id; those that are not registered are left out. `bad_usage` for more
    /// than [`Page::SIZE_MAX`].
    async fn sync_overviews(&self, ids: &[SyncId]) -> Result<Vec<SyncOverview>>;

    /// How syncs went lately, by id: of each its latest `runs` that completed or failed. Those that are not
    /// registered are left out. `bad_usage` for more than [`Page::SIZE_MAX`] syncs or runs in all.
    async fn recent_runs(&self, ids: &[SyncId], runs: u64) -> Result<Vec<Recent>>;

    /// When syncs run by themselves, by id, each with its latest runs since `missed_since` that did not run,
    /// at most so many. Those that are not registered are left out. `bad_usage` for more than
    /// [`Page::SIZE_MAX`] syncs or runs in all.
    async fn sync_schedules(
        &self,
        ids: &[SyncId],
        missed_since: Timestamp,
        missed: u64,
    ) -> Result<Vec<SyncSchedule>>;

    /// Figures over the runs that ended from `since` on, in all and in periods of `seconds`, counted from
    /// 1970-01-01 UTC; the first begins at `since`. Tests are left out.
    async fn health(&self, since: Timestamp, seconds: u64) -> Result<Health>;
    /// The same for each sync that has such runs.
    async fn sync_figures(&self, since: Timestamp) -> Result<Vec<SyncFigures>>;
    /// How many runs there are of each status.
    async fn run_counts(&self) -> Result<BTreeMap<RunStatus, u64>>;
    /// Letters by error fingerprint, most first.
    async fn letter_groups(&self, filter: &LetterFilter, page: Page) -> Result<(Vec<LetterGroup>, u64)>;
}

/// Something that the API made: a connection, an instance, a token, a notification channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub kind: String,
    pub id: String,
    /// From 1, one more with every change.
    pub revision: u64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub body: Value,
}

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub at: Timestamp,
    /// Who: `token:<id>`, `system`, `cli`.
    pub actor: String,
    /// The name of the token, for people.
    pub actor_name: String,
    /// For example `run.cancel`.
    pub action: String,
    /// What it was done to: `sync:crm.contact`.
    pub target: String,
    /// `ok`, or the code of the error.
    pub result: String,
    /// What was asked for, without secrets and row values.
    pub detail: Value,
    /// Address the request came from.
    pub remote: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub sequence: u64,
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// SHA-256 over the previous record's hash and this entry, as hexadecimal.
    pub hash: String,
}

#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What is known of a request's key.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// Nothing: the caller carries the request out.
    New,
    /// It was answered: the same answer is given again.
    Answered(Answer),
    /// It is being carried out.
    UnderWay,
    /// The key belongs to another request.
    Mismatch,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

/// Something that happened, in the order in which it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub sequence: u64,
    pub at: Timestamp,
    /// `run`, `letter`, `sync`, or what [`Catalog::add_event`] was told.
    pub kind: String,
    pub run_id: Option<RunId>,
    pub sync_id: Option<SyncId>,
    pub data: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub notice: NewNotice,
    pub state: NoticeState,
    pub attempts: u32,
    pub next_attempt_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub last_error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    Pending,
    Delivered,
    /// Given up after the last attempt.
    Failed,
}

impl NoticeState {
    pub const ALL: [NoticeState; 3] = [NoticeState::Pending, NoticeState::Delivered, NoticeState::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            NoticeState::Pending => "pending",
            NoticeState::Delivered => "delivered",
            NoticeState::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// How one attempt to deliver went.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    pub state: NoticeState,
    pub at: Timestamp,
    pub error: Option<String>,
    /// When it is tried again, while `state` is pending.
    pub next_attempt_at: Option<Timestamp>,
}

/// A sync with what became of it lately.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncOverview {
    pub record: SyncRecord,
    /// The latest run that started.
    pub last_run: Option<Run>,
    /// When its next run is due.
    pub next_run_at: Option<Timestamp>,
    /// Held runs, newest first.
    pub held: Vec<RunId>,
    /// Live keys by entry state.
    pub states: BTreeMap<String, u64>,
    pub open_letters: u64,
}

/// How a sync went lately.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent {
    pub record: SyncRecord,
    /// Those that ended as completed, failed or source failure, newest first.
    pub runs: Vec<Run>,
    pub open_letters: u64,
}

/// What a sync does by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncSchedule {
    pub record: SyncRecord,
    /// When its next run is due.
    pub next_run_at: Option<Timestamp>,
    /// Runs that were due and did not run, newest first.
    pub missed: Vec<Run>,
}

/// Sync Health.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    pub total_runs: u64,
    pub completed: u64,
    pub failed: u64,
    pub source_failures: u64,
    pub cancelled: u64,
    /// Mean of those that started, in seconds of work: see [`Run::duration`].
    pub average_duration_seconds: Option<f64>,
    pub rows_created: u64,
    pub rows_updated: u64,
    pub rows_deleted: u64,
    pub rows_failed: u64,
    /// Syncs whose latest run in the period failed or had failed rows.
    pub syncs_with_errors: Vec<SyncUid>,
    /// Oldest first, up to the last that has a run.
    pub periods: Vec<Period>,
}

/// How the runs of one sync went.
#[derive(Clone, Debug, PartialEq)]
pub struct SyncFigures {
    pub sync_uid: SyncUid,
    pub completed: u64,
    pub failed: u64,
    pub source_failures: u64,
    pub cancelled: u64,
    /// Runs that started, and how long all of them worked.
    pub timed_runs: u64,
    pub duration_seconds: f64,
    /// Created, updated and deleted.
    pub rows_synced: u64,
    pub rows_failed: u64,
}

impl SyncFigures {
    /// Of no runs.
    pub fn of(sync_uid: SyncUid) -> Self {
        Self {
            sync_uid,
            completed: 0,
            failed: 0,
            source_failures: 0,
            cancelled: 0,
            timed_runs: 0,
            duration_seconds: 0.0,
            rows_synced: 0,
            rows_failed: 0,
        }
    }
}

/// The runs that ended in a period, and those that were due in it and did not run.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    pub start: Timestamp,
    pub by_status: BTreeMap<RunStatus, u64>,
}

/// Letters with one error.
#[derive(Clone, Debug, PartialEq)]
pub struct LetterGroup {
    pub fingerprint: String,
    pub sync_uid: SyncUid,
    pub count: u64,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// The letter seen last, as an example.
    pub example: crate::DeadLetter,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incarnation {
    pub id: String,
    /// When a backup was restored into this store, if it was.
    pub restored_at: Option<Timestamp>,
}
