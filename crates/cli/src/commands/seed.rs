//! `seed` and reseed: everything from the source to the target.

use std::sync::Arc;

use syncline_api::RunDetail;
use syncline_core::run::RunOptions;
use syncline_core::{Error, ErrorKind, RunStatus, RunType, Sync, SyncId};
use syncline_engine::Engine;

use crate::Context;
use crate::app::App;
use crate::args::SeedArgs;
use crate::commands::run::execute;
use crate::exit::Exit;
use crate::fault::{Fault, Outcome};
use crate::output;

pub async fn seed(context: &Context, args: &SeedArgs) -> Outcome {
    let app = App::open(context)?;
    let sync = app.sync(&args.sync)?;
    let options = RunOptions { batch_size: args.batch_size, reseed: args.reseed, ..RunOptions::default() };
    if args.reseed {
        refuse_unconfirmed(context, args, &sync.id)?;
    }
    let engine = Arc::new(app.engine(context).await?);
    if args.reseed && args.confirm.is_none() && !agreed(context, &app, &engine, sync, &options).await? {
        return Ok(Exit::Cancelled);
    }
    let run = execute(context, &app, &engine, sync, RunType::Seed, options).await?;
    if context.out.json {
        context.out.json(&RunDetail::of(&run, engine.clock.now()));
    }
    Ok(Exit::of_run(&run))
}

/// A reseed removes records: it is confirmed with the sync's id, on the command line or by a person.
pub fn refuse_unconfirmed(context: &Context, args: &SeedArgs, sync: &SyncId) -> Outcome<()> {
    let refuse = |message: String| {
        let help = format!("to go ahead: syncline seed {id} --reseed --confirm {id}", id = sync);
        Err(Fault::Error(Error::new(ErrorKind::BadUsage, message).help(help)))
    };
    match &args.confirm {
        Some(confirm) if confirm == sync.as_str() => Ok(()),
        Some(other) => refuse(format!("--confirm says '{other}', but the sync is {sync}")),
        None if context.out.can_ask() => Ok(()),
        None => refuse(format!("a reseed first removes what {sync} delivered, and was not confirmed")),
    }
}

/// Finds out what a reseed would do, and asks whether it is meant.
async fn agreed(
    context: &Context,
    app: &App,
    engine: &Arc<Engine>,
    sync: &Sync,
    options: &RunOptions,
) -> Outcome<bool> {
    let test = execute(context, app, engine, sync, RunType::Test, options.clone()).await?;
    if test.status != RunStatus::Completed {
        return Ok(false);
    }
    let c = &test.counters;
    let what = format!(
        "This removes {} from '{}' and writes {} anew. Known records are exported first.",
        output::counted(c.rows_deleted, "record"),
        sync.to.object,
        output::grouped(c.rows_created + c.rows_updated),
    );
    typed(context, &sync.id, &what)
}

/// Says what a reseed does, and asks for the sync's id.
pub fn typed(context: &Context, sync: &SyncId, what: &str) -> Outcome<bool> {
    context.out.note_prose(&format!("\n{what}"));
    let answer = context.out.ask(&format!("Type {sync} to go ahead: "))?;
    let agreed = answer.as_deref() == Some(sync.as_str());
    if !agreed {
        context.out.note("nothing was changed");
    }
    Ok(agreed)
}
