"""Is a process that we started still running, and how is it ended? Knows pids; knows nothing of Kubernetes.

A record is a small file `pids/NAME` that holds the pid and the moment (kernel ticks) at which that process began: a
pid alone may meanwhile belong to somebody else. Records are written by the child before it becomes the
program, so a launcher that is killed at any moment leaves no process without one.
"""

import ctypes
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from launcher.failure import Failure

LAUNCHER = Path(__file__).resolve().parent
GRACE_SECONDS = 5
READY_SECONDS = 180  # a busy machine; an idle one needs three seconds
PR_SET_PDEATHSIG = 1


def start(folder, argv, outlives, name=None, keep=None):
    """Starts a program detached from our terminal, its output in `logs/NAME.log`.

    Unless it outlives us, the kernel kills it when we die, even by SIGKILL. `keep` is a file that stays open in it.
    """
    name = name or Path(argv[0]).name
    record = folder / "pids" / name
    launcher = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def in_child():
        record.write_text(f"{os.getpid()} {began(os.getpid())}", encoding="ascii")
        if not outlives:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != launcher:  # we died before the line above
                os._exit(1)

    # No proxy variable reaches a program, and no configuration of the user's home.
    # Memory for time: a cluster of tests is small, and Go would collect its garbage again and again.
    environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "HOME": str(folder), "GOGC": "400"}
    with open(folder / "logs" / f"{name}.log", "ab") as log:
        subprocess.Popen(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         start_new_session=True, preexec_fn=in_child, pass_fds=() if keep is None else (keep,))


def records(folder):
    """All records, in the order in which the programs were started."""
    return sorted(folder.glob("pids/*"), key=lambda record: record.stat().st_mtime_ns)


def alive(record):
    """Whether the recorded process itself still runs."""
    pid, birth = read(record)
    return birth is not None and began(pid) == birth


def stop(record):
    """Ends the recorded process, if it is still ours, and forgets it. Returns whether it ran."""
    ran = alive(record)
    if ran:
        end(*read(record))
    record.unlink()
    return ran


def end(pid, birth, grace=GRACE_SECONDS):
    """SIGTERM, then after a grace SIGKILL, through a pidfd: it cannot come to mean another process meanwhile."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if began(pid) != birth:
            return
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], grace)[0]:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            select.select([process], [], [])
    except ProcessLookupError:
        pass
    finally:
        os.close(process)


def await_while_alive(folder, name, condition, ended, in_vain):
    """Waits for a condition of a program; says `ended` if the program ends first, `in_vain` if it takes too long."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if not alive(folder / "pids" / name):
            raise Failure(f"{name} {ended}{last_words(folder, name)}")
        if time.monotonic() > deadline:
            raise Failure(f"{name} {in_vain}{last_words(folder, name)}")
        time.sleep(0.05)


def within(namespace):
    """The living processes of a process namespace, by what `/proc/PID/ns/pid` says."""
    return [int(entry.name) for entry in Path("/proc").iterdir()
            if entry.name.isdigit() and namespace_of(entry.name) == namespace and began(int(entry.name))]


def namespace_of(pid):
    """Names the process namespace of a process; None when the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def last_words(folder, name):
    """The end of a log that a test runner may throw away with its folder."""
    log = folder / "logs" / f"{name}.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
    return f"; the end of {log}:\n" + "\n".join(lines)


def read(record):
    """Pid and birth; no birth if the record was never finished, and so its program never ran."""
    numbers = record.read_text(encoding="ascii").split()
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, None)


def began(pid):
    """When a process began, in ticks since boot; None when it is gone or a zombie.

    Fields 3 and 22 of proc_pid_stat(5).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name before may hold spaces and parentheses
    return None if fields[0] in "ZX" else int(fields[19])
