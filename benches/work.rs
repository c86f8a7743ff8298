//! One kind of work, many times: what the instruction counts and profilers run.
//!
//! `work KIND FILE TIMES`, where KIND is `uid` (parse the uid alone: the yardstick), `answer` (the
//! whole way from body to answer) or `typed` (a whole `serde_json::Value`, changed and compared, for the reader).

#![expect(clippy::print_stdout, reason = "a program of its own")]

use std::hint::black_box;

use serde_json::{Value, json};
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::inject::settings::Settings;

#[derive(serde::Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Uid<'a>,
}

#[derive(serde::Deserialize)]
struct Uid<'a> {
    uid: &'a str,
}

fn uid(body: &[u8]) -> usize {
    let text = std::str::from_utf8(body).unwrap_or("");
    serde_json::from_str::<Review<'_>>(text).map_or(0, |review| review.request.uid.len())
}

/// What a webhook does that reads the whole object, changes it and compares: no typed Pod, whose
/// thousands of fields would only add to this.
fn typed(body: &[u8]) -> usize {
    let Ok(before) = serde_json::from_slice::<Value>(body) else {
        return 0;
    };
    let mut after = before.clone();
    let spec = &mut after["request"]["object"]["spec"];
    spec["shareProcessNamespace"] = Value::Bool(true);
    for list in ["volumes", "containers"] {
        if let Some(list) = spec[list].as_array_mut() {
            list.push(json!({"name": "toolbox"}));
        }
    }
    let patch = json_patch::diff(&before["request"]["object"], &after["request"]["object"]);
    serde_json::to_string(&patch).map_or(0, |text| text.len())
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (Some(kind), Some(file), Some(times)) = (args.next(), args.next(), args.next()) else {
        return; // `cargo bench` and `cargo test --benches` call without arguments
    };
    let body = std::fs::read(&file).unwrap_or_default();
    let times: usize = times.parse().unwrap_or(0);
    let admission = Admission::new(Settings::default(), Box::new(KnownFacts::default()));
    let done: usize = (0..times)
        .map(|_| match kind.as_str() {
            "uid" => uid(black_box(&body)),
            "typed" => typed(black_box(&body)),
            _ => admission
                .answer(Route::Mutate, black_box(&body))
                .map_or(0, |answer| answer.body.len()),
        })
        .sum();
    println!("{kind} {times} {done}");
}
