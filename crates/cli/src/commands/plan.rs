//! `plan` and `apply`: review before anything is written.

use std::io::Write;
use std::sync::Arc;

use syncline_core::run::StoredError;
use syncline_core::sync::StoreValues;
use syncline_core::{Error, ErrorKind, Result, RunStatus, RunType, Trigger};
use syncline_engine::review::{self, PlanDocument};

use crate::Context;
use crate::app::App;
use crate::args::{ApplyArgs, PlanArgs};
use crate::commands::run::{execute, finish_one};
use crate::execution::executed;
use crate::exit::Exit;
use crate::fault::{Fault, Outcome};
use crate::output;

pub async fn plan(context: &Context, args: &PlanArgs) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let options = args.read.options()?;
    let engine = Arc::new(app.engine_without_writing(context).await?);
    let run = execute(context, &app, &engine, sync, RunType::Test, options).await?;
    if run.status != RunStatus::Completed {
        if context.out.json {
            return Err(Fault::Error(error_of(run.error.as_ref())));
        }
        return Ok(Exit::of_run(&run));
    }
    let plan = review::document(&engine, &run, args.limit).await?;
    if let Some(path) = &args.out {
        let whole = review::document(&engine, &run, usize::MAX).await?;
        save(path, &whole)?;
    }
    if context.out.json {
        context.out.json(&syncline_server::views::plan(plan));
    } else {
        context.out.raw(&output::plan_text(
            &context.out,
            sync.store_values != StoreValues::None,
            &run,
            &plan,
        ));
        if let Some(path) = &args.out {
            context.out.remark(&format!("saved; apply it with `syncline apply {}`", path.display()));
        }
    }
    let exit = Exit::of_run(&run);
    let changes = run.counters.succeeded() + run.counters.rows_deleted > 0;
    Ok(if args.exit_code && changes { Exit::Changes } else { exit })
}

/// The stored error of a run as one to report.
pub fn error_of(stored: Option<&StoredError>) -> Error {
    let Some(stored) = stored else { return Error::internal("the run ended without a reason") };
    let kind = serde_json::from_value(serde_json::Value::String(stored.code.clone()));
    let error = Error::new(kind.unwrap_or(ErrorKind::Internal), stored.message.clone());
    match &stored.help {
        Some(help) => error.help(help.clone()),
        None => error,
    }
}

pub fn save(path: &std::path::Path, plan: &PlanDocument) -> Outcome<()> {
    let write = || -> std::io::Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        serde_json::to_writer_pretty(&mut file, plan)?;
        file.write_all(b"\n")?;
        file.flush()
    };
    write().map_err(|e| Error::from(e).context(path.display()))?;
    Ok(())
}

/// Reads a plan that was saved.
pub fn saved(args: &ApplyArgs) -> Result<PlanDocument> {
    let path = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|e| Error::new(ErrorKind::BadUsage, format!("{path}: {e}")))?;
    review::parse_document(&text).map_err(|e| e.context(path))
}

pub async fn apply(context: &Context, args: &ApplyArgs) -> Outcome {
    let app = App::open(context)?;
    let plan = saved(args)?;
    let sync = app.sync(plan.sync_id.as_str())?;
    let ends = app.endpoints(sync)?;
    let engine = app.engine(context).await?;
    let engine = &engine;
    let run = executed(context, &sync.id, |watch| async move {
        Box::pin(engine.apply_saved(&plan.run_id, &plan.digest, sync, &ends, Trigger::Cli, &watch)).await
    })
    .await?;
    finish_one(context, engine, &run).await
}
