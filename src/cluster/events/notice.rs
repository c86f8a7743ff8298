//! What is to be said of whom? A finding and the object that makes the Pods, as plain data.
//!
//! Everything here was written by whoever made the Pod and is not judged yet: names that the API
//! server would not take name nothing.

use serde::Deserialize;

use crate::admission::Told;
use crate::inject::finding::{Finding, Kind};
use crate::inject::names::{is_dns_label, is_dns_subdomain};

/// Longer messages are refused by the API server (`k8s.io/api/events/v1`, `note`).
const MESSAGE_BYTES: usize = 1024;

/// One finding, on its way to become an Event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub(super) namespace: String,
    pub(super) object: Object,
    pub(super) code: &'static str,
    pub(super) refused: bool,
    pub(super) message: String,
}

/// An object of the cluster, as an owner reference names it. A Pod has no uid yet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Object {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) uid: String,
}

/// A Pod, by what tells who makes it.
#[derive(Debug, Clone, Copy)]
pub(in crate::cluster) struct PodName<'a> {
    /// Its namespace.
    pub(in crate::cluster) namespace: &'a str,
    /// Its name, or what its name will start with.
    pub(in crate::cluster) name: &'a str,
    /// Its `metadata.ownerReferences`, as they stand there.
    pub(in crate::cluster) owners: Option<&'a str>,
}

impl PodName<'_> {
    /// Its controller, else the Pod itself.
    fn object(&self) -> Option<Object> {
        let pod = || Object {
            api_version: "v1".into(),
            kind: "Pod".into(),
            name: self.name.trim_end_matches('-').to_owned(),
            uid: String::new(),
        };
        let object = self.owners.and_then(controller).unwrap_or_else(pod);
        (is_dns_label(self.namespace) && is_dns_subdomain(&object.name)).then_some(object)
    }
}

/// An owner reference; others than the controller do not make the Pod.
#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    controller: Option<bool>,
    #[serde(flatten)]
    object: Object,
}

/// What is said once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) object: String,
    pub(super) code: &'static str,
}

impl Notice {
    /// The code of the finding: the Event's reason.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// One for each finding.
    pub(super) fn of(told: &Told<'_>) -> Vec<Self> {
        let pod = PodName {
            namespace: told.namespace,
            name: told.name,
            owners: told.owners,
        };
        let Some(object) = pod.object() else {
            return Vec::new();
        };
        let notice = |finding: &&Finding| Self {
            namespace: told.namespace.to_owned(),
            object: object.clone(),
            code: finding.code(),
            refused: finding.kind() == Kind::Refuse,
            message: message(finding),
        };
        told.findings.iter().map(notice).collect()
    }

    /// Something of our own to say on what makes a Pod. None if the names would name nothing.
    pub(in crate::cluster) fn about(
        pod: &PodName<'_>,
        (code, refused): (&'static str, bool),
        message: String,
    ) -> Option<Self> {
        Some(Self {
            namespace: pod.namespace.to_owned(),
            object: pod.object()?,
            code,
            refused,
            message,
        })
    }

    pub(super) fn key(&self) -> Key {
        Key {
            namespace: self.namespace.clone(),
            object: format!("{}/{}", self.object.kind, self.object.name),
            code: self.code,
        }
    }
}

/// The controller among the owner references, whose JSON this is.
fn controller(references: &str) -> Option<Object> {
    let references: Vec<Reference> = serde_json::from_str(references).ok()?;
    let controls = |one: &Reference| one.controller == Some(true) && named(&one.object);
    references
        .into_iter()
        .find(controls)
        .map(|reference| reference.object)
}

fn named(object: &Object) -> bool {
    let letters = |text: &str| {
        (1..=63).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let (group, version) = object
        .api_version
        .rsplit_once('/')
        .unwrap_or(("core", &object.api_version));
    is_dns_subdomain(group)
        && letters(version)
        && letters(&object.kind)
        && is_dns_subdomain(&object.name)
}

fn message(finding: &Finding) -> String {
    let mut text = finding.to_string().escape_debug().to_string();
    text.truncate(text.floor_char_boundary(MESSAGE_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(name: &str, owners: Option<&str>) -> Vec<Notice> {
        let finding = Finding::HostPid {};
        Notice::of(&Told {
            namespace: "shop",
            name,
            owners,
            findings: &[&finding],
        })
    }

    #[test]
    fn the_controller_hears_it() {
        let owners = r#"[{"apiVersion":"v1","kind":"Thing","name":"other","uid":"1"},
            {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-1","uid":"2","controller":true,"blockOwnerDeletion":true}]"#;
        let all = notices("web-1-", Some(owners));
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].key().object, "ReplicaSet/web-1");
        assert_eq!((all[0].code, all[0].refused), ("host_pid", true));
    }

    #[test]
    fn without_one_the_pod_does() {
        for owners in [
            None,
            Some("[]"),
            Some("null"),
            Some("{}"),
            Some(r#"[{"kind":"ReplicaSet"}]"#),
        ] {
            let all = notices("web-", owners);
            assert_eq!(all[0].key().object, "Pod/web", "{owners:?}");
        }
    }

    #[test]
    fn names_that_would_lead_elsewhere_name_nothing() {
        for (version, kind, name) in [
            ("apps/v1", "ReplicaSet", "../../secrets/a"),
            ("apps/v1", "ReplicaSet", "a?watch=true"),
            ("../v1", "ReplicaSet", "a"),
            ("apps/v1/x y", "ReplicaSet", "a"),
            ("apps/v1", "Replica/Set", "a"),
            ("", "ReplicaSet", "a"),
            ("apps/v1", "", ""),
        ] {
            let owners = format!(
                r#"[{{"apiVersion":"{version}","kind":"{kind}","name":"{name}","controller":true}}]"#
            );
            let all = notices("web-1", Some(&owners));
            assert_eq!(all[0].key().object, "Pod/web-1", "{owners}");
        }
        assert_eq!(notices("a b", None), []);
        assert_eq!(notices("", None), []);
    }

    #[test]
    fn a_message_is_one_line_of_bounded_length() {
        let finding = Finding::UnreadablePod {
            error: "é\n".repeat(2000),
        };
        let text = message(&finding);
        assert!(text.len() <= MESSAGE_BYTES && !text.contains('\n'));
    }
}
