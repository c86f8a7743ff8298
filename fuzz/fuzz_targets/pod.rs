//! A Pod: its patch applies and only adds, what was valid stays valid, a second pass does nothing.
#![no_main]

use std::sync::LazyLock;

use laws::hold;
use libfuzzer_sys::fuzz_target;
use sidebox::inject::settings::{Injection, Settings};

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings {
    injection: Injection::All,
    image_pull_secrets: vec!["pull".into()],
    ..Settings::default()
});

fuzz_target!(|pod: &str| {
    hold(pod, &SETTINGS);
});
