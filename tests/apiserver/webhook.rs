//! What does a webhook look like to the API server? Its registration, and the real `sidebox serve`
//! behind it. Must not know what is tested.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::api::Api;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// Nothing waits so long unless it is broken.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where an API server finds what listens in the tests: this machine, unless `$SIDEBOX_WEBHOOK_HOST` names the address
/// at which a cluster elsewhere, or in containers, reaches it.
pub(crate) fn host() -> String {
    std::env::var("SIDEBOX_WEBHOOK_HOST").unwrap_or_else(|_| "127.0.0.1".to_owned())
}

/// A running `sidebox serve`; killed with the value, and with this process, however that ends.
pub(crate) struct Sidebox {
    watcher: Watcher,
    child: Child,
    folder: TempDir,
    pub(crate) webhook: SocketAddr,
    pub(crate) health: SocketAddr,
}

impl Sidebox {
    /// With certificates of `sidebox certs`.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn start_with(arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let folder = TempDir::new().unwrap();
        let made = Command::new(env!("CARGO_BIN_EXE_sidebox"))
            .args(["certs", "--name", &host(), "--out"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        Self::run(folder, arguments, environment).await
    }

    /// With the `tls.crt` and `tls.key` of a folder.
    pub(crate) async fn start_in(folder: TempDir, arguments: &[&str]) -> Self {
        Self::run(folder, arguments, &[]).await
    }

    /// With certificates that it makes itself.
    pub(crate) async fn start_self_managed(
        arguments: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let arguments = [&["--self-managed-tls"], arguments].concat();
        Self::spawn(TempDir::new().unwrap(), &arguments, environment).await
    }

    async fn run(folder: TempDir, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (cert, key) = (file("tls.crt"), file("tls.key"));
        let files = ["--tls-cert", &*cert, "--tls-key", &*key];
        let arguments = [&files, arguments].concat();
        Self::spawn(folder, &arguments, environment).await
    }

    async fn spawn(folder: TempDir, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let log = folder.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_sidebox"))
            .args(["serve", "--log-format", "json"])
            .args(["--listen", &format!("{}:0", host())])
            .args(["--health-listen", "127.0.0.1:0", "--reload-interval", "1"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stderr(Stdio::from(File::create(&log).unwrap()))
            .spawn()
            .unwrap();
        let watcher = Watcher::of(&child);
        let said = first_line(&log, "serving reviews").await;
        let address = |key: &str| said[key].as_str().unwrap().parse().unwrap();
        Self {
            watcher,
            child,
            webhook: address("webhook"),
            health: address("health"),
            folder,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority that signed its certificate.
    pub(crate) fn ca(&self) -> String {
        fs::read_to_string(self.file("ca.crt")).unwrap()
    }

    /// A path of the health port: the status code and the text.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        get(self.health, path).await.unwrap_or_default()
    }

    /// The sum of a metric over its labels.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics").await;
        counted(&text, name, "")
    }

    /// How many reviews it has answered.
    pub(crate) async fn reviews(&self) -> u64 {
        self.metric("sidebox_admission_requests_total").await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a word, as the kernel does when memory runs out.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as the kubelet does.
    pub(crate) fn terminate(&self) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        until("the server ends", async || {
            self.child.try_wait().unwrap().is_some()
        })
        .await;
        self.child.wait().unwrap().code()
    }
}

impl Drop for Sidebox {
    fn drop(&mut self) {
        // First, since the number of an ended process may soon be another's.
        self.watcher.dismiss();
        // Already gone in the good case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kills a process as soon as this one is gone, which closes the pipe that the watcher reads: nobody drops the values of a
/// test that is killed.
struct Watcher(Child);

impl Watcher {
    fn of(child: &Child) -> Self {
        let script = format!("read -r _; kill -KILL {}", child.id());
        let watcher = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(watcher.unwrap())
    }

    fn dismiss(&mut self) {
        // Nothing that it would have to end in order.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn first_line(log: &Path, wanted: &str) -> Value {
    let find = || {
        let text = fs::read_to_string(log).unwrap_or_default();
        let line = text.lines().find(|line| line.contains(wanted))?;
        serde_json::from_str(line).ok()
    };
    until(&format!("a log line with {wanted}"), async || {
        find().is_some()
    })
    .await;
    find().unwrap()
}

/// The sum of a metric over those of its labels that have this among them.
pub(crate) fn counted(metrics: &str, name: &str, label: &str) -> u64 {
    let lines = metrics.lines().filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        let wanted = key.split('{').next() == Some(name) && key.contains(label);
        wanted.then(|| value.parse::<u64>().unwrap())
    });
    lines.sum()
}

/// One plain HTTP request.
pub(crate) async fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: sidebox\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok((status.unwrap_or_default(), text))
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    until_every(Duration::from_millis(10), PATIENCE, what, condition).await;
}

/// Waits for a condition that is costly to look at, or long in coming.
pub(crate) async fn until_every(
    pause: Duration,
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(pause).await;
        }
    };
    let came = tokio::time::timeout(patience, wait).await;
    assert!(came.is_ok(), "it never came: {what}");
}

/// What a `MutatingWebhookConfiguration` says of one webhook.
#[derive(Debug, Clone)]
pub(crate) struct Registration<'a> {
    /// Webhooks are called in the order of these names.
    pub(crate) name: &'a str,
    pub(crate) address: SocketAddr,
    pub(crate) path: &'a str,
    pub(crate) ca: String,
    /// Namespaces whose label `webhooks` has this value.
    pub(crate) namespaces: &'a str,
    pub(crate) reinvocation: &'a str,
    pub(crate) seconds: u8,
    /// A CEL expression that a Pod must meet to be sent.
    pub(crate) condition: Option<&'a str>,
}

impl<'a> Registration<'a> {
    /// Sidebox, as its manifests register it.
    pub(crate) fn of(sidebox: &Sidebox, namespaces: &'a str) -> Self {
        Self::to(sidebox.webhook, sidebox.ca(), namespaces)
    }

    /// The same for whatever listens there.
    pub(crate) fn to(address: SocketAddr, ca: String, namespaces: &'a str) -> Self {
        Self {
            name: "m-sidebox",
            address,
            path: "/mutate",
            ca,
            namespaces,
            reinvocation: "IfNeeded",
            seconds: 3,
            condition: None,
        }
    }

    fn object(&self) -> Value {
        let url = format!("https://{}{}", self.address, self.path);
        let mut webhook = json!({
            "name": "pods.sidebox.dev",
            "clientConfig": {"url": url, "caBundle": STANDARD.encode(&self.ca)},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"], "scope": "Namespaced"}],
            "namespaceSelector": {"matchLabels": {"webhooks": self.namespaces}},
            "failurePolicy": "Ignore", "timeoutSeconds": self.seconds, "reinvocationPolicy": self.reinvocation,
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
        });
        if let Some(expression) = self.condition {
            webhook["matchConditions"] = json!([{"name": "condition", "expression": expression}]);
        }
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": format!("{}-{}", self.name, self.namespaces), "labels": {"sidebox-test": "true"}},
            "webhooks": [webhook]})
    }

    /// Registers; the API server learns of it a moment later.
    pub(crate) async fn register(&self, api: &Api) {
        let reply = api.call("POST", CONFIGURATIONS, &self.object()).await;
        assert!(reply.accepted(), "{}", reply.message());
    }

    /// Replaces an earlier registration of the same name.
    pub(crate) async fn replace(&self, api: &Api) {
        let object = self.object();
        let name = object["metadata"]["name"].as_str().unwrap();
        let change = json!({"webhooks": object["webhooks"]});
        let reply = api
            .call("PATCH", &format!("{CONFIGURATIONS}/{name}"), &change)
            .await;
        assert!(reply.accepted(), "{}", reply.message());
    }
}
