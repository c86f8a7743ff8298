//! Facts out of what watches tell, in any order that watches can tell it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cluster::watch::Meta;
use crate::inject::facts::objects::ClaimObject;
use crate::inject::facts::{Claim, ClaimState, ClaimsKnown, Label};

const CLAIM: &str = "monitor-azfiles";

fn named(namespace: &str, name: &str) -> Meta {
    Meta {
        namespace: namespace.into(),
        name: name.into(),
        ..Meta::default()
    }
}

fn claim(bound: bool) -> ClaimObject {
    let phase = if bound { "Bound" } else { "Pending" };
    let object = json!({"spec": {"accessModes": ["ReadWriteMany"], "volumeMode": "Filesystem"},
        "status": {"phase": phase}});
    serde_json::from_value(object).unwrap()
}

fn claims() -> Pupil<Claims> {
    let kind = Claims(CLAIM.into());
    Pupil { kind, seen: None }
}

#[test]
fn a_claim_is_unknown_until_all_are_read_and_then_there_or_missing() {
    let store = FactStore::default();
    let mut pupil = claims();
    let known = |namespace: &str| store.facts(namespace).claim(CLAIM);
    assert_eq!(known("shop"), Known::Unknown);
    pupil.hear(&store, Change::Listing);
    pupil.hear(&store, Change::Present(named("shop", CLAIM), claim(true)));
    assert_eq!(known("bare"), Known::Unknown);
    pupil.hear(&store, Change::Listed);
    let bound = Claim {
        state: ClaimState::Bound,
        block: false,
        read_write_many: true,
    };
    assert_eq!(known("shop"), Known::Known(Some(bound)));
    assert_eq!(known("bare"), Known::Known(None));
    assert_eq!(store.facts("shop").claim("another"), Known::Unknown);

    pupil.hear(&store, Change::Gone(named("shop", CLAIM)));
    assert_eq!(known("shop"), Known::Known(None));
    assert!(
        store.is_empty(),
        "nothing is kept of a namespace without facts"
    );
    Claims::forget(&store);
    assert_eq!(known("shop"), Known::Unknown);
}

#[test]
fn a_namespace_brings_what_is_known_of_all_and_takes_it_along() {
    let store = FactStore::default();
    learn_version(&store, (1, 37));
    let mut pupil = Pupil {
        kind: Namespaces,
        seen: None,
    };
    let mut meta = named("", "shop");
    let pairs = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Some(pairs.collect::<BTreeMap<_, _>>())
    };
    meta.labels = pairs(&[
        ("sidebox.dev/inject", "true"),
        ("pod-security.kubernetes.io/enforce", "restricted"),
    ]);
    meta.annotations = pairs(&[("sidebox.dev/data", "none"), ("other", "x")]);
    pupil.hear(&store, Change::Present(meta, serde::de::IgnoredAny));
    let facts = store.facts("shop");
    let namespace = facts.namespace.get().unwrap();
    assert_eq!(namespace.label, Label::Labelled);
    assert!(namespace.restricted && namespace.asks.data.is_some());
    assert_eq!(facts.kubernetes_version, Known::Known((1, 37)));
    pupil.hear(&store, Change::Gone(named("", "shop")));
    assert!(store.facts("shop").namespace.get().is_none());
}

#[test]
fn what_people_write_on_a_namespace_is_kept_only_as_far_as_it_can_count() {
    let meta = Meta {
        name: "shop".into(),
        annotations: Some(BTreeMap::from([
            ("sidebox.dev/claim".into(), "é".repeat(100_000)),
            (
                "kubectl.kubernetes.io/last-applied-configuration".into(),
                "x".repeat(200_000),
            ),
        ])),
        ..Meta::default()
    };
    let namespace = Namespaces.fact(&meta, serde::de::IgnoredAny);
    let kept = format!("{namespace:?}").len();
    assert!(kept < 4 * 1024, "{kept} bytes");
    assert_eq!(
        namespace.notes.len(),
        1,
        "the cut value is still told as invalid"
    );
}

#[test]
fn the_clouds_versions_are_read() {
    assert_eq!(parse_version("1", "37"), Some((1, 37)));
    assert_eq!(parse_version("1", "30+"), Some((1, 30)));
    assert_eq!(parse_version("", "x"), None);
}

/// What happens in a cluster, as far as claims go.
#[derive(Debug, Clone)]
enum Step {
    Put(usize, bool),
    Delete(usize),
    /// The watch lost its place and lists anew.
    Relist,
    /// The same, but the list breaks off after so many objects and begins again.
    BrokenList(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..8_usize, any::<bool>()).prop_map(|(at, bound)| Step::Put(at, bound)),
        3 => (0..8_usize).prop_map(Step::Delete),
        1 => Just(Step::Relist),
        1 => (0..8_usize).prop_map(Step::BrokenList),
    ]
}

proptest! {
    /// After any history, also one of which the watch missed parts, the facts are those of the cluster.
    #[test]
    fn the_facts_follow_the_cluster(
        steps in proptest::collection::vec((step(), any::<bool>()), 0..40),
    ) {
        let store = FactStore::default();
        let mut pupil = claims();
        let mut cluster = BTreeMap::<String, bool>::new();
        let tell = |pupil: &mut Pupil<Claims>, cluster: &BTreeMap<String, bool>, most: usize| {
            pupil.hear(&store, Change::Listing);
            for (home, bound) in cluster.iter().take(most) {
                pupil.hear(&store, Change::Present(named(home, CLAIM), claim(*bound)));
            }
        };
        for (step, heard) in steps {
            match step {
                Step::Put(at, bound) => {
                    let home = format!("ns{at}");
                    if heard {
                        pupil.hear(&store, Change::Present(named(&home, CLAIM), claim(bound)));
                    }
                    cluster.insert(home, bound);
                }
                Step::Delete(at) => {
                    let home = format!("ns{at}");
                    if heard {
                        pupil.hear(&store, Change::Gone(named(&home, CLAIM)));
                    }
                    cluster.remove(&home);
                }
                Step::BrokenList(most) => tell(&mut pupil, &cluster, most),
                Step::Relist => {
                    tell(&mut pupil, &cluster, usize::MAX);
                    pupil.hear(&store, Change::Listed);
                }
            }
        }
        tell(&mut pupil, &cluster, usize::MAX);
        pupil.hear(&store, Change::Listed);
        for at in 0..8 {
            let home = format!("ns{at}");
            let known = store.facts(&home).claim(CLAIM);
            let bound = known.get().map(|claim| claim.map(|claim| claim.state == ClaimState::Bound));
            prop_assert_eq!(bound, Some(cluster.get(&home).copied()));
        }
        prop_assert_eq!(store.len(), cluster.len());
    }
}

#[test]
fn relisting_does_not_publish_what_is_known_again() {
    let store = FactStore::default();
    let mut pupil = claims();
    for _ in 0..2 {
        pupil.hear(&store, Change::Listing);
        pupil.hear(&store, Change::Listed);
    }
    let others = store.others();
    pupil.hear(&store, Change::Listing);
    pupil.hear(&store, Change::Listed);
    assert!(Arc::ptr_eq(&others, &store.others()));
    assert_eq!(others.claims_known, ClaimsKnown::Named(CLAIM.into()));
}
