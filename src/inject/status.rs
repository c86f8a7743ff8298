//! What Sidebox leaves on a Pod: the status annotation, written and read.
//!
//! It is the only memory there is: enough to tell an injected Pod, to find outdated ones and to
//! undo an injection exactly.

use serde::{Deserialize, Serialize};

use super::annotations::Placement;
use super::decide::{Intent, Outcome, TOOLBOX};
use super::finding::Finding;
use super::pod::{Container, Pod, elements};
use super::storage::Storage;

/// The version that writes the status.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The status annotation's value.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Version of Sidebox.
    #[serde(default)]
    pub version: String,
    /// `inject` or `refuse`.
    pub decision: String,
    /// Access mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Where the toolbox stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<String>,
    /// The container that is diagnosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The toolbox's uid, or `unset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The claim behind `/data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// Hash of the settings that decided.
    #[serde(default)]
    pub settings: String,
    /// Codes of the findings; the reason of a refusal comes first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// What was added, in order: JSON pointers whose list elements are named, not counted, since
    /// others append too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Those of `added` that stand where a null stood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nulls: Vec<String>,
}

impl Status {
    /// The status of a decision, without what was added.
    pub fn of(outcome: &Outcome<'_>, settings: &str) -> Self {
        let reason = outcome.decision.reason();
        let codes = reason.into_iter().chain(&outcome.notes).map(Finding::code);
        Self {
            version: VERSION.to_owned(),
            decision: outcome.decision.as_str().to_owned(),
            settings: settings.to_owned(),
            findings: codes.map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// Adds what an injection resolved to.
    #[must_use]
    pub fn with(mut self, intent: &Intent<'_>) -> Self {
        self.mode = Some(intent.access.mode().as_str().to_owned());
        self.placement = Some(intent.placement.as_str().to_owned());
        self.target = Some(intent.case.target().name().to_owned());
        self.user = Some(intent.user.label());
        if let Storage::Claim(claim) = &intent.storage {
            self.claim = Some(claim.clone().into_owned());
        }
        self
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
        Some(index) if init[index].restart_policy.is_none() => Stands::WithoutRestartPolicy(index),
        Some(_) => Stands::Whole,
        None => Stands::Not,
    }
}
