//! Laws of a patch: it only adds, keeps what was there and can be taken back.

use serde_json::{Value, json};
use sidebox::inject::uninject::{Undo, uninject};

use crate::patches::applied;

/// Every value of `before` is still there: members kept, lists kept as a prefix; null is nothing.
pub(crate) fn survives(before: &Value, after: &Value, path: &str) -> Result<(), String> {
    match (before, after) {
        (Value::Null, _) => Ok(()),
        (Value::Object(one), Value::Object(two)) => one.iter().try_for_each(|(key, value)| {
            let found = two
                .get(key)
                .ok_or_else(|| format!("{path}/{key} is gone"))?;
            survives(value, found, &format!("{path}/{key}"))
        }),
        (Value::Array(one), Value::Array(two)) if two.len() >= one.len() => {
            let mut pairs = one.iter().zip(two).enumerate();
            pairs.try_for_each(|(i, (a, b))| survives(a, b, &format!("{path}/{i}")))
        }
        (one, two) if one == two => Ok(()),
        (one, two) => Err(format!("{path}: {one} became {two}")),
    }
}

/// The Pod without its injection.
pub(crate) fn undone(pod: &Value) -> Value {
    let mut pod = pod.clone();
    for undo in uninject(&pod.clone()).expect("a status") {
        let operation = match undo {
            Undo::Remove(path) => json!([{"op": "remove", "path": path}]),
            Undo::Null(path) => json!([{"op": "replace", "path": path, "value": null}]),
        };
        pod = applied(&pod, &operation.to_string());
    }
    pod
}

/// Each operation is an `add` where nothing is, but for Sidebox's own status.
pub(crate) fn only_adds(before: &Value, patch: &str) -> Result<(), String> {
    let mut now = before.clone();
    for operation in serde_json::from_str::<Vec<Value>>(patch).expect("a list") {
        let place = operation["path"].as_str().unwrap_or("").to_owned();
        if operation["op"] != "add" {
            return Err(format!("{operation}"));
        }
        let status = place == "/metadata/annotations/sidebox.dev~1status";
        if !status && now.pointer(&place).is_some_and(|there| !there.is_null()) {
            return Err(format!("{place} is taken"));
        }
        now = applied(&now, &json!([operation]).to_string());
    }
    Ok(())
}
