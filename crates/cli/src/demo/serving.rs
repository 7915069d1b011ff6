//! After the story: the example goes on by itself, behind a server, and work in its company goes on too.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use syncline_api::{CreatedToken, NewToken, Role};
use syncline_core::{Error, Result};
use syncline_server::{Listen, Server};

use super::past::company::Company;
use super::past::receiver::Receiver;
use crate::Context;
use crate::app::App;
use crate::args::WebArgs;
use crate::commands::serve;
use crate::fault::Outcome;
use crate::output::Style;
use crate::remote::client::Client;
use crate::server_file::ServerFile;

/// Ports that are tried, the server's usual one first.
const PORTS: std::ops::RangeInclusive<u16> = 8400..=8449;
/// How often an hour of work happens in the company, so that there is something to see.
const WORK_EVERY: Duration = Duration::from_secs(15);
const TOKEN_DAYS: u32 = 7;

/// Serves the example in the folder of `context`, until somebody ends that.
pub async fn serve_example(context: &Context, receiver: Receiver, web: &WebArgs) -> Outcome {
    let app = App::open(context)?;
    let usual = app.project.settings.server.listen;
    let address = free_address().unwrap_or(usual);
    let listen = Listen { address, tls: None, accept_plain: false, web: web.folder.clone() };
    let server = Server::start(serve::options(&app, None, None, Some(listen)).await?).await?;
    let address = server.address.ok_or_else(|| Error::internal("the server does not listen"))?;
    let url = format!("http://{address}");
    let _file = ServerFile::write(&app.state.folder, &url, server.local_token())?;
    let token = sign_in_token(&url, server.local_token()).await?;
    let work = tokio::spawn(go_on_working(Company::at(&app.project.root, Timestamp::now())));
    announce(context, &url, &token);
    let ended = serve::run_until_asked(context, server).await;
    work.abort();
    drop(receiver);
    ended
}

async fn sign_in_token(url: &str, local_token: &str) -> Result<String> {
    let new =
        NewToken { name: "Visitor of the demo".into(), role: Role::Admin, expires_in_days: Some(TOKEN_DAYS) };
    let client = Client::new(url, Some(local_token.to_string()))?;
    let created: CreatedToken = client.send(Method::POST, &["tokens"], &new).await?;
    Ok(created.secret)
}

/// Orders come in, customers change; nobody waits for a run that is slow to read.
async fn go_on_working(mut company: Company) {
    let mut every = tokio::time::interval(WORK_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let done = tokio::task::spawn_blocking(move || {
            let done = company.work_fast(Timestamp::now());
            (company, done)
        });
        let Ok((back, done)) = done.await else { return };
        company = back;
        if let Err(error) = done {
            tracing::warn!(%error, "the example's data could not be changed");
        }
    }
}

fn announce(context: &Context, url: &str, token: &str) {
    let out = &context.out;
    let link = format!("{url}/#token={token}");
    let title = out.paint(Style::Strong, "Syncline is running. Open this, and you are signed in:");
    out.line(format!("\n{title}\n\n  {}\n", out.paint(Style::Accent, &link)));
    out.line(format!("  address  {url}"));
    out.line(format!("  token    {token}"));
    out.line(format!("  API      {url}/api/docs"));
    if std::io::stdout().is_terminal() && std::env::var_os("CI").is_none() {
        open(&link);
    }
    out.line("\nOrders come in, and syncs run every few minutes. Ctrl-C ends it, when the runs that go on have ended.");
}

/// Shows a page, where there is a browser.
fn open(link: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(link).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Without one, the link stands there to be clicked.
    let _ = command.spawn();
}

/// The first address where nobody listens; `None`: all are taken, and the server says so.
fn free_address() -> Option<SocketAddr> {
    let mut addresses = PORTS.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses.find(|address| TcpListener::bind(address).is_ok())
}

/// Receives the notifications of an example that was made before.
pub async fn receiver(context: &Context, folder: &Path) -> Outcome<Receiver> {
    let app = App::open(context)?;
    let port = app.project.notifications.iter().find_map(|channel| port_of(&channel.url));
    Ok(Receiver::start(port, folder.join(super::past::NOTIFICATIONS)).await?)
}

fn port_of(url: &str) -> Option<u16> {
    reqwest::Url::parse(url).ok()?.port()
}
