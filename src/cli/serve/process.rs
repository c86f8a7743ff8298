//! How does the process speak and listen to the one that started it? Its log and its signals.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::flags::{LogFormat, RunningArgs};

/// The Kubernetes client's own lines repeat what we say in ours, once for each attempt; a filter that
/// names it brings them back.
const QUIET: &str = "kube_client=off";

pub(super) fn start_log(args: &RunningArgs) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(format!("{QUIET},{}", args.log))
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
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
