"""Which programs does a level need, and where are they? Builds them once, from Go modules, into a cache.

Knows Go and the cache; knows nothing of running clusters.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from launcher.failure import Failure
from launcher.lock import locked

MODULE = Path(__file__).resolve().parents[1]
KWOK_MODULE = MODULE / "kwok"
ACTIONLINT_MODULE = MODULE / "actionlint"
HELM_MODULE = MODULE / "helm"
PROMTOOL_MODULE = MODULE / "promtool"
KINDS_MODULE = MODULE / "kinds"
# Which Kubernetes: the one of the tests, or the oldest that Sidebox supports.
KUBERNETES = {"pinned": MODULE, "oldest": MODULE / "oldest"}
STAGES = "kwok-stages.yaml"

# The tags of the official build, and no selinux libraries, test hooks or gRPC tracing.
KUBERNETES_FLAGS = ["-trimpath", "-tags", "selinux,notest,grpcnotrace"]
PLAIN_FLAGS = ["-trimpath"]
# Without the clouds in which Prometheus can look for targets: rules need none, and they are most of the build.
PROMTOOL_FLAGS = ["-trimpath", "-tags", "remove_all_sd"]
STRIP = "-s -w"

# What differs between one Kubernetes and another. kubectl is a client of both.
SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")

# Name of the program: module folder (of the pinned Kubernetes), package, flags.
PROGRAMS = {
    "etcd": (MODULE, "go.etcd.io/etcd/server/v3", PLAIN_FLAGS),
    "kwok": (KWOK_MODULE, "sigs.k8s.io/kwok/cmd/kwok", PLAIN_FLAGS),
    "actionlint": (ACTIONLINT_MODULE, "github.com/rhysd/actionlint/cmd/actionlint", PLAIN_FLAGS),
    "helm": (HELM_MODULE, "helm.sh/helm/v4/cmd/helm", PLAIN_FLAGS),
    "kinds": (KINDS_MODULE, ".", PLAIN_FLAGS),
    "promtool": (PROMTOOL_MODULE, "github.com/prometheus/prometheus/cmd/promtool", PROMTOOL_FLAGS),
} | {
    name: (MODULE, f"k8s.io/kubernetes/cmd/{name}", KUBERNETES_FLAGS)
    for name in (*SERVERS, "kubectl")
}

TOOLS = ["actionlint", "helm", "kinds", "promtool"]

LEVELS = {
    1: ["etcd", "kube-apiserver", "kubectl"],
    2: ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kwok"],
    3: ["etcd", "kube-apiserver", "kubectl", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"],
}


def cache():
    """The folder outside the repository that all checkouts of a user share."""
    root = os.environ.get("SIDEBOX_CACHE") or Path.home() / ".cache" / "sidebox"
    return Path(root).resolve() / "cluster"


def build(level, kubernetes):
    """Returns the folder that holds all programs of the level, after building those that are missing.

    A program is renamed into the folder when it is whole, so its presence is proof enough.
    """
    folder = cache() / key(kubernetes) / "bin"
    if missing(folder, level):
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "lock"):
            build_missing(folder, level, kubernetes)
    return folder


def tool(name):
    """Returns a program that no cluster needs. Each changes on its own, so each has a folder of its own."""
    module, _, flags = PROGRAMS[name]
    folder = cache() / f"{name}-{digest([module], flags, STRIP)}" / "bin"
    program = folder / name
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder.parent / "lock"):
            if not program.exists():
                check_go()
                build_all(folder, [name], "pinned")
    return program


def missing(folder, level):
    """The files of the level that are not built yet."""
    wanted = LEVELS[level] + ([STAGES] if "kwok" in LEVELS[level] else [])
    return [name for name in wanted if not (folder / name).exists()]


def key(kubernetes):
    """Names the folder of the programs of all levels."""
    modules = dict.fromkeys([KUBERNETES[kubernetes], MODULE, KWOK_MODULE])
    return digest(modules, KUBERNETES_FLAGS, PLAIN_FLAGS, STRIP)


def digest(modules, *flags):
    """Changes with every input of a build: modules, their sums, programs of our own, flags."""
    inputs = hashlib.sha256()
    for folder in modules:
        for file in [folder / "go.mod", folder / "go.sum", *sorted(folder.glob("*.go"))]:
            inputs.update(file.read_bytes())
    inputs.update(repr(flags).encode())
    return inputs.hexdigest()[:16]


def build_missing(folder, level, kubernetes):
    """Builds with the lock held; what another run finished meanwhile is no longer missing."""
    names = missing(folder, level)
    if names:
        check_go()
    build_all(folder, names, kubernetes)


def build_all(folder, names, kubernetes):
    """Builds beside the folder, so that only whole programs get into it."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as work:
        for name in names:
            whole = Path(work) / name
            write_stages(whole) if name == STAGES else build_program(name, whole, kubernetes)
            whole.rename(folder / name)


def build_program(name, target, kubernetes):
    """Runs one `go build`; its errors go to our standard error."""
    module, package, flags = PROGRAMS[name]
    module = KUBERNETES[kubernetes] if name in SERVERS else module
    print(f"launch: building {name} (once; minutes when Go's own cache is cold)", file=sys.stderr)
    began = time.monotonic()
    linker = f"{STRIP} {version_flags(module)}" if package.startswith("k8s.io/kubernetes/") else STRIP
    go(module, "build", *flags, "-ldflags", linker, "-o", str(target), package)
    print(f"launch: built {name} in {time.monotonic() - began:.0f} s", file=sys.stderr)


def version_flags(module):
    """Clients parse the server's minor version, which the official build links in."""
    full = required(module, r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S+)")
    values = {"gitVersion": full[1], "gitMajor": full[2], "gitMinor": full[3], "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(f"-X {package}.{name}={value}" for package in packages for name, value in values.items())


def write_stages(target):
    """How kwok plays a node and a Pod: its own defaults, which the program alone does not carry."""
    source = Path(go(KWOK_MODULE, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok", capture=True).strip())
    stages = source / "kustomize" / "stage"
    files = [
        stages / "node" / "fast" / "node-initialize.yaml",
        stages / "node" / "heartbeat-with-lease" / "node-heartbeat-with-lease.yaml",
        *(stages / "pod" / "fast" / f"pod-{step}.yaml" for step in ("ready", "complete", "delete")),
    ]
    target.write_text("\n---\n".join(file.read_text(encoding="utf-8") for file in files), encoding="utf-8")


def check_go():
    """Says what is wrong before Go does so less clearly."""
    wanted = required(MODULE, r"^go (\d+\.\d+)")[1]
    if not shutil.which("go"):
        raise Failure(f"go is not on the PATH: install Go {wanted} or newer (https://go.dev/dl) to build Kubernetes")
    found = go(MODULE, "env", "GOVERSION", capture=True).strip()
    numbers = re.match(r"go(\d+)\.(\d+)", found)
    if numbers and (int(numbers[1]), int(numbers[2])) < tuple(map(int, wanted.split("."))):
        raise Failure(f"{shutil.which('go')} is {found}: Go {wanted} or newer is needed to build Kubernetes")


def required(module, pattern):
    """One line of a go.mod, so that a version stands in one place only."""
    file = module / "go.mod"
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise Failure(f"{file}: no line matches {pattern}")
    return found


def go(module, *arguments, capture=False):
    """Runs the machine's own Go, static and without a workspace; returns its output if asked to."""
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    output = subprocess.PIPE if capture else sys.stderr
    done = subprocess.run(["go", *arguments], cwd=module, env=environment, stdin=subprocess.DEVNULL,
                          stdout=output, text=True, check=False)
    if done.returncode:
        raise Failure(f"`go {' '.join(arguments)}` in {module} ended with {done.returncode}, see above")
    return done.stdout
