//! What must hold for every Pod and every settings, whatever the bytes they came from.
//!
//! Shared by the fuzz targets; a law that does not hold is a panic, which the fuzzer records.
//! Knows nothing of how inputs are made.

use serde_json::Value;
use sidebox::inject::decide::{Origin, Request};
use sidebox::inject::facts::Facts;
use sidebox::inject::inject;
use sidebox::inject::pod::{Pod, read_json};
use sidebox::inject::settings::Settings;

#[expect(dead_code, reason = "the tests of the main package use the rest")]
#[path = "../../tests/support/validity.rs"]
mod validity;

const STATUS: &str = "/metadata/annotations/sidebox.dev~1status";

/// The namespace that the Pods are created in.
pub const NAMESPACE: &str = "shop";

/// What became of a Pod.
pub struct Done {
    /// `inject`, `skip` or `refuse`.
    pub decision: &'static str,
    /// The operations, if any.
    pub patch: Option<String>,
}

/// Decides over the text of a Pod; none if it does not read as one.
pub fn run(pod: &str, settings: &Settings) -> Option<Done> {
    let pod: Pod<'_> = read_json(pod).ok()?;
    let facts = Facts::default();
    let request = Request {
        pod: &pod,
        namespace: NAMESPACE,
        label: None,
        origin: Origin::Admission,
    };
    let injection = inject(&request, &facts, settings);
    Some(Done {
        decision: injection.outcome.decision.as_str(),
        patch: injection.patch.map(|patch| patch.as_str().to_owned()),
    })
}

/// Holds a Pod to all laws, and returns its decision; none if the text is no Pod.
pub fn hold(text: &str, settings: &Settings) -> Option<&'static str> {
    let done = run(text, settings)?;
    let Some(patch) = done.patch else {
        return Some(done.decision);
    };
    assert_ne!(done.decision, "skip", "a skip patches nothing");
    let before: Value = serde_json::from_str(text).ok()?;
    let after = applied(&before, &patch);
    let (was, is) = (validity::problems(&before), validity::problems(&after));
    assert!(
        !was.is_empty() || is.is_empty(),
        "became invalid: {is:?}\n{after:#}"
    );
    let again = run(&after.to_string(), settings).and_then(|done| done.patch);
    assert_eq!(again, None, "a second pass changes nothing\n{after:#}");
    Some(done.decision)
}

/// The Pod after the patch, which may only add, and never where something is.
fn applied(before: &Value, patch: &str) -> Value {
    let operations: Vec<Value> = serde_json::from_str(patch).expect("the patch is a list");
    let mut pod = before.clone();
    for operation in operations {
        let path = operation["path"].as_str().expect("an operation has a path");
        assert_eq!(operation["op"], "add", "{operation}");
        let taken = pod.pointer(path).is_some_and(|there| !there.is_null());
        assert!(!taken || path == STATUS, "{path} is taken");
        let one = serde_json::from_value(Value::Array(vec![operation.clone()]));
        let one: json_patch::Patch = one.expect("the operation reads");
        json_patch::patch(&mut pod, &one).expect("the operation applies");
    }
    pod
}
