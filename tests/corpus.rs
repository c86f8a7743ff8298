//! Manifests of real projects through the webhook and the command: the laws hold for them too.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be read fails the test, and counts are shown"
)]

#[path = "support/kept.rs"]
mod kept;
mod manifests;
#[path = "support/patches.rs"]
mod patches;
#[path = "support/pod_security.rs"]
mod pod_security;
#[path = "support/validity.rs"]
mod validity;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kept::{only_adds, survives, undone};
use patches::applied;
use pod_security::level;
use serde_json::{Value, json};
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::cli::documents::json::{self as text, Spacing};
use sidebox::cli::documents::reading::read;
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::template::{objects, pods};
use sidebox::cli::documents::tree::Node;
use sidebox::inject::settings::{Injection, Settings};
use validity::{problems, qos};

fn compact(tree: &Node) -> String {
    text::write(tree, &Spacing::Compact)
}

/// Every Pod of the corpus, with where it stands.
fn corpus() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for source in manifests::all() {
        for document in read(&source) {
            let Some(tree) = document.tree() else {
                continue;
            };
            for pod in objects(tree).iter().flat_map(|o| pods(tree, o, "shop")) {
                let node = tree.at(&pod.pointer).unwrap();
                let at = format!("{}:{}{}", source.name, document.line, pod.pointer);
                found.push((at, serde_json::from_str(&compact(node)).unwrap()));
            }
        }
    }
    found
}

fn admission(injection: Injection) -> Admission {
    let settings = Settings {
        injection,
        image_pull_secrets: vec!["pull".into()],
        ..Settings::default()
    };
    Admission::new(settings, Box::new(KnownFacts::default()))
}

struct Answered {
    decision: &'static str,
    codes: Vec<&'static str>,
    body: Vec<u8>,
    patch: Option<String>,
}

fn answered(admission: &Admission, pod: &Value) -> Answered {
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "operation": "CREATE", "namespace": "shop", "object": pod}});
    let answer = admission
        .answer(Route::Mutate, review.to_string().as_bytes())
        .unwrap();
    let response = serde_json::from_slice::<Value>(&answer.body).unwrap()["response"].take();
    assert_eq!(response["allowed"], true);
    assert_eq!(response["uid"], "u-1");
    let patch = response["patch"].as_str();
    Answered {
        decision: answer.decision,
        codes: answer.codes,
        patch: patch.map(|patch| String::from_utf8(STANDARD.decode(patch).unwrap()).unwrap()),
        body: answer.body,
    }
}

fn holds(admission: &Admission, at: &str, pod: &Value) -> Answered {
    let answer = answered(admission, pod);
    assert_eq!(
        answered(admission, pod).body,
        answer.body,
        "{at}: other bytes"
    );
    assert!(answer.patch.is_none() || answer.decision != "skip", "{at}");
    let Some(patch) = &answer.patch else {
        return answer;
    };
    only_adds(pod, patch).unwrap_or_else(|error| panic!("{at}: {error}"));
    let after = applied(pod, patch);
    survives(pod, &after, "").unwrap_or_else(|error| panic!("{at}: {error}"));
    let (was, is) = (problems(pod), problems(&after));
    assert!(!was.is_empty() || is.is_empty(), "{at}: {is:?}");
    assert!(
        level(&after) >= level(pod),
        "{at}: {:?} became {:?}",
        level(pod),
        level(&after)
    );
    if qos(pod) == "Guaranteed" {
        assert_eq!(qos(&after), "Guaranteed", "{at}");
    }
    assert_eq!(
        answered(admission, &after).patch,
        None,
        "{at}: a second patch"
    );
    assert_eq!(undone(&after), *pod, "{at}: not taken back");
    answer
}

#[test]
fn the_laws_hold_for_pods_of_real_projects() {
    let pods = corpus();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for injection in [Injection::Annotated, Injection::Dotnet, Injection::All] {
        let admission = admission(injection);
        for (at, pod) in &pods {
            let plain = holds(&admission, at, pod);
            let mut annotated = pod.clone();
            annotated["metadata"]["annotations"]["sidebox.dev/inject"] = "true".into();
            let asked = holds(&admission, at, &annotated);
            assert_ne!(asked.decision, "skip", "{at}");
            for (who, answer) in [("plain", plain), ("annotated", asked)] {
                let reason = match answer.decision {
                    "inject" => "",
                    _ => answer.codes[0],
                };
                let key = format!("{injection:?} {who}: {} {reason}", answer.decision);
                *counts.entry(key).or_default() += 1;
            }
        }
    }
    for (what, count) in &counts {
        println!("{count:>4}  {what}");
    }
    if !manifests::missing() {
        assert_eq!(pods.len(), 88, "Pods as the corpus' README counts");
        let injected = counts["Annotated annotated: inject "];
        assert!(injected >= 60, "only {injected} of 88 are injected");
    }
}

fn sidebox(command: &str, input: &[u8]) -> (Option<i32>, Vec<u8>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidebox"))
        .args([command, "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let report = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), output.stdout, report)
}

#[test]
fn files_that_nobody_asks_for_come_out_byte_for_byte() {
    for source in manifests::all() {
        for command in ["inject", "uninject"] {
            let (code, out, report) = sidebox(command, &source.bytes);
            assert_eq!(code, Some(0), "{command} {}: {report}", source.name);
            assert!(out == source.bytes, "{command} {} differs", source.name);
        }
    }
}

/// The document with the annotation on each of its templates, as YAML.
fn annotated(tree: &Node) -> Option<String> {
    let mut pointers = Vec::new();
    for pod in objects(tree).iter().flat_map(|o| pods(tree, o, "shop")) {
        pointers.push(pod.pointer);
    }
    let mut value: Value = serde_json::from_str(&compact(tree)).ok()?;
    for pointer in &pointers {
        let pod = value.pointer_mut(pointer)?;
        pod["metadata"]["annotations"]["sidebox.dev/inject"] = "true".into();
    }
    (!pointers.is_empty()).then(|| format!("{value:#}\n"))
}

#[test]
fn what_inject_does_uninject_takes_back() {
    let (mut count, mut changed) = (0, 0);
    for source in manifests::all() {
        for document in read(&source) {
            let Some(input) = document.tree().and_then(annotated) else {
                continue;
            };
            let (code, injected, report) = sidebox("inject", input.as_bytes());
            assert!(matches!(code, Some(0 | 2)), "{}: {report}", source.name);
            let (_, back, report) = sidebox("uninject", &injected);
            let tree = |bytes: &[u8]| {
                let source = Source {
                    name: String::new(),
                    bytes: bytes.to_vec(),
                };
                let trees: Vec<_> = read(&source)
                    .iter()
                    .filter_map(|d| d.tree().cloned())
                    .collect();
                trees
            };
            let (before, after) = (tree(input.as_bytes()), tree(&back));
            assert_eq!(before.len(), after.len());
            for (one, two) in before.iter().zip(&after) {
                assert_eq!(compact(one), compact(two), "{}: {report}", source.name);
            }
            count += 1;
            changed += usize::from(injected != input.as_bytes());
        }
    }
    println!("{changed} of {count} documents changed and came back");
    assert!(changed >= 80 || manifests::missing(), "only {changed}");
}
