//! What can be said to `sidebox serve`: flags, each also an environment variable.
//!
//! Pure text; what follows from it is decided elsewhere.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The flags of `sidebox serve`, each also as an environment variable.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// Settings file; without it the defaults that `sidebox config` prints
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Namespaces, claims, LimitRanges and quotas, where there is no cluster to watch
    #[arg(long, value_name = "FILE", env = "SIDEBOX_FACTS")]
    pub(super) facts: Option<PathBuf>,
    /// Address for admission reviews over HTTPS
    #[arg(
        long,
        value_name = "ADDR",
        env = "SIDEBOX_LISTEN",
        default_value = "0.0.0.0:8443"
    )]
    pub(super) listen: SocketAddr,
    /// Address for /healthz, /readyz and /metrics over HTTP
    #[arg(
        long,
        value_name = "ADDR",
        env = "SIDEBOX_HEALTH_LISTEN",
        default_value = "0.0.0.0:8080"
    )]
    pub(super) health_listen: SocketAddr,
    #[command(flatten)]
    pub(super) certificate: CertificateArgs,
    /// Only clients with a certificate of these authorities (PEM) are answered
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CLIENT_CA")]
    pub(super) client_ca: Option<PathBuf>,
    /// Common name that a client certificate must have; may be given more than once
    #[arg(
        long = "client-name",
        value_name = "NAME",
        env = "SIDEBOX_CLIENT_NAME",
        value_delimiter = ',',
        requires = "client_ca"
    )]
    pub(super) client_names: Vec<String>,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) running: RunningArgs,
}

/// Where the server's certificate comes from: two files, or this process.
#[derive(Debug, Args)]
pub(super) struct CertificateArgs {
    /// Server certificate chain in PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "SIDEBOX_TLS_CERT")]
    pub(super) tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "SIDEBOX_TLS_KEY")]
    pub(super) tls_key: Option<PathBuf>,
    /// Make certificates, and keep the caBundle of the two webhook configurations: the authority is
    /// in a Secret of our namespace, written by the replica that holds a Lease. In a Pod with its
    /// service account, elsewhere with KUBECONFIG
    #[arg(
        long,
        env = "SIDEBOX_SELF_MANAGED_TLS",
        conflicts_with_all = ["tls_cert", "tls_key"]
    )]
    pub(super) self_managed_tls: bool,
    /// Service by which the API server calls us; also the name of both webhook configurations and of
    /// the Lease, and with `-ca` of the Secret
    #[arg(
        long,
        value_name = "NAME",
        env = "SIDEBOX_SERVICE_NAME",
        default_value = "sidebox"
    )]
    pub(super) service_name: String,
    /// DNS name or IP address for the certificate beside the Service's; may be given more than once
    #[arg(
        long = "tls-name",
        value_name = "DNS|IP",
        env = "SIDEBOX_TLS_NAME",
        value_delimiter = ',',
        requires = "self_managed_tls"
    )]
    pub(super) tls_names: Vec<String>,
    /// How long a self-managed authority lives; the next one comes in the last third
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_CA_LIFETIME",
        default_value_t = 31_536_000,
        value_parser = clap::value_parser!(u32).range(12..=315_360_000)
    )]
    pub(super) ca_lifetime: u32,
    /// How long a self-managed server certificate lives; a new one comes in the last third
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_CERT_LIFETIME",
        default_value_t = 86_400,
        value_parser = clap::value_parser!(u32).range(3..=31_536_000)
    )]
    pub(super) cert_lifetime: u32,
    /// How long the API servers have had a new authority in every caBundle before it signs
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_CA_MARGIN",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=86_400)
    )]
    pub(super) ca_margin: u32,
}

/// Which cluster is watched for facts, and where we live in it.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    /// Watch the cluster's namespaces, claims, LimitRanges and quotas: `auto` does in a Pod with a
    /// service account, unless --facts is given; `always` elsewhere takes KUBECONFIG
    #[arg(
        long,
        value_name = "WHEN",
        env = "SIDEBOX_CLUSTER",
        default_value = "auto"
    )]
    pub(super) cluster: When,
    /// Whether findings become Events on what makes the Pods, in a cluster that is watched
    #[arg(
        long,
        value_name = "BOOL",
        env = "SIDEBOX_EVENTS",
        default_value_t = true,
        action = clap::ArgAction::Set
    )]
    pub(super) events: bool,
    /// Name of the Pod that we run in; without it the machine's
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    pub(super) pod_name: Option<String>,
    /// Namespace that we run in; without it that of the service account or KUBECONFIG
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE")]
    pub(super) pod_namespace: Option<String>,
}

/// When the cluster is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

/// How the process runs, whatever it serves.
#[derive(Debug, Args)]
pub(super) struct RunningArgs {
    /// Form of the log on standard error
    #[arg(
        long,
        value_name = "FORM",
        env = "SIDEBOX_LOG_FORMAT",
        default_value = "text"
    )]
    pub(super) log_format: LogFormat,
    /// Which log lines: a level, or tracing's filter syntax
    #[arg(
        long,
        value_name = "FILTER",
        env = "SIDEBOX_LOG",
        default_value = "info"
    )]
    pub(super) log: String,
    /// Seconds for which connections are still accepted after SIGTERM
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_DRAIN_DELAY",
        default_value_t = 10
    )]
    pub(super) drain_delay: u16,
    /// Seconds between two looks at files that may have changed
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_RELOAD_INTERVAL",
        default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub(super) reload_interval: u16,
    /// Threads that serve connections
    #[arg(
        long,
        value_name = "N",
        env = "SIDEBOX_WORKERS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(super) workers: u16,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}
