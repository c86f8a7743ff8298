//! A settings file: read or refused, and settings that are accepted inject ordinary Pods validly.
#![no_main]

use laws::{NAMESPACE, hold};
use libfuzzer_sys::fuzz_target;
use sidebox::inject::settings::Settings;

const PLAIN: &str = include_str!("../seeds/pod/plain.json");
const RESTRICTED: &str = include_str!("../seeds/pod/restricted.json");
const ENDS: &str = include_str!("../seeds/pod/ends.json");

fuzz_target!(|text: &str| {
    let Ok(settings) = Settings::parse("settings.yaml", text) else {
        return;
    };
    let excluded = settings
        .excluded_namespaces
        .iter()
        .any(|name| name == NAMESPACE);
    let decision = hold(PLAIN, &settings);
    let expected = if excluded || settings.own_namespace == NAMESPACE {
        "skip"
    } else {
        "inject"
    };
    assert_eq!(decision, Some(expected), "an ordinary Pod that asks");
    hold(RESTRICTED, &settings);
    hold(ENDS, &settings);
});
