//! What may be seen of a cluster in which all is well: the committed manifests as they stand. Must not know the scenes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidebox::chain::fate::Fate;
use sidebox::chain::path::Question;
use sidebox::chain::rights::{Account, Features, needed};
use sidebox::chain::seen::{
    Endpoint, Further, Installation, Lives, Seen, Served, Shown, Subject, Trial, Trouble, Used,
    Verified,
};
use sidebox::chain::selector::Labels;
use sidebox::chain::webhooks::Configuration;
use sidebox::chain::{Chain, installation, path};
use sidebox::inject::decide::{Origin, Request};
use sidebox::inject::facts::{Facts, Known, Namespace};
use sidebox::inject::inject;
use sidebox::inject::pod::Pod;
use sidebox::inject::settings::Settings;
use sidebox::pki::{Ca, Validity};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::objects;

pub(crate) const NOW: OffsetDateTime = datetime!(2030-01-10 12:00 UTC);

/// The two configurations of the committed manifests, each entry with a caBundle.
pub(crate) fn configuration(kind: &str, bundle: &str, change: impl Fn(&mut Value)) -> Value {
    let all = objects::read(&objects::text("deploy/manifests/sidebox.yaml"));
    let kind = format!("{kind}WebhookConfiguration");
    let mut object = objects::find(&all, &kind, "sidebox").clone();
    for entry in object["webhooks"].as_array_mut().unwrap() {
        entry["clientConfig"]["caBundle"] = bundle.into();
        change(entry);
    }
    object
}

pub(crate) fn seen(object: Value) -> Seen<Vec<Configuration>> {
    Seen::There(vec![serde_json::from_value(object).unwrap()])
}

pub(crate) fn bundle(from: OffsetDateTime, until: OffsetDateTime) -> String {
    let ca = Ca::generate("authority", Validity::between(from, until)).unwrap();
    STANDARD.encode(ca.cert_pem())
}

pub(crate) fn good_bundle() -> String {
    bundle(NOW - Duration::DAY, NOW + Duration::days(90))
}

pub(crate) fn endpoint(name: &str, ready: bool) -> Endpoint {
    Endpoint {
        name: name.into(),
        address: "192.0.2.1".into(),
        port: 8443,
        ready,
        is_pod: true,
    }
}

pub(crate) fn served(endpoint: &str, hours: i64, verified: &Verified) -> Served {
    let entries = ["labelled", "opted-out", "pods", "advise"];
    let end = NOW + Duration::hours(hours);
    Served {
        endpoint: endpoint.into(),
        shown: Shown::Certificate {
            validity: (end - Duration::days(10), end),
            verified: entries
                .map(|name| (format!("{name}.sidebox.dev"), verified.clone()))
                .into(),
        },
    }
}

pub(crate) fn used(text: &str, trouble: Option<Trouble>) -> Used {
    Used {
        place: "ConfigMap sidebox/sidebox-settings".into(),
        settings: Settings::parse("settings.yaml", text).unwrap(),
        trouble,
    }
}

/// An installation as it should be.
pub(crate) fn whole() -> Installation {
    let mutating = seen(configuration("Mutating", &good_bundle(), |_| ()));
    let Seen::There(all) = &mutating else {
        panic!("the premise: it is there");
    };
    let entry = all[0].entries().next().unwrap();
    Installation {
        now: NOW,
        service: entry.client_config.service.clone(),
        mutating,
        validating: seen(configuration("Validating", &good_bundle(), |_| ())),
        ports: Seen::There(vec![443]),
        endpoints: Seen::There(vec![endpoint("a", true), endpoint("b", false)]),
        served: vec![served("a", 200, &Verified::Yes)],
        settings: used("ownNamespace: sidebox\n", None),
    }
}

/// The same with something else in it.
pub(crate) fn with(change: impl FnOnce(&mut Installation)) -> Installation {
    let mut installation = whole();
    change(&mut installation);
    installation
}

pub(crate) fn with_entries(change: impl Fn(&mut Value)) -> Installation {
    with(|installation| {
        installation.mutating = seen(configuration("Mutating", &good_bundle(), change));
    })
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    let pairs = pairs
        .iter()
        .chain(&[("kubernetes.io/metadata.name", "shop")]);
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub(crate) fn further(trial: Trial) -> Further {
    let features = Features {
        certificates: true,
        ..Features::default()
    };
    Further {
        namespace: "shop".into(),
        labels: Seen::There(labels(&[])),
        trial,
        account: Seen::There(Account {
            user: "system:serviceaccount:sidebox:sidebox".into(),
            asked: needed(&features, "sidebox", "sidebox").len(),
            missing: Vec::new(),
        }),
    }
}

pub(crate) fn injected() -> Trial {
    Trial::Injected(Some(whole().settings.settings.hash))
}

pub(crate) fn pod(annotations: &Value) -> Value {
    json!({"metadata": {"name": "p", "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "app:1"}]}})
}

pub(crate) fn asking() -> Value {
    pod(&json!({"sidebox.dev/inject": "true"}))
}

pub(crate) struct Asked {
    pub(crate) seen: Installation,
    pub(crate) labels: Seen<Labels>,
    pub(crate) pod: Value,
    pub(crate) lives: Lives,
}

/// A Pod that asks in an installation that is whole; it was created too early.
pub(crate) fn asked() -> Asked {
    Asked {
        seen: whole(),
        labels: Seen::There(labels(&[])),
        pod: asking(),
        lives: Lives::Pod("p".into(), Fate::NoWord),
    }
}

pub(crate) fn explained(asked: &Asked) -> Chain {
    let text = asked.pod.to_string();
    let pod: Pod<'_> = serde_json::from_str(&text).unwrap();
    let request = Request {
        pod: &pod,
        namespace: "shop",
        label: None,
        origin: Origin::Admission,
    };
    let mut facts = Facts::default();
    if let Seen::There(labels) = &asked.labels {
        facts.namespace = Known::Known(Namespace::read(labels, &Labels::new()));
    }
    let injection = inject(&request, &facts, &asked.seen.settings.settings);
    path::chain(&Question {
        installation: &asked.seen,
        namespace: "shop",
        labels: &asked.labels,
        subject: &Subject::of(&asked.pod),
        outcome: &injection.outcome,
        lives: &asked.lives,
    })
}

pub(crate) fn explain(change: impl FnOnce(&mut Asked)) -> Chain {
    let mut asked = asked();
    change(&mut asked);
    explained(&asked)
}

pub(crate) fn check(seen: &Installation, further: &Further) -> Chain {
    installation::chain(seen, further)
}

pub(crate) fn checked(seen: &Installation) -> Chain {
    check(seen, &further(injected()))
}
