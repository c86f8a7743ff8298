//! The rules that stop an injection that somebody asked for, but those of access, storage, user
//! and resources, which have files of their own.

use std::borrow::Cow;

use super::access::{self, Access};
use super::annotations::{Auto, CrashDumps, Placement};
use super::decide::{Asked, Case, DATA_VOLUME, TMP_VOLUME, TOOLBOX};
use super::facts::Quota;
use super::finding::Finding;
use super::image::any_matches;
use super::paths;
use super::pod::{Container, SecurityContext, Spec, Text, elements};
use super::resources;
use super::trail::{Rule, Trail};

fn refuse_if(stops: bool, finding: impl FnOnce() -> Finding) -> Result<(), Finding> {
    if stops { Err(finding()) } else { Ok(()) }
}

pub(super) fn can_inject(
    case: &Case<'_>,
    invalid: Option<&Finding>,
    trail: &mut Trail,
) -> Result<(), Finding> {
    ordinary(case, trail)?;
    let spec = case.spec;
    trail.ask(Rule::Annotations, invalid.cloned().map_or(Ok(()), Err))?;
    trail.ask(Rule::Windows, windows(case))?;
    trail.ask(
        Rule::HostPid,
        refuse_if(spec.host_pid == Some(true), || Finding::HostPid {}),
    )?;
    trail.ask(Rule::VirtualNode, virtual_node(spec))?;
    trail.ask(Rule::RuntimeClass, runtime_class(case))?;
    trail.ask(Rule::Names, names(case))?;
    trail.ask(Rule::Diagnostics, diagnostics(case.target()))?;
    trail.ask(Rule::Quota, quota(case))?;
    Ok(())
}

/// Automatic injection leaves alone what is not an ordinary application.
fn ordinary(case: &Case<'_>, trail: &mut Trail) -> Result<(), Finding> {
    let automatic = case.asked == Asked::Automatic;
    let spec = case.spec;
    let class = spec.priority_class_name.as_deref().unwrap_or("");
    let critical = automatic && matches!(class, "system-cluster-critical" | "system-node-critical");
    trail.ask(
        Rule::Critical,
        refuse_if(critical, || Finding::SystemCritical {
            class: class.to_owned(),
        }),
    )?;
    let host = automatic && spec.host_network == Some(true);
    trail.ask(
        Rule::HostNetwork,
        refuse_if(host, || Finding::HostNetwork {}),
    )?;
    let target = case.target();
    let privileged = target
        .security_context
        .as_ref()
        .is_some_and(|c| c.privileged == Some(true));
    let container = || Finding::PrivilegedTarget {
        container: target.name().to_owned(),
    };
    trail.ask(
        Rule::Privileged,
        refuse_if(automatic && privileged, container),
    )?;
    let ends = automatic && !case.settings.automatic.jobs && !runs_for_ever(spec);
    let policy = || spec.restart_policy.as_deref().unwrap_or("").to_owned();
    trail.ask(
        Rule::LongRunning,
        refuse_if(ends, || Finding::EndsByItself { policy: policy() }),
    )
}

/// The API's default restartPolicy is Always.
fn runs_for_ever(spec: &Spec<'_>) -> bool {
    spec.restart_policy
        .as_deref()
        .is_none_or(|policy| policy == "Always")
}

fn windows(case: &Case<'_>) -> Result<(), Finding> {
    const WINDOWS: &str = "windows";
    let spec = case.spec;
    let options = |c: Option<&SecurityContext>| c.is_some_and(|c| c.windows_options.is_some());
    let named = |os: Option<&Text<'_>>| os.is_some_and(|os| &**os == WINDOWS);
    let selector = spec.node_selector.as_ref();
    let mut containers = case.containers().iter().chain(case.init_containers());
    let field = if named(spec.os.as_ref().and_then(|os| os.name.as_ref())) {
        "os.name"
    } else if selector.is_some_and(|s| named(s.os.as_ref()) || named(s.beta_os.as_ref())) {
        "nodeSelector kubernetes.io/os"
    } else if spec.affinity.as_ref().is_some_and(|a| a.wants_os(WINDOWS)) {
        "nodeAffinity kubernetes.io/os"
    } else if options(spec.security_context.as_ref())
        || containers.any(|c| options(c.security_context.as_ref()))
    {
        "securityContext.windowsOptions"
    } else {
        return Ok(());
    };
    Err(Finding::Windows {
        field: field.to_owned(),
    })
}

fn virtual_node(spec: &Spec<'_>) -> Result<(), Finding> {
    let selected =
        spec.node_selector.as_ref().and_then(|s| s.kind.as_deref()) == Some("virtual-kubelet");
    let tolerations = spec.tolerations.as_deref().unwrap_or(&[]);
    let tolerated = tolerations
        .iter()
        .any(|t| t.key.as_deref() == Some("virtual-kubelet.io/provider"));
    let field = match (selected, tolerated) {
        (true, _) => "nodeSelector type",
        (false, true) => "toleration virtual-kubelet.io/provider",
        (false, false) => return Ok(()),
    };
    Err(Finding::VirtualNode {
        field: field.to_owned(),
    })
}

fn runtime_class(case: &Case<'_>) -> Result<(), Finding> {
    let class = case.spec.runtime_class_name.as_deref().unwrap_or("");
    let allowed = class.is_empty()
        || case
            .settings
            .runtime_classes
            .iter()
            .any(|name| name == class);
    refuse_if(!allowed, || Finding::RuntimeClass {
        class: class.to_owned(),
    })
}

fn names(case: &Case<'_>) -> Result<(), Finding> {
    let taken = |what, name: &str| {
        Err(Finding::NameTaken {
            what,
            name: name.to_owned(),
        })
    };
    if case.containers().iter().any(|c| c.name() == TOOLBOX) {
        return taken("container", TOOLBOX);
    }
    if case.init_containers().iter().any(|c| c.name() == TOOLBOX) {
        return taken("init container", TOOLBOX);
    }
    let own = case
        .settings
        .toolbox
        .volumes
        .iter()
        .map(|volume| volume.name.as_str());
    for name in [TMP_VOLUME, DATA_VOLUME].into_iter().chain(own) {
        if elements(&case.spec.volumes)
            .iter()
            .any(|v| v.name.as_deref() == Some(name))
        {
            return taken("volume", name);
        }
    }
    Ok(())
}

/// Variables that keep the runtime from opening its socket.
const DIAGNOSTICS_VARIABLES: [&str; 4] = [
    "DOTNET_EnableDiagnostics",
    "DOTNET_EnableDiagnostics_IPC",
    "COMPlus_EnableDiagnostics",
    "COMPlus_EnableDiagnostics_IPC",
];

/// The runtime reads the variables' values as hex numbers.
fn diagnostics(target: &Container<'_>) -> Result<(), Finding> {
    for variable in DIAGNOSTICS_VARIABLES {
        let value = target
            .variable(variable)
            .and_then(|v| v.value.as_deref())
            .unwrap_or("");
        let digits = value.trim().trim_start_matches("0x");
        if !digits.is_empty() && digits.bytes().all(|b| b == b'0') {
            return Err(Finding::DiagnosticsOff {
                container: target.name().to_owned(),
                variable: variable.to_owned(),
                value: value.to_owned(),
            });
        }
    }
    Ok(())
}

/// Automatic Pods use up no quota. Nor may a Pod without requests get a container that has some: it
/// would leave the BestEffort class, and a quota of the other classes wants requests of every
/// container, or may have no room for one Pod more.
fn quota(case: &Case<'_>) -> Result<(), Finding> {
    let automatic = case.asked == Asked::Automatic && !case.settings.automatic.quota;
    let because = if automatic {
        "automatic Pods use none up"
    } else if resources::is_best_effort(case) {
        "the Pod's own containers state none"
    } else {
        return Ok(());
    };
    let best_effort = resources::is_best_effort(case);
    let counts = |quota: &&Quota| quota.compute || (best_effort && quota.not_best_effort);
    match case.facts.quotas.iter().find(counts) {
        Some(quota) => Err(Finding::Quota {
            name: quota.name.clone(),
            counts: if quota.compute {
                "cpu or memory"
            } else {
                "Pods that are not BestEffort"
            },
            because,
        }),
        None => Ok(()),
    }
}

pub(super) fn image<'a>(case: &Case<'a>) -> Result<Cow<'a, str>, Finding> {
    let toolbox = &case.settings.toolbox;
    let Some(asked) = &case.asks.image else {
        return Ok(Cow::Borrowed(toolbox.image.as_str()));
    };
    let image = asked.as_str();
    let allowed = image == toolbox.image.as_str() || any_matches(&toolbox.allowed_images, image);
    refuse_if(!allowed, || Finding::ImageNotAllowed {
        image: image.to_owned(),
    })?;
    Ok(Cow::Owned(image.to_owned()))
}

/// Native sidecars came with Kubernetes 1.29.
const NATIVE_SINCE: (u32, u32) = (1, 29);

pub(super) fn placement(case: &Case<'_>, notes: &mut Vec<Finding>) -> Result<Placement, Finding> {
    let ends = !runs_for_ever(case.spec);
    let placement = match case.asks.placement {
        Some(Auto::Exactly(Placement::Container)) if ends => beside_a_job(case, notes),
        Some(Auto::Exactly(placement)) => placement,
        None | Some(Auto::Auto) if ends => Placement::Native,
        None | Some(Auto::Auto) => Placement::Container,
    };
    let version = *case
        .facts
        .kubernetes_version
        .get()
        .unwrap_or(&case.settings.kubernetes_version);
    refuse_if(
        placement == Placement::Native && version < NATIVE_SINCE,
        || Finding::NativeUnsupported {
            version: format!("{}.{}", version.0, version.1),
        },
    )?;
    Ok(placement)
}

/// A toolbox among the containers keeps a Pod from ending: for the Pod that asks itself, with a
/// finding, and never for another one.
fn beside_a_job(case: &Case<'_>, notes: &mut Vec<Finding>) -> Placement {
    if case.asked == Asked::Explicit {
        let policy = case.spec.restart_policy.as_deref().unwrap_or("");
        notes.push(Finding::NeverEnds {
            policy: policy.to_owned(),
        });
        return Placement::Container;
    }
    notes.push(Finding::AnnotationIgnored {
        key: "sidebox.dev/placement".into(),
        because: "among the containers it would keep the Pod from ending".into(),
    });
    Placement::Native
}

/// The variables that switch crash dumps on, without the runtime's prefix.
const CRASH_DUMP_VARIABLES: [&str; 4] = [
    "DbgEnableMiniDump",
    "DbgMiniDumpType",
    "DbgMiniDumpName",
    "EnableCrashReport",
];

/// A target that has any of the variables keeps its crash dumps as they are.
pub(super) fn crash_dumps(case: &Case<'_>, notes: &mut Vec<Finding>) -> CrashDumps {
    let asked = case.asks.crash_dumps.unwrap_or(CrashDumps::Off);
    if asked == CrashDumps::Off {
        return asked;
    }
    let target = case.target();
    for name in CRASH_DUMP_VARIABLES {
        for prefix in ["DOTNET_", "COMPlus_"] {
            let variable = format!("{prefix}{name}");
            if target.variable(&variable).is_some() {
                notes.push(Finding::CrashDumpsKept {
                    container: target.name().to_owned(),
                    variable,
                });
                return CrashDumps::Off;
            }
        }
    }
    notes.extend(access::hidden_variable(target, "DOTNET_DbgEnableMiniDump"));
    asked
}

/// The settings' own mounts were checked against ours when they were read; the target's temporary
/// folder may lie anywhere.
pub(super) fn mounts(case: &Case<'_>, access: &Access<'_>) -> Result<(), Finding> {
    let Access::Tmp { folder, .. } = access else {
        return Ok(());
    };
    let path = paths::normalised(folder.mount_path());
    let mounts = &case.settings.toolbox.container.volume_mounts;
    let meets = mounts
        .iter()
        .any(|mount| paths::normalised(&mount.mount_path) == path);
    refuse_if(meets, || Finding::MountConflict {
        path: path.into_owned(),
    })
}
