//! TLS of outgoing requests: rustls with ring, and the operating system's authorities.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use syncline_core::{Error, ErrorKind, Result};

/// Trusts the operating system's authorities and those of `roots_pem` [S18].
pub(crate) fn verified(roots_pem: Option<&[u8]>) -> Result<ClientConfig> {
    let roots = roots_pem.map(read_roots).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(roots, provider()).map_err(|e| {
        Error::new(ErrorKind::InvalidConfig, format!("no certificate can be verified: {e}"))
            .help("install the package ca-certificates on this machine")
            .caused_by(e)
    })?;
    with_verifier(Arc::new(verifier))
}

/// Accepts every certificate.
pub(crate) fn unverified() -> Result<ClientConfig> {
    with_verifier(Arc::new(Unverified(provider().signature_verification_algorithms)))
}

fn with_verifier(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("TLS versions: {e}")).caused_by(e))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn read_roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let roots = CertificateDer::pem_slice_iter(pem).collect::<std::result::Result<Vec<_>, _>>();
    let roots = roots.map_err(|e| {
        Error::new(ErrorKind::InvalidConfig, format!("root certificates: {e}"))
            .help("give the certificates of the trusted authorities as PEM")
            .caused_by(e)
    })?;
    if roots.is_empty() {
        return Err(Error::new(ErrorKind::InvalidConfig, "root certificates: there is none in this PEM"));
    }
    Ok(roots)
}

/// Accepts every certificate; the peer still has to hold its key.
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
