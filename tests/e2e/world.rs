//! Where do the tests of this suite live? One cluster with a real node, the images on it, the real `sidebox serve` outside,
//! and for each test a place: a namespace with its own volume. Must not know what is tested there.

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::api::Api;
use crate::cluster::{Cluster, LABEL, Level};
use crate::images::{self, ARCHITECTURE};
use crate::webhook::{Registration, Sidebox};

/// What `tests/e2e/images/prepare` makes.
const ARCHIVES: [&str; 4] = ["helloaks", "net8/helloaks", "toolbox", "toolbox-dotnet"];
/// A folder that the nodes of a given cluster see under the same path, for what stands in for network shares.
const VOLUMES: &str = "SIDEBOX_VOLUMES";
/// The claim that Sidebox looks for unless told otherwise.
const CLAIM: &str = "monitor-azfiles";
/// Nothing here takes so long unless it is broken.
const PATIENCE: Duration = Duration::from_mins(4);

/// Which of the two webhooks sees a namespace, and whose the root of its volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Volume {
    /// 0777: everybody may write, and the settings say so (`data.uid: none`).
    Open,
    /// 0755 of root, and the settings say so (`data.uid: 0`).
    OfRoot,
    /// No webhook sees the namespace: what an application is without Sidebox.
    Unseen,
}

impl Volume {
    const fn label(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::OfRoot => "of-root",
            Self::Unseen => "unseen",
        }
    }

    const fn mode(self) -> u32 {
        match self {
            Self::Open | Self::Unseen => 0o777,
            Self::OfRoot => 0o755,
        }
    }
}

/// A namespace with a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) volume: Volume,
    /// Enforces the Pod Security level `restricted`.
    pub(crate) restricted: bool,
}

impl Place {
    pub(crate) const fn open(name: &'static str) -> Self {
        Self {
            name,
            volume: Volume::Open,
            restricted: false,
        }
    }

    fn namespace(&self) -> Value {
        let mut labels = json!({"webhooks": self.volume.label(), LABEL: "true"});
        if self.restricted {
            labels["pod-security.kubernetes.io/enforce"] = "restricted".into();
        }
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})
    }

    fn claim(&self) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": self.name},
            "spec": {"storageClassName": CLAIM, "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "5Gi"}}}})
    }
}

/// The cluster of the whole suite, and what runs beside it.
pub(crate) struct World {
    cluster: Cluster,
    volumes: TempDir,
    _webhooks: [Sidebox; 2],
}

impl World {
    /// Starts the cluster and both webhooks, and makes the places.
    pub(crate) fn start(places: &[Place]) -> Self {
        let images = images::folder().unwrap();
        let here = || env!("CARGO_TARGET_TMPDIR").into();
        let folder = env::var_os(VOLUMES).unwrap_or_else(here);
        let volumes = TempDir::with_prefix_in("volumes-", folder).unwrap();
        // Users of any uid go down to their own folder.
        fs::set_permissions(volumes.path(), Permissions::from_mode(0o755)).unwrap();
        let cluster = Cluster::given_or_start(Level::Node, &[]);
        cluster.load(&ARCHIVES.map(|name| images.join(format!("{name}-{ARCHITECTURE}.tar"))));
        let api = Api::of(&cluster.kubeconfig());
        let webhooks = Runtime::new().unwrap().block_on(async {
            [
                webhook(&api, volumes.path(), places, Volume::Open, "none").await,
                webhook(&api, volumes.path(), places, Volume::OfRoot, "0").await,
            ]
        });
        let world = Self {
            cluster,
            volumes,
            _webhooks: webhooks,
        };
        world.make(places);
        world
    }

    fn make(&self, places: &[Place]) {
        let mut objects = Vec::new();
        for place in places {
            objects.extend([place.namespace(), place.claim()]);
            objects.push(self.volume(place.name, CLAIM, place.volume.mode()));
        }
        self.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}));
        for place in places {
            let account = "serviceaccount/default";
            self.kubectl(
                place.name,
                &["wait", "--for=create", account, "--timeout=60s"],
            );
        }
    }

    /// What stands in for a network share: a folder of this machine, bound to one claim.
    pub(crate) fn volume(&self, namespace: &str, claim: &str, mode: u32) -> Value {
        let name = format!("{namespace}-{claim}");
        let path = self.volumes.path().join(&name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": {LABEL: "true"}},
            "spec": {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteMany"], "storageClassName": CLAIM,
                "claimRef": {"namespace": namespace, "name": claim},
                "hostPath": {"path": path, "type": "Directory"}}})
    }

    /// A file that a toolbox left on the volume, seen from outside.
    pub(crate) fn result(&self, namespace: &str, pod: &str, file: &str) -> PathBuf {
        let volume = self.volumes.path().join(format!("{namespace}-{CLAIM}"));
        volume.join(namespace).join(pod).join(file)
    }

    /// As a person applies a manifest; what the webhook warned of is the result.
    pub(crate) fn apply(&self, object: &Value) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), object.to_string()).unwrap();
        let done = self
            .cluster
            .kubectl()
            .args(["apply", "-f"])
            .arg(file.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{object}: {said}");
        said
    }

    /// The same for a manifest of the repository, in some places worded differently.
    pub(crate) fn apply_file(&self, namespace: &str, path: &str, changes: &[(&str, &str)]) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let mut text = fs::read_to_string(path).unwrap();
        for (from, to) in changes {
            assert!(text.contains(from), "{from} stands in the manifest");
            text = text.replace(from, to);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        self.kubectl(namespace, &["apply", "-f", file.path().to_str().unwrap()]);
    }

    /// A command that must succeed; its standard output.
    pub(crate) fn kubectl(&self, namespace: &str, arguments: &[&str]) -> String {
        let (succeeded, out, errors) = self.attempt(namespace, arguments);
        assert!(
            succeeded,
            "kubectl -n {namespace} {arguments:?}: {out}{errors}"
        );
        out
    }

    /// A command that may fail: whether it succeeded, its output and its errors.
    pub(crate) fn attempt(&self, namespace: &str, arguments: &[&str]) -> (bool, String, String) {
        let done = self
            .cluster
            .kubectl()
            .args(["-n", namespace])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            done.status.success(),
            text(&done.stdout),
            text(&done.stderr),
        )
    }

    /// A script in a container; its output.
    pub(crate) fn exec(&self, namespace: &str, pod: &str, container: &str, script: &str) -> String {
        let (succeeded, out, errors) = self.try_exec(namespace, pod, container, script);
        assert!(
            succeeded,
            "in {namespace}/{pod}, {container}:\n{script}\n{out}{errors}"
        );
        out
    }

    pub(crate) fn try_exec(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        script: &str,
    ) -> (bool, String, String) {
        let shell = ["exec", pod, "-c", container, "--", "bash", "-c", script];
        self.attempt(namespace, &shell)
    }

    pub(crate) fn get(&self, namespace: &str, kind: &str, name: &str) -> Value {
        let text = self.kubectl(namespace, &["get", kind, name, "-o", "json"]);
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until an object is as wanted, and returns it.
    pub(crate) fn until(
        &self,
        namespace: &str,
        (kind, name): (&str, &str),
        what: &str,
        mut wanted: impl FnMut(&Value) -> bool,
    ) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let object = self.get(namespace, kind, name);
            if wanted(&object) {
                return object;
            }
            assert!(
                Instant::now() < deadline,
                "{namespace}, {kind} {name}: it never came that {what}: {}",
                object["status"]
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Deletes what runs in a namespace, without waiting.
    pub(crate) fn clear(&self, namespace: &str) {
        let all = ["delete", "deployments,jobs,pods", "--all", "--wait=false"];
        self.kubectl(namespace, &all);
    }

    /// Whether the node is the launcher's, which the machine can be reached from.
    pub(crate) fn is_given(&self) -> bool {
        self.cluster.is_given()
    }

    /// Ends everything; whether nothing of the node is left on the machine.
    pub(crate) fn end(self) -> bool {
        self.cluster.end()
    }
}

/// One `sidebox serve` for the places of a kind, registered by its address.
async fn webhook(
    api: &Api,
    folder: &Path,
    places: &[Place],
    volume: Volume,
    owner: &str,
) -> Sidebox {
    let own = places.iter().filter(|place| place.volume == volume);
    let facts: Vec<_> = own
        .flat_map(|place| [place.namespace(), place.claim()])
        .collect();
    let file = |name: &str, text: String| {
        let path = folder.join(format!("{}-{name}", volume.label()));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let list = json!({"apiVersion": "v1", "kind": "List", "items": facts});
    let facts = file("facts.json", list.to_string());
    let settings = file("settings.yaml", format!("data: {{uid: {owner}}}\n"));
    let sidebox = Sidebox::start(&["--config", &settings, "--facts", &facts]).await;
    Registration::of(&sidebox, volume.label())
        .register(api)
        .await;
    sidebox
}
