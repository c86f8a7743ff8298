//! What is known of every namespace, for a Pod that waits: answered at once, without a lock.
//!
//! Namespaces are spread over shards; a change replaces its shard's small map by one with the change,
//! so that readers always see a whole one. Must not know where the facts come from.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use arc_swap::ArcSwap;

use super::kinds::Which;
use crate::admission::FactSource;
use crate::inject::facts::Facts;

/// A change copies one shard: of 5,000 namespaces the pointers to eighty.
const SHARDS: usize = 64;

type Shard = HashMap<Arc<str>, Arc<Facts>>;

/// Facts of the namespaces of a cluster.
#[derive(Debug)]
pub struct FactStore {
    shards: Vec<ArcSwap<Shard>>,
    /// What is known of a namespace of which nothing else is.
    others: ArcSwap<Facts>,
    /// The kinds that were read as a whole at least once, by their bits.
    read: AtomicU8,
}

impl Default for FactStore {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            others: ArcSwap::default(),
            read: AtomicU8::new(0),
        }
    }
}

impl FactStore {
    /// Changes what is known of one namespace.
    pub(super) fn change(&self, namespace: &str, change: impl Fn(&mut Facts)) {
        self.shard(namespace).rcu(|shard| {
            let known = shard.get(namespace).map(Arc::clone);
            let known = known.unwrap_or_else(|| self.others());
            let facts = changed(&known, &change);
            let mut shard = Shard::clone(shard);
            if says_nothing(&facts) {
                shard.remove(namespace);
            } else {
                shard.insert(namespace.into(), Arc::new(facts));
            }
            shard
        });
    }

    /// Changes what is known of all namespaces, also of those that are not known yet.
    pub(super) fn change_all(&self, change: impl Fn(&mut Facts)) {
        // These first: whoever adds a namespace meanwhile starts from them, or is passed below.
        self.others.rcu(|others| changed(others, &change));
        for shard in &self.shards {
            shard.rcu(|shard| {
                let facts = shard
                    .iter()
                    .map(|(name, facts)| (Arc::clone(name), Arc::new(changed(facts, &change))));
                facts
                    .filter(|(_, facts)| !says_nothing(facts))
                    .collect::<Shard>()
            });
        }
    }

    /// What is known of a namespace of which nothing else is.
    pub(super) fn others(&self) -> Arc<Facts> {
        self.others.load_full()
    }

    /// All there are of a kind have been told.
    pub(super) fn read(&self, kind: Which) {
        self.read.fetch_or(kind as u8, Ordering::Relaxed);
    }

    /// Whether each kind has been read as a whole at least once: what is not known is not there.
    pub fn is_read(&self) -> bool {
        let all = [
            Which::Namespaces,
            Which::Claims,
            Which::LimitRanges,
            Which::Quotas,
        ];
        let read = self.read.load(Ordering::Relaxed);
        all.into_iter().all(|kind| read & kind as u8 != 0)
    }

    /// How many namespaces there is something to say of.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    /// Whether nothing is known of any namespace in particular.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The namespaces there is something to say of.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        let shards = self.shards.iter().map(ArcSwap::load);
        shards
            .flat_map(|shard| shard.keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    fn shard(&self, namespace: &str) -> &ArcSwap<Shard> {
        let mut hasher = DefaultHasher::new();
        namespace.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default();
        &self.shards[at]
    }
}

impl FactSource for FactStore {
    fn facts(&self, namespace: &str) -> Arc<Facts> {
        let shard = self.shard(namespace).load();
        let known = shard.get(namespace).map(Arc::clone);
        known.unwrap_or_else(|| self.others())
    }
}

fn changed(facts: &Facts, change: impl Fn(&mut Facts)) -> Facts {
    let mut facts = facts.clone();
    change(&mut facts);
    facts
}

/// Whether there is nothing that [`FactStore::others`] would not say as well.
fn says_nothing(facts: &Facts) -> bool {
    facts.namespace.get().is_none()
        && facts.claims.is_empty()
        && facts.limit_ranges.is_empty()
        && facts.quotas.is_empty()
}
