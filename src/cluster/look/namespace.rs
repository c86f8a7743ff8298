//! A namespace as the server's own watches know it: label, annotations, Pod Security, the settings' claim,
//! LimitRanges, quotas.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Look, seen, text, told};
use crate::chain::seen::Seen;
use crate::chain::selector::Labels;
use crate::cluster::watch::problem::Problem;
use crate::inject::facts::objects::{ClaimObject, LimitRangeObject, QuotaObject};
use crate::inject::facts::{ClaimsKnown, Facts, Known, Namespace};

/// What was seen of a namespace.
#[derive(Debug)]
pub struct Surroundings {
    /// Its labels, for selectors.
    pub labels: Seen<Labels>,
    /// What the rules read.
    pub facts: Facts,
    /// What could not be read, and is taken as unknown.
    pub hidden: Vec<String>,
}

impl Look {
    /// Looks at a namespace and at the claim of this name in it.
    pub async fn surroundings(&self, namespace: &str, claim: &str) -> Surroundings {
        let mut hidden = Vec::new();
        let mut facts = Facts {
            kubernetes_version: Known::Known(self.version),
            ..Facts::default()
        };
        let object = seen(self.get("/api/v1/namespaces", namespace).await);
        let labels = match object {
            Seen::There(object) => {
                let labels = map(&object, "/metadata/labels");
                let annotations = map(&object, "/metadata/annotations");
                facts.namespace = Known::Known(Namespace::read(&labels, &annotations));
                Seen::There(labels)
            }
            Seen::Missing => Seen::Missing,
            Seen::Hidden(why) => {
                hidden.push(format!("the namespace: {why}"));
                Seen::Hidden(why)
            }
        };
        let home = format!("/api/v1/namespaces/{namespace}");
        self.claim(&home, claim, &mut facts, &mut hidden).await;
        let ranges = self.read_all(&home, "limitranges", &mut hidden).await;
        for (name, range) in ranges {
            let range: LimitRangeObject = range;
            facts.limit_ranges.extend(range.ranges(&name));
        }
        let quotas = self.read_all(&home, "resourcequotas", &mut hidden).await;
        for (name, quota) in quotas {
            let quota: QuotaObject = quota;
            facts.quotas.push(quota.quota(name));
        }
        Surroundings {
            labels,
            facts,
            hidden,
        }
    }

    async fn claim(&self, home: &str, name: &str, facts: &mut Facts, hidden: &mut Vec<String>) {
        let path = format!("{home}/persistentvolumeclaims");
        match self.get(&path, name).await {
            Ok(object) => {
                if let Ok(claim) = ClaimObject::deserialize(&object) {
                    facts.claims.insert(name.to_owned(), claim.claim());
                }
            }
            Err(Problem::Missing(_)) => {}
            Err(problem) => return hidden.push(format!("claim {name}: {}", told(&problem))),
        }
        facts.claims_known = ClaimsKnown::Named(Arc::from(name));
    }

    /// All objects of a kind that can be read, by name.
    async fn read_all<T: DeserializeOwned>(
        &self,
        home: &str,
        kind: &str,
        hidden: &mut Vec<String>,
    ) -> Vec<(String, T)> {
        match self.list(&format!("{home}/{kind}"), "").await {
            Ok(all) => all
                .into_iter()
                .filter_map(|object| {
                    let name = text(&object, "/metadata/name").to_owned();
                    Some((name, serde_json::from_value(object).ok()?))
                })
                .collect(),
            Err(problem) => {
                hidden.push(format!("{kind}: {}", told(&problem)));
                Vec::new()
            }
        }
    }
}

fn map(object: &Value, pointer: &str) -> Labels {
    let found = object.pointer(pointer).map(Labels::deserialize);
    found.and_then(Result::ok).unwrap_or_default()
}
