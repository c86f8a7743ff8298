//! Why did a request get no review in answer, and what is the client told?
//!
//! One table: reason (the metric's label), status, sentence.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A request that got no review in answer.
#[derive(Debug)]
pub(super) enum Rejection {
    /// No route has this path.
    NotFound,
    /// A route, but not with this method.
    Method,
    /// The body is not announced as JSON.
    MediaType,
    /// The body is over the cap.
    TooLarge,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body's framing is broken or the client went away.
    BrokenBody,
    /// All bodies in flight are over the budget with this one.
    OverBudget,
    /// All connections are taken.
    OverConnections,
    /// The client's certificate names somebody else.
    ClientName,
    /// The body holds no review that could be answered; the sentence is the reviewer's.
    Unanswerable(String),
    /// The reviewer panicked.
    Panic,
}

impl Rejection {
    /// Every reason there is: the bounded values of the metric's label.
    pub(super) const REASONS: [&'static str; 11] = [
        "not_found",
        "method",
        "media_type",
        "too_large",
        "body_timeout",
        "broken_body",
        "over_budget",
        "over_connections",
        "client_name",
        "unanswerable",
        "panic",
    ];

    /// The metric's label.
    pub(super) fn reason(&self) -> &'static str {
        self.row().0
    }

    fn row(&self) -> (&'static str, StatusCode, &str) {
        use StatusCode as S;
        match self {
            Self::NotFound => (
                "not_found",
                S::NOT_FOUND,
                "no such path: expected /mutate, /mutate/labelled, /mutate/opted-out or /advise",
            ),
            Self::Method => (
                "method",
                S::METHOD_NOT_ALLOWED,
                "reviews are sent with the method POST",
            ),
            Self::MediaType => (
                "media_type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "reviews are sent with the content type application/json",
            ),
            Self::TooLarge => (
                "too_large",
                S::PAYLOAD_TOO_LARGE,
                "the review is bigger than this server accepts",
            ),
            Self::BodyTimeout => (
                "body_timeout",
                S::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            ),
            Self::BrokenBody => (
                "broken_body",
                S::BAD_REQUEST,
                "the body is not framed as HTTP/1.1 says",
            ),
            Self::OverBudget => (
                "over_budget",
                S::SERVICE_UNAVAILABLE,
                "too many bytes of reviews are in flight: try again",
            ),
            Self::OverConnections => (
                "over_connections",
                S::SERVICE_UNAVAILABLE,
                "too many connections are open: try again",
            ),
            Self::ClientName => (
                "client_name",
                S::FORBIDDEN,
                "the client certificate's subject is not one that this server answers",
            ),
            Self::Unanswerable(why) => ("unanswerable", S::BAD_REQUEST, why),
            Self::Panic => (
                "panic",
                S::INTERNAL_SERVER_ERROR,
                "internal error while answering this review",
            ),
        }
    }

    /// Whether the connection ends with the answer: the next request would fare no better, or
    /// its beginning cannot be found.
    fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::TooLarge
                | Self::BodyTimeout
                | Self::BrokenBody
                | Self::OverConnections
                | Self::ClientName
        )
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let (_, status, sentence) = self.row();
        let mut response = Response::new(Body::from(format!("{sentence}\n")));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, text);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.ends_connection() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
