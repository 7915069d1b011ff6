//! Runs: type, trigger, status with its one transition function, and the stored record.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::counters::{Counters, Durations};
use crate::cursor::CursorValue;
use crate::error::{Error, ErrorKind};
use crate::ids::{LetterId, RunId, SyncId, SyncUid};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunType {
    Sync,
    OneTime,
    /// Plans and writes nothing.
    Test,
    /// Writes all data from source to target.
    Seed,
    /// Replays selected dead letters.
    Replay,
}

impl RunType {
    pub const ALL: [RunType; 5] =
        [RunType::Sync, RunType::OneTime, RunType::Test, RunType::Seed, RunType::Replay];

    pub fn as_str(self) -> &'static str {
        match self {
            RunType::Sync => "sync",
            RunType::OneTime => "one_time",
            RunType::Test => "test",
            RunType::Seed => "seed",
            RunType::Replay => "replay",
        }
    }

    pub fn writes(self) -> bool {
        self != RunType::Test
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Schedule,
    Manual,
    Api,
    Cli,
    Retry,
    Upstream,
}

impl Trigger {
    pub const ALL: [Trigger; 6] =
        [Trigger::Schedule, Trigger::Manual, Trigger::Api, Trigger::Cli, Trigger::Retry, Trigger::Upstream];

    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Schedule => "schedule",
            Trigger::Manual => "manual",
            Trigger::Api => "api",
            Trigger::Cli => "cli",
            Trigger::Retry => "retry",
            Trigger::Upstream => "upstream",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    Scheduled,
    Queued,
    Starting,
    Running,
    Completed,
    Failed,
    SourceFailure,
    Cancelled,
    Held,
    NotRun,
}

impl RunStatus {
    pub const ALL: [RunStatus; 10] = [
        RunStatus::Scheduled,
        RunStatus::Queued,
        RunStatus::Starting,
        RunStatus::Running,
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::SourceFailure,
        RunStatus::Cancelled,
        RunStatus::Held,
        RunStatus::NotRun,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Scheduled => "scheduled",
            RunStatus::Queued => "queued",
            RunStatus::Starting => "starting",
            RunStatus::Running => "running",
            RunStatus::Completed => "completed",
            RunStatus::Failed => "failed",
            RunStatus::SourceFailure => "source_failure",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Held => "held",
            RunStatus::NotRun => "not_run",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// No transition leaves a terminal status.
    pub fn is_terminal(self) -> bool {
        use RunStatus::*;
        matches!(self, Completed | Failed | SourceFailure | Cancelled | NotRun)
    }

    /// Starting or running: the run holds the sync.
    pub fn is_active(self) -> bool {
        matches!(self, RunStatus::Starting | RunStatus::Running)
    }

    /// For clients that know five states.
    pub fn outcome(self) -> &'static str {
        use RunStatus::*;
        match self {
            Scheduled | Queued | Held => "queued",
            Starting | Running => "running",
            Completed => "completed",
            Failed | SourceFailure => "failed",
            Cancelled | NotRun => "cancelled",
        }
    }

    /// The one transition function: the new status, or [`ErrorKind::Conflict`].
    pub fn transition(self, to: RunStatus) -> Result<RunStatus, Error> {
        use RunStatus::*;
        let legal = match self {
            Scheduled => matches!(to, Queued | NotRun),
            Queued => matches!(to, Starting | Cancelled),
            Starting => matches!(to, Running | Cancelled | Failed | SourceFailure),
            Running => matches!(to, Completed | Failed | SourceFailure | Cancelled | Held),
            Held => matches!(to, Queued | Cancelled),
            Completed | Failed | SourceFailure | Cancelled | NotRun => false,
        };
        if legal {
            Ok(to)
        } else {
            Err(Error::new(
                ErrorKind::Conflict,
                format!("a {} run cannot become {}", self.as_str(), to.as_str()),
            ))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Extracting,
    DetectingChanges,
    Writing,
    Finalizing,
}

impl Phase {
    pub const ALL: [Phase; 4] =
        [Phase::Extracting, Phase::DetectingChanges, Phase::Writing, Phase::Finalizing];

    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Extracting => "extracting",
            Phase::DetectingChanges => "detecting_changes",
            Phase::Writing => "writing",
            Phase::Finalizing => "finalizing",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Phase::Extracting => "query execution",
            Phase::DetectingChanges => "change detection",
            Phase::Writing => "destination writes",
            Phase::Finalizing => "finalization",
        }
    }
}

/// How a run reads its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadMode {
    /// Records past the cursor and due pending ones; everything when there is no cursor.
    #[default]
    Incremental,
    /// Everything; the cursor is cleared first.
    Reset,
    /// Everything, and everything is sent, changed or not.
    Full,
}

impl ReadMode {
    pub const ALL: [ReadMode; 3] = [ReadMode::Incremental, ReadMode::Reset, ReadMode::Full];

    pub fn as_str(self) -> &'static str {
        match self {
            ReadMode::Incremental => "incremental",
            ReadMode::Reset => "reset",
            ReadMode::Full => "full",
        }
    }
}

/// What a run was asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOptions {
    pub read_mode: ReadMode,
    /// Only these records (row ids).
    pub source_ids: Vec<String>,
    /// Most rows to read, in cursor-then-key order.
    pub max_entities: Option<u64>,
    pub batch_size: Option<u32>,
    /// Seed that first clears this sync's records from the target.
    pub reseed: bool,
    /// Apply: the run whose plan is applied.
    pub plan_of: Option<RunId>,
    /// Replay, or its dry run (a test): which dead letters are sent again, and as what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
}

/// Dead letters that are sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    pub mode: ReplayMode,
    /// At most [`Replay::LETTERS_MAX`]; a larger selection becomes several runs.
    pub letters: Vec<LetterId>,
    /// Most records sent in a second; `None`: as fast as the destination takes them.
    pub per_second: Option<u32>,
}

impl Replay {
    /// Most letters of one run.
    pub const LETTERS_MAX: usize = 10_000;
}

/// What a replay sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayMode {
    /// The records as the source has them now.
    #[default]
    Reread,
    /// The payloads as they were captured; refused for keys to which something newer was delivered.
    AsCaptured,
    /// The payloads as a person edited them.
    Edited,
}

impl ReplayMode {
    pub const ALL: [ReplayMode; 3] = [ReplayMode::Reread, ReplayMode::AsCaptured, ReplayMode::Edited];

    pub fn as_str(self) -> &'static str {
        match self {
            ReplayMode::Reread => "reread",
            ReplayMode::AsCaptured => "as_captured",
            ReplayMode::Edited => "edited",
        }
    }
}

/// Why a run ended otherwise than by its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Another run of the sync was queued or active when it was due.
    Overlap,
    /// A run of the sync was held when it was due.
    Held,
    /// Another run took its place.
    Superseded,
    /// A person rejected the held run.
    Rejected,
    /// Nobody decided on the held run in time.
    Expired,
    /// Its sync was deactivated.
    Deactivated,
    /// A person cancelled it.
    Cancelled,
}

impl EndReason {
    pub const ALL: [EndReason; 7] = [
        EndReason::Overlap,
        EndReason::Held,
        EndReason::Superseded,
        EndReason::Rejected,
        EndReason::Expired,
        EndReason::Deactivated,
        EndReason::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::Overlap => "overlap",
            EndReason::Held => "held",
            EndReason::Superseded => "superseded",
            EndReason::Rejected => "rejected",
            EndReason::Expired => "expired",
            EndReason::Deactivated => "deactivated",
            EndReason::Cancelled => "cancelled",
        }
    }
}

/// A system-level error as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredError {
    pub code: String,
    pub message: String,
    pub help: Option<String>,
    /// Messages of the chain of causes, outermost first.
    pub causes: Vec<String>,
}

impl From<&Error> for StoredError {
    fn from(e: &Error) -> Self {
        let mut causes = Vec::new();
        let mut next = std::error::Error::source(e);
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        Self { code: e.code().into(), message: e.message.clone(), help: e.help.clone(), causes }
    }
}

/// One step of a run's timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub phase: Phase,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One guard's verdict on a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardVerdict {
    /// Configuration key of the guard, for example `max_deletes`.
    pub guard: String,
    pub tripped: bool,
    /// Numbers and limit in a sentence.
    pub message: String,
    /// Row ids of a few records concerned.
    pub sample: Vec<String>,
}

/// Figures about how a run performed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Canonical bytes read from the source.
    pub bytes_read: u64,
    /// Canonical bytes sent to the destination.
    pub bytes_written: u64,
    /// Largest amount of memory the run's own buffers held, in bytes.
    pub peak_memory_bytes: u64,
    pub retries: u32,
    pub api_calls: u64,
    pub api_call_seconds: f64,
}

/// A file of a run on the state's file store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Path relative to the state folder.
    pub path: String,
    pub bytes: u64,
    /// xxh3-128 of the whole file, as hexadecimal.
    pub checksum: String,
}

/// The stored record of one execution of a sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub sync_id: SyncId,
    pub sync_uid: SyncUid,
    #[serde(rename = "type")]
    pub run_type: RunType,
    pub trigger: Trigger,
    pub status: RunStatus,
    pub phase: Option<Phase>,
    pub options: RunOptions,
    pub correlation_id: String,
    pub retry_of: Option<RunId>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Fencing epoch the run was claimed with; 0 before that.
    pub epoch: u64,
    /// Snapshot generation the plan was computed from.
    pub base_generation: Option<u64>,
    #[serde(flatten)]
    pub counters: Counters,
    /// Skipped rows by reason.
    pub skipped: std::collections::BTreeMap<String, u64>,
    pub durations: Durations,
    pub timeline: Vec<TimelineEntry>,
    pub performance: Performance,
    pub guards: Vec<GuardVerdict>,
    pub error: Option<StoredError>,
    /// The run ended early and part of its changes are at the target.
    pub partially_written: bool,
    /// The source was read completely, to its end.
    pub complete_read: bool,
    /// Source ids that were asked for and not found.
    pub not_found: Vec<String>,
    pub cursor_before: Option<CursorValue>,
    pub cursor_after: Option<CursorValue>,
    /// Hash of the pinned configuration.
    pub config_hash: String,
    /// When the plan was complete.
    pub planned_at: Option<Timestamp>,
    /// Its end halted the sync: failures in a row are counted afresh from here.
    #[serde(default)]
    pub halted_sync: bool,
    /// Notices for people, for example that a batch size was clamped.
    pub notices: Vec<String>,
    /// When a scheduled run is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// Automatic retries of its chain up to this run; 0: it is not one.
    #[serde(default)]
    pub retry_number: u32,
    /// Whoever asked for it: the name of a token, for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_reason: Option<EndReason>,
    /// The server that executes or executed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// How often another server had to take it over.
    #[serde(default)]
    pub takeovers: u32,
}

impl Run {
    /// How long a held run waits for somebody's decision.
    pub const HELD_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

    /// Ends a held run: everything that was planned stays undone.
    pub fn drop_plan(&mut self, reason: EndReason, why: &str, now: Timestamp) -> Result<(), Error> {
        self.status = self.status.transition(RunStatus::Cancelled)?;
        self.end_reason = Some(reason);
        let planned = self.counters;
        self.counters = Counters {
            rows_not_attempted: planned.rows_created + planned.rows_updated,
            rows_created: 0,
            rows_updated: 0,
            rows_deleted: 0,
            ..planned
        };
        self.completed_at = Some(now);
        self.error = Some(StoredError::from(&Error::new(ErrorKind::Cancelled, why)));
        Ok(())
    }

    /// Planned counters only; left out of trends and health.
    pub fn dry_run(&self) -> bool {
        !self.run_type.writes()
    }

    /// How long it worked from its start to its end, or to `now` while it goes on: without the time in which
    /// it was held for a decision or, approved, waited for its turn again.
    pub fn duration(&self, now: Timestamp) -> Option<SignedDuration> {
        let start = self.started_at?;
        let end = self.completed_at.unwrap_or(now);
        // One phase begins where another ends, but for a run that was held between them.
        let next = self.timeline.iter().skip(1).map(|entry| entry.started_at).chain([end]);
        let rests = self.timeline.iter().zip(next).filter_map(|(phase, next)| {
            let ended = phase.ended_at?;
            Some(next.duration_since(ended).max(SignedDuration::ZERO))
        });
        Some(end.duration_since(start) - rests.sum::<SignedDuration>())
    }

    /// The same in seconds.
    pub fn duration_seconds(&self, now: Timestamp) -> Option<f64> {
        Some(self.duration(now)?.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_statuses_is_legal_exactly_where_the_lifecycle_says() {
        use RunStatus::*;
        let legal = [
            (Scheduled, Queued),
            (Scheduled, NotRun),
            (Queued, Starting),
            (Queued, Cancelled),
            (Starting, Running),
            (Starting, Cancelled),
            (Starting, Failed),
            (Starting, SourceFailure),
            (Running, Completed),
            (Running, Failed),
            (Running, SourceFailure),
            (Running, Cancelled),
            (Running, Held),
            (Held, Queued),
            (Held, Cancelled),
        ];
        for from in RunStatus::ALL {
            for to in RunStatus::ALL {
                assert_eq!(from.transition(to).is_ok(), legal.contains(&(from, to)), "{from:?} to {to:?}");
            }
            assert_eq!(from.is_terminal(), !legal.iter().any(|(f, _)| *f == from));
            assert_eq!(RunStatus::parse(from.as_str()), Some(from));
        }
    }
}
