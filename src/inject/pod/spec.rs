//! Of a Pod's spec: everything but the containers.

use super::container::Container;
use super::object::only_objects;
use super::text::{Presence, QuantityText, Text};

#[derive(Debug, Default, serde::Deserialize)]
#[serde(remote = "Self")]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Spec<'a> {
    #[serde(borrow)]
    pub containers: Presence<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub init_containers: Presence<Vec<Container<'a>>>,
    #[serde(borrow)]
    pub volumes: Presence<Vec<Volume<'a>>>,
    #[serde(borrow)]
    pub image_pull_secrets: Presence<Vec<Named<'a>>>,
    pub share_process_namespace: Presence<bool>,
    #[serde(rename = "hostPID")]
    pub host_pid: Option<bool>,
    pub host_network: Option<bool>,
    pub host_users: Option<bool>,
    #[serde(borrow)]
    pub restart_policy: Option<Text<'a>>,
    #[serde(borrow)]
    pub runtime_class_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub priority_class_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub os: Option<Named<'a>>,
    #[serde(borrow)]
    pub node_selector: Option<NodeSelector<'a>>,
    #[serde(borrow)]
    pub affinity: Option<Affinity<'a>>,
    #[serde(borrow)]
    pub tolerations: Option<Vec<Toleration<'a>>>,
    pub security_context: Option<SecurityContext>,
    #[serde(borrow)]
    pub resources: Option<Resources<'a>>,
}

/// Something with a name, of which nothing else matters.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Named<'a> {
    /// Its name.
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
}

/// The node labels that rules read.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct NodeSelector<'a> {
    /// `kubernetes.io/os`.
    #[serde(borrow, rename = "kubernetes.io/os")]
    pub os: Option<Text<'a>>,
    /// `beta.kubernetes.io/os`, which nodes still carry.
    #[serde(borrow, rename = "beta.kubernetes.io/os")]
    pub beta_os: Option<Text<'a>>,
    /// `type`, which virtual nodes carry.
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
}

/// Of an affinity, the nodes that the Pod must have.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Affinity<'a> {
    #[serde(borrow)]
    node_affinity: Option<NodeAffinity<'a>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeAffinity<'a> {
    #[serde(borrow)]
    required_during_scheduling_ignored_during_execution: Option<NodeTerms<'a>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeTerms<'a> {
    #[serde(borrow)]
    node_selector_terms: Option<Vec<NodeTerm<'a>>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeTerm<'a> {
    #[serde(borrow)]
    match_expressions: Option<Vec<NodeExpression<'a>>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct NodeExpression<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    operator: Option<Text<'a>>,
    #[serde(borrow)]
    values: Option<Vec<Text<'a>>>,
}

impl Affinity<'_> {
    /// Whether a term names nodes of this operating system.
    pub fn wants_os(&self, os: &str) -> bool {
        let required = self.node_affinity.as_ref().and_then(|a| {
            a.required_during_scheduling_ignored_during_execution
                .as_ref()
        });
        let terms = required.and_then(|required| required.node_selector_terms.as_deref());
        let expressions = terms.unwrap_or(&[]).iter();
        expressions
            .filter_map(|term| term.match_expressions.as_deref())
            .flatten()
            .any(|expression| expression.wants_os(os))
    }
}

impl NodeExpression<'_> {
    fn wants_os(&self, os: &str) -> bool {
        let key = self.key.as_deref().unwrap_or("");
        let values = self.values.as_deref().unwrap_or(&[]);
        matches!(key, "kubernetes.io/os" | "beta.kubernetes.io/os")
            && self.operator.as_deref() == Some("In")
            && values.iter().any(|value| &**value == os)
    }
}

/// A toleration, by its key.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Toleration<'a> {
    /// The taint's key.
    #[serde(borrow, default)]
    pub key: Option<Text<'a>>,
}

/// Security context of a Pod or of a container: the members that rules read.
#[derive(Debug, Default, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct SecurityContext {
    pub run_as_user: Option<i64>,
    pub run_as_non_root: Option<bool>,
    pub run_as_group: Option<i64>,
    pub privileged: Option<bool>,
    pub read_only_root_filesystem: Option<bool>,
    pub capabilities: Option<Capabilities>,
    pub windows_options: Option<serde::de::IgnoredAny>,
}

/// Linux capabilities, as the API names them (without `CAP_`).
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Capabilities {
    pub add: Option<Vec<String>>,
    pub drop: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Resources<'a> {
    #[serde(borrow)]
    pub requests: Option<ResourceTexts<'a>>,
    #[serde(borrow)]
    pub limits: Option<ResourceTexts<'a>>,
}

/// The three resources that matter to a toolbox, as written.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct ResourceTexts<'a> {
    #[serde(borrow)]
    pub cpu: Option<QuantityText<'a>>,
    #[serde(borrow)]
    pub memory: Option<QuantityText<'a>>,
    #[serde(borrow)]
    pub ephemeral_storage: Option<QuantityText<'a>>,
}

/// A volume: its name, whether it is an emptyDir or a claim, and whether it is one of those that nobody
/// can write to.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Volume<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    pub empty_dir: Option<serde::de::IgnoredAny>,
    pub config_map: Option<serde::de::IgnoredAny>,
    pub secret: Option<serde::de::IgnoredAny>,
    pub projected: Option<serde::de::IgnoredAny>,
    #[serde(rename = "downwardAPI")]
    pub downward_api: Option<serde::de::IgnoredAny>,
    #[serde(borrow)]
    pub persistent_volume_claim: Option<ClaimSource<'a>>,
}

/// A claim as a volume.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct ClaimSource<'a> {
    #[serde(borrow)]
    pub claim_name: Option<Text<'a>>,
    pub read_only: Option<bool>,
}

impl Volume<'_> {
    /// Whether the kubelet mounts it for reading alone, whatever the mount says.
    pub const fn is_read_only(&self) -> bool {
        self.config_map.is_some()
            || self.secret.is_some()
            || self.projected.is_some()
            || self.downward_api.is_some()
    }
}

only_objects!(Spec<'a>);
