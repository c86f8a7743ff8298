//! In which order did things happen? Every thread writes its events in order, and the stream mixes the threads. It says now
//! and then up to when it is complete: what is older than that is final and need not be kept.

use super::sample::Sample;

/// Samples that wait at most. The runtime writes ten times a second, so that some hundred do.
const MOST: usize = 1 << 16;

/// Samples that are not yet known to be in order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    samples: Vec<Sample>,
    /// Whether each is at least as late as the one before.
    unsorted: bool,
}

impl Waiting {
    /// Takes a sample. Says whether there are so many that the older ones must be taken for final.
    pub(super) fn add(&mut self, sample: Sample) -> bool {
        let last = self.samples.last();
        self.unsorted |= last.is_some_and(|last| last.ticks > sample.ticks);
        self.samples.push(sample);
        self.samples.len() >= MOST
    }

    /// Hands over what is not later than the given time, in order; samples of one time stay as they came.
    pub(super) fn until(&mut self, ticks: u64) -> std::vec::Drain<'_, Sample> {
        self.sort();
        let end = self.samples.partition_point(|sample| sample.ticks <= ticks);
        self.samples.drain(..end)
    }

    /// Hands over the older half.
    pub(super) fn half(&mut self) -> std::vec::Drain<'_, Sample> {
        self.sort();
        self.samples.drain(..self.samples.len() / 2)
    }

    /// Hands over all.
    pub(super) fn all(&mut self) -> std::vec::Drain<'_, Sample> {
        self.sort();
        self.samples.drain(..)
    }

    fn sort(&mut self) {
        if std::mem::take(&mut self.unsorted) {
            self.samples.sort_by_key(|sample| sample.ticks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Activity;
    use super::*;

    fn sample(ticks: u64, thread: u64) -> Sample {
        Sample {
            ticks,
            thread,
            activity: Activity::Managed,
            stack: 0,
        }
    }

    fn times(samples: std::vec::Drain<'_, Sample>) -> Vec<(u64, u64)> {
        samples
            .map(|sample| (sample.ticks, sample.thread))
            .collect()
    }

    #[test]
    fn what_is_older_than_a_barrier_comes_in_order() {
        let mut waiting = Waiting::default();
        for (ticks, thread) in [(5, 1), (3, 2), (9, 1), (5, 2), (7, 2)] {
            assert!(!waiting.add(sample(ticks, thread)));
        }
        assert_eq!(times(waiting.until(5)), [(3, 2), (5, 1), (5, 2)]);
        assert_eq!(times(waiting.until(6)), []);
        assert_eq!(times(waiting.all()), [(7, 2), (9, 1)]);
    }

    #[test]
    fn a_stream_without_barriers_takes_no_more_than_it_may() {
        let mut waiting = Waiting::default();
        let many = (0..u64::MAX).take_while(|ticks| !waiting.add(sample(*ticks, 1)));
        assert_eq!(many.count(), MOST - 1);
        assert_eq!(waiting.half().len(), MOST / 2);
    }
}
