//! What may Sidebox do in a cluster? Exactly what is listed here, asked of a real API server as its service account.

use std::collections::BTreeSet;

use serde_json::Value;
use sidebox::chain::rights::{self as chain, Features, needed};
use sidebox::inject::settings::Settings;

use crate::accepted::{applied, known};
use crate::cluster::{Cluster, Level};
use crate::helm::{self, output};
use crate::objects::{self, text};

/// Feature, namespace (`*` all, `own` the release's), resource, its name (`*` any), verbs.
const RIGHTS: &[[&str; 5]] = &[
    ["facts", "*", "namespaces", "*", "list watch"],
    ["facts", "*", "persistentvolumeclaims", "*", "list watch"],
    ["facts", "*", "limitranges", "*", "list watch"],
    ["facts", "*", "resourcequotas", "*", "list watch"],
    ["pods", "*", "pods", "*", "list watch"],
    ["claims", "*", "persistentvolumeclaims", "*", "create"],
    ["events", "*", "events", "*", "create patch"],
    ["events", "*", "replicasets.apps", "*", "get"],
    ["events", "*", "jobs.batch", "*", "get"],
    [
        "certificates",
        "*",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "sidebox",
        "list watch patch",
    ],
    [
        "certificates",
        "*",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "sidebox",
        "list watch patch",
    ],
    ["certificates", "own", "secrets", "*", "create"],
    [
        "certificates",
        "own",
        "secrets",
        "sidebox-ca",
        "list watch patch",
    ],
    ["lease", "own", "leases.coordination.k8s.io", "*", "create"],
    [
        "lease",
        "own",
        "leases.coordination.k8s.io",
        "sidebox",
        "get patch",
    ],
];

/// Features that are on, and the values that make it so.
const CASES: &[(&[&str], &[&str])] = &[
    (&["facts", "pods", "events", "certificates", "lease"], &[]),
    (
        &["facts", "pods", "claims", "events", "certificates", "lease"],
        &["settings.data.create=true", "settings.watchMissed=false"],
    ),
    (
        &["facts", "certificates", "lease"],
        &["cluster.events=false", "settings.watchMissed=false"],
    ),
    (
        &["certificates", "lease"],
        &["cluster.facts=false", "settings.data.create=true"],
    ),
    (
        &["facts", "pods", "events", "lease"],
        &["certificates.source=certManager"],
    ),
    (
        &[],
        &["certificates.source=certManager", "cluster.facts=false"],
    ),
];

/// Resource, name and one verb.
type Right = (String, String, String);

fn wanted(features: &[&str], namespace: &str) -> BTreeSet<Right> {
    let rows = RIGHTS.iter().filter(|[feature, place, ..]| {
        features.contains(feature) && (*place == "*" || namespace == "sidebox")
    });
    let rights = rows.flat_map(|[_, _, resource, name, verbs]| {
        verbs
            .split(' ')
            .map(|verb| ((*resource).to_owned(), (*name).to_owned(), verb.to_owned()))
    });
    rights.collect()
}

/// What `kubectl auth can-i --list` answers for a service account.
fn listed(cluster: &Cluster, account: &str, namespace: &str) -> BTreeSet<Right> {
    let account = format!("--as=system:serviceaccount:sidebox:{account}");
    let list = [
        "auth",
        "can-i",
        "--list",
        "--no-headers",
        "--namespace",
        namespace,
        &account,
    ];
    let table = output(cluster.kubectl().args(list));
    let mut rights = BTreeSet::new();
    for line in table.lines() {
        // Resource, then three lists in brackets: paths, names, verbs.
        let (resource, lists) = line.split_once('[').unwrap();
        let lists: Vec<_> = lists
            .split(']')
            .map(|list| list.trim_start_matches([' ', '[']))
            .collect();
        let resource = if lists[0].is_empty() {
            resource.trim()
        } else {
            lists[0]
        };
        let name = if lists[1].is_empty() { "*" } else { lists[1] };
        let verbs = lists[2].split(' ');
        rights.extend(verbs.map(|verb| (resource.to_owned(), name.to_owned(), verb.to_owned())));
    }
    rights
}

/// What `sidebox check` asks for, of the replicas that are rendered.
fn asked_by_check(rendered: &[Value]) -> BTreeSet<Right> {
    let pod = &objects::find(rendered, "Deployment", "sidebox")["spec"]["template"]["spec"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap().iter();
    let arguments: Vec<_> = arguments
        .map(|one| one.as_str().unwrap().to_owned())
        .collect();
    let map = objects::find(rendered, "ConfigMap", "sidebox-settings");
    let settings = map["data"]["settings.yaml"].as_str().unwrap();
    let settings = Settings::parse("settings.yaml", settings).unwrap();
    let rights = needed(&Features::of(&arguments, &settings), "sidebox", "sidebox");
    let right = |one: chain::Right| {
        let group = if one.group.is_empty() {
            String::new()
        } else {
            format!(".{}", one.group)
        };
        let resource = format!("{}{group}", one.resource);
        let name = one.name.unwrap_or_else(|| "*".to_owned());
        (resource, name, one.verb.to_owned())
    };
    rights.into_iter().map(right).collect()
}

#[test]
fn check_asks_for_the_rights_of_the_committed_manifest() {
    let manifest = objects::read(&text("deploy/manifests/sidebox.yaml"));
    assert_eq!(asked_by_check(&manifest), wanted(CASES[0].0, "sidebox"));
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn the_service_account_may_do_this_and_nothing_beside() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    let manifest = known(objects::read(&text("deploy/manifests/sidebox.yaml")));
    let namespace = objects::find(&manifest, "Namespace", "sidebox").clone();
    applied(&mut cluster.kubectl(), &[namespace], &[]);
    for (features, sets) in CASES {
        let rendered = helm::objects(&[], sets);
        assert_eq!(asked_by_check(&rendered), wanted(features, "sidebox"));
        let rights: Vec<_> = known(rendered)
            .into_iter()
            .filter(|object| object["apiVersion"] == "rbac.authorization.k8s.io/v1")
            .collect();
        assert_eq!(rights.is_empty(), features.is_empty(), "{features:?}");
        if !rights.is_empty() {
            applied(&mut cluster.kubectl(), &rights, &[]);
        }
        for namespace in ["sidebox", "default"] {
            // What every service account may: ask who it is, and which kinds there are.
            let everybody = listed(&cluster, "somebody-else", namespace);
            let ours: BTreeSet<_> = &listed(&cluster, "sidebox", namespace) - &everybody;
            assert_eq!(
                ours,
                wanted(features, namespace),
                "{features:?} in {namespace}"
            );
        }
        let kinds = "clusterroles,clusterrolebindings,roles,rolebindings";
        let ours = [
            "--selector",
            "app.kubernetes.io/name=sidebox",
            "--namespace",
            "sidebox",
        ];
        output(cluster.kubectl().args(["delete", kinds]).args(ours));
    }
}
