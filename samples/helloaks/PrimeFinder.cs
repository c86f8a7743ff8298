using System.Runtime.CompilerServices;

namespace HelloAks;

/// <summary>
/// Finds primes by trial division, and counts from the first one every time. That is slow on purpose:
/// it is the hot spot that a first trace is meant to show.
/// </summary>
public static class PrimeFinder
{
    /// <summary>The prime number at <paramref name="position"/>, where 2 is at position 1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is less than 1.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop before the prime was found.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)] // so that a trace shows it under its own name
    public static long FindPrimeAt(int position, CancellationToken stopping)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(position, 1);

        var found = 1;
        var prime = 2L;
        for (var candidate = 3L; found < position; candidate += 2)
        {
            stopping.ThrowIfCancellationRequested();
            if (IsOddPrime(candidate))
            {
                found++;
                prime = candidate;
            }
        }

        return prime;
    }

    private static bool IsOddPrime(long candidate)
    {
        for (var divisor = 3L; divisor * divisor <= candidate; divisor += 2)
        {
            if (candidate % divisor == 0)
            {
                return false;
            }
        }

        return true;
    }
}
