//! Runs: in lists, in full, live, and what is asked of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use syncline_core::ids::LetterId;
use syncline_core::run::{Performance, RunOptions, StoredError};
use syncline_core::{CursorValue, Run, RunStatus};
use syncline_store::{Page, RowErrorGroup, RowErrorRecord};
use utoipa::ToSchema;

use crate::words::*;

/// A run as an element of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunView {
    /// `run_…`
    pub id: String,
    /// `instance.entity`
    pub sync_id: String,
    /// `scheduled`, `queued`, `starting`, `running`, `completed`, `failed`, `source_failure`,
    /// `cancelled`, `held` or `not_run`.
    #[schema(value_type = RunStatusWord)]
    pub status: String,
    /// `schedule`, `manual`, `api`, `cli`, `retry` or `upstream`.
    #[schema(value_type = TriggerWord)]
    pub trigger: String,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Whole seconds of work, rounded; of a run that goes on, up to now. The time in which it was held, and then
    /// waited for its turn again, is not among them.
    pub duration_seconds: Option<u64>,
    pub rows_processed: u64,
    pub rows_created: u64,
    pub rows_updated: u64,
    pub rows_deleted: u64,
    pub rows_failed: u64,
    /// `sync`, `one_time`, `test`, `seed` or `replay`.
    #[serde(rename = "type")]
    #[schema(value_type = RunTypeWord)]
    pub run_type: String,
    /// The status for clients that know five: `queued`, `running`, `completed`, `failed`, `cancelled`.
    #[schema(value_type = OutcomeWord)]
    pub outcome: String,
    /// Of a running run: `extracting`, `detecting_changes`, `writing` or `finalizing`.
    #[schema(value_type = Option<PhaseWord>)]
    pub phase: Option<String>,
    pub rows_skipped: u64,
    pub rows_not_attempted: u64,
    pub rows_delete_failed: u64,
    /// Counters are planned ones; nothing is written.
    pub dry_run: bool,
    pub correlation_id: String,
    pub retry_of: Option<String>,
    /// The run ended early and part of its changes are at the target.
    pub partially_written: bool,
    pub error: Option<ErrorView>,
    pub created_at: Timestamp,
    /// When a scheduled run is due.
    pub run_at: Option<Timestamp>,
    /// Why it ended otherwise than by its own work: `overlap`, `held`, `superseded`, `rejected`,
    /// `expired`, `deactivated` or `cancelled`.
    #[schema(value_type = Option<EndReasonWord>)]
    pub end_reason: Option<String>,
    /// Hash of the definition that the run is pinned to.
    pub config_hash: String,
    /// It was asked for some records only, by source ids or `max_entities`.
    pub limited: bool,
}

/// What went wrong with a run as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorView {
    pub code: String,
    pub message: String,
    pub help: Option<String>,
    /// Messages of the chain of causes, outermost first.
    pub causes: Vec<String>,
}

impl From<&StoredError> for ErrorView {
    fn from(e: &StoredError) -> Self {
        Self {
            code: e.code.clone(),
            message: e.message.clone(),
            help: e.help.clone(),
            causes: e.causes.clone(),
        }
    }
}

impl RunView {
    pub fn of(run: &Run, now: Timestamp) -> Self {
        let c = &run.counters;
        Self {
            id: run.id.to_string(),
            sync_id: run.sync_id.to_string(),
            status: run.status.as_str().into(),
            trigger: run.trigger.as_str().into(),
            started_at: run.started_at,
            completed_at: run.completed_at,
            duration_seconds: run.duration_seconds(now).map(|s| s.max(0.0).round() as u64),
            rows_processed: c.rows_processed,
            rows_created: c.rows_created,
            rows_updated: c.rows_updated,
            rows_deleted: c.rows_deleted,
            rows_failed: c.rows_failed,
            run_type: run.run_type.as_str().into(),
            outcome: run.status.outcome().into(),
            phase: run.phase.map(|phase| phase.as_str().into()),
            rows_skipped: c.rows_skipped,
            rows_not_attempted: c.rows_not_attempted,
            rows_delete_failed: c.rows_delete_failed,
            dry_run: run.dry_run(),
            correlation_id: run.correlation_id.clone(),
            retry_of: run.retry_of.as_ref().map(ToString::to_string),
            partially_written: run.partially_written,
            error: run.error.as_ref().map(ErrorView::from),
            created_at: run.created_at,
            run_at: run.run_at,
            end_reason: run.end_reason.map(|reason| reason.as_str().into()),
            config_hash: run.config_hash.clone(),
            limited: !run.options.source_ids.is_empty() || run.options.max_entities.is_some(),
        }
    }

    /// The status as the product knows it; `None`: a newer server has one that this program does not.
    pub fn known_status(&self) -> Option<RunStatus> {
        RunStatus::parse(&self.status)
    }
}

/// One run in full.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    pub run: RunView,
    pub planned_at: Option<Timestamp>,
    pub timeline: Vec<PhaseView>,
    pub durations: DurationsView,
    pub api_calls: u64,
    pub api_call_seconds: f64,
    pub performance: PerformanceView,
    pub options: OptionsView,
    pub guards: Vec<GuardView>,
    /// Skipped rows by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Source ids that were asked for and not found.
    pub not_found: Vec<String>,
    pub cursor_before: Option<String>,
    pub cursor_after: Option<String>,
    pub notices: Vec<String>,
    /// Automatic retries of its chain up to this run.
    pub retry_number: u32,
    pub requested_by: Option<String>,
    pub worker: Option<String>,
    /// How often another server took the run over, because its own was not heard of any more.
    pub takeovers: u32,
    /// The latest figures, while the run goes on. What it creates, updates and deletes is among its own
    /// counters when it has ended; of a run that is held, and of a test, they say what is planned.
    pub progress: Option<ProgressView>,
    /// The source was read to its end.
    pub complete_read: bool,
    pub links: RunLinks,
}

/// One step of a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PhaseView {
    #[schema(value_type = PhaseWord)]
    pub phase: String,
    /// What people read.
    pub label: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// Seconds. The first four do not overlap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct DurationsView {
    pub query: f64,
    pub change_detection: f64,
    pub destination_writes: f64,
    pub finalization: f64,
    /// Queued, held, or paused for rate limits.
    pub waiting: f64,
    /// Everything after the query.
    pub processing: f64,
}

/// How a run performed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PerformanceView {
    /// Canonical bytes read from the source.
    pub bytes_read: u64,
    /// Canonical bytes sent to the destination.
    pub bytes_written: u64,
    /// Largest amount of memory that the run's own buffers held, in bytes.
    pub peak_memory_bytes: u64,
    pub retries: u32,
    pub api_calls: u64,
    pub api_call_seconds: f64,
}

impl From<&Performance> for PerformanceView {
    fn from(p: &Performance) -> Self {
        Self {
            bytes_read: p.bytes_read,
            bytes_written: p.bytes_written,
            peak_memory_bytes: p.peak_memory_bytes,
            retries: p.retries,
            api_calls: p.api_calls,
            api_call_seconds: p.api_call_seconds,
        }
    }
}

/// What a run was asked to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OptionsView {
    /// `incremental`, `reset` or `full`.
    #[schema(value_type = ReadModeWord)]
    pub read_mode: String,
    pub source_ids: Vec<String>,
    pub max_entities: Option<u64>,
    pub batch_size: Option<u32>,
    pub reseed: bool,
    /// The run whose plan is applied.
    pub plan_of: Option<String>,
    pub replay: Option<ReplayView>,
}

/// The dead letters that a run sends again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayView {
    /// `reread`, `as_captured` or `edited`.
    #[schema(value_type = crate::ReplayModeName)]
    pub mode: String,
    pub letters: u64,
    pub per_second: Option<u32>,
}

impl From<&RunOptions> for OptionsView {
    fn from(o: &RunOptions) -> Self {
        Self {
            read_mode: o.read_mode.as_str().into(),
            source_ids: o.source_ids.clone(),
            max_entities: o.max_entities,
            batch_size: o.batch_size,
            reseed: o.reseed,
            plan_of: o.plan_of.as_ref().map(ToString::to_string),
            replay: o.replay.as_ref().map(|replay| ReplayView {
                mode: replay.mode.as_str().into(),
                letters: replay.letters.len() as u64,
                per_second: replay.per_second,
            }),
        }
    }
}

/// One guard's verdict on a plan.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct GuardView {
    /// Configuration key of the guard, for example `max_deletes`.
    pub guard: String,
    pub tripped: bool,
    /// Numbers and limit in a sentence.
    pub message: String,
    /// Row ids of a few records concerned.
    pub sample: Vec<String>,
}

/// Where the rest of a run is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunLinks {
    pub plan: String,
    pub rows: String,
    pub errors: String,
    pub events: String,
}

impl RunDetail {
    pub fn of(run: &Run, now: Timestamp) -> Self {
        let base = format!("/api/v1/runs/{}", run.id);
        let d = &run.durations;
        Self {
            run: RunView::of(run, now),
            planned_at: run.planned_at,
            timeline: run
                .timeline
                .iter()
                .map(|step| PhaseView {
                    phase: step.phase.as_str().into(),
                    label: step.phase.label().into(),
                    started_at: step.started_at,
                    ended_at: step.ended_at,
                })
                .collect(),
            durations: DurationsView {
                query: d.query,
                change_detection: d.change_detection,
                destination_writes: d.destination_writes,
                finalization: d.finalization,
                waiting: d.waiting,
                processing: d.processing(),
            },
            api_calls: run.performance.api_calls,
            api_call_seconds: run.performance.api_call_seconds,
            performance: PerformanceView::from(&run.performance),
            options: OptionsView::from(&run.options),
            guards: run
                .guards
                .iter()
                .map(|g| GuardView {
                    guard: g.guard.clone(),
                    tripped: g.tripped,
                    message: g.message.clone(),
                    sample: g.sample.clone(),
                })
                .collect(),
            skipped: run.skipped.clone(),
            not_found: run.not_found.clone(),
            cursor_before: run.cursor_before.as_ref().map(CursorValue::to_string),
            cursor_after: run.cursor_after.as_ref().map(CursorValue::to_string),
            notices: run.notices.clone(),
            retry_number: run.retry_number,
            requested_by: run.requested_by.clone(),
            worker: run.worker.clone(),
            takeovers: run.takeovers,
            progress: None,
            complete_read: run.complete_read,
            links: RunLinks {
                plan: format!("{base}/plan"),
                rows: format!("{base}/rows"),
                errors: format!("{base}/errors"),
                events: format!("{base}/events"),
            },
        }
    }
}

/// The answer to a trigger: the run that was queued, or that it joined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TriggeredRun {
    #[serde(flatten)]
    pub run: RunDetail,
    /// It is an equal run that waited already.
    pub joined: bool,
}

/// Failed rows of a run.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RowErrorList {
    pub data: Vec<RowErrorView>,
    pub total_errors: u64,
    pub page: u64,
    pub per_page: u64,
}

/// One failed row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RowErrorView {
    /// The row's key; of a composite key a JSON array.
    pub row_id: String,
    pub field: Option<String>,
    pub message: String,
    pub raw_value: Option<String>,
    pub code: String,
    /// `ingest`, `normalize`, `transform`, `execute` or `finalize`.
    #[schema(value_type = StageWord)]
    pub stage: String,
    /// The latest dead letter of the row.
    pub letter_id: Option<String>,
}

/// The kinds of a run's row errors.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RowErrorGroups {
    /// The most frequent first.
    pub data: Vec<RowErrorGroupView>,
}

/// Row errors of one kind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RowErrorGroupView {
    pub code: String,
    /// `ingest`, `normalize`, `transform`, `execute` or `finalize`.
    #[schema(value_type = StageWord)]
    pub stage: String,
    pub field: Option<String>,
    /// Of the first of them.
    pub message: String,
    pub count: u64,
}

impl From<RowErrorGroup> for RowErrorGroupView {
    fn from(group: RowErrorGroup) -> Self {
        Self {
            code: group.code,
            stage: group.stage.as_str().into(),
            field: group.field,
            message: group.message,
            count: group.count,
        }
    }
}

impl RowErrorList {
    /// `letters`: the latest dead letters of these rows, by row id.
    pub fn of(
        errors: &[RowErrorRecord],
        letters: &BTreeMap<String, LetterId>,
        page: Page,
        total: u64,
    ) -> Self {
        let data = errors.iter().map(|e| RowErrorView {
            row_id: e.row_id.clone(),
            field: e.field.clone(),
            message: e.message.clone(),
            raw_value: e.raw_value.clone(),
            code: e.code.clone(),
            stage: e.stage.as_str().into(),
            letter_id: letters.get(&e.row_id).map(ToString::to_string),
        });
        Self { data: data.collect(), total_errors: total, page: page.number, per_page: page.size }
    }
}

/// What a run is asked to do. Every field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerRequest {
    /// `sync` unless said otherwise.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub run_type: Option<TriggerType>,
    /// How the source is read: `incremental` unless said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<ReadModeName>,
    /// Only these records, by their row ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 10000)]
    pub source_ids: Option<Vec<String>>,
    /// Most rows to read, in cursor-then-key order; of source ids, the first so many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000000000_u64)]
    pub max_entities: Option<u64>,
    /// Records in one request to the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub batch_size: Option<u32>,
    /// Not before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_at: Option<Timestamp>,
    /// With type seed: first clear this sync's records from the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reseed: Option<ReseedRequest>,
    /// Who triggers: `api` unless a person does (`manual`) or the command line (`cli`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerType {
    Sync,
    OneTime,
    Test,
    Seed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadModeName {
    Incremental,
    Reset,
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerName {
    Api,
    Manual,
    Cli,
}

/// Confirms that records are removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReseedRequest {
    /// The sync's id, typed by whoever wants it.
    pub confirm: String,
}

/// Live figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgressView {
    pub run_id: String,
    #[schema(value_type = Option<RunStatusWord>)]
    pub status: Option<String>,
    #[schema(value_type = Option<PhaseWord>)]
    pub phase: Option<String>,
    /// Rows read so far; final once the phase is past extracting.
    pub total_discovered: u64,
    /// Created and updated.
    pub success: u64,
    pub created: u64,
    pub updated: u64,
    pub skipped: u64,
    pub failed: u64,
    pub deleted: u64,
    /// Changes the plan holds, removals included.
    pub planned: u64,
    /// Changes that were sent and answered.
    pub sent: u64,
}

/// One event of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    pub at: Timestamp,
    pub run_id: Option<String>,
    pub sync_id: Option<String>,
    /// Of `run`: its `status`, `phase`, `counters` and what else changes, or `removed`. Of `letter`: its
    /// `state`, or how many `changes` there were of each kind. Of `sync`: its `state`.
    pub data: serde_json::Value,
}

/// Which plan is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// The `digest` of the plan that was reviewed.
    pub digest: String,
    /// Who applies: `api` unless a person does (`manual`) or the command line (`cli`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerName>,
}

/// Why a held run is rejected.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectRequest {
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

/// A run's plan, as people review it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    pub run_id: String,
    pub sync_id: String,
    /// Hash over the plan; whoever applies it names it.
    pub digest: String,
    pub created_at: Timestamp,
    pub rows_processed: u64,
    pub rows_created: u64,
    pub rows_updated: u64,
    pub rows_deleted: u64,
    pub rows_skipped: u64,
    pub rows_failed: u64,
    pub guards: Vec<GuardView>,
    /// The first changes.
    pub changes: Vec<ChangeView>,
    /// There are more changes than are listed.
    pub truncated: bool,
    /// The plan as a document for `syncline apply`.
    pub format: String,
}

/// A change that a plan holds, with what became of it where it was carried out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangeView {
    pub row_id: String,
    /// `create`, `update`, `append`, `delete`, `clear` or `flag`.
    #[schema(value_type = OperationWord)]
    pub operation: String,
    /// Fields that change; of creates all, of removals those that were delivered.
    pub fields: Vec<FieldView>,
    /// `created`, `updated`, `removed`, `exists`, `absent`, `rejected`, `unknown`, or `planned`.
    #[schema(value_type = RowResultWord)]
    pub result: String,
    pub code: Option<String>,
    pub message: Option<String>,
    /// The field at fault.
    pub field: Option<String>,
}

/// A field before and after.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldView {
    pub field: String,
    /// Null also where what was delivered is not known.
    pub before: serde_json::Value,
    pub after: serde_json::Value,
}
