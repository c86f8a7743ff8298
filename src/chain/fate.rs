//! What became of Pods, as their status and containers tell.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::inject::pod::{Pod, STATUS};
use crate::inject::status::{Stands, stands};
use crate::workload::controller;

/// What became of one Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has its toolbox.
    Injected,
    /// It was refused, with these codes.
    Refused(Vec<String>),
    /// Sidebox has left no word on it.
    NoWord,
}

/// The newest Pods of a workload: those of one revision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Newest {
    /// How many live.
    pub live: usize,
    /// Of these, how many have the toolbox.
    pub injected: usize,
    /// Of these, how many were refused.
    pub refused: usize,
}

/// What is read of a status here.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    decision: String,
    settings: Option<String>,
    findings: Vec<String>,
}

impl Status {
    fn of(pod: &Value) -> Self {
        let annotations = pod.pointer("/metadata/annotations");
        let text = annotations.and_then(|all| all.get(STATUS)?.as_str());
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }
}

impl Fate {
    /// Of a Pod as the API server has it.
    pub fn of(pod: &Value) -> Self {
        let text = pod.to_string();
        let view: Option<Pod<'_>> = serde_json::from_str(&text).ok();
        if view.is_some_and(|view| stands(&view) != Stands::Not) {
            return Self::Injected;
        }
        let status = Status::of(pod);
        if status.decision == "refuse" {
            Self::Refused(status.findings)
        } else {
            Self::NoWord
        }
    }
}

/// The hash of the settings that decided over a Pod.
pub fn settings_of(pod: &Value) -> Option<String> {
    Status::of(pod).settings
}

impl Newest {
    /// Of all Pods of a workload: those that live, of the revision whose Pod is the newest.
    pub fn of(pods: &[Value]) -> Self {
        let text = |pod: &Value, pointer: &str| {
            let found = pod.pointer(pointer).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let lives = |pod: &&Value| {
            pod.pointer("/metadata/deletionTimestamp").is_none()
                && !matches!(&*text(pod, "/status/phase"), "Succeeded" | "Failed")
        };
        let mut revisions: BTreeMap<(String, String), (String, Vec<&Value>)> = BTreeMap::new();
        for pod in pods.iter().filter(lives) {
            let revision = text(pod, "/metadata/labels/controller-revision-hash");
            let (newest, all) = revisions
                .entry((controller_uid(pod), revision))
                .or_default();
            let made = text(pod, "/metadata/creationTimestamp");
            // Times of one form sort as texts.
            if made > *newest {
                *newest = made;
            }
            all.push(pod);
        }
        let newest = revisions.into_values().max_by(|a, b| a.0.cmp(&b.0));
        let mut count = Self::default();
        for pod in newest.map(|(_, pods)| pods).unwrap_or_default() {
            count.live += 1;
            match Fate::of(pod) {
                Fate::Injected => count.injected += 1,
                Fate::Refused(_) => count.refused += 1,
                Fate::NoWord => {}
            }
        }
        count
    }
}

/// The uid of what controls a Pod.
fn controller_uid(pod: &Value) -> String {
    let uid = controller(pod).and_then(|owner| owner.get("uid")?.as_str());
    uid.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(owner: &str, second: u8, status: Option<&str>) -> Value {
        let mut pod = json!({"metadata": {
            "creationTimestamp": format!("2030-01-01T00:00:{second:02}Z"),
            "ownerReferences": [{"uid": owner, "controller": true}]},
            "spec": {"containers": [{"name": "app"}]}});
        if let Some(decision) = status {
            let text = json!({"decision": decision, "findings": ["host_pid"]}).to_string();
            pod["metadata"]["annotations"] = json!({STATUS: text});
        }
        if status == Some("inject") {
            pod["spec"]["containers"] = json!([{"name": "app"}, {"name": "toolbox"}]);
        }
        pod
    }

    #[test]
    fn the_newest_revision_counts() {
        let mut gone = pod("new", 9, None);
        gone["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:10Z".into();
        let mut ended = pod("new", 9, None);
        ended["status"]["phase"] = "Succeeded".into();
        let pods = [
            pod("old", 1, Some("inject")),
            pod("new", 5, Some("inject")),
            pod("new", 6, Some("refuse")),
            pod("new", 7, None),
            gone,
            ended,
        ];
        let newest = Newest {
            live: 3,
            injected: 1,
            refused: 1,
        };
        assert_eq!(Newest::of(&pods), newest);
        assert_eq!(Newest::of(&[]), Newest::default());
    }

    #[test]
    fn a_status_without_its_toolbox_is_no_word() {
        let mut copied = pod("a", 1, Some("inject"));
        copied["spec"]["containers"] = json!([{"name": "app"}]);
        assert_eq!(Fate::of(&copied), Fate::NoWord);
        let refused = Fate::Refused(vec!["host_pid".into()]);
        assert_eq!(Fate::of(&pod("a", 1, Some("refuse"))), refused);
    }
}
