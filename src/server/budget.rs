//! How much of something bounded is in use (bytes of bodies, connections), and may there be more?
//!
//! One gauge with a ceiling, so that what is enforced is what the metrics show. A [`Share`]
//! gives back what it holds when it is dropped, whatever ended the request.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::gauge::Gauge;

/// A ceiling for the sum of all shares.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    limit: i64,
    used: Gauge,
}

impl Budget {
    /// A budget of `limit` units that counts in `used`.
    pub(super) fn new(limit: usize, used: Gauge) -> Self {
        Self {
            limit: units(limit),
            used,
        }
    }

    /// Reserves `amount`, or `None` when it does not fit.
    pub(super) fn reserve(&self, amount: usize) -> Option<Share> {
        Share {
            budget: self.clone(),
            held: 0,
        }
        .grown_to(amount)
    }

    fn take(&self, amount: i64) -> bool {
        let more = |used: i64| used.checked_add(amount).filter(|&sum| sum <= self.limit);
        let used = self.used.inner();
        used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }
}

/// The part of a budget that one request or connection holds.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    held: i64,
}

impl Share {
    /// The same share holding at least `amount`; `None` gives everything back.
    pub(super) fn grown_to(mut self, amount: usize) -> Option<Self> {
        let more = (units(amount) - self.held).max(0);
        self.budget.take(more).then(|| {
            self.held += more;
            self
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.dec_by(self.held);
    }
}

fn units(amount: usize) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fit_under_the_ceiling_and_come_back_whole() {
        let used = Gauge::default();
        let budget = Budget::new(10, used.clone());
        let six = budget.reserve(6).unwrap();
        assert!(budget.reserve(5).is_none());
        let four = budget.reserve(2).unwrap().grown_to(4).unwrap();
        assert_eq!(used.get(), 10);
        assert!(four.grown_to(5).is_none());
        assert_eq!(
            used.get(),
            6,
            "a share that cannot grow gives back what it had"
        );
        drop(six);
        assert_eq!(used.get(), 0);
        assert!(budget.reserve(usize::MAX).is_none());
        assert_eq!(used.get(), 0);
    }
}
