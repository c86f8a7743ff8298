//! May we write the Lease? From what stands in it and how long it has stood so, and nothing else.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::cluster::watch::Meta;

/// A Lease that tells no duration, or a mad one, is waited for no longer than this.
const LONGEST: Duration = Duration::from_mins(1);

/// What is read of a Lease.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Record {
    pub(super) metadata: Meta,
    spec: Spec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    holder_identity: Option<String>,
    lease_duration_seconds: Option<i32>,
    lease_transitions: Option<i32>,
}

impl Record {
    /// Who holds it; nobody after it was given back.
    pub(super) fn holder(&self) -> Option<&str> {
        let holder = self.spec.holder_identity.as_deref();
        holder.filter(|holder| !holder.is_empty())
    }

    pub(super) fn next_transition(&self) -> i32 {
        self.spec.lease_transitions.unwrap_or(0).saturating_add(1)
    }

    fn duration(&self) -> Duration {
        let seconds = self.spec.lease_duration_seconds.unwrap_or(0);
        let told = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        if told.is_zero() {
            LONGEST
        } else {
            told.min(LONGEST)
        }
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is free, or ours: write our name and the time.
    Write,
    /// Somebody else may be at work.
    Wait,
}

/// Which version of the Lease was seen last, and when first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    seen: Option<(String, Instant)>,
    /// How it was marked, should it have to be made again.
    pub(super) marks: Meta,
}

impl Waiting {
    /// What to do about the Lease as it is, if it is there.
    pub(super) fn turn(&mut self, record: Option<&Record>, us: &str, now: Instant) -> Turn {
        let Some(record) = record else {
            return Turn::Write;
        };
        let version = &record.metadata.resource_version;
        let since = match &self.seen {
            Some((seen, since)) if seen == version => *since,
            _ => now,
        };
        self.seen = Some((version.clone(), since));
        self.marks.clone_from(&record.metadata);
        match record.holder() {
            None => Turn::Write,
            Some(holder) if holder == us => Turn::Write,
            Some(_) if now.saturating_duration_since(since) > record.duration() => Turn::Write,
            Some(_) => Turn::Wait,
        }
    }

    /// We have written it.
    pub(super) fn wrote(&mut self, record: &Record, now: Instant) {
        self.seen = Some((record.metadata.resource_version.clone(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(version: &str, holder: Option<&str>, seconds: Option<i32>) -> Record {
        let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": seconds});
        serde_json::from_value(json!({"metadata": {"resourceVersion": version}, "spec": spec}))
            .unwrap()
    }

    #[test]
    fn a_lease_of_another_is_waited_for_until_it_has_not_changed_for_its_duration() {
        let mut waiting = Waiting::default();
        let begin = Instant::now();
        let mut at = |seconds, version: &str| {
            let theirs = record(version, Some("them"), Some(15));
            waiting.turn(Some(&theirs), "us", begin + Duration::from_secs(seconds))
        };
        assert_eq!(at(0, "1"), Turn::Wait);
        assert_eq!(at(14, "1"), Turn::Wait);
        assert_eq!(at(16, "2"), Turn::Wait, "they have renewed it");
        assert_eq!(
            at(31, "2"),
            Turn::Wait,
            "exactly the duration is not over it"
        );
        assert_eq!(at(32, "2"), Turn::Write);
    }

    #[test]
    fn what_nobody_holds_and_what_is_ours_is_written_at_once() {
        let empty: Record =
            serde_json::from_value(json!({"metadata": {"name": "sidebox"}})).unwrap();
        let given_back = record("1", Some(""), Some(1));
        let ours = record("1", Some("us"), Some(15));
        for free in [None, Some(&empty), Some(&given_back), Some(&ours)] {
            let turn = Waiting::default().turn(free, "us", Instant::now());
            assert_eq!(turn, Turn::Write, "{free:?}");
        }
    }

    #[test]
    fn mad_durations_are_bounded() {
        for seconds in [None, Some(0), Some(-5), Some(i32::MAX)] {
            let theirs = record("1", Some("them"), seconds);
            let (mut waiting, begin) = (Waiting::default(), Instant::now());
            assert_eq!(waiting.turn(Some(&theirs), "us", begin), Turn::Wait);
            let later = begin + LONGEST + Duration::from_secs(1);
            assert_eq!(waiting.turn(Some(&theirs), "us", later), Turn::Write);
        }
    }
}
