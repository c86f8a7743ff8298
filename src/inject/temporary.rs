//! Where the target's runtime puts its socket, and whether that folder can be shared.
//!
//! It does not know which mode is asked, nor what is done when it cannot.

use std::borrow::Cow;

use super::access::{DATA_PATH, Folder, TMP_PATH};
use super::decide::Case;
use super::finding::Finding;
use super::paths::{covers, normalised, overlap};
use super::pod::{Container, Device, Mount, TMPDIR, elements};

const NOT_LITERAL: &str = "no literal absolute path";

/// What the Pod lets be done with the target's temporary folder.
pub(super) enum Temporary<'a> {
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

/// Finds the target's temporary folder.
pub(super) fn of_target<'a>(case: &Case<'a>, target: &'a Container<'a>) -> Temporary<'a> {
    let Some(variable) = target.variable(TMPDIR) else {
        return below(case, target, TMP_PATH);
    };
    match variable.value.as_deref() {
        _ if variable.value_from.is_some() => Temporary::NotLiteral,
        None | Some("") => below(case, target, TMP_PATH),
        // The kubelet replaces `$(NAME)`, and `$$` by one dollar.
        Some(value) if value.contains("$(") || value.contains("$$") => Temporary::NotLiteral,
        Some(value) if !value.starts_with('/') => Temporary::NotLiteral,
        Some(value) => below(case, target, value),
    }
}

/// The same for a folder that is known.
pub(super) fn below<'a>(
    case: &Case<'a>,
    target: &'a Container<'a>,
    folder: &'a str,
) -> Temporary<'a> {
    let path = normalised(folder);
    if let Some(device) = device(target, &path) {
        let volume = device.name.as_deref().unwrap_or("");
        return Temporary::OtherVolume { volume, path };
    }
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
    let free = is_free(&normalised(mount_path));
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

/// Whether the toolbox can have a volume there: it needs its results and its own programs.
fn is_free(path: &str) -> bool {
    const PROGRAMS: [&str; 7] = ["/bin", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"];
    let hides = PROGRAMS.iter().any(|folder| covers(folder, path));
    !hides && !matches!(path, "/dev" | "/etc") && !overlap(path, DATA_PATH)
}

/// The mount of the container that holds `path`: the one with the longest mount path.
pub(super) fn covering<'a>(container: &'a Container<'a>, path: &str) -> Option<&'a Mount<'a>> {
    let of = |mount: &Mount<'_>| normalised(mount.mount_path.as_deref().unwrap_or("")).len();
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

/// The raw block device of the container on `path` or above it. The API takes no mount on a device's
/// own path, and below one there is no folder.
pub(super) fn device<'a>(container: &'a Container<'a>, path: &str) -> Option<&'a Device<'a>> {
    let mut devices = container.volume_devices.iter().flatten();
    devices.find(|device| {
        let at = device.device_path.as_deref();
        at.is_some_and(|at| covers(&normalised(at), path))
    })
}

/// Whether nothing can be written into the folder, so that the runtime opens no socket.
pub(super) fn read_only(case: &Case<'_>, temporary: &Temporary<'_>) -> Option<Finding> {
    let path = match temporary {
        Temporary::Shareable(folder) => folder.path(),
        Temporary::OtherVolume { path, .. } | Temporary::Elsewhere(path) => path,
        Temporary::NotLiteral => return None,
    };
    let target = case.target();
    let read_only = match covering(target, path) {
        Some(mount) => {
            let mut volumes = elements(&case.spec.volumes).iter();
            let fixed = volumes.any(|v| v.name == mount.name && v.is_read_only());
            mount.read_only == Some(true) || fixed
        }
        None => target
            .security_context
            .as_ref()
            .is_some_and(|context| context.read_only_root_filesystem == Some(true)),
    };
    read_only.then(|| Finding::TmpReadOnly {
        container: target.name().to_owned(),
        path: path.to_owned(),
    })
}

pub(super) fn why(temporary: &Temporary<'_>) -> String {
    match temporary {
        Temporary::Shareable(folder) => format!("{} can be shared", folder.path()),
        Temporary::OtherVolume { volume, path } => {
            format!("{path} is volume {volume}, no writable emptyDir")
        }
        Temporary::Elsewhere(path) => format!("TMPDIR is {path}"),
        Temporary::NotLiteral => format!("TMPDIR is {NOT_LITERAL}"),
    }
}

pub(super) fn note(case: &Case<'_>, temporary: &Temporary<'_>) -> Option<Finding> {
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
            value: NOT_LITERAL.to_owned(),
        }),
    }
}
