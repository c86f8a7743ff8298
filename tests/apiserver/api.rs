//! How is a real API server asked, thousands of times a minute? A small client over hyper with the
//! admin's certificate. Knows HTTP and the kubeconfig; must not know what is asked, or Sidebox.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Connections on which a batch is created; more would only wait for the two processors of a small machine.
const CONNECTIONS: usize = 8;

/// The API server of a kubeconfig.
#[derive(Clone)]
pub(crate) struct Api {
    address: SocketAddr,
    tls: TlsConnector,
}

/// What the API server said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The object, or the `Status` that says why not.
    pub(crate) body: Value,
    /// Names this request in the audit log.
    pub(crate) audit_id: String,
    pub(crate) warnings: Vec<String>,
}

impl Reply {
    pub(crate) fn accepted(&self) -> bool {
        self.status.is_success()
    }

    /// Why an object was not accepted.
    pub(crate) fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or("no message")
    }
}

/// One kept connection.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Api {
    /// As the admin of a kubeconfig that carries its keys.
    pub(crate) fn of(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let member = |key: &str| {
            let found = text.lines().find_map(|line| {
                line.trim()
                    .strip_prefix(key)?
                    .strip_prefix(": ")
                    .map(str::to_owned)
            });
            found.unwrap_or_else(|| panic!("no {key} in the kubeconfig"))
        };
        let data = |key: &str| STANDARD.decode(member(key)).unwrap();
        let address = member("server")
            .strip_prefix("https://")
            .unwrap()
            .parse()
            .unwrap();
        let mut roots = RootCertStore::empty();
        let ca = data("certificate-authority-data");
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let cert = CertificateDer::from_pem_slice(&data("client-certificate-data")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(&data("client-key-data")).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![cert], key)
            .unwrap();
        Self {
            address,
            tls: TlsConnector::from(Arc::new(config)),
        }
    }

    async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::from(self.address.ip());
        let stream = self.tls.connect(name, stream).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        // Ends with the sender; how is told there.
        tokio::spawn(connection);
        Connection { sender }
    }

    /// One request on a connection of its own; the body is sent as JSON.
    pub(crate) async fn call(&self, method: &str, path: &str, object: &Value) -> Reply {
        let mut connection = self.connect().await;
        connection.call(method, path, body(object)).await
    }

    /// Creates what must be there; what is there already is fine.
    pub(crate) async fn create(&self, path: &str, object: &Value) {
        let reply = self.call("POST", path, object).await;
        assert!(
            reply.accepted() || reply.status == StatusCode::CONFLICT,
            "{path}: {}",
            reply.message()
        );
    }

    /// Offers a Pod and keeps nothing of it.
    pub(crate) async fn try_pod(&self, namespace: &str, pod: &Value) -> Reply {
        self.call("POST", &pods(namespace, true), pod).await
    }

    /// Offers Pods on a few connections; the answers stand in the order of the Pods.
    pub(crate) async fn try_pods(&self, namespace: &str, all: &[Value]) -> Vec<Reply> {
        let bodies: Vec<_> = all.iter().map(body).collect();
        self.offer(namespace, bodies.into()).await
    }

    /// The same with Pods that are written already.
    pub(crate) async fn offer(&self, namespace: &str, all: Arc<[Bytes]>) -> Vec<Reply> {
        let next = Arc::new(AtomicUsize::new(0));
        let path = pods(namespace, true);
        let workers = (0..CONNECTIONS.min(all.len())).map(|_| {
            let (api, all, next, path) = (
                self.clone(),
                Arc::clone(&all),
                Arc::clone(&next),
                path.clone(),
            );
            tokio::spawn(async move {
                let mut connection = api.connect().await;
                let mut replies = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some(pod) = all.get(index) else {
                        return replies;
                    };
                    let reply = connection.call("POST", &path, pod.clone()).await;
                    replies.push((index, reply));
                }
            })
        });
        let mut replies = Vec::new();
        for worker in workers.collect::<Vec<_>>() {
            replies.extend(worker.await.unwrap());
        }
        replies.sort_by_key(|(index, _)| *index);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }
}

impl Connection {
    async fn call(&mut self, method: &str, path: &str, body: Bytes) -> Reply {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Host", "127.0.0.1")
            .header("Accept", "application/json")
            .header("Content-Type", content_type(method))
            .body(Full::new(body))
            .unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or("").to_owned();
        Reply {
            status: head.status,
            audit_id: head.headers.get("Audit-Id").map(text).unwrap_or_default(),
            warnings: head.headers.get_all("Warning").iter().map(text).collect(),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}

fn content_type(method: &str) -> &'static str {
    if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    }
}

/// The path at which Pods of a namespace are created.
pub(crate) fn pods(namespace: &str, dry_run: bool) -> String {
    let query = if dry_run { "?dryRun=All" } else { "" };
    format!("/api/v1/namespaces/{namespace}/pods{query}")
}

/// An object as it is sent; a Pod goes to the namespace of its path.
pub(crate) fn body(object: &Value) -> Bytes {
    Bytes::from(object.to_string())
}
