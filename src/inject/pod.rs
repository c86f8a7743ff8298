//! The minimal, borrowed view of a Pod: only what a rule reads, nothing is written back.
//!
//! Unknown fields are skipped, so a newer API server never loses any. The view does not know what
//! is decided from it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::annotations::PREFIX;
use super::command::Command;

/// A text that borrows from the request wherever it holds no escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text<'a>(pub Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Accepts a string; with `NUMBERS`, a number too (quantities may be YAML numbers).
struct TextVisitor<const NUMBERS: bool>;

impl<'de, const NUMBERS: bool> Visitor<'de> for TextVisitor<NUMBERS> {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if NUMBERS { "a string or a number" } else { "a string" })
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(v)))
    }

    fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(v.to_owned())))
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Unsigned(v))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Signed(v))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Text<'de>, E> {
        number::<NUMBERS, E>(v, serde::de::Unexpected::Float(v))
    }
}

fn number<'de, const NUMBERS: bool, E: serde::de::Error>(
    value: impl fmt::Display,
    unexpected: serde::de::Unexpected<'_>,
) -> Result<Text<'de>, E> {
    if NUMBERS {
        Ok(Text(Cow::Owned(value.to_string())))
    } else {
        Err(E::invalid_type(unexpected, &TextVisitor::<false>))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor::<false>)
    }
}

/// The text of a quantity, written as a string or a number.
#[derive(Debug, Clone)]
pub struct QuantityText<'a>(pub Text<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for QuantityText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor::<true>).map(Self)
    }
}

/// A member that may be missing or null: both mean "not set" to the API, but `uninject` must tell
/// them apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence<T> {
    /// No such member.
    #[default]
    Missing,
    /// The member is there and null.
    Null,
    /// The member has a value.
    Value(T),
}

impl<T> Presence<T> {
    /// The value, if there is one.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Null => None,
        }
    }

    /// The same presence of something else.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Presence<U> {
        match self {
            Self::Missing => Presence::Missing,
            Self::Null => Presence::Null,
            Self::Value(value) => Presence::Value(f(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Presence<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// The elements of a list that may be missing or null.
pub fn elements<T>(list: &Presence<Vec<T>>) -> &[T] {
    list.get().map_or(&[], Vec::as_slice)
}

/// A Pod, or a Pod template: it has the same two members.
#[derive(Debug, Default, serde::Deserialize)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Pod<'a> {
    #[serde(borrow, default)]
    pub metadata: Presence<Metadata<'a>>,
    #[serde(borrow, default)]
    pub spec: Presence<Box<Spec<'a>>>,
}

impl<'a> Pod<'a> {
    /// The annotations, if there are any.
    pub fn annotations(&self) -> Option<&Annotations<'a>> {
        self.metadata.get()?.annotations.get()
    }

    /// The name, or the generateName of a Pod that a controller makes.
    pub fn name(&self) -> &str {
        let Some(metadata) = self.metadata.get() else { return "" };
        let named = metadata.name.as_ref().filter(|name| !name.is_empty());
        named.or(metadata.generate_name.as_ref()).map_or("", |name| name)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Metadata<'a> {
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub generate_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub annotations: Presence<Annotations<'a>>,
    #[serde(default)]
    pub labels: Presence<Labels>,
}

/// Set by the kubelet on the Pods that show static Pods of a node.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The container that `kubectl exec` and `kubectl logs` take when none is named.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Marks injected Pods, for selectors.
pub const INJECTED_LABEL: &str = "sidebox.dev/injected";
/// What Sidebox did to the Pod.
pub const STATUS: &str = "sidebox.dev/status";

/// Of the annotations: ours, the two that rules read, and the size of all.
#[derive(Debug, Default)]
pub struct Annotations<'a> {
    /// `sidebox.dev/` keys except the status, in the order written, with the text after the prefix.
    pub sidebox: Vec<(Text<'a>, Value<'a>)>,
    /// Sidebox's own status.
    pub status: Presence<Text<'a>>,
    /// The default container of kubectl.
    pub default_container: Presence<Text<'a>>,
    /// Whether the kubelet's mirror mark is there.
    pub mirror: bool,
    /// Bytes of all keys and values, as the API counts them towards its limit.
    pub bytes: usize,
}

/// An annotation's value. Files may hold a bare `true` or `1`, which the API server rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, as it must be.
    Text(Text<'a>),
    /// Null, which the API reads as an empty string.
    Null,
    /// Something else, with its text.
    NotAString(String),
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(Cow::Borrowed(v))))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(Cow::Owned(v.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'a> Value<'a> {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Null => 0,
            Self::NotAString(text) => text.len(),
        }
    }

    fn presence(self) -> Presence<Text<'a>> {
        match self {
            Self::Text(text) => Presence::Value(text),
            Self::Null => Presence::Null,
            Self::NotAString(text) => Presence::Value(Text(Cow::Owned(text))),
        }
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations<'de>, A::Error> {
        let mut found = Annotations::default();
        while let Some((key, value)) = map.next_entry::<Text<'de>, Value<'de>>()? {
            found.bytes += key.len() + value.bytes();
            found.keep(key, value);
        }
        Ok(found)
    }
}

impl<'a> Annotations<'a> {
    fn keep(&mut self, key: Text<'a>, value: Value<'a>) {
        match &*key {
            STATUS => self.status = value.presence(),
            DEFAULT_CONTAINER => self.default_container = value.presence(),
            MIRROR => self.mirror = true,
            other => {
                if let Some(name) = other.strip_prefix(PREFIX) {
                    let name = match &key.0 {
                        Cow::Borrowed(whole) => Cow::Borrowed(&whole[PREFIX.len()..]),
                        Cow::Owned(_) => Cow::Owned(name.to_owned()),
                    };
                    self.sidebox.push((Text(name), value));
                }
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

/// Of the labels only our own matters.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Labels {
    /// `sidebox.dev/injected`, whatever its value.
    #[serde(rename = "sidebox.dev/injected", default)]
    pub injected: Presence<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
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

/// The two node labels that rules read.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct NodeSelector<'a> {
    /// `kubernetes.io/os`.
    #[serde(borrow, rename = "kubernetes.io/os")]
    pub os: Option<Text<'a>>,
    /// `type`, which virtual nodes carry.
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
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
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct SecurityContext {
    pub run_as_user: Option<i64>,
    pub run_as_non_root: Option<bool>,
    pub privileged: Option<bool>,
    pub capabilities: Option<Capabilities>,
    pub windows_options: Option<serde::de::IgnoredAny>,
}

/// Linux capabilities, as the API names them (without `CAP_`).
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Capabilities {
    pub add: Option<Vec<String>>,
    pub drop: Option<Vec<String>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Resources<'a> {
    #[serde(borrow)]
    pub requests: Option<ResourceTexts<'a>>,
    #[serde(borrow)]
    pub limits: Option<ResourceTexts<'a>>,
}

/// The three resources that matter to a toolbox, as written.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "kebab-case", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct ResourceTexts<'a> {
    #[serde(borrow)]
    pub cpu: Option<QuantityText<'a>>,
    #[serde(borrow)]
    pub memory: Option<QuantityText<'a>>,
    #[serde(borrow)]
    pub ephemeral_storage: Option<QuantityText<'a>>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Container<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub image: Option<Text<'a>>,
    pub command: Option<Command>,
    pub args: Option<Command>,
    #[serde(borrow)]
    pub env: Presence<Env<'a>>,
    pub env_from: Option<Vec<serde::de::IgnoredAny>>,
    #[serde(borrow)]
    pub volume_mounts: Presence<Vec<Mount<'a>>>,
    pub security_context: Option<SecurityContext>,
    #[serde(borrow)]
    pub resources: Option<Resources<'a>>,
    #[serde(borrow)]
    pub restart_policy: Option<Text<'a>>,
    pub liveness_probe: Option<Handler>,
    pub readiness_probe: Option<Handler>,
    pub startup_probe: Option<Handler>,
    pub lifecycle: Option<Lifecycle>,
}

impl Container<'_> {
    /// The name; empty where the Pod gives none (the API server will reject it).
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("")
    }
}

/// A probe or hook, of which only what it executes matters.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Handler {
    /// The command it executes in the container.
    #[serde(default)]
    pub exec: Option<Exec>,
}

/// An exec action.
#[derive(Debug, Default, serde::Deserialize)]
pub struct Exec {
    /// Its command.
    #[serde(default)]
    pub command: Option<Command>,
}

/// A container's hooks.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Lifecycle {
    pub post_start: Option<Handler>,
    pub pre_stop: Option<Handler>,
}

/// A mount of a container.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Mount<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub mount_path: Option<Text<'a>>,
    #[serde(borrow)]
    pub sub_path: Option<Text<'a>>,
    #[serde(borrow)]
    pub sub_path_expr: Option<Text<'a>>,
    pub read_only: Option<bool>,
}

/// A volume: its name and whether it is an emptyDir.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Volume<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    pub empty_dir: Option<serde::de::IgnoredAny>,
}

/// A variable that a rule reads.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "fields are those of the Kubernetes API, under their names")]
pub struct Variable<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub value: Option<Text<'a>>,
    pub value_from: Option<serde::de::IgnoredAny>,
}

/// Of a container's variables, those that rules read: .NET's, and TMPDIR.
#[derive(Debug, Default)]
pub struct Env<'a>(pub Vec<Variable<'a>>);

/// Prefixes of the variables that the .NET runtime and ASP.NET Core read.
const DOTNET_PREFIXES: [&str; 4] = ["DOTNET_", "ASPNETCORE_", "COMPlus_", "CORECLR_"];
/// The folder for temporary files, and so of the diagnostics socket.
pub const TMPDIR: &str = "TMPDIR";

/// Whether a variable of this name shows that .NET runs here.
pub fn is_dotnet_variable(name: &str) -> bool {
    DOTNET_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

struct EnvVisitor;

impl<'de> Visitor<'de> for EnvVisitor {
    type Value = Env<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of variables")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Env<'de>, A::Error> {
        let mut kept = Vec::new();
        while let Some(variable) = seq.next_element::<Variable<'de>>()? {
            let name = variable.name.as_deref().unwrap_or("");
            if name == TMPDIR || is_dotnet_variable(name) {
                kept.push(variable);
            }
        }
        Ok(Env(kept))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Env<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EnvVisitor)
    }
}

impl<'a> Container<'a> {
    /// The variable of that name, among those that rules read. The last one counts, as for the
    /// kubelet.
    pub fn variable(&self, name: &str) -> Option<&Variable<'a>> {
        let env = self.env.get()?;
        env.0.iter().rev().find(|variable| variable.name.as_deref() == Some(name))
    }
}
