//! What is to be done next about the certificates? A pure function of what is seen; whoever calls it often
//! enough gets from any state to a good one, and from one authority to the next without a gap.
//!
//! A rotation: the new authority is added beside the one that signs, every caBundle gets both, and once all
//! have had it for the margin it signs; the old one stays trusted until its last leaf has ended.
//!
//! Knows no I/O and no clock; keys come from the caller.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::authorities::{Authorities, Authority, Retired, certificates};
use crate::pki::{PkiError, Validity};

/// An authority is replaced in the last third of its life, a leaf likewise.
const LAST: i32 = 3;

/// Clocks of the API servers may be behind the one that we follow.
pub(super) const SKEW: Duration = Duration::minutes(5);

/// Authorities without a key that are trusted at the most.
const MOST_RETIRED: usize = 4;

/// How long things live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An authority.
    pub authority: Duration,
    /// A server certificate.
    pub leaf: Duration,
    /// How long the API servers may take to trust what a caBundle says.
    pub margin: Duration,
}

/// What the Secret says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// Not read yet.
    Unread,
    /// There is none, or it is empty, or what is in it cannot be used.
    Nothing,
    /// These.
    All(Authorities),
}

/// The leaf that is shown to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The certificate of its authority.
    pub(super) issuer: String,
    pub(super) made: OffsetDateTime,
    pub(super) until: OffsetDateTime,
}

/// Everything that matters, as this replica sees it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) now: OffsetDateTime,
    pub(super) stored: &'a Stored,
    /// What the Secret said last.
    pub(super) remembered: Option<&'a Authorities>,
    /// The caBundle of each webhook entry; none while they are not read.
    pub(super) bundles: Option<&'a [String]>,
    /// Since when all of them have had the next authority, by a clock that does not jump.
    pub(super) next_trusted_for: Duration,
    pub(super) shown: Option<&'a Shown>,
}

/// One thing that the holder of the Lease does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Change the Secret.
    Write(Change),
    /// Put what is trusted into every caBundle.
    Trust,
}

/// A change of the Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The first authority. Others that are trusted already stay so for a leaf's life: somebody may
    /// still show a leaf of theirs.
    First,
    /// What was lost is put back, beside a next authority: whoever deletes the Secret gets a new key
    /// without losing a call.
    Restore,
    /// A next authority.
    Next,
    /// The next authority signs.
    Promote,
    /// Those whose last leaf has ended are trusted no longer.
    Forget,
}

impl<'a> Seen<'a> {
    /// What counts: what the Secret says, or said before it was lost.
    pub(super) fn current(&self) -> Option<&'a Authorities> {
        match self.stored {
            Stored::All(all) => Some(all),
            Stored::Nothing | Stored::Unread => self.remembered,
        }
    }
}

/// What the holder has to do now.
pub(super) fn plan(seen: &Seen<'_>, lifetimes: &Lifetimes) -> Vec<Act> {
    let mut bundles = seen.bundles.unwrap_or_default().iter();
    let wanted = seen.current().map(Authorities::bundle);
    let differs = wanted.is_some_and(|wanted| bundles.any(|bundle| *bundle != wanted));
    let change = change(seen, lifetimes).map(Act::Write);
    change
        .into_iter()
        .chain(differs.then_some(Act::Trust))
        .collect()
}

/// How the Secret must change.
fn change(seen: &Seen<'_>, lifetimes: &Lifetimes) -> Option<Change> {
    let all = match (seen.stored, seen.remembered) {
        (Stored::Unread, _) => return None,
        (Stored::Nothing, Some(_)) => return Some(Change::Restore),
        // Whom others trust must be known, to be kept.
        (Stored::Nothing, None) => return seen.bundles.map(|_| Change::First),
        (Stored::All(all), _) => all,
    };
    if all.retired.iter().any(|retired| retired.is_over(seen.now)) {
        return Some(Change::Forget);
    }
    let fresh = |authority: &Authority| {
        let end = authority.validity.not_after() - lifetimes.authority / LAST;
        authority.validity.holds(seen.now) && seen.now < end
    };
    match &all.next {
        Some(next) if fresh(next) => {
            let trusted = seen.next_trusted_for >= lifetimes.margin && seen.bundles.is_some();
            // What signs is worth nothing any more: there is nothing to wait for.
            let hurry = !all.signing.validity.holds(seen.now);
            (trusted || hurry).then_some(Change::Promote)
        }
        None if fresh(&all.signing) => None,
        _ => Some(Change::Next),
    }
}

/// The authority of a leaf that every replica must make now, and when that leaf is to end.
pub(super) fn leaf<'a>(
    seen: &Seen<'a>,
    lifetimes: &Lifetimes,
) -> Option<(&'a Authority, OffsetDateTime)> {
    let signing = &seen.current()?.signing;
    let wanted = match seen.shown {
        None => true,
        Some(shown) => {
            let last = shown.until - (shown.until - shown.made) / LAST;
            let aged = seen.now >= last || seen.now < shown.made - SKEW;
            let other = shown.issuer != signing.cert;
            aged || (other && (trusted(seen, &signing.cert) || !trusted(seen, &shown.issuer)))
        }
    };
    let until = (seen.now + lifetimes.leaf).min(signing.validity.not_after());
    (wanted && signing.validity.holds(seen.now)).then_some((signing, until))
}

/// Whether every caBundle has it; none is known to lack it while they are not read.
fn trusted(seen: &Seen<'_>, cert: &str) -> bool {
    let mut bundles = seen.bundles.unwrap_or_default().iter();
    bundles.all(|bundle| bundle.contains(cert.trim()))
}

/// The Secret after a change; `make` makes a key when one is needed.
pub(super) fn changed(
    change: Change,
    seen: &Seen<'_>,
    lifetimes: &Lifetimes,
    make: impl Fn(Validity) -> Result<Authority, PkiError>,
) -> Result<Option<Authorities>, PkiError> {
    // From a little earlier, for API servers whose clocks are behind.
    let validity = Validity::between(seen.now - SKEW, seen.now + lifetimes.authority);
    let stays = (seen.now + lifetimes.leaf + lifetimes.margin).unix_timestamp();
    let Some(mut all) = seen.current().cloned() else {
        let retired = others(seen).into_iter();
        let retired = retired.map(|cert| Retired { cert, until: stays });
        return Ok(Some(Authorities {
            signing: make(validity)?,
            next: None,
            retired: retired.take(MOST_RETIRED).collect(),
        }));
    };
    match change {
        // Somebody wrote one meanwhile.
        Change::First => return Ok(None),
        Change::Restore if all.next.is_some() => {}
        Change::Restore | Change::Next => all.next = Some(make(validity)?),
        Change::Promote => {
            let Some(next) = all.next.take() else {
                return Ok(None);
            };
            let old = std::mem::replace(&mut all.signing, next);
            all.retired.push(Retired {
                cert: old.cert,
                until: stays,
            });
            let surplus = all.retired.len().saturating_sub(MOST_RETIRED);
            all.retired.drain(..surplus);
        }
        Change::Forget => all.retired.retain(|retired| !retired.is_over(seen.now)),
    }
    Ok(Some(all))
}

/// Certificates of others that are trusted already, and still valid.
fn others(seen: &Seen<'_>) -> BTreeSet<String> {
    let bundles = seen.bundles.unwrap_or_default().iter();
    let valid = |cert: &&str| Validity::of(cert).is_ok_and(|validity| validity.holds(seen.now));
    let found = bundles
        .flat_map(|bundle| certificates(bundle))
        .filter(valid);
    found.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
