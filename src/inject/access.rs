//! How the toolbox reaches the runtime: which folder and which namespace are shared.
//!
//! The rules are those of the .NET runtime (socket in TMPDIR or /tmp, pid of its own namespace)
//! and of the Pod API (one mount for each path). It does not know users or resources.

use std::borrow::Cow;

use super::annotations::{Auto, Mode};
use super::decide::{Asked, Case};
use super::finding::Finding;
use super::image::any_matches;
use super::paths::{covers, normalised, overlap};
use super::pod::{Container, Presence, TMPDIR, elements};

/// Where the toolbox mounts results.
pub const DATA_PATH: &str = "/data";
/// Where the socket of mode `port` lies, in target and toolbox.
pub const SOCKET_PATH: &str = "/run/sidebox";
/// Folder for temporary files where TMPDIR says nothing else.
pub const TMP_PATH: &str = "/tmp";
/// The runtime's variable for sockets that it connects to.
pub const DIAGNOSTIC_PORTS: &str = "DOTNET_DiagnosticPorts";

/// What is shared, and through what. The mode follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access<'a> {
    /// The temporary folder, and perhaps the process namespace.
    Tmp {
        /// The shared folder.
        folder: Folder<'a>,
        /// Whether processes are shared too.
        pid: bool,
    },
    /// The process namespace alone.
    PidOnly,
    /// A socket that the runtime connects to.
    Port,
}

/// The target's temporary folder, shared through an emptyDir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder<'a> {
    /// A new volume on this path of target and toolbox.
    New(Cow<'a, str>),
    /// The emptyDir that the target mounts already.
    Reused {
        /// Name of the volume.
        volume: &'a str,
        /// Where the target mounts it.
        mount_path: &'a str,
        /// The part of the volume that the target mounts.
        sub_path: Option<&'a str>,
        /// The temporary folder on or below `mount_path`.
        path: Cow<'a, str>,
    },
}

impl Folder<'_> {
    /// The temporary folder.
    pub fn path(&self) -> &str {
        match self {
            Self::New(path) | Self::Reused { path, .. } => path,
        }
    }

    /// Where its volume is mounted.
    pub fn mount_path(&self) -> &str {
        match self {
            Self::New(path) => path,
            Self::Reused { mount_path, .. } => mount_path,
        }
    }
}

impl Access<'_> {
    /// The mode's name.
    pub const fn mode(&self) -> Mode {
        match self {
            Self::Tmp { pid: true, .. } => Mode::TmpAndPid,
            Self::Tmp { pid: false, .. } => Mode::TmpOnly,
            Self::PidOnly => Mode::PidOnly,
            Self::Port => Mode::Port,
        }
    }

    /// Whether processes are shared.
    pub const fn shares_pid(&self) -> bool {
        matches!(self, Self::Tmp { pid: true, .. } | Self::PidOnly)
    }
}

/// What the Pod lets be done with the target's temporary folder.
enum Temporary<'a> {
    Shareable(Folder<'a>),
    /// A volume that cannot be shared lies there.
    OtherVolume {
        volume: &'a str,
        path: Cow<'a, str>,
    },
    /// TMPDIR is a literal outside /tmp and /var/tmp.
    Elsewhere(Cow<'a, str>),
    /// TMPDIR comes from a reference that only the kubelet resolves.
    NotLiteral,
}

/// Chooses the access of a Pod's toolbox, as `auto` or the asked mode says.
pub fn resolve<'a>(case: &Case<'a>, notes: &mut Vec<Finding>) -> Result<Access<'a>, Finding> {
    let target = case.target();
    let temporary = temporary(case, target);
    if case.asked == Asked::Automatic && matches!(temporary, Temporary::NotLiteral) {
        return Err(Finding::TmpdirUnknown {
            container: target.name().to_owned(),
        });
    }
    match case.asks.mode {
        None | Some(Auto::Auto) => choose(case, temporary, notes),
        Some(Auto::Exactly(mode)) => exactly(case, mode, temporary, notes),
    }
}

fn choose<'a>(
    case: &Case<'a>,
    temporary: Temporary<'a>,
    notes: &mut Vec<Finding>,
) -> Result<Access<'a>, Finding> {
    let denied = pid_denied(case);
    let may_share_pid = case.asked == Asked::Explicit || case.shows_dotnet(case.target());
    match (temporary, denied) {
        (Temporary::Shareable(folder), None) => Ok(Access::Tmp {
            folder,
            pid: may_share_pid,
        }),
        (Temporary::Shareable(folder), Some(denied)) => {
            if may_share_pid {
                notes.push(denied);
            }
            Ok(Access::Tmp { folder, pid: false })
        }
        (other, Some(denied)) => Err(Finding::NoAccess {
            because: format!("{}; {denied}", why(&other)),
        }),
        (other, None) if !may_share_pid => Err(Finding::NoAccess {
            because: format!("{}, and nothing shows .NET", why(&other)),
        }),
        (other, None) => {
            notes.extend(note(case, &other));
            Ok(Access::PidOnly)
        }
    }
}

fn exactly<'a>(
    case: &Case<'a>,
    mode: Mode,
    temporary: Temporary<'a>,
    notes: &mut Vec<Finding>,
) -> Result<Access<'a>, Finding> {
    let conflict = |because: String| Finding::ModeConflict {
        mode: mode.as_str(),
        because,
    };
    if matches!(mode, Mode::TmpAndPid | Mode::PidOnly)
        && let Some(denied) = pid_denied(case)
    {
        obey_pid(case, denied, notes).map_err(|denied| conflict(denied.to_string()))?;
    }
    match mode {
        Mode::PidOnly => Ok(Access::PidOnly),
        Mode::Port => port(case, notes),
        Mode::TmpAndPid | Mode::TmpOnly => {
            let pid = mode == Mode::TmpAndPid;
            if matches!(temporary, Temporary::NotLiteral) {
                notes.extend(note(case, &temporary));
                return shareable(below(case, case.target(), TMP_PATH), pid).map_err(conflict);
            }
            shareable(temporary, pid).map_err(conflict)
        }
    }
}

fn shareable(temporary: Temporary<'_>, pid: bool) -> Result<Access<'_>, String> {
    match temporary {
        Temporary::Shareable(folder) => Ok(Access::Tmp { folder, pid }),
        other => Err(why(&other)),
    }
}

/// A container that relies on PID 1 is obeyed when the Pod itself asked; a written `false` never.
fn obey_pid(case: &Case<'_>, denied: Finding, notes: &mut Vec<Finding>) -> Result<(), Finding> {
    match denied {
        Finding::Pid1 { container, because } if case.asked == Asked::Explicit => {
            notes.push(Finding::Pid1Shared { container, because });
            Ok(())
        }
        denied => Err(denied),
    }
}

fn port<'a>(case: &Case<'a>, notes: &mut Vec<Finding>) -> Result<Access<'a>, Finding> {
    let target = case.target();
    for variable in [DIAGNOSTIC_PORTS, "COMPlus_DiagnosticPorts"] {
        if target.variable(variable).is_some() {
            let container = target.name().to_owned();
            return Err(Finding::VariableTaken {
                container,
                variable: variable.to_owned(),
            });
        }
    }
    if covering(target, SOCKET_PATH).is_some() {
        return Err(Finding::MountConflict {
            path: SOCKET_PATH.to_owned(),
        });
    }
    notes.extend(hidden_variable(target, DIAGNOSTIC_PORTS));
    Ok(Access::Port)
}

/// A variable that is added goes before one of the same name that `envFrom` may bring.
pub fn hidden_variable(target: &Container<'_>, variable: &str) -> Option<Finding> {
    let sources = target.env_from.as_deref().unwrap_or(&[]);
    (!sources.is_empty()).then(|| Finding::VariablesFromElsewhere {
        container: target.name().to_owned(),
        variable: variable.to_owned(),
    })
}

/// Why processes cannot be shared, if they cannot.
fn pid_denied(case: &Case<'_>) -> Option<Finding> {
    match case.spec.share_process_namespace {
        Presence::Value(true) => None,
        Presence::Value(false) => Some(Finding::PidNotShared {}),
        Presence::Missing | Presence::Null => {
            let mut all = case.containers().iter().chain(case.init_containers());
            all.find_map(|container| relies_on_pid1(case, container))
        }
    }
}

fn relies_on_pid1(case: &Case<'_>, container: &Container<'_>) -> Option<Finding> {
    let lifecycle = container.lifecycle.as_ref();
    let hooks = [
        ("the livenessProbe", container.liveness_probe.as_ref()),
        ("the readinessProbe", container.readiness_probe.as_ref()),
        ("the startupProbe", container.startup_probe.as_ref()),
        (
            "the postStart hook",
            lifecycle.and_then(|l| l.post_start.as_ref()),
        ),
        (
            "the preStop hook",
            lifecycle.and_then(|l| l.pre_stop.as_ref()),
        ),
    ];
    let executed = hooks
        .into_iter()
        .filter_map(|(what, hook)| Some((what, hook?.exec.as_ref()?.command?)));
    let own = [
        ("the command", container.command),
        ("the arguments", container.args),
    ];
    let own = own
        .into_iter()
        .filter_map(|(what, command)| Some((what, command?)));
    let what = executed
        .chain(own)
        .find(|(_, command)| command.names_pid1)
        .map(|(what, _)| what);
    let image = container.image.as_deref().unwrap_or("");
    let needs = || any_matches(&case.settings.needs_pid1_images, image);
    let because = what
        .map(str::to_owned)
        .or_else(|| needs().then(|| format!("image {image}")))?;
    Some(Finding::Pid1 {
        container: container.name().to_owned(),
        because,
    })
}

fn temporary<'a>(case: &Case<'a>, target: &'a Container<'a>) -> Temporary<'a> {
    let Some(variable) = target.variable(TMPDIR) else {
        return below(case, target, TMP_PATH);
    };
    match variable.value.as_deref() {
        _ if variable.value_from.is_some() => Temporary::NotLiteral,
        None | Some("") => below(case, target, TMP_PATH),
        Some(value) if value.contains("$(") || !value.starts_with('/') => Temporary::NotLiteral,
        Some(value) => below(case, target, value),
    }
}

fn below<'a>(case: &Case<'a>, target: &'a Container<'a>, folder: &'a str) -> Temporary<'a> {
    let path = normalised(folder);
    let Some(mount) = covering(target, &path) else {
        let usual = [TMP_PATH, "/var/tmp"]
            .iter()
            .any(|usual| covers(usual, &path));
        let usable = usual && !path.contains(':') && !overlap(&path, DATA_PATH);
        return if usable {
            Temporary::Shareable(Folder::New(path))
        } else {
            Temporary::Elsewhere(path)
        };
    };
    let volume = mount.name.as_deref().unwrap_or("");
    let mount_path = mount.mount_path.as_deref().unwrap_or("");
    let empty_dir = elements(&case.spec.volumes)
        .iter()
        .any(|v| v.name.as_deref() == Some(volume) && v.empty_dir.is_some());
    let writable =
        mount.read_only != Some(true) && mount.sub_path_expr.as_deref().unwrap_or("").is_empty();
    let free = !overlap(&normalised(mount_path), DATA_PATH);
    if empty_dir && writable && free {
        let sub_path = mount
            .sub_path
            .as_deref()
            .filter(|sub_path| !sub_path.is_empty());
        Temporary::Shareable(Folder::Reused {
            volume,
            mount_path,
            sub_path,
            path,
        })
    } else {
        Temporary::OtherVolume { volume, path }
    }
}

/// The mount of the container that holds `path`: the one with the longest mount path.
fn covering<'a>(container: &'a Container<'a>, path: &str) -> Option<&'a super::pod::Mount<'a>> {
    let of =
        |mount: &super::pod::Mount<'_>| normalised(mount.mount_path.as_deref().unwrap_or("")).len();
    elements(&container.volume_mounts)
        .iter()
        .filter(|mount| {
            mount
                .mount_path
                .as_deref()
                .is_some_and(|at| covers(&normalised(at), path))
        })
        .max_by_key(|mount| of(mount))
}

fn why(temporary: &Temporary<'_>) -> String {
    match temporary {
        Temporary::Shareable(folder) => format!("{} can be shared", folder.path()),
        Temporary::OtherVolume { volume, path } => {
            format!("{path} is on volume {volume}, not a writable emptyDir")
        }
        Temporary::Elsewhere(path) => format!("TMPDIR is {path}"),
        Temporary::NotLiteral => "TMPDIR is not a literal".to_owned(),
    }
}

fn note(case: &Case<'_>, temporary: &Temporary<'_>) -> Option<Finding> {
    let container = case.target().name().to_owned();
    match temporary {
        Temporary::Shareable(_) => None,
        Temporary::OtherVolume { volume, path } => Some(Finding::TmpOtherVolume {
            container,
            volume: (*volume).to_owned(),
            path: path.clone().into_owned(),
        }),
        Temporary::Elsewhere(path) => Some(Finding::TmpdirElsewhere {
            container,
            value: path.clone().into_owned(),
        }),
        Temporary::NotLiteral => Some(Finding::TmpdirElsewhere {
            container,
            value: "not a literal".to_owned(),
        }),
    }
}
