"""What measures need: an application, the two programs, and what a run of one costs. Knows no measure."""

import os
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass
class Row:
    """One line of the table. `reached` is None where nothing is promised."""

    measure: str
    ours: str
    theirs: str = ""
    promise: str = ""
    reached: "bool | None" = None

    def line(self):
        reached = {None: "", True: "yes", False: "**no**"}[self.reached]
        return f"| {self.measure} | {self.ours} | {self.theirs} | {self.promise} | {reached} |"


@dataclass
class Cost:
    """What a run used."""

    peak_mib: float
    cpu_seconds: float


class Setup:
    """The programs and a folder to work in."""

    def __init__(self, sidebox, dotnet, work):
        self.sidebox = sidebox
        self.dotnet = dotnet
        self.work = work

    def trace_tools(self):
        """Both programs, as the beginning of a command."""
        return [str(self.sidebox), "trace"], [str(self.dotnet / "bin" / "dotnet-trace")]

    @contextmanager
    def application(self, framework="net10.0", name="HelloAks", arguments=()):
        """An application, the busy sample if none is named, with its socket in a folder of its own; yields its process."""
        folder = self.work / framework
        folder.mkdir(exist_ok=True)
        assembly = self.dotnet / "apps" / framework / name / f"{name}.dll"
        program = [self.dotnet / "root" / "dotnet", assembly, *arguments]
        environment = os.environ | {
            "TMPDIR": str(folder),
            "DOTNET_ROOT": str(self.dotnet / "root"),
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "DOTNET_gcServer": "0",
        }
        process = subprocess.Popen(program, env=environment, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            # Until its start is over, which is not what is measured.
            time.sleep(3)
            yield process
        finally:
            process.kill()
            process.wait()

    def socket(self, process, framework="net10.0"):
        return next((self.work / framework).glob(f"dotnet-diagnostic-{process.pid}-*-socket"))

    def run(self, command, framework="net10.0"):
        """Runs a command that must succeed, with the application's folder as its own; what it cost."""
        environment = os.environ | {"TMPDIR": str(self.work / framework)}
        child = subprocess.Popen(command, env=environment, cwd=self.work, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        # The high-water mark of the process itself; that of wait4 has the time before exec in it.
        peak, ended = 0, 0
        while not ended:
            peak = max(peak, high_water(child.pid))
            time.sleep(0.002)
            ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        child.returncode = os.waitstatus_to_exitcode(status)
        output = child.stdout.read()
        if child.returncode:
            raise SystemExit(f"{command} ended with {child.returncode}:\n{output}")
        return Cost(peak / 1024, usage.ru_utime + usage.ru_stime)


def high_water(pid):
    """The most memory that a running process has had, in kilobytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))
    except (OSError, StopIteration):
        return 0

