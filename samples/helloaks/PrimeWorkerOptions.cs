using System.Globalization;
using Microsoft.Extensions.Configuration;

namespace HelloAks;

/// <summary>What can be set from outside.</summary>
/// <param name="Pause">How long the worker rests after each position; none keeps one core busy.</param>
public sealed record PrimeWorkerOptions(TimeSpan Pause)
{
    /// <summary>The environment variable that holds the pause, in milliseconds.</summary>
    public const string PauseVariable = "PAUSE_MILLISECONDS";

    /// <exception cref="InvalidOperationException">The pause is not a whole number from 0 on.</exception>
    public static PrimeWorkerOptions From(IConfiguration configuration)
    {
        var text = configuration[PauseVariable];
        if (string.IsNullOrEmpty(text))
        {
            return new PrimeWorkerOptions(TimeSpan.Zero);
        }

        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            throw new InvalidOperationException(
                $"{PauseVariable} is \"{text}\": expected a whole number of milliseconds, 0 or more");
        }

        return new PrimeWorkerOptions(TimeSpan.FromMilliseconds(milliseconds));
    }
}
