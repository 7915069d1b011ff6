//! A run at a server, shown live to its end.

use syncline_api::{ProgressView, RunDetail};
use syncline_core::{Error, ErrorKind, Phase, Result, Run, RunId, RunStatus, SyncId};
use syncline_engine::watch::Watch;

use super::events::Events;
use super::{Client, known, look};
use crate::Context;
use crate::output;

/// Waits until a run has ended or is held. Ctrl-C lets go of it, and it goes on.
pub async fn to_its_end(context: &Context, server: &Client, run: &RunDetail) -> Result<RunDetail> {
    context.interrupt.let_go();
    let sync = SyncId::parse(&run.run.sync_id)?;
    let id = run.run.id.as_str();
    output::watched(context, &sync, |watch| async move {
        tokio::select! {
            ended = until_over(server, id, &watch) => ended,
            _ = watch.stopped() => Err(let_go(server, id)),
        }
    })
    .await
}

fn let_go(server: &Client, id: &str) -> Error {
    let short = RunId::from_stored(id);
    let short = output::short_id(&short);
    Error::new(ErrorKind::Cancelled, format!("let go of {short}, which goes on at {}", server.address()))
        .help(format!("cancel it: syncline cancel {short}; watch it again: syncline run --follow {short}"))
}

async fn until_over(server: &Client, id: &str, watch: &Watch) -> Result<RunDetail> {
    // Listening begins before the look: no change falls between.
    let mut events = Events::of_run(server, id).await?;
    loop {
        let detail: RunDetail = server.get(&["runs", id]).await?;
        let run = known::run_in_full(&detail)?;
        if run.status.is_terminal() || run.status == RunStatus::Held {
            return Ok(detail);
        }
        watch.update(|progress| (progress.status, progress.phase) = (Some(run.status), run.phase));
        while let Some(event) = events.next().await? {
            match event.kind.as_str() {
                "progress" => show(watch, event.data),
                "run" | "reset" => break,
                _ => {}
            }
        }
    }
}

fn show(watch: &Watch, figures: serde_json::Value) {
    let Ok(figures) = serde_json::from_value::<ProgressView>(figures) else { return };
    let phase = figures.phase.and_then(|phase| serde_json::from_value::<Phase>(phase.into()).ok());
    watch.update(|progress| {
        progress.phase = phase;
        progress.discovered = figures.total_discovered;
        progress.planned = figures.planned;
        progress.sent = figures.sent;
    });
}

/// Tells people how a run ended. `first`: it was the first of its sync.
pub async fn report(context: &Context, server: &Client, run: &Run, first: bool) -> Result<()> {
    let failed = run.counters.rows_failed + run.counters.rows_delete_failed;
    let (errors, total) = match failed {
        0 => (Vec::new(), 0),
        _ => look::errors_of(server, &run.id, look::ERRORS_GROUPED_MAX).await?,
    };
    let text = output::run_report(&context.out, run, first, (&errors, total), jiff::Timestamp::now());
    context.out.raw(&text);
    Ok(())
}
