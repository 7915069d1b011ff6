//! Commands through a server: what they ask of its API, shown as if the state were here.
//!
//! | Module | Subject |
//! |---|---|
//! | [`client`] | requests, and what answers mean |
//! | [`events`] | streams of events, read on where they broke off |
//! | [`follow`] | a run to its end, live |
//! | [`known`] | answers in the words of this program |
//! | [`start`], [`decide`], [`look`], [`probe`], [`letters`], [`purge`], [`tokens`] | the commands |

pub mod client;
mod decide;
mod events;
mod follow;
mod known;
mod letters;
mod look;
mod probe;
mod purge;
mod select;
mod start;
mod tokens;

pub use client::Client;

use std::slice;

use syncline_api::SessionView;
use syncline_core::{Error, ErrorKind};

use crate::Context;
use crate::app::App;
use crate::args::{Command, CursorCommand, DlqCommand};
use crate::fault::Outcome;
use crate::output::Style;
use crate::select as local_select;
use crate::server_file::ServerFile;

/// The server that a command goes through: the one that is named, or the one that has the state, where the
/// command needs it. `None`: it works here.
pub async fn server_for(context: &Context, command: &Command) -> Outcome<Option<Client>> {
    let globals = &context.globals;
    if let (Command::Backup(_) | Command::Restore(_), Some(url)) = (command, &globals.server) {
        let message = format!("backups are made and restored where the state is, not through {url}");
        let error = Error::new(ErrorKind::BadUsage, message);
        return Err(error
            .help("leave out --server (and SYNCLINE_SERVER), in the project's folder there")
            .into());
    }
    if is_of_this_machine(command) {
        return Ok(None);
    }
    if let Some(url) = &globals.server {
        let client = Client::new(url, globals.token.clone())?;
        if client.is_open_to_others() {
            let head = context.out.paint_note(Style::Warn, "warning");
            let address = client.address();
            context.out.remark(&format!("{head}: {address} is not encrypted: others can read the token"));
        }
        return Ok(Some(client));
    }
    let found = match through(command) {
        Through::Never => None,
        need => running(context, need).await,
    };
    if let Some(client) = &found {
        context.out.remark(
            &context.out.paint_note(Style::Dim, &format!("through the server at {}", client.address())),
        );
    }
    Ok(found)
}

/// It is about files, or about servers themselves.
fn is_of_this_machine(command: &Command) -> bool {
    matches!(
        command,
        Command::Init(_)
            | Command::Schema(_)
            | Command::Functions
            | Command::Demo(_)
            | Command::Serve(_)
            | Command::Worker(_)
            | Command::Backup(_)
            | Command::Restore(_)
    )
}

/// When a command goes through a server that runs on this machine.
enum Through<'a> {
    /// It looks at the state, or at files, beside the server.
    Never,
    Always,
    /// When one of these syncs or instances is not in the project's files: the server has those that were
    /// made through its API. What is in the files is looked at as it stands there now.
    ForOthers(&'a [String]),
}

fn through(command: &Command) -> Through<'_> {
    match command {
        Command::Plan(_)
        | Command::Apply(_)
        | Command::Run(_)
        | Command::Seed(_)
        | Command::Retry(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Cancel(_)
        | Command::Activate(_)
        | Command::Deactivate(_)
        | Command::Purge(_)
        | Command::Status
        | Command::Token(_) => Through::Always,
        Command::Schedules(args) => match &args.sync {
            None => Through::Always,
            Some(sync) => Through::ForOthers(slice::from_ref(sync)),
        },
        Command::Check(args) => Through::ForOthers(&args.selectors),
        Command::Preview(args) => Through::ForOthers(slice::from_ref(&args.sync)),
        Command::Cursor(args) => match &args.command {
            CursorCommand::Set { .. } => Through::Always,
            CursorCommand::Show(of) | CursorCommand::History(of) => {
                Through::ForOthers(slice::from_ref(&of.sync))
            }
        },
        Command::Dlq(args) => match args.command {
            DlqCommand::List { .. }
            | DlqCommand::Show { .. }
            | DlqCommand::Groups { .. }
            | DlqCommand::Export { .. } => Through::Never,
            _ => Through::Always,
        },
        _ => Through::Never,
    }
}

/// The server on this machine that has the state, if it answers.
async fn running(context: &Context, need: Through<'_>) -> Option<Client> {
    // What is wrong with the project or the file is told by the command itself.
    let app = App::open(context).ok()?;
    if let Through::ForOthers(names) = need
        && names.iter().all(|name| local_select::syncs(&app.project, slice::from_ref(name), &[]).is_ok())
    {
        return None;
    }
    let server = ServerFile::read(&app.state.folder).ok()??;
    let client = Client::new(&server.url, Some(server.token)).ok()?;
    match client.get::<SessionView>(&["session"]).await {
        Ok(_) => Some(client),
        Err(e) => {
            tracing::debug!(error = %e, "the server that ran last on this state does not answer");
            None
        }
    }
}

pub async fn run(context: &Context, server: &Client, command: &Command) -> Outcome {
    match command {
        Command::Plan(args) => start::plan(context, server, args).await,
        Command::Apply(args) => start::apply(context, server, args).await,
        Command::Run(args) => start::run(context, server, args).await,
        Command::Seed(args) => start::seed(context, server, args).await,
        Command::Retry(args) => start::retry(context, server, args).await,
        Command::Approve(args) => decide::approve(context, server, args).await,
        Command::Reject(args) => decide::reject(context, server, args).await,
        Command::Cancel(args) => decide::cancel(context, server, args).await,
        Command::Activate(args) => decide::set_active(context, server, args, true).await,
        Command::Deactivate(args) => decide::set_active(context, server, args, false).await,
        Command::Cursor(args) => decide::cursor(context, server, &args.command).await,
        Command::Check(args) => probe::check(context, server, args).await,
        Command::Preview(args) => probe::preview(context, server, args).await,
        Command::Validate => probe::validate(context, server).await,
        Command::Dlq(args) => letters::dlq(context, server, args).await,
        Command::Status => look::status(context, server).await,
        Command::Runs(args) => look::runs(context, server, args).await,
        Command::Errors(args) => look::errors(context, server, args).await,
        Command::History(args) => look::history(context, server, args).await,
        Command::Purge(args) => purge::purge(context, server, args).await,
        Command::Schedules(args) => look::schedules(context, server, args).await,
        Command::Token(args) => tokens::token(context, server, args).await,
        _ => Err(not_through_a_server().into()),
    }
}

fn not_through_a_server() -> Error {
    Error::new(ErrorKind::BadUsage, "this command is not possible through a server")
        .help("leave out --server and run it in the project's folder")
}
