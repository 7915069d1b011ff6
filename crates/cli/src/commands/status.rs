//! `status`: every sync at a glance.

use serde_json::json;
use syncline_core::sync::{Schedule, When};
use syncline_core::{Result, Run, RunStatus, Sync};
use syncline_engine::Engine;
use syncline_store::{LetterFilter, LetterState, Page, RunFilter, SyncRecord, SyncState};

use crate::Context;
use crate::api::RunView;
use crate::app::App;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};

/// A sync of the project with what the state knows of it.
struct Row<'a> {
    sync: &'a Sync,
    record: Option<SyncRecord>,
    last: Option<Run>,
    held: Vec<Run>,
    delivered: u64,
    pending: u64,
    letters: u64,
}

pub async fn status(context: &Context) -> Outcome {
    let app = App::open(context)?;
    let engine = app.reader().await?;
    let mut rows = Vec::new();
    for sync in &app.project.syncs {
        rows.push(row(engine.as_ref(), sync).await?);
    }
    let now = jiff::Timestamp::now();
    let out = &context.out;
    if out.json {
        let data: Vec<_> = rows.iter().map(|row| view(row, now)).collect();
        out.json(&json!({ "data": data, "state": app.state.to_string() }));
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        out.line("The project has no syncs.");
        return Ok(Exit::Done);
    }
    out.line(rows_table(out, &rows, now));
    out.raw(&waiting(out, &rows));
    out.remark(&format!("\nstate: {}", app.state));
    Ok(Exit::Done)
}

async fn row<'a>(engine: Option<&Engine>, sync: &'a Sync) -> Result<Row<'a>> {
    let mut row =
        Row { sync, record: None, last: None, held: Vec::new(), delivered: 0, pending: 0, letters: 0 };
    let Some(engine) = engine else { return Ok(row) };
    let Some(record) = engine.store.sync(&sync.id).await? else { return Ok(row) };
    let of_sync = RunFilter { sync_uid: Some(record.uid.clone()), ..RunFilter::default() };
    row.last = engine.store.runs(&of_sync, Page::first(1)).await?.0.into_iter().next();
    let held = RunFilter { statuses: vec![RunStatus::Held], ..of_sync };
    row.held = engine.store.runs(&held, Page::first(10)).await?.0;
    if let Some(generation) = engine.store.generation(&record.uid).await? {
        let of_state = |name: &str| generation.states.get(name).copied().unwrap_or(0);
        row.delivered = of_state("delivered");
        row.pending = of_state("pending");
    }
    let open = LetterFilter {
        sync_uid: Some(record.uid.clone()),
        states: vec![LetterState::Open],
        ..LetterFilter::default()
    };
    row.letters = engine.store.letters(&open, Page::first(1)).await?.1;
    row.record = Some(record);
    Ok(row)
}

fn rows_table(out: &Out, rows: &[Row], now: jiff::Timestamp) -> String {
    // What matters least stands last, and gives way first on a narrow terminal.
    let columns = [
        Column::left("SYNC"),
        Column::left("STATE"),
        Column::left("LAST RUN"),
        Column::left("WHEN").optional(),
        Column::right("DEAD LETTERS"),
        Column::right("PENDING").optional(),
        Column::right("DELIVERED").optional(),
        Column::left("SCHEDULE").optional(),
    ];
    let cells = rows.iter().map(|row| {
        let (style, state) = match &row.record {
            Some(record) => state_text(record),
            None => (Style::Dim, "never seeded".to_string()),
        };
        let (last_style, last) = match &row.last {
            Some(run) => output::status_text(run),
            None => (Style::Dim, "–".into()),
        };
        let at = row.last.as_ref().map(|run| run.completed_at.unwrap_or(run.created_at));
        let bad = |n: u64| (Some(if n > 0 { Style::Warn } else { Style::Dim }), output::grouped(n));
        vec![
            (Some(Style::Strong), row.sync.id.to_string()),
            (Some(style), state),
            (Some(last_style), last),
            (None, at.map(|at| output::ago(at, now)).unwrap_or_default()),
            bad(row.letters),
            bad(row.pending),
            (None, output::grouped(row.delivered)),
            (None, row.sync.schedule.as_ref().map(schedule_text).unwrap_or_else(|| "by hand".into())),
        ]
    });
    output::table(out, &columns, cells.collect())
}

/// What needs a person.
fn waiting(out: &Out, rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for run in &row.held {
            text += &format!("\n{} {}\n", out.paint(Style::Held, "‖ held"), row.sync.id);
            text += &output::held_text(out, run);
        }
        if let Some(SyncRecord { state: SyncState::Halted { reason, .. }, .. }) = &row.record {
            let id = &row.sync.id;
            let halted = out.paint(Style::Bad, "✗ halted");
            text += &format!("\n{}\n", out.wrapped(&format!("{halted} {id}: {reason}"), None));
            text += &format!("  look:     syncline errors last\n  go on:    syncline activate {id}\n");
        }
    }
    text
}

fn state_text(record: &SyncRecord) -> (Style, String) {
    let seeded = if record.generation == 0 { ", never seeded" } else { "" };
    match &record.state {
        SyncState::Active => (Style::Good, format!("active{seeded}")),
        SyncState::Inactive => (Style::Dim, format!("inactive{seeded}")),
        SyncState::Halted { .. } => (Style::Bad, "halted".into()),
    }
}

pub fn state_name(state: &SyncState) -> &'static str {
    match state {
        SyncState::Active => "active",
        SyncState::Inactive => "inactive",
        SyncState::Halted { .. } => "halted",
    }
}

fn schedule_text(schedule: &Schedule) -> String {
    match &schedule.when {
        When::Every(period) => format!("every {}", period_text(period.as_secs())),
        When::Cron { expression, timezone } => format!("{expression} {timezone}"),
        When::After(sync) => format!("after {sync}"),
    }
}

/// `15m`, `2h`, `90s`: the largest unit that fits exactly.
fn period_text(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
    match units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

fn view(row: &Row, now: jiff::Timestamp) -> serde_json::Value {
    let halt = match row.record.as_ref().map(|r| &r.state) {
        Some(SyncState::Halted { reason, since, failures }) => {
            json!({ "reason": reason, "since": since, "failures": failures })
        }
        _ => serde_json::Value::Null,
    };
    json!({
        "sync_id": row.sync.id,
        "state": row.record.as_ref().map(|r| state_name(&r.state)),
        "halt": halt,
        "seeded": row.record.as_ref().is_some_and(|r| r.generation > 0),
        "schedule": row.sync.schedule.as_ref().map(schedule_text),
        "last_run": row.last.as_ref().map(|run| RunView::of(run, now)),
        "held_runs": row.held.iter().map(|run| &run.id).collect::<Vec<_>>(),
        "delivered": row.delivered,
        "pending": row.pending,
        "dead_letters": row.letters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_use_the_largest_unit_that_fits() {
        for (seconds, text) in [(900, "15m"), (7_200, "2h"), (90, "90s"), (86_400, "1d"), (0, "0s")] {
            assert_eq!(period_text(seconds), text);
        }
    }
}
