//! Does the claim appear where Pods want it? A provisioner of the tests binds it, as a storage class's own would.

use serde_json::{Value, json};

use crate::world::{PAUSE, World};

const CLASS: &str = "folders";

const KEEP: &str = "helm upgrade sidebox deploy/chart/sidebox --namespace sidebox --reset-values \
     --set settings.data.create=true --set settings.data.storageClass=folders";

/// A Pod that asked waits for its claim; one that did not runs at once, and the next one mounts it.
pub(crate) async fn appear(world: &World) {
    let class = json!({"metadata": {"name": CLASS}, "provisioner": "sidebox.test/folders"});
    let classes = "/apis/storage.k8s.io/v1/storageclasses";
    world.api.create(classes, &class).await;
    world.types(KEEP);
    // Whoever does not restart waits a minute or two, until the kubelet has brought the changed ConfigMap.
    world.types("kubectl -n sidebox rollout restart deployment/sidebox");
    world.rolled_out().await;
    world.nobody_leaves().await;
    world.namespace("asked", &json!({})).await;
    world
        .namespace("labelled", &json!({"sidebox.dev/inject": "true"}))
        .await;
    let before = claim(world, "asked").await;
    assert!(before.is_null(), "the premise: no claim yet");

    made(world).await;
    bound(world).await;
    make(world, "labelled", "next", &json!({})).await;
    assert_eq!(
        data(&pod(world, "labelled", "next").await),
        "persistentVolumeClaim"
    );
}

/// Both Pods are created, and both claims, which nobody binds yet.
async fn made(world: &World) {
    make(
        world,
        "asked",
        "app",
        &json!({"sidebox.dev/inject": "true"}),
    )
    .await;
    make(world, "labelled", "first", &json!({})).await;
    world
        .until("the Pod that did not ask runs", async || {
            runs(&pod(world, "labelled", "first").await)
        })
        .await;
    assert_eq!(data(&pod(world, "labelled", "first").await), "emptyDir");
    for namespace in ["asked", "labelled"] {
        world
            .until("the claim is made", async || {
                !claim(world, namespace).await.is_null()
            })
            .await;
    }
    let waiting = pod(world, "asked", "app").await;
    assert_eq!(data(&waiting), "persistentVolumeClaim");
    assert_eq!(
        waiting["status"]["phase"], "Pending",
        "it waits for a volume"
    );
    for namespace in ["asked", "labelled"] {
        world.types(&format!("kubectl -n {namespace} get pods,pvc"));
    }
}

/// The volumes come, and with them the Pod that asked.
async fn bound(world: &World) {
    for namespace in ["asked", "labelled"] {
        provision(world, namespace).await;
        world
            .until("the claim is bound", async || {
                claim(world, namespace).await["status"]["phase"] == "Bound"
            })
            .await;
    }
    world
        .until("the Pod that asked runs", async || {
            runs(&pod(world, "asked", "app").await)
        })
        .await;
    world.types("kubectl -n asked get pods,pvc");
    world.types("kubectl -n asked get events --field-selector reason=claim_made");
    world.types(
        "kubectl -n asked exec app -c toolbox -- bash -c 'echo kept > /data/result && cat /data/result'",
    );
}

async fn claim(world: &World, namespace: &str) -> Value {
    let path = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims/monitor-azfiles");
    world.get(&path).await
}

async fn pod(world: &World, namespace: &str, name: &str) -> Value {
    world
        .get(&format!("/api/v1/namespaces/{namespace}/pods/{name}"))
        .await
}

async fn make(world: &World, namespace: &str, name: &str, annotations: &Value) {
    let pod = json!({"metadata": {"name": name, "annotations": annotations},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "app", "image": PAUSE}]}});
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let made = world.api.call("POST", &path, &pod).await;
    assert!(made.accepted(), "{}", made.message());
}

/// What the toolbox's `/data` is made of.
fn data(pod: &Value) -> &'static str {
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let volume = volumes
        .iter()
        .find(|volume| volume["name"] == "sidebox-data");
    let volume = volume.unwrap_or(&Value::Null);
    let kinds = ["persistentVolumeClaim", "emptyDir"];
    kinds
        .into_iter()
        .find(|kind| volume.get(kind).is_some())
        .unwrap_or("nothing")
}

fn runs(pod: &Value) -> bool {
    let all = pod["status"]["containerStatuses"].as_array();
    let running = |status: &Value| status["state"]["running"].is_object();
    all.is_some_and(|all| all.len() == 2 && all.iter().all(running))
}

/// What a provisioner does: a volume of the class for this claim.
async fn provision(world: &World, namespace: &str) {
    let claim = claim(world, namespace).await;
    assert_eq!(claim["spec"]["storageClassName"], CLASS);
    let volume = json!({"metadata": {"name": namespace},
        "spec": {"capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"], "storageClassName": CLASS,
            "claimRef": {"namespace": namespace, "name": claim["metadata"]["name"]},
            "hostPath": {"path": world.folder(namespace), "type": "Directory"}}});
    world.api.create("/api/v1/persistentvolumes", &volume).await;
}
