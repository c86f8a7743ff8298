//! Would a viewer take these files? Its format's published rules, written down here as checks of our own.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cli::{printed, sidebox, with_small};
use super::references;

/// The file as JSON.
fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What a frame's number leads to, and how often the file opens a frame.
fn number(value: &Value) -> f64 {
    value.as_f64().filter(|number| number.is_finite()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[track_caller]
fn only(object: &Value, allowed: &[&str]) {
    for key in object.as_object().unwrap().keys() {
        assert!(
            allowed.contains(&key.as_str()),
            "{key} is not in the schema"
        );
    }
}

/// The rules of <https://www.speedscope.app/file-format-schema.json>, as far as evented profiles go, and what it says in
/// words: events in order of time, frames closed in the reverse order of their opening, all of them within the profile.
#[track_caller]
pub(super) fn assert_speedscope(path: &Path) -> usize {
    let file = json(path);
    only(
        &file,
        &[
            "$schema",
            "shared",
            "profiles",
            "name",
            "activeProfileIndex",
            "exporter",
        ],
    );
    assert_eq!(
        file["$schema"],
        "https://www.speedscope.app/file-format-schema.json"
    );
    assert!(file["name"].is_string() && file["exporter"].is_string());
    let frames = file["shared"]["frames"].as_array().unwrap();
    for frame in frames {
        only(frame, &["name", "file", "line", "col"]);
        assert!(!text(&frame["name"]).is_empty());
    }
    let profiles = file["profiles"].as_array().unwrap();
    assert!(file["activeProfileIndex"].as_u64().unwrap() < profiles.len() as u64);
    profiles
        .iter()
        .map(|profile| assert_evented(profile, frames.len()))
        .sum()
}

#[track_caller]
fn assert_evented(profile: &Value, frames: usize) -> usize {
    only(
        profile,
        &["type", "name", "unit", "startValue", "endValue", "events"],
    );
    assert_eq!(profile["type"], "evented");
    let units = [
        "none",
        "nanoseconds",
        "microseconds",
        "milliseconds",
        "seconds",
        "bytes",
    ];
    assert!(units.contains(&text(&profile["unit"])));
    assert!(profile["name"].is_string());
    let (mut at, end) = (number(&profile["startValue"]), number(&profile["endValue"]));
    let mut open = Vec::new();
    let events = profile["events"].as_array().unwrap();
    for event in events {
        only(event, &["type", "at", "frame"]);
        let frame = usize::try_from(event["frame"].as_u64().unwrap()).unwrap();
        assert!(frame < frames);
        assert!(number(&event["at"]) >= at, "{event} is before {at}");
        at = number(&event["at"]);
        match text(&event["type"]) {
            "O" => open.push(frame),
            "C" => assert_eq!(open.pop(), Some(frame), "{event}"),
            other => panic!("an event of type {other}"),
        }
    }
    assert!(open.is_empty() && at <= end, "{at} {end}");
    events.len()
}

/// The rules of the Trace Event Format for duration events and stack frames: every `B` has its `E` on the same thread, in
/// order of time and nested; every stack frame is there, and leads to a root.
#[track_caller]
pub(super) fn assert_chromium(path: &Path) -> usize {
    let file = json(path);
    only(
        &file,
        &["traceEvents", "displayTimeUnit", "stackFrames", "otherData"],
    );
    assert!(["ms", "ns"].contains(&text(&file["displayTimeUnit"])));
    let frames = file["stackFrames"].as_object().unwrap();
    for frame in frames.values() {
        only(frame, &["name", "category", "parent"]);
        assert!(frame["name"].is_string() && frame["category"].is_string());
        let parent = |frame: &Value| Some(&frames[&frame.get("parent")?.to_string()]);
        let steps = std::iter::successors(Some(frame), |frame| parent(frame));
        assert!(
            steps.take(frames.len() + 1).count() <= frames.len(),
            "frames in a circle"
        );
    }
    let mut threads: HashMap<(u64, u64), (f64, Vec<&str>)> = HashMap::new();
    let events = file["traceEvents"].as_array().unwrap();
    for event in events {
        only(event, &["name", "cat", "ph", "ts", "pid", "tid", "sf"]);
        assert!(event["cat"].is_string());
        assert!(frames.contains_key(&event["sf"].to_string()));
        let thread = (
            event["pid"].as_u64().unwrap(),
            event["tid"].as_u64().unwrap(),
        );
        let (last, open) = threads.entry(thread).or_default();
        assert!(number(&event["ts"]) >= *last, "{event} is before {last}");
        *last = number(&event["ts"]);
        let name = text(&event["name"]);
        match text(&event["ph"]) {
            "B" => open.push(name),
            "E" => assert_eq!(open.pop(), Some(name), "{event}"),
            other => panic!("an event of phase {other}"),
        }
    }
    assert!(threads.values().all(|(_, open)| open.is_empty()));
    events.len()
}

/// Both files of a trace in a view.
fn assert_both(folder: &Path, trace: &str, view: &str) {
    let convert = |format| {
        let words = [
            "trace", "convert", trace, "--format", format, "--view", view, "--force",
        ];
        folder.join(printed(&sidebox(folder, &words)).trim_end())
    };
    let events = assert_speedscope(&convert("Speedscope"));
    assert_eq!(assert_chromium(&convert("Chromium")), events);
    assert!(events > 0);
}

#[test]
fn viewers_take_the_files_of_both_views() {
    let folder = with_small();
    let mut traces = vec![folder.path().join("a.nettrace")];
    traces.extend(
        references()
            .iter()
            .map(|reference| reference.join("trace.nettrace")),
    );
    for (at, trace) in traces.iter().enumerate() {
        let name = format!("{at}.nettrace");
        fs::copy(trace, folder.path().join(&name)).unwrap();
        for view in ["wall", "cpu"] {
            assert_both(folder.path(), &name, view);
        }
    }
}
