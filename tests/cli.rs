//! The command line as a person or a pipeline meets it: output, report, exit codes.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be run or read fails the test"
)]

use std::io::Write;
use std::process::{Command, Stdio};

const PLAIN: &str = "# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
const ASKS: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    sidebox.dev/inject: \"true\"\nspec:\n  containers:\n  - name: app\n    image: x\n    resources: {limits: {cpu: .5, memory: 1e3}}\n";

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn sidebox(args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidebox"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[test]
fn what_nobody_asks_for_comes_out_byte_for_byte() {
    let ran = sidebox(&["inject"], PLAIN);
    assert_eq!((ran.code, ran.out.as_str()), (0, PLAIN));
    assert_eq!(ran.err, "no object has a Pod\n");
}

#[test]
fn an_injected_pod_keeps_its_scalars_and_comes_back() {
    let stream = format!("{PLAIN}---\n{ASKS}");
    let ran = sidebox(&["inject", "-f", "-"], &stream);
    assert_eq!(ran.code, 0);
    assert!(
        ran.out.starts_with(PLAIN) && ran.out.contains("{limits: {cpu: .5, memory: 1e3}}"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .contains("injected  Pod/p (default) -:6  target app"),
        "{}",
        ran.err
    );
    assert_eq!(sidebox(&["uninject"], &ran.out).out, stream);
}

#[test]
fn a_refusal_is_exit_code_2_and_an_unreadable_document_1() {
    let refused = ASKS.replace("spec:\n", "spec:\n  hostPID: true\n");
    let ran = sidebox(&["inject"], &refused);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err
            .contains("refused   Pod/p (default) -:1  host_pid: "),
        "{}",
        ran.err
    );
    assert_eq!(sidebox(&["uninject"], &ran.out).out, refused);
    let broken = format!("a: [\n---\n{refused}");
    let ran = sidebox(&["inject"], &broken);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("a: [\n---\n"), "{}", ran.out);
    assert!(ran.err.contains("failed    -:"), "{}", ran.err);
}

#[test]
fn other_forms_of_output() {
    let diff = sidebox(&["inject", "-o", "diff"], ASKS);
    assert!(
        diff.out.contains("+  shareProcessNamespace: true"),
        "{}",
        diff.out
    );
    let patch = sidebox(&["inject", "-o", "patch"], ASKS);
    assert!(
        patch
            .out
            .starts_with("[\n  {\n    \"op\": \"add\",\n    \"path\": \"/metadata/labels\""),
        "{}",
        patch.out
    );
    let json = sidebox(&["inject", "-o", "json"], &format!("{PLAIN}---\n{ASKS}"));
    let list: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&list["kind"], list["items"].as_array().unwrap().len()),
        (&"List".into(), 2)
    );
    assert!(json.out.contains(r#""cpu": 0.5"#), "{}", json.out);
}

#[test]
fn explain_shows_the_rule_that_stops() {
    let ran = sidebox(
        &["explain"],
        &ASKS.replace("spec:\n", "spec:\n  hostPID: true\n"),
    );
    assert_eq!(ran.code, 2);
    assert!(
        ran.out
            .contains("  STOP  it does not use the node's process namespace"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("decision: refuse (the Pod asked"),
        "{}",
        ran.out
    );
}

#[test]
fn bad_calls_say_what_to_do() {
    let ran = sidebox(&["inject", "-f", "/no/such/file"], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.starts_with("sidebox: cannot read /no/such/file: "),
        "{}",
        ran.err
    );
    let ran = sidebox(&["inject", "--config", "/no/such/settings"], PLAIN);
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains("cannot read the settings file /no/such/settings"),
        "{}",
        ran.err
    );
}

#[test]
fn config_prints_what_it_accepts() {
    let default = sidebox(&["config"], "");
    assert_eq!(default.code, 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &default.out).unwrap();
    let checked = sidebox(&["config", "--check", file.path().to_str().unwrap()], "");
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert!(
        sidebox(&["completions", "bash"], "")
            .out
            .contains("sidebox")
    );
}

/// A kubeconfig that leads to a port of this machine where nobody listens.
const NOWHERE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
contexts: [{name: c, context: {cluster: c, user: c, namespace: shop}}]\nusers: [{name: c, user: {token: t}}]\n";

#[test]
fn a_cluster_that_is_not_there_is_exit_code_1() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, NOWHERE).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [
        &["check", "--kubeconfig", file][..],
        &["explain", "deploy/web", "--kubeconfig", file],
    ] {
        let ran = sidebox(arguments, "");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(
            ran.err.contains("the API server cannot be reached"),
            "{}",
            ran.err
        );
    }
    let ran = sidebox(&["check", "--kubeconfig", file, "--context", "other"], "");
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("the kubeconfig cannot be used"),
        "{}",
        ran.err
    );
    let ran = sidebox(&["explain", "deploy/web", "-f", "a.yaml"], "");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot be used with"), "{}", ran.err);
}
