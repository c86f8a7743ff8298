//! Which replica does what only one may do? The holder of one Lease (coordination.k8s.io/v1).
//!
//! Others read [`Held`], a plain value. Nobody compares clocks: a Lease is free once nobody has been seen
//! to write it for its whole duration. Must not know what the holder does.

mod turn;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::Clock;
use super::connect::Cluster;
use super::object::Object;
use super::watch::pause::Pause;
use super::watch::problem::{PROBLEMS, Problem};
use turn::{Record, Turn, Waiting};

/// After so many seconds without a word from its holder anybody may take the Lease.
const DURATION: u32 = 15;

/// The holder stops by itself so long after the beginning of its last good write: before others start.
const BELIEVED: Duration = Duration::from_secs(10);

/// Between two looks, for holder and others alike.
const LOOK: Pause = Pause::between(Duration::from_secs(3), Duration::from_secs(3));

/// Giving the Lease back must not hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

/// Whether this replica is the holder.
#[derive(Debug, Clone)]
pub struct Held(watch::Receiver<Option<Instant>>);

impl Held {
    /// Whether it is right now. Ask again right before each act: a process that was stopped for a while
    /// is no longer the holder, even if nobody has told it yet.
    pub fn now(&self) -> bool {
        self.0.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Waits until the Lease was taken, renewed or lost.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Kubernetes' MicroTime: the API server takes six digits and no others.
const MICRO_TIME: StaticFormatDescription =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What is counted of the Lease.
#[derive(Debug, Clone, Default)]
pub struct LeaseMetrics {
    held: Gauge,
    failures: Family<[(&'static str, &'static str); 1], Counter>,
}

impl LeaseMetrics {
    /// Puts the metrics into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        for problem in PROBLEMS {
            drop(metrics.failures.get_or_create(&[("problem", problem)]));
        }
        registry.register(
            "lease_held",
            "Whether this replica keeps certificates for all",
            metrics.held.clone(),
        );
        registry.register(
            "lease_failures",
            "Reads and writes of the Lease that failed",
            metrics.failures.clone(),
        );
        metrics
    }
}

/// The Lease and our wish to hold it.
pub struct Lease {
    object: Object,
    namespace: String,
    name: String,
    identity: String,
    clock: Arc<Clock>,
    held: watch::Sender<Option<Instant>>,
    metrics: LeaseMetrics,
}

impl Lease {
    /// The Lease of this name in our own namespace; nothing is asked yet.
    pub fn new(cluster: &Cluster, name: &str, clock: &Arc<Clock>, metrics: LeaseMetrics) -> Self {
        let path = format!(
            "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
            cluster.namespace
        );
        Self {
            object: Object::new(cluster.client.clone(), &path, name, Arc::clone(clock)),
            namespace: cluster.namespace.clone(),
            name: name.to_owned(),
            identity: cluster.identity.clone(),
            clock: Arc::clone(clock),
            held: watch::Sender::new(None),
            metrics,
        }
    }

    /// For those who act only as the holder.
    pub fn held(&self) -> Held {
        Held(self.held.subscribe())
    }

    /// Takes the Lease when it is free and renews it, for ever.
    pub async fn keep(&self) -> Infallible {
        let mut waiting = Waiting::default();
        let (mut look, mut pause) = (LOOK, Pause::default());
        let mut failing = None;
        loop {
            let wait = match self.bounded_turn(&mut waiting).await {
                Ok(()) => {
                    failing = None;
                    pause.reset();
                    look.next()
                }
                Err(problem) => {
                    let told = failing.replace(problem.label()) == Some(problem.label());
                    self.failed(&problem, told);
                    pause.next().min(look.next())
                }
            };
            let until = *self.held.borrow();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = expiry(until) => self.lost(),
            }
        }
    }

    /// Gives the Lease back, so that the next one need not wait; only after [`Self::keep`] was dropped.
    pub async fn release(&self) {
        if !self.held().now() {
            return;
        }
        let given = tokio::time::timeout(FAREWELL, async {
            let record: Record = self.object.read().await?;
            if record.holder() != Some(&*self.identity) {
                return Ok(());
            }
            self.write(&record, None).await.map(drop)
        });
        self.held.send_replace(None);
        match given.await {
            Ok(Ok(())) => tracing::info!("gave the Lease {} back", self.name),
            Ok(Err(problem)) => tracing::info!(%problem, "the Lease was not given back: {problem}"),
            Err(_late) => tracing::info!("the Lease was not given back in time"),
        }
    }

    /// Nobody believes to be the holder for longer than is known, however long the API server takes.
    async fn bounded_turn(&self, waiting: &mut Waiting) -> Result<(), Problem> {
        let until = *self.held.borrow();
        tokio::select! {
            done = self.turn(waiting) => done,
            () = expiry(until) => {
                self.lost();
                Err(Problem::Unreachable("the Lease was not renewed in time".into()))
            }
        }
    }

    async fn turn(&self, waiting: &mut Waiting) -> Result<(), Problem> {
        let began = Instant::now();
        let record = match self.object.read::<Record>().await {
            Err(Problem::Missing(_)) => None,
            read => Some(read?),
        };
        let turn = waiting.turn(record.as_ref(), &self.identity, Instant::now());
        let written: Record = match (turn, &record) {
            (Turn::Wait, _) => {
                self.lost();
                return Ok(());
            }
            (Turn::Write, None) => {
                let mut lease = self.object_of(None);
                lease["metadata"] = waiting.marks.again(&self.name, &self.namespace);
                self.object.make(&lease).await?
            }
            (Turn::Write, Some(record)) => self.write(record, Some(&self.identity)).await?,
        };
        waiting.wrote(&written, Instant::now());
        let before = self.held.send_replace(Some(began + BELIEVED));
        if self.metrics.held.set(1) == 0 || before.is_none() {
            tracing::info!(
                identity = self.identity,
                "holds the Lease {} in namespace {}: keeps what one replica keeps for all",
                self.name,
                self.namespace
            );
        }
        Ok(())
    }

    async fn write(&self, record: &Record, holder: Option<&str>) -> Result<Record, Problem> {
        let mut change = self.object_of(Some(record));
        if holder.is_none() {
            // As client-go gives a Lease back: free for whoever looks next.
            change["spec"]["holderIdentity"] = "".into();
            change["spec"]["leaseDurationSeconds"] = 1.into();
        }
        self.object.change(&change).await
    }

    /// The Lease with us as its holder.
    fn object_of(&self, before: Option<&Record>) -> Value {
        let now = self.clock.now().format(MICRO_TIME).unwrap_or_default();
        let taken = before.is_none_or(|record| record.holder() != Some(&*self.identity));
        let mut metadata = json!({"name": self.name, "namespace": self.namespace});
        let mut spec = json!({"holderIdentity": self.identity, "leaseDurationSeconds": DURATION, "renewTime": now});
        if let Some(record) = before {
            metadata["resourceVersion"] = record.metadata.resource_version.as_str().into();
        }
        if taken {
            spec["acquireTime"] = now.as_str().into();
            spec["leaseTransitions"] = before.map_or(0, Record::next_transition).into();
        }
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec})
    }

    fn lost(&self) {
        if self.held.send_replace(None).is_some() {
            self.metrics.held.set(0);
            tracing::warn!("lost the Lease {}: another replica keeps now", self.name);
        }
    }

    /// A kind of problem in a row is told once.
    fn failed(&self, problem: &Problem, told: bool) {
        let label = [("problem", problem.label())];
        self.metrics.failures.get_or_create(&label).inc();
        // Two that wrote at once are everyday life.
        if told || matches!(problem, Problem::Conflict(_)) {
            tracing::debug!(%problem, "cannot keep the Lease {}: {problem}", self.name);
        } else {
            tracing::warn!(%problem, "cannot keep the Lease {}, will be tried again: {problem}", self.name);
        }
    }
}

/// Waits until the holder may no longer believe to be one; for ever if there is nothing to lose.
async fn expiry(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
