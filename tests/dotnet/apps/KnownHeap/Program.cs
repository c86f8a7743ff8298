// An application whose heap is known: as many orders as its argument says, all of one customer, and one big array.
// Says "ready" when they stand, and then does nothing.

namespace KnownHeap;

internal sealed class Customer
{
    public string Name { get; } = "the only customer";
}

internal sealed class Order(long number, Customer customer)
{
    public long Number { get; } = number;
    public Customer Customer { get; } = customer;
}

internal static class Program
{
    // Static, so that the heap names them as roots.
    private static Order[] orders = [];
    private static byte[] attachment = [];

    private static void Main(string[] arguments)
    {
        var customer = new Customer();
        var count = arguments.Length > 0 ? int.Parse(arguments[0]) : 1000;
        orders = [.. Enumerable.Range(0, count).Select(number => new Order(number, customer))];
        attachment = new byte[200_000];
        Console.WriteLine("ready");
        Thread.Sleep(Timeout.Infinite);
        GC.KeepAlive(orders);
        GC.KeepAlive(attachment);
    }
}
