//! The spans of a run: one for the run, and one for each phase of its timeline.

use std::time::SystemTime;

use jiff::Timestamp;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::SpanData;
use sha2::{Digest, Sha256};
use syncline_core::run::TimelineEntry;
use syncline_core::{Run, RunStatus};

use crate::traces::export::span;

/// The span of a run. Those of its phases begin with it.
pub const NAME: &str = "syncline.run";

/// A run's trace has its correlation id.
pub fn trace_of(run: &Run) -> Option<TraceId> {
    TraceId::from_hex(&run.correlation_id).ok().filter(|trace| *trace != TraceId::INVALID)
}

/// What a request links to that asks for a run to go on: the span that its next stretch will have.
pub fn coming(run: &Run) -> Option<SpanContext> {
    let id = span_id(run, "run", run.timeline.len());
    Some(SpanContext::new(trace_of(run)?, id, TraceFlags::SAMPLED, true, TraceState::default()))
}

/// Spans of the stretch of a run that ended just now.
pub fn spans(run: &Run, trace: TraceId) -> Vec<SpanData> {
    let first = stretch(&run.timeline);
    let phases = &run.timeline[first..];
    let began = match phases.first() {
        Some(phase) if first > 0 => phase.started_at,
        _ => run.started_at.unwrap_or(run.created_at),
    };
    let ended = run.completed_at.or_else(|| phases.last()?.ended_at).unwrap_or(began).max(began);
    let mut root = span(trace, span_id(run, "run", first), NAME.into(), SpanKind::Internal);
    (root.start_time, root.end_time) = (time(began), time(ended));
    root.attributes = attributes(run);
    if matches!(run.status, RunStatus::Failed | RunStatus::SourceFailure) {
        let code = run.error.as_ref().map_or_else(String::new, |error| error.code.clone());
        root.status = Status::error(code);
    }
    let parent = root.span_context.span_id();
    let mut all = vec![root];
    for (number, phase) in phases.iter().enumerate() {
        let name = format!("{NAME}.{}", phase.phase.as_str());
        let id = span_id(run, "phase", first + number);
        let mut child = span(trace, id, name, SpanKind::Internal);
        child.parent_span_id = parent;
        child.start_time = time(phase.started_at);
        child.end_time = time(phase.ended_at.unwrap_or(ended).max(phase.started_at));
        child.attributes = identity(run);
        all.push(child);
    }
    all
}

/// Where the last stretch of a timeline begins: phases follow each other at once, except after a hold.
fn stretch(timeline: &[TimelineEntry]) -> usize {
    let gap = timeline.windows(2).rposition(|pair| pair[0].ended_at != Some(pair[1].started_at));
    gap.map_or(0, |at| at + 1)
}

/// The same for the same part of the same run, so that a run can be linked to before it is told of, and
/// what is told again after a crash is not a second run.
fn span_id(run: &Run, part: &str, number: usize) -> SpanId {
    let hash = Sha256::digest(format!("{} {part} {number}", run.id));
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    SpanId::from_bytes(bytes)
}

fn time(at: Timestamp) -> SystemTime {
    at.into()
}

/// By which a run is found.
pub fn identity(run: &Run) -> Vec<KeyValue> {
    vec![
        KeyValue::new("syncline.run.id", run.id.to_string()),
        KeyValue::new("syncline.sync.id", run.sync_id.to_string()),
        KeyValue::new("syncline.correlation_id", run.correlation_id.clone()),
    ]
}

/// Codes and counts only: messages may quote values of rows [S13].
fn attributes(run: &Run) -> Vec<KeyValue> {
    let mut all = identity(run);
    let words = [
        ("syncline.run.type", run.run_type.as_str()),
        ("syncline.run.trigger", run.trigger.as_str()),
        ("syncline.run.status", run.status.as_str()),
        ("syncline.run.read_mode", run.options.read_mode.as_str()),
    ];
    all.extend(words.map(|(name, word)| KeyValue::new(name, word)));
    let (c, p) = (&run.counters, &run.performance);
    let counts = [
        ("syncline.rows.read", c.rows_processed),
        ("syncline.rows.created", c.rows_created),
        ("syncline.rows.updated", c.rows_updated),
        ("syncline.rows.deleted", c.rows_deleted),
        ("syncline.rows.delete_failed", c.rows_delete_failed),
        ("syncline.rows.skipped", c.rows_skipped),
        ("syncline.rows.failed", c.rows_failed),
        ("syncline.rows.not_attempted", c.rows_not_attempted),
        ("syncline.bytes.read", p.bytes_read),
        ("syncline.bytes.written", p.bytes_written),
        ("syncline.write.retries", p.retries.into()),
        ("syncline.write.calls", p.api_calls),
    ];
    all.extend(counts.map(|(name, n)| KeyValue::new(name, i64::try_from(n).unwrap_or(i64::MAX))));
    all.push(KeyValue::new("syncline.run.waiting_seconds", run.durations.waiting));
    all.push(KeyValue::new("syncline.run.partially_written", run.partially_written));
    if let Some(earlier) = &run.retry_of {
        all.push(KeyValue::new("syncline.run.retry_of", earlier.to_string()));
    }
    if let Some(error) = &run.error {
        all.push(KeyValue::new("error.type", error.code.clone()));
    }
    let tripped: Vec<_> = run.guards.iter().filter(|g| g.tripped).map(|g| g.guard.as_str()).collect();
    if !tripped.is_empty() {
        all.push(KeyValue::new("syncline.run.guards", tripped.join(",")));
    }
    all
}
