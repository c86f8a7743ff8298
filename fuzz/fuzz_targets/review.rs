//! Bytes of an admission review: always an answer or an error, and the answer allows.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::inject::settings::{Injection, Settings};

static ADMISSION: LazyLock<Admission> = LazyLock::new(|| {
    let settings = Settings {
        injection: Injection::All,
        ..Settings::default()
    };
    Admission::new(settings, Box::new(KnownFacts::default()))
});

fuzz_target!(|body: &[u8]| {
    for route in [
        Route::Mutate,
        Route::MutateLabelled,
        Route::MutateOptedOut,
        Route::Advise,
    ] {
        let Ok(answer) = ADMISSION.answer(route, body) else {
            continue;
        };
        let out: Value = serde_json::from_slice(&answer.body).expect("the answer is JSON");
        let review: Value = serde_json::from_slice(body).expect("only JSON is answered");
        let response = &out["response"];
        assert_eq!(response["uid"], review["request"]["uid"]);
        assert_eq!(response["allowed"], true);
        assert_eq!(
            response["patch"].is_string(),
            response["patchType"] == "JSONPatch"
        );
        assert!(!answer.codes.contains(&"internal_error"));
        let warnings = response["warnings"].as_array().into_iter().flatten();
        for warning in warnings.filter_map(Value::as_str) {
            assert!(warning.chars().count() <= 120, "{warning}");
        }
    }
});
