//! Which connections are accepted, and what happens to each until it ends?
//!
//! Over the cap a connection is still shaken hands with, told 503 and closed: kube-apiserver
//! tries a 503 again, but not a refused connection. Only so many at once are told; beyond them
//! nothing is accepted and the kernel's bounded backlog holds the rest. Every phase of every
//! connection has a deadline, so places become free whatever the clients do.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::budget::{Budget, Share};
use super::connection;
use super::limits::Limits;
use super::metrics::Metrics;
use super::routes::Routes;
use super::stage::Stage;
use super::tls::{NO_CERTIFICATE, Tls, failure_kind};

/// After a failed accept, usually for want of file descriptors: some may be free by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections can wait to be accepted: the length that tokio asks the kernel for.
const BACKLOG: usize = 1024;

/// What every webhook connection needs.
pub(super) struct Webhook {
    pub(super) routes: Routes,
    pub(super) tls: Arc<Tls>,
    pub(super) limits: Limits,
    pub(super) metrics: Arc<Metrics>,
    pub(super) stage: Arc<Stage>,
}

/// The accept loop's own state: who is being served, and how many more may be.
struct Open {
    webhook: Arc<Webhook>,
    connections: JoinSet<()>,
    places: Budget,
}

/// Accepts and serves until the server closes and what is in flight has ended.
/// Returns how many connections were cut off.
pub(super) async fn serve(listener: TcpListener, webhook: Webhook) -> usize {
    let places = Budget::new(webhook.limits.connections, Gauge::default());
    let mut open = Open {
        webhook: Arc::new(webhook),
        connections: JoinSet::new(),
        places,
    };
    open.accept_until_closing(&listener).await;
    open.accept_waiting(&listener).await;
    drop(listener);
    open.finish().await
}

impl Open {
    async fn accept_until_closing(&mut self, listener: &TcpListener) {
        let stage = Arc::clone(&self.webhook.stage);
        let limits = self.webhook.limits;
        let most = limits.connections.saturating_add(limits.turned_away);
        let mut closing = pin!(stage.closing());
        loop {
            tokio::select! {
                biased;
                () = &mut closing => return,
                Some(_) = self.connections.join_next() => {}
                stream = accept(listener), if self.connections.len() < most => self.spawn(stream),
            }
            self.count();
        }
    }

    /// Who is already in the backlog has connected before the end and is answered.
    async fn accept_waiting(&mut self, listener: &TcpListener) {
        for _ in 0..BACKLOG {
            match poll_fn(|cx| Poll::Ready(listener.poll_accept(cx))).await {
                Poll::Ready(Ok((stream, _))) => self.spawn(stream),
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    async fn finish(mut self) -> usize {
        let finish = self.webhook.limits.finish;
        let all_ended = async {
            while self.connections.join_next().await.is_some() {
                self.webhook
                    .metrics
                    .connections
                    .set(length(&self.connections));
            }
        };
        if tokio::time::timeout(finish, all_ended).await.is_err() {
            let left = self.connections.len();
            tracing::warn!(
                left,
                "cutting off {left} connections that did not finish in time"
            );
        }
        self.connections.len()
    }

    fn spawn(&mut self, stream: TcpStream) {
        let place = self.places.reserve(1);
        self.connections
            .spawn(Arc::clone(&self.webhook).serve(stream, place));
    }

    fn count(&self) {
        self.webhook
            .metrics
            .connections
            .set(length(&self.connections));
    }
}

impl Webhook {
    /// Serves one connection; without a place it is only told so.
    async fn serve(self: Arc<Self>, stream: TcpStream, place: Option<Share>) {
        let Some(stream) = self.shake_hands(stream).await else {
            return;
        };
        let mut limits = self.limits;
        let router = if place.is_none() {
            limits.first_request = limits.handshake;
            self.routes.busy()
        } else if self.tls.admits(stream.get_ref().1.peer_certificates()) {
            self.routes.webhook()
        } else {
            self.routes.forbidden()
        };
        if let Some(phase) = connection::serve(stream, router, limits, &self.stage).await {
            self.metrics.timed_out(phase);
        }
    }

    async fn shake_hands(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let Some(config) = self.tls.config() else {
            self.metrics.handshake_failed(NO_CERTIFICATE);
            return None;
        };
        let acceptor = TlsAcceptor::from(config);
        let shaken = tokio::time::timeout(self.limits.handshake, acceptor.accept(stream)).await;
        let kind = match shaken {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => failure_kind(&error),
            Err(_elapsed) => "timeout",
        };
        self.metrics.handshake_failed(kind);
        None
    }
}

/// The next connection; errors of accepting are waited out.
pub(super) async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it a small answer could wait for an acknowledgement of the one before;
                // a socket that refuses the option is served all the same.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn length(connections: &JoinSet<()>) -> i64 {
    i64::try_from(connections.len()).unwrap_or(i64::MAX)
}
