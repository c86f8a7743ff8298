//! How the toolbox reaches the runtime: which folder and which namespace are shared.
//!
//! The rules are those of the .NET runtime (socket in TMPDIR or /tmp, pid of its own namespace)
//! and of the Pod API (one mount for each path). It does not know users or resources.

use std::borrow::Cow;

use super::annotations::{Auto, Mode};
use super::decide::{Asked, Case};
use super::finding::Finding;
use super::image::any_matches;
use super::pod::{Container, Presence};
use super::temporary::{self, Temporary, below, covering, device, note, why};

/// Where the toolbox mounts results.
pub const DATA_PATH: &str = "/data";
/// Where the socket of mode `port` lies, in target and toolbox.
pub const SOCKET_PATH: &str = "/run/sidebox";
/// The socket itself, below `SOCKET_PATH`.
pub const PORT_PATH: &str = "/run/sidebox/diagnostics.sock";
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

/// Chooses the access of a Pod's toolbox, as `auto` or the asked mode says.
pub fn resolve<'a>(case: &Case<'a>, notes: &mut Vec<Finding>) -> Result<Access<'a>, Finding> {
    let target = case.target();
    let temporary = temporary::of_target(case, target);
    let read_only = temporary::read_only(case, &temporary);
    if case.asked == Asked::Automatic && matches!(temporary, Temporary::NotLiteral) {
        return Err(Finding::TmpdirUnknown {
            container: target.name().to_owned(),
        });
    }
    let access = match case.asks.mode {
        None | Some(Auto::Auto) => choose(case, temporary, notes),
        Some(Auto::Exactly(mode)) => exactly(case, mode, temporary, notes),
    }?;
    if access == Access::PidOnly {
        notes.extend(read_only);
    }
    Ok(access)
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
        (other, Some(denied)) => Err(no_access(case, &other, &unshared(case, &denied))),
        (other, None) if !may_share_pid => Err(no_access(case, &other, "nothing shows .NET")),
        (other, None) => {
            notes.extend(note(case, &other));
            Ok(Access::PidOnly)
        }
    }
}

fn no_access(case: &Case<'_>, temporary: &Temporary<'_>, pid: &str) -> Finding {
    Finding::NoAccess {
        container: case.target().name().to_owned(),
        because: format!("{}; {pid}", why(temporary)),
    }
}

/// Why processes are not shared, in few words.
fn unshared(case: &Case<'_>, denied: &Finding) -> String {
    match denied {
        Finding::Pid1 { container, because } if container == case.target().name() => {
            format!("{because} needs PID 1")
        }
        Finding::Pid1 { container, because } => format!("{because} of {container} needs PID 1"),
        _ => "shareProcessNamespace is false".to_owned(),
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
        obey_pid(case, denied, notes).map_err(|denied| conflict(unshared(case, &denied)))?;
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
    if covering(target, SOCKET_PATH).is_some() || device(target, SOCKET_PATH).is_some() {
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
