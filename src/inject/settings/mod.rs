//! What did the cluster's administrator settle? The effective settings, as plain values.
//!
//! The YAML file that carries them is read in the modules below: `tree` reads YAML, `fields` is the
//! one table of keys, `kinds` their values, `load` ties them, `document` writes the file and the
//! reference page from the same table. Knows nothing of Pods.

use crate::inject::image::{ImagePattern, ImageRef};
use crate::inject::quantity::Quantity;
use std::collections::BTreeMap;

mod check;
mod container;
mod defaults;
mod document;
mod error;
mod fields;
mod kinds;
mod labels;
mod load;
mod place;
mod self_check;
mod tree;
mod volumes;

pub use document::{default_file, reference_page};
pub use error::{Problem, SettingsError};
pub use labels::MANAGED_BY;

/// Everything a settings file can say, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who is injected without an annotation or namespace label.
    pub injection: Injection,
    /// Namespaces whose Pods are never injected.
    pub excluded_namespaces: Vec<String>,
    /// The namespace Sidebox itself runs in.
    pub own_namespace: String,
    /// The injected container.
    pub toolbox: Toolbox,
    /// Where results go.
    pub data: Data,
    /// Names of pull secrets that an injected Pod gets.
    pub image_pull_secrets: Vec<String>,
    /// Runtime classes whose Pods may be injected.
    pub runtime_classes: Vec<String>,
    /// Images that show .NET.
    pub dotnet_images: Vec<ImagePattern>,
    /// Names of containers that are proxies or agents, never the application.
    pub proxy_containers: Vec<String>,
    /// Images whose first process must be process 1.
    pub needs_pid1_images: Vec<ImagePattern>,
    /// What automatic injection may do beyond ordinary applications.
    pub automatic: Automatic,
    /// Whether Pods are watched for those that asked and that no review has reached.
    pub watch_missed: bool,
    /// The medium of the shared temporary folder.
    pub tmp_medium: TmpMedium,
    /// The cluster's version where it cannot be asked: major, minor.
    pub kubernetes_version: (u32, u32),
    /// Whether a refused explicit Pod is denied instead of admitted without a toolbox.
    pub strict: bool,
    /// The first 12 hexadecimal digits of the SHA-256 of the effective settings.
    pub hash: String,
}

impl Settings {
    /// Whether a namespace is left alone, whoever asks.
    pub fn is_system(&self, namespace: &str) -> bool {
        namespace == "kube-system" || namespace == self.own_namespace
    }

    /// Whether an administrator excluded a namespace.
    pub fn excludes(&self, namespace: &str) -> bool {
        self.excluded_namespaces
            .iter()
            .any(|name| name == namespace)
    }
}

/// Who is injected without an annotation or namespace label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Injection {
    /// Nobody.
    Annotated,
    /// Pods that show .NET.
    Dotnet,
    /// Every Pod.
    All,
}

/// The injected container.
#[derive(Debug, Clone)]
pub struct Toolbox {
    /// The image of the toolbox.
    pub image: ImageRef,
    /// Images that an annotation may choose.
    pub allowed_images: Vec<ImagePattern>,
    /// Images that wait by themselves and need no command.
    pub self_starting_images: Vec<ImagePattern>,
    /// What the toolbox asks of the node.
    pub requests: ResourceList,
    /// What the toolbox may use.
    pub limits: ResourceList,
    /// The largest values that requests, limits and annotations may name.
    pub ceilings: Ceilings,
    /// The user of the toolbox where no annotation names one.
    pub user: UserDefault,
    /// Whether the toolbox gets trivial probes.
    pub probes: bool,
    /// What is merged over the toolbox.
    pub container: PartialContainer,
    /// Volumes that the partial container may mount.
    pub volumes: Vec<SettingsVolume>,
}

/// Compute resources of the toolbox.
#[derive(Debug, Clone)]
pub struct ResourceList {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes of memory.
    pub memory: Quantity,
    /// Bytes on the node's disk, set where a container of the Pod has such a limit.
    pub ephemeral_storage: Quantity,
}

/// Upper bounds of the toolbox's resources.
#[derive(Debug, Clone)]
pub struct Ceilings {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes of memory.
    pub memory: Quantity,
}

/// The user of the toolbox where no annotation names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDefault {
    /// Follow the target, the Pod, then the namespace's rules.
    Auto,
    /// This uid, 1 to 2147483647.
    Uid(i64),
    /// Root with few capabilities.
    Root,
    /// Leave user and capabilities to the platform.
    Unset,
}

/// Where results go.
#[derive(Debug, Clone)]
pub struct Data {
    /// What `/data` is.
    pub kind: DataKind,
    /// The PersistentVolumeClaim of the Pod's namespace.
    pub claim: String,
    /// The uid that the claim's files belong to; `None` if every uid can write.
    pub uid: Option<i64>,
    /// Whether the claim is made in namespaces that lack it.
    pub create: bool,
    /// The StorageClass of claims that are made.
    pub storage_class: String,
    /// Bytes of claims that are made.
    pub size: Quantity,
    /// Labels of claims that are made.
    pub labels: BTreeMap<String, String>,
}

/// What `/data` of the toolbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// A PersistentVolumeClaim.
    Claim,
    /// A folder that ends with the Pod.
    EmptyDir,
    /// Nothing is mounted.
    None,
}

/// What automatic injection may do beyond ordinary applications.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Automatic {
    /// Also Pods that end, such as those of Jobs.
    pub jobs: bool,
    /// Also in namespaces with a quota on cpu or memory.
    pub quota: bool,
}

/// The medium of the shared temporary folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TmpMedium {
    /// The node's disk.
    Node,
    /// Memory, which counts against the containers' limits.
    Memory,
}

/// What is merged over the toolbox.
#[derive(Debug, Clone, Default)]
pub struct PartialContainer {
    /// Replaces the command.
    pub command: Option<Vec<String>>,
    /// Replaces the arguments.
    pub args: Option<Vec<String>>,
    /// Replaces the working directory.
    pub working_dir: Option<String>,
    /// Added to the environment.
    pub env: Vec<EnvVar>,
    /// Added to the mounts; only volumes of [`Toolbox::volumes`].
    pub volume_mounts: Vec<VolumeMount>,
}

/// A variable of the toolbox's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Its value; `$(NAME)` is left to the kubelet.
    pub value: String,
}

/// A mount of the toolbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name.
    pub name: String,
    /// An absolute path.
    pub mount_path: String,
    /// Whether writing is refused.
    pub read_only: bool,
    /// A path inside the volume.
    pub sub_path: Option<String>,
}

/// A volume that the settings add to an injected Pod.
#[derive(Debug, Clone)]
pub struct SettingsVolume {
    /// Its name.
    pub name: String,
    /// The whole volume as JSON, name included: one element of `spec.volumes`.
    pub json: Box<serde_json::value::RawValue>,
}
