"""What collecting a trace costs: memory, CPU, and the time until the application's first byte is here."""

import socket
import statistics
import subprocess
import threading
import time

from setup import Row

HEADER = 20
# An answer to CollectTracing, before the event stream: header and session id.
ANSWER = 28
COLLECT_TRACING = range(2, 8)


def memory(setup):
    """Ten seconds of the default profile into a file."""
    ours, theirs = setup.trace_tools()
    with setup.application() as application:
        costs = []
        for name, tool in (("ours", ours), ("theirs", theirs)):
            file = setup.work / f"{name}.nettrace"
            command = [*tool, "collect", "-p", str(application.pid), "--duration", "00:00:10", "-o", str(file)]
            costs.append(setup.run(command))
    first, second = costs
    yield Row("peak resident memory, 10 s trace", f"{first.peak_mib:.1f} MiB", f"{second.peak_mib:.1f} MiB",
              "≤ 10 MiB", first.peak_mib <= 10)
    yield Row("CPU time of the tool, 10 s trace", f"{first.cpu_seconds:.2f} s", f"{second.cpu_seconds:.2f} s")


def first_byte(setup):
    """From the start of the program to the first byte of events, in turns; half of it is the wire in between."""
    ours, theirs = setup.trace_tools()
    with setup.application() as application:
        times = {"ours": [], "theirs": []}
        for _ in range(7):
            for name, tool in (("ours", ours), ("theirs", theirs)):
                times[name].append(until_first_byte(setup, tool, setup.socket(application)))
    first, second = (statistics.median(times[name]) * 1000 for name in ("ours", "theirs"))
    yield Row("start until the first byte from the application", f"{first:.1f} ms", f"{second:.0f} ms",
              "≤ 5 ms", first <= 5)


def until_first_byte(setup, tool, target):
    """Seconds. The tool meets the application through a wire that looks at the clock."""
    path = setup.work / "wire.sock"
    path.unlink(missing_ok=True)
    wire = Wire(path, target)
    file = setup.work / "first.nettrace"
    file.unlink(missing_ok=True)
    start = time.monotonic()
    command = [*tool, "collect", "--diagnostic-port", f"{path},connect", "-o", str(file)]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not wire.came.wait(60):
            raise SystemExit(f"{command}: no event came")
        return wire.time - start
    finally:
        child.terminate()
        child.wait()
        wire.end()


class Wire:
    """A socket before the application's own."""

    def __init__(self, path, target):
        self.target = str(target)
        self.came = threading.Event()
        self.time = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                tool, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(tool,), daemon=True).start()

    def carry(self, tool):
        """One request and its answer. Microsoft's tool also connects only to see whether somebody is there."""
        request = whole_request(tool)
        if not request:
            tool.close()
            return
        application = socket.socket(socket.AF_UNIX)
        application.connect(self.target)
        application.sendall(request)
        self.answer(application, tool, request[16] == 2 and request[17] in COLLECT_TRACING)

    def answer(self, application, tool, collects):
        count = 0
        while True:
            data = application.recv(65536)
            if not data:
                break
            count += len(data)
            if collects and count > ANSWER and not self.came.is_set():
                self.time = time.monotonic()
                self.came.set()
            try:
                tool.sendall(data)
            except OSError:
                pass  # The tool has ended; the application is read on.
        tool.close()

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def whole_request(tool):
    """As long as its header says; nothing if the tool closes before."""
    request = b""
    while len(request) < HEADER or len(request) < int.from_bytes(request[14:16], "little"):
        try:
            part = tool.recv(65536)
        except OSError:
            return b""
        if not part:
            return b""
        request += part
    return request


ROWS = [memory, first_byte]
