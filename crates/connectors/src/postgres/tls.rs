//! Encryption of connections by rustls, with libpq's meaning of each `sslmode`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::SslMode;

/// How connections are encrypted; `None` inside: not at all.
#[derive(Clone)]
pub struct Tls(Option<MakeRustlsConnect>);

impl Tls {
    /// Prepares encryption for a mode. Reads the certificates now, so that a wrong path is found
    /// before anything is dialled.
    ///
    /// - `prefer` and `require` verify nothing, as in libpq: they keep a listener out, not an
    ///   impostor. `require` with a root certificate verifies the issuer, also as in libpq.
    /// - `verify-ca` wants `root_cert`: that any public authority vouches for any host proves
    ///   nothing, so the operating system's authorities are not accepted for it.
    /// - `verify-full` trusts `root_cert`, or else the operating system's authorities.
    pub fn new(mode: SslMode, root_cert: Option<PathBuf>) -> Result<Self> {
        let roots = root_cert.as_deref().map(read_roots).transpose()?;
        let connector = match (mode, roots) {
            (SslMode::Disable, _) => return Ok(Self(None)),
            (SslMode::Prefer, _) | (SslMode::Require, None) => MakeRustlsConnect::new(unverified()?),
            (SslMode::Require | SslMode::VerifyCa, Some(roots)) => {
                MakeRustlsConnect::new(issuer_verified(roots)?)
            }
            (SslMode::VerifyCa, None) => {
                return Err(invalid("ssl_mode 'verify-ca' needs the option 'ssl_root_cert'")
                    .help("name the PEM file of the authority, or use ssl_mode 'verify-full'"));
            }
            (SslMode::VerifyFull, Some(roots)) => {
                MakeRustlsConnect::new(builder()?.with_root_certificates(roots).with_no_client_auth())
            }
            (SslMode::VerifyFull, None) => system_verified()?,
        };
        Ok(Self(Some(connector)))
    }

    pub fn connector(&self) -> Option<MakeRustlsConnect> {
        self.0.clone()
    }
}

fn read_roots(path: &Path) -> Result<RootCertStore> {
    let unreadable = |reason: String| {
        invalid(format!("root certificate {}: {reason}", path.display()))
            .help("ssl_root_cert names a PEM file with the certificates of the trusted authorities")
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|e| unreadable(e.to_string()).caused_by(e))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|e| unreadable(e.to_string()).caused_by(e))?;
    }
    if roots.is_empty() {
        return Err(unreadable("the file holds no certificate".into()));
    }
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("TLS versions: {e}")).caused_by(e))
}

fn unverified() -> Result<ClientConfig> {
    let verifier = Unverified(provider().signature_verification_algorithms);
    Ok(builder()?.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn issuer_verified(roots: RootCertStore) -> Result<ClientConfig> {
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|e| invalid(format!("ssl_root_cert: {e}")).caused_by(e))?;
    Ok(builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName(verifier)))
        .with_no_client_auth())
}

fn system_verified() -> Result<MakeRustlsConnect> {
    // The operating system's list is only reachable through the driver, which uses the process's
    // provider. When another part of the process installed one first, that one serves as well.
    let _ = CryptoProvider::install_default(rustls::crypto::ring::default_provider());
    match MakeRustlsConnect::with_native_certs() {
        Ok((connector, unreadable)) => {
            for error in unreadable {
                tracing::warn!(%error, "a trusted certificate of this system cannot be read");
            }
            Ok(connector)
        }
        Err(errors) => {
            let reasons = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Err(invalid(format!("this system has no trusted certificates: {reasons}"))
                .help("install the package ca-certificates, or name a PEM file in ssl_root_cert"))
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// Accepts every certificate: what `prefer` and `require` mean. Signatures of the handshake are
/// still checked, so the peer holds the key of the certificate it shows.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Verifies the issuer and forgives a certificate made for another host name: `verify-ca`.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        // The name is compared last, after the chain was found good.
        match self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
