//! Was this said already, and may more be said now? Pure: time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::notice::Key;

/// The same thing is written again after so long, with how often it came.
const AGAIN: Duration = Duration::from_mins(10);

/// What was not said for so long is forgotten; the API server forgets Events after an hour too.
const FORGET: Duration = Duration::from_hours(1);

/// Things that are remembered.
const MOST: usize = 4096;

/// Events that may be written at once, and how long it takes until there may be one more.
const BURST: u32 = 50;
const ONE_MORE: Duration = Duration::from_millis(200);

/// What was said, when and how often.
#[derive(Debug)]
pub(super) struct Ledger {
    said: HashMap<Key, Said>,
    left: u32,
    filled: Instant,
}

#[derive(Debug)]
struct Said {
    written: Instant,
    /// All of them, those that were not written included.
    times: u32,
}

/// What to do with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Write it: it came so many times, this one included.
    Write(u32),
    /// It was said a short while ago.
    Known,
    /// There are too many to write them all.
    TooMany,
}

impl Ledger {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            said: HashMap::new(),
            left: BURST,
            filled: now,
        }
    }

    /// Takes note of a notice and says what to do with it.
    pub(super) fn next(&mut self, key: Key, now: Instant) -> Next {
        if let Some(said) = self.said.get_mut(&key) {
            said.times = said.times.saturating_add(1);
            if now.duration_since(said.written) < AGAIN {
                return Next::Known;
            }
        }
        if !self.may_write(now) {
            return Next::TooMany;
        }
        if self.said.len() >= MOST {
            self.said
                .retain(|_, said| now.duration_since(said.written) < FORGET);
        }
        if self.said.len() >= MOST && !self.said.contains_key(&key) {
            return Next::TooMany;
        }
        let said = self.said.entry(key).or_insert(Said {
            written: now,
            times: 1,
        });
        said.written = now;
        Next::Write(said.times)
    }

    /// It could not be written: the next one of its kind is tried again.
    pub(super) fn forget(&mut self, key: &Key) {
        self.said.remove(key);
    }

    fn may_write(&mut self, now: Instant) -> bool {
        let more = now.duration_since(self.filled).as_millis() / ONE_MORE.as_millis();
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(BURST);
            self.filled = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: usize) -> Key {
        Key {
            namespace: "shop".into(),
            object: format!("ReplicaSet/{name}"),
            code: "diagnostics_off",
        }
    }

    #[test]
    fn the_same_thing_is_said_once_and_then_counted() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        assert_eq!(ledger.next(key(1), start), Next::Write(1));
        for second in 1..=7 {
            let now = start + Duration::from_secs(second);
            assert_eq!(ledger.next(key(1), now), Next::Known);
        }
        assert_eq!(ledger.next(key(1), start + AGAIN), Next::Write(9));
        assert_eq!(ledger.next(key(2), start), Next::Write(1));
    }

    #[test]
    fn a_burst_is_bounded_and_time_allows_more() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        let written = |ledger: &mut Ledger, names: std::ops::Range<usize>, now| {
            names
                .filter(|&name| ledger.next(key(name), now) == Next::Write(1))
                .count()
        };
        assert_eq!(written(&mut ledger, 0..1000, start), 50);
        let later = start + Duration::from_secs(2);
        assert_eq!(written(&mut ledger, 1000..2000, later), 10);
        let much_later = start + Duration::from_hours(2);
        assert_eq!(written(&mut ledger, 2000..3000, much_later), 50);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_old_is_forgotten() {
        let start = Instant::now();
        let mut ledger = Ledger::new(start);
        let mut now = start;
        for name in 0..MOST {
            now += ONE_MORE;
            assert_eq!(ledger.next(key(name), now), Next::Write(1), "{name}");
        }
        assert_eq!(ledger.next(key(MOST), now + ONE_MORE), Next::TooMany);
        assert_eq!(ledger.said.len(), MOST);
        assert_eq!(ledger.next(key(MOST), now + FORGET), Next::Write(1));
        assert_eq!(ledger.said.len(), 1);
    }

    #[test]
    fn what_could_not_be_written_is_tried_again() {
        let now = Instant::now();
        let mut ledger = Ledger::new(now);
        assert_eq!(ledger.next(key(1), now), Next::Write(1));
        ledger.forget(&key(1));
        assert_eq!(ledger.next(key(1), now), Next::Write(1));
    }
}
