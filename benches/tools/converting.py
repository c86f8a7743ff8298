"""What a recorded trace costs until a viewer can show it: CPU time and memory of the conversion."""

import statistics

from setup import Row


def conversion(setup):
    """The same ten seconds to Speedscope, several times by each."""
    ours, theirs = setup.trace_tools()
    trace = setup.work / "converted.nettrace"
    with setup.application() as application:
        setup.run([*ours, "collect", "-p", str(application.pid), "--duration", "00:00:10", "-o", str(trace)])
    command = ["convert", str(trace), "--format", "Speedscope", "-o"]
    first = [setup.run([*ours, *command, str(setup.work / "ours"), "--force"]) for _ in range(5)]
    second = [setup.run([*theirs, *command, str(setup.work / "theirs")]) for _ in range(3)]
    used = [statistics.median(cost.cpu_seconds for cost in costs) for costs in (first, second)]
    peak = [max(cost.peak_mib for cost in costs) for costs in (first, second)]
    size = trace.stat().st_size / 1e6
    yield Row(f"conversion of {size:.1f} MB to Speedscope, CPU time", f"{used[0]:.3f} s", f"{used[1]:.2f} s",
              "≤ a tenth", used[0] <= used[1] / 10)
    yield Row("the same, peak resident memory", f"{peak[0]:.1f} MiB", f"{peak[1]:.1f} MiB",
              "≤ a quarter", peak[0] <= peak[1] / 4)


def both(setup):
    """Ten seconds and their conversion in one command."""
    ours, theirs = setup.trace_tools()
    with setup.application() as application:
        costs = []
        for name, tool in (("ours", ours), ("theirs", theirs)):
            command = [*tool, "collect", "-p", str(application.pid), "--duration", "00:00:10"]
            file = setup.work / f"{name}-both.nettrace"
            costs.append(setup.run([*command, "--format", "Speedscope", "-o", str(file)]))
    first, second = costs
    yield Row("peak resident memory, 10 s trace with Speedscope file", f"{first.peak_mib:.1f} MiB",
              f"{second.peak_mib:.1f} MiB", "≤ a quarter", first.peak_mib <= second.peak_mib / 4)


ROWS = [conversion, both]
