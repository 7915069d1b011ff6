//! `approve`, `reject`, `cancel`: what becomes of runs that wait.

use syncline_api::RunDetail;
use syncline_core::run::StoredError;
use syncline_core::{Error, ErrorKind, Run, RunId, RunStatus};
use syncline_engine::Engine;

use crate::Context;
use crate::app::App;
use crate::args::RunRef;
use crate::commands::run::finish_one;
use crate::execution::executed;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Out};
use crate::select;

pub async fn approve(context: &Context, args: &RunRef) -> Outcome {
    let app = App::open(context)?;
    let engine = app.engine(context).await?;
    let run = select::run(&engine, &args.run).await?;
    let sync = app.sync(run.sync_id.as_str())?;
    let ends = app.endpoints(sync)?;
    let engine = &engine;
    let run = executed(context, &sync.id, |watch| async move {
        Box::pin(engine.approve(&run.id, sync, &ends, &watch)).await
    })
    .await?;
    finish_one(context, engine, &run).await
}

pub async fn reject(context: &Context, args: &RunRef) -> Outcome {
    let app = App::open(context)?;
    let engine = app.engine_without_writing(context).await?;
    let run = select::run(&engine, &args.run).await?;
    let run = engine.reject(&run.id).await?;
    ended(context, &engine, &run, "rejected")
}

pub async fn cancel(context: &Context, args: &RunRef) -> Outcome {
    let app = App::open(context)?;
    if let Some(reader) = app.reader().await? {
        // Asked before the state is locked: whoever runs it holds the lock.
        let run = select::run(&reader, &args.run).await?;
        refuse_running(&run)?;
    }
    let engine = app.engine_without_writing(context).await?;
    let mut run = select::run(&engine, &args.run).await?;
    match run.status {
        RunStatus::Held => {
            let run = engine.reject(&run.id).await?;
            ended(context, &engine, &run, "cancelled")
        }
        RunStatus::Queued => {
            run.status = run.status.transition(RunStatus::Cancelled)?;
            run.completed_at = Some(engine.clock.now());
            let why = Error::new(ErrorKind::Cancelled, "cancelled before it started");
            run.error = Some(StoredError::from(&why));
            engine.store.update_run(&run).await?;
            ended(context, &engine, &run, "cancelled")
        }
        status => {
            let id = output::short_id(&run.id);
            let message = format!("{id} is {}: there is nothing to cancel", status.as_str());
            Err(Error::new(ErrorKind::Conflict, message).into())
        }
    }
}

fn refuse_running(run: &Run) -> Outcome<()> {
    if !run.status.is_active() {
        return Ok(());
    }
    let (id, status) = (output::short_id(&run.id), run.status.as_str());
    let message = format!("{id} is {status}: only the process that runs it can cancel it");
    Err(Error::new(ErrorKind::Conflict, message)
        .help("press Ctrl-C there; if that process is gone, the next command that writes settles the run")
        .into())
}

fn ended(context: &Context, engine: &Engine, run: &Run, word: &str) -> Outcome {
    print_ended(&context.out, &RunDetail::of(run, engine.clock.now()), word);
    Ok(Exit::Done)
}

/// A run that ended without writing anything.
pub fn print_ended(out: &Out, run: &RunDetail, word: &str) {
    if out.json {
        out.json(run);
        return;
    }
    let id = RunId::from_stored(run.run.id.as_str());
    out.line(format!("{word} {} of {}: nothing was written", output::short_id(&id), run.run.sync_id));
}
