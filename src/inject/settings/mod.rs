//! The cluster's settings: plain data, with defaults that are safe.
//!
//! Read from one YAML file by `file`; every value is checked before use. What a field means stands
//! in one table, `table`, from which the default file and `docs/settings.md` come.

mod default;

use serde::Serialize;
use serde_json::value::RawValue;

use super::annotations::DataKind;
use super::image::{ImagePattern, ImageRef};
use super::quantity::Quantity;
pub use default::REGISTRY;

/// Everything that an administrator can set.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the table of settings says what each field means"
)]
pub struct Settings {
    pub injection: Injection,
    pub excluded_namespaces: Vec<String>,
    pub own_namespace: String,
    pub toolbox: Toolbox,
    pub data: Data,
    pub image_pull_secrets: Vec<String>,
    pub runtime_classes: Vec<String>,
    pub dotnet_images: Vec<ImagePattern>,
    pub proxy_containers: Vec<String>,
    pub needs_pid1_images: Vec<ImagePattern>,
    pub automatic: Automatic,
    pub tmp_medium: TmpMedium,
    /// Major and minor.
    pub kubernetes_version: (u32, u32),
    pub strict: bool,
    /// First 12 hex digits of the SHA-256 of the effective settings: comments, order and layout of
    /// the file do not count.
    #[serde(skip)]
    pub hash: String,
}

/// Who is injected when neither the Pod nor its namespace says anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Injection {
    /// Nobody.
    Annotated,
    /// Pods that show .NET.
    Dotnet,
    /// Every Pod.
    All,
}

/// The toolbox container.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the table of settings says what each field means"
)]
pub struct Toolbox {
    pub image: ImageRef,
    pub allowed_images: Vec<ImagePattern>,
    pub self_starting_images: Vec<ImagePattern>,
    pub requests: ResourceList,
    pub limits: ResourceList,
    pub ceilings: Ceilings,
    pub user: UserDefault,
    pub probes: bool,
    pub container: PartialContainer,
    pub volumes: Vec<SettingsVolume>,
}

/// Quantities of the three resources that a toolbox states.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "fields are resources, under their Kubernetes names"
)]
pub struct ResourceList {
    pub cpu: Quantity,
    pub memory: Quantity,
    pub ephemeral_storage: Quantity,
}

/// The largest quantities that annotations may ask for.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "fields are resources, under their Kubernetes names"
)]
pub struct Ceilings {
    pub cpu: Quantity,
    pub memory: Quantity,
}

/// The toolbox's user where neither annotation nor Pod names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserDefault {
    /// 1654 where root is not allowed, else root.
    Auto,
    /// This uid.
    Uid(i64),
    /// Root, where it is allowed.
    Root,
    /// Leave it to the platform.
    Unset,
}

/// Where `/data` comes from by default.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "the table of settings says what each field means"
)]
pub struct Data {
    pub kind: DataKind,
    pub claim: String,
    /// The uid that may write to the claim's root; none if everybody may.
    pub uid: Option<i64>,
}

/// What is merged over the toolbox container.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct PartialContainer {
    pub command: Option<Vec<String>>,
    pub args: Option<Vec<String>>,
    pub working_dir: Option<String>,
    pub env: Vec<EnvVar>,
    pub volume_mounts: Vec<VolumeMount>,
}

/// A variable with a literal value.
#[derive(Debug, Clone, Serialize)]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct EnvVar {
    pub name: String,
    pub value: String,
}

/// A mount of one of the settings' own volumes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct VolumeMount {
    pub name: String,
    pub mount_path: String,
    pub read_only: bool,
    pub sub_path: Option<String>,
}

/// A volume of the settings: its name, and the whole volume as ready JSON.
#[derive(Debug, Clone, Serialize)]
pub struct SettingsVolume {
    /// Its name.
    pub name: String,
    /// The volume as the API wants it.
    pub volume: Box<RawValue>,
}

/// What automatic injection may do beyond ordinary applications.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(
    missing_docs,
    reason = "the table of settings says what each field means"
)]
pub struct Automatic {
    pub jobs: bool,
    pub quota: bool,
}

/// Where the shared temporary folder lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TmpMedium {
    /// On the node's disk.
    Node,
    /// In memory, which counts against the containers' limits.
    Memory,
}
