//! Which settings are there? The one table: reader, default file, reference page and hash all come
//! from it. A new setting is a row here and a field of [`Settings`].

use super::Settings;
use super::container::{ARGUMENTS, COMMAND, ENVIRONMENT, FOLDER, MOUNTS};
use super::error::Problem;
use super::kinds::{
    BOOLEAN, BYTES, CORES, DATA_KIND, IMAGE, INJECTION, LABEL, LABELS, PATTERNS, SUBDOMAIN,
    SUBDOMAINS, Shown, TMP_MEDIUM, UID, USER, VERSION,
};
use super::labels::LABEL_MAP;
use super::place::Place;
use super::volumes::VOLUMES;
use sha2::{Digest, Sha256};

/// One setting.
pub(super) struct Field {
    /// The path of the struct's field; the key is the same in camel case.
    member: &'static str,
    /// The kind of value, for people.
    pub(super) kind: &'static str,
    /// One or two sentences.
    pub(super) doc: &'static str,
    /// A YAML value for the default file where the default is nothing.
    pub(super) example: &'static str,
    /// Reads the value into the settings.
    pub(super) read: fn(&mut Settings, &Place<'_>) -> Result<(), Problem>,
    /// Writes the effective value.
    pub(super) show: fn(&Settings) -> Shown,
}

impl Field {
    /// The full key, such as `toolbox.limits.ephemeralStorage`.
    pub(super) fn key(&self) -> String {
        let mut key = String::new();
        let mut upper = false;
        for letter in self.member.chars().filter(|letter| !letter.is_whitespace()) {
            if letter != '_' {
                key.push(if upper {
                    letter.to_ascii_uppercase()
                } else {
                    letter
                });
            }
            upper = letter == '_';
        }
        key
    }
}

/// The first 12 hexadecimal digits of the SHA-256 of the effective settings.
pub(super) fn fingerprint(settings: &Settings) -> String {
    let mut hash = Sha256::new();
    for field in FIELDS {
        hash.update(format!("{}={:?}\n", field.key(), (field.show)(settings)));
    }
    let digest = hash.finalize();
    let digits = digest.iter().take(6).map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

macro_rules! field {
    ($($member:ident).+, $kind:expr, $doc:literal $(, example $example:literal)?) => {
        Field {
            member: stringify!($($member).+),
            kind: $kind.name,
            doc: $doc,
            example: concat!("" $(, $example)?),
            read: |settings, at| {
                settings.$($member).+ = ($kind.read)(at)?;
                Ok(())
            },
            show: |settings| ($kind.show)(&settings.$($member).+),
        }
    };
}

/// What the sections are about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    (
        "automatic",
        "How far automatic injection goes; who asks by annotation is not concerned.",
    ),
    ("toolbox", "The injected container."),
    (
        "toolbox.requests",
        "What the toolbox asks of the node. Idle, it needs next to nothing; a large request would \
         make autoscalers take the application for idle.",
    ),
    ("toolbox.limits", "What the toolbox may use."),
    (
        "toolbox.ceilings",
        "The most that limits, above and in annotations, may allow.",
    ),
    (
        "toolbox.container",
        "A partial container that is merged over the toolbox. It may mount only \
         `toolbox.volumes`, and never over /tmp, /data, /run/sidebox, /proc, /sys or /dev.",
    ),
    ("data", "Where results go: /data of the toolbox."),
];

/// All settings, in the order of the default file.
pub(super) const FIELDS: &[Field] = &[
    field!(
        injection,
        INJECTION,
        "Who is injected when neither the Pod nor its namespace says anything: `annotated` nobody, \
         `dotnet` Pods that show .NET, `all` every Pod."
    ),
    field!(
        strict,
        BOOLEAN,
        "Deny a Pod that asks by annotation and is refused, instead of admitting it without a \
         toolbox. This lets diagnostics stop applications; most clusters leave it off."
    ),
    field!(
        excluded_namespaces,
        LABELS,
        "Namespaces whose Pods are never injected; who asks there gets a warning.",
        example "[build, legacy]"
    ),
    field!(
        own_namespace,
        LABEL,
        "The namespace Sidebox runs in; its Pods are never injected."
    ),
    field!(
        kubernetes_version,
        VERSION,
        "The cluster's version, for where the cluster cannot be asked, such as files."
    ),
    field!(
        runtime_classes,
        SUBDOMAINS,
        "Runtime classes whose Pods may be injected. Pods of any other class are refused, since \
         sandboxes may not share what the toolbox needs.",
        example "[runc]"
    ),
    field!(
        image_pull_secrets,
        SUBDOMAINS,
        "Secrets for pulling the toolbox's image, appended to those of an injected Pod. They must \
         exist in its namespace.",
        example "[registry-credentials]"
    ),
    field!(
        dotnet_images,
        PATTERNS,
        "Images that show .NET, beside variables and commands."
    ),
    field!(
        needs_pid1_images,
        PATTERNS,
        "Images whose first process must be process 1, such as those on s6-overlay or systemd. \
         They never share their processes with the toolbox."
    ),
    field!(
        proxy_containers,
        LABELS,
        "Names of containers that are proxies or agents and never taken for the application."
    ),
    field!(
        tmp_medium,
        TMP_MEDIUM,
        "The medium of the shared /tmp: the node's disk, or memory, which counts against the \
         memory limits of the containers that write."
    ),
    field!(
        watch_missed,
        BOOLEAN,
        "In a cluster, watch Pods for those that ask by annotation and that no review has reached, such \
         as those created while the webhook was away: a metric and an Event. Nothing is changed."
    ),
    field!(
        automatic.jobs,
        BOOLEAN,
        "Inject also Pods that end, such as those of Jobs."
    ),
    field!(
        automatic.quota,
        BOOLEAN,
        "Inject also in namespaces with a ResourceQuota on cpu or memory."
    ),
    field!(
        toolbox.image,
        IMAGE,
        "The image. Prefer a tag that never moves, or a digest."
    ),
    field!(
        toolbox.allowed_images,
        PATTERNS,
        "Images that the annotation `sidebox.dev/image` may choose."
    ),
    field!(
        toolbox.self_starting_images,
        PATTERNS,
        "Images that wait by themselves. Any other one gets a shell loop as its command, unless \
         `toolbox.container.command` is set."
    ),
    field!(
        toolbox.user,
        USER,
        "The user where no annotation names one: `auto` follows the target and the namespace's \
         rules, `unset` leaves it to the platform (OpenShift)."
    ),
    field!(
        toolbox.probes,
        BOOLEAN,
        "Give the toolbox trivial probes, which some platforms demand (AKS Automatic)."
    ),
    field!(
        toolbox.volumes,
        VOLUMES,
        "Volumes that `toolbox.container` may mount: emptyDir, configMap, secret, downwardAPI or projected, as in a \
         Pod. Secrets and ConfigMaps must be `optional: true`, so that a missing one never keeps \
         an application from starting.",
        example "[{name: symbols, configMap: {name: symbols, optional: true}}]"
    ),
    field!(toolbox.requests.cpu, CORES, "Cores."),
    field!(toolbox.requests.memory, BYTES, "Memory."),
    field!(
        toolbox.requests.ephemeral_storage,
        BYTES,
        "Disk of the node; set only where a container of the Pod has an ephemeral-storage limit."
    ),
    field!(toolbox.limits.cpu, CORES, "Cores."),
    field!(toolbox.limits.memory, BYTES, "Memory."),
    field!(
        toolbox.limits.ephemeral_storage,
        BYTES,
        "Disk of the node, as above."
    ),
    field!(toolbox.ceilings.cpu, CORES, "Cores."),
    field!(toolbox.ceilings.memory, BYTES, "Memory."),
    field!(
        toolbox.container.command,
        COMMAND,
        "Replaces the command. It must wait, and end at once on SIGTERM.",
        example "[/bin/bash, -c, \"trap 'exit 0' TERM; while :; do sleep 60 & wait; done\"]"
    ),
    field!(toolbox.container.args, ARGUMENTS, "Replaces the arguments.", example "[--verbose]"),
    field!(
        toolbox.container.working_dir,
        FOLDER,
        "Replaces the working directory.",
        example "/tmp"
    ),
    field!(
        toolbox.container.env,
        ENVIRONMENT,
        "Added to the environment. POD_NAME, POD_NAMESPACE, TMPDIR, DOTNET_EnableDiagnostics and \
         SIDEBOX_* are Sidebox's own; values may refer to them as $(POD_NAME).",
        example "[{name: LANG, value: C.UTF-8}]"
    ),
    field!(
        toolbox.container.volume_mounts,
        MOUNTS,
        "Added to the mounts.",
        example "[{name: symbols, mountPath: /symbols, readOnly: true}]"
    ),
    field!(
        data.kind,
        DATA_KIND,
        "What /data is where no annotation says: a PersistentVolumeClaim, a folder that ends with \
         the Pod, or nothing."
    ),
    field!(
        data.claim,
        SUBDOMAIN,
        "The PersistentVolumeClaim, looked for in the Pod's namespace."
    ),
    field!(
        data.uid,
        UID,
        "The user that the claim's files belong to; `none` if every user can write. A toolbox of \
         another user gets a finding."
    ),
    field!(
        data.create,
        BOOLEAN,
        "In a cluster, make the claim in a namespace that lacks it, once a Pod there is injected: \
         ReadWriteMany, of the class, size and labels below. Pods that ask wait for it, others get it the next \
         time. Claims are never changed and never deleted."
    ),
    field!(
        data.storage_class,
        SUBDOMAIN,
        "The StorageClass of claims that are made; it must be able to give ReadWriteMany volumes."
    ),
    field!(data.size, BYTES, "How much a claim that is made asks for."),
    field!(
        data.labels,
        LABEL_MAP,
        "Labels of claims that are made, beside `app.kubernetes.io/managed-by: sidebox`.",
        example "{team: payments}"
    ),
];
