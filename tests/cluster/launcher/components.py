"""How is each program called? Pure: from a folder, its ports and the wishes to argument lists and probes."""

from launcher import nodefiles
from launcher.binaries import STAGES

SERVICE_RANGE = nodefiles.SERVICES
POD_RANGE = "10.64.0.0/16"
FAKE_NODE = "kwok.x-k8s.io/node"  # the annotation by which kwok knows its nodes

# What each level listens on.
PORTS = {
    1: ["kube-apiserver", "etcd", "etcd-peer"],
    2: ["kube-apiserver", "etcd", "etcd-peer", "kube-controller-manager", "kube-scheduler", "kwok"],
    3: ["kube-apiserver", "etcd", "etcd-peer", "kube-controller-manager", "kube-scheduler"],
}


def etcd(folder, ports):
    """Without fsync: the data of a test need not survive a power cut."""
    client, peer = loopback(ports["etcd"]), loopback(ports["etcd-peer"])
    return [
        "etcd", "--name=sidebox", f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=sidebox={peer}",
        "--logger=zap", "--log-level=warn",
    ], f"{client}/readyz"


def host(level):
    """The address of the API server: loopback, or the end of the cable that a node reaches."""
    return nodefiles.MACHINE if level == 3 else "127.0.0.1"


def kube_apiserver(folder, ports, level, policy, extra):
    """All admission plugins that are on by default, and NodeRestriction. This machine alone can reach it."""
    pki = folder / "pki"
    return [
        "kube-apiserver", *serving(folder, ports["kube-apiserver"], host(level)),
        f"--advertise-address={host(level)}", *(kubelets(pki) if level > 1 else []), *(alone() if level < 3 else []),
        f"--etcd-servers={loopback(ports['etcd'])}", f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
        f"--client-ca-file={pki / 'ca.crt'}", "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        f"--service-account-key-file={pki / 'service-accounts.pub'}",
        # One file, never rotated: a test reads all of it. For 1.30 zero would mean 100 MB.
        f"--audit-policy-file={policy}", f"--audit-log-path={folder / 'logs' / 'audit.log'}",
        "--audit-log-maxsize=1000000",
        *extra,
    ], f"https://{host(level)}:{ports['kube-apiserver']}/readyz"


def alone():
    """Nothing can be reached at an endpoint of the Service `kubernetes`, and loopback is none."""
    return ["--endpoint-reconciler-type=none"]


def kubelets(pki):
    """For `exec`, `logs` and `port-forward`, by address since there is no DNS. Webhooks are called at their Service's address, at level 3
    by way of the node."""
    return [f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}", f"--kubelet-certificate-authority={pki / 'ca.crt'}",
            "--kubelet-preferred-address-types=InternalIP"]


def kube_controller_manager(folder, ports):
    """Alone, so it needs no election; brisk enough for a thousand Pods in a burst."""
    pki = folder / "pki"
    return [
        "kube-controller-manager", *serving(folder, ports["kube-controller-manager"]),
        *controller(folder, "kube-controller-manager"), "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}", f"--root-ca-file={pki / 'ca.crt'}",
        # A machine that is busy for a minute has not lost its nodes, and Pods marked not ready for it would stay so.
        "--node-monitor-grace-period=10m",
    ], f"https://127.0.0.1:{ports['kube-controller-manager']}/healthz"


def kube_scheduler(folder, ports):
    """Alone, as the controller manager is."""
    return [
        "kube-scheduler", *serving(folder, ports["kube-scheduler"]), *controller(folder, "kube-scheduler"),
    ], f"https://127.0.0.1:{ports['kube-scheduler']}/healthz"  # 1.30 has no /readyz


def kwok(folder, ports, binaries, configs):
    """Plays the nodes that carry the annotation, and their Pods; leaves others alone.

    It does not start without stages, and the program carries none. Further files say where a port-forward leads.
    """
    port, pki = ports["kwok"], folder / "pki"
    return [
        "kwok", f"--kubeconfig={folder / 'kwok.kubeconfig'}", f"--config={binaries / STAGES}",
        f"--manage-nodes-with-annotation-selector={FAKE_NODE}=fake", "--manage-all-nodes=false",
        f"--cidr={POD_RANGE}", "--node-ip=127.0.0.1", f"--node-port={port}", f"--server-address=127.0.0.1:{port}",
        f"--tls-cert-file={pki / 'server.crt'}", f"--tls-private-key-file={pki / 'server.key'}",
        *(f"--config={file}" for file in configs),
    ], f"{loopback(port)}/healthz"


def fake_nodes(count):
    """What to create so that kwok has something to play."""
    return {"apiVersion": "v1", "kind": "List", "items": [fake_node(f"fake-{number}") for number in range(count)]}


def fake_node(name):
    """An ordinary Linux node by its labels, without a taint, so that Pods need no toleration."""
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    metadata = {"name": name, "labels": labels, "annotations": {FAKE_NODE: "fake"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def serving(folder, port, address="127.0.0.1"):
    """All three Kubernetes servers show the one certificate, which is for each address."""
    pki = folder / "pki"
    return [f"--bind-address={address}", f"--secure-port={port}", f"--tls-cert-file={pki / 'server.crt'}",
            f"--tls-private-key-file={pki / 'server.key'}"]


def controller(folder, name):
    """What controller manager and scheduler have in common."""
    config = folder / f"{name}.kubeconfig"
    return [f"--kubeconfig={config}", f"--authentication-kubeconfig={config}", f"--authorization-kubeconfig={config}",
            "--authentication-skip-lookup=true", "--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000"]


def loopback(port):
    """A plain address that this machine alone can reach."""
    return f"http://127.0.0.1:{port}"
