//! Which certificate is served?
//!
//! From inside the cluster a replica is connected to; from outside the API server's port-forward leads there, or
//! a URL is taken as it stands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::verify::{Chain, validity, verified};
use super::{Look, told};
use crate::chain::seen::{Endpoint, Seen, Served, Shown};
use crate::chain::webhooks::{Entry, ServiceReference};
use crate::cluster::watch::problem::Problem;

/// Connection and handshake together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Replicas that are looked at.
const MOST: usize = 8;

impl Look {
    /// What is served at each ready replica, or at each URL.
    pub(super) async fn served(
        &self,
        entries: &[&Entry],
        service: Option<&ServiceReference>,
        endpoints: &Seen<Vec<Endpoint>>,
    ) -> Vec<Served> {
        let mut all = Vec::new();
        for place in urls(entries) {
            let connected = async { TcpStream::connect((place.name.as_str(), place.port)).await };
            let shown = self.shown(&place.name, connected, Stands::Outside).await;
            all.push(self.judged(place.label(), &place.name, shown, entries));
        }
        let (Some(service), Seen::There(endpoints)) = (service, endpoints) else {
            return all;
        };
        let name = service.host();
        for endpoint in endpoints.iter().filter(|one| one.ready).take(MOST) {
            let shown = self.replica(service, endpoint, &name).await;
            all.push(self.judged(endpoint.name.clone(), &name, shown, entries));
        }
        all
    }

    async fn replica(
        &self,
        service: &ServiceReference,
        endpoint: &Endpoint,
        name: &str,
    ) -> Result<Chain, Shown> {
        if self.cluster.inside {
            let connected =
                async { TcpStream::connect((endpoint.address.as_str(), endpoint.port)).await };
            return self.shown(name, connected, Stands::Inside).await;
        }
        if !endpoint.is_pod {
            let why = "it is no Pod, so that no port-forward leads there".to_owned();
            return Err(Shown::Hidden(why));
        }
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &service.namespace);
        let ports = [endpoint.port];
        let opened = tokio::time::timeout(PATIENCE, pods.portforward(&endpoint.name, &ports)).await;
        let mut forward = match opened {
            Ok(Ok(forward)) => forward,
            Ok(Err(error)) => {
                let why = format!("port-forward: {}", told(&Problem::from(error)));
                return Err(Shown::Hidden(why));
            }
            Err(_late) => return Err(Shown::Hidden("port-forward: no answer".into())),
        };
        let stream = forward.take_stream(endpoint.port);
        let error = forward.take_error(endpoint.port);
        let refused = async {
            match error {
                Some(error) => error.await,
                None => None,
            }
        };
        let connected = async { stream.ok_or_else(|| std::io::Error::other("no stream")) };
        // The way leads into the Pod itself: whoever does not answer there answers nobody.
        let shown = tokio::select! {
            shown = self.shown(name, connected, Stands::Inside) => shown,
            Some(error) = refused => Err(Shown::Nothing(error)),
        };
        forward.abort();
        shown
    }

    /// What is served on a connection.
    async fn shown<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        name: &str,
        connected: impl Future<Output = std::io::Result<S>>,
        stands: Stands,
    ) -> Result<Chain, Shown> {
        let looked = async { handshake(name, connected.await?).await };
        let error = match tokio::time::timeout(PATIENCE, looked).await {
            Ok(Ok(chain)) => return Ok(chain),
            Ok(Err(error)) => error.to_string(),
            Err(_late) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        Err(match stands {
            Stands::Inside => Shown::Nothing(error),
            Stands::Outside => Shown::Hidden(format!("cannot be seen from here: {error}")),
        })
    }

    fn judged(
        &self,
        endpoint: String,
        name: &str,
        shown: Result<Chain, Shown>,
        entries: &[&Entry],
    ) -> Served {
        let shown = shown.and_then(|chain| {
            let validity = validity(&chain)
                .ok_or_else(|| Shown::Hidden("its certificate cannot be read".into()))?;
            let now = self.clock.now();
            let verified = entries
                .iter()
                .filter_map(|entry| {
                    let pem = entry.client_config.pem()?;
                    Some((entry.name.clone(), verified(&chain, &pem, name, now)))
                })
                .collect();
            Ok(Shown::Certificate { validity, verified })
        });
        Served {
            endpoint,
            shown: shown.unwrap_or_else(|nothing| nothing),
        }
    }
}

/// Whether we stand where the API server's traffic may go too.
#[derive(Clone, Copy)]
enum Stands {
    Inside,
    Outside,
}

/// A place that a URL names.
#[derive(PartialEq, Eq)]
struct Place {
    name: String,
    port: u16,
}

impl Place {
    fn label(&self) -> String {
        format!("{}:{}", self.name, self.port)
    }
}

fn urls(entries: &[&Entry]) -> Vec<Place> {
    let mut all = Vec::new();
    for entry in entries {
        let place = entry.client_config.url.as_deref().and_then(place);
        all.extend(place.filter(|place| !all.contains(place)));
    }
    all
}

/// Host and port of an `https` URL.
fn place(url: &str) -> Option<Place> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split('/').next()?;
    let (name, port) = match authority.rsplit_once(':') {
        // The colon may be one of an address in brackets.
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
        _ => (authority, 443),
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    Some(Place {
        name: name.to_owned(),
        port,
    })
}

async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    name: &str,
    stream: S,
) -> std::io::Result<Chain> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Onlooker(provider)))
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(std::io::Error::other)?;
    let tls = TlsConnector::from(Arc::new(config));
    let stream = tls.connect(name, stream).await?;
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    Ok(chain.iter().map(|one| one.clone().into_owned()).collect())
}

/// Takes every certificate: it is looked at, and nothing is said to who has it. That its holder has the key
/// is proved all the same.
struct Onlooker(Arc<CryptoProvider>);

impl fmt::Debug for Onlooker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Onlooker")
    }
}

impl ServerCertVerifier for Onlooker {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_places() {
        let of = |url| place(url).map(|place| place.label());
        assert_eq!(
            of("https://127.0.0.1:8443/mutate").unwrap(),
            "127.0.0.1:8443"
        );
        assert_eq!(of("https://box.example/mutate").unwrap(), "box.example:443");
        assert_eq!(of("https://[::1]:9/x").unwrap(), "::1:9");
        assert_eq!(of("http://box.example"), None);
    }
}
