//! What does the server decide with, and what keeps that fresh? Settings, facts and the cluster,
//! handed to the admission core.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::future::OptionFuture;
use tokio::sync::watch;

use super::flags::{ClusterArgs, ServeArgs, When};
use crate::admission::{Admission, KnownFacts};
use crate::cli::facts;
use crate::cluster::{self, Cluster, EventMetrics, FactStore, Reporter, WatchMetrics};
use crate::inject::finding::TABLE as FINDINGS;
use crate::inject::settings::Settings;
use crate::server::{self, FileSet, Metrics};

/// A future that keeps something fresh for as long as the server runs.
pub(super) type Refresh = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// What settings and facts make.
pub(super) struct Core {
    pub(super) admission: Arc<Admission>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) refresh: Refresh,
}

/// Makes the core from settings and facts, and what keeps it fresh.
pub(super) async fn core(args: &ServeArgs) -> anyhow::Result<Core> {
    let cluster = watched(&args.cluster, args.facts.is_some()).await?;
    let mut metrics = Metrics::new(FINDINGS.iter().map(|row| row.code));
    let watches = cluster
        .is_some()
        .then(|| WatchMetrics::register(metrics.registry_mut()));
    let told = cluster.clone().filter(|_| args.cluster.events);
    let (witness, events) = told.map(|cluster| events(cluster, &mut metrics)).unzip();
    let metrics = Arc::new(metrics);
    let interval = Duration::from_secs(args.running.reload_interval.into());
    let admission = admission(witness);
    let (in_force, settings_in_force) = watch::channel(Arc::default());
    let settings = Settled {
        path: args.config.clone(),
        admission: Arc::clone(&admission),
        metrics: Arc::clone(&metrics),
        in_force,
    };
    let known = Known {
        path: args.facts.clone(),
        admission: Arc::clone(&admission),
    };
    let (settings_files, contents) =
        FileSet::open("settings", args.config.iter().cloned().collect())?;
    settings.apply(&contents)?;
    let (facts_files, contents) = FileSet::open("facts", args.facts.iter().cloned().collect())?;
    known.apply(&contents)?;
    let follow_settings = server::follow(
        settings_files,
        interval,
        metrics.reloads("settings"),
        move |contents| settings.apply(&contents),
    );
    let follow_facts = server::follow(
        facts_files,
        interval,
        metrics.reloads("facts"),
        move |contents| known.apply(&contents),
    );
    let follow_cluster = cluster.zip(watches).map(|(cluster, watches)| {
        let store = Arc::new(FactStore::default());
        admission.set_facts(Box::new(Arc::clone(&store)));
        cluster::keep_facts(cluster.client, settings_in_force, store, watches)
    });
    let refresh = async {
        tokio::select! {
            never = follow_settings => never,
            never = follow_facts => never,
            Some(never) = OptionFuture::from(follow_cluster) => never,
            Some(never) = OptionFuture::from(events) => never,
        }
    };
    Ok(Core {
        admission,
        metrics,
        refresh: Box::pin(refresh),
    })
}

/// With settings and facts that are replaced before anybody is served.
fn admission(witness: Option<Reporter>) -> Arc<Admission> {
    let admission = Admission::new(Settings::default(), Box::new(KnownFacts::default()));
    Arc::new(match witness {
        Some(witness) => admission.witnessed_by(Box::new(witness)),
        None => admission,
    })
}

/// Who hears of findings, and what writes them into the cluster.
fn events(
    cluster: Cluster,
    metrics: &mut Metrics,
) -> (Reporter, impl Future<Output = Infallible> + use<>) {
    let metrics = EventMetrics::register(metrics.registry_mut());
    let (reporter, notices) = Reporter::new(metrics.clone());
    (reporter, cluster::keep_events(cluster, notices, metrics))
}

/// The cluster whose facts are watched, if any. Elsewhere than in a Pod nobody's cluster is called
/// unless that was asked for: a kubeconfig may well lead to production.
async fn watched(args: &ClusterArgs, facts_file: bool) -> anyhow::Result<Option<Cluster>> {
    let wanted = match args.cluster {
        When::Always if facts_file => bail!(
            "--facts tells what a cluster would be watched for: leave it out, or --cluster always"
        ),
        When::Always => true,
        When::Auto => cluster::in_pod() && !facts_file,
        When::Never => false,
    };
    if !wanted {
        return Ok(None);
    }
    let pod = cluster::Pod {
        name: args.pod_name.clone(),
        namespace: args.pod_namespace.clone(),
    };
    let cluster = Cluster::configured(pod).await?;
    tracing::info!(
        namespace = cluster.namespace,
        identity = cluster.identity,
        "watching the cluster as {} in namespace {}",
        cluster.identity,
        cluster.namespace
    );
    Ok(Some(cluster))
}

/// The settings file and who is told of it.
struct Settled {
    path: Option<PathBuf>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    in_force: watch::Sender<Arc<Settings>>,
}

impl Settled {
    fn apply(&self, contents: &[Vec<u8>]) -> anyhow::Result<()> {
        let settings = match (&self.path, contents.first()) {
            (Some(path), Some(content)) => {
                let file = path.display().to_string();
                let text =
                    std::str::from_utf8(content).with_context(|| format!("{file} is not UTF-8"))?;
                Settings::parse(&file, text)?
            }
            _ => Settings::default(),
        };
        self.metrics.settings_loaded(&settings.hash);
        let settings = Arc::new(settings);
        self.admission.set_settings(Arc::clone(&settings));
        self.in_force.send_replace(settings);
        Ok(())
    }
}

/// The facts file and who is told of it.
struct Known {
    path: Option<PathBuf>,
    admission: Arc<Admission>,
}

impl Known {
    fn apply(&self, contents: &[Vec<u8>]) -> anyhow::Result<()> {
        let (Some(path), Some(content)) = (&self.path, contents.first()) else {
            return Ok(());
        };
        let facts = facts::parse_file(&path.display().to_string(), content)?;
        self.admission.set_facts(Box::new(KnownFacts::new(facts)));
        Ok(())
    }
}
