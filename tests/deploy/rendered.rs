//! Is what is committed what the chart renders, and do other ways of installing give the same?

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sidebox::inject::settings::{Injection, Settings};
use tempfile::TempDir;

use crate::cluster::launch;
use crate::helm::{self, chart, output, refusal};
use crate::installed::authority;
use crate::objects::{self, at, find, sorted, text};

const MANIFEST: &str = "deploy/manifests/sidebox.yaml";

const HEAD: &str = "\
# Sidebox without helm. Rendered from deploy/chart/sidebox with its default values by `make manifests`.
apiVersion: v1
kind: Namespace
metadata:
  name: sidebox
  labels:
    app.kubernetes.io/name: sidebox
    app.kubernetes.io/instance: sidebox
    pod-security.kubernetes.io/enforce: restricted
";

/// The combinations of values that are documented, by file.
pub(crate) const COMBINATIONS: &[&[&str]] = &[
    &[],
    &["aks"],
    &["aks", "aks-automatic"],
    &["kind"],
    &["openshift"],
];

/// Settings that turn parts of the chart on or off.
pub(crate) const VARIANTS: &[&[&str]] = &[
    &["settings.injection=all"],
    &["certificates.source=certManager"],
    &[
        "certificates.source=certManager",
        "certificates.certManager.issuerRef.name=corporate",
        "cluster.facts=false",
    ],
    &["networkPolicy.apiServer[0].ipBlock.cidr=10.0.0.1/32"],
    &[
        "certificates.source=mounted",
        "certificates.mounted.secretName=own",
        "clientCertificates.secretName=clients",
        "clientCertificates.names={kube-apiserver}",
    ],
    &[
        "networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring",
        "webhook.advise=false",
    ],
    &[
        "priorityClass.create=false",
        "serviceAccount.create=false",
        "podDisruptionBudget.enabled=false",
        "networkPolicy.enabled=false",
    ],
    &[
        "metrics.podMonitor.enabled=true",
        "metrics.rules.enabled=true",
        "metrics.dashboard.enabled=true",
    ],
    &[
        "fullnameOverride=other",
        "settings.data.uid=1000660000",
        "settings.kubernetesVersion=v1.31",
    ],
];

fn settings_of(all: &[Value]) -> Settings {
    let map = find(all, "ConfigMap", "sidebox-settings");
    let text = map["data"]["settings.yaml"].as_str().unwrap();
    Settings::parse("settings.yaml", text).unwrap()
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn the_committed_manifest_is_the_chart() {
    let rendered = format!("{HEAD}{}", helm::template(&[], &[]));
    if std::env::var_os("UPDATE_MANIFESTS").is_some() {
        fs::write(at(MANIFEST), &rendered).unwrap();
    }
    let same = text(MANIFEST) == rendered;
    assert!(
        same,
        "{MANIFEST} is not what the chart renders: run `make manifests`"
    );
}

#[test]
fn the_committed_settings_are_read() {
    let all = objects::read(&text(MANIFEST));
    let settings = settings_of(&all);
    assert_eq!(settings.own_namespace, "sidebox");
    assert_eq!(settings.injection, Injection::Annotated);
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn every_documented_combination_is_clean_and_read() {
    for combination in COMBINATIONS {
        let mut lint = helm::helm();
        lint.args(["lint", "--strict"]).arg(chart());
        for file in *combination {
            lint.arg("--values")
                .arg(at(&format!("deploy/values/{file}.yaml")));
        }
        output(&mut lint);
        settings_of(&helm::objects(combination, &[]));
    }
    let listed = fs::read_dir(at("deploy/values")).unwrap().count();
    assert_eq!(listed, 4, "a file of deploy/values is in no combination");
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn settings_arrive_as_they_were_written() {
    let set = [
        "settings.injection=dotnet",
        "settings.data.uid=1000660000",
        "settings.toolbox.ceilings.cpu=1.5",
    ];
    let settings = settings_of(&helm::objects(&[], &set));
    assert_eq!(settings.injection, Injection::Dotnet);
    assert_eq!(settings.data.uid, Some(1_000_660_000));
    assert_eq!(settings.toolbox.ceilings.cpu.to_string(), "1.5");
    let namespace = helm::template(&[], &["settings.strict=true"]);
    assert!(settings_of(&objects::read(&namespace)).strict);
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn wrong_values_are_refused_by_name() {
    for (set, named) in [
        ("replica=3", "replica"),
        ("settings.injecton=all", "injecton"),
        ("settings.injection=some", "/settings/injection"),
        ("settings.ownNamespace=other", "ownNamespace"),
        ("settings.toolbox.limits.gpu=1", "gpu"),
        ("webhook.timeoutSeconds=30", "timeoutSeconds"),
        ("webhook.failurePolicy=Fail", "failurePolicy"),
        ("certificates.source=mounted", "secretName"),
        ("image.digest=sha256:12", "digest"),
        ("networkPolicy.metricsFrom[0].from=x", "metricsFrom"),
    ] {
        let said = refusal(&mut helm::templating(&[], &[set]));
        assert!(said.contains(named), "{set}: {said}");
    }
}

fn kustomize(folder: &str) -> Vec<Value> {
    let programs = PathBuf::from(output(launch("build").args(["--level", "1"])).trim_end());
    let mut kubectl = Command::new(programs.join("kubectl"));
    objects::read(&output(kubectl.arg("kustomize").arg(at(folder))))
}

#[test]
#[ignore = "needs helm and kubectl: make test-deploy"]
fn overlays_are_what_the_chart_renders() {
    for injection in ["annotated", "dotnet", "all"] {
        let set = format!("settings.injection={injection}");
        let sets: &[&str] = if injection == "annotated" {
            &[]
        } else {
            &[&set]
        };
        let mut wanted = helm::objects(&[], sets);
        wanted.push(objects::one(HEAD));
        let overlay = sorted(kustomize(&format!("deploy/overlays/{injection}")));
        for (wanted, got) in sorted(wanted).iter().zip(&overlay) {
            assert_eq!(got, wanted, "overlay {injection}");
        }
        assert_eq!(overlay.len(), objects::read(&text(MANIFEST)).len());
    }
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn a_class_of_the_chart_is_the_class_of_the_files() {
    let rendered = helm::objects(&["aks"], &[]);
    let mut rendered = find(&rendered, "StorageClass", "monitor-azfiles").clone();
    rendered["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("labels");
    let file = objects::read(&text("deploy/storage/azure-files.yaml"));
    assert_eq!(&rendered, find(&file, "StorageClass", "monitor-azfiles"));
}

#[test]
fn azure_files_are_those_of_the_sample() {
    let file = objects::read(&text("deploy/storage/azure-files.yaml"));
    let sample = objects::read(&text("samples/helloaks/k8s/storage.yaml"));
    let class = find(&sample, "StorageClass", "monitor-azfiles");
    assert_eq!(find(&file, "StorageClass", "monitor-azfiles"), class);
    let claim = find(&sample, "PersistentVolumeClaim", "monitor-azfiles");
    assert_eq!(
        find(&file, "PersistentVolumeClaim", "monitor-azfiles")["spec"],
        claim["spec"]
    );
}

/// With a digest the tag plays no part.
#[test]
#[ignore = "needs helm: make test-deploy"]
fn an_image_is_named_by_tag_or_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let image = |sets: &[&str]| {
        let all = helm::objects(&[], sets);
        find(&all, "Deployment", "sidebox")["spec"]["template"]["spec"]["containers"][0]["image"]
            .clone()
    };
    assert_eq!(image(&[]), "ghcr.io/sidebox-dev/sidebox:0.1.0");
    let by_digest = image(&[&format!("image.digest={digest}"), "image.tag=1.2.3"]);
    assert_eq!(by_digest, format!("ghcr.io/sidebox-dev/sidebox@{digest}"));
}

#[test]
fn every_file_to_choose_is_in_the_docs() {
    let page = text("docs/install.md");
    for folder in ["deploy/values", "deploy/storage", "deploy/overlays"] {
        for entry in fs::read_dir(at(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                page.contains(&name),
                "docs/install.md does not speak of {folder}/{name}"
            );
        }
    }
}

/// What a person reads after an install says what is true of these values.
#[test]
#[ignore = "needs helm: make test-deploy"]
fn notes_teach_what_holds() {
    let notes = |sets: &[&str]| {
        let mut helm = helm::helm();
        helm.args(["install", "sidebox"]).arg(chart());
        helm.args(["--namespace", "sidebox", "--dry-run=client"]);
        for set in sets {
            helm.args(["--set", set]);
        }
        let said = output(&mut helm);
        said.split_once("NOTES:").unwrap().1.to_owned()
    };
    let mounted = [
        "certificates.source=mounted",
        "certificates.mounted.secretName=own",
    ];
    let incomplete = notes(&mounted);
    assert!(incomplete.contains("certificates.mounted.caBundle is empty"));
    assert!(incomplete.contains("Nobody else is injected"));
    assert!(!notes(&[]).contains("caBundle is empty"));
    let all = notes(&["settings.injection=all", "fullnameOverride=other"]);
    assert!(all.contains("All Pods are injected without asking"));
    assert!(all.contains("deployment/other"), "{all}");
    for said in [&incomplete, &all] {
        assert!(said.contains(
            "kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration"
        ));
    }
}

/// Lifetimes become flags as whole numbers, and those that cannot work are refused before anything is installed.
#[test]
#[ignore = "needs helm: make test-deploy"]
fn lifetimes_of_certificates_are_flags() {
    let flags = |sets: &[&str]| {
        let all = helm::objects(&[], sets);
        let pod = &find(&all, "Deployment", "sidebox")["spec"]["template"]["spec"];
        pod["containers"][0]["args"].to_string()
    };
    let usual = flags(&[]);
    for flag in [
        "--ca-lifetime=31536000",
        "--cert-lifetime=86400",
        "--ca-margin=300",
    ] {
        assert!(usual.contains(flag), "{usual}");
    }
    let short = [
        "certificates.selfManaged.caLifetimeSeconds=48",
        "certificates.selfManaged.certLifetimeSeconds=10",
        "certificates.selfManaged.caMarginSeconds=5",
    ];
    assert!(
        flags(&short).contains("\"--ca-lifetime=48\",\"--cert-lifetime=10\",\"--ca-margin=5\"")
    );
    let refused = refusal(&mut helm::templating(&[], &short[..1]));
    assert!(
        refused.contains("caLifetimeSeconds is too short"),
        "{refused}"
    );
    assert!(!flags(&["certificates.source=certManager"]).contains("-lifetime"));
}

#[test]
#[ignore = "needs helm: make test-deploy"]
fn an_authority_that_was_brought_is_in_every_entry() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.crt");
    let authority = authority();
    fs::write(&file, &authority).unwrap();
    let mut helm = helm::templating(
        &[],
        &[
            "certificates.source=mounted",
            "certificates.mounted.secretName=own",
        ],
    );
    let set = format!("certificates.mounted.caBundle={}", file.display());
    let all = objects::read(&output(helm.args(["--set-file", &set])));
    let mut entries = 0;
    for kind in [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ] {
        for webhook in find(&all, kind, "sidebox")["webhooks"].as_array().unwrap() {
            assert_eq!(
                webhook["clientConfig"]["caBundle"],
                STANDARD.encode(&authority)
            );
            entries += 1;
        }
    }
    assert_eq!(entries, 4);
}
