"""One node that runs containers: containerd, kubelet and kube-proxy in namespaces of their own.

The composition of level 3. The machine sees a network interface and a cgroup of the node, and its processes.
"""

import os
import subprocess
import sys
import time

from launcher import images, machine, nodefiles, processes
from launcher.failure import Failure

LINK = "sidebox0"


class Node:
    """The node of a cluster's folder."""

    def __init__(self, folder):
        self.folder = folder
        self.init = folder / "node" / "init"

    def open(self, outlives, lock):
        """Makes the namespaces and the link to them; what follows can be started in there."""
        left = await_nothing(self.folder)  # of a node that was killed just now
        if left:
            raise Failure(f"an earlier node left {', '.join(left)}: remove it, or restart the machine")
        (self.folder / "node").mkdir()
        machine.prepare()
        keeper = [sys.executable, str(processes.LAUNCHER / "keeper.py"), str(self.folder)]
        processes.start(self.folder, keeper, outlives, name="node", keep=lock)
        self.wait_for("node", "makes its namespaces", self.init.exists)
        self.link()

    def link(self):
        """One cable between the machine and the node; no way from there to anywhere else."""
        pid = str(processes.read(self.init)[0])
        command("ip", "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", pid)
        command("ip", "address", "add", f"{nodefiles.MACHINE}/30", "dev", LINK)
        command("ip", "link", "set", LINK, "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "address", "add", f"{nodefiles.NODE}/30", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        # Services are turned into their endpoints only after the kernel has found a way to their addresses.
        self.inside("ip", "route", "add", nodefiles.SERVICES, "via", nodefiles.MACHINE)
        command("ip", "route", "add", nodefiles.PODS, "via", nodefiles.NODE)
        # The API server calls Services from here, and the node's kube-proxy takes it from there.
        command("ip", "route", "add", nodefiles.SERVICES, "via", nodefiles.NODE)

    def start_runtime(self, outlives):
        """containerd, and the image that every Pod needs."""
        nodefiles.write(self.folder)
        self.run("containerd", [machine.find("containerd"), "--config", str(self.folder / "node/containerd.toml")],
                 outlives)
        self.wait_for("containerd", "answers", lambda: self.ctr("version", check=False))
        self.load([images.pause()])

    def start_programs(self, programs, kubernetes, outlives):
        """kubelet and kube-proxy, which need the API server."""
        self.run("kubelet", [str(programs / "kubelet"), *nodefiles.kubelet(self.folder)], outlives)
        self.run("kube-proxy", [str(programs / "kube-proxy"), *nodefiles.kube_proxy(self.folder, kubernetes)], outlives)

    def run(self, name, argv, outlives):
        """Starts a program inside. It ends with the node, however the process that entered for it ends."""
        processes.start(self.folder, [*self.enter(), *argv], outlives, name=name)

    def load(self, archives):
        """Imports docker-archive files, all layers unpacked, under the names that they carry."""
        for archive in archives:
            if not archive.is_file():
                raise Failure(f"{archive}: no such image archive")
            self.ctr("images", "import", str(archive))

    def ctr(self, *arguments, check=True):
        """containerd's own client; whether it succeeded."""
        return self.inside(machine.find("ctr"), "--namespace", "k8s.io", *arguments, check=check)

    def inside(self, *argv, check=True):
        """Runs a command in the node's namespaces."""
        return command(*self.enter(), *argv, check=check)

    def enter(self):
        """The words that put a command into the node."""
        if not self.init.exists() or not processes.alive(self.init):
            raise Failure(f"no node runs in {self.folder}")
        pid = processes.read(self.init)[0]
        return [machine.find("nsenter"), f"--target={pid}", "--mount", "--net", "--pid", "--"]

    def wait_for(self, name, what, condition):
        """Waits for a condition while the program of a record lives."""
        processes.await_while_alive(self.folder, name, condition, f"ended before it {what}",
                                    f"was awaited for {processes.READY_SECONDS} s in vain until it {what}")


def end(folder):
    """Kills the first process of the node's namespaces, and so all in them; it heeds no SIGTERM from outside."""
    init = folder / "node" / "init"
    if init.exists() and processes.alive(init):
        processes.end(*processes.read(init), grace=0)


def close(folder):
    """After the node's end: waits for what the kernel takes down with it, gives the rest back, and proves it."""
    if not (folder / "node").exists():
        return
    with machine.free_of(folder) as free:
        if not free:  # another cluster's node, which leaves ours nothing to undo
            return
        machine.give_back()
        left = await_nothing(folder)
    if left:
        raise Failure(f"the node of {folder} left {', '.join(left)}")


def await_nothing(folder):
    """What is still there of a node after a while that is long enough for the kernel."""
    deadline = time.monotonic() + machine.GONE_SECONDS
    while left := remains(folder):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return left


def remains(folder):
    """Traces of a node on this machine, in words: processes, interface, mounts, cgroups, firewall tables."""
    namespace = folder / "node" / "namespace"
    running = processes.within(namespace.read_text(encoding="ascii")) if namespace.exists() else []
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        mounted = [line.split()[1] for line in mounts if str(folder) in line]
    links = [name for name in os.listdir("/sys/class/net") if name == LINK]
    tables = [line for line in output("nft", "list", "tables").splitlines() if "kube-proxy" in line]
    return [*(f"process {pid}" for pid in running), *links, *mounted, *map(str, machine.cgroups()), *tables]


def output(*argv):
    """What a command prints; nothing where it is not installed."""
    program = machine.find(argv[0])
    if not program:
        return ""
    return subprocess.run([program, *argv[1:]], capture_output=True, text=True, check=False).stdout


def command(*argv, check=True):
    """Runs a command that must succeed, unless it is a question; its words are shown only if it fails."""
    program = machine.find(str(argv[0]))
    environment = {"PATH": machine.SYSTEM_PATH}
    done = subprocess.run([program, *argv[1:]], env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode and check:
        raise Failure(f"`{' '.join(map(str, argv))}` ended with {done.returncode}: "
                      f"{done.stderr.strip() or done.stdout.strip()}")
    return done.returncode == 0


def load(folder, archives):
    """Imports image archives into the node that runs in a folder."""
    Node(folder).load(archives)
