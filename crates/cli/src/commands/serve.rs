//! `serve` and `worker`: the product running by itself.

use std::env::VarError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use syncline_core::{Error, ErrorKind, Result};
use syncline_server::keyring::{KEYS_VARIABLE, Keyring};
use syncline_server::{Clocks, Listen, Options, Server, Tls};
use syncline_store::StateLocation;

use crate::Context;
use crate::app::App;
use crate::args::{ServeArgs, WorkerArgs};
use crate::exit::Exit;
use crate::fault::Outcome;
use crate::output::Style;
use crate::server_file::ServerFile;

/// How long runs may go on after the end was asked for, unless said otherwise.
const DRAIN_SECONDS: u64 = 60;

pub async fn serve(context: &Context, args: &ServeArgs) -> Outcome {
    let app = App::open(context)?;
    let settings = &app.project.settings.server;
    let listen = Listen {
        address: args.listen.unwrap_or(settings.listen),
        tls: tls(args)?,
        accept_plain: args.insecure_http,
        web: args.web.folder.clone(),
    };
    let is_tls = listen.tls.is_some();
    let options = options(&app, args.parallel, args.drain, Some(listen)).await?;
    let server = Server::start(options).await?;
    let address = server.address.ok_or_else(|| Error::internal("the server does not listen"))?;
    let scheme = if is_tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let _file = ServerFile::write(&app.state.folder, &url, server.local_token())?;
    announce(context, &app, &url, &server);
    run_until_asked(context, server).await
}

pub async fn worker(context: &Context, args: &WorkerArgs) -> Outcome {
    let app = App::open(context)?;
    let options = options(&app, args.parallel, args.drain, None).await?;
    let server = Server::start(options).await?;
    context.out.remark("working; Ctrl-C ends when the runs that go on have ended");
    run_until_asked(context, server).await
}

fn tls(args: &ServeArgs) -> Result<Option<Tls>> {
    match (&args.tls_cert, &args.tls_key) {
        (Some(certificates), Some(key)) => {
            Ok(Some(Tls { certificates: certificates.clone(), key: key.clone() }))
        }
        (None, None) => Ok(None),
        _ => Err(Error::new(ErrorKind::BadUsage, "--tls-cert and --tls-key belong together")),
    }
}

pub async fn options(
    app: &App,
    parallel: Option<usize>,
    drain: Option<u64>,
    listen: Option<Listen>,
) -> Result<Options> {
    let settings = &app.project.settings;
    // Before the database, so that what is wrong with their place changes nothing there.
    let files = app.state.files()?;
    let is_shared = app.state.is_shared();
    Ok(Options {
        store: app.state.location.open().await?,
        files,
        state: if is_shared { "postgres" } else { "sqlite" },
        shared: is_shared,
        project: app.project.root.clone(),
        environment: app.project.environment.clone(),
        registry: Arc::new(syncline_connectors::registry()),
        keyring: keyring(&app.state.location)?.map(Arc::new),
        scratch: app.state.scratch(),
        memory_budget: settings.memory_budget_bytes,
        parallel: parallel.unwrap_or(settings.server.max_concurrent_runs as usize),
        version: env!("CARGO_PKG_VERSION"),
        drain: Duration::from_secs(drain.unwrap_or(DRAIN_SECONDS)),
        listen,
        clocks: Clocks::system(),
    })
}

/// The keys that encrypt what the state keeps of secrets. Servers that share a state have none without the
/// variable, and can keep no secrets then.
fn keyring(state: &StateLocation) -> Result<Option<Keyring>> {
    let variable = match std::env::var(KEYS_VARIABLE) {
        Ok(keys) => Some(keys),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("{KEYS_VARIABLE} is not text")));
        }
    };
    match (variable, state) {
        (None, StateLocation::Server(_)) => Ok(None),
        (variable, StateLocation::Server(_)) => Keyring::open(variable.as_deref(), None).map(Some),
        (variable, StateLocation::Folder(folder)) => {
            Keyring::open(variable.as_deref(), Some(folder)).map(Some)
        }
    }
}

fn announce(context: &Context, app: &App, url: &str, server: &Server) {
    let out = &context.out;
    if out.json {
        let token = server.first_token.as_deref();
        out.json(&json!({ "url": url, "state": app.state.to_string(), "first_token": token }));
        return;
    }
    let syncs = app.project.syncs.len() as u64;
    out.line(format!(
        "{} {}",
        out.paint(Style::Strong, "Syncline is running at"),
        out.paint(Style::Accent, url)
    ));
    out.line(format!("  project  {} ({})", shown(&app.project.root), crate::output::counted(syncs, "sync")));
    out.line(format!("  state    {}", state_shown(app)));
    out.line(format!("  API      {url}/api/docs"));
    match server.first_token.as_deref() {
        Some(token) => {
            out.line(format!("\n  {} {token}", out.paint(Style::Warn, "admin token")));
            out.line(
                "  It is shown only this once. Sign in with it; make others with `syncline token create`.",
            );
        }
        None => out.line("  tokens   syncline token create"),
    }
    out.line("\nCtrl-C ends it, when the runs that go on have ended.");
}

fn state_shown(app: &App) -> String {
    match &app.state.location {
        StateLocation::Folder(folder) => shown(folder),
        server @ StateLocation::Server(_) => server.to_string(),
    }
}

fn shown(path: &Path) -> String {
    let absolute: PathBuf = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.display().to_string()
}

/// Goes on until somebody asks for the end: once for an end that lets runs finish, twice for one at once.
pub async fn run_until_asked(context: &Context, server: Server) -> Outcome {
    context.interrupt.wait_for_first().await;
    context
        .out
        .note("ending: runs that go on may finish; Ctrl-C again ends at once, and they go on next time");
    server.stop();
    server.ended().await?;
    Ok(Exit::Done)
}
