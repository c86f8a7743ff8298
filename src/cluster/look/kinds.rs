//! Which object is meant by `deploy/net-worker`? The kinds that have Pods, by the names that kubectl knows.

use std::str::FromStr;

/// One kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    kind: &'static str,
    /// The path of its API.
    api: &'static str,
    /// In paths.
    plural: &'static str,
    short: &'static [&'static str],
}

const KINDS: [Row; 9] = [
    row("Pod", "/api/v1", "pods", &["po"]),
    row("Deployment", "/apis/apps/v1", "deployments", &["deploy"]),
    row("StatefulSet", "/apis/apps/v1", "statefulsets", &["sts"]),
    row("DaemonSet", "/apis/apps/v1", "daemonsets", &["ds"]),
    row("ReplicaSet", "/apis/apps/v1", "replicasets", &["rs"]),
    row("Job", "/apis/batch/v1", "jobs", &[]),
    row("CronJob", "/apis/batch/v1", "cronjobs", &["cj"]),
    row(
        "ReplicationController",
        "/api/v1",
        "replicationcontrollers",
        &["rc"],
    ),
    row("PodTemplate", "/api/v1", "podtemplates", &[]),
];

const fn row(
    kind: &'static str,
    api: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
) -> Row {
    Row {
        kind,
        api,
        plural,
        short,
    }
}

/// `KIND/NAME`, as a person types it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    row: Row,
    name: String,
}

/// Why a text is no such thing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// There is no slash, or nothing on one side of it.
    #[error(
        "{0:?} is not KIND/NAME, such as deployment/net-worker or pod/net-worker-5d4f; a file is named with -f"
    )]
    Form(String),
    /// The kind has no Pods, or is nobody's.
    #[error("kind {0:?} is not known here; there are {all}; a file is named with -f", all = known())]
    Kind(String),
}

fn known() -> String {
    KINDS.map(|row| row.kind.to_lowercase()).join(", ")
}

impl Reference {
    /// `Deployment`
    pub fn kind(&self) -> &'static str {
        self.row.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where such objects are in a namespace.
    pub(super) fn path(&self, namespace: &str) -> String {
        format!(
            "{}/namespaces/{namespace}/{}",
            self.row.api, self.row.plural
        )
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let form = || ReferenceError::Form(text.to_owned());
        let (kind, name) = text.split_once('/').ok_or_else(form)?;
        // Anything else would be another place in the API.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if name.is_empty() || !name.chars().all(plain) {
            return Err(form());
        }
        // kubectl also takes `deployments.apps` and `Deployment.v1.apps`.
        let wanted = kind.split('.').next().unwrap_or_default().to_lowercase();
        let row = KINDS.iter().find(|row| {
            row.kind.to_lowercase() == wanted
                || row.plural == wanted
                || row.short.contains(&wanted.as_str())
        });
        Ok(Self {
            row: *row.ok_or_else(|| ReferenceError::Kind(kind.to_owned()))?,
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_kubectl_knows() {
        for text in [
            "deployment/a",
            "deploy/a",
            "Deployment/a",
            "deployments/a",
            "deployments.apps/a",
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!((reference.kind(), reference.name()), ("Deployment", "a"));
            assert_eq!(
                reference.path("shop"),
                "/apis/apps/v1/namespaces/shop/deployments"
            );
        }
        assert_eq!("po/a".parse::<Reference>().unwrap().kind(), "Pod");
    }

    #[test]
    fn anything_else_says_what_is_expected() {
        for text in [
            "net-worker",
            "deploy/",
            "deploy/../../secrets",
            "deploy/a?b",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(error, ReferenceError::Form(text.to_owned()));
        }
        let error = "service/a".parse::<Reference>().unwrap_err().to_string();
        assert!(error.contains("cronjob"), "{error}");
    }
}
