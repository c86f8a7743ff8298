//! The inverse of an injection: what to remove from a Pod, from its status alone.
//!
//! Works on any JSON Pod; elements are found by name, since others may have appended. A parent
//! that Sidebox created goes only when nothing of others is left in it.

use serde_json::{Map, Value};

use super::place::{STATUS_PLACE, Trace};
use super::pod::STATUS;
use super::status::Read;

/// One step back, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// Remove what is at this JSON pointer.
    Remove(String),
    /// Put null there, as it was.
    Null(String),
}

/// Why there is nothing to undo.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UninjectError {
    /// Sidebox did nothing to this Pod.
    #[error("the Pod has no annotation sidebox.dev/status: Sidebox did nothing to it")]
    NoStatus,
    /// The status is not ours, or damaged.
    #[error("annotation sidebox.dev/status cannot be read: {0}")]
    UnreadableStatus(String),
}

/// Tells how to undo what the Pod's status lists.
///
/// # Errors
/// [`UninjectError`] when the Pod has no status that can be read.
pub fn uninject(pod: &Value) -> Result<Vec<Undo>, UninjectError> {
    let status = pod
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations")?.get(STATUS)?.as_str())
        .ok_or(UninjectError::NoStatus)?;
    let status: Read = serde_json::from_str(status)
        .map_err(|error| UninjectError::UnreadableStatus(error.to_string()))?;
    let mut left = pod.clone();
    let mut undo = Vec::new();
    let last = Trace(STATUS_PLACE).pointer();
    for trace in status.added.iter().chain([&last]).rev() {
        let null = status.nulls.contains(trace);
        undo.extend(step(&mut left, trace, null));
    }
    Ok(undo)
}

/// Takes one trace back in the working copy; none if it is gone already or still in use.
fn step(left: &mut Value, trace: &str, null: bool) -> Option<Undo> {
    let (parent, name) = trace.rsplit_once('/')?;
    let name = unescaped(name);
    let mut path = String::new();
    let parent = parent
        .split('/')
        .skip(1)
        .try_fold(left, |value, token| enter(value, token, &mut path))?;
    match parent {
        Value::Object(map) => {
            let in_use = match map.get(&name)? {
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            if in_use {
                return None;
            }
            path.push('/');
            path.push_str(&escaped(&name));
            Some(take(map, name, path, null))
        }
        Value::Array(list) => {
            let index = position(list, &name)?;
            list.remove(index);
            Some(Undo::Remove(format!("{path}/{index}")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn take(map: &mut Map<String, Value>, name: String, path: String, null: bool) -> Undo {
    if null {
        map.insert(name, Value::Null);
        Undo::Null(path)
    } else {
        map.remove(&name);
        Undo::Remove(path)
    }
}

fn enter<'v>(value: &'v mut Value, token: &str, path: &mut String) -> Option<&'v mut Value> {
    let name = unescaped(token);
    path.push('/');
    match value {
        Value::Object(map) => {
            path.push_str(token);
            map.get_mut(&name)
        }
        Value::Array(list) => {
            let index = position(list, &name)?;
            path.push_str(&index.to_string());
            list.get_mut(index)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The last element of that name (or mount path): Sidebox only ever appends.
fn position(list: &[Value], name: &str) -> Option<usize> {
    let named = |element: &Value| {
        let key = element
            .get("name")
            .filter(|_| element.get("mountPath").is_none());
        key.or_else(|| element.get("mountPath"))
            .and_then(Value::as_str)
            == Some(name)
    };
    list.iter().rposition(named)
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
