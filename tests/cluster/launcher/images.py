"""Images without a registry: the one that holds a Pod open, as an archive that containerd imports.

Knows the layout of docker-archive files; knows nothing of running nodes.
"""

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path

from launcher import binaries, nodefiles
from launcher.failure import Failure
from launcher.lock import locked

SOURCE = binaries.MODULE / "node" / "pause.c"
COMPILE = ["cc", "-static", "-Os", "-s"]


def pause():
    """The archive of the pause image, made by the machine's C compiler when it is needed for the first time."""
    key = hashlib.sha256(SOURCE.read_bytes() + repr(COMPILE).encode() + nodefiles.PAUSE.encode()).hexdigest()[:16]
    archive = binaries.cache() / f"pause-{key}.tar"
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with locked(binaries.cache() / "pause.lock"), tempfile.TemporaryDirectory(dir=archive.parent) as work:
        program = Path(work) / "pause"
        compile_static(program)
        made = Path(work) / "image.tar"
        write_archive(made, nodefiles.PAUSE, {"pause": program.read_bytes()}, ["/pause"])
        made.rename(archive)
    return archive


def compile_static(program):
    """A program without libraries is a whole image."""
    done = subprocess.run([*COMPILE, "-o", str(program), str(SOURCE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"`{' '.join(COMPILE)} {SOURCE}` ended with {done.returncode}; a C compiler with a static libc "
                      f"is needed (Debian: gcc libc6-dev): {done.stderr.strip()}")


def write_archive(target, name, files, entrypoint):
    """One layer, a configuration that names its digest, and the manifest that names both."""
    layer = tar({path: (data, 0o755) for path, data in files.items()})
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "config": {"Entrypoint": entrypoint, "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}.tar"]}]).encode()
    parts = {config_name: config, f"{digest}.tar": layer, "manifest.json": manifest}
    target.write_bytes(tar({path: (data, 0o644) for path, data in parts.items()}))


def tar(files):
    """The bytes of an archive; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (data, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
