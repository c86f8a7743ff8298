//! `make demo`: the sample's Pod through a real TLS admission call, and the result to read.
//!
//! Makes certificates, starts `sidebox serve` on free ports, sends the Pod of
//! `samples/helloaks/k8s/deployment.yaml` as an AdmissionReview over HTTPS verified against the new
//! authority, shows decision, warnings and the changed Pod, and explains the same file. Ends what it
//! started; any step that is not as expected is an error.

#![expect(clippy::print_stdout, reason = "a program for a person")]

use std::fs;
use std::io::{BufRead, BufReader, IsTerminal, Read, Write, stdout};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::source::Source;
use sidebox::cli::documents::{diff, reading};

const DEPLOYMENT: &str = "samples/helloaks/k8s/deployment.yaml";
const STORAGE: &str = "samples/helloaks/k8s/storage.yaml";
const UID: &str = "5f0c1d3e-0000-4000-8000-000000000001";

fn main() -> anyhow::Result<()> {
    std::env::set_current_dir(env!("CARGO_MANIFEST_DIR"))?;
    step("certificates of a new authority, into certs/");
    sidebox(&["certs", "--out", "certs", "--force"])?;
    step("sidebox serve, on a free port");
    let server = Server::start()?;
    println!("  listening on https://{}", server.address);
    step("the sample's Pod, as an AdmissionReview over HTTPS");
    let pod = sample_pod()?;
    let answer = server.review(&pod)?;
    show(&pod, &answer)?;
    server.end()?;
    step("sidebox explain, on the same files");
    sidebox(&["explain", "-f", DEPLOYMENT, "-f", STORAGE])?;
    println!("\nAll as expected. Next: docs/first-trace.md");
    Ok(())
}

fn step(what: &str) {
    let (on, off) = if stdout().is_terminal() {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    println!("\n{on}== {what}{off}");
}

/// The program that was built with this one.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("the demo has no build folder")?;
    Ok(folder.join("sidebox"))
}

fn sidebox(args: &[&str]) -> anyhow::Result<()> {
    println!("$ sidebox {}", args.join(" "));
    let status = Command::new(program()?)
        .args(args)
        .status()
        .context("cannot run sidebox: cargo build")?;
    ensure!(
        status.success(),
        "sidebox {} ended with {status}",
        args.join(" ")
    );
    Ok(())
}

/// A running `sidebox serve`; ended in any case.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--health-listen",
            "127.0.0.1:0",
            "--tls-cert",
            "certs/tls.crt",
            "--tls-key",
            "certs/tls.key",
            "--facts",
            STORAGE,
            "--log-format",
            "json",
            "--drain-delay",
            "0",
        ];
        let child = Command::new(program()?)
            .args(args)
            .stderr(Stdio::piped())
            .spawn()?;
        let mut server = Self {
            child,
            address: String::new(),
        };
        let stderr = server.child.stderr.take().context("no log")?;
        let mut log = BufReader::new(stderr).lines();
        while server.address.is_empty() {
            let line = log
                .next()
                .context("the server ended before it listened")??;
            let line: Value = serde_json::from_str(&line).with_context(|| line.clone())?;
            line["webhook"]
                .as_str()
                .unwrap_or("")
                .clone_into(&mut server.address);
        }
        std::thread::spawn(move || {
            log.map_while(Result::ok)
                .for_each(|line| println!("  log: {line}"));
        });
        Ok(server)
    }

    /// Sends a review and gives the response that the API server would read.
    fn review(&self, pod: &Source) -> anyhow::Result<Value> {
        let pod: Value = serde_json::from_str(&json_of(pod)?)?;
        let review = serde_json::json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": UID, "kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE",
            "namespace": "net-worker", "object": pod}});
        let body = self.post("/mutate?timeout=3s", &review.to_string())?;
        let review: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        let response = review["response"].clone();
        ensure!(
            response["uid"] == UID,
            "the answer does not echo the uid: {review}"
        );
        ensure!(
            response["allowed"] == true,
            "the Pod was not allowed: {review}"
        );
        Ok(response)
    }

    fn post(&self, path: &str, body: &str) -> anyhow::Result<String> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file("certs/ca.crt")?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into()?)?;
        let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(&self.address)?);
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
        Ok(body.to_owned())
    }

    /// Asks the server to drain and expects exit code 0.
    fn end(mut self) -> anyhow::Result<()> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// The Deployment's template as the Pod that its controller would create, as YAML.
fn sample_pod() -> anyhow::Result<Source> {
    let source = Source {
        name: DEPLOYMENT.to_owned(),
        bytes: fs::read(DEPLOYMENT)?,
    };
    let documents = reading::read(&source);
    let deployment = documents
        .first()
        .and_then(|document| document.tree())
        .context("the sample is empty")?;
    let part = |name: &str| {
        let node = deployment
            .at(&format!("/spec/template/{name}"))
            .context("the sample has no template")?;
        anyhow::Ok(json::write(node, &Spacing::Compact))
    };
    let (metadata, spec) = (part("metadata")?, part("spec")?);
    let metadata = metadata.replacen('{', r#"{"generateName":"net-worker-","#, 1);
    let named = |text: String| Source {
        name: "the Pod".to_owned(),
        bytes: text.into_bytes(),
    };
    let empty = named("apiVersion: v1\nkind: Pod\n".to_owned());
    let members = format!(
        r#"[{{"op":"add","path":"/metadata","value":{metadata}}},{{"op":"add","path":"/spec","value":{spec}}}]"#
    );
    let documents = reading::read(&empty);
    let pod = documents
        .first()
        .context("no Pod")?
        .patch(&[("", &members)])?;
    Ok(named(pod.text))
}

fn json_of(pod: &Source) -> anyhow::Result<String> {
    let documents = reading::read(pod);
    let tree = documents
        .first()
        .and_then(|document| document.tree())
        .context("the Pod is empty")?;
    Ok(json::write(tree, &Spacing::Compact))
}

fn show(pod: &Source, response: &Value) -> anyhow::Result<()> {
    println!("  decision: {}", response["auditAnnotations"]["decision"]);
    for warning in response["warnings"].as_array().into_iter().flatten() {
        println!("  warning: {warning}");
    }
    let patch = response["patch"].as_str().context("there is no patch")?;
    let patch = String::from_utf8(STANDARD.decode(patch)?)?;
    let documents = reading::read(pod);
    let document = documents.first().context("the Pod is empty")?;
    let changed = document.patch(&[("", &patch)])?;
    print!(
        "{}",
        diff::unified(
            document,
            &changed.text,
            "the Pod, injected",
            stdout().is_terminal()
        )
    );
    expected(&serde_json::from_str(&json::write(
        &changed.tree,
        &Spacing::Compact,
    ))?)
}

/// What the published recipe makes by hand.
fn expected(pod: &Value) -> anyhow::Result<()> {
    let spec = &pod["spec"];
    let named = |list: &Value, name: &str| -> Value {
        let found = list
            .as_array()
            .into_iter()
            .flatten()
            .find(|item| item["name"] == name);
        found.cloned().unwrap_or_default()
    };
    let (app, toolbox) = (
        named(&spec["containers"], "app"),
        named(&spec["containers"], "toolbox"),
    );
    let mounted = |container: &Value, path: &str| -> Value {
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        let name = mounts
            .filter(|mount| mount["mountPath"] == path)
            .map(|mount| mount["name"].clone())
            .next();
        named(
            &spec["volumes"],
            name.as_ref().and_then(Value::as_str).unwrap_or(""),
        )
    };
    let facts = [
        (
            "a container toolbox with stdin and tty",
            toolbox["stdin"] == true && toolbox["tty"] == true,
        ),
        (
            "one emptyDir on /tmp of both",
            mounted(&app, "/tmp")["emptyDir"].is_object()
                && mounted(&app, "/tmp") == mounted(&toolbox, "/tmp"),
        ),
        (
            "the claim on /data of the toolbox",
            mounted(&toolbox, "/data")["persistentVolumeClaim"]["claimName"] == "monitor-azfiles",
        ),
        (
            "shareProcessNamespace: true",
            spec["shareProcessNamespace"] == true,
        ),
    ];
    for (fact, holds) in facts {
        println!("  {} {fact}", if holds { "yes" } else { "NO " });
    }
    match facts.iter().find(|(_, holds)| !holds) {
        Some((fact, _)) => bail!("not as expected: {fact}"),
        None => Ok(()),
    }
}
