//! The real program: `sidebox certs`, `sidebox serve` with what it made, and signals.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use base64::Engine;
use tempfile::TempDir;

use crate::client::{Client, get};
use crate::harness::until;

fn sidebox() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sidebox"))
}

fn certs(out: &Path, more: &[&str]) -> Output {
    sidebox()
        .arg("certs")
        .arg("--out")
        .arg(out)
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn certs_writes_four_files_and_replaces_none_unless_forced() {
    let dir = TempDir::new().unwrap();
    let out = dir.path().join("made/certs");
    assert!(certs(&out, &[]).status.success());
    let files = ["ca.crt", "ca.key", "tls.crt", "tls.key"];
    let read = || files.map(|name| fs::read(out.join(name)).unwrap());
    let modes =
        files.map(|name| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777);
    assert_eq!(modes.map(|mode| mode == 0o600), [false, true, false, true]);
    let before = read();
    let again = certs(&out, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("--force"));
    assert_eq!(read(), before);
    assert!(
        certs(&out, &["--force", "--name", "a.example", "--days", "3"])
            .status
            .success()
    );
    assert!(read().iter().zip(&before).all(|(new, old)| new != old));
    assert_eq!(
        certs(&out, &["--force", "--name", "a b"]).status.code(),
        Some(1)
    );
}

#[test]
fn serve_without_certificates_says_how_to_make_them() {
    let output = sidebox().arg("serve").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("sidebox certs")
    );
}

#[tokio::test]
async fn every_finding_has_its_counter() {
    let process = Process::start(&[]);
    let text = get(process.health, "/metrics").await.text();
    for row in sidebox::inject::finding::TABLE {
        let line = format!("sidebox_findings_total{{code=\"{}\"}} 0\n", row.code);
        assert!(text.contains(&line), "{line}{text}");
    }
}

/// A serving process; killed when a test fails.
pub(crate) struct Process {
    child: Child,
    log: BufReader<ChildStderr>,
    webhook: SocketAddr,
    health: SocketAddr,
    ca_pem: String,
    _dir: TempDir,
}

impl Process {
    pub(crate) fn start(more: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        assert!(certs(dir.path(), &[]).status.success());
        let mut child = sidebox()
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--health-listen",
                "127.0.0.1:0",
            ])
            .arg("--tls-cert")
            .arg(dir.path().join("tls.crt"))
            .arg("--tls-key")
            .arg(dir.path().join("tls.key"))
            .args(["--log-format", "json"])
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("serving reviews") {
            line.clear();
            assert!(
                log.read_line(&mut line).unwrap() > 0,
                "it ended without serving"
            );
        }
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let addr = |name: &str| said[name].as_str().unwrap().parse().unwrap();
        let ca_pem = fs::read_to_string(dir.path().join("ca.crt")).unwrap();
        Self {
            webhook: addr("webhook"),
            health: addr("health"),
            child,
            log,
            ca_pem,
            _dir: dir,
        }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.webhook, &self.ca_pem).await.unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    async fn is_draining(&self) -> bool {
        until(async || get(self.health, "/readyz").await.status == 503).await
    }

    async fn exit_code(&mut self) -> Option<i32> {
        assert!(
            until(async || self.child.try_wait().unwrap().is_some()).await,
            "it never ended"
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone in the good case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn sigterm_drains_and_exits_with_zero() {
    let mut process = Process::start(&["--drain-delay", "1"]);
    let mut client = process.connect().await;
    let reply = client.post("/mutate", b"{}").await.unwrap();
    assert_eq!(reply.status, 400, "an empty object is no review");
    process.signal("TERM");
    assert!(process.is_draining().await);
    assert!(client.post("/mutate", b"{}").await.unwrap().closes());
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_leaves_at_once() {
    let mut process = Process::start(&["--drain-delay", "3600"]);
    let mut client = process.connect().await;
    process.signal("TERM");
    assert!(process.is_draining().await);
    process.signal("INT");
    assert_eq!(process.exit_code().await, Some(1));
    assert!(client.rest().await.is_empty());
    let mut log = String::new();
    while process.log.read_line(&mut log).unwrap() > 0 {}
    assert!(log.contains("second signal"), "{log}");
}

const REVIEW: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",
"kind":{"group":"","version":"v1","kind":"Pod"},"operation":"CREATE","namespace":"shop",
"object":{"metadata":{"annotations":{"sidebox.dev/inject":"true"}},"spec":{"containers":[{"name":"app","image":"x"}]}}}}"#;

/// The Pod's claim, as the status of the answer's patch names it.
async fn claim(process: &Process) -> String {
    let reply = process
        .connect()
        .await
        .post("/mutate", REVIEW.as_bytes())
        .await
        .unwrap();
    let review: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
    let patch = base64::engine::general_purpose::STANDARD
        .decode(review["response"]["patch"].as_str().unwrap())
        .unwrap();
    let patch: serde_json::Value = serde_json::from_slice(&patch).unwrap();
    let status = patch.as_array().unwrap().last().unwrap()["value"].clone();
    let status: serde_json::Value = serde_json::from_str(status.as_str().unwrap()).unwrap();
    status["claim"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn settings_and_facts_are_read_again_and_the_last_good_are_kept() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (settings, facts) = (path("settings.yaml"), path("facts.yaml"));
    fs::write(&settings, "data: {claim: first}\n").unwrap();
    fs::write(&facts, "").unwrap();
    let process = Process::start(&[
        "--config",
        &settings,
        "--facts",
        &facts,
        "--reload-interval",
        "1",
    ]);
    assert_eq!(claim(&process).await, "first");
    fs::write(&settings, "data: {claim: second}\n").unwrap();
    assert!(until(async || claim(&process).await == "second").await);
    fs::write(&settings, "data: {claim: Not_A_Name}\n").unwrap();
    let failed = r#"sidebox_reloads_total{file="settings",result="failed"} 1"#;
    let metrics = async || get(process.health, "/metrics").await.text();
    assert!(
        until(async || metrics().await.contains(failed)).await,
        "{}",
        metrics().await
    );
    assert_eq!(claim(&process).await, "second");
    let known = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    fs::write(&facts, known).unwrap();
    assert!(
        until(async || claim(&process).await == "none").await,
        "the claim is known to be missing"
    );
}
