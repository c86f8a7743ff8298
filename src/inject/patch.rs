//! The plan as RFC 6902 operations, written directly as JSON.
//!
//! `add` alone, never at an existing value but Sidebox's own status. Same plan and status, same
//! bytes.

use serde::Serialize;

use super::finding::Finding;
use super::place::{Place, STATUS_PLACE, Trace};
use super::plan::{Addition, Plan, Value};
use super::pod::{DEFAULT_CONTAINER, Pod, STATUS};
use super::status::Status;

/// All keys and values of an object's annotations together (apimachinery, TotalAnnotationSizeLimitB).
const ANNOTATIONS_LIMIT: usize = 262_144;

/// A JSON patch: the text of an array of operations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch(String);

impl Patch {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Operations in the making.
struct Writer {
    json: Vec<u8>,
    path: String,
}

impl Writer {
    fn new() -> Self {
        let mut json = Vec::with_capacity(4096);
        json.push(b'[');
        Self {
            json,
            path: String::with_capacity(96),
        }
    }

    fn add(&mut self, place: &Place<'_>, value: &impl Serialize) -> Result<(), serde_json::Error> {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
        self.path.clear();
        place.write(&mut self.path);
        self.json.extend_from_slice(br#"{"op":"add","path":""#);
        // Paths hold indices and our own names alone: nothing in them needs JSON's escapes.
        self.json.extend_from_slice(self.path.as_bytes());
        self.json.extend_from_slice(br#"","value":"#);
        serde_json::to_writer(&mut self.json, value)?;
        self.json.push(b'}');
        Ok(())
    }

    fn finish(mut self) -> Option<Patch> {
        self.json.push(b']');
        String::from_utf8(self.json).ok().map(Patch)
    }
}

/// Writes a plan and the status that lists it.
///
/// # Errors
/// [`Finding::AnnotationsTooLarge`] when the status has no room.
pub fn with_status<'a>(
    pod: &Pod<'_>,
    plan: &Plan<'a>,
    mut status: Status<'a>,
) -> Result<Option<Patch>, Finding> {
    let trace = |addition: &Addition<'a>| Trace(addition.place);
    status.added = plan.additions.iter().map(trace).collect();
    status.nulls = plan
        .additions
        .iter()
        .filter(|addition| addition.replaces_null)
        .map(trace)
        .collect();
    if plan.status_replaces_null {
        status.nulls.push(Trace(STATUS_PLACE));
    }
    let failed = |_| Finding::InternalError {};
    let text = serde_json::to_string(&status).map_err(failed)?;
    let annotations = pod.annotations();
    let old = annotations.and_then(|all| all.status.get());
    if plan.additions.is_empty() && old.is_some_and(|old| **old == *text) {
        return Ok(None);
    }
    fits(pod, plan, &text)?;
    let mut writer = Writer::new();
    write(&mut writer, &plan.additions).map_err(failed)?;
    writer.add(&STATUS_PLACE, &text).map_err(failed)?;
    Ok(writer.finish())
}

/// Writes a plan that leaves the status as it is.
pub fn without_status(plan: &Plan<'_>) -> Result<Option<Patch>, Finding> {
    let mut writer = Writer::new();
    write(&mut writer, &plan.additions).map_err(|_| Finding::InternalError {})?;
    Ok(writer.finish())
}

fn write(writer: &mut Writer, additions: &[Addition<'_>]) -> Result<(), serde_json::Error> {
    additions
        .iter()
        .try_for_each(|addition| writer.add(&addition.place, &addition.value))
}

fn fits(pod: &Pod<'_>, plan: &Plan<'_>, status: &str) -> Result<(), Finding> {
    let annotations = pod.annotations();
    let before = annotations.map_or(0, |all| all.bytes);
    let replaced = annotations
        .and_then(|all| all.status.get())
        .map_or(0, |old| STATUS.len() + old.len());
    let default = plan
        .additions
        .iter()
        .map(|addition| match (&addition.place, &addition.value) {
            (Place::Entry(_, DEFAULT_CONTAINER), Value::Text(name)) => {
                DEFAULT_CONTAINER.len() + name.len()
            }
            _ => 0,
        });
    let bytes = before - replaced + default.sum::<usize>() + STATUS.len() + status.len();
    if bytes > ANNOTATIONS_LIMIT {
        Err(Finding::AnnotationsTooLarge { bytes })
    } else {
        Ok(())
    }
}
