//! Can a tool reach the runtime at all? Its process, variables, folder, user, and at last its answer.

use std::fs;
use std::io;
use std::path::Path;

use super::{Check, Subject, Verdict};
use crate::diagnostics::ipc::Endpoint;
use crate::diagnostics::process::{SWITCHES, Visible};

/// Bits of capabilities, as Linux numbers them, without their `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];
const DAC_OVERRIDE: u64 = 1 << 1;

pub(super) fn process(subject: &Subject<'_>) -> Check {
    let what = "process";
    match subject.visible() {
        Some(process) => Check::good(what, format!("{} is in sight", process.folder().display())),
        None => Check::unknown(
            what,
            "it is in another process namespace: what /proc would say is left out (annotation sidebox.dev/mode: \
             tmp-and-pid shares it)"
                .to_owned(),
        ),
    }
}

pub(super) fn runtime(subject: &Subject<'_>) -> Option<Check> {
    let what = "runtime";
    Some(match subject.visible()?.has_coreclr() {
        Ok(true) => Check::good(what, "it has loaded libcoreclr.so".to_owned()),
        Ok(false) => subject.wrong(
            what,
            "it has not loaded libcoreclr.so: it is no .NET process, a single file with the runtime inside, or Native \
             AOT; that has a socket only if it was published with EventSourceSupport=true, and neither dumps nor heaps"
                .to_owned(),
        ),
        Err(error) => Check::unknown(what, format!("its list of libraries is closed: {error}")),
    })
}

pub(super) fn switches(subject: &Subject<'_>) -> Option<Check> {
    let what = "variables";
    let process = subject.visible()?;
    for name in SWITCHES {
        match process.variable(name) {
            Ok(Some(value)) if value == b"0" => {
                let text = format!(
                    "it was started with {name}=0: take that away from its container, or its image"
                );
                return Some(subject.wrong(what, text));
            }
            Ok(_) => {}
            Err(error) => {
                let text = format!("its variables are closed: {error}");
                return Some(Check::unknown(what, text));
            }
        }
    }
    let text = "no variable switches its diagnostics off";
    Some(Check::good(what, text.to_owned()))
}

/// Where it makes its socket.
pub(super) fn folder(subject: &Subject<'_>) -> Option<Check> {
    let what = "TMPDIR";
    let process = subject.visible()?;
    let folder = match process.temporary() {
        Ok(folder) => folder,
        Err(error) => {
            let text = format!("its folder for temporary files is not known: {error}");
            return Some(Check::unknown(what, text));
        }
    };
    let shown = folder.display();
    let text = match fs::metadata(process.path(&folder)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!(
                "its folder {shown} is not there: mount an emptyDir on it, or let TMPDIR name another"
            )
        }
        Ok(found) if !found.is_dir() => format!("{shown} is no folder: let TMPDIR name one"),
        _ if process.is_read_only(&folder) == Some(true) => {
            format!("its folder {shown} is on a read-only file system: mount an emptyDir on it")
        }
        _ => {
            return Some(Check::good(
                what,
                format!("its folder for temporary files is {shown}"),
            ));
        }
    };
    Some(subject.wrong(what, text))
}

pub(super) fn user(subject: &Subject<'_>) -> Option<Check> {
    let what = "user";
    let (process, own) = (subject.visible()?, subject.own?);
    let (theirs, ours) = (process.uid, own.uid);
    let overrides = own
        .capabilities()
        .is_some_and(|bits| bits & DAC_OVERRIDE != 0);
    Some(if theirs == ours {
        Check::good(what, format!("both run as uid {ours}"))
    } else if overrides {
        let text = format!(
            "it runs as uid {theirs}, this tool as uid {ours} with DAC_OVERRIDE, which opens its socket"
        );
        Check::good(what, text)
    } else {
        let text = format!(
            "it runs as uid {theirs}, this tool as uid {ours}, to which its socket is closed: annotation \
             sidebox.dev/run-as-user: \"{theirs}\" on the Pod template"
        );
        subject.wrong(what, text)
    })
}

/// `/proc/PID/root`, through which folders are reached that are not shared.
pub(super) fn file_system(subject: &Subject<'_>) -> Option<Check> {
    let what = "its files";
    let process = subject.visible()?;
    let root = process.path(Path::new("/"));
    if fs::read_dir(&root).is_ok() {
        return Some(Check::good(what, format!("{} is open", root.display())));
    }
    let lacking = subject.own.map_or(Vec::new(), |own| lacking(own, process));
    let why = if lacking.is_empty() {
        "another user, or a process that may not be looked into".to_owned()
    } else {
        format!(
            "it has the capabilities {}, this tool has not",
            lacking.join(", ")
        )
    };
    let text = format!(
        "{} is closed ({why}): share its folder for temporary files (annotation sidebox.dev/mode: tmp-and-pid), or \
         give the toolbox its user and capabilities",
        root.display()
    );
    Some(Check::limited(what, text))
}

/// Capabilities of a process that another one lacks.
fn lacking(own: &Visible, process: &Visible) -> Vec<&'static str> {
    let bits = process.capabilities().unwrap_or(0) & !own.capabilities().unwrap_or(u64::MAX);
    let named = CAPABILITIES.iter().enumerate();
    named
        .filter(|(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, name)| *name)
        .collect()
}

pub(super) fn answer(subject: &Subject<'_>) -> Check {
    let what = "answer";
    let runtime = match &subject.process.state {
        Ok(runtime) => runtime,
        Err(obstacle) => {
            return Check {
                what,
                verdict: Verdict::Blocked,
                text: obstacle.to_string(),
            };
        }
    };
    let info = runtime.info();
    let place = match runtime.endpoint() {
        Endpoint::Socket(path) => format!("at {}", path.display()),
        Endpoint::Port(port) => format!("on the port {}", port.path().display()),
    };
    // ProcessInfo2 came with .NET 6, and with it the version.
    match (&info.version, info.major()) {
        (Some(version), Some(6..)) => Check::good(
            what,
            format!("CoreCLR {version}, {}, answers {place}", info.arch),
        ),
        _ => Check::limited(
            what,
            format!(
                "a runtime before .NET 6 answers {place}: its dumps tell no reason when they fail, and its traces \
                 have fewer events; take the application to a version that is supported"
            ),
        ),
    }
}
