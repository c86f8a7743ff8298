//! Of a container: name, image, commands, .NET's variables, mounts, security, resources, hooks.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::object::only_objects;
use super::spec::{Resources, SecurityContext};
use super::text::{Presence, Text};
use crate::inject::command::Command;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(remote = "Self")]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
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
    #[serde(borrow)]
    pub volume_devices: Option<Vec<Device<'a>>>,
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
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Lifecycle {
    pub post_start: Option<Handler>,
    pub pre_stop: Option<Handler>,
}

/// A mount of a container.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
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

/// A raw block device of a container: the API allows no mount on the same path.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Device<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub device_path: Option<Text<'a>>,
}

/// A variable that a rule reads.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
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
    DOTNET_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix))
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
        env.0
            .iter()
            .rev()
            .find(|variable| variable.name.as_deref() == Some(name))
    }
}

only_objects!(Container<'a>);
