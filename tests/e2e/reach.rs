//! How does somebody in the toolbox record a trace? Sidebox's own tool by one script in every access mode; Microsoft's by
//! one for each, as the docs tell it. Must not know how the Pod came to be.

use std::fs;
use std::path::Path;

use crate::world::World;

/// The way from the toolbox to the runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reach {
    /// By the process number that `dotnet-trace ps` shows: whosever `dotnet-trace` the image has.
    Ps,
    /// The same by `sidebox trace`, in the image with Microsoft's tools.
    Sidebox,
    /// Microsoft's, by the socket alone.
    Socket,
    /// Microsoft's, through `/proc/PID/root`, where the application has its socket in `/tmp`.
    Proc,
    /// Microsoft's, by the socket below `/proc/PID/root` in a folder that only the application's `TMPDIR` names: the tool reads
    /// that variable of the process, and then looks for the folder on its own side.
    ProcSocket(&'static str),
    /// Microsoft's tool listens and the runtime comes.
    Listen,
}

/// What a person types, but for the shorter time and the smaller buffer.
const COLLECT: &str =
    "--duration 00:00:02 --buffersize 16 --format Chromium -o /data/trace.json </dev/null";

/// Waits for a condition in the container; the runtime starts a moment after its container.
pub(crate) const AWAIT: &str = "await() { for _ in $(seq $TRIES); do \"$@\" && return; sleep 0.2; done; echo \"in vain: $*\" >&2; return 1; }";

/// Finds the process by a tool, which says itself why it cannot be reached.
pub(crate) fn shown(ps: &str) -> String {
    format!(
        "seen() {{ pid=$({ps} | awk '$1 ~ /^[0-9]+$/ && /HelloAks/ {{print $1; exit}}'); [ -n \"$pid\" ]; }}
         await seen || {{ {ps}; exit 1; }}"
    )
}

/// Finds process and socket through `/proc`.
fn found(folder: &str) -> String {
    format!(
        "seen() {{ for p in /proc/[0-9]*; do case \"$(tr '\\0' ' ' <$p/cmdline)\" in
            'dotnet HelloAks'*) socket=$(ls $p/root{folder}/dotnet-diagnostic-*-socket) && return;; esac; done; return 1; }}
         await seen"
    )
}

impl Reach {
    fn script(self, tries: u32) -> String {
        let body = match self {
            Self::Ps => format!(
                "{}; dotnet-trace collect -p $pid {COLLECT}",
                shown("dotnet-trace ps")
            ),
            Self::Sidebox => format!(
                "{}; sidebox trace collect -p $pid --force {COLLECT}",
                shown("sidebox ps")
            ),
            Self::Socket => format!(
                "seen() {{ socket=$(ls ${{TMPDIR:-/tmp}}/dotnet-diagnostic-*-socket); [ -n \"$socket\" ]; }}
                 await seen; dotnet-trace collect --diagnostic-port $socket,connect {COLLECT}"
            ),
            Self::Proc => format!(
                "{}; export TMPDIR=$p/root/tmp
                 dotnet-trace ps; dotnet-trace collect -p ${{p#/proc/}} {COLLECT}",
                found("/tmp")
            ),
            Self::ProcSocket(folder) => format!(
                "{}; dotnet-trace collect --diagnostic-port $socket,connect {COLLECT}",
                found(folder)
            ),
            Self::Listen => format!(
                "dotnet-trace collect --diagnostic-port /run/sidebox/diagnostics.sock {COLLECT}"
            ),
        };
        format!("set -e\nTRIES={tries}\n{AWAIT}\n{body}")
    }

    /// Collects a trace and sees from outside that it is on the volume and names the method that takes the time.
    pub(crate) fn trace(self, world: &World, namespace: &str, pod: &str) {
        let said = world.exec(namespace, pod, "toolbox", &self.script(600));
        named(
            &world.result(namespace, pod, "trace.json"),
            "Nettrace",
            &said,
        );
        let chromium = world.result(namespace, pod, "trace.chromium.json");
        named(&chromium, "FindPrimeAt", &said);
        // Whatever comes next writes its own.
        fs::remove_file(chromium).unwrap();
    }

    /// Tries the same where it cannot work: what the person sees.
    pub(crate) fn failure(self, world: &World, namespace: &str, pod: &str) -> String {
        let (succeeded, out, errors) = world.try_exec(namespace, pod, "toolbox", &self.script(5));
        let said = format!("{out}{errors}");
        assert!(!succeeded, "it was expected to fail: {said}");
        said
    }
}

/// A file of the volume has this in it.
pub(crate) fn named(path: &Path, wanted: &str, said: &str) {
    let bytes = fs::read(path)
        .unwrap_or_else(|error| panic!("{}: {error}; the tool said: {said}", path.display()));
    let found = bytes
        .windows(wanted.len())
        .any(|window| window == wanted.as_bytes());
    assert!(
        found,
        "{} ({} bytes) has no {wanted}; the tool said: {said}",
        path.display(),
        bytes.len()
    );
}
