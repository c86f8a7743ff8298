//! What is put together for `sidebox serve`? The composition root: flags, log, runtime, signals.
//!
//! Decides nothing about Pods and speaks no HTTP; it hands parts to each other.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::admission::{Admission, KnownFacts};
use crate::inject::finding::TABLE as FINDINGS;
use crate::inject::settings::Settings;
use crate::server::{self, FileSet, Limits, Listeners, Metrics, Server, Tls, TlsFiles};

/// The flags of `sidebox serve`, each also as an environment variable.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Settings file; without it the defaults that `sidebox config` prints
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CONFIG")]
    config: Option<PathBuf>,
    /// Namespaces, claims, LimitRanges and quotas, where there is no cluster to watch
    #[arg(long, value_name = "FILE", env = "SIDEBOX_FACTS")]
    facts: Option<PathBuf>,
    /// Address for admission reviews over HTTPS
    #[arg(
        long,
        value_name = "ADDR",
        env = "SIDEBOX_LISTEN",
        default_value = "0.0.0.0:8443"
    )]
    listen: SocketAddr,
    /// Address for /healthz, /readyz and /metrics over HTTP
    #[arg(
        long,
        value_name = "ADDR",
        env = "SIDEBOX_HEALTH_LISTEN",
        default_value = "0.0.0.0:8080"
    )]
    health_listen: SocketAddr,
    /// Server certificate chain in PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "SIDEBOX_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "SIDEBOX_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Only clients with a certificate of these authorities (PEM) are answered
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CLIENT_CA")]
    client_ca: Option<PathBuf>,
    /// Common name that a client certificate must have; may be given more than once
    #[arg(
        long = "client-name",
        value_name = "NAME",
        env = "SIDEBOX_CLIENT_NAME",
        value_delimiter = ',',
        requires = "client_ca"
    )]
    client_names: Vec<String>,
    #[command(flatten)]
    running: RunningArgs,
}

/// How the process runs, whatever it serves.
#[derive(Debug, Args)]
struct RunningArgs {
    /// Form of the log on standard error
    #[arg(
        long,
        value_name = "FORM",
        env = "SIDEBOX_LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
    /// Which log lines: a level, or tracing's filter syntax
    #[arg(
        long,
        value_name = "FILTER",
        env = "SIDEBOX_LOG",
        default_value = "info"
    )]
    log: String,
    /// Seconds for which connections are still accepted after SIGTERM
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_DRAIN_DELAY",
        default_value_t = 10
    )]
    drain_delay: u16,
    /// Seconds between two looks at files that may have changed
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SIDEBOX_RELOAD_INTERVAL",
        default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    reload_interval: u16,
    /// Threads that serve connections
    #[arg(
        long,
        value_name = "N",
        env = "SIDEBOX_WORKERS",
        default_value_t = 2,
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    workers: u16,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// A future that keeps something fresh for as long as the server runs.
type Refresh = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// What settings and facts make.
struct Core {
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    refresh: Refresh,
}

/// Serves until a signal: the first drains (exit code 0), the second leaves at once (1).
pub(super) fn run(args: &ServeArgs) -> anyhow::Result<()> {
    start_log(&args.running)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.running.workers.into())
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(serve(args));
    runtime.shutdown_background();
    served
}

async fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let tls = Tls::open(tls_files(args)?)?;
    let core = core(args)?;
    let mut signals = Signals::new()?;
    let listeners = Listeners {
        webhook: bind(args.listen, "--listen").await?,
        health: bind(args.health_listen, "--health-listen").await?,
    };
    say_addresses(&listeners)?;
    let server = Server {
        reviewer: core.admission,
        tls,
        limits: limits(args),
        metrics: core.metrics,
    };
    let (drain, drained) = oneshot::channel::<()>();
    let serving = server::serve(listeners, server, async {
        // A dropped sender means shutdown as well.
        let _ = drained.await;
    });
    let signalled = async {
        signals.next().await;
        let _ = drain.send(());
        signals.next().await;
    };
    tokio::select! {
        _cut_off = serving => Ok(()),
        () = signalled => bail!("a second signal: left at once, requests in flight were dropped"),
        never = core.refresh => match never {},
    }
}

/// Makes the core from settings and facts, and what keeps it fresh.
fn core(args: &ServeArgs) -> anyhow::Result<Core> {
    let metrics = Arc::new(Metrics::new(FINDINGS.iter().map(|row| row.code)));
    let interval = Duration::from_secs(args.running.reload_interval.into());
    let admission = Arc::new(Admission::new(
        Settings::default(),
        Box::new(KnownFacts::default()),
    ));
    let settings = Settled {
        path: args.config.clone(),
        admission: Arc::clone(&admission),
        metrics: Arc::clone(&metrics),
    };
    let known = Known {
        path: args.facts.clone(),
        admission: Arc::clone(&admission),
    };
    let (settings_files, contents) =
        FileSet::open("settings", args.config.iter().cloned().collect())?;
    settings.apply(&contents)?;
    let (facts_files, contents) = FileSet::open("facts", args.facts.iter().cloned().collect())?;
    known.apply(&contents)?;
    let follow_settings = server::follow(
        settings_files,
        interval,
        metrics.reloads("settings"),
        move |contents| settings.apply(&contents),
    );
    let follow_facts = server::follow(
        facts_files,
        interval,
        metrics.reloads("facts"),
        move |contents| known.apply(&contents),
    );
    let refresh = async {
        tokio::select! {
            never = follow_settings => never,
            never = follow_facts => never,
        }
    };
    Ok(Core {
        admission,
        metrics,
        refresh: Box::pin(refresh),
    })
}

/// The settings file and who is told of it.
struct Settled {
    path: Option<PathBuf>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
}

impl Settled {
    fn apply(&self, contents: &[Vec<u8>]) -> anyhow::Result<()> {
        let settings = match (&self.path, contents.first()) {
            (Some(path), Some(content)) => {
                let file = path.display().to_string();
                let text =
                    std::str::from_utf8(content).with_context(|| format!("{file} is not UTF-8"))?;
                Settings::parse(&file, text)?
            }
            _ => Settings::default(),
        };
        self.metrics.settings_loaded(&settings.hash);
        self.admission.set_settings(settings);
        Ok(())
    }
}

/// The facts file and who is told of it.
struct Known {
    path: Option<PathBuf>,
    admission: Arc<Admission>,
}

impl Known {
    fn apply(&self, contents: &[Vec<u8>]) -> anyhow::Result<()> {
        let (Some(path), Some(content)) = (&self.path, contents.first()) else {
            return Ok(());
        };
        let facts = super::facts::parse_file(&path.display().to_string(), content)?;
        self.admission.set_facts(Box::new(KnownFacts::new(facts)));
        Ok(())
    }
}

fn limits(args: &ServeArgs) -> Limits {
    Limits {
        drain_delay: Duration::from_secs(args.running.drain_delay.into()),
        reload_interval: Duration::from_secs(args.running.reload_interval.into()),
        ..Limits::default()
    }
}

fn tls_files(args: &ServeArgs) -> anyhow::Result<TlsFiles> {
    let (Some(cert), Some(key)) = (args.tls_cert.clone(), args.tls_key.clone()) else {
        bail!(
            "--tls-cert and --tls-key are both needed, the API server calls webhooks over HTTPS \
             only: `sidebox certs` makes a pair for development in certs/, then use \
             --tls-cert certs/tls.crt --tls-key certs/tls.key"
        );
    };
    let client_names = args.client_names.clone();
    Ok(TlsFiles {
        cert,
        key,
        client_ca: args.client_ca.clone(),
        client_names,
    })
}

async fn bind(addr: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(addr)
        .await
        .with_context(|| format!("cannot listen on {flag} {addr}"))
}

fn say_addresses(listeners: &Listeners) -> anyhow::Result<()> {
    let webhook = listeners.webhook.local_addr()?;
    let health = listeners.health.local_addr()?;
    tracing::info!(%webhook, %health, "serving reviews on {webhook}, health on {health}");
    Ok(())
}

fn start_log(args: &RunningArgs) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&args.log)
        .with_context(|| format!("--log {:?} is no log filter: try info or debug", args.log))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match args.log_format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))?;
    // A panic costs one request; its message is a log line like any other.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}

/// SIGTERM, as the kubelet sends it, and SIGINT, as a terminal does.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
