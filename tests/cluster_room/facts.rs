//! What is written in the cluster, does the next Pod feel it?

use serde_json::{Value, json};

use crate::apiserver::World;
use crate::review::{Reviewed, asking_pod, quiet_pod, review};
use crate::webhook::{Sidebox, until};

/// The paths of the two kinds of Pods: the namespace is labelled, or nobody but the Pod asks.
const LABELLED: &str = "/mutate/labelled";
const PLAIN: &str = "/mutate";

pub(crate) fn claim(modes: &[&str]) -> Value {
    json!({"metadata": {"name": "monitor-azfiles"}, "spec": {"accessModes": modes,
        "resources": {"requests": {"storage": "1Gi"}}}})
}

/// Waits until the next Pod is as wanted.
async fn comes(
    what: &str,
    sidebox: &Sidebox,
    path: &str,
    wanted: impl Fn(&Reviewed) -> bool,
) -> Reviewed {
    let pod = if path == PLAIN {
        asking_pod()
    } else {
        quiet_pod()
    };
    until(what, async || {
        wanted(&review(sidebox, path, "facts", &pod).await)
    })
    .await;
    review(sidebox, path, "facts", &pod).await
}

fn limit(reviewed: &Reviewed, resource: &str) -> Option<String> {
    let limits = &reviewed.toolbox()?["resources"]["limits"];
    limits[resource].as_str().map(str::to_owned)
}

/// Namespaces, claims, LimitRanges and quotas that come, change and go.
pub(crate) async fn are_heard(world: &World) {
    world.namespace("facts").await;
    let sidebox = world.informed_sidebox(&[]).await;
    the_claim(world, &sidebox).await;
    the_namespace(world, &sidebox).await;
    the_limits(world, &sidebox).await;
}

async fn the_claim(world: &World, sidebox: &Sidebox) {
    let claims = "/api/v1/namespaces/facts/persistentvolumeclaims";
    let one = format!("{claims}/monitor-azfiles");
    let reviewed = comes("a missing claim is not mounted", sidebox, PLAIN, |pod| {
        pod.data() == "emptyDir"
    })
    .await;
    assert!(
        reviewed
            .warnings
            .iter()
            .any(|text| text.contains("claim_missing")),
        "{reviewed:?}"
    );

    // Of claims of other names nothing is known, and the API server sends none.
    let mut other = claim(&["ReadWriteOnce"]);
    other["metadata"]["name"] = "another".into();
    world.api.create(claims, &other).await;
    world.api.create(claims, &claim(&["ReadWriteMany"])).await;
    comes(
        "who asks gets a claim that is not bound",
        sidebox,
        PLAIN,
        |pod| pod.data() == "claim",
    )
    .await;
    assert_eq!(
        review(sidebox, LABELLED, "facts", &quiet_pod())
            .await
            .data(),
        "emptyDir"
    );
    world
        .patch(
            &format!("{one}/status"),
            &json!({"status": {"phase": "Bound"}}),
        )
        .await;
    comes("others get it once it is bound", sidebox, LABELLED, |pod| {
        pod.data() == "claim"
    })
    .await;
    // The finalizer that protects claims has nobody to take it off at this level.
    world
        .patch(&one, &json!({"metadata": {"finalizers": null}}))
        .await;
    assert!(world.delete(&one).await.accepted());
    comes("a deleted claim is missing", sidebox, PLAIN, |pod| {
        pod.data() == "emptyDir"
    })
    .await;
}

async fn the_namespace(world: &World, sidebox: &Sidebox) {
    let path = "/api/v1/namespaces/facts";
    let user = |reviewed: &Reviewed| {
        reviewed
            .toolbox()
            .map(|box_| box_["securityContext"]["runAsUser"].clone())
    };
    comes("nobody restricts the user", sidebox, PLAIN, |pod| {
        user(pod) == Some(json!(0))
    })
    .await;
    let restricted =
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    world.patch(path, &restricted).await;
    comes("Pod Security is heard", sidebox, PLAIN, |pod| {
        user(pod) == Some(json!(1654))
    })
    .await;
    world
        .patch(
            path,
            &json!({"metadata": {"annotations": {"sidebox.dev/data": "none"}}}),
        )
        .await;
    comes("the namespace's annotations hold", sidebox, PLAIN, |pod| {
        pod.data() == "none"
    })
    .await;
    world
        .patch(
            path,
            &json!({"metadata": {"annotations": {"sidebox.dev/data": "heaven"}}}),
        )
        .await;
    comes("a bad one is told", sidebox, PLAIN, |pod| {
        pod.warnings
            .iter()
            .any(|text| text.contains("invalid_namespace_annotation"))
    })
    .await;
    let none = json!({"metadata": {"annotations": null, "labels": {"pod-security.kubernetes.io/enforce": null}}});
    world.patch(path, &none).await;
    comes("all of it can be taken back", sidebox, PLAIN, |pod| {
        user(pod) == Some(json!(0))
    })
    .await;
}

async fn the_limits(world: &World, sidebox: &Sidebox) {
    let ranges = "/api/v1/namespaces/facts/limitranges";
    let most = json!({"metadata": {"name": "most"}, "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]}});
    world.api.create(ranges, &most).await;
    comes("a LimitRange is heard", sidebox, PLAIN, |pod| {
        limit(pod, "memory").as_deref() == Some("64Mi")
    })
    .await;
    world.delete(&format!("{ranges}/most")).await;
    comes("and forgotten", sidebox, PLAIN, |pod| {
        limit(pod, "memory").as_deref() == Some("256Mi")
    })
    .await;

    let quotas = "/api/v1/namespaces/facts/resourcequotas";
    let quota = json!({"metadata": {"name": "compute"}, "spec": {"hard": {"requests.cpu": "10"}}});
    world.api.create(quotas, &quota).await;
    comes(
        "a quota is not used up by others",
        sidebox,
        LABELLED,
        |pod| pod.toolbox().is_none(),
    )
    .await;
    world.delete(&format!("{quotas}/compute")).await;
    comes("and forgotten", sidebox, LABELLED, |pod| {
        pod.toolbox().is_some()
    })
    .await;
}
