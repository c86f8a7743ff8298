//! What is put together for `sidebox serve`? The composition root: flags, log, runtime, signals.
//!
//! Decides nothing about Pods and speaks no HTTP; it hands parts to each other.

mod certificates;
mod core;
mod flags;
mod inside;
mod outside;
mod process;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::core::core;
use crate::server::{self, Limits, Listeners, Server};
pub(super) use flags::ServeArgs;
use process::{Signals, start_log};

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
    let (tls, leaves) = certificates::tls(args)?;
    let core = core(args, leaves).await?;
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
        informed: core.informed,
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
        _cut_off = serving => {}
        () = signalled => bail!("a second signal: left at once, requests in flight were dropped"),
        never = core.refresh => match never {},
    }
    if let Some(lease) = core.lease {
        lease.release().await;
    }
    Ok(())
}

fn limits(args: &ServeArgs) -> Limits {
    Limits {
        drain_delay: Duration::from_secs(args.running.drain_delay.into()),
        reload_interval: Duration::from_secs(args.running.reload_interval.into()),
        ..Limits::default()
    }
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
