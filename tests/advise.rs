//! `/advise`: findings about workloads as warnings, never a patch.

#![expect(
    clippy::unwrap_used,
    reason = "an answer that cannot be read fails the test"
)]

use serde_json::{Value, json};
use sidebox::admission::{Admission, KnownFacts, Route};
use sidebox::inject::facts::Facts;
use sidebox::inject::finding::Finding;
use sidebox::inject::settings::Settings;
use sidebox::workload;

fn advise(object: &Value) -> Value {
    let review = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "UPDATE", "namespace": "shop", "object": object,
        "kind": {"group": "apps", "version": "v1", "kind": object["kind"]}}});
    let admission = Admission::new(Settings::default(), Box::new(KnownFacts::default()));
    let answer = admission
        .answer(Route::Advise, review.to_string().as_bytes())
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let response = answer["response"].clone();
    assert_eq!(
        (&response["uid"], &response["allowed"]),
        (&json!("u"), &json!(true))
    );
    assert_eq!(response["patch"], Value::Null, "an advice never patches");
    response["warnings"].clone()
}

fn deployment(own: &Value, template: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "annotations": own},
        "spec": {"template": {"metadata": {"annotations": template}, "spec": spec}}})
}

fn containers() -> Value {
    json!({"containers": [{"name": "app", "image": "x"}]})
}

#[test]
fn a_workload_that_asks_rightly_hears_nothing() {
    let asked = json!({"sidebox.dev/inject": "true"});
    assert_eq!(
        advise(&deployment(&json!({}), &asked, &containers())),
        Value::Null
    );
}

#[test]
fn an_annotation_on_the_workload_is_misplaced() {
    let asked = json!({"sidebox.dev/inject": "true"});
    let warnings = advise(&deployment(&asked, &json!({}), &containers()));
    assert_eq!(
        warnings,
        json!([
            "sidebox annotation_misplaced: sidebox.dev/inject on the Deployment has no effect; it belongs on the Pod template"
        ])
    );
}

#[test]
fn a_refusal_is_told_before_there_are_pods() {
    let asked = json!({"sidebox.dev/inject": "true", "sidebox.dev/mdoe": "auto"});
    let spec = json!({"hostPID": true, "containers": [{"name": "app", "image": "x"}]});
    let warnings = advise(&deployment(&json!({}), &asked, &spec));
    assert_eq!(
        warnings,
        json!([
            "sidebox host_pid: hostPID and a shared process namespace exclude each other",
            "sidebox unknown_annotation: unknown annotation sidebox.dev/mdoe; did you mean sidebox.dev/mode?"
        ])
    );
}

#[test]
fn an_owned_object_was_advised_through_its_owner() {
    let mut replica_set = deployment(
        &json!({"sidebox.dev/inject": "true"}),
        &json!({}),
        &containers(),
    );
    replica_set["kind"] = "ReplicaSet".into();
    replica_set["metadata"]["ownerReferences"] =
        json!([{"controller": true, "kind": "Deployment"}]);
    assert_eq!(advise(&replica_set), Value::Null);
}

#[test]
fn who_asks_in_an_excluded_namespace_is_told() {
    let asked = json!({"sidebox.dev/inject": "true"});
    let object = deployment(&json!({}), &asked, &containers()).to_string();
    let settings = Settings::default();
    let codes = |namespace: &str| -> Vec<_> {
        let findings = workload::advise(&object, namespace, &Facts::default(), &settings);
        findings.iter().map(Finding::code).collect()
    };
    assert_eq!(codes("kube-system"), ["system_namespace"]);
    assert!(codes("shop").is_empty());
}
