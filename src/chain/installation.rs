//! The chain of an installation: is everything there, is it as the chart makes it, and does a Pod that asks
//! come back injected?

use super::conditions::Known;
use super::faults::{Fault, Kind};
use super::seen::{Further, Installation, Seen, Trial};
use super::selector::{Requirement, Selector};
use super::service::{configuration, entries, service, settings};
use super::webhooks::{ADVISE, Entry};
use super::{Chain, State, certificate};
use crate::inject::facts::{INJECT_LABEL, Label};
use crate::inject::settings::Injection;

/// The label of every namespace that tells its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The most that a Pod may be made to wait (values.schema.json of the chart).
const MOST_SECONDS: u32 = 10;

/// An entry as the chart makes it.
struct Expected {
    name: &'static str,
    path: &'static str,
    operator: &'static str,
    values: &'static [&'static str],
}

const EXPECTED: [Expected; 3] = [
    Expected {
        name: "labelled.sidebox.dev",
        path: "/mutate/labelled",
        operator: "In",
        values: &["true"],
    },
    Expected {
        name: "opted-out.sidebox.dev",
        path: "/mutate/opted-out",
        operator: "In",
        values: &["false"],
    },
    Expected {
        name: "pods.sidebox.dev",
        path: "/mutate",
        operator: "NotIn",
        values: &["true", "false"],
    },
];

/// The answer.
pub fn chain(seen: &Installation, further: &Further) -> Chain {
    let mut chain = Chain::default();
    let trial = Some(&further.trial);
    configuration(&mut chain, seen);
    chain_of_entries(&mut chain, seen);
    advice(&mut chain, seen);
    let in_force = match &further.trial {
        Trial::Injected(hash) => hash.as_deref(),
        Trial::Refused(_) | Trial::Untouched | Trial::Rejected(_) => None,
    };
    settings(&mut chain, seen, in_force);
    service(&mut chain, seen);
    let all: Vec<_> = entries(&seen.mutating)
        .into_iter()
        .chain(entries(&seen.validating))
        .map(|(_, entry)| entry)
        .collect();
    certificate::trust(&mut chain, seen, &all, trial);
    certificate::lifetime(&mut chain, seen);
    rights(&mut chain, further);
    let state = dry_run(further);
    chain.add(Kind::DryRun, state);
    chain
}

fn chain_of_entries(chain: &mut Chain, seen: &Installation) {
    let Seen::There(configurations) = &seen.mutating else {
        return;
    };
    if configurations.is_empty() {
        return;
    }
    let mut faults = Vec::new();
    for configuration in configurations {
        for expected in &EXPECTED {
            let entry = configuration
                .entries()
                .find(|one| one.name == expected.name);
            match entry {
                None => faults.push(Fault::EntryMissing {
                    configuration: configuration.name().to_owned(),
                    entry: expected.name.to_owned(),
                }),
                Some(entry) => faults.extend(changes(entry, expected, seen)),
            }
        }
    }
    let seconds = entries(&seen.mutating)
        .iter()
        .map(|(_, entry)| entry.timeout_seconds)
        .max();
    chain.add_all(Kind::Entries, faults, || {
        State::Holds(format!(
            "failurePolicy Ignore, at most {} s",
            seconds.unwrap_or_default()
        ))
    });
}

/// Field, value and expected value, where they differ.
type Difference = (&'static str, String, String);

fn common(entry: &Entry) -> Vec<Difference> {
    let mut all = vec![(
        "failurePolicy",
        entry.failure_policy.clone(),
        "Ignore".to_owned(),
    )];
    if !(1..=MOST_SECONDS).contains(&entry.timeout_seconds) {
        let expected = format!("1 to {MOST_SECONDS}");
        all.push((
            "timeoutSeconds",
            entry.timeout_seconds.to_string(),
            expected,
        ));
    }
    all.push((
        "matchPolicy",
        entry.match_policy.clone(),
        "Equivalent".to_owned(),
    ));
    all
}

fn changes(entry: &Entry, expected: &Expected, seen: &Installation) -> Vec<Fault> {
    let mut all = common(entry);
    let same = |field, value: &str, expected: &str| (field, value.to_owned(), expected.to_owned());
    all.push(same("path", entry.path(), expected.path));
    all.push(same(
        "reinvocationPolicy",
        &entry.reinvocation_policy,
        "IfNeeded",
    ));
    all.push(same("sideEffects", &entry.side_effects, "NoneOnDryRun"));
    if !entry.sends_pod_creation() {
        all.push(("rules", entry.rules_text(), "CREATE of pods".into()));
    }
    all.push((
        "namespaceSelector",
        of_key(entry.namespace_selector.as_ref(), INJECT_LABEL),
        wanted(expected),
    ));
    let system = of_key(entry.namespace_selector.as_ref(), NAME_LABEL);
    if !leaves_out_system(entry) {
        let wanted = format!("{NAME_LABEL} NotIn [kube-system, …]");
        all.push(("namespaceSelector", system, wanted));
    }
    let labels = entry.object_selector.as_ref();
    let labels: Vec<_> = labels
        .into_iter()
        .flat_map(Selector::requirements)
        .collect();
    all.push(("objectSelector", shown(&labels), NONE.into()));
    all.extend(conditions(entry, expected, seen));
    faults(entry, all)
}

const NONE: &str = "none";

fn faults(entry: &Entry, all: Vec<Difference>) -> Vec<Fault> {
    let differ = all
        .into_iter()
        .filter(|(_, value, expected)| value != expected);
    differ
        .map(|(field, value, expected)| Fault::EntryChanged {
            entry: entry.name.clone(),
            field: field.into(),
            value,
            expected,
        })
        .collect()
}

fn shown(requirements: &[Requirement]) -> String {
    if requirements.is_empty() {
        return NONE.into();
    }
    let all: Vec<_> = requirements.iter().map(Requirement::to_string).collect();
    all.join(", ")
}

fn of_key(selector: Option<&Selector>, key: &str) -> String {
    let all = selector.into_iter().flat_map(Selector::requirements);
    shown(&all.filter(|one| one.key == key).collect::<Vec<_>>())
}

fn wanted(expected: &Expected) -> String {
    let values = expected.values.iter().map(|&value| value.to_owned());
    shown(&[Requirement {
        key: INJECT_LABEL.into(),
        operator: expected.operator.into(),
        values: Some(values.collect()),
    }])
}

fn leaves_out_system(entry: &Entry) -> bool {
    let selector = entry.namespace_selector.iter();
    selector.flat_map(Selector::requirements).any(|one| {
        let out = one
            .values
            .iter()
            .flatten()
            .any(|name| name == "kube-system");
        one.key == NAME_LABEL && one.operator == "NotIn" && out
    })
}

/// The entry of unlabelled namespaces sends all Pods where the settings inject some that say nothing.
fn conditions(entry: &Entry, expected: &Expected, seen: &Installation) -> Option<Difference> {
    let there: Vec<_> = entry.match_conditions.iter().flatten().collect();
    let names: Vec<_> = there.iter().map(|one| one.name.as_str()).collect();
    let value = if names.is_empty() {
        NONE.to_owned()
    } else {
        names.join(", ")
    };
    let chart = there
        .iter()
        .all(|one| one.known() == Some(Known::SaysSomething));
    let says = "the chart's says-something-to-sidebox";
    let injection = seen.settings.settings.injection;
    let (wrong, expected) = match expected.operator {
        _ if expected.path == "/mutate/labelled" => (!there.is_empty(), NONE.to_owned()),
        _ if !chart => (true, says.to_owned()),
        "NotIn" if seen.settings.trouble.is_none() && injection != Injection::Annotated => {
            let because = format!("{NONE}, since the settings' injection is not annotated");
            (!there.is_empty(), because)
        }
        // Without a condition more Pods are sent than need be, and all is decided as it should be.
        _ => (false, String::new()),
    };
    wrong.then_some(("matchConditions", value, expected))
}

fn advice(chain: &mut Chain, seen: &Installation) {
    let all = entries(&seen.validating);
    let faults = all.iter().flat_map(|(_, entry)| advice_changes(entry));
    chain.add_all(Kind::Advice, faults.collect(), || match &seen.validating {
        Seen::Hidden(why) => State::Unknown(why.clone()),
        Seen::There(_) | Seen::Missing if all.is_empty() => {
            State::Idle("not installed (webhook.advise of the chart's values)".into())
        }
        Seen::There(_) | Seen::Missing => State::Holds("as the chart makes it".into()),
    });
}

fn advice_changes(entry: &Entry) -> Vec<Fault> {
    let mut all = common(entry);
    all.push(("path", entry.path().to_owned(), ADVISE.to_owned()));
    let there = entry.match_conditions.iter().flatten();
    let odd = there.filter(|one| one.known() != Some(Known::BelongsToNobody));
    let odd: Vec<_> = odd.map(|one| one.name.as_str()).collect();
    if !odd.is_empty() {
        let expected = "the chart's belongs-to-nobody".to_owned();
        all.push(("matchConditions", odd.join(", "), expected));
    }
    let differ = all
        .into_iter()
        .filter(|(_, value, expected)| value != expected);
    differ
        .map(|(field, value, expected)| Fault::AdviceChanged {
            entry: entry.name.clone(),
            field: field.into(),
            value,
            expected,
        })
        .collect()
}

fn rights(chain: &mut Chain, further: &Further) {
    let account = match &further.account {
        Seen::There(account) => account,
        Seen::Missing => {
            let why = "no replica is there whose account could be asked for".to_owned();
            return chain.add(Kind::Rights, State::Unknown(why));
        }
        Seen::Hidden(why) => return chain.add(Kind::Rights, State::Unknown(why.clone())),
    };
    let missing = account.missing.iter().map(|right| Fault::RightMissing {
        account: account.user.clone(),
        verb: right.verb.to_owned(),
        resource: right.object(),
        purpose: right.purpose.to_owned(),
    });
    chain.add_all(Kind::Rights, missing.collect(), || {
        if account.asked == 0 {
            return State::Idle(format!("{} needs none", account.user));
        }
        State::Holds(format!("{} has all {}", account.user, account.asked))
    });
}

fn dry_run(further: &Further) -> State {
    let namespace = further.namespace.clone();
    let entry = match &further.labels {
        Seen::There(labels) => match Label::parse(labels.get(INJECT_LABEL).map(String::as_str)) {
            Label::Labelled => EXPECTED[0].name,
            Label::OptedOut => EXPECTED[1].name,
            Label::Absent | Label::Invalid(_) => EXPECTED[2].name,
        },
        Seen::Missing | Seen::Hidden(_) => "the entry of its namespace",
    };
    match &further.trial {
        Trial::Injected(_) => State::Holds(format!("in namespace {namespace}, through {entry}")),
        Trial::Refused(codes) => State::Broken(Fault::DryRunRefused {
            namespace,
            codes: codes.join(", "),
        }),
        Trial::Untouched => State::Broken(Fault::DryRunUntouched {
            entry: entry.to_owned(),
        }),
        Trial::Rejected(why) => State::Unknown(format!(
            "the API server did not take a Pod in namespace {namespace}: {why}"
        )),
    }
}
