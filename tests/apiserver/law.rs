//! Safety rule one, with the API server as judge: accepted with the webhook if and only if accepted
//! without it, and the difference is the patch of the audit log and the server's defaults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Api, Reply, body};
use crate::audit::{Audit, Witness};
use crate::compare::{lost, patched, settled, surprises};
use crate::world::Arena;

/// How many Pods are offered before their answers are compared; bounds memory.
const BATCH: usize = 500;

/// What became of many Pods.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) pods: usize,
    pub(crate) accepted: usize,
    pub(crate) injected: usize,
    /// Why Pods were rejected without the webhook, and how many.
    rejections: BTreeMap<String, usize>,
    violations: Vec<String>,
    took: Duration,
}

impl Tally {
    /// Offers Pods to a namespace without the webhook, and to some that are like it but for the webhook;
    /// compares each pair of answers.
    pub(crate) async fn judge(
        &mut self,
        api: &Api,
        audit: &mut Audit,
        arenas: &[&Arena],
        all: &[Value],
    ) {
        let began = Instant::now();
        let Some(first) = arenas.first() else { return };
        for batch in all.chunks(BATCH) {
            let bodies: Arc<[_]> = batch.iter().map(body).collect();
            let without = api.offer(&first.without, Arc::clone(&bodies)).await;
            for arena in arenas {
                assert_eq!(
                    arena.without, first.without,
                    "one namespace to compare with"
                );
                let with = api.offer(&arena.with, Arc::clone(&bodies)).await;
                let mut witnesses = audit.news();
                for ((pod, without), with) in batch.iter().zip(&without).zip(with) {
                    let witness = witnesses.remove(&with.audit_id);
                    let witness = witness.or_else(|| audit.is_seen().then(Witness::default));
                    self.count(without, &with);
                    for problem in problems(without, with, witness.as_ref()) {
                        let what = format!("{problem}\n  in {}: {pod}", arena.with);
                        self.violations.push(what);
                    }
                }
            }
        }
        self.took += began.elapsed();
    }

    fn count(&mut self, without: &Reply, with: &Reply) {
        self.pods += 1;
        self.accepted += usize::from(without.accepted());
        self.injected += usize::from(is_injected(&with.body));
        if !without.accepted() {
            let reason: String = without.message().chars().take(160).collect();
            *self.rejections.entry(reason).or_default() += 1;
        }
    }

    /// Shows the counts; fails if nothing was injected, if the law was broken, or if too little was accepted for it to bite.
    pub(crate) fn conclude(&self, what: &str, at_least: usize) {
        println!(
            "{what}: {} Pods, {} accepted without the webhook, {} injected, {:?}",
            self.pods, self.accepted, self.injected, self.took
        );
        let mut rejections: Vec<_> = self.rejections.iter().collect();
        rejections.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in rejections.iter().take(5) {
            println!("  rejected {count}: {reason}");
        }
        let first: Vec<_> = self
            .violations
            .iter()
            .take(10)
            .map(String::as_str)
            .collect();
        assert!(
            first.is_empty(),
            "{} violations:\n{}",
            self.violations.len(),
            first.join("\n")
        );
        assert!(
            self.injected > 0 || self.accepted == 0,
            "{what}: no Pod has a toolbox"
        );
        let percent = self.accepted * 100 / self.pods.max(1);
        assert!(
            percent >= at_least,
            "only {percent} % were accepted: the law has too little to bite on"
        );
    }
}

/// Whether the toolbox stands in a Pod.
pub(crate) fn is_injected(pod: &Value) -> bool {
    toolboxes(pod) == 1
}

/// How many containers of our name a Pod has.
pub(crate) fn toolboxes(pod: &Value) -> usize {
    let lists = ["containers", "initContainers"].map(|list| pod["spec"][list].as_array());
    let all = lists.into_iter().flatten().flatten();
    all.filter(|container| container["name"] == "toolbox")
        .count()
}

/// How two answers to one Pod break the law.
fn problems(without: &Reply, with: Reply, witness: Option<&Witness>) -> Vec<String> {
    if without.accepted() != with.accepted() {
        let refused = if with.accepted() { without } else { &with };
        let which = if with.accepted() { "without" } else { "with" };
        return vec![format!(
            "rejected only {which} the webhook: {}",
            refused.message()
        )];
    }
    if !with.accepted() {
        // Rejected by others. That Sidebox failed on it would still be a fault.
        let failed = witness.filter(|seen| seen.failed_open() > 0);
        return failed
            .map(|seen| format!("the webhook did not answer: {seen:?}"))
            .into_iter()
            .collect();
    }
    let (without, with) = (settled(without.body.clone()), settled(with.body));
    if let Some(witness) = witness {
        return unlike_the_patch(&without, &with, witness);
    }
    // Without a witness of the patch: nothing that was there is gone, but for an old status of Sidebox's own.
    let mut lost = lost(&without, &with);
    lost.retain(|what| !what.starts_with("/metadata/annotations/sidebox.dev/status:"));
    lost
}

fn unlike_the_patch(without: &Value, with: &Value, witness: &Witness) -> Vec<String> {
    if witness.calls() == 0 || witness.failed_open() > 0 {
        return vec![format!("the webhook did not answer: {witness:?}")];
    }
    let patches = witness.patches();
    if patches.len() > 1 {
        return vec![format!("a second pass patched again: {patches:?}")];
    }
    match patched(without.clone(), patches) {
        Ok(expected) => surprises(without, &expected, with),
        Err(error) => vec![format!("the patch does not apply: {error}")],
    }
}
