//! Are the watches well? What is counted of the work with the API server, under names that start with
//! `sidebox_`.
//!
//! Labels come from fixed sets. Knows nothing of what is watched.

use std::time::SystemTime;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::watch::Meta;
use super::watch::problem::{PROBLEMS, Problem};

type Resource = [(&'static str, &'static str); 1];
type ResourceAndProblem = [(&'static str, &'static str); 2];

/// What is counted of all watches.
#[derive(Debug, Clone, Default)]
pub struct WatchMetrics {
    synced: Family<Resource, Gauge>,
    open: Family<Resource, Gauge>,
    last_event: Family<Resource, Gauge>,
    passed_over: Family<Resource, Counter>,
    failures: Family<ResourceAndProblem, Counter>,
}

impl WatchMetrics {
    /// Puts the metrics into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "watch_synced",
            "Whether everything has been read once; it stays so while the API server is away",
            metrics.synced.clone(),
        );
        registry.register(
            "watch_open",
            "Whether changes are being heard",
            metrics.open.clone(),
        );
        registry.register_with_unit(
            "watch_last_event_timestamp",
            "When the API server was last heard, since 1970",
            Unit::Seconds,
            metrics.last_event.clone(),
        );
        registry.register(
            "watch_unreadable_objects",
            "Objects that were passed over",
            metrics.passed_over.clone(),
        );
        registry.register(
            "watch_failures",
            "Lists and watches that failed",
            metrics.failures.clone(),
        );
        metrics
    }

    /// The health of one watch; `resource` is one of a fixed set.
    pub fn of(&self, resource: &'static str) -> WatchHealth {
        let label = [("resource", resource)];
        for problem in PROBLEMS {
            drop(
                self.failures
                    .get_or_create(&[label[0], ("problem", problem)]),
            );
        }
        WatchHealth {
            resource,
            synced: self.synced.get_or_create(&label).clone(),
            open: self.open.get_or_create(&label).clone(),
            last_event: self.last_event.get_or_create(&label).clone(),
            passed_over: self.passed_over.get_or_create(&label).clone(),
            failures: self.failures.clone(),
            failing: None,
        }
    }
}

/// How one watch is doing: counted, and said in the log when it changes.
#[derive(Debug)]
pub struct WatchHealth {
    resource: &'static str,
    synced: Gauge,
    open: Gauge,
    last_event: Gauge,
    passed_over: Counter,
    failures: Family<ResourceAndProblem, Counter>,
    /// The problem that was told last, until it is over.
    failing: Option<&'static str>,
}

impl WatchHealth {
    /// The API server said something.
    pub(crate) fn heard(&self) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        self.last_event
            .set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    }

    /// Everything has been read.
    pub(crate) fn listed(&mut self) {
        self.heard();
        if self.synced.set(1) == 0 {
            tracing::info!(resource = self.resource, "read all {}", self.resource);
        }
    }

    /// Changes will be told from now on.
    pub(crate) fn watching(&mut self) {
        self.heard();
        self.open.set(1);
        if self.failing.take().is_some() {
            tracing::info!(resource = self.resource, "watching {} again", self.resource);
        }
    }

    /// It did not work, and will be tried again. One line for each kind of problem in a row.
    pub(crate) fn failed(&mut self, problem: &Problem) {
        self.open.set(0);
        let kind = problem.label();
        let label = [("resource", self.resource), ("problem", kind)];
        self.failures.get_or_create(&label).inc();
        // A version that was forgotten is everyday life.
        if self.failing.replace(kind) == Some(kind) || *problem == Problem::Expired {
            tracing::debug!(resource = self.resource, %problem, "watch failed again: {problem}");
        } else {
            tracing::warn!(
                resource = self.resource,
                %problem,
                "cannot watch {}, what was known stays: {problem}",
                self.resource
            );
        }
    }

    /// One object cannot be read.
    pub(crate) fn passed_over(&self, object: &Meta, problem: &Problem) {
        self.passed_over.inc();
        let (namespace, name) = (object.namespace.escape_debug(), object.name.escape_debug());
        tracing::warn!(
            resource = self.resource,
            "passed over {} {namespace}/{name}: {problem}",
            self.resource
        );
    }
}
