//! What time is it for the API server? It judges our certificates, so its clock counts, not ours: a node
//! whose clock jumps makes no certificate that is not valid yet, and throws none away.
//!
//! Knows one header of HTTP; must not know what the time is needed for.

use std::sync::{Mutex, PoisonError};

use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

/// The header has whole seconds and was some time under way: within this nothing is corrected.
const TOLERANCE: Duration = Duration::seconds(2);

/// A node that is further off than this is told of, once.
const FAR_OFF: Duration = Duration::minutes(1);

/// The API server's time when it was last heard, counted on since; until then our own.
#[derive(Debug, Default)]
pub struct Clock {
    heard: Mutex<Option<(OffsetDateTime, Instant)>>,
}

impl Clock {
    /// The time, as the API server would tell it.
    pub fn now(&self) -> OffsetDateTime {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map_or_else(OffsetDateTime::now_utc, |(date, at)| date + at.elapsed())
    }

    /// The API server has answered with this `Date` (RFC 9110, section 6.6.1). What is none is ignored.
    pub(crate) fn heard(&self, date: &str) {
        let Ok(date) = OffsetDateTime::parse(date, &Rfc2822) else {
            return;
        };
        let at = Instant::now();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heard.is_none();
        let believed = heard.map_or_else(OffsetDateTime::now_utc, |(date, at)| date + at.elapsed());
        let off = (date - believed).abs();
        if first || off > TOLERANCE {
            *heard = Some((date, at));
        }
        drop(heard);
        if off > FAR_OFF {
            tracing::warn!(
                seconds = off.whole_seconds(),
                "our clock and the API server's differ by {} s; certificates follow the API server's",
                off.whole_seconds()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[tokio::test(start_paused = true)]
    async fn the_api_servers_date_counts_on_without_our_clock() {
        let clock = Clock::default();
        assert!((clock.now() - OffsetDateTime::now_utc()).abs() < Duration::seconds(5));
        clock.heard("Sun, 06 Nov 1994 08:49:37 GMT");
        let then = datetime!(1994-11-06 08:49:37 UTC);
        tokio::time::advance(std::time::Duration::from_secs(90)).await;
        assert_eq!(clock.now(), then + Duration::seconds(90));
        clock.heard("Sun, 06 Nov 1994 08:51:06 GMT");
        assert_eq!(
            clock.now(),
            then + Duration::seconds(90),
            "one second is no difference"
        );
        for garbage in ["", "soon", "Sun, 06 Nov 1994"] {
            clock.heard(garbage);
        }
        clock.heard("Mon, 07 Nov 1994 08:49:37 GMT");
        assert_eq!(clock.now(), datetime!(1994-11-07 08:49:37 UTC));
    }
}
