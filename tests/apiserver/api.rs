//! How is a real API server asked, thousands of times a minute? A small client over hyper with the
//! admin's certificate. Knows HTTP and the kubeconfig; must not know what is asked, or Sidebox.

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
    /// Name or address, and port.
    host: String,
    port: u16,
    tls: TlsConnector,
    token: Option<String>,
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
    host: String,
    /// How the user is named on each request, unless by the connection's certificate.
    token: Option<String>,
}

impl Api {
    /// As the user of a kubeconfig of one cluster that carries its keys: a client certificate or a token.
    pub(crate) fn of(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let member = |key: &str| {
            let value = |line: &str| {
                line.strip_prefix(key)?
                    .strip_prefix(": ")
                    .map(str::to_owned)
            };
            text.lines().find_map(|line| value(line.trim()))
        };
        let data = |key: &str| member(key).map(|text| STANDARD.decode(text).unwrap());
        let server = member("server").unwrap();
        let server = server
            .strip_prefix("https://")
            .unwrap()
            .trim_end_matches('/');
        let (host, port) = server.rsplit_once(':').unwrap_or((server, "443"));
        let mut roots = RootCertStore::empty();
        let ca = data("certificate-authority-data").unwrap();
        roots
            .add(CertificateDer::from_pem_slice(&ca).unwrap())
            .unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let token = member("token");
        let keys = data("client-certificate-data").zip(data("client-key-data"));
        let config = match keys {
            Some((cert, key)) => {
                let cert = CertificateDer::from_pem_slice(&cert).unwrap();
                let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
                config.with_client_auth_cert(vec![cert], key).unwrap()
            }
            None if token.is_some() => config.with_no_client_auth(),
            None => panic!("{}: neither keys nor a token", kubeconfig.display()),
        };
        Self {
            host: host.to_owned(),
            port: port.parse().unwrap(),
            tls: TlsConnector::from(Arc::new(config)),
            token,
        }
    }

    async fn connect(&self) -> Connection {
        let place = (self.host.as_str(), self.port);
        let stream = TcpStream::connect(place).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(self.host.clone()).unwrap();
        let stream = self.tls.connect(name, stream).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        // Ends with the sender; how is told there.
        tokio::spawn(connection);
        let token = self.token.as_ref().map(|token| format!("Bearer {token}"));
        Connection {
            sender,
            host: self.host.clone(),
            token,
        }
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
        let path: Arc<str> = pods(namespace, true).into();
        let all = all.iter().map(|pod| (Arc::clone(&path), pod.clone()));
        self.post_all(all.collect(), CONNECTIONS).await
    }

    /// Posts bodies to paths on that many connections.
    pub(crate) async fn post_all(
        &self,
        all: Vec<(Arc<str>, Bytes)>,
        connections: usize,
    ) -> Vec<Reply> {
        let (all, next) = (Arc::new(all), Arc::new(AtomicUsize::new(0)));
        let workers = (0..connections.min(all.len())).map(|_| {
            let (api, all, next) = (self.clone(), Arc::clone(&all), Arc::clone(&next));
            tokio::spawn(async move {
                let mut connection = api.connect().await;
                let mut replies = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::SeqCst);
                    let Some((path, body)) = all.get(index) else {
                        return replies;
                    };
                    let reply = connection.call("POST", path, body.clone()).await;
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
        let mut request = Request::builder();
        if let Some(token) = &self.token {
            request = request.header("Authorization", token);
        }
        let request = request
            .method(method)
            .uri(path)
            .header("Host", &self.host)
            .header("Accept", "application/json")
            .header("Content-Type", content_type(method))
            .body(Full::new(body))
            .unwrap();
        // The answer before may be read and the connection not know it yet.
        self.sender.ready().await.unwrap();
        let response = self.sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or("").to_owned();
        Reply {
            status: head.status,
            audit_id: head.headers.get("Audit-Id").map(text).unwrap_or_default(),
            warnings: head.headers.get_all("Warning").iter().map(text).collect(),
            body: serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()),
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
