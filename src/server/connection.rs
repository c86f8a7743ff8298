//! How is one connection served, from its first request to its end?
//!
//! hyper's HTTP/1.1 over a stream that knows its deadlines. The same for both ports: knows
//! neither TLS nor routes.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;

use super::deadline::{Progress, Timed};
use super::limits::Limits;
use super::stage::Stage;

/// Bounds a request's head; bodies go through it in pieces. A burst of connections is remembered by the
/// allocator at this size: see benches/README.md.
const BUFFER_BYTES: usize = 8 << 10;

/// Serves requests until the connection ends. Returns the name of the phase that took too long,
/// if that is why it ended.
pub(super) async fn serve<IO>(
    io: IO,
    router: Router,
    limits: Limits,
    stage: &Arc<Stage>,
) -> Option<&'static str>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let progress = Arc::new(Progress::new());
    let service = service_fn(|request| {
        answer(
            router.clone(),
            request,
            Arc::clone(&progress),
            Arc::clone(stage),
        )
    });
    let io = Timed::new(io, Arc::clone(&progress), Arc::clone(stage), limits);
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut closing = pin!(stage.on_closing());
    let mut watched = false;
    let ended = poll_fn(|cx| {
        // Polled once, so that closing wakes this task: polling takes the notifier's lock.
        // What to do then the stream itself finds out.
        if !watched {
            watched = closing.as_mut().poll(cx).is_pending();
        }
        connection.as_mut().poll(cx)
    })
    .await;
    ended
        .is_err_and(|error| is_timeout(&error))
        .then(|| progress.phase().name())
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    progress: Arc<Progress>,
    stage: Arc<Stage>,
) -> Result<Response<Body>, Infallible> {
    progress.serving();
    let mut response = router.call(request).await?;
    if stage.is_leaving() {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let status = response.status();
    progress.answered(status.is_client_error() || status.is_server_error());
    Ok(response)
}

fn is_timeout(error: &hyper::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
