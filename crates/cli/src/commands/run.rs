//! `run` and `retry`: executing syncs.

use std::collections::BTreeSet;

use syncline_core::run::RunOptions;
use syncline_core::sync::When;
use syncline_core::{Error, ErrorKind, Run, RunStatus, RunType, Sync, SyncId, Trigger};
use syncline_engine::Engine;

use crate::Context;
use crate::api::RunDetail;
use crate::app::App;
use crate::args::{RunArgs, RunRef};
use crate::exit::Exit;
use crate::fault::{Fault, Outcome};
use crate::output::{self, Style};
use crate::select;

pub async fn run(context: &Context, args: &RunArgs) -> Outcome {
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
    let engine = app.engine(context).await?;
    let mut session = Session::new(context, &app, &engine);
    for sync in syncs {
        session.step(sync, args.kind.into(), &options).await?;
    }
    // One sync by name answers with one run, anything else with a list, however long it is.
    let named = args.tag.is_empty() && matches!(args.selectors.as_slice(), [id] if app.sync(id).is_ok());
    Ok(session.finish(named))
}

/// Several syncs, one after the other.
struct Session<'a> {
    context: &'a Context,
    app: &'a App,
    engine: &'a Engine,
    exit: Exit,
    /// Syncs of this session that did not complete.
    not_completed: BTreeSet<SyncId>,
    runs: Vec<Run>,
}

impl<'a> Session<'a> {
    fn new(context: &'a Context, app: &'a App, engine: &'a Engine) -> Self {
        Self { context, app, engine, exit: Exit::Done, not_completed: BTreeSet::new(), runs: Vec::new() }
    }

    /// Runs one sync, unless something before it stands in the way.
    async fn step(&mut self, sync: &Sync, run_type: RunType, options: &RunOptions) -> Outcome<()> {
        if self.context.interrupt.is_wished() {
            self.exit = self.exit.worst(Exit::Cancelled);
            return Ok(());
        }
        if let Some(When::After(upstream)) = sync.schedule.as_ref().map(|s| &s.when)
            && self.not_completed.contains(upstream)
        {
            self.not_completed.insert(sync.id.clone());
            let head = self.context.out.paint_note(Style::Warn, "skipped");
            let id = &sync.id;
            self.context
                .out
                .remark(&format!("{head} {id}: it runs after {upstream}, which did not complete"));
            return Ok(());
        }
        match execute(self.context, self.app, self.engine, sync, run_type, options.clone()).await {
            Ok(run) => {
                if run.status != RunStatus::Completed {
                    self.not_completed.insert(sync.id.clone());
                }
                self.exit = self.exit.worst(Exit::of_run(&run));
                self.runs.push(run);
            }
            Err(fault) if self.is_of_this_sync(&fault) => {
                self.not_completed.insert(sync.id.clone());
                self.exit = self.exit.worst(fault.exit());
                fault.report(&self.context.out);
            }
            Err(fault) => return Err(fault),
        }
        Ok(())
    }

    /// Whether the other syncs can go on: not when the state itself cannot be kept.
    fn is_of_this_sync(&self, fault: &Fault) -> bool {
        use ErrorKind::*;
        match fault {
            Fault::Error(e) => !matches!(e.kind, Corrupt | LocalIo | StateLocked | StateTooNew | Internal),
            Fault::Problems { .. } => false,
        }
    }

    fn finish(self, one: bool) -> Exit {
        if self.context.out.json {
            let now = self.engine.clock.now();
            let views: Vec<_> = self.runs.iter().map(|run| RunDetail::of(run, now)).collect();
            match views.as_slice() {
                [run] if one => self.context.out.json(run),
                [] if one => {}
                runs => self.context.out.json(&runs),
            }
        }
        self.exit
    }
}

/// Queues and executes one run, and reports it to people.
pub async fn execute(
    context: &Context,
    app: &App,
    engine: &Engine,
    sync: &Sync,
    run_type: RunType,
    options: RunOptions,
) -> Outcome<Run> {
    let ends = app.endpoints(sync)?;
    let first = engine.register(sync).await?.generation == 0;
    let run = engine.queue(sync, run_type, Trigger::Cli, options).await?;
    let run =
        output::watched(
            context,
            &sync.id,
            |watch| async move { engine.execute(run, sync, &ends, &watch).await },
        )
        .await?;
    if !context.out.json {
        output::report_run(&context.out, engine, &run, first).await?;
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
        output::watched(
            context,
            &sync.id,
            |watch| async move { engine.execute(run, sync, &ends, &watch).await },
        )
        .await?;
    finish_one(context, engine, &run).await
}

/// Reports one run and turns it into an exit code.
pub async fn finish_one(context: &Context, engine: &Engine, run: &Run) -> Outcome {
    if context.out.json {
        context.out.json(&RunDetail::of(run, engine.clock.now()));
    } else {
        output::report_run(&context.out, engine, run, false).await?;
    }
    Ok(Exit::of_run(run))
}
