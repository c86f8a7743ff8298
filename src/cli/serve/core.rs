//! What does the server decide with, and what keeps that fresh? Settings, facts and the cluster,
//! handed to the admission core.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures::future::OptionFuture;
use tokio::sync::watch;

use super::certificates::{Leaves, SelfManaged};
use super::flags::ServeArgs;
use super::inside::Inside;
use super::outside::Outside;
use crate::admission::{Admission, KnownFacts};
use crate::cli::facts;
use crate::cluster::{FactStore, Lease};
use crate::inject::finding::TABLE as FINDINGS;
use crate::inject::settings::Settings;
use crate::server::{self, FileSet, Metrics, Reloads};

/// So long a start waits for an API server; five thousand namespaces are read in less.
const READING: Duration = Duration::from_secs(10);

/// A future that keeps something fresh for as long as the server runs.
pub(super) type Refresh = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// What settings and facts make.
pub(super) struct Core {
    pub(super) admission: Arc<Admission>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) refresh: Refresh,
    /// Whether what is asked of the cluster was told, or is in time no more.
    pub(super) informed: Box<dyn Fn() -> bool + Send + Sync>,
    /// To be given back at the end, if there is one.
    pub(super) lease: Option<Arc<Lease>>,
}

/// Makes the core from settings and facts, and what keeps it and the certificates fresh. With `leaves`
/// certificates are made here.
pub(super) async fn core(args: &ServeArgs, leaves: Option<Leaves>) -> anyhow::Result<Core> {
    let mut metrics = Metrics::new(FINDINGS.iter().map(|row| row.code));
    let outside = Outside::new(args, leaves, metrics.registry_mut()).await?;
    let (in_force, settings_in_force) = watch::channel(Arc::default());
    let inside = outside.as_ref().filter(|outside| outside.facts);
    let inside = inside.map(|outside| {
        let registry = metrics.registry_mut();
        Inside::new(
            &outside.shared,
            args.cluster.events,
            settings_in_force,
            registry,
        )
    });
    let metrics = Arc::new(metrics);
    let interval = Duration::from_secs(args.running.reload_interval.into());
    let admission = admission(inside.as_ref());
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
    let follow_settings = settings.follow(interval)?;
    let follow_facts = known.follow(interval, metrics.reloads("facts"))?;
    if let Some(inside) = &inside {
        admission.set_facts(Box::new(Arc::clone(&inside.facts)));
    }
    let informed = informed(inside.as_ref().map(|inside| Arc::clone(&inside.facts)));
    let lease = outside
        .as_ref()
        .map(|outside| Arc::clone(&outside.shared.lease));
    let held = lease.clone();
    let certificates = outside.and_then(|outside| outside.certificates);
    let refresh = async move {
        tokio::select! {
            never = follow_settings => never,
            never = follow_facts => never,
            Some(never) = OptionFuture::from(inside.map(Inside::keep)) => never,
            Some(never) = OptionFuture::from(held.as_ref().map(|lease| lease.keep())) => never,
            Some(never) = OptionFuture::from(certificates.map(SelfManaged::keep)) => never,
        }
    };
    Ok(Core {
        admission,
        metrics,
        refresh: Box::pin(refresh),
        informed,
        lease,
    })
}

/// A replica that knows no quota yet would inject where it must not: it is called once it has read the cluster. An API server
/// that is away does not keep it from being called.
fn informed(facts: Option<Arc<FactStore>>) -> Box<dyn Fn() -> bool + Send + Sync> {
    let began = Instant::now();
    Box::new(move || {
        let read = facts.as_ref().is_none_or(|facts| facts.is_read());
        read || began.elapsed() > READING
    })
}

/// With settings and facts that are replaced before anybody is served.
fn admission(inside: Option<&Inside>) -> Arc<Admission> {
    let admission = Admission::new(Settings::default(), Box::new(KnownFacts::default()));
    let reporter = inside.and_then(|inside| inside.reporter.clone());
    Arc::new(match reporter {
        Some(reporter) => admission.witnessed_by(Box::new(reporter)),
        None => admission,
    })
}

/// The settings file and who is told of it.
struct Settled {
    path: Option<PathBuf>,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
    in_force: watch::Sender<Arc<Settings>>,
}

impl Settled {
    /// Applies the file, and then its changes.
    fn follow(
        self,
        interval: Duration,
    ) -> anyhow::Result<impl Future<Output = Infallible> + use<>> {
        let (files, contents) = FileSet::open("settings", self.path.iter().cloned().collect())?;
        self.apply(&contents)?;
        let reloads = self.metrics.reloads("settings");
        let apply = move |contents: Vec<Vec<u8>>| self.apply(&contents);
        Ok(server::follow(files, interval, reloads, apply))
    }

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
    /// Applies the file, and then its changes.
    fn follow(
        self,
        interval: Duration,
        reloads: Reloads,
    ) -> anyhow::Result<impl Future<Output = Infallible> + use<>> {
        let (files, contents) = FileSet::open("facts", self.path.iter().cloned().collect())?;
        self.apply(&contents)?;
        let apply = move |contents: Vec<Vec<u8>>| self.apply(&contents);
        Ok(server::follow(files, interval, reloads, apply))
    }

    fn apply(&self, contents: &[Vec<u8>]) -> anyhow::Result<()> {
        let (Some(path), Some(content)) = (&self.path, contents.first()) else {
            return Ok(());
        };
        let facts = facts::parse_file(&path.display().to_string(), content)?;
        self.admission.set_facts(Box::new(KnownFacts::new(facts)));
        Ok(())
    }
}
