//! Which API server is spoken to, as whom, and where do we live? Reading the configuration calls nobody:
//! a start never waits for the API server.
//!
//! Knows nothing of what is asked there.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kube::config::{
    InClusterError, InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError,
};
use kube::{Client, Config};

/// Where the kubelet mounts a service account's token.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// An API server that does not take a connection for so long is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A Pod's service account is mounted, but not as a whole.
    #[error(
        "cannot read the service account that is mounted in this Pod: {0}; automountServiceAccountToken \
         of the Pod must be true"
    )]
    InPod(InClusterError),
    /// There is neither a service account nor a kubeconfig.
    #[error("no cluster is configured, neither by a service account nor by KUBECONFIG: {0}")]
    Nowhere(InferConfigError),
    /// The kubeconfig cannot be read, or has no such context.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(KubeconfigError),
    /// The configuration makes no client.
    #[error("the cluster's configuration cannot be used: {0}")]
    Unusable(kube::Error),
}

/// What the caller knows of the Pod that we run in.
#[derive(Debug, Clone, Default)]
pub struct Pod {
    /// Its name; without it the machine's.
    pub name: Option<String>,
    /// Its namespace; without it that of the configuration.
    pub namespace: Option<String>,
}

/// What a person chose on the command line, as with kubectl.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// A file in place of KUBECONFIG and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it in place of the current one.
    pub context: Option<String>,
}

/// A cluster that a person asks.
pub struct Chosen {
    /// As that person.
    pub client: Client,
    /// The namespace of the context.
    pub namespace: String,
    /// Whether we run in a Pod of that cluster, so that its Pods can be connected to.
    pub inside: bool,
}

impl Choice {
    /// The cluster chosen; without a choice that of the Pod we are in, of KUBECONFIG or of `~/.kube/config`.
    /// Must be called within a runtime.
    ///
    /// # Errors
    /// [`ConnectError`] when nothing usable is configured; whether anybody answers shows later.
    pub async fn connect(&self) -> Result<Chosen, ConnectError> {
        let chosen = self.kubeconfig.is_some() || self.context.is_some();
        let inside = !chosen && in_pod();
        let mut config = if chosen {
            let file = match &self.kubeconfig {
                Some(path) => Kubeconfig::read_from(path),
                None => Kubeconfig::read(),
            };
            let options = KubeConfigOptions {
                context: self.context.clone(),
                ..KubeConfigOptions::default()
            };
            let file = file.map_err(ConnectError::Kubeconfig)?;
            Config::from_custom_kubeconfig(file, &options)
                .await
                .map_err(ConnectError::Kubeconfig)?
        } else if inside {
            Config::incluster().map_err(ConnectError::InPod)?
        } else {
            Config::infer().await.map_err(ConnectError::Nowhere)?
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        config.default_retry = false;
        let namespace = config.default_namespace.trim().to_owned();
        Ok(Chosen {
            client: Client::try_from(config).map_err(ConnectError::Unusable)?,
            namespace,
            inside,
        })
    }
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen")
            .field("namespace", &self.namespace)
            .field("inside", &self.inside)
            .finish_non_exhaustive()
    }
}

/// A cluster that can be asked, and our place in it.
#[derive(Clone)]
pub struct Cluster {
    /// Shared by all who ask.
    pub client: Client,
    /// Our own namespace: that of the Lease and the Secret.
    pub namespace: String,
    /// This process among its replicas: no other one ever has the same.
    pub identity: String,
}

/// Whether we run in a Pod that may speak to the API server.
pub fn in_pod() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() && Path::new(TOKEN).exists()
}

impl Cluster {
    /// The cluster of the Pod's service account, else that of KUBECONFIG or `~/.kube/config`.
    /// Must be called within the runtime that will serve the requests.
    ///
    /// # Errors
    /// [`ConnectError`] when nothing usable is configured; whether anybody answers shows later.
    pub async fn configured(pod: Pod) -> Result<Self, ConnectError> {
        let mut config = if in_pod() {
            Config::incluster().map_err(ConnectError::InPod)?
        } else {
            Config::infer().await.map_err(ConnectError::Nowhere)?
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // Whoever asks repeats in its own time, and counts.
        config.default_retry = false;
        let configured = config.default_namespace.trim().to_owned();
        Ok(Self {
            client: Client::try_from(config).map_err(ConnectError::Unusable)?,
            namespace: pod.namespace.unwrap_or(configured),
            identity: identity(pod.name),
        })
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("namespace", &self.namespace)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// A container that was restarted in the same Pod is another one: it must not take the Lease of its
/// predecessor for its own.
fn identity(pod: Option<String>) -> String {
    let machine = || {
        rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned()
    };
    let started = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let name = pod.unwrap_or_else(machine);
    format!("{name}_{}-{:x}", std::process::id(), started.as_nanos())
}
