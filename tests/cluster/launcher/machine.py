"""What does a node ask of the machine, and how does the machine get it back? Debian packages, kernel settings, cgroups.

All that a node changes outside its own namespaces stands here, and all of it is undone.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from launcher import nodefiles
from launcher.failure import Failure
from launcher.keeper import PLACES

# A program and the Debian package that brings it.
PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "conntrack": "conntrack",
    "iptables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "cc": "gcc",
    "/usr/include/stdlib.h": "libc6-dev",
}
# What containerd and the kubelet set for the whole machine, or need more of than a machine has by default.
KERNEL = ["vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
          "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "fs/inotify/max_user_instances"]
INSTANCES = 1024
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CGROUP = "sidebox-node"
# What containers weigh together against the machine's other work, as that of so many busy processes: they ask for little, and
# where compilers run beside them they would get next to nothing.
WEIGHT = {"cpu.shares": 8 * 1024, "cpu.weight": 8 * 100}
CGROUPS = Path("/sys/fs/cgroup")
STATE = Path("/run/sidebox-node")
GONE_SECONDS = 60
# Higher than the metric of a route to something that is there.
FENCE = "4096"


def check():
    """Says what keeps this machine from running containers, before anything is started."""
    if os.geteuid() != 0:
        raise Failure("level 3 runs containers and needs root; levels 1 and 2 do not (`launch up --level 2`)")
    install([package for program, package in PROGRAMS.items() if not find(program)])


def find(program):
    """Where a program or a file is, whatever the PATH of the caller."""
    if program.startswith("/"):
        return program if Path(program).exists() else None
    return shutil.which(program, path=SYSTEM_PATH)


def install(packages):
    """Installs Debian packages, without starting the services that some of them bring."""
    if not packages:
        return
    names = " ".join(packages)
    if not shutil.which("apt-get"):
        raise Failure(f"level 3 lacks the packages {names}, and there is no apt-get to install them with: install them")
    print(f"launch: installing {names}", file=sys.stderr)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *arguments], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"`apt-get {' '.join(arguments)}` ended with {done.returncode}, and level 3 needs {names}: "
                          f"{done.stderr.strip()}")


@contextmanager
def taken(folder):
    """Makes the machine's one node that of this folder, and yields what must stay open as long as it lives.

    The kernel frees it when the last process that holds it is gone, so a killed node blocks nobody.
    """
    with owner_file() as file:
        if not locked(file):
            raise Failure(f"a cluster of level 3 runs already, in {owner(file)}, and a machine has room for one: end it "
                          "(`launch down --dir FOLDER`), or use level 2")
        give_back()  # what a killed node left
        file.truncate(0)
        file.write(f"{folder}\n")
        file.flush()
        yield file.fileno()


@contextmanager
def free_of(folder):
    """Yields whether the machine has no node now, and keeps it so; waits only for the end of this folder's own."""
    with owner_file() as file:
        yield locked(file, wait=owner(file) == str(folder))


def owner_file():
    """Names the folder of the machine's one node; locked while that lives."""
    STATE.mkdir(exist_ok=True)
    return open(STATE / "folder", "a+", encoding="utf-8")


def owner(file):
    """The folder that the file names."""
    file.seek(0)
    return file.read().strip()


def locked(file, wait=False):
    """Whether the lock of an open file is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def prepare():
    """Changes what a node needs changed, after noting how it was."""
    fence("replace")
    note = {"settings": {name: read(name) for name in KERNEL if setting(name).exists()},
            "folders": [place for place in PLACES if not Path(place).exists()]}
    (STATE / "before.json").write_text(json.dumps(note), encoding="utf-8")
    for place in note["folders"]:
        Path(place).mkdir(parents=True)
    if int(read("fs/inotify/max_user_instances")) < INSTANCES:
        setting("fs/inotify/max_user_instances").write_text(str(INSTANCES), encoding="ascii")
    for hierarchy in hierarchies():
        (hierarchy / CGROUP).mkdir(exist_ok=True)
        for name, value in WEIGHT.items():
            if (hierarchy / CGROUP / name).exists():
                (hierarchy / CGROUP / name).write_text(str(value), encoding="ascii")


def give_back():
    """Undoes `prepare`, once nothing of the node runs any more; does nothing where nothing was changed."""
    before = STATE / "before.json"
    if not before.exists():
        return
    fence("delete")
    remove_cgroups()
    note = json.loads(before.read_text(encoding="utf-8"))
    for name, value in note["settings"].items():
        if read(name) != value:
            setting(name).write_text(value, encoding="ascii")
    for place in note["folders"]:
        remove_empty(Path(place))
    before.unlink()


def fence(change):
    """Routes that count when the node's own are gone: what still calls it then must not ask the machine's network."""
    for network in (nodefiles.CABLE, nodefiles.PODS, nodefiles.SERVICES):
        # One that is not there cannot be deleted, and needs not be.
        subprocess.run([find("ip"), "route", change, "unreachable", network, "metric", FENCE],
                       stdin=subprocess.DEVNULL, capture_output=True, check=change == "replace")


def remove_empty(place):
    """A mount point that we made; whoever uses it by now keeps it."""
    try:
        place.rmdir()
    except OSError:
        pass


def hierarchies():
    """Where cgroups can be made: one folder on version 2, one for each controller on version 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [folder for folder in CGROUPS.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()]


def cgroups():
    """The node's cgroups, deepest first."""
    roots = (hierarchy / CGROUP for hierarchy in hierarchies())
    return [Path(path) for root in roots for path, _, _ in os.walk(root, topdown=False)]


def remove_cgroups():
    """A cgroup can be removed when its last process is gone, which the kernel sees a moment after it was killed."""
    deadline = time.monotonic() + GONE_SECONDS
    while left := cgroups():
        for path in left:
            remove_empty(path)
        if time.monotonic() > deadline:
            raise Failure(f"the cgroup {left[0]} cannot be removed after {GONE_SECONDS} s: its processes "
                          f"{(left[0] / 'cgroup.procs').read_text().split()} do not end")
        if cgroups():
            time.sleep(0.05)


def setting(name):
    """The file of a kernel setting."""
    return Path("/proc/sys") / name


def read(name):
    """The value of a kernel setting."""
    return setting(name).read_text(encoding="ascii").strip()
