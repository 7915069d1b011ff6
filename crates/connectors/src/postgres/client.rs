//! Connecting, and what an error of a connection means.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::{CancelToken, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::Settings;

/// How long asking a server to cancel may take; after that the closed connection must do.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Which end of a sync a connection serves: the same failure has a name on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Destination,
}

impl Side {
    pub fn unreachable(self) -> ErrorKind {
        match self {
            Side::Source => ErrorKind::SourceUnreachable,
            Side::Destination => ErrorKind::DestinationUnreachable,
        }
    }

    pub fn auth_failed(self) -> ErrorKind {
        match self {
            Side::Source => ErrorKind::SourceAuthFailed,
            Side::Destination => ErrorKind::DestinationAuthExpired,
        }
    }
}

/// An open connection. Dropping it closes it.
pub struct PgClient {
    pub client: tokio_postgres::Client,
    side: Side,
    /// `db.example.com:5432/shop`, for messages.
    identity: String,
    tls: Option<MakeRustlsConnect>,
    ended: ConnectionEnd,
}

/// Why the connection's task ended. A pending request only learns that it was closed; the reason
/// stands here.
#[derive(Clone, Default)]
struct ConnectionEnd(Arc<Mutex<Option<tokio_postgres::Error>>>);

impl ConnectionEnd {
    fn set(&self, error: tokio_postgres::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<tokio_postgres::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Connects, trying each host in turn.
///
/// Fails with the side's kind for "unreachable" or "credentials refused", or with
/// [`ErrorKind::InvalidConfig`] when the database does not exist.
pub async fn connect(settings: &Settings, side: Side) -> Result<PgClient> {
    let ended = ConnectionEnd::default();
    let tls = settings.tls.connector();
    // The driver's own timeout covers the TCP handshake only; a host that accepts and then says
    // nothing would hold us for ever.
    let hosts = u32::try_from(settings.config.get_hosts().len()).unwrap_or(1).max(1);
    let limit = settings.connect_timeout.saturating_mul(hosts);
    let connecting = async {
        match &tls {
            Some(tls) => {
                let (client, connection) = settings.config.connect(tls.clone()).await?;
                drive(connection, ended.clone());
                Ok(client)
            }
            None => {
                let (client, connection) = settings.config.connect(NoTls).await?;
                drive(connection, ended.clone());
                Ok(client)
            }
        }
    };
    let client = match tokio::time::timeout(limit, connecting).await {
        Ok(Ok(client)) => client,
        Ok(Err(e)) => return Err(refused(settings, side, e)),
        Err(elapsed) => {
            let message = format!("{} did not answer within {limit:?}", settings.address());
            return Err(Error::new(side.unreachable(), message)
                .help("check host, port and firewall, or raise connect_timeout")
                .caused_by(elapsed));
        }
    };
    Ok(PgClient { client, side, identity: settings.identity(), tls, ended })
}

/// Runs the connection in a task of its own until either side closes it.
fn drive(
    connection: impl Future<Output = std::result::Result<(), tokio_postgres::Error>> + Send + 'static,
    ended: ConnectionEnd,
) {
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        // The reason is stored before the connection is dropped, because dropping it is what tells
        // the pending request that it is over.
        if let Err(error) = connection.as_mut().await {
            tracing::debug!(%error, "PostgreSQL connection ended");
            ended.set(error);
        }
    });
}

impl PgClient {
    /// The error of a request, if it tells about the connection or the server as a whole rather
    /// than about the statement; otherwise the driver's error, for the caller to judge.
    pub fn lost(&self, error: tokio_postgres::Error) -> std::result::Result<Error, tokio_postgres::Error> {
        let Some(what) = trouble(&error) else { return Err(error) };
        let error = if error.is_closed() { self.ended.take().unwrap_or(error) } else { error };
        let message = format!("{}: {what}: {}", self.identity, reason(&error));
        Ok(Error::new(self.side.unreachable(), message).caused_by(error))
    }

    /// `db.example.com:5432/shop`, for messages.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub fn side(&self) -> Side {
        self.side
    }

    /// Cancels the running statement when dropped, unless [`CancelOnDrop::disarm`] was called.
    pub fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop { token: Some(self.client.cancel_token()), tls: self.tls.clone() }
    }
}

/// Ends a statement at the server when its reader goes away. Closing the connection alone would
/// not: a server that is still computing does not look at its socket.
pub struct CancelOnDrop {
    token: Option<CancelToken>,
    tls: Option<MakeRustlsConnect>,
}

impl CancelOnDrop {
    pub fn disarm(&mut self) {
        self.token = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let Some(token) = self.token.take() else { return };
        let tls = self.tls.take();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let cancelling = async {
                match tls {
                    Some(tls) => token.cancel_query(tls).await,
                    None => token.cancel_query(NoTls).await,
                }
            };
            match tokio::time::timeout(CANCEL_TIMEOUT, cancelling).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "PostgreSQL could not be asked to cancel"),
                Err(_) => tracing::debug!("PostgreSQL did not answer the request to cancel"),
            }
        });
    }
}

/// The error of an attempt to connect.
fn refused(settings: &Settings, side: Side, error: tokio_postgres::Error) -> Error {
    let address = settings.address();
    let why = reason(&error);
    let unreachable = side.unreachable();
    let (kind, message, help) = match error.as_db_error() {
        Some(db) => {
            let code = db.code();
            if *code == SqlState::INVALID_CATALOG_NAME {
                let help = "correct the database's name in the connection";
                (ErrorKind::InvalidConfig, format!("{address}: {why}"), help)
            } else if code.code().starts_with("28") && !is_host_rule(db) {
                let help = "check user and password of the connection";
                let user = settings.user();
                (side.auth_failed(), format!("{address} refused the role '{user}': {why}"), help)
            } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
                let help = "grant the role CONNECT on the database";
                (side.auth_failed(), format!("{address}: {why}"), help)
            } else if *code == SqlState::TOO_MANY_CONNECTIONS {
                let help = "close other connections, raise max_connections, or lower max_concurrent_runs";
                (unreachable, format!("{address} has no connection left: {why}"), help)
            } else if is_host_rule(db) {
                let help = "allow this host, role and database in the server's pg_hba.conf; a rule \
                            may also want encryption (ssl_mode)";
                (unreachable, format!("{address} does not accept connections from here: {why}"), help)
            } else {
                (unreachable, format!("{address}: {why}"), "check the server's log")
            }
        }
        None if is_tls(&error) => {
            let help = "check ssl_mode and ssl_root_cert against what the server offers";
            (unreachable, format!("{address}: no encrypted connection: {why}"), help)
        }
        // A password that the server wants and we have none for never reaches the server.
        None if error.to_string().contains("authentication") || is_missing_password(&error) => {
            let help = "check user and password of the connection";
            (side.auth_failed(), format!("{address}: {why}"), help)
        }
        None => {
            let help = "check that the server runs and that host, port and firewall are right";
            (unreachable, format!("{address} cannot be reached: {why}"), help)
        }
    };
    Error::new(kind, message).help(help).caused_by(error)
}

/// What an error says about the connection or the server, in a few words; `None` when it is about
/// the statement.
pub fn trouble(error: &tokio_postgres::Error) -> Option<&'static str> {
    let Some(db) = error.as_db_error() else {
        // A statement that cannot be put into a message (it holds a NUL) never left us.
        if error.to_string().contains("encoding message") {
            return None;
        }
        let broken = error.is_closed()
            || find::<io::Error>(error).is_some()
            || is_tls(error)
            || error.to_string().contains("timeout");
        return broken.then_some("the connection was lost");
    };
    let code = db.code().code();
    match code.get(..2).unwrap_or_default() {
        "08" => Some("the connection was lost"),
        "53" => Some("the server is out of resources"),
        "58" => Some("the server has a system error"),
        _ => match code {
            "57P01" | "57P02" | "57P03" => Some("the server is shutting down or starting up"),
            "57P05" | "25P03" => Some("the server closed an idle session"),
            "40001" | "40P01" => Some("the server broke off the transaction"),
            "55P03" => Some("a lock was not to be had"),
            _ => None,
        },
    }
}

/// The innermost sentence of a driver's error; its outer ones are only "db error" and the like.
pub fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return match db.detail() {
            Some(detail) => format!("{} ({detail})", db.message()),
            None => db.message().to_string(),
        };
    }
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the server's host rules turned us away. They share a code with an unknown role, so the
/// file's name, which no translation touches, has to tell them apart.
fn is_host_rule(db: &DbError) -> bool {
    db.message().contains("pg_hba.conf")
}

fn is_tls(error: &tokio_postgres::Error) -> bool {
    find::<rustls::Error>(error).is_some() || error.to_string().contains("TLS")
}

fn is_missing_password(error: &tokio_postgres::Error) -> bool {
    reason(error).contains("password missing")
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // An io::Error hides the error it carries from `source`.
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref)
            && let Some(found) = inner.downcast_ref::<T>()
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}
