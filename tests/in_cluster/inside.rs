//! Does `sidebox check` work in a Pod, where it connects to the replicas itself? As a job of a pipeline in the cluster.

use serde_json::{Value, json};

use crate::world::World;

/// Its own namespace, account and Pod; the Pod ends with the command.
fn objects() -> Value {
    let subject = json!({"kind": "ServiceAccount", "name": "checks", "namespace": "alone"});
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "checks", "namespace": "alone"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "checks"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "checks", "namespace": "alone"},
            "spec": {"serviceAccountName": "checks", "restartPolicy": "Never", "containers": [
                {"name": "check", "image": image(), "args": ["check"]}]}}]})
}

fn image() -> String {
    format!("ghcr.io/sidebox-dev/sidebox:{}", env!("CARGO_PKG_VERSION"))
}

/// It finds every link whole, and ends with 0.
pub(crate) async fn checks(world: &World) {
    world.namespace("alone", &json!({})).await;
    world.types(&format!("kubectl apply -f - <<'END'\n{}\nEND", objects()));
    let path = "/api/v1/namespaces/alone/pods/checks";
    let phase = async || world.get(path).await["status"]["phase"].clone();
    world
        .until("the Pod has ended", async || {
            matches!(phase().await.as_str(), Some("Succeeded" | "Failed"))
        })
        .await;
    let said = world.types("kubectl -n alone logs checks");
    assert!(said.ends_with("every link holds\n"), "{said}");
    assert_eq!(phase().await, "Succeeded");
    world.types("kubectl delete clusterrolebinding checks");
    world.types("kubectl -n alone delete pod checks");
}
