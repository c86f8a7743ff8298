//! Facts from Kubernetes objects: Namespaces, claims, LimitRanges and ResourceQuotas as files have
//! them. Other kinds say nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    Amounts, Claim, ClaimState, ClaimsKnown, Facts, Known, LimitKind, LimitRange, Namespace, Quota,
};
use crate::inject::quantity::Amount;

/// The namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// An object that could not be read as its kind says.
#[derive(Debug, thiserror::Error)]
#[error("{kind} {namespace}/{name}: {source}")]
pub struct FactError {
    kind: String,
    namespace: String,
    name: String,
    source: serde_json::Error,
}

/// How much a set of objects tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// All there is in the namespaces whose Namespace object is among them: a claim that is not
    /// there is missing.
    Whole,
    /// A part: what is not there is not known.
    Part,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    name: String,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// What is read of a PersistentVolumeClaim.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub struct ClaimObject {
    metadata: Option<ClaimMeta>,
    spec: Option<ClaimSpec>,
    status: Option<ClaimStatus>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClaimMeta {
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    volume_mode: Option<String>,
    access_modes: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct ClaimStatus {
    phase: Option<String>,
}

/// What is read of a LimitRange.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub struct LimitRangeObject {
    spec: Option<LimitRangeSpec>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
struct LimitRangeSpec {
    limits: Option<Vec<LimitItem>>,
}

type Bounds = Option<BTreeMap<String, Value>>;

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LimitItem {
    #[serde(rename = "type")]
    kind: String,
    min: Bounds,
    max: Bounds,
    max_limit_request_ratio: Bounds,
}

/// What is read of a ResourceQuota.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
pub struct QuotaObject {
    spec: Option<QuotaSpec>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default)]
#[serde(rename_all = "camelCase")]
struct QuotaSpec {
    hard: Bounds,
    scopes: Option<Vec<String>>,
    scope_selector: Option<ScopeSelector>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ScopeSelector {
    match_expressions: Option<Vec<ScopeExpression>>,
}

#[derive(Debug, Clone, Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ScopeExpression {
    scope_name: String,
}

impl ClaimObject {
    /// The claim as it counts in a decision.
    pub fn claim(&self) -> Claim {
        let spec = self.spec.as_ref();
        let phase = self.status.as_ref().and_then(|s| s.phase.as_deref());
        let volume_mode = spec.and_then(|spec| spec.volume_mode.as_deref());
        let modes = spec.and_then(|spec| spec.access_modes.as_deref());
        let meta = self.metadata.as_ref();
        let ending = meta.is_some_and(|meta| meta.deletion_timestamp.is_some());
        Claim {
            state: match phase {
                _ if ending => ClaimState::Ending,
                Some("Bound") => ClaimState::Bound,
                _ => ClaimState::Unbound,
            },
            block: volume_mode == Some("Block"),
            read_write_many: modes
                .is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteMany")),
        }
    }
}

impl LimitRangeObject {
    /// Its items that are about containers or Pods, under the object's name.
    pub fn ranges(&self, name: &str) -> impl Iterator<Item = LimitRange> {
        let limits = self.spec.as_ref().and_then(|spec| spec.limits.as_ref());
        let items = limits.into_iter().flatten();
        items.filter_map(move |item| limit_range(name, item))
    }
}

impl QuotaObject {
    /// What it counts, under the object's name.
    pub fn quota(&self, name: String) -> Quota {
        let hard = self.spec.as_ref().and_then(|spec| spec.hard.as_ref());
        let counts = |resource: &str| {
            let of = |key: &String| {
                let key = key
                    .strip_prefix("requests.")
                    .or_else(|| key.strip_prefix("limits."))
                    .unwrap_or(key);
                key == resource
            };
            hard.is_some_and(|hard| hard.keys().any(of))
        };
        Quota {
            name,
            compute: counts("cpu") || counts("memory"),
            not_best_effort: self.spec.as_ref().is_some_and(QuotaSpec::not_best_effort),
        }
    }
}

impl QuotaSpec {
    fn not_best_effort(&self) -> bool {
        let selector = self.scope_selector.as_ref();
        let expressions = selector.and_then(|selector| selector.match_expressions.as_ref());
        let selected = expressions.into_iter().flatten().map(|one| &one.scope_name);
        let mut scopes = self.scopes.iter().flatten().chain(selected);
        scopes.any(|scope| scope == "NotBestEffort")
    }
}

/// Reads the facts of all namespaces that the objects speak of.
///
/// # Errors
/// [`FactError`] with the first object whose fields have wrong types.
pub fn read<'v>(
    objects: impl IntoIterator<Item = &'v Value>,
    completeness: Completeness,
) -> Result<BTreeMap<String, Facts>, FactError> {
    let mut all = BTreeMap::new();
    for object in objects {
        add(&mut all, object, completeness)?;
    }
    Ok(all)
}

fn add(
    all: &mut BTreeMap<String, Facts>,
    object: &Value,
    completeness: Completeness,
) -> Result<(), FactError> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or("");
    if !matches!(
        kind,
        "Namespace" | "PersistentVolumeClaim" | "LimitRange" | "ResourceQuota"
    ) {
        return Ok(());
    }
    let meta = object.get("metadata").cloned().unwrap_or_default();
    let text = |key: &str| {
        meta.get(key)
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let failed = |source| FactError {
        kind: kind.to_owned(),
        namespace: text("namespace"),
        name: text("name"),
        source,
    };
    let meta: Meta = Meta::deserialize(&meta).map_err(failed)?;
    let home = meta
        .namespace
        .clone()
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    let name = if kind == "Namespace" {
        meta.name.clone()
    } else {
        home
    };
    let facts = all.entry(name).or_default();
    match kind {
        "Namespace" => {
            let namespace = Namespace::read(
                &meta.labels.unwrap_or_default(),
                &meta.annotations.unwrap_or_default(),
            );
            facts.namespace = Known::Known(namespace);
            facts.claims_known = match completeness {
                Completeness::Whole => ClaimsKnown::All,
                Completeness::Part => ClaimsKnown::Some,
            };
        }
        "PersistentVolumeClaim" => {
            let claim = ClaimObject::deserialize(object).map_err(failed)?;
            facts.claims.insert(meta.name, claim.claim());
        }
        "LimitRange" => {
            let ranges = LimitRangeObject::deserialize(object).map_err(failed)?;
            facts.limit_ranges.extend(ranges.ranges(&meta.name));
        }
        _ => {
            let quota = QuotaObject::deserialize(object).map_err(failed)?;
            facts.quotas.push(quota.quota(meta.name));
        }
    }
    Ok(())
}

fn limit_range(name: &str, item: &LimitItem) -> Option<LimitRange> {
    let kind = match item.kind.as_str() {
        "Container" => LimitKind::Container,
        "Pod" => LimitKind::Pod,
        _ => return None,
    };
    Some(LimitRange {
        name: name.to_owned(),
        kind,
        min: amounts(&item.min),
        max: amounts(&item.max),
        ratio: amounts(&item.max_limit_request_ratio),
    })
}

fn amounts(bounds: &Bounds) -> Amounts {
    let amount = |resource: &str| match bounds.as_ref()?.get(resource)? {
        Value::String(text) => Amount::parse(text),
        other => Amount::parse(&other.to_string()),
    };
    Amounts {
        cpu: amount("cpu"),
        memory: amount("memory"),
        ephemeral_storage: amount("ephemeral-storage"),
    }
}
