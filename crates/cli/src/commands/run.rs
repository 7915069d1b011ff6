//! `run` and `retry`: executing syncs.

use std::sync::Arc;

use syncline_api::RunDetail;
use syncline_core::run::RunOptions;
use syncline_core::{Error, ErrorKind, Result, Run, RunStatus, RunType, Sync, Trigger};
use syncline_engine::Engine;
use syncline_store::{Page, RowErrorFilter};

use crate::Context;
use crate::app::App;
use crate::args::{RunArgs, RunRef};
use crate::execution::executed;
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::{self, Style};
use crate::select;
use crate::session::{self, Shares};

pub async fn run(context: &Context, args: &RunArgs) -> Outcome {
    if args.follow.is_some() || args.no_follow {
        return Err(Error::new(ErrorKind::BadUsage, "--follow and --no-follow are for runs of a server")
            .help("name one with --server, or start one here: syncline serve")
            .into());
    }
    let app = App::open(context)?;
    let syncs = match args.all {
        true => select::all(&app.project)?,
        false => select::syncs(&app.project, &args.selectors, &args.tag)?,
    };
    let options = args.read.options()?;
    if !options.source_ids.is_empty() && syncs.len() > 1 {
        return Err(Error::new(ErrorKind::BadUsage, "--source-ids belongs to one sync, not to several")
            .help("name one sync, for example crm.contact")
            .into());
    }
    let mut engine = app.engine(context).await?;
    let shares = Shares::of(engine.memory_budget, args.parallel, syncs.len());
    remark_on_fewer(context, shares.at_once, args.parallel.min(syncs.len()));
    engine.memory_budget = shares.run_bytes;
    let engine = Arc::new(engine);
    let candidates = syncs.iter().map(|sync| session::candidate(&app, sync)).collect();
    let ended = session::run(context, candidates, shares.at_once, |number| {
        execute(context, &app, &engine, syncs[number], args.kind.into(), options.clone())
    })
    .await?;
    if context.out.json {
        let now = engine.clock.now();
        let views: Vec<_> = ended.runs.iter().map(|run| RunDetail::of(run, now)).collect();
        // One sync by name answers with one run, anything else with a list, however long it is.
        let one = args.tag.is_empty() && matches!(args.selectors.as_slice(), [id] if app.sync(id).is_ok());
        match views.as_slice() {
            [run] if one => context.out.json(run),
            [] if one => {}
            runs => context.out.json(&runs),
        }
    }
    Ok(ended.exit)
}

fn remark_on_fewer(context: &Context, at_once: usize, wanted: usize) {
    if at_once < wanted {
        let head = context.out.paint_note(Style::Warn, "note");
        let (at_once, wanted) = (at_once as u64, wanted as u64);
        context.out.remark(&format!(
            "{head}: {} at a time instead of {wanted}: settings.memory_budget is shared by them, and a run \
             needs at least {}",
            output::counted(at_once, "sync"),
            session::RUN_MEMORY_MIN,
        ));
    }
}

/// Queues and executes one run, and reports it to people.
pub async fn execute(
    context: &Context,
    app: &App,
    engine: &Arc<Engine>,
    sync: &Sync,
    run_type: RunType,
    options: RunOptions,
) -> Outcome<Run> {
    let ends = app.endpoints(sync)?;
    let first = engine.register(sync).await?.generation == 0;
    let run = engine.queue(sync, run_type, Trigger::Cli, options).await?;
    let run = executed(context, &sync.id, |watch| {
        let (engine, sync) = (Arc::clone(engine), sync.clone());
        // A thread of its own, so that runs at once use all processors.
        let here = tokio::runtime::Handle::current();
        let work = move || here.block_on(Box::pin(engine.execute(run, &sync, &ends, &watch)));
        let task = tokio::task::spawn_blocking(work);
        async move {
            match task.await {
                Ok(ended) => ended,
                Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
                Err(e) => Err(Error::internal("the program is shutting down").caused_by(e)),
            }
        }
    })
    .await?;
    if !context.out.json {
        report(context, engine, &run, first).await?;
    }
    Ok(run)
}

/// A new run over the model as it is now: same type and read mode, no source ids or limits.
pub async fn retry(context: &Context, args: &RunRef) -> Outcome {
    let app = App::open(context)?;
    let engine = app.engine(context).await?;
    let earlier = select::run(&engine, &args.run).await?;
    if !earlier.status.is_terminal() {
        let id = output::short_id(&earlier.id);
        let error = Error::new(ErrorKind::Conflict, format!("{id} is {}", earlier.status.as_str()));
        return Err(match earlier.status {
            RunStatus::Held => error.help(format!("approve or reject it: syncline approve {id}")),
            _ => error.help("retry a run that has ended"),
        }
        .into());
    }
    if earlier.options.reseed {
        return Err(Error::new(ErrorKind::BadUsage, "a reseed is not retried, because it removes records")
            .help(format!("ask for it again: syncline seed {} --reseed", earlier.sync_id))
            .into());
    }
    if earlier.run_type == RunType::Replay {
        return Err(Error::new(ErrorKind::BadUsage, "a replay is not retried")
            .help("replay the dead letters that are still open: syncline dlq replay")
            .into());
    }
    let sync = app.sync(earlier.sync_id.as_str())?;
    let ends = app.endpoints(sync)?;
    let options = RunOptions {
        read_mode: earlier.options.read_mode,
        batch_size: earlier.options.batch_size,
        ..RunOptions::default()
    };
    let mut run = engine.queue(sync, earlier.run_type, Trigger::Cli, options).await?;
    run.retry_of = Some(earlier.id.clone());
    engine.store.update_run(&run).await?;
    let engine = &engine;
    let run =
        executed(context, &sync.id, |watch| async move { engine.execute(run, sync, &ends, &watch).await })
            .await?;
    finish_one(context, engine, &run).await
}

/// Reports one run and turns it into an exit code.
pub async fn finish_one(context: &Context, engine: &Engine, run: &Run) -> Outcome {
    if context.out.json {
        context.out.json(&RunDetail::of(run, engine.clock.now()));
    } else {
        report(context, engine, run, false).await?;
    }
    Ok(Exit::of_run(run))
}

/// Tells people how a run ended. `first`: it was the first of its sync.
async fn report(context: &Context, engine: &Engine, run: &Run, first: bool) -> Result<()> {
    let (errors, total) = engine
        .store
        .row_errors(&run.id, &RowErrorFilter::ALL, Page::first(output::ERRORS_GROUPED_MAX))
        .await?;
    let text = output::run_report(&context.out, run, first, (&errors, total), engine.clock.now());
    context.out.raw(&text);
    Ok(())
}
