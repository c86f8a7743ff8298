//! What a user gets by default: `helm install`, and certificates keep themselves. The real `sidebox serve` with the
//! rendered arguments, and no more rights than the chart's service account has.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::api::Api;
use crate::cluster::{Cluster, Level};
use crate::helm::{chart, output};
use crate::installed::{inventory, run, seen};
use crate::metrics::asked_in_vain;
use crate::objects::find;
use crate::webhook::{Sidebox, until};

const SECRET: &str = "/api/v1/namespaces/sidebox/secrets/sidebox-ca";
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/sidebox/leases/sidebox";

/// The rendered arguments; addresses, files and the last name are the test's.
fn arguments() -> Vec<String> {
    let rendered = crate::helm::objects(&[], &[]);
    let pod = &find(&rendered, "Deployment", "sidebox")["spec"]["template"]["spec"];
    let all = pod["containers"][0]["args"].as_array().unwrap().iter();
    let all = all.map(|argument| argument.as_str().unwrap().to_owned());
    let elsewhere = [
        "serve",
        "--config",
        "--listen",
        "--health-listen",
        "--log-format",
        "--self-managed-tls",
    ];
    let kept = all.filter(|argument| !elsewhere.contains(&argument.split('=').next().unwrap()));
    kept.chain(["--pod-namespace=sidebox".to_owned()]).collect()
}

/// A kubeconfig of the service account, as its token in the Pod would be.
fn kubeconfig(cluster: &Cluster, folder: &Path) -> std::path::PathBuf {
    let token =
        output(
            cluster
                .kubectl()
                .args(["--namespace", "sidebox", "create", "token", "sidebox"]),
        );
    let admin = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let lines = admin
        .lines()
        .filter(|line| !line.contains("client-certificate-data"));
    let lines = lines.map(|line| match line.find("client-key-data:") {
        Some(at) => format!("{}token: {}", &line[..at], token.trim()),
        None => line.to_owned(),
    });
    let path = folder.join("kubeconfig");
    fs::write(&path, lines.collect::<Vec<_>>().join("\n")).unwrap();
    path
}

async fn authority(api: &Api) -> Option<String> {
    let reply = api.call("GET", SECRET, &Value::Null).await;
    let text = STANDARD
        .decode(reply.body["data"]["ca.crt"].as_str()?)
        .unwrap();
    Some(String::from_utf8(text).unwrap())
}

/// Whether every caBundle has an authority.
async fn trusted(api: &Api, authority: &str) -> bool {
    let bundles = seen(api).await.0;
    let has = |bundle: &Value| {
        let text = STANDARD
            .decode(bundle.as_str().unwrap_or_default())
            .unwrap();
        String::from_utf8(text).unwrap().contains(authority.trim())
    };
    bundles.len() == 4 && bundles.iter().all(has)
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn helm_install_is_all_and_uninstall_leaves_nothing() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    output(cluster.kubectl().args(["create", "namespace", "sidebox"]));
    let before = inventory(&cluster);
    let chart = chart();
    let chart = chart.to_str().unwrap();
    run(&cluster, &["install", "sidebox", chart]);
    let folder = TempDir::new().unwrap();
    let kubeconfig = kubeconfig(&cluster, folder.path());
    let arguments = arguments();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    Runtime::new().unwrap().block_on(async {
        let api = Api::of(&cluster.kubeconfig());
        let environment: [(&str, &Path); 1] = [("KUBECONFIG", &kubeconfig)];
        let sidebox = Sidebox::start_self_managed(&arguments, &environment).await;
        until("it is ready", async || {
            sidebox.get("/readyz").await.0 == 200
        })
        .await;
        let first = authority(&api).await.unwrap();
        until("the API server trusts it", async || {
            trusted(&api, &first).await
        })
        .await;
        until("all is watched", async || {
            sidebox.metric("sidebox_watch_synced").await == 8
        })
        .await;

        let (_, text) = sidebox.get("/metrics").await;
        assert_eq!(asked_in_vain(&text), Vec::<String>::new());

        for (seconds, way) in [(4, "--server-side=true"), (5, "--server-side=false")] {
            let set = format!("webhook.timeoutSeconds={seconds}");
            run(&cluster, &["upgrade", "sidebox", chart, way, "--set", &set]);
            assert_eq!(
                authority(&api).await.as_ref(),
                Some(&first),
                "helm upgrade {way}"
            );
            assert!(trusted(&api, &first).await, "helm upgrade {way}");
        }
        for path in [SECRET, LEASE] {
            assert!(api.call("DELETE", path, &Value::Null).await.accepted());
            let back = async || api.call("GET", path, &Value::Null).await.accepted();
            until("what was deleted is made again", back).await;
        }

        // The Pods live for a while after their objects: what is gone stays gone.
        run(&cluster, &["uninstall", "sidebox"]);
        let failures = async || sidebox.metric("sidebox_lease_failures_total").await;
        let (tried, left) = (failures().await, async || inventory(&cluster));
        until("it was told to leave the Lease alone", async || {
            failures().await >= tried + 2
        })
        .await;
        assert_eq!(left().await, before);
        assert!(!api.call("GET", LEASE, &Value::Null).await.accepted());
    });
}
