//! The law where namespaces have rules of their own: Pod Security, LimitRange, ResourceQuota. Sidebox
//! is told of them by `--facts`.

use serde_json::{Value, json};

use crate::judged::{Place, small_pod, with_asking};
use crate::law::{Tally, is_injected};
use crate::sources::{self, asking, manifests, module};
use crate::world::World;

/// Namespaces that enforce a Pod Security level, with the fixtures of that level and generated Pods.
pub(crate) async fn pod_security(world: &World) {
    let fixtures = module("k8s.io/pod-security-admission").join("test/testdata");
    for level in ["restricted", "baseline"] {
        let plain = manifests(&world.cluster, &[fixtures.join(level).join("v1.37")]);
        let mut all = with_asking(&plain);
        all.extend(asking(&small_pod()));
        all.extend(sources::generated(300));
        let labels = json!({"pod-security.kubernetes.io/enforce": level});
        hold(world, level, &labels, &[], &all).await;
    }
}

/// LimitRanges of every kind of rule.
pub(crate) async fn limit_ranges(world: &World) {
    let mut all = asking(&small_pod());
    for limits in [
        json!({"cpu": "150m", "memory": "100Mi"}),
        json!({"cpu": "1", "memory": "1Gi"}),
    ] {
        let mut pod = small_pod();
        pod["spec"]["containers"][0]["resources"] = json!({});
        pod["spec"]["resources"] = json!({"limits": limits});
        all.extend(with_asking(&[pod]));
    }
    all.extend(sources::generated(200));
    for (name, limits) in ranges() {
        let range = json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "limits"}, "spec": {"limits": limits}});
        hold(world, name, &json!({}), &[("/api/v1", range)], &all).await;
    }
}

fn ranges() -> Vec<(&'static str, Value)> {
    let roomy = json!({"cpu": "2", "memory": "1Gi"});
    vec![
        (
            "min",
            json!([{"type": "Container", "min": {"cpu": "100m", "memory": "64Mi"}}]),
        ),
        (
            "max",
            json!([{"type": "Container", "max": {"cpu": "1", "memory": "128Mi"}}]),
        ),
        (
            "defaults",
            json!([{"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "900m", "memory": "1Gi"}}]),
        ),
        (
            "ratio",
            json!([{"type": "Container", "maxLimitRequestRatio": {"cpu": "2", "memory": "1"}}]),
        ),
        (
            "all",
            json!([{"type": "Container", "min": {"cpu": "50m", "memory": "64Mi"}, "max": {"cpu": "1", "memory": "512Mi"},
            "default": {"cpu": "200m", "memory": "128Mi"}, "defaultRequest": {"cpu": "200m", "memory": "128Mi"}, "maxLimitRequestRatio": {"cpu": "4"}}]),
        ),
        ("pod-max", json!([{"type": "Pod", "max": roomy}])),
        (
            "pod-tight",
            json!([{"type": "Pod", "max": {"cpu": "220m", "memory": "140Mi"}}]),
        ),
        (
            "pod-min",
            json!([{"type": "Pod", "min": {"cpu": "150m", "memory": "64Mi"}}]),
        ),
        (
            "pod-ratio",
            json!([{"type": "Pod", "maxLimitRequestRatio": {"cpu": "1", "memory": "2"}}]),
        ),
        (
            "disk",
            json!([{"type": "Container", "max": {"ephemeral-storage": "1Gi"}, "default": {"ephemeral-storage": "500Mi"}},
            {"type": "Pod", "max": {"ephemeral-storage": "1200Mi"}}]),
        ),
        (
            "impossible",
            json!([{"type": "Container", "min": {"memory": "5Gi"}, "max": {"memory": "5Gi"},
            "default": {"memory": "5Gi"}, "defaultRequest": {"memory": "5Gi"}}]),
        ),
    ]
}

/// Both ways of asking under the same rules; every Pod keeps the law, whatever is refused.
async fn hold(world: &World, name: &str, labels: &Value, objects: &[(&str, Value)], all: &[Value]) {
    for (way, path) in [("explicit", "/mutate"), ("automatic", "/mutate/labelled")] {
        let name = format!("{name}-{way}");
        let place = Place {
            name: &name,
            path,
            labels: labels.clone(),
            objects,
        };
        let (arena, _sidebox) = place.open(world).await;
        let mut tally = Tally::default();
        tally
            .judge(&world.api, &mut world.audit(), &arena, all)
            .await;
        tally.conclude(&name, 0);
        assert!(tally.accepted > 0, "{name}: nothing was accepted");
    }
}

/// Under a quota who asks gets, as long as there is room; nobody else is charged.
pub(crate) async fn quota(world: &World) {
    let hard = json!({"requests.cpu": "10", "requests.memory": "10Gi", "limits.cpu": "10", "limits.memory": "10Gi"});
    let object = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota"}, "spec": {"hard": hard}});
    for (way, path, wanted) in [
        ("quota-explicit", "/mutate", true),
        ("quota-automatic", "/mutate/labelled", false),
    ] {
        let place = Place {
            name: way,
            path,
            labels: json!({}),
            objects: &[("/api/v1", object.clone())],
        };
        let (arena, _sidebox) = place.open(world).await;
        let zero = json!({"requests.cpu": "0", "requests.memory": "0", "limits.cpu": "0", "limits.memory": "0"});
        // The quota controller's work, which is absent at this level.
        for namespace in [&arena.without, &arena.with] {
            let status = format!("/api/v1/namespaces/{namespace}/resourcequotas/quota/status");
            let change = json!({"status": {"hard": hard, "used": zero}});
            assert!(world.api.call("PATCH", &status, &change).await.accepted());
        }
        let mut pod = small_pod();
        if wanted {
            pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
        }
        let reply = world.api.try_pod(&arena.with, &pod).await;
        assert!(reply.accepted(), "{way}: {}", reply.message());
        assert_eq!(
            is_injected(&reply.body),
            wanted,
            "{way}: {:?}",
            reply.warnings
        );
        let mut tally = Tally::default();
        let all = sources::generated(300);
        tally
            .judge(&world.api, &mut world.audit(), &arena, &all)
            .await;
        tally.conclude(way, 0);
    }
}
