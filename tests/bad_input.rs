//! Bad input: whatever comes, a well-formed answer that allows, or an error that becomes a 4xx.

#![expect(
    clippy::expect_used,
    reason = "an answer that cannot be read fails the test"
)]

#[path = "support/patches.rs"]
mod patches;

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use patches::applied;
use serde_json::{Value, json};
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::inject::settings::{Injection, Settings};
use sidebox::review::ReviewError;

const TYPICAL: &[u8] = include_bytes!("../benches/data/typical.json");
const ROUTES: [Route; 4] = [
    Route::Mutate,
    Route::MutateLabelled,
    Route::MutateOptedOut,
    Route::Advise,
];

fn admission() -> Admission {
    let settings = Settings {
        injection: Injection::All,
        ..Settings::default()
    };
    Admission::new(settings, Box::new(KnownFacts::default()))
}

fn typical() -> Value {
    serde_json::from_slice(TYPICAL).expect("the typical review reads")
}

/// What an answer says. A panic inside would be answered too, with `internal_error`.
struct Said {
    decision: &'static str,
    codes: Vec<&'static str>,
    response: Value,
}

/// Answers and checks everything that every answer must be.
fn said(admission: &Admission, route: Route, body: &[u8]) -> Result<Said, ReviewError> {
    let answer = admission.answer(route, body)?;
    let review: Value = serde_json::from_slice(&answer.body).expect("the answer is JSON");
    assert_eq!(review["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(review["kind"], "AdmissionReview");
    let response = review["response"].clone();
    assert_eq!(response["allowed"], true, "{response}");
    assert!(!answer.codes.contains(&"internal_error"), "{response}");
    let asked = serde_json::from_slice::<Value>(body).expect("what is answered is JSON");
    assert_eq!(response["uid"], asked["request"]["uid"]);
    for warning in response["warnings"].as_array().into_iter().flatten() {
        let warning = warning.as_str().expect("a text");
        assert!(warning.chars().count() <= 120 && !warning.contains(char::is_control));
    }
    if let Some(patch) = response["patch"].as_str() {
        assert_eq!(response["patchType"], "JSONPatch");
        let patch = String::from_utf8(STANDARD.decode(patch).expect("base64")).expect("UTF-8");
        applied(&asked["request"]["object"], &patch);
    }
    Ok(Said {
        decision: answer.decision,
        codes: answer.codes,
        response,
    })
}

fn said_of(review: &Value) -> Result<Said, ReviewError> {
    said(&admission(), Route::Mutate, review.to_string().as_bytes())
}

fn refused_everywhere(body: &[u8]) {
    for route in ROUTES {
        assert!(said(&admission(), route, body).is_err(), "{route:?}");
    }
}

/// A review that is left as it is, for this reason.
fn left(review: &Value, code: &str) {
    let said = said_of(review).expect("an answer");
    assert_eq!(said.codes, [code], "{review}");
    assert!(said.response["patch"].is_null());
}

#[test]
fn no_review_at_all() {
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"\0",
        b"null",
        b"[]",
        b"{}",
        b"0",
        b"\"\"",
        b"{",
        b"\xef\xbb\xbf{}",
        b"apiVersion: admission.k8s.io/v1",
        b"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
    ];
    for body in bodies {
        refused_everywhere(body);
    }
}

#[test]
fn truncated_at_every_byte() {
    let admission = admission();
    for end in 0..TYPICAL.trim_ascii_end().len() {
        let route = ROUTES[end % ROUTES.len()];
        let answer = admission.answer(route, &TYPICAL[..end]);
        assert!(answer.is_err(), "at {end}");
    }
    assert!(said(&admission, Route::Mutate, TYPICAL).is_ok());
}

#[test]
fn bytes_replaced() {
    let admission = admission();
    let mut body = TYPICAL.to_vec();
    for at in (0..body.len()).step_by(3) {
        let was = body[at];
        for other in [0xff, b'"'] {
            body[at] = other;
            let answer = admission.answer(Route::Mutate, &body);
            if let Ok(answer) = answer {
                assert!(!answer.codes.contains(&"internal_error"), "{at} {other}");
                assert!(other != 0xff, "{at}: not UTF-8 and answered");
            }
        }
        body[at] = was;
    }
}

#[test]
fn invalid_utf8_in_fields_that_nobody_reads() {
    let text = String::from_utf8(TYPICAL.to_vec()).expect("UTF-8");
    let marked = text.replacen("system:authenticated", "system:\u{1}", 1);
    assert_ne!(marked, text);
    let mut bytes = text.into_bytes();
    let at = bytes
        .windows(6)
        .position(|window| window == b"system")
        .expect("a user");
    for bad in [&b"\xff"[..], b"\xc3\x28", b"\xed\xa0\x80", b"\xf8"] {
        bytes.splice(at..at + bad.len(), bad.iter().copied());
        refused_everywhere(&bytes);
    }
}

#[test]
fn a_million_levels() {
    const DEPTH: usize = 1_000_000;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        refused_everywhere(deep.as_bytes());
        refused_everywhere(open.repeat(DEPTH).as_bytes());
        for place in ["unknown", "object"] {
            let body = format!(
                "{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{{\"uid\":\"u\",\"operation\":\"CREATE\",\"kind\":{{\"group\":\"\",\"version\":\"v1\",\"kind\":\"Pod\"}},\"{place}\":{deep}}}}}"
            );
            for route in [Route::Mutate, Route::Advise] {
                let answer = admission().answer(route, body.as_bytes());
                if let Ok(answer) = answer {
                    let text = String::from_utf8(answer.body).expect("UTF-8");
                    assert!(text.contains("\"allowed\":true"), "{text}");
                    assert!(!text.contains("\"patch\""), "{text}");
                }
            }
        }
    }
}

#[test]
fn members_that_stand_twice() {
    let text = typical().to_string();
    for (once, twice) in [
        ("\"spec\":{", "\"spec\":{},\"spec\":{"),
        ("\"metadata\":{", "\"metadata\":{},\"metadata\":{"),
        ("\"containers\":[", "\"containers\":[],\"containers\":["),
        ("\"uid\":\"", "\"uid\":\"x\",\"uid\":\""),
        ("\"request\":{", "\"request\":{},\"request\":{"),
        (
            "\"annotations\":{",
            "\"annotations\":{\"a\":\"1\",\"a\":\"2\",",
        ),
    ] {
        let body = text.replacen(once, twice, 1);
        assert_ne!(body, text, "{once}");
        for route in ROUTES {
            if let Ok(answer) = admission().answer(route, body.as_bytes()) {
                assert!(!answer.codes.contains(&"internal_error"));
                let text = String::from_utf8(answer.body).expect("UTF-8");
                assert!(text.contains("\"allowed\":true"), "{text}");
            }
        }
    }
}

#[test]
fn ten_megabytes_of_blanks() {
    let blanks = " ".repeat(10_000_000);
    refused_everywhere(blanks.as_bytes());
    let mut body = TYPICAL.to_vec();
    body.extend_from_slice(blanks.as_bytes());
    let said = said(&admission(), Route::Mutate, &body).expect("an answer");
    assert_eq!(said.decision, "inject");
}

#[test]
fn other_versions_and_kinds_of_review() {
    for (key, value) in [
        ("apiVersion", "admission.k8s.io/v1beta1"),
        ("apiVersion", "v1"),
        ("kind", "Pod"),
        ("kind", "ConversionReview"),
    ] {
        let mut review = typical();
        review[key] = value.into();
        assert!(matches!(
            said_of(&review),
            Err(ReviewError::OtherKind { .. })
        ));
    }
}

#[test]
fn what_is_not_the_creation_of_a_pod() {
    for operation in ["UPDATE", "DELETE", "CONNECT", "", "create"] {
        let mut review = typical();
        review["request"]["operation"] = operation.into();
        left(&review, "not_a_pod_creation");
        review["request"]["object"] = Value::Null;
        left(&review, "not_a_pod_creation");
    }
    for sub_resource in [
        "status",
        "eviction",
        "ephemeralcontainers",
        "binding",
        "exec",
    ] {
        let mut review = typical();
        review["request"]["subResource"] = sub_resource.into();
        left(&review, "not_a_pod_creation");
    }
    for kind in [
        json!({"group": "apps", "version": "v1", "kind": "Deployment"}),
        json!({"group": "", "version": "v2", "kind": "Pod"}),
        json!({"group": "example.com", "version": "v1", "kind": "Pod"}),
        json!({"group": "", "version": "v1", "kind": "PodExecOptions"}),
    ] {
        let mut review = typical();
        review["request"]["kind"] = kind;
        left(&review, "not_a_pod_creation");
    }
}

/// All places of a value.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| places(value, &format!("{pointer}/{}", escaped(key)), found)),
        Value::Array(all) => all
            .iter()
            .enumerate()
            .for_each(|(index, value)| places(value, &format!("{pointer}/{index}"), found)),
        _ => {}
    }
}

/// One of the strange things that can stand in a place; none takes the place away.
fn strange() -> Vec<Option<Value>> {
    vec![
        None,
        Some(Value::Null),
        Some(json!("")),
        Some(json!("text \"quoted\"\n$(X) {{ }} 😀")),
        Some(json!(-1)),
        Some(json!(1e300)),
        Some(json!(true)),
        Some(json!([])),
        Some(json!([null])),
        Some(json!({})),
        Some(json!({"a/b~c": {"😀": null}})),
    ]
}

fn put(review: &mut Value, pointer: &str, value: Option<Value>) {
    if let Some(value) = value {
        *review.pointer_mut(pointer).expect("the place") = value;
        return;
    }
    let patch = json!([{"op": "remove", "path": pointer}]).to_string();
    if !pointer.is_empty() {
        *review = applied(review, &patch);
    }
}

#[test]
fn null_missing_and_strange_in_every_position() {
    let review = typical();
    let mut all = Vec::new();
    places(&review, "", &mut all);
    let admission = admission();
    let (mut answered, mut refused) = (0, 0);
    for pointer in &all {
        for value in strange() {
            let mut review = review.clone();
            put(&mut review, pointer, value.clone());
            let body = review.to_string();
            let said = said(&admission, Route::Mutate, body.as_bytes());
            // A Pod never makes the call fail, whatever stands in it.
            assert!(
                said.is_ok() || !pointer.starts_with("/request/object"),
                "{pointer} with {value:?}"
            );
            match said {
                Ok(_) => answered += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(
        all.len() > 150 && answered > 1500 && refused > 50,
        "{} {answered} {refused}",
        all.len()
    );
}

#[test]
fn no_containers_and_a_thousand() {
    let mut review = typical();
    review["request"]["object"]["spec"]["containers"] = json!([]);
    let none = said_of(&review).expect("an answer");
    assert_eq!(none.codes.first(), Some(&"no_containers"));
    let many: Vec<Value> = (0..1000)
        .map(|index| json!({"name": format!("c{index}"), "image": "shop/web:1"}))
        .collect();
    review["request"]["object"]["spec"]["containers"] = many.into();
    let many = said_of(&review).expect("an answer");
    assert_eq!(many.decision, "inject");
}

#[test]
fn strange_keys_and_values_are_kept_and_told() {
    let strange = "\"quoted\" \\ \n\t\u{1} $(X) {{ .X }} 😀 </script>";
    let mut review = typical();
    let pod = &mut review["request"]["object"];
    for key in ["a/b~c", "~1", "😀", "\"", "$(X)", ""] {
        pod["metadata"]["annotations"][key] = strange.into();
        pod["metadata"]["labels"][key] = strange.into();
        pod["spec"][key] = strange.into();
    }
    assert_eq!(said_of(&review).expect("an answer").decision, "inject");
    for key in [
        "container",
        "mode",
        "image",
        "claim",
        "cpu-limit",
        "run-as-user",
    ] {
        let mut review = review.clone();
        let pod = &mut review["request"]["object"];
        pod["metadata"]["annotations"][format!("sidebox.dev/{key}")] = strange.into();
        let said = said_of(&review).expect("an answer");
        assert_eq!(said.decision, "refuse", "{key}");
        assert_eq!(said.response["warnings"].as_array().map(Vec::len), Some(1));
    }
    let name = "a/b~c\"$(X)😀";
    review["request"]["object"]["spec"]["containers"][0]["name"] = name.into();
    said_of(&review).expect("an answer");
}

#[test]
fn long_lists_and_texts() {
    let mut names = String::new();
    for index in 0..20_000 {
        write!(names, "sidebox.dev/x{index} ").expect("a text grows");
    }
    let mut review = typical();
    let annotations = &mut review["request"]["object"]["metadata"]["annotations"];
    for key in names.split_whitespace() {
        annotations[key] = "1".into();
    }
    let said = said_of(&review).expect("an answer");
    assert!(said.codes.len() <= 20_001);
}
