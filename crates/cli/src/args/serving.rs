//! Serving, its tokens, and what becomes of a whole state.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use syncline_api::Role;

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  syncline token create --name ci --role operator --expires 90
  syncline token list
  syncline token revoke 0190c2d5f0e97bd0a5b1c3d4e5f60718")]
pub struct TokenArgs {
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make a token; its secret is shown once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: TokenRole,
        /// Days until it expires [default: it does not]
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires: Option<u32>,
    },
    /// List tokens, without their secrets
    List,
    /// End a token at once
    Revoke {
        /// Its id; `token list` shows it
        id: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Look at everything but tokens and the audit log
    Viewer,
    /// Also run, cancel, approve, replay, activate
    Operator,
    /// Also change connections, instances, syncs, notifications and tokens
    Admin,
}

impl From<TokenRole> for Role {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Viewer => Role::Viewer,
            TokenRole::Operator => Role::Operator,
            TokenRole::Admin => Role::Admin,
        }
    }
}

#[derive(Args, Debug)]
pub struct BackupArgs {
    /// Where it goes: NAME.tar.zst is a file, any other name a folder; nothing may be there
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// A file or folder that `syncline backup` made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// State to restore into: a folder, or postgres://… [default: the project's]
    #[arg(long, value_name = "STATE")]
    pub into: Option<String>,
    /// Replace a state that is not empty: what it knows is lost
    #[arg(long)]
    pub replace: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// Address and port [default: settings.server.listen, 127.0.0.1:8400]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<std::net::SocketAddr>,
    /// Certificate chain for TLS, as PEM
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, as PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// Serve other machines without TLS; only behind a proxy that does TLS
    #[arg(long)]
    pub insecure_http: bool,
    /// Most runs at once [default: settings.server.max_concurrent_runs]
    #[arg(long, value_name = "N", value_parser = super::at_once)]
    pub parallel: Option<usize>,
    /// Seconds that runs may go on after the end was asked for [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub drain: Option<u64>,
    /// The log on stderr: text for people or JSON for programs
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log: LogFormat,
    #[command(flatten)]
    pub web: WebArgs,
}

/// Where the pages come from, for those who make them.
#[derive(Args, Clone, Debug, Default)]
pub struct WebArgs {
    /// Take the web app from this folder instead of the one that was built in
    #[arg(long = "web", value_name = "DIR", env = "SYNCLINE_WEB_DIR", hide_env_values = true, hide = true)]
    pub folder: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct WorkerArgs {
    /// Most runs at once [default: settings.server.max_concurrent_runs]
    #[arg(long, value_name = "N", value_parser = super::at_once)]
    pub parallel: Option<usize>,
    /// Seconds that runs may go on after the end was asked for [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub drain: Option<u64>,
    /// The log on stderr: text for people or JSON for programs
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log: LogFormat,
}
