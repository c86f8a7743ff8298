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

/// Serves the health port for ever; its connections end when the future is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    limits: Limits,
    metrics: Arc<Metrics>,
    stage: Arc<Stage>,
    tls: Arc<Tls>,
) -> Infallible {
    let router = router(metrics, Arc::clone(&stage), tls);
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

fn router(metrics: Arc<Metrics>, stage: Arc<Stage>, tls: Arc<Tls>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async move || readiness(&stage, &tls)))
        .route("/metrics", get(async move || text(&metrics)))
}

fn readiness(stage: &Stage, tls: &Tls) -> Response {
    let not = |why: &'static str| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if stage.is_leaving() {
        not("draining: shutdown was asked\n")
    } else if tls.is_ready() {
        "ready\n".into_response()
    } else {
        not("no certificate yet: the log says what it waits for\n")
    }
}

fn text(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_fmt) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
