//! What else is known when deciding: namespace, claims, limits, quotas; each possibly unknown.
//!
//! Pure data. Who gathers it (files, a facts file, a cluster) is not known here.

pub mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::annotations::{self, Asks, Source};
use super::finding::Finding;
use super::pod::{Text, Value};
use super::quantity::Amount;

/// A fact that may not be known: the API server is away, or there is no cluster at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// Nobody can say.
    #[default]
    Unknown,
    /// It was looked up.
    Known(T),
}

impl<T> Known<T> {
    /// The fact, if it is known.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::Unknown => None,
        }
    }
}

/// All facts about one namespace.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The Namespace object.
    pub namespace: Known<Namespace>,
    /// Its claims by name, as far as they are known.
    pub claims: BTreeMap<String, Claim>,
    /// Which claims are missing if they are not in [`Facts::claims`].
    pub claims_known: ClaimsKnown,
    /// Its LimitRanges.
    pub limit_ranges: Vec<LimitRange>,
    /// Its ResourceQuotas.
    pub quotas: Vec<Quota>,
    /// The cluster's version, where it was asked.
    pub kubernetes_version: Known<(u32, u32)>,
}

impl Facts {
    /// What is known of a claim: unknown, known to be missing (none), or there.
    pub fn claim(&self, name: &str) -> Known<Option<Claim>> {
        match self.claims.get(name) {
            Some(claim) => Known::Known(Some(*claim)),
            None if self.claims_known.covers(name) => Known::Known(None),
            None => Known::Unknown,
        }
    }

    /// Whether the namespace is known to enforce the `restricted` Pod Security level.
    pub fn restricted(&self) -> bool {
        self.namespace
            .get()
            .is_some_and(|namespace| namespace.restricted)
    }
}

/// Which claims are known, there or missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ClaimsKnown {
    /// Those that are there, perhaps not all of them.
    #[default]
    Some,
    /// All.
    All,
    /// Those of one name: a cluster is watched for the claim of the settings alone.
    Named(Arc<str>),
}

impl ClaimsKnown {
    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Some => false,
            Self::All => true,
            Self::Named(known) => **known == *name,
        }
    }
}

/// The value of the namespace label `sidebox.dev/inject`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Label {
    /// `true`.
    Labelled,
    /// `false`.
    OptedOut,
    /// No such label.
    #[default]
    Absent,
    /// Another value: as absent, with a finding.
    Invalid(String),
}

impl Label {
    /// Reads the label's value.
    pub fn parse(value: Option<&str>) -> Self {
        match value {
            None => Self::Absent,
            Some("true") => Self::Labelled,
            Some("false") => Self::OptedOut,
            Some(other) => Self::Invalid(other.to_owned()),
        }
    }
}

/// What a Namespace says.
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    /// Its label `sidebox.dev/inject`.
    pub label: Label,
    /// Whether `pod-security.kubernetes.io/enforce` is `restricted`.
    pub restricted: bool,
    /// Defaults for its Pods.
    pub asks: Asks<'static>,
    /// What is wrong with its annotations and label.
    pub notes: Vec<Finding>,
}

/// The label that asks for a whole namespace.
pub const INJECT_LABEL: &str = "sidebox.dev/inject";
/// The label of Pod Security admission.
pub const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";

impl Namespace {
    /// Reads labels and annotations of a Namespace object.
    pub fn read(labels: &BTreeMap<String, String>, notes: &BTreeMap<String, String>) -> Self {
        let pairs: Vec<_> = notes
            .iter()
            .filter_map(|(key, value)| own(key, value))
            .collect();
        let read = annotations::read(Source::Namespace, &pairs);
        let label = Label::parse(labels.get(INJECT_LABEL).map(String::as_str));
        let mut notes = read.notes;
        if let Label::Invalid(value) = &label {
            notes.push(Finding::InvalidNamespaceLabel {
                value: value.clone(),
            });
        }
        let restricted = labels
            .get(ENFORCE_LABEL)
            .is_some_and(|level| level == "restricted");
        Self {
            label,
            restricted,
            asks: read.asks,
            notes,
        }
    }
}

fn own(key: &str, value: &str) -> Option<(Text<'static>, Value<'static>)> {
    let name = key.strip_prefix(annotations::PREFIX)?;
    let text = |text: &str| Text(text.to_owned().into());
    Some((text(name), Value::Text(text(value))))
}

/// What matters of a PersistentVolumeClaim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whether Pods that mount it come to run.
    pub state: ClaimState,
    /// Its volumeMode is Block, so that it cannot be mounted.
    pub block: bool,
    /// Its access modes hold ReadWriteMany.
    pub read_write_many: bool,
}

/// How far a claim is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimState {
    /// It has no volume yet, or has lost it.
    Unbound,
    /// It has a volume.
    Bound,
    /// It was deleted, and is kept for the Pods alone that mount it: no new one is scheduled.
    Ending,
}

/// Bounds of one kind for the three resources that a toolbox has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPU, in cores.
    pub cpu: Option<Amount>,
    /// Memory, in bytes.
    pub memory: Option<Amount>,
    /// Ephemeral storage, in bytes.
    pub ephemeral_storage: Option<Amount>,
}

/// What a LimitRange item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Each container.
    Container,
    /// All containers of a Pod together.
    Pod,
}

/// One LimitRange item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitRange {
    /// Name of the LimitRange.
    pub name: String,
    /// What it is about.
    pub kind: LimitKind,
    /// Smallest request.
    pub min: Amounts,
    /// Largest limit.
    pub max: Amounts,
    /// Largest limit divided by request.
    pub ratio: Amounts,
}

/// A ResourceQuota, by what it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Name of the ResourceQuota.
    pub name: String,
    /// It counts cpu or memory, requests or limits.
    pub compute: bool,
    /// It is about Pods of another class than BestEffort (scope `NotBestEffort`).
    pub not_best_effort: bool,
}
