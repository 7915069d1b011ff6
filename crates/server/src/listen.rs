//! Where the API is served, and to whom.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use syncline_core::{Error, ErrorKind, Result};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::router;

/// How long requests that are being answered may take once the server ends.
const REQUESTS_END: Duration = Duration::from_secs(5);

/// Where the API is served.
#[derive(Clone, Debug)]
pub struct Listen {
    pub address: SocketAddr,
    pub tls: Option<Tls>,
    /// Serving others than this machine without TLS was asked for in so many words.
    pub accept_plain: bool,
    /// Folder with the files of the web app; `None`: those that were built in.
    pub web: Option<PathBuf>,
}

/// Certificate chain and private key, as PEM files.
#[derive(Clone, Debug)]
pub struct Tls {
    pub certificates: PathBuf,
    pub key: PathBuf,
}

/// S1: others than this machine are served only with TLS, or when that was asked for in so many words.
pub fn check(listen: &Listen) -> Result<()> {
    if listen.address.ip().is_loopback() || listen.tls.is_some() || listen.accept_plain {
        return Ok(());
    }
    let message =
        format!("{} can be reached by others, and without TLS they could read every token", listen.address);
    Err(Error::new(ErrorKind::BadUsage, message)
        .help("give --tls-cert and --tls-key, or --insecure-http behind a proxy that does TLS"))
}

/// An address that is the server's, with its certificate: nothing that can fail is left to do.
pub struct Door {
    pub address: SocketAddr,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
}

impl Door {
    pub async fn open(listen: &Listen) -> Result<Self> {
        let cannot = |e: std::io::Error| {
            Error::new(ErrorKind::LocalIo, format!("{} cannot be listened at: {e}", listen.address))
                .help("another program may use the port; choose one with --listen")
                .caused_by(e)
        };
        let tls = match &listen.tls {
            Some(tls) => Some(tls_config(tls).await?),
            None => None,
        };
        let listener = TcpListener::bind(listen.address).await.map_err(cannot)?;
        Ok(Self { address: listener.local_addr().map_err(cannot)?, listener, tls })
    }

    /// Answers until `stop`.
    pub fn serve(self, app: Arc<App>, stop: &CancellationToken, parts: &mut JoinSet<()>) {
        parts.spawn(app.hub.clone().run_until(stop.clone()));
        let service = router::router(app).into_make_service_with_connect_info::<SocketAddr>();
        let handle = axum_server::Handle::<SocketAddr>::new();
        let ending = (handle.clone(), stop.clone());
        parts.spawn(async move {
            ending.1.cancelled().await;
            ending.0.graceful_shutdown(Some(REQUESTS_END));
        });
        let server = axum_server::Server::<SocketAddr>::from_listener(self.listener).handle(handle);
        match self.tls {
            None => parts.spawn(async move { log(server.serve(service).await) }),
            Some(tls) => {
                let server = server.acceptor(RustlsAcceptor::new(tls));
                parts.spawn(async move { log(server.serve(service).await) })
            }
        };
    }
}

async fn tls_config(tls: &Tls) -> Result<RustlsConfig> {
    // The first to install one wins; which is the same one everywhere here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    RustlsConfig::from_pem_file(&tls.certificates, &tls.key).await.map_err(|e| {
        let (certificates, key) = (tls.certificates.display(), tls.key.display());
        Error::new(ErrorKind::InvalidConfig, format!("{certificates} and {key} cannot be used for TLS: {e}"))
    })
}

fn log(served: std::io::Result<()>) {
    if let Err(e) = served {
        tracing::error!(error = %e, "the API is not served any more");
    }
}
