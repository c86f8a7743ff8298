//! Are the rights of the page enough for a person who has no others? And what is said without them?

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::objects;
use crate::world::{World, sidebox};

/// The objects of the page's YAML blocks.
fn of_the_page() -> Vec<Value> {
    let page = objects::text("docs/troubleshooting.md");
    let blocks = page.split("```yaml\n").skip(1);
    let all = blocks.flat_map(|block| objects::read(block.split("```").next().unwrap()));
    all.collect()
}

/// A service account of the namespace `shop`, in place of a person, and its kubeconfig.
fn person(world: &World, folder: &Path, name: &str) -> PathBuf {
    world.apply(&json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "shop"}}));
    let token = world
        .cluster
        .kubectl()
        .args(["--namespace", "shop", "create", "token", name])
        .output()
        .unwrap();
    let token = String::from_utf8(token.stdout).unwrap();
    let admin = fs::read_to_string(world.cluster.kubeconfig()).unwrap();
    let lines = admin
        .lines()
        .filter(|line| !line.contains("client-certificate-data"))
        .map(|line| match line.find("client-key-data:") {
            Some(at) => format!("{}token: {}", &line[..at], token.trim()),
            None => line.to_owned(),
        });
    let path = folder.join(name);
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    path
}

/// Lets a person have a role.
fn bind(world: &World, person: &str, kind: &str, role: &str, namespace: Option<&str>) {
    let mut metadata = json!({"name": format!("{person}-{role}")});
    let binding = match namespace {
        Some(namespace) => {
            metadata["namespace"] = namespace.into();
            "RoleBinding"
        }
        None => "ClusterRoleBinding",
    };
    world.apply(
        &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": binding,
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": person, "namespace": "shop"}]}),
    );
}

pub(crate) async fn those_of_the_page_are_enough(world: &World) {
    let folder = TempDir::new().unwrap();
    for role in of_the_page() {
        world.apply(&role);
    }
    let explain = ["explain", "pod/fine", "-n", "shop"];
    let check = ["check", "-n", "shop"];

    let asks = person(world, folder.path(), "asks");
    let said = sidebox(&asks, &explain).await;
    assert!(
        said.code == 1 && said.err.contains("pods \"fine\" is forbidden"),
        "{said:?}"
    );
    bind(world, "asks", "ClusterRole", "sidebox-explain", None);
    bind(world, "asks", "Role", "sidebox-explain", Some("sidebox"));
    let said = sidebox(&asks, &explain).await;
    assert!(
        said.code == 0 && said.out.ends_with("answer: every link holds\n"),
        "{said:?}"
    );
    assert!(!said.out.contains("not known"), "{said:?}");
    let said = sidebox(&asks, &check).await;
    assert_eq!(said.code, 3, "{said:?}");
    for link in ["rights", "dry_run"] {
        assert!(said.out.contains(&format!("unknown  {link} ")), "{said:?}");
    }
    bind(world, "asks", "ClusterRole", "sidebox-check", None);
    let said = sidebox(&asks, &check).await;
    assert_eq!(said.code, 0, "{said:?}");

    // A developer who may see a namespace and nothing of Sidebox: what is not seen is not guessed.
    let views = person(world, folder.path(), "views");
    bind(world, "views", "ClusterRole", "view", Some("shop"));
    let said = sidebox(&views, &explain).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("unknown  configuration       you may not: "),
        "{said:?}"
    );
    assert!(said.out.contains("not all could be told"), "{said:?}");
    assert!(!said.out.contains("  broken  "), "{said:?}");
}
