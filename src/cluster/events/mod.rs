//! What do people hear where they look? Findings as Kubernetes Events on what makes the Pods.
//!
//! A Pod that waits is never kept: a notice is put into a bounded queue, and everything that takes
//! an API call happens behind it. Decides neither what a finding is nor who hears of it.

mod ledger;
mod notice;
mod post;

use std::convert::Infallible;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::ledger::{Ledger, Next};
use self::post::Post;
use super::connect::Cluster;
use crate::admission::{Told, Witness};
pub use notice::Notice;
pub(super) use notice::PodName;

/// Notices that wait to be written. Beyond them some are lost, and counted.
const QUEUE: usize = 256;

/// What became of a notice: the labels of `sidebox_events`.
const RESULTS: [&str; 5] = ["written", "repeated", "queue_full", "limited", "failed"];

type Result = [(&'static str, &'static str); 1];

/// Counts what became of the notices.
#[derive(Debug, Clone)]
pub struct EventMetrics(Family<Result, Counter>);

impl EventMetrics {
    /// Puts the metric into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry) -> Self {
        let family = Family::<Result, Counter>::default();
        for result in RESULTS {
            drop(family.get_or_create(&[("result", result)]));
        }
        registry.register(
            "events",
            "Findings that were to become Kubernetes Events",
            family.clone(),
        );
        Self(family)
    }

    fn count(&self, result: &'static str) {
        self.0.get_or_create(&[("result", result)]).inc();
    }
}

/// Takes findings from reviews; never waits.
#[derive(Debug, Clone)]
pub struct Reporter {
    queue: mpsc::Sender<Notice>,
    metrics: EventMetrics,
}

impl Reporter {
    /// A reporter, and the queue that [`keep`] empties.
    pub fn new(metrics: EventMetrics) -> (Self, mpsc::Receiver<Notice>) {
        let (queue, notices) = mpsc::channel(QUEUE);
        (Self { queue, metrics }, notices)
    }

    pub(super) fn report(&self, notice: Notice) {
        if self.queue.try_send(notice).is_err() {
            self.metrics.count("queue_full");
        }
    }
}

impl Witness for Reporter {
    fn told(&self, told: &Told<'_>) {
        for notice in Notice::of(told) {
            self.report(notice);
        }
    }
}

/// Writes notices as Events for ever. The same thing said of the same object is written once and then
/// counted now and then; an API server that is away loses some.
pub async fn keep(
    cluster: Cluster,
    mut notices: mpsc::Receiver<Notice>,
    metrics: EventMetrics,
) -> Infallible {
    let mut ledger = Ledger::new(Instant::now());
    let post = Post::new(cluster);
    while let Some(notice) = notices.recv().await {
        let result = match ledger.next(notice.key(), Instant::now()) {
            Next::Write(times) => match post.write(&notice, times).await {
                Ok(()) => "written",
                Err(problem) => {
                    tracing::warn!(
                        code = notice.code,
                        %problem,
                        "cannot write an Event in namespace {}: {problem}",
                        notice.namespace
                    );
                    ledger.forget(&notice.key());
                    "failed"
                }
            },
            Next::Known => "repeated",
            Next::TooMany => "limited",
        };
        metrics.count(result);
    }
    // Nobody is left who could tell anything.
    std::future::pending().await
}
