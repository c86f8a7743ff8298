//! One golden case: both lanes, the same object, the expected words.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::reading;
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::template::{Pod, objects as objects_of, pods};
use sidebox::inject::facts::objects::{self, Completeness};
use sidebox::inject::facts::{Facts, Label};
use sidebox::inject::settings::Settings;

use crate::patches::applied;
use crate::pod_security::level;
use crate::surfaces::{self, Ear, Surfaces};
use crate::validity::{problems, qos};

/// Namespace of objects that name none.
const NAMESPACE: &str = "shop";
const MEMBERS: [&str; 9] = [
    "decision", "asked", "reason", "findings", "warnings", "denied", "advice", "exit", "report",
];
const MADE_UP: [&str; 3] = ["futurePod", "futureSpec", "futureContainer"];

struct Case<'f> {
    folder: &'f Path,
    text: String,
    /// The object as JSON text, in its own order.
    json: String,
    place: Pod,
    only: Option<String>,
}

/// What the webhook answered.
struct Answered {
    words: Value,
    object: Value,
}

/// What the command did.
struct Commanded {
    code: i32,
    report: Vec<String>,
    text: String,
}

/// Runs one case and compares, or writes, its expected files.
pub(crate) fn check(folder: &Path) -> Result<(), Failed> {
    let case = read(folder)?;
    let before: Value = serde_json::from_str(&case.json)?;
    let answered = (case.only.as_deref() != Some("inject")).then(|| review(&case));
    let commanded = (case.only.as_deref() != Some("review")).then(|| command(&case));
    let (answered, commanded) = (answered.transpose()?, commanded.transpose()?);
    let mut expect = match &answered {
        Some(answered) => answered.words.clone(),
        None => json!({}),
    };
    let mut patched = None;
    let mut after = before.clone();
    if let Some(answered) = &answered {
        after = answered.object.clone();
        patched = (after != before).then(|| format!("{after:#}\n"));
    }
    if let Some(commanded) = &commanded {
        expect["exit"] = commanded.code.into();
        expect["report"] = commanded.report.clone().into();
        let object = values(&commanded.text)?
            .pop()
            .ok_or("the command wrote nothing")?;
        if answered.is_some() && object != after {
            return Err(format!("webhook:\n{after:#}\ncommand:\n{object:#}").into());
        }
        after = object;
        patched = (commanded.text != case.text).then(|| commanded.text.clone());
        undone(&case, &commanded.text)?;
    }
    laws(&case, &before, &after)?;
    golden(&folder.join("expect.yaml"), Some(&written(&expect)))?;
    golden(&folder.join("patched.yaml"), patched.as_deref())
}

fn read(folder: &Path) -> Result<Case<'_>, Failed> {
    let path = folder.join("pod.yaml");
    let text = fs::read_to_string(&path)?;
    // The sample stays as users have it.
    if !path.is_symlink() && MADE_UP.iter().any(|field| !text.contains(field)) {
        return Err(format!("{} lacks one of {MADE_UP:?}", path.display()).into());
    }
    let source = source(&text);
    let documents = reading::read(&source);
    let tree = documents.iter().find_map(|document| document.tree());
    let tree = tree.ok_or("an empty pod.yaml")?;
    let mut places = objects_of(tree)
        .into_iter()
        .flat_map(|object| pods(tree, &object, NAMESPACE));
    let place = places.next().ok_or("no Pod in pod.yaml")?;
    let json = json::write(tree, &Spacing::Compact);
    let lane = optional(folder, "lane.yaml")?
        .map(|lane| values(&lane))
        .transpose()?;
    let only = lane.and_then(|lane| Some(lane.first()?["only"].as_str()?.to_owned()));
    Ok(Case {
        folder,
        text,
        json,
        place,
        only,
    })
}

fn source(text: &str) -> Source {
    Source {
        name: "case".to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// The documents of a text as JSON, in their own order.
fn jsons(text: &str) -> Vec<String> {
    let source = source(text);
    let documents = reading::read(&source);
    let trees = documents.iter().filter_map(|document| document.tree());
    trees
        .map(|tree| json::write(tree, &Spacing::Compact))
        .collect()
}

pub(crate) fn values(text: &str) -> Result<Vec<Value>, Failed> {
    let values = jsons(text)
        .into_iter()
        .map(|text| serde_json::from_str(&text));
    Ok(values.collect::<Result<_, _>>()?)
}

fn optional(folder: &Path, name: &str) -> Result<Option<String>, Failed> {
    let path = folder.join(name);
    Ok(path
        .is_file()
        .then(|| fs::read_to_string(path))
        .transpose()?)
}

/// The members that are there, in an order for readers.
fn written(expect: &Value) -> String {
    let mut lines = Vec::new();
    for key in MEMBERS {
        match &expect[key] {
            Value::Null => {}
            Value::Array(all) if all.is_empty() => {}
            Value::Array(all) => {
                lines.push(format!("{key}:\n"));
                lines.extend(all.iter().map(|one| format!("- {one}\n")));
            }
            one => lines.push(format!("{key}: {one}\n")),
        }
    }
    lines.concat()
}

fn facts(case: &Case<'_>) -> Result<BTreeMap<String, Facts>, Failed> {
    let text = optional(case.folder, "namespace.yaml")?.unwrap_or_default();
    let values = values(&text)?;
    let completeness = match case.only.as_deref() {
        Some("review") => Completeness::Whole,
        _ => Completeness::Part,
    };
    Ok(objects::read(&values, completeness)?)
}

fn review(case: &Case<'_>) -> Result<Answered, Failed> {
    let settings = match optional(case.folder, "settings.yaml")? {
        Some(text) => Settings::parse("settings.yaml", &text)?,
        None => Settings::default(),
    };
    let namespace = case.place.namespace.as_str();
    let facts = facts(case)?;
    let known = facts.get(namespace).and_then(|facts| facts.namespace.get());
    let route = match known.map(|namespace| &namespace.label) {
        Some(Label::Labelled) => Route::MutateLabelled,
        Some(Label::OptedOut) => Route::MutateOptedOut,
        _ => Route::Mutate,
    };
    let (ear, notices) = Ear::new();
    let admission = Admission::new(settings, Box::new(KnownFacts::new(facts)));
    let admission = admission.witnessed_by(Box::new(ear));
    let mut object: Value = serde_json::from_str(&case.json)?;
    let pod = object.pointer(&case.place.pointer).ok_or("no Pod")?;
    let body = |kind: &str, object: &Value| {
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": "u-1", "kind": {"group": "", "version": "v1", "kind": kind},
            "operation": "CREATE", "namespace": namespace, "object": object}})
        .to_string()
    };
    let answer = admission.answer(route, body("Pod", pod).as_bytes())?;
    let response = serde_json::from_slice::<Value>(&answer.body)?["response"].take();
    let denied = response["allowed"] != true;
    let stops = !matches!(answer.decision, "inject");
    let mut words = json!({"decision": answer.decision, "asked": answer.asked,
        "warnings": response["warnings"].as_array().cloned().unwrap_or_default()});
    let (reason, findings) = answer.codes.split_at(usize::from(stops));
    words["findings"] = findings.into();
    if let Some(reason) = reason.first() {
        words["reason"] = (*reason).into();
    }
    if denied {
        words["denied"] = response["status"]["message"].clone();
    }
    if case.place.workload_annotations.is_some() {
        let kind = &case.place.owner.kind;
        let advice = admission.answer(Route::Advise, body(kind, &object).as_bytes())?;
        let advice: Value = serde_json::from_slice(&advice.body)?;
        words["advice"] = advice["response"]["warnings"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .into();
    }
    if let Some(patch) = response["patch"].as_str() {
        let patch = String::from_utf8(STANDARD.decode(patch)?)?;
        let pod = object.pointer_mut(&case.place.pointer).ok_or("no Pod")?;
        *pod = applied(pod, &patch);
    }
    surfaces::check(Surfaces {
        answer: &answer,
        response: &response,
        pod: object.pointer(&case.place.pointer).ok_or("no Pod")?,
        notices,
        explained: explained(case)?,
    })?;
    Ok(Answered { words, object })
}

/// What `explain` says, where files know as much as a cluster.
fn explained(case: &Case<'_>) -> Result<Option<String>, Failed> {
    if case.only.is_some() {
        return Ok(None);
    }
    let (_, page, _) = run(case, &arguments("explain", case), "")?;
    Ok(Some(page))
}

fn arguments(command: &'static str, case: &Case<'_>) -> Vec<&'static str> {
    let mut arguments = vec![command, "-n", NAMESPACE, "-f", "pod.yaml"];
    if case.folder.join("namespace.yaml").is_file() {
        arguments.extend(["-f", "namespace.yaml"]);
    }
    if case.folder.join("settings.yaml").is_file() {
        arguments.extend(["--config", "settings.yaml"]);
    }
    arguments
}

fn run(case: &Case<'_>, arguments: &[&str], input: &str) -> Result<(i32, String, String), Failed> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidebox"))
        .args(arguments)
        .current_dir(case.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let code = output.status.code().ok_or("the command was killed")?;
    Ok((
        code,
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    ))
}

fn command(case: &Case<'_>) -> Result<Commanded, Failed> {
    let facts = optional(case.folder, "namespace.yaml")?;
    let (code, mut text, report) = run(case, &arguments("inject", case), "")?;
    if let Some(facts) = facts {
        let before = text
            .strip_suffix(&facts)
            .ok_or("the facts did not come out as they were")?;
        let starts = facts.starts_with("---");
        let alone = before.strip_suffix("---\n").filter(|_| !starts);
        text.truncate(alone.unwrap_or(before).len());
    }
    Ok(Commanded {
        code,
        report: report.lines().map(|line| line.trim().to_owned()).collect(),
        text,
    })
}

/// What the command did, it takes back: the same keys, order and scalars.
fn undone(case: &Case<'_>, patched: &str) -> Result<(), Failed> {
    if case.text.contains("sidebox.dev/status") || case.text == patched {
        return Ok(());
    }
    let (_, text, report) = run(case, &["uninject", "-f", "-"], patched)?;
    if jsons(&text) == [case.json.as_str()] {
        return Ok(());
    }
    Err(format!("uninject gives\n{text}\n{report}").into())
}

/// What was valid stays valid, no Pod Security level is lost, Guaranteed stays Guaranteed.
fn laws(case: &Case<'_>, before: &Value, after: &Value) -> Result<(), Failed> {
    let pod = |object: &Value| {
        object
            .pointer(&case.place.pointer)
            .cloned()
            .unwrap_or_default()
    };
    let (before, after) = (pod(before), pod(after));
    if problems(&before).is_empty() && !problems(&after).is_empty() {
        return Err(format!("no longer valid: {:?}", problems(&after)).into());
    }
    if level(&after) < level(&before) {
        return Err(format!("{:?} became {:?}", level(&before), level(&after)).into());
    }
    let pod_level = !before["spec"]["resources"].is_null();
    if !pod_level && qos(&before) == "Guaranteed" && qos(&after) != "Guaranteed" {
        return Err(format!("Guaranteed became {}", qos(&after)).into());
    }
    Ok(())
}

fn golden(path: &Path, now: Option<&str>) -> Result<(), Failed> {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        match now {
            Some(text) => fs::write(path, text)?,
            None if path.exists() => fs::remove_file(path)?,
            None => {}
        }
        return Ok(());
    }
    let known = path
        .is_file()
        .then(|| fs::read_to_string(path))
        .transpose()?;
    if known.as_deref() == now {
        return Ok(());
    }
    let diff = similar::TextDiff::from_lines(known.as_deref().unwrap_or(""), now.unwrap_or(""))
        .unified_diff()
        .header("expected", "is")
        .to_string();
    Err(format!(
        "{} differs (make golden writes it anew):\n{diff}",
        path.display()
    )
    .into())
}
