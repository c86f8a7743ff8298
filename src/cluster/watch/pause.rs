//! How long until the next attempt? Longer after each failure, never the same for two replicas.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Pauses that double from the first to the longest.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pause {
    /// A restarted API server is found again within the longest pause.
    pub(crate) const fn between(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// It worked: the next failure begins anew.
    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }

    /// The pause before the next attempt: three to four quarters of what is due.
    pub(crate) fn next(&mut self) -> Duration {
        let due = self.next;
        self.next = due.saturating_mul(2).min(self.longest);
        // Keys of a new hasher are random: no crate is needed for four bits of chance.
        let chance = u32::try_from(RandomState::new().build_hasher().finish() % 256).unwrap_or(0);
        due * 3 / 4 + due / 4 * chance / 256
    }
}

impl Default for Pause {
    fn default() -> Self {
        Self::between(Duration::from_millis(250), Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew() {
        let mut pause = Pause::between(Duration::from_millis(100), Duration::from_millis(500));
        for due in [100, 200, 400, 500, 500] {
            let given = pause.next().as_millis();
            assert!(due * 3 / 4 <= given && given <= due, "{given} of {due}");
        }
        pause.reset();
        assert!(pause.next() <= Duration::from_millis(100));
    }
}
