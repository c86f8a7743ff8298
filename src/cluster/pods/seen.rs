//! What does a Pod's metadata say of what became of it? Pure; knows nothing of what follows.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cluster::watch::Meta;
use crate::inject::annotations::PREFIX;
use crate::inject::pod::STATUS;

/// Set by the kubelet on Pods that show static Pods of a node.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Findings of Pods that would have had the claim.
const WANTED: [&str; 3] = ["claim_being_made", "claim_missing", "claim_not_ready"];

/// What is read of a Pod beside its names, labels and annotations.
#[derive(Debug, Deserialize)]
pub(super) struct Body {
    metadata: Owned,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    #[serde(default)]
    owner_references: Option<Box<RawValue>>,
    #[serde(default)]
    deletion_timestamp: Option<String>,
}

/// What a status annotation says of the claim.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    claim: Option<String>,
    #[serde(default)]
    findings: Vec<String>,
}

/// What became of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is injected and mounts this claim, or would have if it had been there.
    WantsClaim,
    /// It asked, and no review has answered.
    Missed,
    /// Nothing that matters here.
    Settled,
}

impl Body {
    /// Its owner references, as they stand there.
    pub(super) fn owners(&self) -> Option<&str> {
        self.metadata.owner_references.as_deref().map(RawValue::get)
    }

    /// What became of the Pod, where `claim` is the claim that is made.
    pub(super) fn seen(&self, meta: &Meta, claim: &str) -> Seen {
        let annotation = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key));
        if self.metadata.deletion_timestamp.is_some() || annotation(MIRROR).is_some() {
            return Seen::Settled;
        }
        let asked = annotation(&format!("{PREFIX}inject")).is_some_and(|value| value == "true");
        let Some(status) = annotation(STATUS) else {
            return if asked { Seen::Missed } else { Seen::Settled };
        };
        let status: Option<Status> = serde_json::from_str(status).ok();
        let wants = status.is_some_and(|status| {
            let found = |code: &&str| status.findings.iter().any(|finding| finding == code);
            status.claim.as_deref() == Some(claim)
                || status.claim.is_none() && WANTED.iter().any(found)
        });
        if wants {
            Seen::WantsClaim
        } else {
            Seen::Settled
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn seen(metadata: &Value) -> Seen {
        let meta: Meta = serde_json::from_value(metadata.clone()).unwrap();
        let text = json!({"metadata": metadata}).to_string();
        let body: Body = serde_json::from_str(&text).unwrap();
        body.seen(&meta, "results")
    }

    fn status(status: &str) -> Seen {
        seen(&json!({"annotations": {"sidebox.dev/inject": "true", "sidebox.dev/status": status}}))
    }

    #[test]
    fn a_pod_that_asked_without_an_answer_was_missed() {
        let asks = json!({"sidebox.dev/inject": "true"});
        assert_eq!(seen(&json!({"annotations": asks})), Seen::Missed);
        assert_eq!(status("nonsense"), Seen::Settled);
        assert_eq!(status(r#"{"decision":"refuse"}"#), Seen::Settled);
        for metadata in [
            json!({}),
            json!({"annotations": {"sidebox.dev/inject": "false"}}),
            json!({"annotations": {"sidebox.dev/inject": "true", "kubernetes.io/config.mirror": "x"}}),
            json!({"annotations": asks, "deletionTimestamp": "2030-01-01T00:00:00Z"}),
        ] {
            assert_eq!(seen(&metadata), Seen::Settled, "{metadata}");
        }
    }

    #[test]
    fn the_claim_is_wanted_by_who_mounts_it_or_would_have() {
        assert_eq!(status(r#"{"claim":"results"}"#), Seen::WantsClaim);
        assert_eq!(
            status(r#"{"findings":["claim_not_ready"]}"#),
            Seen::WantsClaim
        );
        assert_eq!(status(r#"{"claim":"others"}"#), Seen::Settled);
        assert_eq!(status(r#"{"findings":["tmp_reused"]}"#), Seen::Settled);
    }
}
