//! What a store keeps. All of it serializes to JSON; stored blobs carry a version tag.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::ids::LetterId;
use syncline_core::run::FileRef;
use syncline_core::{
    CursorValue, Error, ErrorKind, Result, Run, RunId, RunStatus, RunType, Stage, SyncId, SyncUid, Trigger,
};

use crate::FollowUp;

/// A sync as a project presents it.
#[derive(Clone, Debug)]
pub struct SyncSeen {
    pub id: SyncId,
    pub renamed_from: Option<SyncId>,
    pub active: bool,
    /// Used if the sync is new.
    pub uid: SyncUid,
    /// Secret seed of the sync's hashes, used if the sync is new.
    pub seed: u64,
}

/// Whether a sync runs by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SyncState {
    Active,
    Inactive,
    /// Stopped by an error threshold until a person activates it.
    Halted {
        reason: String,
        since: Timestamp,
        failures: u32,
    },
}

impl SyncState {
    pub fn as_str(&self) -> &'static str {
        match self {
            SyncState::Active => "active",
            SyncState::Inactive => "inactive",
            SyncState::Halted { .. } => "halted",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRecord {
    pub uid: SyncUid,
    pub id: SyncId,
    pub state: SyncState,
    pub seed: u64,
    pub cursor: Option<CursorValue>,
    /// Number of the newest generation; 0: none yet (never seeded).
    pub generation: u64,
    pub created_at: Timestamp,
    pub last_full_read_at: Option<Timestamp>,
    /// Hash of the configuration of the last committed run.
    pub config_hash: Option<String>,
}

/// One version of what is known of a sync's keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    pub sync_uid: SyncUid,
    /// From 1.
    pub number: u64,
    pub run_id: RunId,
    pub created_at: Timestamp,
    /// Snapshot segments, oldest first.
    pub segments: Vec<FileRef>,
    pub source_identity: String,
    pub target_identity: String,
    pub target_incarnation: String,
    /// Logical types of the source columns in use, by name.
    pub source_types: BTreeMap<String, String>,
    /// Live keys by entry state.
    pub states: BTreeMap<String, u64>,
    /// Share of NULLs per target field, 0 to 100, of the last complete read.
    pub null_shares: BTreeMap<String, f64>,
    /// Rows without a usable key in the last complete read.
    pub unkeyed_rows: u64,
    /// Where the last run limited by `max_entities` without a cursor stopped (canonical key bytes).
    pub resume_after: Option<Vec<u8>>,
    /// Version of the program that wrote it.
    pub program_version: String,
}

/// A complete plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    pub run_id: RunId,
    /// Hash over the plan's content; in the ledger of the destination.
    pub digest: String,
    pub created_at: Timestamp,
    /// The change set. `None`: there is nothing to do.
    pub file: Option<FileRef>,
    /// Snapshot entries that change without anything being sent, as a segment. Part of
    /// [`crate::Store::live_files`].
    pub updates: Option<FileRef>,
    /// The file's values were masked or the file dropped after the run, as its sync wants.
    #[serde(default)]
    pub scrubbed: bool,
    /// Something of it was purged after the run: it cannot be carried out any more.
    #[serde(default, skip_serializing_if = "is_false")]
    pub purged: bool,
    /// What Apply and Commit need beside the changes; owned by the engine, JSON with its own version.
    pub context: serde_json::Value,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Where a chunk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChunkState {
    Planned,
    /// May be on its way; `outcomes` may be set before the destination's commit.
    Sending,
    /// Its outcomes are final.
    Settled,
}

impl ChunkState {
    pub fn as_str(self) -> &'static str {
        match self {
            ChunkState::Planned => "planned",
            ChunkState::Sending => "sending",
            ChunkState::Settled => "settled",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [ChunkState::Planned, ChunkState::Sending, ChunkState::Settled]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkRecord {
    /// From 0, in the plan's order.
    pub number: u32,
    pub rows: u64,
    pub state: ChunkState,
    pub attempt: u32,
    pub outcomes: Option<FileRef>,
}

/// One failed row of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowErrorRecord {
    pub row_id: String,
    pub stage: Stage,
    pub code: String,
    pub message: String,
    pub field: Option<String>,
    pub raw_value: Option<String>,
    /// Failed while being removed from the target.
    pub removal: bool,
}

/// Which row errors of a run are wanted: those for which all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowErrorFilter {
    pub code: Option<String>,
    pub field: Option<String>,
    pub stage: Option<Stage>,
    /// Beginning of the row id.
    pub row_id_prefix: Option<String>,
}

impl RowErrorFilter {
    /// Every error of the run.
    pub const ALL: Self = Self { code: None, field: None, stage: None, row_id_prefix: None };
}

/// Errors of a run that are of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowErrorGroup {
    pub code: String,
    pub stage: Stage,
    pub field: Option<String>,
    /// Of the first of them.
    pub message: String,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    Open,
    Replaying,
    ResolvedAuto,
    ResolvedReplay,
    ResolvedUser,
    Ignored,
    Expired,
}

impl LetterState {
    pub const ALL: [LetterState; 7] = [
        LetterState::Open,
        LetterState::Replaying,
        LetterState::ResolvedAuto,
        LetterState::ResolvedReplay,
        LetterState::ResolvedUser,
        LetterState::Ignored,
        LetterState::Expired,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            LetterState::Open => "open",
            LetterState::Replaying => "replaying",
            LetterState::ResolvedAuto => "resolved_auto",
            LetterState::ResolvedReplay => "resolved_replay",
            LetterState::ResolvedUser => "resolved_user",
            LetterState::Ignored => "ignored",
            LetterState::Expired => "expired",
        }
    }

    /// Not done with. A key has at most one live letter.
    pub fn is_live(self) -> bool {
        matches!(self, LetterState::Open | LetterState::Replaying | LetterState::Ignored)
    }

    /// The one transition function: the new state, or [`ErrorKind::Conflict`].
    ///
    /// Nothing leaves a resolved or expired letter: if its key fails again, that is a new letter.
    pub fn transition(self, to: LetterState) -> Result<LetterState> {
        use LetterState::*;
        let legal = match self {
            Open => to != Open,
            Replaying => !matches!(to, Replaying | Ignored | Expired),
            Ignored => {
                matches!(to, Open | Replaying | ResolvedAuto | ResolvedReplay | ResolvedUser | Expired)
            }
            ResolvedAuto | ResolvedReplay | ResolvedUser | Expired => false,
        };
        if legal {
            return Ok(to);
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("a letter that is {} cannot become {}", self.as_str(), to.as_str()),
        ))
    }
}

/// A record that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub id: LetterId,
    pub sync_uid: SyncUid,
    pub sync_id: SyncId,
    /// Entity type: the sync id's second part.
    pub entity: String,
    /// Canonical key bytes.
    pub key: Vec<u8>,
    pub row_id: String,
    pub run_id: RunId,
    pub correlation_id: String,
    pub state: LetterState,
    pub stage: Stage,
    pub code: String,
    pub message: String,
    pub field: Option<String>,
    pub raw_value: Option<String>,
    /// Same for errors of the same kind: code, field and message without values.
    pub fingerprint: String,
    /// Source columns by name, where the sync keeps values.
    pub source_row: Option<serde_json::Value>,
    /// Target fields by name as sent (or as far as mapping got), where the sync keeps values.
    pub payload: Option<serde_json::Value>,
    /// Hash of the mapping the payload was made with.
    pub mapping_version: String,
    pub op: String,
    pub attempts: u32,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// For example `may_have_been_written`.
    pub flags: Vec<String>,
    /// Fingerprint of the source row that failed, hexadecimal: the same as long as the row and its
    /// mapping are. `None` for removals, and for letters of programs that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_fp: Option<String>,
    /// The payload as a person corrected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<EditedPayload>,
    /// The run that replays it, while it is `replaying`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_by: Option<RunId>,
    /// Why a person ignored it, in their words, while it is `ignored`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored_because: Option<String>,
}

/// What a person wants to be sent in place of a letter's payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditedPayload {
    /// All target fields by name.
    pub payload: serde_json::Value,
    /// Who edited it: the name of a token or of a system user, for example.
    pub by: String,
    pub at: Timestamp,
}

/// Which letters to list. `None` and empty lists match all.
#[derive(Clone, Debug, Default)]
pub struct LetterFilter {
    pub sync_uid: Option<SyncUid>,
    /// In one of these; none: in any.
    pub states: Vec<LetterState>,
    pub run_id: Option<RunId>,
    pub row_id: Option<String>,
    pub fingerprint: Option<String>,
    pub code: Option<String>,
    /// Last seen at or after.
    pub since: Option<Timestamp>,
    /// Last seen before.
    pub until: Option<Timestamp>,
}

/// Which runs to list. `None` and empty lists match all.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    pub sync_uid: Option<SyncUid>,
    pub statuses: Vec<RunStatus>,
    pub run_types: Vec<RunType>,
    pub triggers: Vec<Trigger>,
    pub correlation_id: Option<String>,
    /// Beginning of the id.
    pub id_prefix: Option<String>,
    /// Created, or if it was scheduled, due at or after.
    pub since: Option<Timestamp>,
    /// Created, or due, before.
    pub until: Option<Timestamp>,
    /// Of one of these syncs.
    pub of_syncs: Vec<SyncUid>,
    /// Ended at or after.
    pub ended_since: Option<Timestamp>,
    /// Ended before.
    pub ended_until: Option<Timestamp>,
    /// With failed rows.
    pub failed_rows: bool,
}

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// From 1.
    pub number: u64,
    pub size: u64,
}

impl Page {
    /// Most records of one page.
    pub const SIZE_MAX: u64 = 10_000;

    pub const fn first(size: u64) -> Self {
        Self { number: 1, size }
    }

    pub fn offset(self) -> u64 {
        (self.number.max(1) - 1).saturating_mul(self.size)
    }

    /// Refuses pages that are larger than [`Page::SIZE_MAX`].
    pub fn check(self) -> Result<()> {
        if self.size <= Self::SIZE_MAX {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::BadUsage,
            format!("a page of {} records is too large; ask for at most {}", self.size, Self::SIZE_MAX),
        ))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorChange {
    pub to: Option<CursorValue>,
    /// `run`, `reset` or `manual`.
    pub reason: String,
    pub run_id: Option<RunId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CursorHistory {
    pub at: Timestamp,
    pub from: Option<CursorValue>,
    pub change: CursorChange,
}

/// Everything that the end of a run makes visible.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The run in its new (terminal or held) status, with epoch and base generation.
    pub run: Run,
    /// The next generation; `None`: what is known did not change.
    pub generation: Option<Generation>,
    pub cursor: Option<CursorChange>,
    /// Keys (canonical bytes) whose open letters are resolved by this run.
    pub resolved: Vec<Vec<u8>>,
    pub sync_state: Option<SyncState>,
    pub full_read_at: Option<Timestamp>,
    /// Stored as the sync's, when the run was not a test.
    pub config_hash: Option<String>,
    /// What the end of the run brings about.
    pub follow: FollowUp,
    pub now: Timestamp,
}

/// What retention keeps.
#[derive(Clone, Debug)]
pub struct KeepUntil {
    /// Ended runs created before this go.
    pub runs_from: Timestamp,
    /// The newest runs of every sync stay whatever their age.
    pub runs_min: u32,
    /// Letters that are done with and were last seen before this go; open ones expire; ignored ones stay
    /// without their values.
    pub letters_from: Timestamp,
    /// Most letters; the oldest that are done with go first.
    pub letters_max: u64,
    /// Events, settled notices and answers to requests from before this go.
    pub traces_from: Timestamp,
}

/// What retention dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub runs: u64,
    pub letters: u64,
    /// Open letters that are now marked as expired.
    pub expired: u64,
}
