//! The law where namespaces have rules of their own: Pod Security, LimitRange, ResourceQuota. Sidebox
//! is told of them by `--facts`.

use serde_json::{Value, json};

use crate::judged::{Place, Ways, small_pod, with_asking};
use crate::law::{Tally, is_injected};
use crate::sources::{self, asking, manifests, module};
use crate::world::World;

/// Of a hundred generated Pods that fit the rules so many must get in without the webhook, else the law has
/// too little to bite on. The others are there to be refused.
const FLOOR: usize = 60;

/// Rules of a namespace.
struct Rules<'a> {
    name: &'a str,
    labels: Value,
    objects: &'a [(&'a str, Value)],
}

/// Namespaces that enforce a Pod Security level, with the fixtures of that level and generated Pods.
pub(crate) async fn pod_security(world: &World) {
    let fixtures = module("k8s.io/pod-security-admission").join("test/testdata");
    for level in ["restricted", "baseline"] {
        let plain = manifests(&world.cluster, &[fixtures.join(level).join("v1.37")]);
        let mut given = with_asking(&plain);
        given.extend(asking(&small_pod()));
        let mut generated = sources::generated(300);
        if level == "restricted" {
            generated = sources::hardened(generated);
        }
        let rules = Rules {
            name: level,
            labels: json!({"pod-security.kubernetes.io/enforce": level}),
            objects: &[],
        };
        rules.hold(world, &given, &generated).await;
    }
}

/// LimitRanges of every kind of rule.
pub(crate) async fn limit_ranges(world: &World) {
    let mut given = asking(&small_pod());
    // One that leaves room under the tightest of them, on every server; and some that break the rules for Pods by
    // themselves, but would not with what a toolbox requests.
    let asks = [
        equal("150m", "64Mi"),
        equal("100m", "32Mi"),
        amounts(["100m", "64Mi"], ["200m", "192Mi"]),
        amounts(["0", "0"], ["100m", "64Mi"]),
    ];
    for amounts in &asks {
        let mut pod = small_pod();
        pod["spec"]["containers"][0]["resources"] = amounts.clone();
        given.extend(asking(&pod));
    }
    // An init container that alone keeps them.
    for amounts in &asks {
        let mut pod = small_pod();
        let mut init = pod["spec"]["containers"][0].clone();
        init["name"] = "init".into();
        pod["spec"]["containers"][0]["resources"] = amounts.clone();
        pod["spec"]["initContainers"] = json!([init]);
        given.extend(with_asking(&[pod]));
    }
    for limits in [
        json!({"cpu": "150m", "memory": "100Mi"}),
        json!({"cpu": "1", "memory": "1Gi"}),
    ] {
        let mut pod = small_pod();
        pod["spec"]["containers"][0]["resources"] = json!({});
        pod["spec"]["resources"] = json!({"limits": limits});
        given.extend(with_asking(&[pod]));
    }
    let generated = sources::generated(200);
    for (name, limits, fitting) in ranges_of_containers().into_iter().chain(ranges_of_pods()) {
        let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": limits}});
        let rules = Rules {
            name,
            labels: json!({}),
            objects: &[("/api/v1", range)],
        };
        let generated = sources::fitting(generated.clone(), &fitting);
        rules.hold(world, &given, &generated).await;
    }
}

/// Requests and limits of one container.
fn amounts(requests: [&str; 2], limits: [&str; 2]) -> Value {
    let [requests, limits] =
        [requests, limits].map(|[cpu, memory]| json!({"cpu": cpu, "memory": memory}));
    json!({"requests": requests, "limits": limits})
}

fn equal(cpu: &str, memory: &str) -> Value {
    amounts([cpu, memory], [cpu, memory])
}

/// Name, limits, and what containers of the generated Pods ask for to fit them; nothing, if most fit as they are.
type Range = (&'static str, Value, Vec<Value>);

fn ranges_of_containers() -> Vec<Range> {
    vec![
        (
            "min",
            json!([{"type": "Container", "min": {"cpu": "100m", "memory": "64Mi"}}]),
            vec![],
        ),
        (
            "max",
            json!([{"type": "Container", "max": {"cpu": "1", "memory": "128Mi"}}]),
            vec![],
        ),
        (
            "defaults",
            json!([{"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "900m", "memory": "1Gi"}}]),
            vec![],
        ),
        (
            "ratio",
            json!([{"type": "Container", "maxLimitRequestRatio": {"cpu": "2", "memory": "1"}}]),
            vec![
                amounts(["100m", "64Mi"], ["200m", "64Mi"]),
                equal("500m", "128Mi"),
                amounts(["1", "1Gi"], ["2", "1Gi"]),
            ],
        ),
        (
            "all",
            json!([{"type": "Container", "min": {"cpu": "50m", "memory": "64Mi"}, "max": {"cpu": "1", "memory": "512Mi"},
            "default": {"cpu": "200m", "memory": "128Mi"}, "defaultRequest": {"cpu": "200m", "memory": "128Mi"}, "maxLimitRequestRatio": {"cpu": "4"}}]),
            vec![],
        ),
        (
            "disk",
            json!([{"type": "Container", "max": {"ephemeral-storage": "1Gi"}, "default": {"ephemeral-storage": "500Mi"}},
            {"type": "Pod", "max": {"ephemeral-storage": "1200Mi"}}]),
            vec![],
        ),
        (
            "disk-min",
            json!([{"type": "Container", "min": {"ephemeral-storage": "100Mi"}}]),
            vec![],
        ),
        (
            "disk-small",
            json!([{"type": "Container", "min": {"ephemeral-storage": "10Mi"}, "default": {"ephemeral-storage": "20Mi"}}]),
            vec![],
        ),
        (
            "impossible",
            json!([{"type": "Container", "min": {"memory": "5Gi"}, "max": {"memory": "5Gi"},
            "default": {"memory": "5Gi"}, "defaultRequest": {"memory": "5Gi"}}]),
            vec![json!({}), json!({"limits": {"cpu": "1", "memory": "5Gi"}})],
        ),
    ]
}

fn ranges_of_pods() -> Vec<Range> {
    let roomy = json!({"cpu": "2", "memory": "1Gi"});
    vec![
        (
            "pod-max",
            json!([{"type": "Pod", "max": roomy}]),
            vec![
                equal("200m", "64Mi"),
                amounts(["100m", "64Mi"], ["500m", "256Mi"]),
            ],
        ),
        (
            "pod-tight",
            json!([{"type": "Pod", "max": {"cpu": "220m", "memory": "140Mi"}}]),
            vec![
                equal("40m", "24Mi"),
                amounts(["5m", "8Mi"], ["50m", "40Mi"]),
                equal("70m", "44Mi"),
            ],
        ),
        (
            "pod-min",
            json!([{"type": "Pod", "min": {"cpu": "150m", "memory": "64Mi"}}]),
            vec![
                equal("150m", "64Mi"),
                amounts(["200m", "100Mi"], ["1", "1Gi"]),
            ],
        ),
        (
            "pod-ratio",
            json!([{"type": "Pod", "maxLimitRequestRatio": {"cpu": "1", "memory": "2"}}]),
            vec![
                equal("200m", "64Mi"),
                amounts(["1", "64Mi"], ["1", "128Mi"]),
            ],
        ),
    ]
}

impl Rules<'_> {
    /// Both ways of asking under these rules: every Pod keeps the law, whatever is refused.
    async fn hold(&self, world: &World, given: &[Value], generated: &[Value]) {
        let ways = Ways::open(world, self.name, &self.labels, self.objects).await;
        for arena in ways.both() {
            world.accounts(arena, given).await;
        }
        let mut audit = world.audit();
        for (what, pods, floor) in [("given", given, 0), ("generated", generated, FLOOR)] {
            let mut tally = Tally::default();
            let both = ways.both();
            tally.judge(&world.api, &mut audit, &both, pods).await;
            tally.conclude(&format!("{}, {what}", self.name), floor);
        }
    }
}

/// Under a quota who asks gets, as long as there is room; nobody else is charged.
pub(crate) async fn quota(world: &World) {
    let hard = json!({"requests.cpu": "10", "requests.memory": "10Gi", "limits.cpu": "10", "limits.memory": "10Gi"});
    let object = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}});
    let fitting = [
        equal("200m", "128Mi"),
        amounts(["100m", "64Mi"], ["1", "1Gi"]),
    ];
    let all = sources::fitting(sources::generated(300), &fitting);
    for (way, path, wanted) in [
        ("quota-explicit", "/mutate", true),
        ("quota-automatic", "/mutate/labelled", false),
    ] {
        let place = Place {
            name: way,
            path,
            objects: &[("/api/v1", object.clone())],
            ..Place::default()
        };
        let (arena, _sidebox) = place.open(world).await;
        let mut pod = small_pod();
        if wanted {
            pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
        }
        let reply = world.api.try_pod(&arena.with, &pod).await;
        assert!(reply.accepted(), "{way}: {}", reply.message());
        let warnings = &reply.warnings;
        assert_eq!(is_injected(&reply.body), wanted, "{way}: {warnings:?}");
        let mut tally = Tally::default();
        let mut audit = world.audit();
        tally.judge(&world.api, &mut audit, &[&arena], &all).await;
        tally.conclude(way, FLOOR);
    }
}
