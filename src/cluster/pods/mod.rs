//! What became of the Pods? One replica, the holder of the Lease, watches them by their metadata: it makes
//! the claim that they wait for, and tells of those that asked and have no toolbox.
//!
//! Deletes nothing, ever, and changes nothing that is there. Of a Pod nothing is kept but its name, and
//! that only while it has no toolbox.

mod claim;
mod missed;
mod seen;
mod wishes;

use std::convert::Infallible;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch::Receiver};

use super::connect::Cluster;
use super::events::{Notice, PodName, Reporter};
use super::facts::FactStore;
use super::lease::Held;
use super::metrics::WatchMetrics;
use super::watch::{Change, Meta, Resource, follow};
use crate::inject::pod::INJECTED_LABEL;
use crate::inject::settings::Settings;
use missed::Missed;
use seen::{Body, Seen};
use wishes::Wish;

/// Namespaces whose claims wait to be made. Beyond them the next Pod of a namespace asks again.
const QUEUE: usize = 256;

/// What became of the claims: the labels of `sidebox_claims`.
const RESULTS: [&str; 3] = ["made", "there", "failed"];

/// What is counted of the Pods.
#[derive(Debug, Clone)]
pub struct PodMetrics {
    missed: Gauge,
    claims: Family<[(&'static str, &'static str); 1], Counter>,
}

impl PodMetrics {
    /// Puts the metrics into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            missed: Gauge::default(),
            claims: Family::default(),
        };
        for result in RESULTS {
            drop(metrics.claims.get_or_create(&[("result", result)]));
        }
        registry.register(
            "missed_pods",
            "Pods that asked and that no review has reached; 0 where another replica counts",
            metrics.missed.clone(),
        );
        registry.register(
            "claims",
            "PersistentVolumeClaims that injected Pods needed",
            metrics.claims.clone(),
        );
        metrics
    }

    fn claim(&self, result: &'static str) {
        self.claims.get_or_create(&[("result", result)]).inc();
    }
}

/// What the watch of Pods works with.
#[derive(Debug)]
pub struct Around {
    /// The settings in force.
    pub settings: Receiver<Arc<Settings>>,
    /// What is known of namespaces and claims.
    pub facts: Arc<FactStore>,
    /// Whether it is on us to act.
    pub held: Held,
    /// Who writes Events, if anybody does.
    pub reporter: Option<Reporter>,
    /// What is counted.
    pub metrics: PodMetrics,
    /// How the watch itself is doing.
    pub watches: WatchMetrics,
}

/// Watches for ever, whenever the Lease is held and the settings want something of it.
pub async fn keep(cluster: Cluster, around: Around) -> Infallible {
    let (mut settings, mut held) = (around.settings.clone(), around.held.clone());
    loop {
        let wanted = Wanted::of(&settings.borrow_and_update());
        let watching = async {
            if wanted.anything() && around.held.now() {
                match watch(&cluster, &around, wanted).await {}
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = watching => {}
            () = other(&mut settings, wanted) => {}
            () = another_holder(&mut held) => {}
        }
        around.metrics.missed.set(0);
    }
}

/// What the settings want of the Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wanted {
    missed: bool,
    claims: bool,
}

impl Wanted {
    fn of(settings: &Settings) -> Self {
        Self {
            missed: settings.watch_missed,
            claims: settings.data.create,
        }
    }

    const fn anything(self) -> bool {
        self.missed || self.claims
    }
}

/// Waits until the settings want something else.
async fn other(settings: &mut Receiver<Arc<Settings>>, wanted: Wanted) {
    let changed = settings.wait_for(|settings| Wanted::of(settings) != wanted);
    if changed.await.is_err() {
        // Nobody is left who could change them.
        std::future::pending::<()>().await;
    }
}

/// Waits until the Lease was taken or lost.
async fn another_holder(held: &mut Held) {
    let before = held.now();
    while held.now() == before {
        held.changed().await;
    }
}

async fn watch(cluster: &Cluster, around: &Around, wanted: Wanted) -> Infallible {
    let all = Resource::all(cluster.client.clone(), "/api/v1/pods").metadata_only();
    // A Pod that was missed has no label of ours.
    let pods = if wanted.missed {
        all
    } else {
        all.labelled(&format!("{INJECTED_LABEL}=true"))
    };
    let (wishes, granted) = mpsc::channel(QUEUE);
    let mut hearing = Hearing {
        around,
        wanted,
        missed: Missed::default(),
        wishes,
    };
    tokio::select! {
        never = follow(pods, around.watches.of("pods"), |change| hearing.hear(change)) => never,
        never = wishes::grant(cluster.client.clone(), around, granted) => never,
    }
}

/// Turns what the watch tells into claims to make and Pods to tell of.
struct Hearing<'a> {
    around: &'a Around,
    wanted: Wanted,
    missed: Missed,
    wishes: mpsc::Sender<Wish>,
}

impl Hearing<'_> {
    fn hear(&mut self, change: Change<Body>) {
        match change {
            Change::Listing => self.missed.listing(),
            Change::Present(meta, body) => self.present(&meta, &body),
            Change::Gone(meta) => self.missed.remove(&meta.namespace, &meta.name),
            Change::Listed => self.missed.settle(),
        }
        self.around.metrics.missed.set(self.missed.count());
    }

    fn present(&mut self, meta: &Meta, body: &Body) {
        let settings = self.around.settings.borrow().clone();
        let (namespace, name) = (meta.namespace.as_str(), meta.name.as_str());
        let seen = body.seen(meta, &settings.data.claim);
        let ours = !settings.is_system(namespace) && !settings.excludes(namespace);
        if seen == Seen::Missed && self.wanted.missed && ours {
            if self.missed.put(namespace, name) {
                self.tell(meta, body);
            }
            return;
        }
        self.missed.remove(namespace, name);
        let wants = seen == Seen::WantsClaim && self.wanted.claims;
        if wants && claim::is_needed(namespace, &settings, &self.around.facts) {
            // A full queue: the namespace's next Pod asks again.
            let _ = self.wishes.try_send(Wish {
                namespace: namespace.to_owned(),
                pod: name.to_owned(),
                owners: body.owners().map(str::to_owned),
            });
        }
    }

    fn tell(&self, meta: &Meta, body: &Body) {
        let pod = PodName {
            namespace: &meta.namespace,
            name: &meta.name,
            owners: body.owners(),
        };
        let text = format!(
            "Pod {} asks for a toolbox and has none: it was created or annotated without Sidebox, create it anew",
            meta.name
        );
        tracing::warn!(
            pod.namespace = meta.namespace,
            pod.name = meta.name,
            "a Pod was missed"
        );
        say(self.around, &pod, ("missed", true), text);
    }
}

fn say(around: &Around, pod: &PodName<'_>, what: (&'static str, bool), text: String) {
    let notice = Notice::about(pod, what, text);
    if let (Some(reporter), Some(notice)) = (&around.reporter, notice) {
        reporter.report(notice);
    }
}
