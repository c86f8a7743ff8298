//! Do a certificate, its key and the authorities of clients make a TLS server together?
//!
//! Judges texts; must not know where they come from or when they change.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{TlsError, TlsFiles};
use crate::server::metrics::Metrics;

/// What one generation of certificate, key and authorities makes.
pub(super) struct Generation {
    pub(super) config: Arc<ServerConfig>,
    /// Validity of the leaf in seconds since 1970. A certificate out of it is used all the same:
    /// whether that is better than none is the client's decision.
    not_before: i64,
    not_after: i64,
}

impl Generation {
    /// Puts its validity into the metrics, and tells when it is over.
    pub(super) fn show(&self, metrics: &Metrics) {
        metrics.not_before.set(self.not_before);
        metrics.not_after.set(self.not_after);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < self.not_before {
            tracing::warn!(
                not_before = self.not_before,
                "the certificate is not valid yet"
            );
        }
        if now > self.not_after {
            tracing::warn!(not_after = self.not_after, "the certificate has expired");
        }
    }
}

/// Judges contents in the order certificate, key, authorities of clients.
pub(super) fn generation(files: &TlsFiles, contents: &[Vec<u8>]) -> Result<Generation, TlsError> {
    let [cert, key, client_ca @ ..] = contents else {
        return Err(pem_error(
            &files.cert,
            "certificate",
            pem::Error::NoItemsFound,
        ));
    };
    let chain = certificates(&files.cert, cert)?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|source| pem_error(&files.key, "private key", source))?;
    let (not_before, not_after) = validity(&chain).ok_or_else(|| TlsError::NotX509 {
        path: files.cert.clone(),
    })?;
    let verifier = match (&files.client_ca, client_ca) {
        (Some(path), [pem, ..]) => client_verifier(path, pem)?,
        _ => WebPkiClientVerifier::no_client_auth(),
    };
    let config = server_config(verifier, chain, key).map_err(|source| TlsError::NoPair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        source,
    })?;
    Ok(Generation {
        config: Arc::new(config),
        not_before,
        not_after,
    })
}

/// TLS 1.2 and 1.3, HTTP/1.1 only, nothing to resume: kube-apiserver resumes no session, and a
/// ticket would outlive a change of certificate or client authority.
fn server_config(
    verifier: Arc<dyn ClientCertVerifier>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

pub(super) fn client_verifier(
    path: &Path,
    pem: &[u8],
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |reason: String| TlsError::ClientCa {
        path: path.into(),
        reason,
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(path, pem)? {
        roots
            .add(authority)
            .map_err(|error| unusable(error.to_string()))?;
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(|error| unusable(error.to_string()))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(pem_error(path, "certificate", pem::Error::NoItemsFound))
        }
        Ok(found) => Ok(found),
        Err(source) => Err(pem_error(path, "certificate", source)),
    }
}

fn pem_error(path: &Path, wanted: &'static str, source: pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.into(),
        wanted,
        source,
    }
}

fn validity(chain: &[CertificateDer<'_>]) -> Option<(i64, i64)> {
    let (_, leaf) = X509Certificate::from_der(chain.first()?).ok()?;
    let validity = leaf.validity();
    Some((
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    ))
}
