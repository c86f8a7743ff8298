//! A node with Sidebox installed on it, and a person before it. Must not know what is tested.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::Api;
use crate::cluster::{Cluster, Level, launch, output};
use crate::images::ARCHITECTURE;
use crate::install::INSTALL;
use crate::resident::resident;
use crate::webhook::{get, until_every};

/// What `tests/e2e/images/prepare` makes of it.
const ARCHIVES: [&str; 3] = ["sidebox", "toolbox", "helloaks"];
/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_mins(3);
/// Something that runs and does nothing.
pub(crate) const PAUSE: &str = "sidebox.test/pause:1";

pub(crate) struct World {
    cluster: Cluster,
    pub(crate) api: Api,
    /// Folders of programs before those of the machine, as `PATH`.
    path: String,
    home: TempDir,
    /// What the cluster had before the installation.
    pub(crate) before: Vec<String>,
}

/// A replica that runs.
pub(crate) struct Replica {
    pub(crate) name: String,
    /// As the kernel's cgroups name it.
    container: String,
    health: SocketAddr,
}

impl Replica {
    /// The value of a line of its metrics.
    pub(crate) async fn metric(&self, series: &str) -> Option<u64> {
        let (_, text) = get(self.health, "/metrics").await.ok()?;
        let value = |line: &str| line.strip_prefix(series)?.trim().parse().ok();
        text.lines().find_map(value)
    }

    /// Resident memory of its process in KiB, now and at its highest.
    pub(crate) fn memory(&self) -> (u64, u64) {
        let within = |process: &PathBuf| {
            let groups = fs::read_to_string(process.join("cgroup"));
            groups.is_ok_and(|groups| groups.contains(&self.container))
        };
        let mut processes = fs::read_dir("/proc")
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let process = processes.find(within).unwrap();
        resident(&process)
    }
}

impl World {
    /// Starts the node, and installs Sidebox as its page says.
    pub(crate) fn start(images: &Path) -> Self {
        let cluster = Cluster::start(Level::Node, &[]);
        cluster.load(&ARCHIVES.map(|name| images.join(format!("{name}-{ARCHITECTURE}.tar"))));
        let helm = PathBuf::from(output(launch("tool").arg("helm")).trim_end());
        let helm = helm.parent().unwrap().display();
        let own = Path::new(env!("CARGO_BIN_EXE_sidebox"))
            .parent()
            .unwrap()
            .display();
        let machine = std::env::var("PATH").unwrap();
        let mut world = Self {
            api: Api::of(&cluster.kubeconfig()),
            path: format!("{own}:{helm}:{}:{machine}", cluster.folder().display()),
            home: TempDir::new().unwrap(),
            before: Vec::new(),
            cluster,
        };
        world.before = world.inventory();
        for line in INSTALL {
            world.types(line);
        }
        world
    }

    /// A command line as a person types it in the folder of the repository; shown with what it prints.
    pub(crate) fn types(&self, line: &str) -> String {
        self.types_and_sees(line, 0)
    }

    /// The same for what must end with this exit code.
    pub(crate) fn types_and_sees(&self, line: &str, code: i32) -> String {
        let (ended, out, errors) = self.run(line);
        println!("$ {line}\n{out}{errors}");
        assert_eq!(ended, Some(code), "`{line}`");
        out
    }

    /// The same, unseen; its exit code, its output and its errors.
    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let done = Command::new("bash")
            .args(["-c", line])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", &self.path)
            .env("HOME", self.home.path())
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code(), text(&done.stdout), text(&done.stderr))
    }

    /// What a command that must succeed prints, unseen.
    fn finds(&self, line: &str) -> String {
        let (code, out, errors) = self.run(line);
        assert_eq!(code, Some(0), "`{line}`: {errors}");
        out
    }

    /// A folder on the node for volumes, which all users may write.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(&path).unwrap();
        for (folder, mode) in [(self.home.path(), 0o755), (&path, 0o777)] {
            fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
        }
        path
    }

    /// An object at its path, or null.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let reply = self.api.call("GET", path, &Value::Null).await;
        if reply.accepted() {
            reply.body
        } else {
            Value::Null
        }
    }

    /// A namespace with these labels and its service account.
    pub(crate) async fn namespace(&self, name: &str, labels: &Value) {
        let object = json!({"metadata": {"name": name, "labels": labels}});
        self.api.create("/api/v1/namespaces", &object).await;
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        self.until("the namespace has its account", async || {
            !self.get(&account).await.is_null()
        })
        .await;
    }

    /// Waits for a condition that costs a call or more.
    pub(crate) async fn until(&self, what: &str, condition: impl AsyncFnMut() -> bool) {
        until_every(Duration::from_millis(100), PATIENCE, what, condition).await;
    }

    /// All Pods of Sidebox, also those that leave.
    pub(crate) async fn pods(&self) -> Vec<Value> {
        let list = self.get("/api/v1/namespaces/sidebox/pods").await;
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Its replicas that are ready and do not leave.
    pub(crate) async fn replicas(&self) -> Vec<Replica> {
        let pods = self.pods().await.into_iter().filter(|pod| {
            let conditions = pod["status"]["conditions"].as_array();
            let ready =
                |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
            pod["metadata"]["deletionTimestamp"].is_null()
                && conditions.into_iter().flatten().any(ready)
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        pods.map(|pod| Replica {
            name: text(&pod["metadata"]["name"]),
            container: text(&pod["status"]["containerStatuses"][0]["containerID"])
                .replace("containerd://", ""),
            health: format!("{}:8080", pod["status"]["podIP"].as_str().unwrap())
                .parse()
                .unwrap(),
        })
        .collect()
    }

    /// Waits until the roll-out has ended; old replicas may still be leaving.
    pub(crate) async fn rolled_out(&self) {
        self.types("kubectl -n sidebox rollout status deployment/sidebox --timeout=3m");
        self.until("two replicas", async || self.replicas().await.len() == 2)
            .await;
    }

    /// Waits until those who leave have left.
    pub(crate) async fn nobody_leaves(&self) {
        self.until("two Pods and no other", async || {
            self.pods().await.len() == 2
        })
        .await;
    }

    /// The names of all objects of every kind; without those that the cluster makes and removes itself all the time.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let resources = self.finds("kubectl api-resources --verbs=list --output=name");
        let moving = ["events", "events.events.k8s.io"];
        let wanted = resources.lines().filter(|name| !moving.contains(name));
        let wanted = wanted.collect::<Vec<_>>().join(",");
        let names = self.finds(&format!(
            "kubectl get {wanted} --all-namespaces --output='jsonpath={{range .items[*]}}{{.kind}} \
             {{.metadata.namespace}}/{{.metadata.name}}{{\"\\n\"}}{{end}}'"
        ));
        // A node writes its own from time to time.
        let names = names
            .lines()
            .filter(|name| !name.contains(" kube-node-lease/"));
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// What has been added since before the installation.
    pub(crate) fn left(&self) -> Vec<String> {
        let mut all = self.inventory();
        all.retain(|name| !self.before.contains(name));
        all
    }

    /// Takes away what trials have made, also those that failed.
    pub(crate) fn clear(&self) {
        let made = "net-worker stopped stream rotation alone asked labelled";
        for what in [
            format!("namespace {made}"),
            "pv asked labelled".to_owned(),
            "storageclass folders".to_owned(),
            "clusterrolebinding checks".to_owned(),
        ] {
            self.finds(&format!("kubectl delete --ignore-not-found {what}"));
        }
    }

    /// Ends everything; whether nothing of the node is left on the machine.
    pub(crate) fn end(self) -> bool {
        self.cluster.end()
    }
}

/// A Pod that asks for a toolbox, and is never scheduled.
pub(crate) fn asking_pod() -> Value {
    json!({"metadata": {"name": "p", "annotations": {"sidebox.dev/inject": "true"}},
        "spec": {"schedulingGates": [{"name": "sidebox.test/never"}],
            "containers": [{"name": "app", "image": PAUSE}]}})
}
