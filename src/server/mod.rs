//! How do admission reviews arrive and answers leave? Own accept loop over hyper, TLS, limits,
//! drain, and a second plain port for health and metrics.
//!
//! The caller brings listeners, limits, reviewer and shutdown; this room starts no runtime,
//! handles no signal and knows nothing of Pods: a review is bytes for a [`Reviewer`].

mod accept;
mod body;
mod budget;
mod connection;
mod deadline;
mod health;
mod histogram;
mod limits;
mod metrics;
mod rejection;
mod reload;
mod routes;
mod stage;
mod table;
mod tls;

use std::future::Future;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use limits::Limits;
pub use metrics::{Metrics, Reloads};
pub use reload::{FileSet, ReloadError, follow};
pub use tls::{Leaves, Tls, TlsError, TlsFiles};

use crate::admission::{Admission, Answer, Route};
use stage::Stage;

/// What answers a review: the core, as this room sees it.
///
/// Called on the thread that serves the connection, so it must neither block nor call anybody.
/// A panic costs the request that caused it and nothing else.
pub trait Reviewer: Send + Sync + 'static {
    /// Answers one review.
    ///
    /// # Errors
    /// [`Unanswerable`] when the body holds no review that could be answered: HTTP 400.
    fn answer(&self, route: Route, body: &[u8]) -> Result<Answer, Unanswerable>;
}

/// The sentence that says why a body could not be answered.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unanswerable(pub String);

impl Reviewer for Admission {
    fn answer(&self, route: Route, body: &[u8]) -> Result<Answer, Unanswerable> {
        Self::answer(self, route, body).map_err(|error| Unanswerable(error.to_string()))
    }
}

/// The two sockets of the server, bound by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// Admission reviews over HTTPS.
    pub webhook: TcpListener,
    /// `/healthz`, `/readyz` and `/metrics` over plain HTTP.
    pub health: TcpListener,
}

/// Everything that serving needs besides sockets and shutdown.
pub struct Server<R> {
    /// What answers the reviews.
    pub reviewer: Arc<R>,
    /// Certificate, key and client check; follows where they come from while serving.
    pub tls: Tls,
    /// Bounds on time, bytes and connections.
    pub limits: Limits,
    /// What is counted; its registry may hold metrics of other rooms too.
    pub metrics: Arc<Metrics>,
    /// Whether the reviewer knows what it should before it is sent reviews; only `/readyz` asks, who calls is answered.
    pub informed: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Serves until `shutdown` completes and the drain is over.
///
/// The drain: not ready at once and `Connection: close` on every answer; connections are still
/// accepted for [`Limits::drain_delay`]; then none, idle ones are closed and what is in flight
/// may finish within [`Limits::finish`]. Dropping the future leaves at once.
///
/// Returns how many connections were cut off because they did not finish in time.
pub async fn serve<R: Reviewer>(
    listeners: Listeners,
    server: Server<R>,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let Server {
        reviewer,
        tls,
        limits,
        metrics,
        informed,
    } = server;
    let stage = Arc::new(Stage::serving());
    let tls = Arc::new(tls);
    let webhook = accept::Webhook {
        routes: routes::Routes::new(reviewer, &limits, &metrics),
        tls: Arc::clone(&tls),
        limits,
        metrics: Arc::clone(&metrics),
        stage: Arc::clone(&stage),
    };
    let ready = health::Ready {
        stage: Arc::clone(&stage),
        tls: Arc::clone(&tls),
        informed,
    };
    let health = health::serve(listeners.health, limits, Arc::clone(&metrics), ready);
    let work = async {
        let (left, ()) = tokio::join!(
            accept::serve(listeners.webhook, webhook),
            stage.leave_after(shutdown, limits.drain_delay),
        );
        left
    };
    tokio::select! {
        left = work => left,
        never = health => match never {},
        never = tls.follow(limits.reload_interval, &metrics) => match never {},
    }
}
