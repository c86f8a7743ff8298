//! What would become of a Pod? A review sent to Sidebox past the API server, and the patch applied.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::webhook::Sidebox;

/// The Pod as it would be created, and what was said about it.
#[derive(Debug)]
pub(crate) struct Reviewed {
    pub(crate) pod: Value,
    pub(crate) warnings: Vec<String>,
}

impl Reviewed {
    pub(crate) fn toolbox(&self) -> Option<&Value> {
        let containers = self.pod["spec"]["containers"].as_array().unwrap();
        containers
            .iter()
            .find(|container| container["name"] == "toolbox")
    }

    /// The volume of results: `claim`, `emptyDir` or `none`.
    pub(crate) fn data(&self) -> &'static str {
        let volumes = self.pod["spec"]["volumes"].as_array();
        let data = volumes
            .into_iter()
            .flatten()
            .find(|volume| volume["name"] == "sidebox-data");
        match data {
            None => "none",
            Some(volume) if volume.get("persistentVolumeClaim").is_some() => "claim",
            Some(_) => "emptyDir",
        }
    }
}

/// A .NET Pod that does not ask itself.
pub(crate) fn quiet_pod() -> Value {
    let container = json!({"name": "app", "image": "app:1", "env": [{"name": "DOTNET_RUNNING_IN_CONTAINER", "value": "true"}]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}})
}

/// One that does.
pub(crate) fn asking_pod() -> Value {
    let mut pod = quiet_pod();
    pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
    pod
}

/// Sends a review of a Pod's creation.
pub(crate) async fn review(
    sidebox: &Sidebox,
    path: &str,
    namespace: &str,
    pod: &Value,
) -> Reviewed {
    send(sidebox, path, namespace, pod, false).await
}

/// The same, with the word on whether it is a dry run.
pub(crate) async fn send(
    sidebox: &Sidebox,
    path: &str,
    namespace: &str,
    pod: &Value,
    dry_run: bool,
) -> Reviewed {
    let request = json!({"uid": "u", "dryRun": dry_run, "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "CREATE",
        "namespace": namespace, "object": pod});
    let body =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request});
    let answer = post(sidebox, path, &body).await;
    let response = &answer["response"];
    let mut pod = pod.clone();
    if let Some(encoded) = response["patch"].as_str() {
        let operations = STANDARD.decode(encoded).unwrap();
        let operations: json_patch::Patch = serde_json::from_slice(&operations).unwrap();
        json_patch::patch(&mut pod, &operations).unwrap();
    }
    let warnings = response["warnings"].as_array().into_iter().flatten();
    let warnings = warnings.map(|text| text.as_str().unwrap().to_owned());
    Reviewed {
        pod,
        warnings: warnings.collect(),
    }
}

async fn post(sidebox: &Sidebox, path: &str, body: &Value) -> Value {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(sidebox.ca().as_bytes()).unwrap();
    roots.add(ca).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(sidebox.webhook).await.unwrap();
    let name = ServerName::from(sidebox.webhook.ip());
    let tls = TlsConnector::from(Arc::new(config));
    let stream = tls.connect(name, stream).await.unwrap();
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    // Ends with the sender.
    tokio::spawn(connection);
    let request = Request::post(path)
        .header("Host", "sidebox")
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}
