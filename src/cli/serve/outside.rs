//! What is asked of the API server, if anything? Facts, certificates, or neither.
//!
//! Reads flags and connects; calls nobody.

use std::sync::Arc;

use anyhow::bail;
use prometheus_client::registry::Registry;

use super::certificates::{Leaves, SelfManaged};
use super::flags::{ClusterArgs, ServeArgs, When};
use crate::cluster::{self, Clock, Cluster, Lease, LeaseMetrics, WatchMetrics};

/// What the cluster is needed for.
pub(super) struct Outside {
    pub(super) shared: Shared,
    /// Whether it is watched for facts.
    pub(super) facts: bool,
    pub(super) certificates: Option<SelfManaged>,
}

/// What all work in the cluster shares.
pub(super) struct Shared {
    pub(super) cluster: Cluster,
    pub(super) watches: WatchMetrics,
    pub(super) clock: Arc<Clock>,
    /// Who of the replicas does what only one may do.
    pub(super) lease: Arc<Lease>,
}

impl Outside {
    /// Connects where it is needed; with `leaves` certificates are made here.
    pub(super) async fn new(
        args: &ServeArgs,
        leaves: Option<Leaves>,
        registry: &mut Registry,
    ) -> anyhow::Result<Option<Self>> {
        let facts = wants_facts(&args.cluster, args.facts.is_some())?;
        if !facts && leaves.is_none() {
            return Ok(None);
        }
        let cluster = connected(&args.cluster, facts, leaves.is_some()).await?;
        let clock = Arc::new(Clock::default());
        let name = &args.certificate.service_name;
        let lease = Lease::new(&cluster, name, &clock, LeaseMetrics::register(registry));
        let shared = Shared {
            cluster,
            watches: WatchMetrics::register(registry),
            clock,
            lease: Arc::new(lease),
        };
        let certificates =
            leaves.map(|leaves| SelfManaged::new(&args.certificate, &shared, leaves, registry));
        Ok(Some(Self {
            shared,
            facts,
            certificates,
        }))
    }
}

/// Whether the cluster is watched for facts. Elsewhere than in a Pod nobody's cluster is called unless that
/// was asked for: a kubeconfig may well lead to production.
fn wants_facts(args: &ClusterArgs, facts_file: bool) -> anyhow::Result<bool> {
    match args.cluster {
        When::Always if facts_file => bail!(
            "--facts tells what a cluster would be watched for: leave it out, or --cluster always"
        ),
        When::Always => Ok(true),
        When::Auto => Ok(cluster::in_pod() && !facts_file),
        When::Never => Ok(false),
    }
}

async fn connected(args: &ClusterArgs, facts: bool, certificates: bool) -> anyhow::Result<Cluster> {
    let pod = cluster::Pod {
        name: args.pod_name.clone(),
        namespace: args.pod_namespace.clone(),
    };
    let cluster = Cluster::configured(pod).await?;
    let what = match (facts, certificates) {
        (true, true) => "watching the cluster and keeping certificates",
        (true, false) => "watching the cluster",
        (false, _) => "keeping certificates",
    };
    tracing::info!(
        namespace = cluster.namespace,
        identity = cluster.identity,
        "{what} as {} in namespace {}",
        cluster.identity,
        cluster.namespace
    );
    Ok(cluster)
}
