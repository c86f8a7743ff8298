//! Does a real API server take what is rendered, without a warning? Kinds of other products (cert-manager,
//! Prometheus operator) are not known there, and are held against these products' own Go types instead.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api::Api;
use crate::cluster::{Cluster, Level, launch};
use crate::helm::{self, output};
use crate::objects::{self, find, text};
use crate::rendered::{COMBINATIONS, VARIANTS};

/// Kinds that Kubernetes itself does not have.
const OTHERS: [&str; 4] = ["Certificate", "Issuer", "PodMonitor", "PrometheusRule"];

pub(crate) fn known(rendered: Vec<Value>) -> Vec<Value> {
    let known = rendered
        .into_iter()
        .filter(|object| !OTHERS.iter().any(|kind| object["kind"] == *kind));
    known.collect()
}

/// Applies objects, and says what kubectl said beside its list of them: warnings and errors.
pub(crate) fn applied(kubectl: &mut Command, all: &[Value], arguments: &[&str]) -> String {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all});
    let done = fed(
        kubectl.args(["apply", "-f", "-"]).args(arguments),
        &list.to_string(),
    );
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{said}");
    said
}

/// Runs a command to its end with a text on its standard input.
pub(crate) fn fed(command: &mut Command, text: &str) -> Output {
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// All ways of rendering that this suite knows: files of values, and values that are set.
fn ways() -> impl Iterator<Item = (&'static [&'static str], &'static [&'static str])> {
    let combinations = COMBINATIONS.iter().map(|files| (*files, &[][..]));
    combinations.chain(VARIANTS.iter().map(|sets| (&[][..], *sets)))
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn every_rendered_object_is_taken() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    // The namespace, as restricted as the manifest makes it, must be there for what lies in it.
    let manifest = known(objects::read(&text("deploy/manifests/sidebox.yaml")));
    assert_eq!(applied(&mut cluster.kubectl(), &manifest, &[]), "");
    let mut count = manifest.len();
    for (files, sets) in ways() {
        let rendered = known(helm::objects(files, sets));
        let said = applied(&mut cluster.kubectl(), &rendered, &["--dry-run=server"]);
        assert_eq!(said, "", "{files:?} {sets:?}");
        count += rendered.len();
    }
    for file in ["azure-files", "efs", "filestore", "nfs", "cephfs"] {
        let objects = objects::read(&text(&format!("deploy/storage/{file}.yaml")));
        let said = applied(
            &mut cluster.kubectl(),
            &objects,
            &["--dry-run=server", "--namespace", "default"],
        );
        assert_eq!(said, "", "{file}");
        count += objects.len();
    }
    println!("{count} objects taken");
    Runtime::new().unwrap().block_on(pods_are_taken(&cluster));
}

#[test]
#[ignore = "needs helm and Go: make test-deploy"]
fn kinds_of_others_are_what_these_define() {
    let program = output(launch("tool").arg("kinds"));
    let judged = |text: &str| fed(&mut Command::new(program.trim_end()), text);
    let mut seen = BTreeSet::new();
    for (files, sets) in ways() {
        let done = judged(&helm::template(files, sets));
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        seen.extend(
            String::from_utf8(done.stdout)
                .unwrap()
                .lines()
                .map(str::to_owned),
        );
    }
    assert_eq!(
        seen,
        OTHERS.map(str::to_owned).into(),
        "each was rendered, and judged"
    );
    let wrong = helm::template(&[], &["certificates.source=certManager"])
        .replace("renewBefore:", "renewedBefore:");
    assert!(
        !judged(&wrong).status.success(),
        "cert-manager has no such field"
    );
}

/// Controllers make Pods, whom Pod Security judges: one of each template, in the restricted namespace.
async fn pods_are_taken(cluster: &Cluster) {
    let api = Api::of(&cluster.kubeconfig());
    for files in COMBINATIONS {
        let rendered = helm::objects(files, &[]);
        let template = &find(&rendered, "Deployment", "sidebox")["spec"]["template"];
        let mut pod = template.clone();
        pod["metadata"]["name"] = "p".into();
        let reply = api.try_pod("sidebox", &pod).await;
        // What OpenShift would give it by itself.
        assert!(reply.accepted(), "{files:?}: {}", reply.message());
        assert!(reply.warnings.is_empty(), "{files:?}: {:?}", reply.warnings);
    }
}

/// A token is in the Pods only where something is asked of the API server.
#[test]
#[ignore = "needs helm: make test-deploy"]
fn who_asks_nothing_has_no_token() {
    let token = |sets: &[&str]| {
        let all = helm::objects(&[], sets);
        find(&all, "Deployment", "sidebox")["spec"]["template"]["spec"]["automountServiceAccountToken"].clone()
    };
    assert_eq!(token(&[]), true);
    let own = ["certificates.source=certManager", "cluster.facts=false"];
    assert_eq!(token(&own), false);
    assert_eq!(token(&own[..1]), true);
    assert_eq!(token(&own[1..]), true);
}
