//! Facts from Kubernetes objects: Namespaces, claims, LimitRanges and ResourceQuotas as files have
//! them. Other kinds say nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Amounts, Claim, Facts, Known, LimitKind, LimitRange, Namespace, Quota};
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

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClaimObject {
    spec: ClaimSpec,
    status: ClaimStatus,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    volume_mode: Option<String>,
    access_modes: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ClaimStatus {
    phase: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LimitRangeObject {
    spec: LimitRangeSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LimitRangeSpec {
    limits: Vec<LimitItem>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct LimitItem {
    #[serde(rename = "type")]
    kind: String,
    min: BTreeMap<String, Value>,
    max: BTreeMap<String, Value>,
    max_limit_request_ratio: BTreeMap<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QuotaObject {
    spec: QuotaSpec,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct QuotaSpec {
    hard: BTreeMap<String, Value>,
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
            facts.claims_complete = completeness == Completeness::Whole;
        }
        "PersistentVolumeClaim" => {
            let claim = claim(&ClaimObject::deserialize(object).map_err(failed)?);
            facts.claims.insert(meta.name, claim);
        }
        "LimitRange" => {
            let ranges = LimitRangeObject::deserialize(object).map_err(failed)?;
            facts.limit_ranges.extend(
                ranges
                    .spec
                    .limits
                    .iter()
                    .filter_map(|item| limit_range(&meta.name, item)),
            );
        }
        _ => {
            let quota = QuotaObject::deserialize(object).map_err(failed)?;
            facts.quotas.push(self::quota(meta.name, &quota.spec.hard));
        }
    }
    Ok(())
}

fn claim(object: &ClaimObject) -> Claim {
    Claim {
        bound: object.status.phase.as_deref() == Some("Bound"),
        block: object.spec.volume_mode.as_deref() == Some("Block"),
        read_write_many: object
            .spec
            .access_modes
            .iter()
            .any(|mode| mode == "ReadWriteMany"),
    }
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

fn amounts(bounds: &BTreeMap<String, Value>) -> Amounts {
    let amount = |resource: &str| match bounds.get(resource)? {
        Value::String(text) => Amount::parse(text),
        other => Amount::parse(&other.to_string()),
    };
    Amounts {
        cpu: amount("cpu"),
        memory: amount("memory"),
        ephemeral_storage: amount("ephemeral-storage"),
    }
}

fn quota(name: String, hard: &BTreeMap<String, Value>) -> Quota {
    let counts = |resource: &str| {
        let of = |key: &String| {
            let key = key
                .strip_prefix("requests.")
                .or_else(|| key.strip_prefix("limits."))
                .unwrap_or(key);
            key == resource
        };
        hard.keys().any(of)
    };
    Quota {
        name,
        compute: counts("cpu") || counts("memory"),
        ephemeral_storage: counts("ephemeral-storage"),
    }
}
