//! Which paths does the webhook port have, and what becomes of a request on one of them?
//!
//! Knows HTTP and nothing of reviews: body in, reviewer, answer out. Generic over the reviewer,
//! so that tests can put one behind it that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use tokio::time::Instant;

use super::Reviewer;
use super::body::BodyReader;
use super::budget::Budget;
use super::limits::Limits;
use super::metrics::Metrics;
use super::rejection::Rejection;
use crate::admission::{Answer, Route};

/// The routers that a connection may get.
pub(super) struct Routes {
    webhook: Router,
    busy: Router,
    forbidden: Router,
}

impl Routes {
    pub(super) fn new<R: Reviewer>(
        reviewer: Arc<R>,
        limits: &Limits,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let budget = Budget::new(limits.bodies_in_flight_bytes, metrics.body_bytes.clone());
        let desk = Desk {
            reviewer,
            bodies: BodyReader {
                budget,
                limits: *limits,
            },
            metrics: Arc::clone(metrics),
        };
        Self {
            webhook: webhook(Arc::new(desk)),
            busy: only(metrics, || Rejection::OverConnections),
            forbidden: only(metrics, || Rejection::ClientName),
        }
    }

    /// Answers reviews.
    pub(super) fn webhook(&self) -> Router {
        self.webhook.clone()
    }

    /// Answers 503 whatever is asked.
    pub(super) fn busy(&self) -> Router {
        self.busy.clone()
    }

    /// Answers 403 whatever is asked.
    pub(super) fn forbidden(&self) -> Router {
        self.forbidden.clone()
    }
}

/// What answers a request on one of the paths.
struct Desk<R> {
    reviewer: Arc<R>,
    bodies: BodyReader,
    metrics: Arc<Metrics>,
}

fn webhook<R: Reviewer>(desk: Arc<Desk<R>>) -> Router {
    let not_found = only_here(&desk.metrics, || Rejection::NotFound);
    let method = only_here(&desk.metrics, || Rejection::Method);
    Router::new()
        .route("/mutate", at(Route::Mutate))
        .route("/mutate/labelled", at(Route::MutateLabelled))
        .route("/mutate/opted-out", at(Route::MutateOptedOut))
        .route("/advise", at(Route::Advise))
        .method_not_allowed_fallback(method)
        .fallback(not_found)
        .with_state(desk)
}

fn at<R: Reviewer>(route: Route) -> MethodRouter<Arc<Desk<R>>> {
    post(
        async move |State(desk): State<Arc<Desk<R>>>, request: Request| {
            desk.answer(route, request).await
        },
    )
}

/// A router with one answer to everything.
fn only(metrics: &Arc<Metrics>, rejection: fn() -> Rejection) -> Router {
    Router::new().fallback(only_here(metrics, rejection))
}

fn only_here(
    metrics: &Arc<Metrics>,
    rejection: fn() -> Rejection,
) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    let metrics = Arc::clone(metrics);
    move || std::future::ready(refuse(&metrics, rejection()))
}

fn refuse(metrics: &Metrics, rejection: Rejection) -> Response {
    metrics.rejected(&rejection);
    rejection.into_response()
}

impl<R: Reviewer> Desk<R> {
    async fn answer(&self, route: Route, request: Request) -> Response {
        let began = Instant::now();
        match self.review(route, request).await {
            Ok(answer) => {
                self.metrics.answered(&answer, began.elapsed());
                json(answer.body)
            }
            Err(rejection) => refuse(&self.metrics, rejection),
        }
    }

    async fn review(&self, route: Route, request: Request) -> Result<Answer, Rejection> {
        if !is_json(request.headers()) {
            return Err(Rejection::MediaType);
        }
        let body = self.bodies.read(request.into_body()).await?;
        // The reviewer is shared and only read: a panic leaves nothing of it half changed.
        match catch_unwind(AssertUnwindSafe(|| {
            self.reviewer.answer(route, &body.bytes)
        })) {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(unanswerable)) => Err(Rejection::Unanswerable(unanswerable.0)),
            Err(_panic) => {
                tracing::error!(
                    ?route,
                    bytes = body.bytes.len(),
                    "panic while answering a review"
                );
                Err(Rejection::Panic)
            }
        }
    }
}

/// `application/json`, in any case, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn json(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
