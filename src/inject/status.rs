//! What Sidebox leaves on a Pod: the status annotation, written and read.
//!
//! It is the only memory there is: enough to tell an injected Pod, to find outdated ones and to
//! undo an injection exactly.

use serde::{Deserialize, Serialize};

use super::annotations::Placement;
use super::decide::{Decision, Outcome, TOOLBOX};
use super::finding::Finding;
use super::place::Trace;
use super::pod::{Container, Pod, elements};

/// The version that writes the status.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The status annotation's value, as written. [`Read`] is what is read back of it.
#[derive(Debug, Serialize)]
pub struct Status<'a> {
    /// Version of Sidebox.
    pub version: &'static str,
    /// `inject` or `refuse`.
    pub decision: &'static str,
    /// Access mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<&'static str>,
    /// Where the toolbox stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<&'static str>,
    /// The container that is diagnosed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    /// The toolbox's uid, or `unset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The claim behind `/data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<&'a str>,
    /// Hash of the settings that decided.
    pub settings: &'a str,
    /// Codes of the findings; the reason of a refusal comes first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<&'static str>,
    /// What was added, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Trace<'a>>,
    /// Those of `added` that stand where a null stood.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nulls: Vec<Trace<'a>>,
}

/// What `uninject` reads of a status.
#[derive(Debug, Default, Deserialize)]
pub struct Read {
    /// JSON pointers whose list elements are named, not counted, since others append too.
    #[serde(default)]
    pub added: Vec<String>,
    /// Those of `added` that stand where a null stood.
    #[serde(default)]
    pub nulls: Vec<String>,
}

impl<'a> Status<'a> {
    /// The status of a decision, without what was added.
    pub fn of(outcome: &'a Outcome<'_>, settings: &'a str) -> Self {
        let reason = outcome.decision.reason();
        let intent = match &outcome.decision {
            Decision::Inject(intent) => Some(intent),
            Decision::Repair(_) | Decision::Skip(_) | Decision::Refuse(_) => None,
        };
        Self {
            version: VERSION,
            decision: outcome.decision.as_str(),
            mode: intent.map(|intent| intent.access.mode().as_str()),
            placement: intent.map(|intent| intent.placement.as_str()),
            target: intent.map(|intent| intent.case.target().name()),
            user: intent.map(|intent| intent.user.label()),
            claim: intent.and_then(|intent| intent.storage.claim()),
            settings,
            findings: reason
                .into_iter()
                .chain(&outcome.notes)
                .map(Finding::code)
                .collect(),
            added: Vec::new(),
            nulls: Vec::new(),
        }
    }
}

/// Whether a Pod's toolbox stands where its status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It does: the Pod is injected.
    Whole,
    /// A native toolbox without `restartPolicy: Always`, at this place of `initContainers`.
    WithoutRestartPolicy(usize),
    /// No status, a copied or old one, or one without its toolbox.
    Not,
}

/// The two members that tell an injected Pod.
#[derive(Deserialize)]
struct Brief {
    decision: String,
    #[serde(default)]
    placement: Option<String>,
}

fn has_pre_stop(container: &Container<'_>) -> bool {
    let lifecycle = container.lifecycle.as_ref();
    lifecycle.is_some_and(|lifecycle| lifecycle.pre_stop.is_some())
}

/// Tells whether a Pod is injected.
pub fn stands(pod: &Pod<'_>) -> Stands {
    let status = pod.annotations().and_then(|all| all.status.get());
    let brief = status.and_then(|text| serde_json::from_str::<Brief>(text).ok());
    let Some(brief) = brief.filter(|brief| brief.decision == "inject") else {
        return Stands::Not;
    };
    let Some(spec) = pod.spec.get() else {
        return Stands::Not;
    };
    let toolbox = |c: &Container<'_>| c.name() == TOOLBOX;
    if brief.placement.as_deref() != Some(Placement::Native.as_str()) {
        let there = elements(&spec.containers).iter().any(toolbox);
        return if there { Stands::Whole } else { Stands::Not };
    }
    let init = elements(&spec.init_containers);
    match init.iter().position(toolbox) {
        Some(index) if init[index].restart_policy.is_some() => Stands::Whole,
        // Ours has a hook, which no plain init container may have: another's of this name is left as it is.
        Some(index) if has_pre_stop(&init[index]) => Stands::WithoutRestartPolicy(index),
        Some(_) | None => Stands::Not,
    }
}
