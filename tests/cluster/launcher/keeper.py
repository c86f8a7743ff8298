"""Keeps the namespaces of one node: its processes, mounts and network, which all end with it.

Run as a program, as root: `keeper.py FOLDER`. Knows the kernel; knows nothing of Kubernetes. Whatever is started in these
namespaces is killed by the kernel when this program is, by whatever signal, and with the last process go its mounts, its
interfaces and its firewall tables: nothing needs to be undone one by one.

    FOLDER/node/init       pid and birth of the first process in the namespaces, once they are ready
    FOLDER/node/namespace  names the process namespace
    FOLDER/node/NAME       what the node sees as the folders of PLACES
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE, MS_SHARED = 0x1000, 0x4000, 0x80000, 0x100000
PR_SET_PDEATHSIG = 1

# Folders that node programs insist on; the node has its own, and the machine's are out of its reach.
PLACES = {
    "/var/lib/kubelet": "node/kubelet",
    "/var/lib/containerd": "node/containerd",
    "/var/lib/cni": "node/cni",
    "/var/log/pods": "logs/pods",
    "/var/log/containers": "node/containers",
    "/run/containerd": "node/run",
    "/run/netns": "node/netns",
}

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    """Turns errno into an exception that says what was tried."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags):
    """mount(2)."""
    words = [text.encode() if text else None for text in (source, target, kind)]
    check(libc.mount(*words, flags, None), f"mounting {source or kind} on {target}")


def keep(folder):
    """Forks the first process of the namespaces and waits for its end."""
    check(libc.unshare(CLONE_NEWPID), "a new process namespace")
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        first(folder, done)
    os.close(done)
    if os.read(ready, 1) != b"+":
        sys.exit("keeper: the node's first process did not get ready")
    note(folder, child)
    os.waitpid(child, 0)


def note(folder, child):
    """Tells where the namespaces are: whole or not at all."""
    stat = Path(f"/proc/{child}/stat").read_text(encoding="ascii", errors="replace")
    birth = stat.rpartition(")")[2].split()[19]
    (folder / "node" / "namespace").write_text(os.readlink(f"/proc/{child}/ns/pid"), encoding="ascii")
    unready = folder / "node" / "init.new"
    unready.write_text(f"{child} {birth}", encoding="ascii")
    unready.rename(folder / "node" / "init")


def first(folder, done):
    """Process 1: lays the mounts, then buries orphans until it is killed, and everything with it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET), "new mount and network namespaces")
    # What the machine mounts later is seen here, never the other way round; containers may share what we mount.
    mount(None, "/", None, MS_REC | MS_SLAVE)
    mount(None, "/", None, MS_REC | MS_SHARED)
    mount("proc", "/proc", "proc", 0)
    for place, own in PLACES.items():
        (folder / own).mkdir(parents=True, exist_ok=True)
        mount(str(folder / own), place, None, MS_BIND)
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")  # of this network namespace alone
    forwarding.write_text("1", encoding="ascii")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    os.write(done, b"+")
    os.close(done)
    while True:
        signal.sigwait({signal.SIGCHLD})
        bury()


def bury():
    """Reaps what is dead by now; one signal may stand for many."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
