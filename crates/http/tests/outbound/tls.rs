//! Whose certificates are accepted [S18].

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get as route;
use axum_server::tls_rustls::RustlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use syncline_core::ErrorKind;
use syncline_http::{Options, Request};

use crate::fixture::{get, local_options, outbound, told};

const AUTHORITY: &[u8] = include_bytes!("../../../connectors/tests/certs/authority.pem");
const OTHER_AUTHORITY: &[u8] = include_bytes!("../../../connectors/tests/certs/other-authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../../../connectors/tests/certs/server.pem");
const KEY: &[u8] = include_bytes!("../../../connectors/tests/certs/server.key");

/// A server that shows a certificate for `localhost`.
fn server() -> SocketAddr {
    let certificates = CertificateDer::pem_slice_iter(CERTIFICATE).collect::<Result<Vec<_>, _>>().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, PrivateKeyDer::from_pem_slice(KEY).unwrap())
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let config = RustlsConfig::from_config(Arc::new(config));
    let routes = Router::new().route("/", route(|| async { "ok" }));
    let server = axum_server::from_tcp_rustls(listener, config).unwrap();
    tokio::spawn(server.serve(routes.into_make_service()));
    address
}

fn to(address: SocketAddr, host: &str) -> Request {
    get(format!("https://{host}:{}/", address.port()).parse().unwrap())
}

#[tokio::test]
async fn a_peer_is_trusted_for_its_name_by_a_known_authority_only() {
    let address = server();
    let with =
        |roots: Option<&[u8]>| outbound(Options { roots_pem: roots.map(Into::into), ..local_options() });
    let reply = with(Some(AUTHORITY)).send(&to(address, "localhost")).await.unwrap();
    assert_eq!(reply.bytes().await.unwrap(), "ok");
    let refused = [
        (with(None), "localhost"),
        (with(Some(OTHER_AUTHORITY)), "localhost"),
        (with(Some(AUTHORITY)), "other.example"),
        (with(Some(AUTHORITY)), "127.0.0.1"),
    ];
    for (client, host) in refused {
        let error = client.send(&to(address, host)).await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::DestinationUnreachable, "{host}");
        assert!(told(&error).contains("certificate"), "{}", told(&error));
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn accepting_any_certificate_works_and_is_loud() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let client = tracing::subscriber::with_default(subscriber, || {
        outbound(Options { accept_any_certificate: true, ..local_options() })
    });
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("WARN") && text.contains("NOT verified") && text.contains("tests"), "{text}");
    let reply = client.send(&to(server(), "other.example")).await.unwrap();
    assert_eq!(reply.bytes().await.unwrap(), "ok");
}

#[test]
fn roots_that_are_no_certificates_are_an_error() {
    for nonsense in ["", "-----BEGIN CERTIFICATE-----\nAA"] {
        let options = Options { roots_pem: Some(nonsense.into()), ..local_options() };
        assert_eq!(syncline_http::Outbound::new(options).err().unwrap().kind, ErrorKind::InvalidConfig);
    }
}
