//! The cluster of this suite, and how its API server is killed and started again. Must not know what is
//! tested.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::api::{Api, Reply};
use crate::cluster::{Cluster, Level};
use crate::webhook::{Sidebox, until};

/// The cluster of the whole suite.
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) api: Api,
    /// The API server, once a trial has replaced the launcher's.
    replaced: Option<Child>,
}

/// What facts are read from.
pub(crate) const FACTS: [&str; 4] = [
    "namespaces",
    "persistentvolumeclaims",
    "limitranges",
    "resourcequotas",
];

/// Whether all of these have been read.
pub(crate) async fn knows(sidebox: &Sidebox, resources: &[&str]) -> bool {
    let (_, text) = sidebox.get("/metrics").await;
    let read = |resource: &&str| {
        text.contains(&format!(
            "sidebox_watch_synced{{resource=\"{resource}\"}} 1\n"
        ))
    };
    resources.iter().all(read)
}

/// How the API server was started.
pub(crate) struct Stopped {
    command: Vec<String>,
}

impl World {
    pub(crate) fn start() -> Self {
        let cluster = Cluster::start(Level::ApiServer, &[]);
        let api = Api::of(&cluster.kubeconfig());
        Self {
            cluster,
            api,
            replaced: None,
        }
    }

    /// A `sidebox serve` that watches this cluster.
    pub(crate) async fn sidebox(&self, arguments: &[&str]) -> Sidebox {
        let kubeconfig = self.cluster.kubeconfig();
        let environment: [(&str, &Path); 1] = [("KUBECONFIG", &kubeconfig)];
        let always = ["--cluster", "always"];
        Sidebox::start_with(&[&always, arguments].concat(), &environment).await
    }

    /// The same, once it has read everything.
    pub(crate) async fn informed_sidebox(&self, arguments: &[&str]) -> Sidebox {
        let sidebox = self.sidebox(arguments).await;
        until("all facts are read", async || knows(&sidebox, &FACTS).await).await;
        sidebox
    }

    pub(crate) async fn namespace(&self, name: &str) {
        let object = json!({"metadata": {"name": name}});
        self.api.create("/api/v1/namespaces", &object).await;
    }

    /// A merge patch that must be taken.
    pub(crate) async fn patch(&self, path: &str, change: &Value) {
        let reply = self.api.call("PATCH", path, change).await;
        assert!(reply.accepted(), "{path}: {}", reply.message());
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.api.call("DELETE", path, &Value::Null).await
    }

    /// Kills the API server, as a crash does; etcd lives on.
    pub(crate) async fn stop_api_server(&mut self) -> Stopped {
        let pid = self.record().split(' ').next().unwrap().to_owned();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        let command = line
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8(word.to_vec()).unwrap())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>();
        assert!(command[0].ends_with("kube-apiserver"), "{command:?}");
        assert!(
            Command::new("kill")
                .args(["-9", &pid])
                .status()
                .unwrap()
                .success()
        );
        if let Some(mut child) = self.replaced.take() {
            child.wait().unwrap();
        }
        until("the API server is gone", async || born(&pid).is_none()).await;
        Stopped { command }
    }

    /// Starts it again as it was, on its old port, and waits until it is ready.
    pub(crate) async fn start_api_server(&mut self, stopped: Stopped) {
        let folder = self.cluster.folder();
        let log = folder.join("logs/kube-apiserver-again.log");
        let log = File::options().append(true).create(true).open(log).unwrap();
        let child = Command::new(&stopped.command[0])
            .args(&stopped.command[1..])
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        // With its record the launcher ends it as it would its own.
        let pid = child.id().to_string();
        let record = format!("{pid} {}", born(&pid).unwrap());
        fs::write(folder.join("pids/kube-apiserver"), record).unwrap();
        self.replaced = Some(child);
        until("the API server is ready again", async || {
            self.cluster
                .kubectl()
                .args(["get", "--raw", "/readyz"])
                .output()
                .unwrap()
                .status
                .success()
        })
        .await;
    }

    fn record(&self) -> String {
        fs::read_to_string(self.cluster.folder().join("pids/kube-apiserver")).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The launcher's record ends it as well, but only the parent can bury it.
        if let Some(mut child) = self.replaced.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// When a process began, in ticks since the machine's start; none when it is gone (proc_pid_stat(5)).
fn born(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (!state.starts_with(['Z', 'X'])).then(|| fields.nth(18).unwrap_or_default().to_owned())
}
