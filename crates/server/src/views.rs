//! Answers that are made from the engine's documents.

use serde_json::Value;
use syncline_api::{ChangeView, FieldView, GuardView, PlanView, PurgeView, RecordEventView};
use syncline_core::SyncId;
use syncline_engine::PurgeReport;
use syncline_engine::review::{self, PlanDocument, RowEvent};

/// A plan as people review it.
pub fn plan(document: PlanDocument) -> PlanView {
    let c = document.counters;
    PlanView {
        run_id: document.run_id.to_string(),
        sync_id: document.sync_id.to_string(),
        digest: document.digest,
        created_at: document.created_at,
        rows_processed: c.rows_processed,
        rows_created: c.rows_created,
        rows_updated: c.rows_updated,
        rows_deleted: c.rows_deleted,
        rows_skipped: c.rows_skipped,
        rows_failed: c.rows_failed,
        guards: document
            .guards
            .into_iter()
            .map(|g| GuardView { guard: g.guard, tripped: g.tripped, message: g.message, sample: g.sample })
            .collect(),
        changes: document.changes.into_iter().map(planned).collect(),
        truncated: document.truncated,
        format: document.format,
    }
}

fn planned(change: review::ChangeView) -> ChangeView {
    ChangeView {
        row_id: change.row_id,
        operation: change.operation,
        fields: change.fields.into_iter().map(field).collect(),
        result: "planned".into(),
        code: None,
        message: None,
        field: None,
    }
}

pub fn field(field: review::FieldView) -> FieldView {
    FieldView {
        field: field.field,
        before: field.before.unwrap_or(Value::Null),
        after: field.after.unwrap_or(Value::Null),
    }
}

/// What a purge of so many keys removed, or would remove.
pub fn purge(sync: &SyncId, keys: usize, purged: bool, report: &PurgeReport) -> PurgeView {
    PurgeView {
        sync_id: sync.to_string(),
        keys: keys as u64,
        purged,
        planned_changes: report.changes,
        outcomes: report.outcomes,
        dead_letters: report.stored.letters,
        row_errors: report.stored.row_errors,
        runs: report.stored.runs,
        messages: report.stored.messages,
        entries_removed: report.entries_removed,
        entries_emptied: report.entries_emptied,
        entries_kept: report.entries_kept,
        exported: report.exported,
        answers: report.stored.answers,
        leftover_files: report.leftovers,
    }
}

/// One thing that happened to a record.
pub fn record_event(event: RowEvent) -> RecordEventView {
    RecordEventView {
        run_id: event.run_id.to_string(),
        run_type: event.run.as_ref().map(|run| run.run_type.as_str().into()),
        trigger: event.run.as_ref().map(|run| run.trigger.as_str().into()),
        status: event.run.as_ref().map(|run| run.status.as_str().into()),
        at: event.at,
        operation: event.operation,
        result: event.result,
        code: event.code,
        message: event.message,
        field: event.field,
        fields: event.fields.into_iter().map(field).collect(),
    }
}

/// A change with what became of it.
pub fn change(event: RowEvent) -> ChangeView {
    ChangeView {
        row_id: event.row_id,
        operation: event.operation,
        fields: event.fields.into_iter().map(field).collect(),
        result: event.result,
        code: event.code,
        message: event.message,
        field: event.field,
    }
}
