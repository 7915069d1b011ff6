//! `runs` and `runs show`.

use jiff::Timestamp;
use syncline_api::{List, RunDetail, RunView};
use syncline_core::run::TimelineEntry;
use syncline_core::{Counters, Durations, Phase, Result, Run, RunStatus};
use syncline_engine::{Engine, review};
use syncline_store::{Page, RowErrorFilter, RowErrorRecord, RunFilter};

use crate::Context;
use crate::args::{RunRef, RunsArgs, RunsCommand, RunsList};
use crate::commands::errors::errors_table;
use crate::exit::Exit;
use crate::fault::{Outcome, causes};
use crate::output::{self, Column, Out, Style};
use crate::records::Records;
use crate::select;

/// Waiting that is worth a line: shorter ones would read as nothing.
const WAITING_SHOWN_SECONDS: f64 = 0.001;

/// Failed rows that `show` lists.
pub const ERRORS_SHOWN: u64 = 10;

pub async fn runs(context: &Context, args: &RunsArgs) -> Outcome {
    match &args.show {
        Some(RunsCommand::Show(run)) => show(context, run).await,
        None => list(context, &args.list).await,
    }
}

async fn list(context: &Context, args: &RunsList) -> Outcome {
    let records = Records::open(context)?;
    let page = Page { number: args.page, size: args.limit };
    let (runs, total, now) = match records.reader().await? {
        Some(engine) => {
            let (runs, total) = engine.store.runs(&filter(&records, &engine, args).await?, page).await?;
            (runs, total, engine.clock.now())
        }
        None => (Vec::new(), 0, jiff::Timestamp::now()),
    };
    print_list(&context.out, &runs, page, total, now);
    Ok(Exit::Done)
}

/// One page of runs.
pub fn print_list(out: &Out, runs: &[Run], page: Page, total: u64, now: Timestamp) {
    if out.json {
        let data = runs.iter().map(|run| RunView::of(run, now)).collect();
        out.json(&List::new(data, page, total));
    } else if runs.is_empty() {
        out.line(if total == 0 { "No runs." } else { "No runs on this page." });
    } else {
        out.line(runs_table(out, runs, now));
        let shown = page.offset() + runs.len() as u64;
        if total > shown {
            let next = page.number + 1;
            out.remark(&format!(
                "\n{} of {}; --page {next} shows the next",
                output::grouped(shown),
                output::counted(total, "run")
            ));
        }
    }
}

async fn filter(records: &Records, engine: &Engine, args: &RunsList) -> Result<RunFilter> {
    let sync_uid = match &args.sync {
        Some(id) => Some(records.known_sync(engine, id).await?.uid),
        None => None,
    };
    let mut statuses = args.status.clone();
    if statuses.contains(&RunStatus::Failed) {
        statuses.push(RunStatus::SourceFailure);
    }
    Ok(RunFilter {
        sync_uid,
        statuses,
        run_types: args.kind.map(Into::into).into_iter().collect(),
        ..RunFilter::default()
    })
}

fn runs_table(out: &Out, runs: &[Run], now: jiff::Timestamp) -> String {
    let columns = [
        Column::left("RUN"),
        Column::left("SYNC"),
        Column::left("TYPE").optional(),
        Column::left("STATUS"),
        Column::left("STARTED"),
        Column::right("TOOK").optional(),
        Column::right("ROWS"),
        Column::right("CREATED").optional(),
        Column::right("UPDATED").optional(),
        Column::right("DELETED").optional(),
        Column::right("FAILED").optional(),
        Column::left("TRIGGER").optional(),
    ];
    // On a terminal the age says more in less room; `show` has the exact time.
    let started = |at| if out.width.is_some() { output::ago(at, now) } else { output::local(at) };
    let rows = runs.iter().map(|run| {
        let c = &run.counters;
        let (style, status) = output::status_text(run);
        let failed = (c.rows_failed > 0).then_some(Style::Warn);
        let count = |n: u64| (if n == 0 { Some(Style::Dim) } else { None }, output::grouped(n));
        vec![
            (None, output::short_id(&run.id).to_string()),
            (None, run.sync_id.to_string()),
            (None, run.run_type.as_str().to_string()),
            (Some(style), status),
            (None, run.started_at.map(started).unwrap_or_default()),
            (None, run.duration_seconds(now).map(output::duration).unwrap_or_default()),
            count(c.rows_processed),
            count(c.rows_created),
            count(c.rows_updated),
            count(c.rows_deleted),
            (failed.or(count(c.rows_failed).0), output::grouped(c.rows_failed)),
            (None, run.trigger.as_str().to_string()),
        ]
    });
    output::table(out, &columns, rows.collect())
}

async fn show(context: &Context, args: &RunRef) -> Outcome {
    let engine = Records::open(context)?.reader_of_runs().await?;
    let run = select::run(&engine, &args.run).await?;
    let now = engine.clock.now();
    if context.out.json {
        context.out.json(&RunDetail::of(&run, now));
        return Ok(Exit::Done);
    }
    let planned = if output::is_rejected(&run) { planned(&engine, &run).await } else { None };
    let (errors, total) =
        engine.store.row_errors(&run.id, &RowErrorFilter::ALL, Page::first(ERRORS_SHOWN)).await?;
    print_run(&context.out, &run, planned.as_ref(), (&errors, total), now);
    Ok(Exit::Done)
}

/// One run in full, with the first of its `errors` and how many there are. `planned`: what a rejected run
/// would have done.
pub fn print_run(
    out: &Out,
    run: &Run,
    planned: Option<&Counters>,
    errors: (&[RowErrorRecord], u64),
    now: Timestamp,
) {
    let (style, status) = output::status_text(run);
    let sync = out.paint(Style::Strong, run.sync_id.as_str());
    out.line(format!("{sync}  {}  {}", run.id, out.paint(style, &status)));
    out.prose(output::verdict(run, now));
    if let Some(planned) = planned {
        out.prose(output::undone(planned));
    }
    out.line("");
    out.raw(&output::summary_box(run, run.duration_seconds(now).unwrap_or(0.0)));
    out.raw(&facts(out, run));
    out.raw(&timeline(out, &run.timeline, now));
    out.raw(&durations(out, &run.durations));
    out.raw(&guards(out, run));
    out.raw(&error(out, run));
    row_errors(out, run, errors);
    for notice in &run.notices {
        out.prose(format!("{} {notice}", out.paint(Style::Dim, "note:")));
    }
}

/// The changes of a run's plan, as long as the plan is kept.
async fn planned(engine: &Engine, run: &Run) -> Option<Counters> {
    match review::document(engine, run, 0).await {
        Ok(plan) => Some(plan.counters),
        Err(e) => {
            tracing::debug!("the plan of {} is not shown: {e}", run.id);
            None
        }
    }
}

fn heading(out: &Out, text: &str) -> String {
    format!("\n{}\n", out.paint(Style::Strong, text))
}

/// What the run was asked to do and what follows from it, a line each.
fn facts(out: &Out, run: &Run) -> String {
    let mut facts: Vec<(&str, String)> = Vec::new();
    facts.push(("type", run.run_type.as_str().into()));
    facts.push(("trigger", run.trigger.as_str().into()));
    let options = &run.options;
    facts.push(("read mode", options.read_mode.as_str().into()));
    if !options.source_ids.is_empty() {
        facts.push(("source ids", options.source_ids.join(", ")));
    }
    if let Some(n) = options.max_entities {
        facts.push(("max entities", output::grouped(n)));
    }
    if let Some(n) = options.batch_size {
        facts.push(("batch size", output::grouped(n.into())));
    }
    if let Some(of) = &run.retry_of {
        facts.push(("retry of", of.to_string()));
    }
    if let Some(of) = &options.plan_of {
        facts.push(("plan of", of.to_string()));
    }
    if let Some(at) = run.started_at {
        facts.push(("started", output::local(at)));
    }
    if let Some(at) = run.completed_at {
        facts.push(("completed", output::local(at)));
    }
    match (&run.cursor_before, &run.cursor_after) {
        (Some(from), Some(to)) if from == to => facts.push(("cursor", from.to_string())),
        (Some(from), Some(to)) => facts.push(("cursor", format!("{from} → {to}"))),
        (None, Some(to)) => facts.push(("cursor", to.to_string())),
        (Some(from), None) => facts.push(("cursor", from.to_string())),
        (None, None) => {}
    }
    if !run.skipped.is_empty() {
        let reasons =
            run.skipped.iter().map(|(why, n)| format!("{} {}", output::grouped(*n), why.replace('_', " ")));
        facts.push(("skipped", reasons.collect::<Vec<_>>().join(", ")));
    }
    if !run.not_found.is_empty() {
        facts.push(("not found", run.not_found.join(", ")));
    }
    facts.push(("correlation", run.correlation_id.clone()));
    let mut text = String::from("\n");
    for (name, value) in facts {
        let name = out.paint(Style::Dim, &format!("{name:<14}"));
        text += &format!("{}\n", out.wrapped(&format!("{name}{value}"), Some(14)));
    }
    text
}

fn timeline(out: &Out, entries: &[TimelineEntry], now: jiff::Timestamp) -> String {
    let Some(first) = entries.first() else { return String::new() };
    let mut text = heading(out, "Timeline");
    for entry in entries {
        let after = entry.started_at.duration_since(first.started_at).as_secs_f64();
        let took = entry.ended_at.unwrap_or(now).duration_since(entry.started_at).as_secs_f64();
        let still = if entry.ended_at.is_none() { "  still going" } else { "" };
        // Otherwise the phase and the query's own duration below seem to contradict each other.
        let note = match entry.phase {
            Phase::Extracting => out.paint(Style::Dim, "  rows are compared as they arrive"),
            _ => String::new(),
        };
        text += &format!(
            "  +{:<8} {:<22} {:>8}{still}{note}\n",
            output::duration(after),
            entry.phase.label(),
            output::duration(took)
        );
    }
    text
}

/// Where the time went. Unlike the timeline's first phase this tells waiting for the source from
/// comparing, which goes on while rows arrive.
fn durations(out: &Out, durations: &Durations) -> String {
    if durations.total() + durations.waiting == 0.0 {
        return String::new();
    }
    let mut text = heading(out, "Durations");
    let mut parts = vec![
        ("query", durations.query),
        ("change detection", durations.change_detection),
        ("destination writes", durations.destination_writes),
        ("finalization", durations.finalization),
    ];
    if durations.waiting >= WAITING_SHOWN_SECONDS {
        parts.push(("waiting", durations.waiting));
    }
    for (name, seconds) in parts {
        text += &format!("  {name:<32} {:>8}\n", output::duration(seconds));
    }
    text
}

fn guards(out: &Out, run: &Run) -> String {
    if run.guards.is_empty() {
        return String::new();
    }
    let mut text = heading(out, "Guards");
    for verdict in &run.guards {
        let (style, icon) = if verdict.tripped { (Style::Held, '‖') } else { (Style::Good, '✓') };
        let name = format!("{icon} {:<16}", verdict.guard);
        let line = format!("  {} {}", out.paint(style, &name), verdict.message);
        text += &format!("{}\n", out.wrapped(&line, Some(21)));
        if !verdict.sample.is_empty() {
            let line = format!("{:21}for example {}", "", verdict.sample.join(", "));
            text += &format!("{}\n", out.wrapped(&line, Some(21)));
        }
    }
    if run.status == RunStatus::Held {
        let id = output::short_id(&run.id);
        text += &format!("\n  release it:  syncline approve {id}\n  end it:      syncline reject {id}\n");
    }
    text
}

fn error(out: &Out, run: &Run) -> String {
    // That somebody rejected it is said already, and is no error.
    let Some(error) = run.error.as_ref().filter(|_| !output::is_rejected(run)) else { return String::new() };
    let code = out.paint(Style::Bad, &format!("error[{}]", error.code));
    let mut text = format!("\n{code}: {}\n", error.message);
    for cause in causes(error) {
        text += &format!("  caused by: {cause}\n");
    }
    if let Some(help) = &error.help {
        text += &format!("{}: {help}\n", out.paint(Style::Accent, "help"));
    }
    out.wrapped(&text, None)
}

fn row_errors(out: &Out, run: &Run, (errors, total): (&[RowErrorRecord], u64)) {
    if errors.is_empty() {
        return;
    }
    out.raw(&heading(out, "Failed rows"));
    out.line(errors_table(out, errors));
    if total > errors.len() as u64 {
        let all = output::counted(total, "error");
        out.line(format!("see all {all}: syncline errors {}", output::short_id(&run.id)));
    }
}
