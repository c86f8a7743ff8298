//! Who answers `metrics.k8s.io`? This small server, in place of metrics-server, which cannot be had without a registry: it
//! serves what it is given. Knows the API; must not know where figures come from.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
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
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const GROUP: &str = "metrics.k8s.io";

/// The name of its `APIService`.
pub(crate) const GROUP_VERSION: &str = "v1beta1.metrics.k8s.io";

/// Where a Service of the cluster finds this machine.
const MACHINE: &str = "10.243.77.1";

/// The cpu of each container of one Pod.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) time: OffsetDateTime,
    pod: Value,
    nanocores: BTreeMap<String, u64>,
}

impl Sample {
    /// What a kubelet's summary says of a Pod, if it has measured all of it.
    pub(crate) fn of(pod: &Value, summary: &Value) -> Option<Self> {
        let all = summary["pods"].as_array()?;
        let own = all
            .iter()
            .find(|known| known["podRef"]["uid"] == pod["metadata"]["uid"])?;
        let containers = own["containers"].as_array()?;
        let nanocores: Option<BTreeMap<_, _>> = containers
            .iter()
            .map(|container| {
                let name = container["name"].as_str()?.to_owned();
                Some((name, container["cpu"]["usageNanoCores"].as_u64()?))
            })
            .collect();
        let times = containers.iter().map(|container| {
            let text = container["cpu"]["time"].as_str()?;
            OffsetDateTime::parse(text, &Rfc3339).ok()
        });
        let time = times.collect::<Option<Vec<_>>>()?.into_iter().min()?;
        let nanocores = nanocores?;
        let wanted = pod["spec"]["containers"].as_array()?.len();
        (nanocores.len() == wanted).then(|| Self {
            time,
            pod: pod["metadata"].clone(),
            nanocores,
        })
    }

    /// As an autoscaler rounds.
    pub(crate) fn millicores(&self) -> BTreeMap<&str, u64> {
        let rounded = |nanocores: &u64| nanocores.div_ceil(1_000_000);
        let all = self.nanocores.iter();
        all.map(|(name, nanocores)| (name.as_str(), rounded(nanocores)))
            .collect()
    }

    pub(crate) fn of_container(&self, name: &str) -> u64 {
        self.millicores()[name]
    }

    pub(crate) fn sum(&self) -> u64 {
        self.millicores().values().sum()
    }

    fn metrics(&self, window: Duration) -> Value {
        let containers = self.nanocores.iter().map(|(name, nanocores)| {
            json!({"name": name, "usage": {"cpu": format!("{nanocores}n"), "memory": "1Mi"}})
        });
        json!({"metadata": {"name": self.pod["name"], "namespace": self.pod["namespace"], "labels": self.pod["labels"]},
            "timestamp": self.time.format(&Rfc3339).unwrap(), "window": format!("{}s", window.as_secs()),
            "containers": containers.collect::<Vec<_>>()})
    }
}

/// The server; ends with the runtime in which it was started.
pub(crate) struct MetricsApi {
    port: u16,
    ca: String,
    served: Served,
    window: Duration,
}

/// The metrics of each namespace.
type Served = Arc<Mutex<BTreeMap<String, Value>>>;

impl MetricsApi {
    /// Serves no metrics yet; each later one was measured over this time.
    pub(crate) async fn start(window: Duration) -> Self {
        let validity = Validity::days(OffsetDateTime::now_utc(), 1).unwrap();
        let ca = Ca::generate("metrics authority", validity).unwrap();
        let leaf = ca
            .issue(&["metrics.scaled.svc".to_owned()], validity)
            .unwrap();
        let cert = CertificateDer::from_pem_slice(leaf.cert_pem.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        let listener = TcpListener::bind((MACHINE, 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let served = Served::default();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(accept(listener, acceptor, Arc::clone(&served)));
        Self {
            port: address.port(),
            ca: ca.cert_pem(),
            served,
            window,
        }
    }

    /// The figures of a namespace from now on.
    pub(crate) fn serve(&self, namespace: &str, sample: &Sample) {
        let metrics = sample.metrics(self.window);
        let mut served = self.served.lock().unwrap();
        served.insert(namespace.to_owned(), metrics);
    }

    /// What makes the API server ask here: a Service without Pods, its endpoint, and the group of the API.
    pub(crate) fn registration(&self) -> [Value; 3] {
        let port = json!([{"name": "https", "port": self.port, "protocol": "TCP"}]);
        let service = json!({"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "metrics", "namespace": "scaled"},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": self.port}]}});
        let endpoint = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "metrics", "namespace": "scaled",
                "labels": {"kubernetes.io/service-name": "metrics"}},
            "addressType": "IPv4", "ports": port, "endpoints": [{"addresses": [MACHINE]}]});
        let group = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": GROUP_VERSION},
            "spec": {"group": GROUP, "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "caBundle": STANDARD.encode(&self.ca),
                "service": {"name": "metrics", "namespace": "scaled"}}});
        [service, endpoint, group]
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, served: Served) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, served) = (acceptor.clone(), Arc::clone(&served));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service =
                service_fn(|request| ready(Ok::<_, Infallible>(answer(&request, &served))));
            // A client that leaves is not an event.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answer(request: &Request<Incoming>, served: &Served) -> Response<Full<Bytes>> {
    let version = format!("{GROUP}/v1beta1");
    let rest = request
        .uri()
        .path()
        .strip_prefix(&format!("/apis/{version}"));
    let parts = rest.unwrap_or("/none").split('/').collect::<Vec<_>>();
    let (status, body) = match parts.as_slice() {
        [""] => {
            let pods = json!({"name": "pods", "namespaced": true, "kind": "PodMetrics", "verbs": ["get", "list"]});
            let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version,
                "resources": [pods]});
            (200, list)
        }
        ["", "namespaces", namespace, "pods"] => {
            let items: Vec<_> = served
                .lock()
                .unwrap()
                .get(*namespace)
                .cloned()
                .into_iter()
                .collect();
            (
                200,
                json!({"kind": "PodMetricsList", "apiVersion": version, "metadata": {}, "items": items}),
            )
        }
        _ => (
            404,
            json!({"kind": "Status", "apiVersion": "v1", "code": 404}),
        ),
    };
    let answer = Response::builder()
        .status(status)
        .header("Content-Type", "application/json")
        .body(Full::new(Bytes::from(body.to_string())));
    answer.unwrap()
}
