//! The commands, one subject a file.

pub mod activation;
mod backup;
pub mod check;
pub mod cursor;
pub mod dlq;
pub mod errors;
mod functions;
pub mod history;
mod init;
pub mod plan;
pub mod purge;
pub mod release;
pub mod run;
pub mod runs;
pub mod schedules;
pub mod seed;
pub mod serve;
pub mod status;
pub mod token;
pub mod validate;

use crate::Context;
use crate::args::Command;
use crate::fault::Outcome;
use crate::remote;

/// Runs one command to its end: through a server if one is named or has the state, else here.
pub async fn run(context: &Context, command: Command) -> Outcome {
    if let Some(server) = remote::server_for(context, &command).await? {
        return remote::run(context, &server, &command).await;
    }
    match command {
        Command::Init(args) => init::init(context, &args),
        Command::Validate => validate::validate(context),
        Command::Schema(args) => validate::schema(context, &args),
        Command::Check(args) => check::check(context, &args).await,
        Command::Preview(args) => check::preview(context, &args).await,
        Command::Plan(args) => plan::plan(context, &args).await,
        Command::Apply(args) => plan::apply(context, &args).await,
        Command::Run(args) => run::run(context, &args).await,
        Command::Retry(args) => run::retry(context, &args).await,
        Command::Seed(args) => seed::seed(context, &args).await,
        Command::Approve(args) => release::approve(context, &args).await,
        Command::Reject(args) => release::reject(context, &args).await,
        Command::Cancel(args) => release::cancel(context, &args).await,
        Command::Activate(args) => activation::set(context, &args, true).await,
        Command::Deactivate(args) => activation::set(context, &args, false).await,
        Command::Status => status::status(context).await,
        Command::Runs(args) => runs::runs(context, &args).await,
        Command::Errors(args) => errors::errors(context, &args).await,
        Command::History(args) => history::history(context, &args).await,
        Command::Purge(args) => purge::purge(context, &args).await,
        Command::Dlq(args) => dlq::dlq(context, &args).await,
        Command::Cursor(args) => cursor::cursor(context, &args).await,
        Command::Serve(args) => serve::serve(context, &args).await,
        Command::Worker(args) => serve::worker(context, &args).await,
        Command::Schedules(args) => schedules::schedules(context, &args).await,
        Command::Token(args) => token::token(context, &args).await,
        Command::Backup(args) => backup::backup(context, &args).await,
        Command::Restore(args) => backup::restore(context, &args).await,
        Command::Functions => functions::functions(context),
        Command::Demo(args) => crate::demo::demo(context, &args).await,
    }
}
