//! The JSON that programs get. These shapes are those of the REST API and do not change.

use jiff::Timestamp;
use serde::Serialize;
use syncline_core::run::{GuardVerdict, Performance, RunOptions, StoredError, TimelineEntry};
use syncline_core::{CursorValue, Durations, Phase, Run, RunId, RunType, SyncId};
use syncline_store::{Page, RowErrorRecord};

/// One page of a list.
#[derive(Serialize)]
pub struct ListView<T> {
    pub data: Vec<T>,
    pub pagination: Pagination,
}

#[derive(Serialize)]
pub struct Pagination {
    pub page: u64,
    pub per_page: u64,
    pub total: u64,
}

impl<T> ListView<T> {
    pub fn new(data: Vec<T>, page: Page, total: u64) -> Self {
        Self { data, pagination: Pagination { page: page.number, per_page: page.size, total } }
    }
}

/// A run as an element of a list.
#[derive(Serialize)]
pub struct RunView<'a> {
    pub id: &'a RunId,
    pub sync_id: &'a SyncId,
    pub status: &'static str,
    pub trigger: &'static str,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Whole seconds, rounded.
    pub duration_seconds: Option<u64>,
    pub rows_processed: u64,
    pub rows_created: u64,
    pub rows_updated: u64,
    pub rows_deleted: u64,
    pub rows_failed: u64,
    #[serde(rename = "type")]
    pub run_type: RunType,
    pub outcome: &'static str,
    pub phase: Option<Phase>,
    pub rows_skipped: u64,
    pub rows_not_attempted: u64,
    pub rows_delete_failed: u64,
    pub dry_run: bool,
    pub correlation_id: &'a str,
    pub retry_of: Option<&'a RunId>,
    pub partially_written: bool,
    pub error: Option<&'a StoredError>,
}

impl<'a> RunView<'a> {
    pub fn of(run: &'a Run, now: Timestamp) -> Self {
        let c = &run.counters;
        Self {
            id: &run.id,
            sync_id: &run.sync_id,
            status: run.status.as_str(),
            trigger: run.trigger.as_str(),
            started_at: run.started_at,
            completed_at: run.completed_at,
            duration_seconds: run.duration_seconds(now).map(|s| s.max(0.0).round() as u64),
            rows_processed: c.rows_processed,
            rows_created: c.rows_created,
            rows_updated: c.rows_updated,
            rows_deleted: c.rows_deleted,
            rows_failed: c.rows_failed,
            run_type: run.run_type,
            outcome: run.status.outcome(),
            phase: run.phase,
            rows_skipped: c.rows_skipped,
            rows_not_attempted: c.rows_not_attempted,
            rows_delete_failed: c.rows_delete_failed,
            dry_run: run.dry_run(),
            correlation_id: &run.correlation_id,
            retry_of: run.retry_of.as_ref(),
            partially_written: run.partially_written,
            error: run.error.as_ref(),
        }
    }
}

/// One run in full.
#[derive(Serialize)]
pub struct RunDetail<'a> {
    #[serde(flatten)]
    pub run: RunView<'a>,
    pub created_at: Timestamp,
    pub planned_at: Option<Timestamp>,
    pub timeline: &'a [TimelineEntry],
    pub durations: DurationsView,
    pub api_calls: u64,
    pub api_call_seconds: f64,
    pub performance: &'a Performance,
    pub options: &'a RunOptions,
    pub guards: &'a [GuardVerdict],
    /// Skipped rows by reason.
    pub skipped: &'a std::collections::BTreeMap<String, u64>,
    pub not_found: &'a [String],
    pub cursor_before: Option<String>,
    pub cursor_after: Option<String>,
    pub notices: &'a [String],
}

/// Seconds. The first four do not overlap.
#[derive(Serialize)]
pub struct DurationsView {
    #[serde(flatten)]
    pub phases: Durations,
    /// Everything after the query.
    pub processing: f64,
}

impl<'a> RunDetail<'a> {
    pub fn of(run: &'a Run, now: Timestamp) -> Self {
        Self {
            run: RunView::of(run, now),
            created_at: run.created_at,
            planned_at: run.planned_at,
            timeline: &run.timeline,
            durations: DurationsView { phases: run.durations, processing: run.durations.processing() },
            api_calls: run.performance.api_calls,
            api_call_seconds: run.performance.api_call_seconds,
            performance: &run.performance,
            options: &run.options,
            guards: &run.guards,
            skipped: &run.skipped,
            not_found: &run.not_found,
            cursor_before: run.cursor_before.as_ref().map(CursorValue::to_string),
            cursor_after: run.cursor_after.as_ref().map(CursorValue::to_string),
            notices: &run.notices,
        }
    }
}

/// Failed rows of a run.
#[derive(Serialize)]
pub struct ErrorsView<'a> {
    pub data: Vec<ErrorView<'a>>,
    pub total_errors: u64,
    pub page: u64,
    pub per_page: u64,
}

#[derive(Serialize)]
pub struct ErrorView<'a> {
    pub row_id: &'a str,
    pub field: Option<&'a str>,
    pub message: &'a str,
    pub raw_value: Option<&'a str>,
}

impl<'a> ErrorsView<'a> {
    pub fn of(errors: &'a [RowErrorRecord], page: Page, total: u64) -> Self {
        let data = errors.iter().map(|e| ErrorView {
            row_id: &e.row_id,
            field: e.field.as_deref(),
            message: &e.message,
            raw_value: e.raw_value.as_deref(),
        });
        Self { data: data.collect(), total_errors: total, page: page.number, per_page: page.size }
    }
}
