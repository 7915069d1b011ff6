//! What a person decides, carried out by a server.

use reqwest::Method;
use serde_json::json;
use syncline_api::{CursorChangeView, CursorRequest, CursorView, List, RunDetail, SyncView};
use syncline_core::{Error, ErrorKind, RunStatus};

use super::follow::to_its_end;
use super::start::finish;
use super::{Client, known, select};
use crate::Context;
use crate::args::{CursorCommand, RunRef, SyncRef};
use crate::commands::{activation, cursor as local, release};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output;

pub async fn approve(context: &Context, server: &Client, args: &RunRef) -> Outcome {
    let held = select::run(server, &args.run).await?;
    let run: RunDetail = server.post(&["runs", &held.run.id, "approve"]).await?;
    let ended = to_its_end(context, server, &run).await?;
    finish(context, server, &ended).await
}

pub async fn reject(context: &Context, server: &Client, args: &RunRef) -> Outcome {
    let held = select::run(server, &args.run).await?;
    let run: RunDetail = server.post(&["runs", &held.run.id, "reject"]).await?;
    release::print_ended(&context.out, &run, "rejected");
    Ok(Exit::Done)
}

/// A run that goes on ends at the next safe point, which is waited for.
pub async fn cancel(context: &Context, server: &Client, args: &RunRef) -> Outcome {
    let run = select::run(server, &args.run).await?;
    let status = known::run_in_full(&run)?.status;
    if status.is_terminal() {
        let id = known::run_in_full(&run)?.id;
        let message = format!("{} is {}: there is nothing to cancel", output::short_id(&id), status.as_str());
        return Err(Error::new(ErrorKind::Conflict, message).into());
    }
    let verb = if status == RunStatus::Held { "reject" } else { "cancel" };
    let run: RunDetail = server.post(&["runs", &run.run.id, verb]).await?;
    let ended = to_its_end(context, server, &run).await?;
    let run = known::run_in_full(&ended)?;
    if run.status == RunStatus::Cancelled && !run.partially_written {
        release::print_ended(&context.out, &ended, "cancelled");
        return Ok(Exit::Done);
    }
    let exit = finish(context, server, &ended).await?;
    // That it is cancelled is what was asked for.
    Ok(if run.status == RunStatus::Cancelled { Exit::Done } else { exit })
}

pub async fn set_active(context: &Context, server: &Client, args: &SyncRef, active: bool) -> Outcome {
    let before = select::sync(server, &args.sync).await?;
    let verb = if active { "activate" } else { "deactivate" };
    let after: SyncView = server.post(&["syncs", &before.id, verb]).await?;
    let halted = before.halted.map(|halted| halted.reason);
    activation::print(
        &context.out,
        &before.id,
        (&before.state, halted.as_deref()),
        &after.state,
        after.seeded,
    );
    Ok(Exit::Done)
}

pub async fn cursor(context: &Context, server: &Client, command: &CursorCommand) -> Outcome {
    match command {
        CursorCommand::Show(args) => {
            let sync = select::sync(server, &args.sync).await?;
            let cursor: CursorView = server.get(&["syncs", &sync.id, "cursor"]).await?;
            local::print(&context.out, &cursor);
            Ok(Exit::Done)
        }
        CursorCommand::History(args) => {
            let sync = select::sync(server, &args.sync).await?;
            let query = [("per_page", Some(local::HISTORY_SHOWN.to_string()))];
            let changes: List<CursorChangeView> =
                server.asked(&["syncs", &sync.id, "cursor", "history"], &query).await?;
            local::print_history(&context.out, &sync.id, &changes);
            Ok(Exit::Done)
        }
        CursorCommand::Set { sync, value, yes } => set_cursor(context, server, sync, value, *yes).await,
    }
}

async fn set_cursor(context: &Context, server: &Client, sync: &str, value: &str, yes: bool) -> Outcome {
    let sync = select::sync(server, sync).await?;
    let before: CursorView = server.get(&["syncs", &sync.id, "cursor"]).await?;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
    let out = &context.out;
    out.remark(&format!("{}: {} → {value}", sync.id, shown(&before.value)));
    if !yes && !local::agreed(context)? {
        return Ok(Exit::Cancelled);
    }
    let request = CursorRequest { value: (value != "none").then(|| value.to_string()) };
    let after: CursorView = server.send(Method::PUT, &["syncs", &sync.id, "cursor"], &request).await?;
    if out.json {
        // How many records that concerns is counted only where the source is.
        out.json(&json!({ "sync_id": after.sync_id, "column": after.column, "value": after.value,
            "records_read": null, "records_read_again": null, "records_passed_over": null }));
    } else {
        out.line(format!("the cursor of {} is {}", after.sync_id, shown(&after.value)));
    }
    Ok(Exit::Done)
}
