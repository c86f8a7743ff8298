"""Which ports may a cluster take, when others start beside it? Knows sockets and lock files only."""

import fcntl
import random
import socket
from contextlib import ExitStack, contextmanager

from launcher.failure import Failure

# Below the kernel's range for outgoing connections (32768 and up), so that none of those takes the port meanwhile.
RANGE = range(20000, 30000)


@contextmanager
def reserved(folder, names):
    """Gives each name a free port, which no other launcher of this folder picks until the block ends.

    By then the programs listen, and the ports are seen to be taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as locks:
        candidates = iter(random.sample(RANGE, len(RANGE)))
        yield {name: reserve(folder, candidates, locks) for name in names}


def reserve(folder, candidates, locks):
    """The next candidate that is neither reserved nor in use."""
    for port in candidates:
        file = open(folder / str(port), "w", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        locks.enter_context(file)
        if is_free(port):
            return port
    raise Failure(f"no free port on 127.0.0.1 between {RANGE.start} and {RANGE.stop - 1}: end some clusters")


def is_free(port):
    """Whether a program could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
