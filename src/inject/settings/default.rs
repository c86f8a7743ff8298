//! The settings of an empty file.

use sha2::{Digest, Sha256};

use super::{
    Automatic, Ceilings, Data, Injection, PartialContainer, ResourceList, Settings, TmpMedium,
    Toolbox, UserDefault,
};
use crate::inject::annotations::DataKind;
use crate::inject::image::{ImagePattern, ImageRef};
use crate::inject::quantity::Quantity;
use crate::inject::user::APP_UID;

/// Where Sidebox publishes its images.
pub const REGISTRY: &str = "ghcr.io/sidebox-dev";

impl Default for Settings {
    fn default() -> Self {
        let settings = Self {
            injection: Injection::Annotated,
            excluded_namespaces: Vec::new(),
            own_namespace: "sidebox".to_owned(),
            toolbox: Toolbox::default(),
            data: Data {
                kind: DataKind::Claim,
                claim: "monitor-azfiles".to_owned(),
                uid: Some(APP_UID),
            },
            image_pull_secrets: Vec::new(),
            runtime_classes: Vec::new(),
            dotnet_images: patterns(&["mcr.microsoft.com/dotnet"]),
            proxy_containers: strings(&[
                "istio-proxy",
                "linkerd-proxy",
                "daprd",
                "envoy",
                "envoy-sidecar",
                "cloud-sql-proxy",
                "vault-agent",
                "oauth2-proxy",
                "kuma-sidecar",
                "consul-dataplane",
            ]),
            needs_pid1_images: patterns(&["*s6-overlay*", "linuxserver", "lscr.io/linuxserver"]),
            automatic: Automatic {
                jobs: false,
                quota: false,
            },
            tmp_medium: TmpMedium::Node,
            kubernetes_version: (1, 30),
            strict: false,
            hash: String::new(),
        };
        settings.hashed()
    }
}

impl Settings {
    /// Fills in the hash.
    pub(super) fn hashed(mut self) -> Self {
        // Plain data with string keys always serialises; a failure would only blur the hash.
        let text = serde_json::to_vec(&self).unwrap_or_default();
        let digest = Sha256::digest(&text);
        self.hash = digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self
    }
}

impl Default for Toolbox {
    fn default() -> Self {
        let list = |cpu, memory, storage| ResourceList {
            cpu: quantity(cpu),
            memory: quantity(memory),
            ephemeral_storage: quantity(storage),
        };
        let own = [
            format!("{REGISTRY}/toolbox"),
            format!("{REGISTRY}/toolbox-dotnet"),
        ];
        Self {
            image: image(&format!("{REGISTRY}/toolbox:{}", env!("CARGO_PKG_VERSION"))),
            allowed_images: patterns(&own),
            self_starting_images: patterns(&own),
            requests: list("5m", "32Mi", "50Mi"),
            limits: list("500m", "256Mi", "2Gi"),
            ceilings: Ceilings {
                cpu: quantity("2"),
                memory: quantity("4Gi"),
            },
            user: UserDefault::Auto,
            probes: false,
            container: PartialContainer::default(),
            volumes: Vec::new(),
        }
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[expect(
    clippy::expect_used,
    reason = "constants of this file, read by every test"
)]
fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).expect("a default quantity is a quantity")
}

#[expect(
    clippy::expect_used,
    reason = "constants of this file, read by every test"
)]
fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).expect("a default image is an image")
}

fn patterns<T: AsRef<str>>(texts: &[T]) -> Vec<ImagePattern> {
    texts
        .iter()
        .filter_map(|text| ImagePattern::parse(text.as_ref()).ok())
        .collect()
}
