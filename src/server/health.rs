//! Is the process alive, is it ready, and what has it counted? The plain port for the kubelet and
//! for Prometheus.
//!
//! Only reads; no request changes anything. Open until the very end of a drain.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::accept::accept;
use super::connection;
use super::limits::Limits;
use super::metrics::Metrics;
use super::stage::Stage;
use super::tls::Tls;

const OPENMETRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// What decides whether reviews are to be sent here.
pub(super) struct Ready {
    pub(super) stage: Arc<Stage>,
    pub(super) tls: Arc<Tls>,
    pub(super) informed: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Serves the health port for ever; its connections end when the future is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    limits: Limits,
    metrics: Arc<Metrics>,
    ready: Ready,
) -> Infallible {
    let stage = Arc::clone(&ready.stage);
    let router = router(metrics, Arc::new(ready));
    // Whoever only holds a connection must not keep the kubelet's probes out for long, and a
    // scraper's GET is simply sent again on a new one.
    let limits = Limits {
        first_request: limits.handshake,
        idle: limits.first_request,
        ..limits
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            stream = accept(&listener), if connections.len() < limits.health_connections => {
                let (router, stage) = (router.clone(), Arc::clone(&stage));
                connections.spawn(async move {
                    connection::serve(stream, router, limits, &stage).await;
                });
            }
        }
    }
}

fn router(metrics: Arc<Metrics>, ready: Arc<Ready>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || readiness(&ready)))
        .route("/metrics", get(async move || text(&metrics)))
}

fn readiness(ready: &Ready) -> Response {
    let not = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if ready.stage.is_leaving() {
        not("draining: shutdown was asked\n")
    } else if !ready.tls.is_ready() {
        not("no certificate yet: the log says what it waits for\n")
    } else if !(ready.informed)() {
        not("namespaces, claims, LimitRanges and quotas are being read, for ten seconds at most\n")
    } else {
        "ready\n".into_response()
    }
}

fn text(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_fmt) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
