//! Any annotations on a valid Pod: the patch keeps it valid, whatever they say.
#![no_main]

use std::sync::LazyLock;

use laws::hold;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use sidebox::inject::annotations::{PREFIX, TABLE};
use sidebox::inject::settings::Settings;

static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);

/// Pods that the API would take.
static PODS: LazyLock<[Value; 3]> = LazyLock::new(|| {
    [
        include_str!("../seeds/pod/plain.json"),
        include_str!("../seeds/pod/restricted.json"),
        include_str!("../seeds/pod/ends.json"),
    ]
    .map(|pod| serde_json::from_str(pod).expect("the Pod reads"))
});

/// Words that some annotation knows, so that the rare paths are reached.
const WORDS: &[&str] = &[
    "true",
    "false",
    "auto",
    "tmp-and-pid",
    "pid-only",
    "tmp-only",
    "port",
    "container",
    "native",
    "root",
    "unset",
    "1654",
    "claim",
    "empty-dir",
    "none",
    "off",
    "mini",
    "heap",
    "triage",
    "full",
    "app",
    "istio-proxy",
    "job",
    "100m",
    "64Mi",
    "ghcr.io/sidebox-dev/toolbox:9",
];

/// A choice of a known key or word, and a text to take when there is none.
type Pair<'a> = ((u8, &'a str), (u8, &'a str));

fuzz_target!(|input: (u8, Vec<Pair<'_>>)| {
    let (which, pairs) = input;
    let mut pod = PODS[usize::from(which) % PODS.len()].clone();
    let mut annotations = Map::new();
    annotations.insert(format!("{PREFIX}inject"), "true".into());
    for (key, value) in pairs {
        let row = TABLE.get(usize::from(key.0));
        let key = row.map_or_else(|| key.1.to_owned(), |row| format!("{PREFIX}{}", row.name));
        let value = *WORDS.get(usize::from(value.0)).unwrap_or(&value.1);
        annotations.insert(key, value.into());
    }
    pod["metadata"]["annotations"] = annotations.into();
    assert!(hold(&pod.to_string(), &SETTINGS).is_some(), "the Pod reads");
});
