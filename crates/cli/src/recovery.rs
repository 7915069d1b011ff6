//! Runs whose process died are brought to their end before anything else is written.

use syncline_core::run::StoredError;
use syncline_core::{Error, ErrorKind, Result, Run, RunStatus, Sync, Trigger};
use syncline_engine::Engine;
use syncline_store::{Page, RunFilter};

use crate::Context;
use crate::app::App;
use crate::execution::executed;
use crate::output::{self, Style};

/// Queued runs looked at.
const QUEUED_MAX: u64 = 1_000;

/// What becomes of runs whose process died.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// They send what is left of their plan, if it is fresh.
    GoOn,
    /// What they sent is settled, and the rest is left to the next run.
    Settle,
}

/// Settles what stopped processes left behind, and says so in a line each. The state is locked by
/// this process, so whoever began these runs is gone.
pub async fn settle_orphans(context: &Context, app: &App, engine: &Engine, orphans: Orphans) -> Result<()> {
    for run in engine.orphans().await? {
        let id = run.id.clone();
        let sync_id = run.sync_id.clone();
        let recovered = match settle(context, app, engine, run, orphans).await {
            Ok(recovered) => recovered,
            // Other syncs can go on; this one stays blocked by its open run.
            Err(e) => {
                let head = context.out.paint_note(Style::Warn, "warning");
                let id = output::short_id(&id);
                context.out.remark(&format!(
                    "{head}: {id} of {sync_id} was stopped in the middle and cannot be settled now: {e}"
                ));
                continue;
            }
        };
        let sentence = output::verdict(&recovered, engine.clock.now());
        let head = context.out.paint_note(Style::Accent, "recovered");
        context.out.remark(&format!(
            "{head} {} of {sync_id}, whose process had stopped: {sentence}",
            output::short_id(&id)
        ));
    }
    drop_queued(context, engine).await
}

async fn settle(context: &Context, app: &App, engine: &Engine, run: Run, orphans: Orphans) -> Result<Run> {
    let pinned: Sync = serde_json::from_str(&engine.store.run_config(&run.id).await?)
        .map_err(|e| Error::new(ErrorKind::Corrupt, format!("its configuration cannot be read: {e}")))?;
    let ends = app.endpoints(&pinned)?;
    let current = app.project.sync(&pinned.id).filter(|_| orphans == Orphans::GoOn);
    let id = pinned.id.clone();
    executed(context, &id, |watch| async move {
        let run = engine.store.reclaim_run(&run.id).await?;
        engine.recover(run, &pinned, current, &ends, &watch).await
    })
    .await
}

/// Runs that a command line queued and did not live to start. Nothing of them was written.
async fn drop_queued(context: &Context, engine: &Engine) -> Result<()> {
    let filter =
        RunFilter { statuses: vec![RunStatus::Queued], triggers: vec![Trigger::Cli], ..RunFilter::default() };
    let (runs, _) = engine.store.runs(&filter, Page::first(QUEUED_MAX)).await?;
    for mut run in runs {
        run.status = run.status.transition(RunStatus::Cancelled)?;
        run.completed_at = Some(engine.clock.now());
        let why = Error::new(ErrorKind::Interrupted, "the process stopped before this run began");
        run.error = Some(StoredError::from(&why));
        engine.store.update_run(&run).await?;
        context.out.remark(&format!(
            "cancelled {} of {}, whose process stopped before it began",
            output::short_id(&run.id),
            run.sync_id
        ));
    }
    Ok(())
}
