//! Which certificate does the server show, which clients does it admit, and how do both change
//! while it runs?
//!
//! The files of one generation (certificate, key, authority of the clients) are judged together
//! and replaced together, by swapping one pointer. Knows nothing of HTTP.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::metrics::Metrics;
use super::reload::{FileSet, ReloadError, follow};

/// The label values of failed handshakes.
pub(super) const HANDSHAKE_FAILURES: [&str; 6] = [
    "timeout",
    "disconnected",
    "not_tls",
    "incompatible",
    "client_certificate",
    "other",
];

/// Where certificate, key and the optional check of clients come from.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's certificate chain in PEM, leaf first.
    pub cert: PathBuf,
    /// The leaf's private key in PEM.
    pub key: PathBuf,
    /// The authorities of client certificates in PEM; without it no client is asked for one.
    pub client_ca: Option<PathBuf>,
    /// Common names of which a client certificate's subject must have one; empty: any.
    pub client_names: Vec<String>,
}

/// Why files do not make a TLS server.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReloadError),
    /// A file is no PEM, or holds nothing of the wanted kind.
    #[error("{} holds no usable {wanted} in PEM: {source}", .path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What should be there.
        wanted: &'static str,
        /// Why it is not.
        source: pem::Error,
    },
    /// The leaf is no X.509 certificate.
    #[error("the first certificate of {} is no X.509 certificate", .path.display())]
    NotX509 {
        /// Which file.
        path: PathBuf,
    },
    /// Key and certificate are no pair, or the key's kind is not known.
    #[error(
        "certificate {} and key {} cannot be used together: {source}",
        .cert.display(),
        .key.display()
    )]
    NoPair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        source: rustls::Error,
    },
    /// The authorities of clients cannot be used.
    #[error("{} cannot be used to check client certificates: {reason}", .path.display())]
    ClientCa {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What one generation of the files makes.
struct Generation {
    config: Arc<ServerConfig>,
    /// Validity of the leaf in seconds since 1970. A certificate out of it is used all the same:
    /// whether that is better than none is the client's decision.
    not_before: i64,
    not_after: i64,
}

/// TLS of the server: the generation in force, and the files it came from.
pub struct Tls {
    files: TlsFiles,
    read: FileSet,
    current: ArcSwap<Generation>,
}

impl Tls {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// [`TlsError`] when they do not make a server.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let paths = [&files.cert, &files.key]
            .into_iter()
            .chain(&files.client_ca);
        let (read, contents) = FileSet::open("certificate", paths.cloned().collect())?;
        let first = generation(&files, &contents)?;
        Ok(Self {
            files,
            read,
            current: ArcSwap::from_pointee(first),
        })
    }

    /// The configuration in force; a connection keeps the one it began with.
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Whether a client whose certificates were verified has one of the wanted names.
    pub(super) fn admits(&self, certificates: Option<&[CertificateDer<'_>]>) -> bool {
        let wanted = &self.files.client_names;
        wanted.is_empty()
            || certificates
                .and_then(<[_]>::first)
                .is_some_and(|leaf| has_name(leaf, wanted))
    }

    /// Follows the files for ever; what makes no server leaves the last good in force.
    pub(super) async fn follow(&self, interval: Duration, metrics: &Metrics) -> Infallible {
        self.current.load().show(metrics);
        follow(
            self.read.clone(),
            interval,
            metrics.reloads("certificate"),
            |contents| {
                let next = generation(&self.files, &contents)?;
                next.show(metrics);
                self.current.store(Arc::new(next));
                Ok::<_, TlsError>(())
            },
        )
        .await
    }
}

impl Generation {
    fn show(&self, metrics: &Metrics) {
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

fn generation(files: &TlsFiles, contents: &[Vec<u8>]) -> Result<Generation, TlsError> {
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

fn client_verifier(path: &Path, pem: &[u8]) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
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

fn has_name(leaf: &CertificateDer<'_>, wanted: &[String]) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return false;
    };
    let mut names = leaf
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    names.any(|name| wanted.iter().any(|wanted| wanted == name))
}

/// Under which label a failed handshake counts.
pub(super) fn failure_kind(error: &io::Error) -> &'static str {
    use rustls::Error as E;
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<E>()) else {
        return "disconnected";
    };
    match tls {
        E::InvalidMessage(_) => "not_tls",
        E::PeerIncompatible(_) | E::NoApplicationProtocol => "incompatible",
        E::NoCertificatesPresented | E::InvalidCertificate(_) => "client_certificate",
        _ => "other",
    }
}
