// An application with one counter of each kind, of event sources and of meters, whose values are known.
// Says "ready" when all are there; then each instrument gets the same values ten times a second.

using System.Diagnostics.Metrics;
using System.Diagnostics.Tracing;

namespace Instruments;

[EventSource(Name = "Shop")]
internal sealed class ShopSource : EventSource
{
    public EventCounter Wait { get; }
    public IncrementingEventCounter Orders { get; }
    private readonly PollingCounter level;
    private readonly IncrementingPollingCounter bytes;
    private double sent;

    public ShopSource()
    {
        Wait = new EventCounter("wait", this) { DisplayName = "Wait", DisplayUnits = "ms" };
        Orders = new IncrementingEventCounter("orders", this) { DisplayName = "Orders" };
        level = new PollingCounter("level", this, () => 42.5) { DisplayName = "Level" };
        bytes = new IncrementingPollingCounter("bytes", this, () => sent += 1024)
        {
            DisplayName = "Bytes",
            DisplayUnits = "B",
        };
    }

    protected override void Dispose(bool disposing)
    {
        level.Dispose();
        bytes.Dispose();
        Wait.Dispose();
        Orders.Dispose();
        base.Dispose(disposing);
    }
}

internal static class Program
{
    private static void Main()
    {
        using var source = new ShopSource();
        using var meter = new Meter(new MeterOptions("Shop.Meter")
        {
            Version = "1.2",
            Tags = [new("tenant", "north")],
        });
        var orders = meter.CreateCounter<long>("orders", "{order}", "Orders taken", [new("desk", "one")]);
        var baskets = meter.CreateUpDownCounter<int>("baskets");
        var wait = meter.CreateHistogram<double>("wait", "ms");
        long sent = 0;
        meter.CreateObservableCounter("bytes", () => sent += 1024, "By");
        meter.CreateObservableGauge("level", () => 42.5);
        using var both = new Meter("Both");
        var seen = both.CreateCounter<int>("seen");
        // A meter of the same name as an event source: tools then leave the event counters out.
        using var twin = new EventSource("Both");
        using var hidden = new EventCounter("hidden", twin);
        Console.WriteLine("ready");
        while (true)
        {
            source.Wait.WriteMetric(5);
            source.Wait.WriteMetric(15);
            source.Orders.Increment(3);
            orders.Add(3, new KeyValuePair<string, object?>("shop", "a"));
            orders.Add(1, new KeyValuePair<string, object?>("shop", "b\"1\""), new KeyValuePair<string, object?>("city", "x, y=z"));
            baskets.Add(1);
            seen.Add(1);
            hidden.WriteMetric(1);
            for (var value = 1; value <= 100; value++)
            {
                wait.Record(value, new KeyValuePair<string, object?>("route", "/"));
            }
            Thread.Sleep(100);
        }
    }
}
