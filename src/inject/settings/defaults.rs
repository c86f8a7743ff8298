//! What holds where the settings file says nothing?

use super::{
    Automatic, Ceilings, Data, DataKind, Injection, PartialContainer, ResourceList, Settings,
    TmpMedium, Toolbox, UserDefault, fields,
};
use crate::inject::image::{ImagePattern, ImageRef};
use crate::inject::quantity::{Amount, Quantity};
use std::collections::BTreeMap;

/// The images that are released with Sidebox.
const TOOLBOXES: [&str; 2] = [
    "ghcr.io/sidebox-dev/toolbox",
    "ghcr.io/sidebox-dev/toolbox-dotnet",
];
const DOTNET: [&str; 1] = ["mcr.microsoft.com/dotnet/"];
/// Images built on s6-overlay or systemd, which end at once when they are not process 1.
const NEEDS_PID1: [&str; 4] = [
    "*/linuxserver/",
    "*/*/s6-overlay*",
    "registry.access.redhat.com/*/ubi-init",
    "registry.access.redhat.com/ubi*-init",
];
/// Containers that other products inject or that stand before an application.
const PROXIES: [&str; 18] = [
    "istio-proxy",
    "linkerd-proxy",
    "daprd",
    "envoy",
    "envoy-sidecar",
    "consul-dataplane",
    "kuma-sidecar",
    "queue-proxy",
    "vault-agent",
    "cloud-sql-proxy",
    "cloudsql-proxy",
    "azwi-proxy",
    "oauth2-proxy",
    "kube-rbac-proxy",
    "traffic-agent",
    "otc-container",
    "datadog-agent-injected",
    "fluent-bit",
];

impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self {
            injection: Injection::Annotated,
            excluded_namespaces: Vec::new(),
            own_namespace: "sidebox".into(),
            toolbox: Toolbox::default(),
            data: Data {
                kind: DataKind::Claim,
                claim: "monitor-azfiles".into(),
                uid: Some(1654),
                create: false,
                storage_class: "monitor-azfiles".into(),
                size: Quantity::from_value(Amount::mebi(5 << 10)),
                labels: BTreeMap::new(),
            },
            image_pull_secrets: Vec::new(),
            runtime_classes: Vec::new(),
            dotnet_images: patterns(&DOTNET),
            proxy_containers: PROXIES.map(Into::into).into(),
            needs_pid1_images: patterns(&NEEDS_PID1),
            automatic: Automatic {
                jobs: false,
                quota: false,
            },
            watch_missed: true,
            tmp_medium: TmpMedium::Node,
            kubernetes_version: (1, 30),
            strict: false,
            hash: String::new(),
        };
        settings.hash = fields::fingerprint(&settings);
        settings
    }
}

impl Default for Toolbox {
    fn default() -> Self {
        let quantity = Quantity::from_value;
        Self {
            image: ImageRef::released_toolbox(),
            allowed_images: patterns(&TOOLBOXES),
            self_starting_images: patterns(&TOOLBOXES),
            requests: ResourceList {
                cpu: quantity(Amount::milli(5)),
                memory: quantity(Amount::mebi(32)),
                ephemeral_storage: quantity(Amount::mebi(50)),
            },
            limits: ResourceList {
                cpu: quantity(Amount::milli(500)),
                memory: quantity(Amount::mebi(256)),
                ephemeral_storage: quantity(Amount::mebi(2048)),
            },
            ceilings: Ceilings {
                cpu: quantity(Amount::whole(2)),
                memory: quantity(Amount::mebi(4096)),
            },
            user: UserDefault::Auto,
            probes: false,
            container: PartialContainer::default(),
            volumes: Vec::new(),
        }
    }
}

fn patterns(texts: &[&str]) -> Vec<ImagePattern> {
    texts.iter().map(|text| ImagePattern::split(text)).collect()
}
