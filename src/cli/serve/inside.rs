//! What is done in a cluster that is watched? Facts are heard, findings become Events, Pods are looked
//! after. Puts parts together; what they do is the cluster's business.

use std::convert::Infallible;
use std::sync::Arc;

use futures::future::OptionFuture;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};

use super::outside::Shared;
use crate::cluster::{
    self, Around, Cluster, EventMetrics, FactStore, Notice, PodMetrics, Reporter, WatchMetrics,
};
use crate::inject::settings::Settings;

/// The work in a watched cluster.
pub(super) struct Inside {
    cluster: Cluster,
    watches: WatchMetrics,
    settings: watch::Receiver<Arc<Settings>>,
    pub(super) facts: Arc<FactStore>,
    pub(super) reporter: Option<Reporter>,
    events: Option<(mpsc::Receiver<Notice>, EventMetrics)>,
    around: Around,
}

impl Inside {
    /// Puts it together; nobody is called yet.
    pub(super) fn new(
        shared: &Shared,
        events: bool,
        settings: watch::Receiver<Arc<Settings>>,
        registry: &mut Registry,
    ) -> Self {
        let facts = Arc::new(FactStore::default());
        let (reporter, events) = events
            .then(|| {
                let metrics = EventMetrics::register(registry);
                let (reporter, notices) = Reporter::new(metrics.clone());
                (reporter, (notices, metrics))
            })
            .unzip();
        let around = Around {
            settings: settings.clone(),
            facts: Arc::clone(&facts),
            held: shared.lease.held(),
            reporter: reporter.clone(),
            metrics: PodMetrics::register(registry),
            watches: shared.watches.clone(),
        };
        Self {
            cluster: shared.cluster.clone(),
            watches: shared.watches.clone(),
            settings,
            facts,
            reporter,
            events,
            around,
        }
    }

    /// Does it, for ever.
    pub(super) async fn keep(self) -> Infallible {
        let client = self.cluster.client.clone();
        let facts = cluster::keep_facts(client, self.settings, self.facts, self.watches);
        let events = self
            .events
            .map(|(notices, metrics)| cluster::keep_events(self.cluster.clone(), notices, metrics));
        tokio::select! {
            never = facts => never,
            Some(never) = OptionFuture::from(events) => never,
            never = cluster::keep_pods(self.cluster, self.around) => never,
        }
    }
}
