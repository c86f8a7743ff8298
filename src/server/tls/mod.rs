//! Which certificate does the server show, which clients does it admit, and how do both change
//! while it runs?
//!
//! The files of one generation (certificate, key, authority of the clients) are judged together
//! and replaced together, by swapping one pointer. Knows nothing of HTTP.

mod generation;

use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, pem};
use tokio::sync::watch;
use x509_parser::prelude::{FromDer, X509Certificate};

use self::generation::{Generation, client_verifier, generation};
use super::metrics::Metrics;
use super::reload::{FileSet, ReloadError, follow};
use crate::pki::Leaf;

/// Under which label a handshake counts for which there is no certificate yet.
pub(super) const NO_CERTIFICATE: &str = "no_certificate";

/// The label values of failed handshakes.
pub(super) const HANDSHAKE_FAILURES: [&str; 7] = [
    NO_CERTIFICATE,
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

/// What stands in messages for the path of a certificate that is in no file.
const MADE: &str = "(self-managed)";

/// Certificates that somebody in this process makes; none until the first is there.
pub type Leaves = watch::Receiver<Option<Arc<Leaf>>>;

/// TLS of the server: the generation in force, and what it came from.
pub struct Tls {
    files: TlsFiles,
    read: FileSet,
    made: Option<Made>,
    current: ArcSwapOption<Generation>,
}

/// Leaves that are made here, and the last good authorities of clients, which come from a file still.
struct Made {
    leaves: Leaves,
    client_ca: ArcSwap<Vec<Vec<u8>>>,
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
            made: None,
            current: ArcSwapOption::from_pointee(first),
        })
    }

    /// With certificates that are made in this process. Until the first is there, no handshake succeeds
    /// and the server is not ready.
    ///
    /// # Errors
    /// [`TlsError`] when the authorities of clients cannot be read.
    pub fn made(
        leaves: Leaves,
        client_ca: Option<PathBuf>,
        client_names: Vec<String>,
    ) -> Result<Self, TlsError> {
        let files = TlsFiles {
            cert: MADE.into(),
            key: MADE.into(),
            client_ca,
            client_names,
        };
        let (read, contents) = FileSet::open(
            "client authority",
            files.client_ca.iter().cloned().collect(),
        )?;
        if let (Some(path), Some(pem)) = (&files.client_ca, contents.first()) {
            client_verifier(path, pem)?;
        }
        Ok(Self {
            files,
            read,
            made: Some(Made {
                leaves,
                client_ca: ArcSwap::from_pointee(contents),
            }),
            current: ArcSwapOption::empty(),
        })
    }

    /// The configuration in force, if there is a certificate; a connection keeps the one it began with.
    pub(super) fn config(&self) -> Option<Arc<ServerConfig>> {
        let current = self.current.load();
        current.as_ref().map(|current| Arc::clone(&current.config))
    }

    /// Whether there is a certificate.
    pub(super) fn is_ready(&self) -> bool {
        self.current.load().is_some()
    }

    /// Whether a client whose certificates were verified has one of the wanted names.
    pub(super) fn admits(&self, certificates: Option<&[CertificateDer<'_>]>) -> bool {
        let wanted = &self.files.client_names;
        wanted.is_empty()
            || certificates
                .and_then(<[_]>::first)
                .is_some_and(|leaf| has_name(leaf, wanted))
    }

    /// Follows where certificates come from, for ever; what makes no server leaves the last good in force.
    pub(super) async fn follow(&self, interval: Duration, metrics: &Metrics) -> Infallible {
        if let Some(first) = &*self.current.load() {
            first.show(metrics);
        }
        let files = follow(
            self.read.clone(),
            interval,
            metrics.reloads("certificate"),
            |contents| self.changed(contents, metrics),
        );
        let Some(made) = &self.made else {
            return files.await;
        };
        tokio::select! {
            never = files => never,
            never = self.follow_made(made, metrics) => never,
        }
    }

    fn changed(&self, contents: Vec<Vec<u8>>, metrics: &Metrics) -> Result<(), TlsError> {
        let Some(made) = &self.made else {
            return self.show(&contents, metrics);
        };
        if let (Some(path), Some(pem)) = (&self.files.client_ca, contents.first()) {
            client_verifier(path, pem)?;
        }
        made.client_ca.store(Arc::new(contents));
        self.show_made(made, metrics)
    }

    async fn follow_made(&self, made: &Made, metrics: &Metrics) -> Infallible {
        let mut leaves = made.leaves.clone();
        loop {
            leaves.mark_unchanged();
            if let Err(error) = self.show_made(made, metrics) {
                tracing::error!(%error, "kept the last good certificate: {error}");
            }
            if leaves.changed().await.is_err() {
                // Nobody is left who could make one.
                std::future::pending::<()>().await;
            }
        }
    }

    fn show_made(&self, made: &Made, metrics: &Metrics) -> Result<(), TlsError> {
        let Some(leaf) = made.leaves.borrow().clone() else {
            return Ok(());
        };
        let pair = [&leaf.cert_pem, &leaf.key_pem].map(|pem| pem.clone().into_bytes());
        let clients = made.client_ca.load();
        let contents: Vec<_> = pair.into_iter().chain(clients.iter().cloned()).collect();
        self.show(&contents, metrics)
    }

    fn show(&self, contents: &[Vec<u8>], metrics: &Metrics) -> Result<(), TlsError> {
        let next = generation(&self.files, contents)?;
        next.show(metrics);
        self.current.store(Some(Arc::new(next)));
        Ok(())
    }
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
