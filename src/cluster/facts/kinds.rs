//! Which fact is in which kind of object, and where does it belong in a namespace's facts?
//!
//! Everything kept here is small and bounded: of a Namespace its own label, its Pod Security level and
//! what its `sidebox.dev/` annotations ask; of a claim three bits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::store::FactStore;
use crate::cluster::watch::Meta;
use crate::inject::annotations::PREFIX;
use crate::inject::facts::objects::{ClaimObject, LimitRangeObject, QuotaObject};
use crate::inject::facts::{
    Claim, ClaimsKnown, ENFORCE_LABEL, Facts, INJECT_LABEL, Known, LimitRange, Namespace, Quota,
};

/// No valid value of an annotation is longer: a longer one stays invalid when it is cut.
const VALUE_BYTES: usize = 1024;

/// Items of LimitRanges, and quotas, of one namespace; nobody has so many.
const MOST: usize = 256;

/// The kinds that are watched for facts, each a bit of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    Namespaces = 1,
    Claims = 2,
    LimitRanges = 4,
    Quotas = 8,
}

/// One kind of object as facts.
pub(super) trait Kind {
    /// Which of the kinds it is.
    const WHICH: Which;

    /// What is read of the object beside its metadata.
    type Object: DeserializeOwned;
    /// What is kept of it.
    type Fact;

    /// The namespace that the object says something of.
    fn home<'m>(&self, meta: &'m Meta) -> &'m str {
        &meta.namespace
    }

    /// What is kept.
    fn fact(&self, meta: &Meta, object: Self::Object) -> Self::Fact;

    /// Puts it in the place of an earlier one of the same name.
    fn put(&self, facts: &mut Facts, name: &str, fact: &Self::Fact);

    /// Takes it out.
    fn remove(&self, facts: &mut Facts, name: &str);

    /// The names of such objects in a namespace.
    fn names(&self, facts: &Facts, home: &str) -> Vec<String>;

    /// All there are have been put.
    fn complete(&self, _store: &FactStore) {}
}

/// Namespaces.
pub(super) struct Namespaces;

impl Kind for Namespaces {
    const WHICH: Which = Which::Namespaces;
    type Object = IgnoredAny;
    type Fact = Namespace;

    fn home<'m>(&self, meta: &'m Meta) -> &'m str {
        &meta.name
    }

    fn fact(&self, meta: &Meta, _: IgnoredAny) -> Namespace {
        let labels = chosen(meta.labels.as_ref(), |key| {
            key == INJECT_LABEL || key == ENFORCE_LABEL
        });
        let annotations = chosen(meta.annotations.as_ref(), |key| key.starts_with(PREFIX));
        Namespace::read(&labels, &annotations)
    }

    fn put(&self, facts: &mut Facts, _: &str, fact: &Namespace) {
        facts.namespace = Known::Known(fact.clone());
    }

    fn remove(&self, facts: &mut Facts, _: &str) {
        facts.namespace = Known::Unknown;
    }

    fn names(&self, facts: &Facts, home: &str) -> Vec<String> {
        let known = facts.namespace.get();
        known.map(|_| home.to_owned()).into_iter().collect()
    }
}

fn chosen(
    all: Option<&BTreeMap<String, String>>,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, String> {
    let all = all.into_iter().flatten().filter(|(key, _)| wanted(key));
    all.map(|(key, value)| (key.clone(), cut(value))).collect()
}

fn cut(value: &str) -> String {
    value[..value.floor_char_boundary(VALUE_BYTES)].to_owned()
}

/// The claims of the settings' name.
pub(super) struct Claims(pub(super) Arc<str>);

impl Claims {
    /// Another name is wanted: nothing is known of its claims.
    pub(super) fn forget(store: &FactStore) {
        store.change_all(|facts| {
            facts.claims.clear();
            facts.claims_known = ClaimsKnown::Some;
        });
    }
}

impl Kind for Claims {
    const WHICH: Which = Which::Claims;
    type Object = ClaimObject;
    type Fact = Claim;

    fn fact(&self, _: &Meta, object: ClaimObject) -> Claim {
        object.claim()
    }

    fn put(&self, facts: &mut Facts, name: &str, fact: &Claim) {
        facts.claims.insert(name.to_owned(), *fact);
    }

    fn remove(&self, facts: &mut Facts, name: &str) {
        facts.claims.remove(name);
    }

    fn names(&self, facts: &Facts, _: &str) -> Vec<String> {
        facts.claims.keys().cloned().collect()
    }

    /// From now on a claim that is not there is missing.
    fn complete(&self, store: &FactStore) {
        let known = ClaimsKnown::Named(Arc::clone(&self.0));
        if store.others().claims_known != known {
            store.change_all(|facts| facts.claims_known = known.clone());
        }
    }
}

/// LimitRanges.
pub(super) struct LimitRanges;

impl Kind for LimitRanges {
    const WHICH: Which = Which::LimitRanges;
    type Object = LimitRangeObject;
    type Fact = Vec<LimitRange>;

    fn fact(&self, meta: &Meta, object: LimitRangeObject) -> Vec<LimitRange> {
        object.ranges(&meta.name).take(MOST).collect()
    }

    fn put(&self, facts: &mut Facts, name: &str, fact: &Vec<LimitRange>) {
        self.remove(facts, name);
        // In the order of their names, so that replicas say the same.
        let at = facts
            .limit_ranges
            .partition_point(|range| *range.name < *name);
        facts.limit_ranges.splice(at..at, fact.iter().cloned());
        facts.limit_ranges.truncate(MOST);
    }

    fn remove(&self, facts: &mut Facts, name: &str) {
        facts.limit_ranges.retain(|range| range.name != name);
    }

    fn names(&self, facts: &Facts, _: &str) -> Vec<String> {
        let names = facts.limit_ranges.iter().map(|range| range.name.clone());
        names.collect()
    }
}

/// ResourceQuotas.
pub(super) struct Quotas;

impl Kind for Quotas {
    const WHICH: Which = Which::Quotas;
    type Object = QuotaObject;
    type Fact = Quota;

    fn fact(&self, meta: &Meta, object: QuotaObject) -> Quota {
        object.quota(meta.name.clone())
    }

    fn put(&self, facts: &mut Facts, name: &str, fact: &Quota) {
        self.remove(facts, name);
        let at = facts.quotas.partition_point(|quota| *quota.name < *name);
        facts.quotas.insert(at, fact.clone());
        facts.quotas.truncate(MOST);
    }

    fn remove(&self, facts: &mut Facts, name: &str) {
        facts.quotas.retain(|quota| quota.name != name);
    }

    fn names(&self, facts: &Facts, _: &str) -> Vec<String> {
        facts
            .quotas
            .iter()
            .map(|quota| quota.name.clone())
            .collect()
    }
}
