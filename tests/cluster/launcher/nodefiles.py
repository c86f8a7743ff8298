"""What do the node's programs read? Pure: their configuration and arguments, from a folder.

The recipe's surprises are marked: each of them cost somebody an afternoon.
"""

import json

NAME = "node"
# The two ends of the cable between machine and node, the Pods behind it, and the Services with the API server's own.
CABLE = "10.243.77.0/30"
MACHINE, NODE = "10.243.77.1", "10.243.77.2"
PODS = "10.244.77.0/24"
SERVICES, KUBERNETES = "10.245.77.0/24", "10.245.77.1"
PAUSE = "sidebox.test/pause:1"
SOCKET = "/run/containerd/containerd.sock"
HEALTH = {"kubelet": 10248, "kube-proxy": 10256}

CONTAINERD = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  # Without CAP_SYS_RESOURCE no score below one's own can be set, and every sandbox would die of the attempt.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/node/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def write(folder):
    """Fills the node's folder."""
    node = folder / "node"
    (node / "net.d").mkdir()
    (node / "containerd.toml").write_text(
        CONTAINERD.format(socket=SOCKET, pause=PAUSE, folder=folder), encoding="utf-8")
    (node / "net.d" / "10-sidebox.conflist").write_text(json.dumps(network()), encoding="utf-8")
    (node / "kubelet.json").write_text(json.dumps(kubelet_configuration(folder)), encoding="utf-8")


def network():
    """A bridge for all Pods; addresses from one range."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "pods0", "isGateway": True, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "sidebox", "plugins": [bridge, portmap]}


def kubelet_configuration(folder):
    """KubeletConfiguration."""
    pki = folder / "pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "healthzBindAddress": NODE,
        "healthzPort": HEALTH["kubelet"],
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": "/sidebox-node",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # as in containerd's configuration
        # The machine's disk and memory are not the node's to tidy up.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "1%", "nodefs.available": "1%", "imagefs.available": "1%"},
        "makeIPTablesUtilChains": False,
        "serializeImagePulls": False,
        "maxPods": 200,
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": str(pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "node.crt"),
        "tlsPrivateKeyFile": str(pki / "node.key"),
    }


def kubelet(folder):
    """Its arguments; healthy before the node is ready."""
    return [f"--config={folder / 'node/kubelet.json'}", f"--kubeconfig={folder / 'kubelet.kubeconfig'}",
            f"--hostname-override={NAME}", f"--node-ip={NODE}", "--root-dir=/var/lib/kubelet"]


def kube_proxy(folder, kubernetes):
    """Its arguments. The machine's own limits of connection tracking are not a node's to change."""
    gates = ["--feature-gates=NFTablesProxyMode=true"] if kubernetes == "oldest" else []  # on by default since 1.31
    return [f"--kubeconfig={folder / 'kube-proxy.kubeconfig'}", "--proxy-mode=nftables", f"--hostname-override={NAME}",
            f"--cluster-cidr={PODS}", "--oom-score-adj=0", "--conntrack-max-per-core=0", "--conntrack-min=0",
            f"--healthz-bind-address={NODE}:{HEALTH['kube-proxy']}", "--metrics-bind-address=127.0.0.1:10249", *gates]


def probe(name):
    """Where a program says that it is well."""
    return f"http://{NODE}:{HEALTH[name]}/healthz"
