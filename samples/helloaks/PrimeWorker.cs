using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HelloAks;

/// <summary>Finds one prime after the other, each at a higher position, and logs what it took.</summary>
public sealed partial class PrimeWorker(PrimeWorkerOptions options, ILogger<PrimeWorker> logger)
    : BackgroundService
{
    private const int Step = 1_000;

    // On a thread of the pool: before .NET 10 the host waits for the part before the first await.
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.Run(() => ClimbAsync(stoppingToken), stoppingToken);

    private async Task ClimbAsync(CancellationToken stopping)
    {
        // After int.MaxValue / Step positions, which is years from here, it starts again.
        for (var position = Step; ; position = position > int.MaxValue - Step ? Step : position + Step)
        {
            var watch = Stopwatch.StartNew();
            var prime = PrimeFinder.FindPrimeAt(position, stopping);
            LogPrime(logger, position, watch.ElapsedMilliseconds, prime);
            await Task.Delay(options.Pause, stopping);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information,
        Message = "prime at position {Position} found in {Milliseconds} ms: {Prime}")]
    private static partial void LogPrime(ILogger logger, int position, long milliseconds, long prime);
}
