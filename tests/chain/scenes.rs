//! What may be seen of a cluster in which one thing is not as it should be? Must not know what is expected.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidebox::chain::Chain;
use sidebox::chain::fate::{Fate, Newest};
use sidebox::chain::rights::{Features, needed};
use sidebox::chain::seen::{Further, Installation, Lives, Seen, Shown, Trial, Trouble, Verified};
use sidebox::chain::selector::Labels;
use time::Duration;

use crate::world::{
    Asked, NOW, bundle, check, checked, configuration, endpoint, explain, further, good_bundle,
    injected, labels, pod, seen, served, used, whole, with, with_entries,
};

/// The name of a scene, and what is other than it should be.
type Row<T> = (&'static str, fn(&mut T));

/// All scenes, by name.
pub(crate) fn all() -> &'static [(&'static str, Chain)] {
    static ALL: LazyLock<Vec<(&str, Chain)>> = LazyLock::new(every);
    &ALL
}

fn every() -> Vec<(&'static str, Chain)> {
    let mut all = of_the_configuration();
    all.extend(of_what_it_leads_to());
    all.extend(of_the_pod());
    all.extend(of_checks());
    all
}

fn of_the_configuration() -> Vec<(&'static str, Chain)> {
    let rows: [Row<Value>; 4] = [
        ("explain-object-left-out", |entry| {
            entry["objectSelector"] = json!({"matchLabels": {"team": "shop"}});
        }),
        ("explain-rules", |entry| {
            entry["rules"][0]["operations"] = json!(["UPDATE"]);
        }),
        ("explain-condition-unknown", |entry| {
            entry["matchConditions"] = json!([{"name": "mine", "expression": "1 ==\n 1"}]);
        }),
        ("explain-url", |entry| {
            entry["clientConfig"]["service"] = Value::Null;
            entry["clientConfig"]["url"] = "https://127.0.0.1:9/mutate".into();
        }),
    ];
    let mut all: Vec<_> = rows
        .into_iter()
        .map(|(name, change)| {
            let chain = explain(|asked| {
                asked.seen = with_entries(change);
                if name == "explain-url" {
                    asked.seen.service = None;
                    asked.seen.served[0].shown = Shown::Hidden("cannot be seen from here".into());
                }
            });
            (name, chain)
        })
        .collect();
    all.push((
        "explain-no-configuration",
        explain(|asked| asked.seen.mutating = Seen::There(Vec::new())),
    ));
    all.push((
        "explain-hidden",
        explain(|asked| {
            let hidden = "you may not: list";
            asked.seen.mutating = Seen::Hidden(hidden.into());
            asked.seen.settings.trouble = Some(Trouble::Hidden(hidden.into()));
            asked.seen.service = None;
            asked.seen.served.clear();
            asked.labels = Seen::Hidden(hidden.into());
            asked.lives = Lives::Workload(Seen::Hidden(hidden.into()));
        }),
    ));
    all.push((
        "explain-namespace-left-out",
        explain(|asked| {
            let name = ("kubernetes.io/metadata.name".into(), "kube-public".into());
            asked.labels = Seen::There(Labels::from([name]));
        }),
    ));
    all
}

fn of_what_it_leads_to() -> Vec<(&'static str, Chain)> {
    let rows: [Row<Installation>; 8] = [
        ("explain-no-service", |seen| seen.ports = Seen::Missing),
        ("explain-no-port", |seen| seen.ports = Seen::There(vec![80])),
        ("explain-no-endpoint", |seen| {
            seen.endpoints = Seen::There(vec![endpoint("b", false)]);
            seen.served.clear();
        }),
        ("explain-not-verified", |seen| {
            let no = Verified::No("another authority has signed it".into());
            seen.served.push(served("b", 200, &no));
        }),
        ("explain-no-answer", |seen| {
            seen.served[0].shown = Shown::Nothing("connection refused".into());
        }),
        ("explain-certificate-hidden", |seen| {
            seen.served[0].shown = Shown::Hidden("port-forward: you may not".into());
        }),
        ("explain-settings-missing", |seen| {
            seen.settings.trouble = Some(Trouble::Missing);
        }),
        ("explain-settings-invalid", |seen| {
            seen.settings.trouble = Some(Trouble::Invalid("line 1: nonsense".into()));
        }),
    ];
    let rows = rows.into_iter();
    rows.map(|(name, change)| (name, explain(|asked| asked.seen = with(change))))
        .collect()
}

fn of_the_pod() -> Vec<(&'static str, Chain)> {
    let rows: [Row<Asked>; 9] = [
        ("explain-missed", |_| ()),
        ("explain-injected", |asked| {
            asked.lives = Lives::Pod("p".into(), Fate::Injected);
        }),
        ("explain-not-asked", |asked| asked.pod = pod(&json!({}))),
        ("explain-opted-out", |asked| {
            asked.pod = pod(&json!({"sidebox.dev/inject": "false"}));
        }),
        ("explain-refused", |asked| {
            asked.pod["spec"]["hostPID"] = true.into();
            asked.lives = Lives::Pod("p".into(), Fate::Refused(vec!["host_pid".into()]));
        }),
        ("explain-refused-then", |asked| {
            asked.lives = Lives::Pod("p".into(), Fate::Refused(vec!["host_pid".into()]));
        }),
        ("explain-excluded", |asked| {
            let text = "ownNamespace: sidebox\nexcludedNamespaces: [shop]\n";
            asked.seen.settings = used(text, None);
        }),
        ("explain-pods-without", |asked| {
            asked.lives = Lives::Workload(Seen::There(Newest {
                live: 3,
                injected: 1,
                refused: 1,
            }));
        }),
        ("explain-labelled", |asked| {
            asked.pod = pod(&json!({}));
            asked.labels = Seen::There(labels(&[("sidebox.dev/inject", "true")]));
            asked.lives = Lives::Workload(Seen::There(Newest::default()));
        }),
    ];
    rows.map(|(name, change)| (name, explain(change))).into()
}

fn of_checks() -> Vec<(&'static str, Chain)> {
    let rows: [Row<Installation>; 9] = [
        ("check-whole", |_| ()),
        ("check-entry-missing", |all| {
            let mut two = configuration("Mutating", &good_bundle(), |_| ());
            two["webhooks"].as_array_mut().unwrap().pop();
            all.mutating = seen(two);
        }),
        ("check-entries-changed", |all| {
            all.mutating = seen(configuration("Mutating", &good_bundle(), everything_other));
        }),
        ("check-bundles", |all| {
            all.mutating = seen(configuration("Mutating", &good_bundle(), broken_bundle));
        }),
        ("check-injection-all", |all| {
            all.settings = used("ownNamespace: sidebox\ninjection: all\n", None);
        }),
        ("check-advice-changed", |all| {
            let change = |entry: &mut Value| entry["clientConfig"]["service"]["path"] = "/x".into();
            all.validating = seen(configuration("Validating", &good_bundle(), change));
        }),
        ("check-no-advice", |all| {
            all.validating = Seen::There(Vec::new());
        }),
        ("check-late", |all| {
            all.served[0] = served("a", 23, &Verified::Yes);
        }),
        ("check-proved-by-the-dry-run", |all| {
            all.served[0].shown = Shown::Hidden("you may not".into());
        }),
    ];
    let rows = rows.into_iter();
    let mut all: Vec<_> = rows
        .map(|(name, change)| (name, checked(&with(change))))
        .collect();
    all.push(("check-rights", check(&whole(), &without_rights())));
    let refused = Trial::Refused(vec!["limit_range".into()]);
    for (name, trial) in [
        ("check-untouched", Trial::Untouched),
        ("check-refused", refused),
        ("check-rejected", Trial::Rejected("exceeded quota".into())),
    ] {
        all.push((name, check(&whole(), &further(trial))));
    }
    all
}

fn everything_other(entry: &mut Value) {
    for (field, value) in [
        ("failurePolicy", json!("Fail")),
        ("timeoutSeconds", json!(30)),
        ("reinvocationPolicy", json!("Never")),
        ("namespaceSelector", Value::Null),
    ] {
        entry[field] = value;
    }
}

/// Each entry has another trouble.
fn broken_bundle(entry: &mut Value) {
    entry["clientConfig"]["caBundle"] = match entry["name"].as_str() {
        Some("labelled.sidebox.dev") => Value::Null,
        Some("opted-out.sidebox.dev") => STANDARD.encode("nothing").into(),
        _ => bundle(NOW - Duration::days(9), NOW - Duration::DAY).into(),
    };
}

fn without_rights() -> Further {
    let mut further = further(injected());
    if let Seen::There(account) = &mut further.account {
        let features = Features {
            events: true,
            ..Features::default()
        };
        account.missing = needed(&features, "sidebox", "sidebox");
    }
    further
}
