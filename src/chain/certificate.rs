//! The links of trust: what the caBundles hold, whether they verify what is served, and for how long.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::macros::format_description;

use super::faults::{Fault, Kind};
use super::seen::{Installation, Shown, Trial, Verified};
use super::webhooks::{Bundle, Entry};
use super::{Chain, State};

/// A certificate of which less than this part of its life is left should have been renewed: Sidebox does so
/// in the last third, cert-manager by default likewise.
const LATE: i32 = 10;

/// A time as people read it.
pub(super) fn day(time: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.to_offset(time::UtcOffset::UTC)
        .format(&form)
        .unwrap_or_default()
}

/// What is known of these entries' trust. The dry run, where there was one, proves what could not be seen.
pub(super) fn trust(
    chain: &mut Chain,
    seen: &Installation,
    entries: &[&Entry],
    trial: Option<&Trial>,
) {
    if entries.is_empty() {
        let idle = State::Idle("there is no entry".into());
        chain.add(Kind::CaBundle, idle.clone());
        chain.add(Kind::Certificate, idle);
        return;
    }
    bundles(chain, seen.now, entries);
    let answered = matches!(trial, Some(Trial::Injected(_) | Trial::Refused(_)));
    let faults = unverified(seen, entries);
    chain.add_all(Kind::Certificate, faults, || served(seen, answered));
}

/// Faults of the same kind are told once, with all the entries that have them.
fn bundles(chain: &mut Chain, now: OffsetDateTime, entries: &[&Entry]) {
    let (mut empty, mut unreadable, mut ended) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let (mut fine, mut elsewhere) = (None, false);
    for entry in entries {
        let name = entry.name.as_str();
        match entry.client_config.bundle() {
            Bundle::Empty if entry.client_config.service.is_none() => elsewhere = true,
            Bundle::Empty => empty.push(name),
            Bundle::Unreadable(error) => {
                unreadable.entry(error).or_insert_with(Vec::new).push(name);
            }
            Bundle::Certificates(_, last) if last < now => {
                ended.entry(day(last)).or_insert_with(Vec::new).push(name);
            }
            Bundle::Certificates(count, last) => fine = Some((count, last)),
        }
    }
    let mut faults = Vec::new();
    if !empty.is_empty() {
        let entry = empty.join(", ");
        faults.push(Fault::CaBundleEmpty { entry });
    }
    faults.extend(unreadable.into_iter().map(|(error, names)| {
        let entry = names.join(", ");
        Fault::CaBundleUnreadable { entry, error }
    }));
    faults.extend(ended.into_iter().map(|(ended, names)| {
        let entry = names.join(", ");
        Fault::CaBundleEnded { entry, ended }
    }));
    chain.add_all(Kind::CaBundle, faults, || match fine {
        Some((1, last)) => State::Holds(format!("one authority, until {}", day(last))),
        Some((count, last)) => State::Holds(format!(
            "{count} authorities, the last one until {}",
            day(last)
        )),
        None if elsewhere => State::Unknown(
            "no caBundle: the authorities of the API server's own machine decide".into(),
        ),
        None => State::Unknown("no entry has one".into()),
    });
}

fn unverified(seen: &Installation, entries: &[&Entry]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for served in &seen.served {
        let endpoint = served.endpoint.clone();
        match &served.shown {
            Shown::Nothing(error) => faults.push(Fault::NoAnswer {
                endpoint,
                error: error.clone(),
            }),
            Shown::Hidden(_) => {}
            Shown::Certificate { verified, .. } => {
                let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (name, verdict) in verified {
                    let counts = entries.iter().any(|entry| entry.name == *name);
                    if let (Verified::No(error), true) = (verdict, counts) {
                        reasons.entry(error).or_default().push(name);
                    }
                }
                faults.extend(reasons.into_iter().map(|(error, names)| {
                    Fault::CertificateNotVerified {
                        entry: names.join(", "),
                        endpoint: endpoint.clone(),
                        error: error.to_owned(),
                    }
                }));
            }
        }
    }
    faults
}

/// Nothing speaks against it: what speaks for it?
fn served(seen: &Installation, answered: bool) -> State {
    let mut verified = Vec::new();
    let mut doubts = Vec::new();
    for served in &seen.served {
        match &served.shown {
            Shown::Certificate { verified: all, .. } => {
                let unsure = all.iter().find_map(|(_, verdict)| match verdict {
                    Verified::Unsure(why) => Some(why),
                    Verified::Yes | Verified::No(_) => None,
                });
                match unsure {
                    Some(why) => doubts.push(format!("{}: {why}", served.endpoint)),
                    None => verified.push(served.endpoint.as_str()),
                }
            }
            Shown::Hidden(why) => doubts.push(format!("{}: {why}", served.endpoint)),
            Shown::Nothing(error) => doubts.push(format!("{}: {error}", served.endpoint)),
        }
    }
    if answered && (verified.is_empty() || !doubts.is_empty()) {
        return State::Holds("the API server got an answer to the dry run".into());
    }
    match (verified.is_empty(), doubts.is_empty()) {
        (false, true) => State::Holds(format!("that of {}", verified.join(", "))),
        (_, false) => State::Unknown(doubts.join("; ")),
        (true, true) => State::Unknown("there is no ready replica to look at".into()),
    }
}

/// Whether the certificates will be renewed in time.
pub(super) fn lifetime(chain: &mut Chain, seen: &Installation) {
    let mut faults = Vec::new();
    let mut first_end: Option<OffsetDateTime> = None;
    for served in &seen.served {
        let Shown::Certificate { validity, .. } = &served.shown else {
            continue;
        };
        let (begin, end) = *validity;
        first_end = Some(first_end.map_or(end, |first| first.min(end)));
        if end - seen.now < (end - begin) / LATE {
            faults.push(Fault::RenewalLate {
                endpoint: served.endpoint.clone(),
                until: day(end),
            });
        }
    }
    chain.add_all(Kind::Lifetime, faults, || match first_end {
        Some(end) => {
            let hours = (end - seen.now).whole_hours();
            State::Holds(format!("until {}, {hours} hours from now", day(end)))
        }
        None => State::Unknown("no certificate could be seen from here".into()),
    });
}
