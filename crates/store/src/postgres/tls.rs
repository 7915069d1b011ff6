//! Encryption of connections by rustls, with libpq's meaning of each `sslmode`.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier,
};
use syncline_core::{Error, ErrorKind, Result};
use tokio_postgres_rustls::MakeRustlsConnect;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted when the server offers it; nothing is verified.
    #[default]
    Prefer,
    /// Encrypted or not at all; nothing is verified.
    Require,
    /// Encrypted, with a certificate from a trusted authority for this host name.
    VerifyFull,
}

impl SslMode {
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-full" => SslMode::VerifyFull,
            _ => {
                return Err(invalid("the parameter 'sslmode' of the state's address has an unknown value")
                    .help("use disable, prefer, require or verify-full"));
            }
        })
    }
}

/// What connections are encrypted with; `None`: they are not. Certificates are read now, so that a
/// wrong path is found before anything is dialled. `verify-full` trusts those of `root_cert`, or else
/// the operating system's; without it a `root_cert` would be of no use and is refused.
pub fn connector(mode: SslMode, root_cert: Option<&Path>) -> Result<Option<MakeRustlsConnect>> {
    match (mode, root_cert) {
        (SslMode::VerifyFull, None) => system_verified().map(Some),
        (SslMode::VerifyFull, Some(path)) => {
            let config = builder()?.with_root_certificates(read_roots(path)?).with_no_client_auth();
            Ok(Some(MakeRustlsConnect::new(config)))
        }
        (_, Some(_)) => Err(invalid("'sslrootcert' of the state's address needs sslmode=verify-full")
            .help("add sslmode=verify-full, or leave sslrootcert out")),
        (SslMode::Disable, None) => Ok(None),
        (SslMode::Prefer | SslMode::Require, None) => {
            let verifier = Unverified(provider().signature_verification_algorithms);
            let config = builder()?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_no_client_auth();
            Ok(Some(MakeRustlsConnect::new(config)))
        }
    }
}

fn read_roots(path: &Path) -> Result<RootCertStore> {
    let unreadable = |reason: String| {
        invalid(&format!("root certificate {}: {reason}", path.display()))
            .help("sslrootcert names a PEM file with the certificates of the trusted authorities")
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

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal(format!("TLS versions: {e}")).caused_by(e))
}

fn system_verified() -> Result<MakeRustlsConnect> {
    // The operating system's list is only reachable through the driver, which uses the process's
    // provider. When another part of the process installed one first, that one serves as well.
    let _ = CryptoProvider::install_default(rustls::crypto::ring::default_provider());
    match MakeRustlsConnect::with_native_certs() {
        Ok((connector, _unreadable)) => Ok(connector),
        Err(errors) => {
            let reasons = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Err(invalid(&format!("this system has no trusted certificates: {reasons}"))
                .help("install the package ca-certificates, or name a PEM file in sslrootcert"))
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

/// Accepts every certificate: what `prefer` and `require` mean. Signatures of the handshake are still
/// checked, so the peer holds the key of the certificate it shows.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_before_anything_is_dialled() {
        let missing = Path::new("/nonexistent/ca.pem");
        let e = connector(SslMode::VerifyFull, Some(missing)).map(drop).unwrap_err();
        assert!(e.message.contains("/nonexistent/ca.pem"), "{e}");
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let e = connector(SslMode::VerifyFull, Some(&empty)).map(drop).unwrap_err();
        assert!(e.message.contains("no certificate"), "{e}");
    }

    #[test]
    fn an_authority_that_nobody_would_ask_is_refused() {
        for mode in [SslMode::Disable, SslMode::Prefer, SslMode::Require] {
            let e = connector(mode, Some(Path::new("ca.pem"))).map(drop).unwrap_err();
            assert!(e.help.unwrap().contains("verify-full"), "{mode:?}");
        }
    }
}
