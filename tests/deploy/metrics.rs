//! Do alerts and dashboard ask for what is really there? The names and labels that they use against what a running
//! server prints, the rules judged and tried by Prometheus' own tool, each alert explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::api::Api;
use crate::cluster::{Cluster, Level, launch};
use crate::helm::{self, output};
use crate::objects::{at, find, one, read, text};
use crate::served::{ADMISSION, namespace_of, pod};
use crate::webhook::{Sidebox, until};

const RULES: &str = "deploy/chart/sidebox/files/rules.yaml";
const DASHBOARD: &str = "deploy/chart/sidebox/files/dashboard.json";

/// The one metric that is not ours, as kube-apiserver prints it.
const FAIL_OPEN: &str = "apiserver_admission_webhook_fail_open_count";

/// What a server prints only once it speaks with an API server; `self_managed.rs` has one that does.
const IN_A_CLUSTER: [&str; 5] = [
    "sidebox_certificate_expiry_seconds",
    "sidebox_certificate_lifetime_seconds",
    "sidebox_lease_held",
    "sidebox_missed_pods",
    "sidebox_claims_total",
];

/// Labels that whoever scrapes adds, and the one of buckets.
const ADDED: [&str; 3] = ["namespace", "pod", "le"];

/// Metrics with the values that each label has.
type Printed = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Name and expression of every alert.
fn alerts() -> Vec<(String, String)> {
    let rules = one(&text(RULES));
    let rules = rules["groups"][0]["rules"].as_array().unwrap();
    let said = |rule: &Value, key: &str| rule[key].as_str().unwrap().to_owned();
    rules
        .iter()
        .map(|rule| (said(rule, "alert"), said(rule, "expr")))
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&text(DASHBOARD)).unwrap()
}

/// The expressions of all panels.
fn panels() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let of = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().clone();
        targets
            .into_iter()
            .map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    };
    panels.iter().flat_map(of).collect()
}

/// A line `name{label="value",…} number` of a text of metrics.
fn printed(text: &str) -> Printed {
    let mut found = Printed::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, _)) = line.rsplit_once(' ') else {
            continue;
        };
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let values = found.entry(name.to_owned()).or_default();
        for (label, _, value) in matchers(labels) {
            values.entry(label).or_default().insert(value);
        }
    }
    found
}

/// Label, operator and value of each part of `label="value",…}`.
fn matchers(text: &str) -> Vec<(String, String, String)> {
    let inside = text.split('}').next().unwrap_or_default();
    let parts = inside.split('"').collect::<Vec<_>>();
    let pairs = parts.chunks(2).filter(|pair| pair.len() == 2);
    let of = |pair: &[&str]| {
        let left = pair[0].trim_start_matches([',', ' ']);
        let end = left.find(['=', '!']).unwrap();
        (
            left[..end].to_owned(),
            left[end..].to_owned(),
            pair[1].to_owned(),
        )
    };
    pairs.map(of).collect()
}

/// Every metric of an expression, with what stands in its braces.
fn selectors(expression: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    for prefix in ["sidebox_", "apiserver_"] {
        for (start, _) in expression.match_indices(prefix) {
            let rest = &expression[start..];
            let end = rest
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .unwrap_or(rest.len());
            let braces = rest[end..].strip_prefix('{').unwrap_or("}");
            found.push((rest[..end].to_owned(), braces));
        }
    }
    found
}

/// What an expression asks for and nobody prints.
fn unknown(expression: &str, printed: &Printed) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, braces) in selectors(expression) {
        let Some(labels) = printed.get(&name) else {
            wrong.push(name);
            continue;
        };
        let asked = matchers(braces)
            .into_iter()
            .filter(|(label, ..)| !ADDED.contains(&label.as_str()));
        for (label, _, value) in asked {
            for value in value.split('|') {
                if !labels
                    .get(&label)
                    .is_some_and(|values| values.contains(value))
                {
                    wrong.push(format!("{name} with {label}={value}"));
                }
            }
        }
    }
    wrong
}

#[test]
fn alerts_and_panels_ask_for_what_is_printed() {
    let (_, text) = Runtime::new()
        .unwrap()
        .block_on(async { Sidebox::start(&[]).await.get("/metrics").await });
    let printed = printed(&text);
    let (alerts, panels) = (alerts(), panels());
    let mut used = BTreeSet::new();
    for (name, expression) in alerts.iter().chain(&panels) {
        let asked = selectors(expression);
        assert!(!asked.is_empty(), "{name} asks for nothing: {expression}");
        used.extend(asked.into_iter().map(|(name, _)| name));
        let ours = unknown(expression, &printed).into_iter().filter(|what| {
            !what.starts_with(FAIL_OPEN) && !IN_A_CLUSTER.iter().any(|name| what.starts_with(name))
        });
        assert_eq!(ours.collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
    }
    for name in IN_A_CLUSTER {
        assert!(used.contains(name), "nothing asks for {name}");
    }
    println!(
        "{} alerts and {} queries on {} metrics",
        alerts.len(),
        panels.len(),
        used.len()
    );
}

/// What alerts and panels ask for and a server in a cluster does not print.
pub(crate) fn asked_in_vain(text: &str) -> Vec<String> {
    let printed = printed(text);
    let all = alerts().into_iter().chain(panels());
    let wrong = all.flat_map(|(_, expression)| unknown(&expression, &printed));
    wrong.filter(|what| !what.starts_with(FAIL_OPEN)).collect()
}

#[test]
fn every_alert_is_explained_and_tried() {
    let page = text("docs/operations.md");
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `Sidebox")?.split('`').next());
    let explained: BTreeSet<_> = rows.map(|name| format!("Sidebox{name}")).collect();
    let known: BTreeSet<_> = alerts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        explained, known,
        "the alerts of docs/operations.md, and those there are"
    );
    let tried = text("tests/deploy/alerts.yaml");
    for name in known {
        assert!(
            tried.contains(&format!("alertname=\"{name}\"")),
            "nothing tries {name}"
        );
    }
}

#[test]
fn the_dashboard_can_be_read() {
    let dashboard = dashboard();
    let mut places = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(
            panel["description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{}",
            panel["title"]
        );
        let place = &panel["gridPos"];
        let number = |key: &str| place[key].as_u64().unwrap();
        assert!(
            number("x") + number("w") <= 24,
            "{} is too wide",
            panel["title"]
        );
        for x in number("x")..number("x") + number("w") {
            for y in number("y")..number("y") + number("h") {
                assert!(
                    places.insert((x, y)),
                    "{} lies over another panel",
                    panel["title"]
                );
            }
        }
    }
}

#[test]
#[ignore = "needs promtool: make test-deploy"]
fn prometheus_takes_the_rules_and_fires_them_when_it_should() {
    let program = output(launch("tool").arg("promtool"));
    let promtool = || Command::new(program.trim_end());
    output(promtool().args(["check", "rules"]).arg(at(RULES)));
    println!(
        "{}",
        output(
            promtool()
                .args(["test", "rules"])
                .arg(at("tests/deploy/alerts.yaml"))
        )
    );
    // A dashboard's queries are no rules, but as rules they are parsed.
    let rules = panels()
        .into_iter()
        .enumerate()
        .map(|(number, (_, expression))| {
            let expression = expression
                .replace("$__rate_interval", "5m")
                .replace("$namespace", "sidebox");
            json!({"record": format!("panel:{number}"), "expr": expression})
        });
    let file = TempDir::new().unwrap();
    let file = file.path().join("panels.json");
    let group = json!({"groups": [{"name": "panels", "rules": rules.collect::<Vec<_>>()}]});
    fs::write(&file, group.to_string()).unwrap();
    output(promtool().args(["check", "rules"]).arg(&file));
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn the_chart_carries_rules_and_dashboard() {
    let sets = [
        "metrics.rules.enabled=true",
        "metrics.dashboard.enabled=true",
        "replicas=3",
    ];
    let rendered = helm::objects(&[], &sets);
    let carried = &find(&rendered, "PrometheusRule", "sidebox")["spec"];
    let with_three = text(RULES).replace("}) < 2", "}) < 3");
    assert_eq!(carried, &one(&with_three));
    let map = find(&rendered, "ConfigMap", "sidebox-dashboard");
    let carried: Value =
        serde_json::from_str(map["data"]["sidebox.json"].as_str().unwrap()).unwrap();
    assert_eq!(carried, dashboard());

    let mut elsewhere = helm::templating(&[], &sets[..1]);
    let elsewhere = read(&output(elsewhere.args(["--namespace", "diagnostics"])));
    let carried = find(&elsewhere, "PrometheusRule", "sidebox").to_string();
    assert!(
        carried.contains(r#"namespace=\"diagnostics\""#)
            && !carried.contains(r#"namespace=\"sidebox\""#)
    );
}

/// The API server's own counter has the name and the label that alert and panel use.
#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn the_api_server_counts_what_it_could_not_ask() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    let api = Api::of(&cluster.kubeconfig());
    let rendered = helm::objects(&[], &[]);
    let mut configuration = find(&rendered, "MutatingWebhookConfiguration", "sidebox").clone();
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ca = crate::installed::authority();
    for webhook in configuration["webhooks"].as_array_mut().unwrap() {
        webhook["clientConfig"] =
            json!({"url": format!("https://{nobody}/"), "caBundle": STANDARD.encode(&ca)});
    }
    Runtime::new().unwrap().block_on(async {
        api.create(
            &format!("{ADMISSION}/mutatingwebhookconfigurations"),
            &configuration,
        )
        .await;
        namespace_of(&api, "unasked", Some("true")).await;
        until("the API server counts it", async || {
            let reply = api.try_pod("unasked", &pod(&json!({}))).await;
            assert!(reply.accepted(), "{}", reply.message());
            let text = output(cluster.kubectl().args(["get", "--raw", "/metrics"]));
            let names = printed(&text)
                .remove(FAIL_OPEN)
                .and_then(|mut labels| labels.remove("name"));
            names.is_some_and(|names| names.contains("labelled.sidebox.dev"))
        })
        .await;
    });
}
