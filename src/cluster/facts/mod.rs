//! What does the cluster say of its namespaces? Namespaces, the settings' claim, LimitRanges and
//! ResourceQuotas by watch, kept as small values of our own.
//!
//! Never asked while a Pod waits: what was last heard is what is known. Must not know who asks, or
//! what follows from the facts.

mod kinds;
mod store;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch::Receiver;

use super::metrics::{WatchHealth, WatchMetrics};
use super::watch::pause::Pause;
use super::watch::problem::Problem;
use super::watch::{Change, Resource, Source, follow};
use crate::admission::FactSource;
use crate::inject::facts::Known;
use crate::inject::settings::Settings;
use kinds::{Claims, Kind, LimitRanges, Namespaces, Quotas};
pub use store::FactStore;

/// A cluster that was upgraded is noticed within this time.
const VERSION_EVERY: Duration = Duration::from_mins(10);

/// An API server that knows a version answers at once.
const VERSION_ANSWER: Duration = Duration::from_secs(10);

/// Keeps the facts fresh for ever. When the settings name another claim, those of the new name are
/// unknown until they are read.
pub async fn keep(
    client: Client,
    settings: Receiver<Arc<Settings>>,
    store: Arc<FactStore>,
    metrics: WatchMetrics,
) -> Infallible {
    let all = |path| Resource::all(client.clone(), path);
    let namespaces = all("/api/v1/namespaces").metadata_only();
    tokio::select! {
        never = watch(namespaces, metrics.of("namespaces"), &store, Namespaces) => never,
        never = watch(all("/api/v1/limitranges"), metrics.of("limitranges"), &store, LimitRanges) => never,
        never = watch(all("/api/v1/resourcequotas"), metrics.of("resourcequotas"), &store, Quotas) => never,
        never = claims(&client, settings, &store, &metrics) => never,
        never = version(&client, &store) => never,
    }
}

async fn claims(
    client: &Client,
    mut settings: Receiver<Arc<Settings>>,
    store: &FactStore,
    metrics: &WatchMetrics,
) -> Infallible {
    loop {
        let wanted: Arc<str> = settings.borrow_and_update().data.claim.as_str().into();
        let path = "/api/v1/persistentvolumeclaims";
        let resource = Resource::all(client.clone(), path).named(&wanted);
        let health = metrics.of("persistentvolumeclaims");
        let kind = Claims(Arc::clone(&wanted));
        tokio::select! {
            never = watch(resource, health, store, kind) => match never {},
            () = another(&mut settings, &wanted) => Claims::forget(store),
        };
    }
}

/// Waits until the settings name another claim than the one that is watched.
async fn another(settings: &mut Receiver<Arc<Settings>>, watched: &str) {
    let renamed = settings.wait_for(|settings| settings.data.claim.as_str() != watched);
    if renamed.await.is_err() {
        // Nobody is left who could change them.
        std::future::pending::<()>().await;
    }
}

/// Follows one kind of object and puts what it says into the store.
async fn watch<K: Kind>(
    source: impl Source,
    health: WatchHealth,
    store: &FactStore,
    kind: K,
) -> Infallible {
    let mut pupil = Pupil { kind, seen: None };
    follow(source, health, |change| pupil.hear(store, change)).await
}

/// Turns what a watch tells into facts.
struct Pupil<K> {
    kind: K,
    /// Objects of the listing that is under way, by namespace and name.
    seen: Option<BTreeSet<(Box<str>, Box<str>)>>,
}

impl<K: Kind> Pupil<K> {
    fn hear(&mut self, store: &FactStore, change: Change<K::Object>) {
        match change {
            Change::Listing => self.seen = Some(BTreeSet::new()),
            Change::Present(meta, object) => {
                let home = self.kind.home(&meta).to_owned();
                if let Some(seen) = &mut self.seen {
                    seen.insert((home.as_str().into(), meta.name.as_str().into()));
                }
                let fact = self.kind.fact(&meta, object);
                store.change(&home, |facts| self.kind.put(facts, &meta.name, &fact));
            }
            Change::Gone(meta) => {
                let home = self.kind.home(&meta).to_owned();
                store.change(&home, |facts| self.kind.remove(facts, &meta.name));
            }
            Change::Listed => self.settle(store),
        }
    }

    /// Everything has been told: what was not is no more.
    fn settle(&mut self, store: &FactStore) {
        let seen = self.seen.take().unwrap_or_default();
        for home in store.names() {
            let told = |name: &str| seen.contains(&(Box::from(&*home), Box::from(name)));
            let known = self.kind.names(&store.facts(&home), &home);
            for name in known.iter().filter(|name| !told(name)) {
                store.change(&home, |facts| self.kind.remove(facts, name));
            }
        }
        self.kind.complete(store);
        store.read(K::WHICH);
    }
}

/// Asks for the cluster's version now and then.
async fn version(client: &Client, store: &FactStore) -> Infallible {
    let mut pause = Pause::default();
    loop {
        let wait = match ask_version(client).await {
            Ok(version) => {
                pause.reset();
                learn_version(store, version);
                VERSION_EVERY
            }
            Err(problem) => {
                tracing::debug!(%problem, "the cluster's version is not known: {problem}");
                pause.next()
            }
        };
        tokio::time::sleep(wait).await;
    }
}

fn learn_version(store: &FactStore, version: (u32, u32)) {
    let known = Known::Known(version);
    if store.others().kubernetes_version != known {
        store.change_all(|facts| facts.kubernetes_version = Known::Known(version));
    }
}

pub(super) async fn ask_version(client: &Client) -> Result<(u32, u32), Problem> {
    let asked = tokio::time::timeout(VERSION_ANSWER, client.apiserver_version()).await;
    let late = |_| Problem::Unreachable("no answer".into());
    let info = asked.map_err(late)??;
    parse_version(&info.major, &info.minor)
        .ok_or_else(|| Problem::Garbled(format!("version {}.{}", info.major, info.minor)))
}

/// Some clouds write a plus behind the minor version.
fn parse_version(major: &str, minor: &str) -> Option<(u32, u32)> {
    let digits = |text: &str| {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        text[..end].parse().ok()
    };
    Some((digits(major)?, digits(minor)?))
}

#[cfg(test)]
mod tests;
