//! `status`: every sync at a glance.

use serde_json::json;
use syncline_api::{RunView, ScheduleView};
use syncline_core::{Result, Run, RunStatus, Sync, SyncId};
use syncline_engine::Engine;
use syncline_store::{LetterFilter, LetterState, Page, RunFilter, SyncState};

use crate::Context;
use crate::app::App;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};
use crate::select;

/// A sync with what is known of it.
pub struct Row {
    pub id: SyncId,
    pub state: SyncState,
    pub seeded: bool,
    pub schedule: Option<ScheduleView>,
    pub last: Option<Run>,
    /// Held runs in full.
    pub held: Vec<Run>,
    pub delivered: u64,
    pub pending: u64,
    pub letters: u64,
}

pub async fn status(context: &Context) -> Outcome {
    let app = App::open(context)?;
    let engine = app.reader().await?;
    let mut rows = Vec::new();
    for sync in &app.project.syncs {
        rows.push(row(engine.as_ref(), sync).await?);
    }
    print(&context.out, &rows, &app.state.to_string());
    Ok(Exit::Done)
}

/// Every sync, and what waits for somebody. `state`: where all of that is from.
pub fn print(out: &Out, rows: &[Row], state: &str) {
    let now = jiff::Timestamp::now();
    if out.json {
        let data: Vec<_> = rows.iter().map(|row| view(row, now)).collect();
        out.json(&json!({ "data": data, "state": state }));
        return;
    }
    if rows.is_empty() {
        out.line("The project has no syncs.");
        return;
    }
    out.line(rows_table(out, rows, now));
    out.raw(&waiting(out, rows));
    out.remark(&format!("\nstate: {state}"));
}

async fn row(engine: Option<&Engine>, sync: &Sync) -> Result<Row> {
    let mut row = Row {
        id: sync.id.clone(),
        state: SyncState::Inactive,
        seeded: false,
        schedule: sync.schedule.as_ref().map(syncline_server::schedule_view),
        last: None,
        held: Vec::new(),
        delivered: 0,
        pending: 0,
        letters: 0,
    };
    let Some(engine) = engine else { return Ok(row) };
    let Some(record) = engine.store.sync(&sync.id).await? else { return Ok(row) };
    let filter =
        |statuses| RunFilter { sync_uid: Some(record.uid.clone()), statuses, ..RunFilter::default() };
    row.last = engine.store.runs(&filter(select::looked_for()), Page::first(1)).await?.0.into_iter().next();
    row.held = engine.store.runs(&filter(vec![RunStatus::Held]), Page::first(10)).await?.0;
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
    row.seeded = record.generation > 0;
    row.state = record.state;
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
        let (style, state) = state_text(row);
        let (last_style, last) = match &row.last {
            Some(run) => output::status_text(run),
            None => (Style::Dim, "–".into()),
        };
        let at = row.last.as_ref().map(|run| run.completed_at.or(run.started_at).unwrap_or(run.created_at));
        let bad = |n: u64| (Some(if n > 0 { Style::Warn } else { Style::Dim }), output::grouped(n));
        vec![
            (Some(Style::Strong), row.id.to_string()),
            (Some(style), state),
            (Some(last_style), last),
            (None, at.map(|at| output::ago(at, now)).unwrap_or_default()),
            bad(row.letters),
            bad(row.pending),
            (None, output::grouped(row.delivered)),
            (None, row.schedule.as_ref().map(schedule_text).unwrap_or_else(|| "by hand".into())),
        ]
    });
    output::table(out, &columns, cells.collect())
}

/// What needs a person.
fn waiting(out: &Out, rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for run in &row.held {
            text += &format!("\n{} {}\n", out.paint(Style::Held, "‖ held"), row.id);
            text += &output::held_text(out, run);
        }
        if let SyncState::Halted { reason, .. } = &row.state {
            let id = &row.id;
            let halted = out.paint(Style::Bad, "✗ halted");
            text += &format!("\n{}\n", out.wrapped(&format!("{halted} {id}: {reason}"), None));
            text += &format!("  look:     syncline errors last\n  go on:    syncline activate {id}\n");
        }
    }
    text
}

fn state_text(row: &Row) -> (Style, String) {
    match &row.state {
        SyncState::Active if row.seeded => (Style::Good, "active".into()),
        SyncState::Active => (Style::Good, "active, never seeded".into()),
        SyncState::Inactive if row.seeded => (Style::Dim, "inactive".into()),
        SyncState::Inactive => (Style::Dim, "never seeded".into()),
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

/// `every 15m`, a cron expression with its zone, or `after crm.company`.
pub fn schedule_text(schedule: &ScheduleView) -> String {
    match (&schedule.every_seconds, &schedule.cron, &schedule.after) {
        (Some(seconds), _, _) => format!("every {}", period_text(seconds.round() as u64)),
        (_, Some(cron), _) => format!("{cron} {}", schedule.timezone.as_deref().unwrap_or_default()),
        (_, _, Some(upstream)) => format!("after {upstream}"),
        (None, None, None) => String::new(),
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
    let halt = match &row.state {
        SyncState::Halted { reason, since, failures } => {
            json!({ "reason": reason, "since": since, "failures": failures })
        }
        _ => serde_json::Value::Null,
    };
    json!({
        "sync_id": row.id,
        "state": state_name(&row.state),
        "halt": halt,
        "seeded": row.seeded,
        "schedule": row.schedule.as_ref().map(schedule_text),
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
