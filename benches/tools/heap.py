"""What a heap and counters cost the tool: memory, beside what the graph itself takes."""

from setup import Row

# Beside the graph: a quarter of what dotnet-gcdump is said to take without one. That is not measured here, since it cannot
# be had as a package.
BESIDE = 60 / 4
ORDERS = 300_000


def heap_memory(setup):
    """A heap of next to nothing, and one of 300,000 objects that each point at one other."""
    peaks = {}
    for orders in (0, ORDERS):
        with setup.application(name="KnownHeap", arguments=[str(orders)]) as application:
            file = setup.work / f"{orders}.gcdump"
            command = [str(setup.sidebox), "gcdump", "collect", "-p", str(application.pid), "-o", str(file)]
            peaks[orders] = setup.run(command).peak_mib
    small, big = peaks[0], peaks[ORDERS]
    graph = big - small
    each = graph * 2**20 / ORDERS
    yield Row("peak resident memory, gcdump of a small heap", f"{small:.1f} MiB", "", f"≤ {BESIDE:.0f} MiB",
              small <= BESIDE)
    yield Row("the same, 300,000 objects", f"{big:.1f} MiB, of which graph {graph:.1f} ({each:.0f} bytes for each object)",
              "", "shown")


def counters_memory(setup):
    """Ten seconds of the default counters into a file."""
    with setup.application() as application:
        file = setup.work / "counters.json"
        command = [str(setup.sidebox), "counters", "collect", "-p", str(application.pid), "--duration", "00:00:10",
                   "--format", "json", "-o", str(file)]
        cost = setup.run(command)
    yield Row("peak resident memory, 10 s of counters", f"{cost.peak_mib:.1f} MiB", "", "≤ 10 MiB", cost.peak_mib <= 10)


ROWS = [heap_memory, counters_memory]
