"""The keys of one cluster: a CA, a serving certificate, client certificates, the service accounts' key pair.

Made by openssl at each start and good for that cluster only; knows nothing of processes.
"""

import base64
import shutil
import subprocess

from launcher import nodefiles
from launcher.failure import Failure

DAYS = "365"
SERVER_NAMES = (
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
    # The first Service IP is the API server's own. The last: where a node reaches it.
    f"IP:127.0.0.1,IP:{nodefiles.KUBERNETES},IP:{nodefiles.MACHINE}"
)
# What kube-apiserver's built-in roles know each client by.
CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kwok": "/O=system:masters/CN=kwok",
    "kubelet": f"/O=system:nodes/CN=system:node:{nodefiles.NAME}",
    "kube-proxy": "/CN=system:kube-proxy",
    "kubelet-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
}
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256", "-days", DAYS]


def make(pki):
    """Fills an existing folder: `ca`, `server`, `node` and each client as .crt and .key, `service-accounts` .key and .pub."""
    if not shutil.which("openssl"):
        raise Failure("openssl is not on the PATH: install OpenSSL 3 to make the cluster's certificates")
    # An empty configuration: the machine's own would add extensions to each certificate.
    (pki / "openssl.cnf").write_text("[req]\ndistinguished_name = name\n[name]\n", encoding="ascii")
    authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
    request(pki, "ca", "/CN=sidebox-test-cluster", authority)
    leaf(pki, "server", "/CN=kube-apiserver", "serverAuth", [f"subjectAltName={SERVER_NAMES}"])
    leaf(pki, "node", f"/CN=system:node:{nodefiles.NAME}", "serverAuth", [f"subjectAltName=IP:{nodefiles.NODE}"])
    for name, subject in CLIENTS.items():
        leaf(pki, name, subject, "clientAuth", [])
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", str(pki / "service-accounts.key"))
    openssl("pkey", "-in", str(pki / "service-accounts.key"), "-pubout", "-out", str(pki / "service-accounts.pub"))


def leaf(pki, name, subject, usage, extensions):
    """A certificate of our CA for one use."""
    plain = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
    request(pki, name, subject, plain + extensions, "-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key"))


def request(pki, name, subject, extensions, *issuer):
    """A new key and its certificate; self-signed without an issuer."""
    added = [part for extension in extensions for part in ("-addext", extension)]
    openssl("req", "-x509", "-config", str(pki / "openssl.cnf"), *NEW_KEY, "-subj", subject, *added, *issuer,
            "-keyout", str(pki / f"{name}.key"), "-out", str(pki / f"{name}.crt"))


def openssl(*arguments):
    """Runs openssl; its words are shown only if it fails."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"`openssl {' '.join(arguments)}` ended with {done.returncode}, "
                      f"OpenSSL 3 is expected: {done.stderr.strip()}")


def write_kubeconfig(pki, client, server, target):
    """A kubeconfig that carries its keys, so that it can be copied anywhere on this machine."""
    def inline(file):
        return base64.b64encode((pki / file).read_bytes()).decode()

    target.touch(mode=0o600)
    target.write_text(f"""\
apiVersion: v1
kind: Config
current-context: sidebox-test
clusters:
- name: sidebox-test
  cluster:
    server: {server}
    certificate-authority-data: {inline("ca.crt")}
users:
- name: {client}
  user:
    client-certificate-data: {inline(client + ".crt")}
    client-key-data: {inline(client + ".key")}
contexts:
- name: sidebox-test
  context:
    cluster: sidebox-test
    user: {client}
""", encoding="ascii")
