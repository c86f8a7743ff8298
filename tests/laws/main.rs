//! Laws of the injector, over generated Pods.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what cannot be read fails the test, and counts are shown"
)]

#[path = "../support/any_json.rs"]
mod any_json;
#[path = "../support/kept.rs"]
mod kept;
#[path = "../support/patches.rs"]
mod patches;
#[path = "../support/pod_security.rs"]
mod pod_security;
#[path = "../support/pods.rs"]
mod pods;
#[path = "../support/validity.rs"]
mod validity;

use kept::{only_adds, survives, undone};
use patches::applied;
use pod_security::{Level, level};
use proptest::prelude::*;
use serde_json::{Value, json};
use sidebox::inject::decide::{Decision, Origin, Request, needs_the_pods_word};
use sidebox::inject::facts::{Facts, Label};
use sidebox::inject::inject;
use sidebox::inject::pod::{IfSpoken, Pod};
use sidebox::inject::settings::{Injection as Who, Settings};

struct Done {
    decision: &'static str,
    patch: Option<String>,
}

fn settings(injection: Who) -> Settings {
    Settings {
        injection,
        image_pull_secrets: vec!["pull".into()],
        ..Settings::default()
    }
}

fn run(pod: &Value, settings: &Settings) -> Option<Done> {
    let text = pod.to_string();
    let pod: Pod<'_> = serde_json::from_str(&text).ok()?;
    let facts = Facts::default();
    let injection = inject(&request(&pod, &Label::Absent), &facts, settings);
    let skipped = matches!(injection.outcome.decision, Decision::Skip(_));
    assert!(
        !(skipped && injection.patch.is_some()),
        "a skip patches nothing"
    );
    Some(Done {
        decision: injection.outcome.decision.as_str(),
        patch: injection.patch.map(|patch| patch.as_str().to_owned()),
    })
}

fn request<'a>(pod: &'a Pod<'a>, label: &'a Label) -> Request<'a> {
    Request {
        pod,
        namespace: "shop",
        label: Some(label),
        origin: Origin::Admission,
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![3 => Just(Who::Annotated), 1 => Just(Who::Dotnet), 1 => Just(Who::All)]
}

/// Settings and labels with which only the Pod's own word can have it injected.
fn wordless() -> impl Strategy<Value = (Who, Label)> {
    let labels = [
        Label::Absent,
        Label::OptedOut,
        Label::Labelled,
        Label::Invalid("yes".into()),
    ];
    let all = [Who::Annotated, Who::Dotnet, Who::All].into_iter();
    let all = all.flat_map(|who| labels.clone().map(|label| (who, label)));
    let wordless = all.filter(|(who, label)| needs_the_pods_word(label, &settings(*who)));
    proptest::sample::select(wordless.collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_only_adds_and_keeps_what_was_valid_valid(pod in pods::pod(), who in who()) {
        let settings = settings(who);
        let done = run(&pod, &settings).expect("the Pod reads");
        let Some(patch) = done.patch else { return Ok(()) };
        only_adds(&pod, &patch).map_err(TestCaseError::fail)?;
        let after = applied(&pod, &patch);
        survives(&pod, &after, "").map_err(TestCaseError::fail)?;
        let (was, is) = (validity::problems(&pod), validity::problems(&after));
        prop_assert!(!was.is_empty() || is.is_empty(), "{is:?}\n{after:#}");
        prop_assert!(level(&after) >= level(&pod), "{:?} became {:?}\n{after:#}", level(&pod), level(&after));
        if validity::qos(&pod) == "Guaranteed" && pod["spec"]["resources"].is_null() {
            prop_assert_eq!(validity::qos(&after), "Guaranteed");
        }
    }

    #[test]
    fn injecting_twice_changes_nothing_and_bytes_repeat(pod in pods::pod(), who in who()) {
        let settings = settings(who);
        let done = run(&pod, &settings).expect("the Pod reads");
        prop_assert_eq!(&run(&pod, &settings).expect("reads").patch, &done.patch);
        let Some(patch) = done.patch else { return Ok(()) };
        let again = run(&applied(&pod, &patch), &settings).expect("reads");
        prop_assert_eq!(again.patch, None);
    }

    #[test]
    fn a_spec_that_nobody_asks_for_decides_nothing(pod in pods::pod(), (who, label) in wordless()) {
        let settings = settings(who);
        let (text, facts) = (pod.to_string(), Facts::default());
        let whole: Pod<'_> = serde_json::from_str(&text).expect("the Pod reads");
        let IfSpoken(part) = serde_json::from_str(&text).expect("the Pod reads");
        let (whole, part) = (request(&whole, &label), request(&part, &label));
        let (whole, part) = (inject(&whole, &facts, &settings), inject(&part, &facts, &settings));
        prop_assert_eq!(format!("{:?}", part.outcome), format!("{:?}", whole.outcome));
        prop_assert_eq!(part.patch.map(|patch| patch.as_str().to_owned()), whole.patch.map(|patch| patch.as_str().to_owned()));
    }

    #[test]
    fn uninject_is_exact(pod in pods::pod(), who in who()) {
        let settings = settings(who);
        let done = run(&pod, &settings).expect("the Pod reads");
        let Some(patch) = done.patch else { return Ok(()) };
        prop_assert_eq!(undone(&applied(&pod, &patch)), pod);
    }

    #[test]
    fn uninject_leaves_what_others_appended(pod in pods::pod(), who in who()) {
        let settings = settings(who);
        let done = run(&pod, &settings).expect("the Pod reads");
        let Some(patch) = done.patch else { return Ok(()) };
        prop_assert_eq!(undone(&other(&applied(&pod, &patch))), other(&pod));
    }

    #[test]
    fn any_json_is_answered(pod in any_json::any_json()) {
        if let Some(done) = run(&pod, &settings(Who::All))
            && let Some(patch) = done.patch
        {
            applied(&pod, &patch);
        }
    }

    #[test]
    fn another_injector_may_come_before_or_after(pod in pods::pod(), who in who()) {
        let mut pod = pod;
        pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true", "sidebox.dev/container": "c0", "kubectl.kubernetes.io/default-container": "c0"});
        let settings = settings(who);
        let ours_first = both(&pod, &settings, true);
        let ours_last = both(&pod, &settings, false);
        for after in [&ours_first, &ours_last] {
            survives(&pod, after, "").map_err(TestCaseError::fail)?;
            let is = validity::problems(after);
            prop_assert!(!validity::problems(&other(&pod)).is_empty() || is.is_empty(), "{is:?}");
        }
        if !matches!(pod["spec"]["containers"].as_array().map(Vec::len), Some(0)) {
            prop_assert_eq!(by_name(&ours_first), by_name(&ours_last));
        }
    }
}

/// Another injector: appends a container with resources and a volume.
fn other(pod: &Value) -> Value {
    let mut pod = pod.clone();
    let container = json!({"name": "mesh", "image": "mesh:1", "volumeMounts": [{"name": "mesh", "mountPath": "/mesh"}],
        "resources": {"requests": {"cpu": "10m"}, "limits": {"cpu": "10m"}}});
    for (list, element) in [
        ("containers", container),
        ("volumes", json!({"name": "mesh", "emptyDir": {}})),
    ] {
        match &mut pod["spec"][list] {
            Value::Array(all) => all.push(element),
            missing => *missing = json!([element]),
        }
    }
    pod
}

fn both(pod: &Value, settings: &Settings, ours_first: bool) -> Value {
    let ours = |pod: &Value| {
        let patch = run(pod, settings).expect("reads").patch;
        patch.map_or_else(|| pod.clone(), |patch| applied(pod, &patch))
    };
    if ours_first {
        ours(&other(&ours(pod)))
    } else {
        ours(&other(pod))
    }
}

/// Containers, volumes and mounts as sets; without what depends on the other's containers.
fn by_name(pod: &Value) -> Vec<String> {
    let mut all = Vec::new();
    for list in ["containers", "initContainers", "volumes"] {
        for element in pod["spec"][list].as_array().into_iter().flatten() {
            let mut element = element.clone();
            if element["name"] == "toolbox"
                && let Some(map) = element.as_object_mut()
            {
                map.remove("resources");
            }
            all.push(format!("{list} {element}"));
        }
    }
    all.sort();
    all
}

#[test]
fn enough_generated_pods_are_valid_and_injected() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let settings = settings(Who::All);
    let (mut valid, mut injected, mut restricted) = (0, 0, 0);
    for _ in 0..1000 {
        let pod = pods::pod().new_tree(&mut runner).expect("a Pod").current();
        valid += u32::from(validity::problems(&pod).is_empty());
        restricted += u32::from(level(&pod) == Level::Restricted);
        injected += u32::from(run(&pod, &settings).expect("reads").decision == "inject");
    }
    println!(
        "of 1000 generated Pods {valid} are valid, {injected} injected, {restricted} restricted"
    );
    assert!(
        valid >= 700 && injected >= 250 && restricted >= 100,
        "the laws must have something to bite on"
    );
}
