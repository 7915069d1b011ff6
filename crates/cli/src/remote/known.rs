//! What a server answers, as this program knows it, so that it is shown as if it were here.
//!
//! What only the state knows (the epoch of a run, for example) is not in an answer and not shown.

use serde_json::Value;
use syncline_api::{
    ErrorView, GuardView, LetterView, PlanView, RecordEventView, RowErrorView, RunDetail, RunView,
};
use syncline_core::run::{
    GuardVerdict, Performance, Replay, ReplayMode, RunOptions, StoredError, TimelineEntry,
};
use syncline_core::{
    Counters, CursorValue, Durations, EndReason, Error, ErrorKind, Phase, ReadMode, Result, Run, RunId,
    RunStatus, RunType, Stage, SyncId, SyncUid, Trigger,
};
use syncline_engine::review::{ChangeView, FieldView, PlanDocument, RowEvent, RunFacts};
use syncline_store::{DeadLetter, EditedPayload, LetterState, RowErrorRecord};

/// A word of the server's as one that is known here.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(Value::String(text.into())).map_err(|_| {
        Error::new(ErrorKind::BadUsage, format!("the server says '{text}', which this program does not know"))
            .help("use the `syncline` of the server's version")
    })
}

/// A run as lists have it: nothing but counts is known of its work.
pub fn run(view: &RunView) -> Result<Run> {
    Ok(Run {
        id: RunId::from_stored(view.id.as_str()),
        sync_id: SyncId::parse(&view.sync_id)?,
        sync_uid: SyncUid::from_stored(""),
        run_type: word::<RunType>(&view.run_type)?,
        trigger: word::<Trigger>(&view.trigger)?,
        status: word::<RunStatus>(&view.status)?,
        phase: view.phase.as_deref().map(word::<Phase>).transpose()?,
        // Of a limited run only the records that it was asked for are not known: none is named here.
        options: RunOptions { max_entities: view.limited.then_some(0), ..RunOptions::default() },
        correlation_id: view.correlation_id.clone(),
        retry_of: view.retry_of.as_deref().map(RunId::from_stored),
        created_at: view.created_at,
        started_at: view.started_at,
        completed_at: view.completed_at,
        epoch: 0,
        base_generation: None,
        counters: Counters {
            rows_processed: view.rows_processed,
            rows_created: view.rows_created,
            rows_updated: view.rows_updated,
            rows_skipped: view.rows_skipped,
            rows_failed: view.rows_failed,
            rows_not_attempted: view.rows_not_attempted,
            rows_deleted: view.rows_deleted,
            rows_delete_failed: view.rows_delete_failed,
        },
        skipped: Default::default(),
        durations: Durations::default(),
        timeline: Vec::new(),
        performance: Performance::default(),
        guards: Vec::new(),
        error: view.error.as_ref().map(error),
        partially_written: view.partially_written,
        complete_read: false,
        not_found: Vec::new(),
        cursor_before: None,
        cursor_after: None,
        config_hash: view.config_hash.clone(),
        planned_at: None,
        halted_sync: false,
        notices: Vec::new(),
        run_at: view.run_at,
        retry_number: 0,
        requested_by: None,
        end_reason: view.end_reason.as_deref().map(word::<EndReason>).transpose()?,
        worker: None,
        takeovers: 0,
    })
}

/// A run in full.
pub fn run_in_full(detail: &RunDetail) -> Result<Run> {
    let (d, p, o) = (&detail.durations, &detail.performance, &detail.options);
    let cursor = |text: &Option<String>| text.clone().map(CursorValue::Opaque);
    let timeline = detail.timeline.iter().map(|step| {
        Ok(TimelineEntry { phase: word(&step.phase)?, started_at: step.started_at, ended_at: step.ended_at })
    });
    Ok(Run {
        options: RunOptions {
            read_mode: word::<ReadMode>(&o.read_mode)?,
            source_ids: o.source_ids.clone(),
            max_entities: o.max_entities,
            batch_size: o.batch_size,
            reseed: o.reseed,
            plan_of: o.plan_of.as_deref().map(RunId::from_stored),
            replay: match &o.replay {
                Some(replay) => Some(Replay {
                    mode: word::<ReplayMode>(&replay.mode)?,
                    letters: Vec::new(),
                    per_second: replay.per_second,
                }),
                None => None,
            },
        },
        skipped: detail.skipped.clone(),
        durations: Durations {
            query: d.query,
            change_detection: d.change_detection,
            destination_writes: d.destination_writes,
            finalization: d.finalization,
            waiting: d.waiting,
        },
        timeline: timeline.collect::<Result<_>>()?,
        performance: Performance {
            bytes_read: p.bytes_read,
            bytes_written: p.bytes_written,
            peak_memory_bytes: p.peak_memory_bytes,
            retries: p.retries,
            api_calls: p.api_calls,
            api_call_seconds: p.api_call_seconds,
        },
        guards: guards(&detail.guards),
        complete_read: detail.complete_read,
        not_found: detail.not_found.clone(),
        cursor_before: cursor(&detail.cursor_before),
        cursor_after: cursor(&detail.cursor_after),
        planned_at: detail.planned_at,
        notices: detail.notices.clone(),
        retry_number: detail.retry_number,
        requested_by: detail.requested_by.clone(),
        worker: detail.worker.clone(),
        ..run(&detail.run)?
    })
}

fn error(view: &ErrorView) -> StoredError {
    StoredError {
        code: view.code.clone(),
        message: view.message.clone(),
        help: view.help.clone(),
        causes: view.causes.clone(),
    }
}

fn guards(views: &[GuardView]) -> Vec<GuardVerdict> {
    let verdict = |g: &GuardView| GuardVerdict {
        guard: g.guard.clone(),
        tripped: g.tripped,
        message: g.message.clone(),
        sample: g.sample.clone(),
    };
    views.iter().map(verdict).collect()
}

pub fn row_error(view: &RowErrorView) -> Result<RowErrorRecord> {
    Ok(RowErrorRecord {
        row_id: view.row_id.clone(),
        stage: word::<Stage>(&view.stage)?,
        code: view.code.clone(),
        message: view.message.clone(),
        field: view.field.clone(),
        raw_value: view.raw_value.clone(),
        removal: false,
    })
}

/// Null stands for what is not known, too; and for what a removal leaves.
fn field(view: &syncline_api::FieldView, operation: &str) -> FieldView {
    let known = |value: &Value| (!value.is_null()).then(|| value.clone());
    let after = match operation {
        "delete" | "clear" | "flag" => known(&view.after),
        _ => Some(view.after.clone()),
    };
    FieldView { field: view.field.clone(), before: known(&view.before), after }
}

fn fields(views: &[syncline_api::FieldView], operation: &str) -> Vec<FieldView> {
    views.iter().map(|view| field(view, operation)).collect()
}

pub fn plan(view: &PlanView) -> Result<PlanDocument> {
    let change = |change: &syncline_api::ChangeView| ChangeView {
        row_id: change.row_id.clone(),
        operation: change.operation.clone(),
        fields: fields(&change.fields, &change.operation),
    };
    Ok(PlanDocument {
        format: view.format.clone(),
        run_id: RunId::from_stored(view.run_id.as_str()),
        sync_id: SyncId::parse(&view.sync_id)?,
        digest: view.digest.clone(),
        created_at: view.created_at,
        counters: Counters {
            rows_processed: view.rows_processed,
            rows_created: view.rows_created,
            rows_updated: view.rows_updated,
            rows_deleted: view.rows_deleted,
            rows_skipped: view.rows_skipped,
            rows_failed: view.rows_failed,
            ..Counters::default()
        },
        guards: guards(&view.guards),
        changes: view.changes.iter().map(change).collect(),
        truncated: view.truncated,
    })
}

pub fn record_event(row_id: &str, view: &RecordEventView) -> RowEvent {
    RowEvent {
        row_id: row_id.into(),
        run_id: RunId::from_stored(view.run_id.as_str()),
        run: run_facts(view),
        at: view.at,
        operation: view.operation.clone(),
        result: view.result.clone(),
        code: view.code.clone(),
        message: view.message.clone(),
        field: view.field.clone(),
        fields: fields(&view.fields, &view.operation),
    }
}
/// Words of a newer server that this program does not know are left out.
fn run_facts(view: &RecordEventView) -> Option<RunFacts> {
    Some(RunFacts {
        run_type: word(view.run_type.as_deref()?).ok()?,
        trigger: word(view.trigger.as_deref()?).ok()?,
        status: word(view.status.as_deref()?).ok()?,
    })
}

pub fn letter(view: &LetterView) -> Result<DeadLetter> {
    Ok(DeadLetter {
        id: syncline_core::ids::LetterId::from_stored(view.id.as_str()),
        sync_uid: SyncUid::from_stored(""),
        sync_id: SyncId::parse(&view.sync_id)?,
        entity: view.entity.clone(),
        key: Vec::new(),
        row_id: view.row_id.clone(),
        run_id: RunId::from_stored(view.run_id.as_str()),
        correlation_id: view.correlation_id.clone(),
        state: word::<LetterState>(&view.state)?,
        stage: word::<Stage>(&view.stage)?,
        code: view.code.clone(),
        message: view.message.clone(),
        field: view.field.clone(),
        raw_value: view.raw_value.clone(),
        fingerprint: view.fingerprint.clone(),
        source_row: view.source_row.clone(),
        payload: view.payload.clone(),
        mapping_version: view.mapping_version.clone(),
        op: view.operation.clone(),
        attempts: view.attempts,
        first_seen_at: view.first_seen_at,
        last_seen_at: view.last_seen_at,
        flags: view.flags.clone(),
        source_fp: None,
        edited: view.edited.as_ref().map(|e| EditedPayload {
            payload: e.payload.clone(),
            by: e.by.clone(),
            at: e.at,
        }),
        replayed_by: view.replayed_by.as_deref().map(RunId::from_stored),
        ignored_because: view.ignored_because.clone(),
    })
}
