//! What does the audit log, a witness beside the answers, say of mutating webhooks? Knows the log's
//! form (kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers); must not know Sidebox.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

/// One request's annotations, by name.
#[derive(Debug, Default, Clone)]
pub(crate) struct Witness(HashMap<String, String>);

impl Witness {
    /// The patches of all webhooks, in the order in which they were applied.
    pub(crate) fn patches(&self) -> Vec<Value> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .filter(|(key, _)| key.starts_with("patch.webhook.admission.k8s.io/"))
            .collect();
        all.sort();
        let patches = all.into_iter().map(|(_, value)| {
            let said: Value = serde_json::from_str(value).unwrap();
            said["patch"].clone()
        });
        patches.collect()
    }

    /// How often webhooks were called and answered.
    pub(crate) fn calls(&self) -> usize {
        self.called().len()
    }

    /// The names of the webhooks that were called and answered, once for each call.
    pub(crate) fn called(&self) -> Vec<String> {
        let calls = self
            .0
            .iter()
            .filter(|(key, _)| key.starts_with("mutation.webhook.admission.k8s.io/"));
        let names = calls.map(|(_, value)| {
            let said: Value = serde_json::from_str(value).unwrap();
            said["webhook"].as_str().unwrap().to_owned()
        });
        names.collect()
    }

    /// How often a webhook failed and the Pod went on without it.
    pub(crate) fn failed_open(&self) -> usize {
        self.count("failed-open.mutation.webhook.admission.k8s.io/")
    }

    fn count(&self, prefix: &str) -> usize {
        self.0.keys().filter(|key| key.starts_with(prefix)).count()
    }
}

/// The log, read as it grows; nothing, where it cannot be read.
pub(crate) struct Audit {
    log: Option<BufReader<File>>,
}

impl Audit {
    /// Of a cluster that does not show its log.
    pub(crate) fn hidden() -> Self {
        Self { log: None }
    }

    /// Whether there are witnesses.
    pub(crate) fn is_seen(&self) -> bool {
        self.log.is_some()
    }

    /// From here on.
    pub(crate) fn from_now(path: &Path) -> Self {
        let mut log = BufReader::new(File::open(path).unwrap());
        let mut line = Vec::new();
        while log.read_until(b'\n', &mut line).unwrap() > 0 {
            line.clear();
        }
        Self { log: Some(log) }
    }

    /// What was written since the last call, by audit id: complete for every request that is answered.
    pub(crate) fn news(&mut self) -> HashMap<String, Witness> {
        let mut found = HashMap::new();
        let mut line = String::new();
        let Some(log) = self.log.as_mut() else {
            return found;
        };
        while log.read_line(&mut line).unwrap() > 0 {
            // Most of the log is requests that no webhook saw: these are not worth parsing.
            if line.ends_with('\n') && line.contains("webhook.admission.k8s.io/") {
                let event: Value = serde_json::from_str(&line).unwrap();
                let id = event["auditID"].as_str().unwrap().to_owned();
                let annotations = serde_json::from_value(event["annotations"].clone());
                found.insert(id, Witness(annotations.unwrap_or_default()));
            }
            line.clear();
        }
        found
    }
}
