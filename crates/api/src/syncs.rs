//! Syncs, their schedules and cursors.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_store::{CursorHistory, SyncState};
use utoipa::ToSchema;

use crate::RunView;
use crate::words::*;

/// A sync with what it did last and does next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SyncView {
    /// `instance.entity`
    pub id: String,
    /// What stays when it is renamed; null before it was first run.
    pub uid: Option<String>,
    pub instance: String,
    pub entity: String,
    pub source: String,
    pub target: String,
    /// Table, file or API object at the target.
    pub object: String,
    #[schema(value_type = WriteModeWord)]
    pub write_mode: String,
    pub tags: Vec<String>,
    /// `active`, `inactive` or `halted`.
    #[schema(value_type = SyncStateWord)]
    pub state: String,
    pub halted: Option<HaltedView>,
    pub schedule: Option<ScheduleView>,
    pub next_run_at: Option<Timestamp>,
    pub last_run: Option<RunView>,
    /// Runs that wait for somebody's decision, newest first.
    pub held_runs: Vec<String>,
    /// Something was delivered or seeded before.
    pub seeded: bool,
    /// Records that the target has as they were sent last.
    pub delivered: u64,
    /// Records that wait for another try.
    pub pending: u64,
    /// Open ones.
    pub dead_letters: u64,
    pub cursor: Option<String>,
    /// The column that the cursor is a value of; null: every run reads the whole model.
    pub cursor_column: Option<String>,
    /// Records in one request to the destination; null: as the destination likes best.
    pub batch_size: Option<u32>,
    /// Hash of the definition that a run would be pinned to now.
    pub config_hash: String,
    /// `file` (changed there) or `api`.
    #[schema(value_type = OriginWord)]
    pub origin: String,
    /// Where it is defined: `syncs/crm.yaml:7`.
    pub place: Option<String>,
}

/// Why a sync stands still.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HaltedView {
    pub reason: String,
    pub since: Timestamp,
    /// Failures in a row.
    pub failures: u32,
}

impl HaltedView {
    pub fn of(state: &SyncState) -> Option<Self> {
        match state {
            SyncState::Halted { reason, since, failures } => {
                Some(Self { reason: reason.clone(), since: *since, failures: *failures })
            }
            SyncState::Active | SyncState::Inactive => None,
        }
    }
}

/// When a sync runs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScheduleView {
    /// Seconds from fire to fire.
    pub every_seconds: Option<f64>,
    pub cron: Option<String>,
    /// IANA zone of `cron`.
    pub timezone: Option<String>,
    /// The sync after whose success it runs.
    pub after: Option<String>,
    pub jitter_seconds: f64,
    /// `queue_one` or `skip`.
    #[schema(value_type = OverlapWord)]
    pub overlap: String,
}

/// A sync's schedule with its next fires.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScheduledSync {
    pub sync_id: String,
    /// `active`, `inactive` or `halted`.
    #[schema(value_type = SyncStateWord)]
    pub state: String,
    pub schedule: ScheduleView,
    /// The run that waits for its time, if there is one.
    pub next_run_at: Option<Timestamp>,
    /// The next ten times, as long as nothing changes.
    pub next_fires: Vec<Timestamp>,
    /// Fires of the last seven days that did not run, with their reasons.
    pub missed: Vec<RunView>,
}

/// How far a sync got.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CursorView {
    pub sync_id: String,
    /// The column it is a value of.
    pub column: Option<String>,
    pub value: Option<String>,
}

/// Sets or clears a cursor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CursorRequest {
    /// Null clears it: the next run reads everything.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub value: Option<String>,
}

/// What setting a cursor would mean for the next run. The lookback comes on top.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CursorEffectView {
    /// The cursor as it is.
    pub from: Option<String>,
    pub to: Option<String>,
    /// Records at or past the new cursor, or without a value.
    pub read: u64,
    /// Of those, the ones that were read before.
    pub again: u64,
    /// Records past the old cursor that the new one leaves behind.
    pub passed_over: u64,
}

/// One change of a cursor.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CursorChangeView {
    pub at: Timestamp,
    pub from: Option<String>,
    pub to: Option<String>,
    /// `run`, `reset` or `manual`.
    #[schema(value_type = CursorReasonWord)]
    pub reason: String,
    pub run_id: Option<String>,
}

impl From<CursorHistory> for CursorChangeView {
    fn from(h: CursorHistory) -> Self {
        Self {
            at: h.at,
            from: h.from.map(|value| value.to_string()),
            to: h.change.to.map(|value| value.to_string()),
            reason: h.change.reason,
            run_id: h.change.run_id.map(|id| id.to_string()),
        }
    }
}

/// One thing that happened to a record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordEventView {
    pub run_id: String,
    /// Of the run; null if retention forgot it meanwhile.
    #[serde(rename = "type")]
    #[schema(value_type = Option<RunTypeWord>)]
    pub run_type: Option<String>,
    #[schema(value_type = Option<TriggerWord>)]
    pub trigger: Option<String>,
    #[schema(value_type = Option<RunStatusWord>)]
    pub status: Option<String>,
    pub at: Option<Timestamp>,
    #[schema(value_type = RecordOperationWord)]
    pub operation: String,
    /// `created`, `updated`, `removed`, `exists`, `absent`, `rejected`, `unknown` or `planned`.
    #[schema(value_type = RecordResultWord)]
    pub result: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub field: Option<String>,
    pub fields: Vec<crate::FieldView>,
}
