//! `sidebox doctor`: obstacles that a machine has to be made to have. Each is there once, and is called by its name.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use sidebox::diagnostics::process::Visible;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

use super::doctor::{Sleeping, examined, says, started};
use super::dotnet::{Dotnet, Version, is_root};
use super::tool::{run, sidebox, through};

/// A process namespace in which no other process can be seen.
const ALONE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

#[test]
fn sockets_that_were_left_and_sockets_that_are_gone() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let mut gone = dotnet.hello(Version::Net10).start();
    let left = gone.socket();
    gone.kill();
    let ran = run(through(&ALONE).arg("doctor").env("TMPDIR", gone.tmp()));
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    let text = format!(
        "{} was left by a process that has ended; it may be removed",
        left.display()
    );
    says(&ran.out, "ok", "stale socket", &text);

    let app = dotnet.hello(Version::Net8).start();
    fs::remove_file(app.socket()).unwrap();
    let (code, page) = examined(&mut sidebox(), app.pid());
    assert_eq!(code, Some(1), "{page}");
    says(&page, "BLOCKED", "answer", "it has no socket in its ");
    says(&page, "BLOCKED", "answer", "something deleted the socket");
}

#[test]
fn a_process_that_does_not_answer() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = dotnet.hello(Version::Net10).start();
    app.freeze();
    let (code, page) = examined(&mut sidebox(), app.pid());
    assert_eq!(code, Some(1), "{page}");
    says(&page, "BLOCKED", "answer", "no answer to ProcessInfo3");
    app.signal("CONT");
}

/// The node's own switch, as the tool finds it.
#[test]
fn a_node_that_keeps_processes_from_being_looked_into() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let app = dotnet.hello(Version::Net8).start();
    let node = |scope: u8| {
        let script = format!(
            "mount -t tmpfs node /proc/sys/kernel && mkdir /proc/sys/kernel/yama && \
             echo {scope} >/proc/sys/kernel/yama/ptrace_scope && exec \"$@\""
        );
        let mut tool = through(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
        examined(&mut tool, app.pid())
    };
    let (code, page) = node(1);
    assert_eq!(code, Some(0), "{page}");
    says(&page, "ok", "ptrace", "ptrace_scope of the node is 1");
    let (code, page) = node(2);
    assert_eq!(code, Some(0), "traces and counters work: {page}");
    says(&page, "limited", "ptrace", "ptrace_scope is 2");
}

/// A filter that lets everything through, set as a container's runtime sets its own.
const FILTER: &str = r#"
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
allow = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7FFF0000))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
program = Program(1, ctypes.addressof(allow))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit("no filter: %d" % ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn a_filter_of_system_calls() {
    let Some(dotnet) = Dotnet::find() else { return };
    let app = dotnet
        .hello(Version::Net10)
        .inside(&["python3", "-c", FILTER])
        .start();
    let (code, page) = examined(&mut sidebox(), app.pid());
    assert_eq!(code, Some(0), "{page}");
    says(&page, "ok", "seccomp", "a filter of system calls on Linux ");
    let free = dotnet.hello(Version::Net10).start();
    let (_, page) = examined(&mut sidebox(), free.pid());
    let filtered = Visible::read(Path::new("/proc"), std::process::id())
        .unwrap()
        .status_line("Seccomp");
    if filtered.as_deref() == Some("0") {
        says(&page, "ok", "seccomp", "no filter of system calls");
    }
}

/// Little room for dumps in its folder, for results in ours, and under its memory limit.
#[test]
fn little_room_everywhere() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let (own, results) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let script = format!(
        "mount -t tmpfs -o size=4m own {} && mount -t tmpfs groups /sys/fs/cgroup && \
         echo 52428800 >/sys/fs/cgroup/memory.max && exec \"$@\"",
        own.path().display()
    );
    let start = dotnet.hello(Version::Net8).env("TMPDIR", own.path());
    let app = started(start.inside(&["unshare", "--mount", "sh", "-c", &script, "sh"]));
    let here = format!(
        "mount -t tmpfs -o size=5m results {0} && cd {0} && exec \"$@\"",
        results.path().display()
    );
    let mut tool = through(&["unshare", "--mount", "sh", "-c", &here, "sh"]);
    let (code, page) = examined(&mut tool, app.pid());
    assert_eq!(code, Some(0), "{page}");
    says(&page, "limited", "dump's folder", "made of memory");
    says(&page, "limited", "dump's folder", "take --type Mini");
    says(&page, "limited", "results", "5 MB free: remove old results");
    says(&page, "limited", "memory", " in use of 50 MB: the buffers");
}

#[test]
fn results_that_cannot_be_written() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let app = dotnet.hello(Version::Net8).start();
    let folder = TempDir::new().unwrap();
    let script = format!(
        "mount -t tmpfs -o ro results {0} && cd {0} && exec \"$@\"",
        folder.path().display()
    );
    let mut tool = through(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
    let (_, page) = examined(&mut tool, app.pid());
    says(&page, "limited", "results", "cannot be written to");
}

/// What .NET 5 would answer, at the socket of a process that is not .NET at all.
#[test]
fn a_runtime_that_is_too_old() {
    let folder = TempDir::new().unwrap();
    let sleeping = Sleeping::start(&folder);
    let seen = Visible::read(Path::new("/proc"), sleeping.pid()).unwrap();
    let name = format!("dotnet-diagnostic-{}-{}-socket", seen.own_pid, seen.start);
    let listener = UnixListener::bind(folder.path().join(name)).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = [0; 20];
            stream.read_exact(&mut asked).unwrap();
            let reply = match (asked[16], asked[17]) {
                (4, 0) => super::hostile::old_info(),
                _ => b"DOTNET_IPC_V1\0\x18\0\xff\xff\0\0\x85\x13\x13\x80".to_vec(),
            };
            stream.write_all(&reply).unwrap();
        }
    });
    let (code, page) = examined(sidebox().env("TMPDIR", folder.path()), sleeping.pid());
    assert_eq!(code, Some(0), "{page}");
    says(
        &page,
        "limited",
        "answer",
        "a runtime before .NET 6 answers",
    );
}
