//! Of webhook configurations: what decides whether Sidebox is asked, where, and how it is trusted.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::OffsetDateTime;
use x509_parser::pem::Pem;

use super::selector::Selector;

/// Entries of Sidebox have names below this one.
pub const DOMAIN: &str = ".sidebox.dev";

/// The path of the entry that advises.
pub const ADVISE: &str = "/advise";

/// A webhook configuration, mutating or validating.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Configuration {
    metadata: Metadata,
    webhooks: Option<Vec<Entry>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    name: String,
}

/// One entry.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Entry {
    pub name: String,
    pub client_config: ClientConfig,
    pub namespace_selector: Option<Selector>,
    pub object_selector: Option<Selector>,
    pub rules: Option<Vec<Rule>>,
    pub match_conditions: Option<Vec<Condition>>,
    pub match_policy: String,
    pub failure_policy: String,
    pub reinvocation_policy: String,
    pub side_effects: String,
    pub timeout_seconds: u32,
}

/// Where it is called, and whom it trusts there.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct ClientConfig {
    pub service: Option<ServiceReference>,
    pub url: Option<String>,
    pub ca_bundle: Option<String>,
}

/// A Service that is called.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct ServiceReference {
    pub namespace: String,
    pub name: String,
    pub path: Option<String>,
    pub port: Option<u16>,
}

/// Which requests an entry is called for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    resources: Vec<String>,
    operations: Vec<String>,
    scope: Option<String>,
}

/// A CEL expression that an object must meet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Condition {
    pub name: String,
    pub expression: String,
}

/// What a caBundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bundle {
    /// Nothing: the API server takes the authorities of its own machine.
    Empty,
    /// No certificates.
    Unreadable(String),
    /// This many certificates, of which the last ends then.
    Certificates(usize, OffsetDateTime),
}

impl Configuration {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Its entries that are Sidebox's.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        let all = self.webhooks.iter().flatten();
        all.filter(|entry| entry.name.ends_with(DOMAIN))
    }

    /// Whether it has any.
    pub fn is_ours(&self) -> bool {
        self.entries().next().is_some()
    }
}

impl Entry {
    /// The path that is called.
    pub fn path(&self) -> &str {
        if let Some(service) = &self.client_config.service {
            return service.path.as_deref().unwrap_or("/");
        }
        let url = self.client_config.url.as_deref().unwrap_or_default();
        let place = url.split_once("://").map_or(url, |(_, place)| place);
        place.find('/').map_or("/", |at| &place[at..])
    }

    /// Whether it is called when Pods are created.
    pub fn sends_pod_creation(&self) -> bool {
        self.rules.iter().flatten().any(Rule::takes_pod_creation)
    }

    /// The rules in words.
    pub fn rules_text(&self) -> String {
        let rules = self.rules.iter().flatten().map(|rule| {
            let (operations, resources) = (rule.operations.join("+"), rule.resources.join("+"));
            format!("{operations} of {resources}")
        });
        rules.collect::<Vec<_>>().join(", ")
    }
}

impl Rule {
    fn takes_pod_creation(&self) -> bool {
        let has = |all: &[String], wanted: &str| all.iter().any(|one| one == wanted || one == "*");
        has(&self.api_groups, "")
            && has(&self.api_versions, "v1")
            && (has(&self.resources, "pods") || self.resources.iter().any(|one| one == "*/*"))
            && has(&self.operations, "CREATE")
            && self.scope.as_deref() != Some("Cluster")
    }
}

impl ServiceReference {
    /// The port; the API's default is 443.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(443)
    }

    /// The name that its certificate must have.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// `namespace/name`
    pub fn label(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl ClientConfig {
    /// The caBundle as PEM; none where there is none or it is no base64.
    pub fn pem(&self) -> Option<Vec<u8>> {
        let text = self.ca_bundle.as_deref().filter(|text| !text.is_empty())?;
        STANDARD.decode(text).ok()
    }

    /// What the caBundle holds.
    pub fn bundle(&self) -> Bundle {
        if self.ca_bundle.as_deref().unwrap_or_default().is_empty() {
            return Bundle::Empty;
        }
        let Some(pem) = self.pem() else {
            return Bundle::Unreadable("it is no base64".into());
        };
        let mut ends = Vec::new();
        for block in Pem::iter_from_buffer(&pem) {
            let Ok(block) = block else {
                return Bundle::Unreadable("a block of PEM is broken".into());
            };
            match block.parse_x509() {
                Ok(cert) => ends.push(cert.validity().not_after.to_datetime()),
                Err(error) => return Bundle::Unreadable(error.to_string()),
            }
        }
        match ends.iter().max() {
            Some(last) => Bundle::Certificates(ends.len(), *last),
            None => Bundle::Unreadable("it holds no certificate".into()),
        }
    }
}
