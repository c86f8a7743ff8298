//! The law over everything that `sources` has, in namespaces without rules of their own.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::law::{Tally, is_injected};
use crate::sources::{self, asking, manifests, module};
use crate::webhook::{Registration, Sidebox, until};
use crate::world::{Arena, World};

/// Namespaces of a kind, and how the webhook is called for their Pods.
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
    pub(crate) labels: Value,
    /// API prefix and object; Sidebox is told of them, unless there are none.
    pub(crate) objects: &'a [(&'a str, Value)],
    /// The namespace without the webhook, if it is there already.
    pub(crate) without: Option<&'a str>,
}

impl Default for Place<'_> {
    fn default() -> Self {
        Self {
            name: "",
            path: "/mutate",
            labels: json!({}),
            objects: &[],
            without: None,
        }
    }
}

impl Place<'_> {
    /// Makes the namespaces; their webhook is in force until the server is dropped.
    pub(crate) async fn open(&self, world: &World) -> (Arena, Sidebox) {
        let (labels, objects) = (&self.labels, self.objects);
        let arena = match self.without {
            Some(without) => world.beside(without, self.name, labels, objects).await,
            None => world.arena(self.name, labels, objects).await,
        };
        let facts = world.cluster.folder().join(format!("{}.json", self.name));
        fs::write(&facts, arena.facts.to_string()).unwrap();
        let told = !self.objects.is_empty() || self.labels != json!({});
        let arguments = ["--facts", facts.to_str().unwrap()];
        let sidebox = Sidebox::start(if told { &arguments } else { &[] }).await;
        let registration = Registration {
            path: self.path,
            ..Registration::of(&sidebox, self.name)
        };
        registration.register(&world.api).await;
        in_force(world, &arena, &sidebox).await;
        (arena, sidebox)
    }
}

/// Three namespaces that are alike: no webhook, one for Pods that ask, one where the namespace asks.
pub(crate) struct Ways {
    pub(crate) explicit: Arena,
    pub(crate) automatic: Arena,
    _servers: [Sidebox; 2],
}

impl Ways {
    pub(crate) async fn open(
        world: &World,
        name: &str,
        labels: &Value,
        objects: &[(&str, Value)],
    ) -> Self {
        let names = ["explicit", "automatic"].map(|way| format!("{name}-{way}"));
        let place = Place {
            name: &names[0],
            labels: labels.clone(),
            objects,
            ..Place::default()
        };
        let (explicit, one) = place.open(world).await;
        let place = Place {
            name: &names[1],
            path: "/mutate/labelled",
            without: Some(&explicit.without),
            ..place
        };
        let (automatic, two) = place.open(world).await;
        Self {
            explicit,
            automatic,
            _servers: [one, two],
        }
    }

    pub(crate) fn both(&self) -> [&Arena; 2] {
        [&self.explicit, &self.automatic]
    }
}

/// A Pod of one container that every namespace of this suite accepts.
pub(crate) fn small_pod() -> Value {
    let context = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    let amounts = json!({"cpu": "200m", "memory": "128Mi"});
    let container = json!({"name": "c", "image": "app:1", "securityContext": context,
        "resources": {"requests": amounts, "limits": amounts}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container]}})
}

/// Waits until the API server calls the webhook.
pub(crate) async fn in_force(world: &World, arena: &Arena, sidebox: &Sidebox) {
    let before = sidebox.reviews().await;
    until("the webhook is called", async || {
        world.api.try_pod(&arena.with, &small_pod()).await;
        sidebox.reviews().await > before
    })
    .await;
}

/// `../shared`, or wherever it is; a clear line where there is none.
fn shared(part: &str) -> Option<PathBuf> {
    let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");
    let root = std::env::var("SIDEBOX_SHARED").unwrap_or_else(|_| here.to_owned());
    let path = PathBuf::from(root).join(part);
    if path.is_dir() {
        return Some(path);
    }
    let required = std::env::var("SIDEBOX_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(!required, "{} is required and absent", path.display());
    println!("skipped: no {}", path.display());
    None
}

/// Each Pod as it is, and asking in every way.
pub(crate) fn with_asking(plain: &[Value]) -> Vec<Value> {
    plain
        .iter()
        .flat_map(asking)
        .chain(plain.iter().cloned())
        .collect()
}

/// Every Pod of the manifests.
pub(crate) async fn corpus(world: &World) {
    let Some(folder) = shared("corpus") else {
        return;
    };
    let plain = manifests(&world.cluster, &[folder]);
    println!("{} Pods in the manifests", plain.len());
    assert!(plain.len() >= 80, "the corpus is not whole");
    let all = with_asking(&plain);
    both_ways(world, "corpus", "manifests of real projects", &all, 80).await;
}

/// Ten thousand generated Pods.
pub(crate) async fn generated(world: &World) {
    let all = sources::generated(10_000);
    let (asked, unasked) = all.split_at(all.len() / 2);
    let ways = Ways::open(world, "generated", &json!({}), &[]).await;
    let (mut audit, mut tally) = (world.audit(), Tally::default());
    for (arena, pods) in [(&ways.explicit, asked), (&ways.automatic, unasked)] {
        tally.judge(&world.api, &mut audit, &[arena], pods).await;
    }
    tally.conclude("generated Pods", 80);
}

/// Pods of Kubernetes' own modules: the fixtures of Pod Security, and the fully populated objects of
/// the API's round-trip tests, which no server accepts but which every webhook may be sent.
pub(crate) async fn fixtures(world: &World) {
    let fixtures = module("k8s.io/pod-security-admission").join("test/testdata");
    let mut folders = ["restricted/v1.37", "baseline/v1.37"]
        .map(|part| fixtures.join(part))
        .to_vec();
    let full = module("k8s.io/api").join("testdata");
    for version in ["HEAD", "v1.33.0", "v1.34.0", "v1.35.0", "v1.36.0"] {
        for kind in ["core.v1.Pod", "apps.v1.Deployment", "batch.v1.Job"] {
            folders.push(full.join(version).join(format!("{kind}.yaml")));
        }
    }
    let plain = manifests(&world.cluster, &folders);
    let populated = folders.len() - 2;
    println!(
        "{} fixtures, {populated} fully populated",
        plain.len() - populated
    );
    let all = with_asking(&plain);
    both_ways(world, "fixtures", "fixtures of Kubernetes", &all, 80).await;
}

/// The members of the fully populated Pod one by one, so that servers accept many of them.
pub(crate) async fn members(world: &World) {
    let file = module("k8s.io/api").join("testdata/HEAD/core.v1.Pod.yaml");
    let populated = manifests(&world.cluster, &[file]);
    let plain = sources::members(&populated[0]);
    println!("{} members of a Pod", plain.len());
    let all = with_asking(&plain);
    // The others are names and kinds that mean nothing, such as `nameValue`.
    both_ways(world, "members", "members of the populated Pod", &all, 40).await;
}

/// The first minor of Kubernetes in which all of `YOUNG` is on by default (its `kube_features.go`).
const YOUNG_SINCE: u32 = 35;

/// Fields that are younger than any Pod type Sidebox could know, or that it has no business with, by pointer.
const YOUNG: [(&str, &str); 6] = [
    ("/spec/schedulingGates/0/name", "example.com/gate"),
    ("/spec/securityContext/supplementalGroupsPolicy", "Strict"),
    (
        "/spec/containers/0/resizePolicy/0/restartPolicy",
        "RestartContainer",
    ),
    ("/spec/containers/0/restartPolicyRules/0/action", "Restart"),
    ("/spec/hostnameOverride", "another-name"),
    ("/spec/volumes/0/image/reference", "example.com/files:1"),
];

/// What this server knows and Sidebox does not is still there after an injection.
pub(crate) async fn young_fields(world: &World) {
    let minor = world.minor().await;
    if minor < YOUNG_SINCE {
        println!("skipped: the fields are of Kubernetes 1.{YOUNG_SINCE}, this is 1.{minor}");
        return;
    }
    let mut pod = small_pod();
    pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
    let spec = &mut pod["spec"];
    spec["schedulingGates"] = json!([{"name": "example.com/gate"}]);
    spec["securityContext"] = json!({"supplementalGroupsPolicy": "Strict"});
    spec["hostnameOverride"] = "another-name".into();
    spec["volumes"] = json!([{"name": "files", "image": {"reference": "example.com/files:1"}}]);
    let container = &mut spec["containers"][0];
    container["resizePolicy"] =
        json!([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]);
    container["restartPolicy"] = "Never".into();
    container["restartPolicyRules"] =
        json!([{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]);
    let place = Place {
        name: "young",
        ..Place::default()
    };
    let (arena, _sidebox) = place.open(world).await;
    for namespace in [&arena.without, &arena.with] {
        let reply = world.api.try_pod(namespace, &pod).await;
        assert!(reply.accepted(), "{namespace}: {}", reply.message());
        assert_eq!(is_injected(&reply.body), *namespace == arena.with);
        for (pointer, value) in YOUNG {
            let found = reply.body.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(found, value, "{namespace}: {pointer}");
        }
    }
    println!("{} young fields survive", YOUNG.len());
}

/// Where Pods ask for themselves, and where the namespace does; so many percent must be accepted without the webhook.
pub(crate) async fn both_ways(
    world: &World,
    name: &str,
    what: &str,
    pods: &[Value],
    at_least: usize,
) {
    let ways = Ways::open(world, name, &json!({}), &[]).await;
    for arena in ways.both() {
        world.accounts(arena, pods).await;
    }
    let (mut audit, mut tally) = (world.audit(), Tally::default());
    let both = ways.both();
    tally.judge(&world.api, &mut audit, &both, pods).await;
    tally.conclude(what, at_least);
}
