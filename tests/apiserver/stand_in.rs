//! Other webhooks, good and bad: a small TLS server that answers reviews as a test says. Must not know Sidebox.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use sidebox::pki::{Ca, Validity};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::webhook::host;

/// What a webhook does with a Pod.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behaviour {
    /// Answers with these operations; none, no patch.
    Patch(fn(&Value) -> Vec<Value>),
    /// Status 500.
    Error,
    /// Status 200 and a text that is no review.
    Garbage,
    /// Never.
    Hang,
}

/// A running webhook. Ends with the value.
pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    pub(crate) ca: String,
    calls: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl StandIn {
    pub(crate) async fn start(behaviour: Behaviour) -> Self {
        let validity = Validity::days(OffsetDateTime::now_utc(), 1).unwrap();
        let ca = Ca::generate("stand-in authority", validity).unwrap();
        let leaf = ca.issue(&[host()], validity).unwrap();
        let cert = CertificateDer::from_pem_slice(leaf.cert_pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let listener = TcpListener::bind((host(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let task = tokio::spawn(accept(listener, acceptor, behaviour, Arc::clone(&calls)));
        Self {
            address,
            ca: ca.cert_pem(),
            calls,
            task,
        }
    }

    /// How many reviews came.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    behaviour: Behaviour,
    calls: Arc<AtomicUsize>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, calls) = (acceptor.clone(), Arc::clone(&calls));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(|request| {
                calls.fetch_add(1, Ordering::SeqCst);
                answer(request, behaviour)
            });
            // A client that leaves is not an event.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    behaviour: Behaviour,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, text) = match behaviour {
        Behaviour::Patch(change) => (200, review(&body, change)),
        Behaviour::Error => (500, "broken".to_owned()),
        Behaviour::Garbage => (200, "<html>not a review</html>".to_owned()),
        Behaviour::Hang => std::future::pending().await,
    };
    let response = Response::builder()
        .status(status)
        .header("Content-Type", "application/json");
    Ok(response.body(Full::new(Bytes::from(text))).unwrap())
}

fn review(body: &[u8], change: fn(&Value) -> Vec<Value>) -> String {
    let review: Value = serde_json::from_slice(body).unwrap();
    let request = &review["request"];
    let mut response = json!({"uid": request["uid"], "allowed": true});
    let operations = change(&request["object"]);
    if !operations.is_empty() {
        response["patchType"] = "JSONPatch".into();
        response["patch"] = STANDARD.encode(Value::from(operations).to_string()).into();
    }
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
        .to_string()
}
