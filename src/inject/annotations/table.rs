//! The table of annotations: keys, values, defaults, documentation and readers.

use super::{Asks, Auto, CrashDumps, Mode, Placement, UserAsk};
use crate::inject::image::ImageRef;
use crate::inject::names::{is_dns_label, is_dns_subdomain, is_uid};
use crate::inject::pod::Text;
use crate::inject::quantity::{Amount, Quantity};
use crate::inject::settings::DataKind;

/// Where an annotation may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// On the Pod template alone.
    Pod,
    /// On the Pod template; on a Namespace as default for its Pods.
    PodAndNamespace,
}

/// One annotation: a row of the table.
pub struct Row {
    /// The key after [`PREFIX`].
    pub name: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// The values it takes, as documents show them.
    pub values: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// What a bad value should have been, for errors.
    pub expected: &'static str,
    /// Reads the value into its field; false if it is none of [`Row::values`].
    pub(super) read: for<'a> fn(&mut Asks<'a>, &Text<'a>) -> bool,
}

/// Every annotation there is, in the order of the documentation.
pub const TABLE: &[Row] = &[
    Row {
        name: "inject",
        scope: Scope::Pod,
        values: "`true`, `false`",
        default: "the namespace's label, then the cluster setting `injection`",
        doc: "Asks for the toolbox, or refuses it whoever else asks.",
        expected: "\"true\" or \"false\"",
        read: |asks, text| set(&mut asks.inject, boolean(text)),
    },
    Row {
        name: "container",
        scope: Scope::PodAndNamespace,
        values: "a container's name",
        default: "the only container; else `kubectl.kubernetes.io/default-container`; else the \
                  first that shows .NET; else the first that is not a known proxy",
        doc: "The target: the container that is diagnosed.",
        expected: "the name of a container",
        read: |asks, text| {
            set(
                &mut asks.container,
                is_dns_label(text).then(|| text.0.clone()),
            )
        },
    },
    Row {
        name: "mode",
        scope: Scope::PodAndNamespace,
        values: "`auto`, `tmp-and-pid`, `pid-only`, `tmp-only`, `port`",
        default: "`auto`",
        doc: "How the toolbox reaches the runtime. See access-modes.md.",
        expected: "auto, tmp-and-pid, pid-only, tmp-only or port",
        read: |asks, text| set(&mut asks.mode, mode(text)),
    },
    Row {
        name: "placement",
        scope: Scope::PodAndNamespace,
        values: "`auto`, `container`, `native`",
        default: "`auto`: `native` when the Pod's restartPolicy is not Always, else `container`",
        doc: "Last of `containers`, or a native sidecar (last of `initContainers`), beside which Jobs end.",
        expected: "auto, container or native",
        read: |asks, text| set(&mut asks.placement, placement(text)),
    },
    Row {
        name: "image",
        scope: Scope::PodAndNamespace,
        values: "an image that `toolbox.allowedImages` of the settings allows",
        default: "`toolbox.image` of the settings",
        doc: "The toolbox's image.",
        expected: "an image reference such as registry/path/name:tag",
        read: |asks, text| set(&mut asks.image, ImageRef::parse(text).ok()),
    },
    Row {
        name: "run-as-user",
        scope: Scope::PodAndNamespace,
        values: "a uid, `root`, `unset`",
        default: "the target's runAsUser; else the Pod's; else `toolbox.user` of the settings; \
                  else 1654 where root is not allowed; else root",
        doc: "The toolbox's user. The runtime's socket opens to the application's own uid (or root with DAC_OVERRIDE).",
        expected: "a uid (0 to 2147483647), root or unset",
        read: |asks, text| set(&mut asks.user, user(text)),
    },
    Row {
        name: "cpu-request",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "5m",
        doc: "CPU requested for the toolbox.",
        expected: "a quantity of cpu such as 5m",
        read: |asks, text| set(&mut asks.cpu_request, quantity(text)),
    },
    Row {
        name: "cpu-limit",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "500m",
        doc: "CPU that the toolbox may use.",
        expected: "a quantity of cpu such as 500m",
        read: |asks, text| set(&mut asks.cpu_limit, quantity(text)),
    },
    Row {
        name: "memory-request",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "32Mi",
        doc: "Memory requested for the toolbox.",
        expected: "a quantity of memory such as 32Mi",
        read: |asks, text| set(&mut asks.memory_request, quantity(text)),
    },
    Row {
        name: "memory-limit",
        scope: Scope::PodAndNamespace,
        values: "a quantity up to `toolbox.ceilings`",
        default: "256Mi",
        doc: "Memory that the toolbox may use.",
        expected: "a quantity of memory such as 256Mi",
        read: |asks, text| set(&mut asks.memory_limit, quantity(text)),
    },
    Row {
        name: "data",
        scope: Scope::PodAndNamespace,
        values: "`claim`, `empty-dir`, `none`",
        default: "`claim` (`data.kind` of the settings)",
        doc: "Where the toolbox's `/data` comes from.",
        expected: "claim, empty-dir or none",
        read: |asks, text| set(&mut asks.data, data(text)),
    },
    Row {
        name: "claim",
        scope: Scope::PodAndNamespace,
        values: "a PersistentVolumeClaim of the Pod's namespace",
        default: "`monitor-azfiles` (`data.claim` of the settings)",
        doc: "The claim behind `/data`.",
        expected: "the name of a PersistentVolumeClaim",
        read: |asks, text| {
            set(
                &mut asks.claim,
                is_dns_subdomain(text).then(|| text.0.clone()),
            )
        },
    },
    Row {
        name: "crash-dumps",
        scope: Scope::PodAndNamespace,
        values: "`off`, `mini`, `heap`, `triage`, `full`",
        default: "`off`",
        doc: "Variables that make the runtime write a dump into the shared temporary folder when the application crashes.",
        expected: "off, mini, heap, triage or full",
        read: |asks, text| set(&mut asks.crash_dumps, crash_dumps(text)),
    },
];

fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    *field = value;
    field.is_some()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn mode(text: &str) -> Option<Auto<Mode>> {
    if text == "auto" {
        return Some(Auto::Auto);
    }
    let all = [Mode::TmpAndPid, Mode::PidOnly, Mode::TmpOnly, Mode::Port];
    all.into_iter()
        .find(|mode| mode.as_str() == text)
        .map(Auto::Exactly)
}

fn placement(text: &str) -> Option<Auto<Placement>> {
    match text {
        "auto" => Some(Auto::Auto),
        "container" => Some(Auto::Exactly(Placement::Container)),
        "native" => Some(Auto::Exactly(Placement::Native)),
        _ => None,
    }
}

fn user(text: &str) -> Option<UserAsk> {
    match text {
        "root" => Some(UserAsk::Root),
        "unset" => Some(UserAsk::Unset),
        digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            let uid = digits.parse().ok().filter(|uid| is_uid(*uid))?;
            Some(if uid == 0 {
                UserAsk::Root
            } else {
                UserAsk::Uid(uid)
            })
        }
        _ => None,
    }
}

fn quantity(text: &str) -> Option<Quantity> {
    Quantity::parse(text)
        .ok()
        .filter(|quantity| quantity.amount() >= Amount::ZERO)
}

fn data(text: &str) -> Option<DataKind> {
    match text {
        "claim" => Some(DataKind::Claim),
        "empty-dir" => Some(DataKind::EmptyDir),
        "none" => Some(DataKind::None),
        _ => None,
    }
}

fn crash_dumps(text: &str) -> Option<CrashDumps> {
    match text {
        "off" => Some(CrashDumps::Off),
        "mini" => Some(CrashDumps::Mini),
        "heap" => Some(CrashDumps::Heap),
        "triage" => Some(CrashDumps::Triage),
        "full" => Some(CrashDumps::Full),
        _ => None,
    }
}
