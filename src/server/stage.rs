//! Where in its life is the server: serving, draining or closing?
//!
//! One value for readiness, for the `Connection: close` header and for idle connections.
//! Reading it is one atomic load, since every request does.

use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const CLOSING: u8 = 2;

/// The server's stage; it only moves forward.
#[derive(Debug)]
pub(super) struct Stage {
    now: AtomicU8,
    closing: Notify,
}

impl Stage {
    pub(super) fn serving() -> Self {
        Self {
            now: AtomicU8::new(SERVING),
            closing: Notify::new(),
        }
    }

    /// Shutdown was asked: answers say `Connection: close`, readiness says no.
    pub(super) fn is_leaving(&self) -> bool {
        self.now.load(Ordering::Acquire) != SERVING
    }

    /// No connection is accepted any more and idle ones are closed.
    pub(super) fn is_closing(&self) -> bool {
        self.now.load(Ordering::Acquire) == CLOSING
    }

    /// Completes when closing begins, if it was made before that; look at
    /// [`Self::is_closing`] after making it.
    pub(super) fn on_closing(&self) -> Notified<'_> {
        self.closing.notified()
    }

    /// Waits until closing has begun.
    pub(super) async fn closing(&self) {
        let begun = self.on_closing();
        if !self.is_closing() {
            begun.await;
        }
    }

    /// Drains once `shutdown` completes, and closes `delay` later.
    pub(super) async fn leave_after(&self, shutdown: impl Future<Output = ()>, delay: Duration) {
        shutdown.await;
        tracing::info!(
            delay_seconds = delay.as_secs_f64(),
            "draining: not ready from now on"
        );
        self.now.store(DRAINING, Ordering::Release);
        tokio::time::sleep(delay).await;
        tracing::info!("closing: no more connections are accepted");
        self.now.store(CLOSING, Ordering::Release);
        self.closing.notify_waiters();
    }
}
