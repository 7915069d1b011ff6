//! What a server has recorded.

use jiff::Timestamp;
use syncline_api::{
    List, PlanView, RecordEventView, RowErrorList, RunDetail, RunView, ScheduledSync, SyncView,
};
use syncline_core::{Error, Result, RunId, RunType, SyncId};
use syncline_store::{Page, RowErrorRecord, SyncState};

use super::client::PER_PAGE;
use super::{Client, known, select};
use crate::Context;
use crate::args::{ErrorsArgs, HistoryArgs, RunsArgs, RunsCommand, RunsList, SchedulesArgs};
use crate::commands::status::Row;
use crate::commands::{errors as local_errors, history as local_history, runs as local_runs};
use crate::commands::{schedules as local_schedules, status as local_status};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output;

/// Errors looked at for the summary of causes.
pub const ERRORS_GROUPED_MAX: u64 = 1_000;

pub async fn status(context: &Context, server: &Client) -> Outcome {
    let syncs: Vec<SyncView> = server.all(&["syncs"], &[]).await?;
    let mut rows = Vec::new();
    for sync in syncs {
        rows.push(row(server, sync).await?);
    }
    local_status::print(&context.out, &rows, server.address());
    Ok(Exit::Done)
}

async fn row(server: &Client, sync: SyncView) -> Result<Row> {
    let mut held = Vec::new();
    for id in &sync.held_runs {
        held.push(known::run_in_full(&server.get::<RunDetail>(&["runs", id]).await?)?);
    }
    let state = match (sync.state.as_str(), sync.halted) {
        (_, Some(h)) => SyncState::Halted { reason: h.reason, since: h.since, failures: h.failures },
        ("active", None) => SyncState::Active,
        (_, None) => SyncState::Inactive,
    };
    Ok(Row {
        id: SyncId::parse(&sync.id)?,
        state,
        seeded: sync.seeded,
        schedule: sync.schedule,
        last: sync.last_run.as_ref().map(known::run).transpose()?,
        held,
        delivered: sync.delivered,
        pending: sync.pending,
        letters: sync.dead_letters,
    })
}

pub async fn runs(context: &Context, server: &Client, args: &RunsArgs) -> Outcome {
    match &args.show {
        Some(RunsCommand::Show(run)) => show(context, server, &run.run).await,
        None => list(context, server, &args.list).await,
    }
}

async fn list(context: &Context, server: &Client, args: &RunsList) -> Outcome {
    let statuses: Vec<_> = args.status.iter().map(|status| status.as_str()).collect();
    let query = [
        ("page", Some(args.page.to_string())),
        ("per_page", Some(args.limit.to_string())),
        ("status", (!statuses.is_empty()).then(|| statuses.join(","))),
        ("type", args.kind.map(|kind| RunType::from(kind).as_str().to_string())),
    ];
    let list: List<RunView> = match &args.sync {
        Some(id) => {
            let sync = select::sync(server, id).await?;
            server.asked(&["syncs", &sync.id, "runs"], &query).await?
        }
        None => server.asked(&["runs"], &query).await?,
    };
    let out = &context.out;
    if out.json {
        out.json(&list);
        return Ok(Exit::Done);
    }
    let runs: Vec<_> = list.data.iter().map(known::run).collect::<Result<_>>()?;
    let page = Page { number: args.page, size: args.limit };
    local_runs::print_list(out, &runs, page, list.pagination.total, Timestamp::now());
    Ok(Exit::Done)
}

async fn show(context: &Context, server: &Client, text: &str) -> Outcome {
    let detail = select::run(server, text).await?;
    let out = &context.out;
    if out.json {
        out.json(&detail);
        return Ok(Exit::Done);
    }
    let run = known::run_in_full(&detail)?;
    let planned = match output::is_rejected(&run) {
        // The plan may be forgotten by now.
        true => server.get::<PlanView>(&["runs", run.id.as_str(), "plan"]).await.ok(),
        false => None,
    };
    let planned = planned.map(|plan| known::plan(&plan)).transpose()?.map(|plan| plan.counters);
    let (errors, total) = errors_of(server, &run.id, local_runs::ERRORS_SHOWN).await?;
    local_runs::print_run(out, &run, planned.as_ref(), (&errors, total), Timestamp::now());
    Ok(Exit::Done)
}

/// A page of the failed rows of a run, of any size: asked for in pages as large as a server gives them.
async fn errors_on(server: &Client, run: &RunId, page: Page) -> Result<RowErrorList> {
    let size = page.size.min(PER_PAGE);
    let wanted = page.offset()..page.offset().saturating_add(page.size);
    let mut data = Vec::new();
    for number in wanted.start / size + 1.. {
        let query = [("page", Some(number.to_string())), ("per_page", Some(size.to_string()))];
        let list: RowErrorList = server.asked(&["runs", run.as_str(), "errors"], &query).await?;
        let places = (number - 1) * size..;
        data.extend(places.zip(list.data).filter(|(at, _)| wanted.contains(at)).map(|(_, error)| error));
        if number * size >= list.total_errors.min(wanted.end) {
            let total_errors = list.total_errors;
            return Ok(RowErrorList { data, total_errors, page: page.number, per_page: page.size });
        }
    }
    Err(Error::internal("a list of errors without an end"))
}

/// The first `most` failed rows of a run, and how many there are.
pub async fn errors_of(server: &Client, run: &RunId, most: u64) -> Result<(Vec<RowErrorRecord>, u64)> {
    let list = errors_on(server, run, Page::first(most)).await?;
    Ok((list.data.iter().map(known::row_error).collect::<Result<_>>()?, list.total_errors))
}

pub async fn errors(context: &Context, server: &Client, args: &ErrorsArgs) -> Outcome {
    let run = RunId::from_stored(select::run(server, &args.run).await?.run.id);
    let list = errors_on(server, &run, Page { number: args.page, size: args.per_page }).await?;
    let errors: Vec<_> = list.data.iter().map(known::row_error).collect::<Result<_>>()?;
    local_errors::print(&context.out, &run, &list, &errors);
    Ok(Exit::Done)
}

pub async fn history(context: &Context, server: &Client, args: &HistoryArgs) -> Outcome {
    let sync = select::sync(server, &args.sync).await?;
    let events: Vec<RecordEventView> = server.get(&["syncs", &sync.id, "records", &args.row_id]).await?;
    let events = events.iter().take(args.limit).map(|event| known::record_event(&args.row_id, event));
    local_history::print(&context.out, &SyncId::parse(&sync.id)?, &args.row_id, events.collect());
    Ok(Exit::Done)
}

pub async fn schedules(context: &Context, server: &Client, args: &SchedulesArgs) -> Outcome {
    let scheduled: Vec<ScheduledSync> = match &args.sync {
        None => server.all(&["schedules"], &[]).await?,
        Some(id) => {
            let sync = select::sync(server, id).await?;
            match sync.schedule {
                Some(_) => vec![server.get(&["syncs", &sync.id, "schedule"]).await?],
                None => Vec::new(),
            }
        }
    };
    local_schedules::print(&context.out, args, scheduled)
}
