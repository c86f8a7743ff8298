//! What do install, upgrade and uninstall leave in a cluster? helm and kubectl against a real API server.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sidebox::pki::{Ca, Validity};
use time::OffsetDateTime;
use tokio::runtime::Runtime;

use crate::accepted::{applied, known};
use crate::api::Api;
use crate::cluster::{Cluster, Level};
use crate::helm::{chart, helm, output};
use crate::objects::{self, text};
use crate::served::ADMISSION;

/// Whatever needs no kind of another product.
const OWN_SECRET: [&str; 4] = [
    "--set",
    "certificates.source=mounted",
    "--set",
    "certificates.mounted.secretName=own",
];

const CONFIGURATIONS: [&str; 2] = [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

pub(crate) fn run(cluster: &Cluster, arguments: &[&str]) {
    let mut helm = helm();
    helm.env("KUBECONFIG", cluster.kubeconfig())
        .args(["--namespace", "sidebox"]);
    output(helm.args(arguments));
}

fn path_of(kind: &str) -> String {
    format!("{ADMISSION}/{}s/sidebox", kind.to_lowercase())
}

/// The caBundles and the timeout of both configurations.
pub(crate) async fn seen(api: &Api) -> (Vec<Value>, Vec<Value>) {
    let (mut bundles, mut timeouts) = (Vec::new(), Vec::new());
    for kind in CONFIGURATIONS {
        let reply = api.call("GET", &path_of(kind), &Value::Null).await;
        for webhook in reply.body["webhooks"].as_array().unwrap() {
            bundles.push(webhook["clientConfig"]["caBundle"].clone());
            timeouts.push(webhook["timeoutSeconds"].clone());
        }
    }
    (bundles, timeouts)
}

/// Writes a caBundle as its keeper would: server-side apply of these fields alone, as a manager of its own.
async fn keep(cluster: &Cluster, api: &Api, bundle: &str) {
    for kind in CONFIGURATIONS {
        let live = api.call("GET", &path_of(kind), &Value::Null).await.body;
        let entries = live["webhooks"].as_array().unwrap().iter();
        let webhooks: Vec<_> = entries
            .map(|webhook| json!({"name": webhook["name"], "clientConfig": {"caBundle": bundle}}))
            .collect();
        let fields = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
            "metadata": {"name": "sidebox"}, "webhooks": webhooks});
        applied(
            &mut cluster.kubectl(),
            &[fields],
            &[
                "--server-side",
                "--field-manager=sidebox",
                "--validate=false",
            ],
        );
    }
}

/// The certificate of some authority, in PEM.
pub(crate) fn authority() -> String {
    let validity = Validity::days(OffsetDateTime::now_utc(), 1).unwrap();
    Ca::generate("authority", validity).unwrap().cert_pem()
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn a_ca_bundle_outlives_upgrades_and_applies() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    let api = Api::of(&cluster.kubeconfig());
    let chart = chart();
    let chart = chart.to_str().unwrap();
    Runtime::new().unwrap().block_on(async {
        let bundle = Value::from(STANDARD.encode(authority()));
        let held = vec![bundle.clone(); 4];
        run(
            &cluster,
            &[
                &["install", "sidebox", chart, "--create-namespace"],
                &OWN_SECRET[..],
            ]
            .concat(),
        );
        keep(&cluster, &api, bundle.as_str().unwrap()).await;
        assert_eq!(seen(&api).await, (held.clone(), vec![json!(3); 4]));
        for (seconds, way) in [
            (4, "--server-side=true"),
            (5, "--server-side=false"),
            (6, "--server-side=auto"),
        ] {
            let set = format!("webhook.timeoutSeconds={seconds}");
            run(
                &cluster,
                &[
                    &["upgrade", "sidebox", chart, way, "--set", &set],
                    &OWN_SECRET[..],
                ]
                .concat(),
            );
            assert_eq!(
                seen(&api).await,
                (held.clone(), vec![json!(seconds); 4]),
                "helm upgrade {way}"
            );
        }
        run(&cluster, &["uninstall", "sidebox"]);

        let manifest = text("deploy/manifests/sidebox.yaml");
        for (seconds, arguments) in [
            (3, &[][..]),
            (7, &[]),
            (8, &["--server-side", "--force-conflicts"]),
        ] {
            let changed =
                manifest.replace("timeoutSeconds: 3", &format!("timeoutSeconds: {seconds}"));
            let objects = known(objects::read(&changed));
            applied(&mut cluster.kubectl(), &objects, arguments);
            if seconds == 3 {
                keep(&cluster, &api, bundle.as_str().unwrap()).await;
            }
            assert_eq!(
                seen(&api).await,
                (held.clone(), vec![json!(seconds); 4]),
                "kubectl apply {arguments:?}"
            );
        }
    });
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn uninstall_takes_the_webhooks_first_and_leaves_nothing() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    output(cluster.kubectl().args(["create", "namespace", "sidebox"]));
    let before = inventory(&cluster);
    let chart = chart();
    let class = ["--set", "storageClass.create=true"];
    let install = [
        &["install", "sidebox", chart.to_str().unwrap()],
        &OWN_SECRET[..],
        &class[..],
    ]
    .concat();
    run(&cluster, &install);
    assert!(
        inventory(&cluster).len() >= before.len() + 10,
        "the premise: much is installed"
    );
    run(&cluster, &["uninstall", "sidebox"]);
    assert_eq!(inventory(&cluster), before);
    let deleted = deletions(&cluster);
    println!("deleted in this order: {}", deleted.join(", "));
    let place = |resource: &str| deleted.iter().position(|name| name == resource).unwrap();
    for configuration in [
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ] {
        for other in ["deployments", "services", "configmaps"] {
            assert!(
                place(configuration) < place(other),
                "{configuration} goes before {other}"
            );
        }
    }
}

/// The names of all objects that the API server has, by kind; without those that it makes itself meanwhile.
pub(crate) fn inventory(cluster: &Cluster) -> BTreeMap<String, String> {
    let list = ["api-resources", "--verbs=list", "--output=name"];
    let resources = output(cluster.kubectl().args(list));
    let moving = [
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "endpoints",
        "ipaddresses.networking.k8s.io",
    ];
    let wanted: Vec<_> = resources
        .lines()
        .filter(|name| !moving.contains(name))
        .collect();
    let get = [
        "get",
        &wanted.join(","),
        "--all-namespaces",
        "--output=name",
    ];
    let names = output(cluster.kubectl().args(get));
    names
        .lines()
        .map(|name| (name.to_owned(), String::new()))
        .collect()
}

/// Which resources were deleted, in order, as the audit log has it.
fn deletions(cluster: &Cluster) -> Vec<String> {
    let log = fs::read_to_string(cluster.audit_log()).unwrap();
    let events = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let deleted =
        events.filter(|event| event["verb"] == "delete" && event["stage"] == "ResponseComplete");
    deleted
        .map(|event| event["objectRef"]["resource"].as_str().unwrap().to_owned())
        .collect()
}
