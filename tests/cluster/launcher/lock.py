"""One run at a time: a lock on a file, which the kernel frees when its holder dies."""

import fcntl
import sys
from contextlib import contextmanager


@contextmanager
def locked(path):
    """Holds the file's exclusive lock, and says so when it must wait for it."""
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"launch: waiting for another run that holds {path}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
