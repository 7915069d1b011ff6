//! `schedules`: when syncs run by themselves.

use jiff::Timestamp;
use syncline_api::{List, Pagination, ScheduledSync};
use syncline_core::{Error, ErrorKind};

use crate::Context;
use crate::app::App;
use crate::args::SchedulesArgs;
use crate::commands::status::schedule_text;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Column, Out, Style};

pub async fn schedules(context: &Context, args: &SchedulesArgs) -> Outcome {
    let app = App::open(context)?;
    let now = Timestamp::now();
    let store = app.state.catalog().await?;
    let syncs = match &args.sync {
        Some(id) => vec![app.sync(id)?],
        None => app.project.syncs.iter().collect(),
    };
    let syncs: Vec<_> =
        syncs.into_iter().filter_map(|sync| Some((&sync.id, sync.schedule.as_ref()?))).collect();
    let scheduled = match &store {
        Some(store) => syncline_server::scheduled(&**store, &syncs, now).await?,
        None => syncs.iter().map(|(id, when)| syncline_server::unscheduled(id, when, now)).collect(),
    };
    print(&context.out, args, scheduled)
}

/// One sync's schedule, or those of all.
pub fn print(out: &Out, args: &SchedulesArgs, mut scheduled: Vec<ScheduledSync>) -> Outcome {
    scheduled.sort_by(|a, b| a.sync_id.cmp(&b.sync_id));
    let Some(id) = &args.sync else {
        print_all(out, scheduled);
        return Ok(Exit::Done);
    };
    let Some(one) = scheduled.into_iter().next() else {
        return Err(Error::new(ErrorKind::NotFound, format!("{id} has no schedule"))
            .help("set `schedule` in its file; until then it runs by hand")
            .into());
    };
    print_one(out, &one);
    Ok(Exit::Done)
}

fn print_all(out: &Out, scheduled: Vec<ScheduledSync>) {
    if out.json {
        let total = scheduled.len() as u64;
        out.json(&List { data: scheduled, pagination: Pagination { page: 1, per_page: total, total } });
        return;
    }
    if scheduled.is_empty() {
        out.line("No sync has a schedule.");
        return;
    }
    let columns = [
        Column::left("SYNC"),
        Column::left("STATE"),
        Column::left("SCHEDULE"),
        Column::left("NEXT RUN"),
        Column::right("MISSED IN 7 DAYS").optional(),
    ];
    let rows = scheduled.iter().map(|sync| {
        let missed = sync.missed.len() as u64;
        vec![
            (Some(Style::Strong), sync.sync_id.clone()),
            (None, sync.state.clone()),
            (None, schedule_text(&sync.schedule)),
            (None, next_run(sync)),
            (Some(if missed > 0 { Style::Warn } else { Style::Dim }), output::grouped(missed)),
        ]
    });
    out.line(output::table(out, &columns, rows.collect()));
}

fn next_run(sync: &ScheduledSync) -> String {
    match (sync.state.as_str(), sync.next_run_at, &sync.schedule.after) {
        ("active", Some(at), _) => output::local(at),
        ("active", None, Some(upstream)) => format!("after {upstream}"),
        ("active", None, None) => "not yet scheduled: no server runs".into(),
        (state, ..) => format!("never while {state}"),
    }
}

fn print_one(out: &Out, sync: &ScheduledSync) {
    if out.json {
        out.json(sync);
        return;
    }
    let id = out.paint(Style::Strong, &sync.sync_id);
    out.line(format!("{id}  {}, {}", schedule_text(&sync.schedule), sync.state));
    if sync.state != "active" {
        out.remark(&format!("it does not run by itself: syncline activate {}", sync.sync_id));
    }
    if !sync.next_fires.is_empty() {
        out.line(format!("\n{}", out.paint(Style::Strong, "Next fires")));
    }
    for at in &sync.next_fires {
        out.line(format!("  {}", output::local(*at)));
    }
    if !sync.missed.is_empty() {
        out.line(format!("\n{}", out.paint(Style::Strong, "Fires that did not run in the last 7 days")));
    }
    for run in &sync.missed {
        let at = run.run_at.unwrap_or(run.created_at);
        let why = run.end_reason.as_deref().unwrap_or("unknown").replace('_', " ");
        out.line(format!("  {}  {why}", output::local(at)));
    }
}
