//! How long may a connection be silent, in each phase of its life?
//!
//! hyper's own header timeout runs from the last answer, so one value would have to serve slow
//! heads (seconds) and idle keep-alive connections (minutes). Here the stream itself knows the
//! phase: bytes that arrive on an idle connection begin a head, a flushed answer ends a request,
//! and each phase has its own bound. Knows nothing of TLS, routes or bodies.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::limits::Limits;
use super::stage::Stage;

/// How long, and how many bytes, a client may still send after an answer that ends the
/// connection. Closing at once would reset it, and the client might never read the answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 << 20;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// The first byte of the first request.
    Fresh,
    /// The rest of a head.
    Head,
    /// The service: body and answer have bounds of their own.
    Serving,
    /// The client, to take the answer.
    Answering,
    /// The next request.
    Idle,
    /// The client, to take the last bytes and the end.
    Ending,
    /// The client, to stop sending.
    Lingering,
}

impl Phase {
    const ALL: [Self; 7] = [
        Self::Fresh,
        Self::Head,
        Self::Serving,
        Self::Answering,
        Self::Idle,
        Self::Ending,
        Self::Lingering,
    ];

    /// The label under which a connection that took too long is counted.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fresh => "first_request",
            Self::Head => "head",
            Self::Serving => "body",
            Self::Answering => "answer",
            Self::Idle => "idle",
            Self::Ending | Self::Lingering => "end",
        }
    }

    fn is_quiet(self) -> bool {
        matches!(self, Self::Fresh | Self::Idle)
    }

    fn bound(self, limits: &Limits, closing: bool) -> Option<Duration> {
        let bound = match self {
            Self::Serving => return None,
            Self::Fresh => limits.first_request,
            Self::Idle => limits.idle,
            Self::Head => limits.head,
            Self::Answering | Self::Ending => limits.answer,
            Self::Lingering => LINGER,
        };
        Some(if closing && self.is_quiet() {
            bound.min(limits.quiet)
        } else {
            bound
        })
    }
}

/// What a connection's stream and its service tell each other.
#[derive(Debug)]
pub(super) struct Progress {
    phase: AtomicU8,
    /// Whether the last answer left bytes of its request unread.
    lingers: AtomicBool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Fresh as u8),
            lingers: AtomicBool::new(false),
        }
    }

    /// A request's head is whole.
    pub(super) fn serving(&self) {
        self.enter(Phase::Serving);
    }

    /// The answer is ready; `refused` ones may leave the body unread.
    pub(super) fn answered(&self, refused: bool) {
        self.lingers.store(refused, Ordering::Relaxed);
        self.enter(Phase::Answering);
    }

    /// What the connection was last waiting for.
    pub(super) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn lingers(&self) -> bool {
        self.lingers.load(Ordering::Relaxed)
    }
}

/// A stream that gives up when its phase takes too long.
pub(super) struct Timed<IO> {
    io: IO,
    progress: Arc<Progress>,
    stage: Arc<Stage>,
    limits: Limits,
    /// The phase that `since` belongs to; the service moves the shared one on.
    seen: Phase,
    since: Instant,
    /// Armed at or before the deadline: requests only move `since`, a wake-up too early re-arms.
    alarm: Pin<Box<Sleep>>,
    lingered: usize,
}

impl<IO> Timed<IO> {
    pub(super) fn new(io: IO, progress: Arc<Progress>, stage: Arc<Stage>, limits: Limits) -> Self {
        let since = Instant::now();
        Self {
            io,
            progress,
            stage,
            limits,
            seen: Phase::Fresh,
            since,
            alarm: Box::pin(tokio::time::sleep_until(since + limits.first_request)),
            lingered: 0,
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.progress.enter(phase);
        self.seen = phase;
        self.since = Instant::now();
    }

    /// Takes over the phase if the service has moved it on.
    fn observe(&mut self) -> Phase {
        let phase = self.progress.phase();
        if phase != self.seen {
            self.seen = phase;
            self.since = Instant::now();
        }
        phase
    }

    /// Whether the phase has taken too long; if not, the task is woken when it has.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(bound) = self.observe().bound(&self.limits, self.stage.is_closing()) else {
            return false;
        };
        let deadline = self.since + bound;
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            self.alarm.as_mut().reset(deadline);
        }
        false
    }

    /// A pending operation: fails when the phase has taken too long.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if self.is_overdue(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Timed<IO> {
    /// Reads and forgets what the client still sends, within bounds.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scrap = [0; 4096];
        while self.lingered < LINGER_BYTES {
            let mut scrap = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.io).poll_read(cx, &mut scrap) {
                Poll::Pending => return self.wait(cx),
                Poll::Ready(Ok(())) if !scrap.filled().is_empty() => {
                    self.lingered += scrap.filled().len();
                }
                Poll::Ready(ended) => return Poll::Ready(ended),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Timed<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.io).poll_read(cx, buf) {
            if this.observe().is_quiet() && buf.filled().len() > before {
                this.enter(Phase::Head);
            }
            return Poll::Ready(read);
        }
        if this.observe().is_quiet() && this.is_overdue(cx) {
            // The end of a quiet connection is no error: hyper closes it in good order.
            return Poll::Ready(Ok(()));
        }
        this.wait(cx)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write(cx, buf) {
            Poll::Pending => this.wait(cx),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_write_vectored(cx, bufs) {
            Poll::Pending => this.wait(cx),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.io).poll_flush(cx) {
            Poll::Pending => this.wait(cx),
            Poll::Ready(flushed) => {
                if this.observe() == Phase::Answering {
                    this.enter(Phase::Idle);
                }
                Poll::Ready(flushed)
            }
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.observe() == Phase::Lingering {
            return this.poll_linger(cx);
        }
        if this.seen != Phase::Ending {
            this.enter(Phase::Ending);
        }
        match Pin::new(&mut this.io).poll_shutdown(cx) {
            Poll::Pending => return this.wait(cx),
            Poll::Ready(ended) => ended?,
        }
        if !this.progress.lingers() {
            return Poll::Ready(Ok(()));
        }
        this.enter(Phase::Lingering);
        this.poll_linger(cx)
    }
}
