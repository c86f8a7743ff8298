"""Starts and stops one cluster in one folder: the composition of all other parts.

    FOLDER/kubeconfig          for the tests and for a person (admin)
    FOLDER/kubectl             the pinned one (a link)
    FOLDER/logs/NAME.log       of each program; logs/audit.log of the API server
    FOLDER/pki/ca.crt, ca.key  the cluster's own CA
    FOLDER/pids/NAME           one record for each process
    FOLDER/cluster.json        what was asked for; written when the cluster is ready
"""

import json
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from contextlib import nullcontext

from launcher import binaries, certificates, components, machine, node, nodefiles, ports, processes
from launcher.failure import Failure
from launcher.lock import locked

POLICY = binaries.MODULE / "audit-policy.yaml"
LOCK = ".lock"


def start(folder, wishes, outlives):
    """Returns the kubeconfig of a ready cluster: the one that runs here, if it is as wished, or a new one."""
    if wishes["level"] == 3:
        machine.check()
    programs = binaries.build(wishes["level"], wishes["kubernetes"])
    claim(folder)
    with locked(folder / LOCK):
        if runs(folder):
            return running_as_wished(folder, wishes)
        end_processes(folder)
        clear(folder)
        try:
            only = machine.taken(folder) if wishes["level"] == 3 else nullcontext()
            with only as lock, ports.reserved(binaries.cache() / "ports", components.PORTS[wishes["level"]]) as numbers:
                Start(folder, programs, numbers, outlives).run(wishes, lock)
        except BaseException:
            end_processes(folder)
            raise
    return folder / "kubeconfig"


def stop(folder):
    """Ends what runs in the folder, last started first; returns the names. The logs stay."""
    if not (folder / LOCK).exists():
        return []
    with locked(folder / LOCK):
        (folder / "cluster.json").unlink(missing_ok=True)
        ended = end_processes(folder)
        for data in ("etcd", "node"):
            shutil.rmtree(folder / data, ignore_errors=True)
    return ended


def end_processes(folder):
    """Ends each process that a record names and that is still ours, and what a node has beside processes.

    The node goes first: its programs would keep the API server busy to the last.
    """
    records = list(reversed(processes.records(folder)))
    ended = [record.name for record in records if processes.alive(record)]
    node.end(folder)
    for record in records:
        processes.stop(record)
    node.close(folder)
    return ended


def processes_of(folder):
    """Name and liveness of each recorded process."""
    return [(record.name, processes.alive(record)) for record in processes.records(folder)]


def runs(folder):
    """Whether a cluster became ready here and all its processes are still alive."""
    return (folder / "cluster.json").exists() and all(alive for _, alive in processes_of(folder))


def running_as_wished(folder, wishes):
    """A second start is no error, unless it asks for another cluster than the one that runs."""
    found = json.loads((folder / "cluster.json").read_text(encoding="utf-8"))
    if found != wishes:
        raise Failure(f"another cluster runs in {folder}: {json.dumps(found)}, wanted {json.dumps(wishes)}; "
                      f"end it first (`launch down --dir {folder}`), or give another --dir")
    return folder / "kubeconfig"


def claim(folder):
    """Makes the folder ours; refuses one that holds anything else, since a start empties it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / LOCK).exists() and any(folder.iterdir()):
        raise Failure(f"{folder} is neither empty nor the folder of a cluster: give another --dir")
    folder.chmod(0o700)
    (folder / LOCK).touch()


def clear(folder):
    """Every cluster begins empty, with its own keys."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    for name in ("logs", "pids", "pki"):
        (folder / name).mkdir()


class Start:
    """One start in an empty folder, program after program, each awaited by its own probe."""

    def __init__(self, folder, programs, numbers, outlives):
        self.folder = folder
        self.programs = programs
        self.ports = numbers
        self.outlives = outlives
        self.node = node.Node(folder)

    def run(self, wishes, lock):
        """Leaves a ready cluster, described in cluster.json."""
        level = wishes["level"]
        certificates.make(self.folder / "pki")
        self.write_kubeconfigs(components.host(level))
        if level == 3:
            self.node.open(self.outlives, lock)
            self.node.start_runtime(self.outlives)
        self.control_plane(wishes)
        if level == 1:
            self.default_service_account()
        else:
            self.controllers()
        if level == 2:
            self.fake_nodes(wishes["nodes"], wishes["kwok"])
        if level == 3:
            self.real_node(wishes["kubernetes"])
        (self.folder / "cluster.json").write_text(json.dumps(wishes), encoding="utf-8")

    def write_kubeconfigs(self, host):
        """One for each client; the admin's is the cluster's."""
        server = f"https://{host}:{self.ports['kube-apiserver']}"
        for client in certificates.CLIENTS:
            name = "kubeconfig" if client == "admin" else f"{client}.kubeconfig"
            certificates.write_kubeconfig(self.folder / "pki", client, server, self.folder / name)
        (self.folder / "kubectl").symlink_to(self.programs / "kubectl")

    def control_plane(self, wishes):
        """etcd first: the API server gives up without it."""
        self.program(*components.etcd(self.folder, self.ports))
        policy = wishes["audit_policy"] or POLICY
        self.program(*components.kube_apiserver(
            self.folder, self.ports, wishes["level"], policy, wishes["apiserver"]))

    def default_service_account(self):
        """No controller makes it at level 1, and without it no Pod is admitted."""
        self.kubectl("wait", "--for=create", "namespace/default", f"--timeout={processes.READY_SECONDS}s")
        self.kubectl("create", "serviceaccount", "default")

    def controllers(self):
        """What makes Pods out of Deployments and Jobs, and places them."""
        self.program(*components.kube_controller_manager(self.folder, self.ports))
        self.program(*components.kube_scheduler(self.folder, self.ports))

    def fake_nodes(self, count, configs):
        """Ready when Pods can be made and scheduled, not merely when the programs answer."""
        self.program(*components.kwok(self.folder, self.ports, self.programs, configs))
        self.kubectl("wait", "--for=create", "serviceaccount/default", f"--timeout={processes.READY_SECONDS}s")
        if count:
            self.kubectl("create", "-f", "-", stdin=json.dumps(components.fake_nodes(count)))
            self.kubectl("wait", "--for=condition=Ready", "node", "--all", f"--timeout={processes.READY_SECONDS}s")

    def real_node(self, kubernetes):
        """Ready when containers can run: the node says so, and Services lead to their Pods."""
        self.node.start_programs(self.programs, kubernetes, self.outlives)
        for name in nodefiles.HEALTH:
            self.await_answer(name, nodefiles.probe(name))
        self.kubectl("wait", "--for=create", "serviceaccount/default", f"--timeout={processes.READY_SECONDS}s")
        self.kubectl("wait", "--for=create", f"node/{nodefiles.NAME}", f"--timeout={processes.READY_SECONDS}s")
        self.kubectl("wait", "--for=condition=Ready", f"node/{nodefiles.NAME}", f"--timeout={processes.READY_SECONDS}s")

    def program(self, argv, probe):
        """Starts a program and waits until its probe answers."""
        path = str(self.programs / argv[0])
        processes.start(self.folder, [path, *argv[1:]], self.outlives)
        self.await_answer(argv[0], probe)

    def await_answer(self, name, probe):
        """Waits until a probe answers 200; says why if the program ends first."""
        processes.await_while_alive(self.folder, name, lambda: self.answers(probe),
                                    "ended while it started", f"did not answer {probe} with 200 within {processes.READY_SECONDS} s")

    def answers(self, probe):
        """One probe, past any proxy."""
        trust = ssl.create_default_context(cafile=self.folder / "pki" / "ca.crt")
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        try:
            with urllib.request.build_opener(*handlers).open(probe, timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kubectl(self, *arguments, stdin=""):
        """The pinned kubectl as admin, with its caches in the folder."""
        environment = {"HOME": str(self.folder), "KUBECONFIG": str(self.folder / "kubeconfig")}
        done = subprocess.run([self.folder / "kubectl", *arguments], input=stdin, env=environment,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"`kubectl {' '.join(arguments)}` ended with {done.returncode}: {done.stderr.strip()}")
