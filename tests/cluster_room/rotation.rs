//! Does anybody notice that the authority changes? Pods are created all the while, through a Service with two
//! replicas; and a change without overlap shows that it would be seen.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde_json::json;
use sidebox::pki::{Ca, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::apiserver::World;
use crate::house::House;
use crate::load::{Load, has_toolbox};
use crate::review::asking_pod;
use crate::service::Service;
use crate::webhook::{Registration, Sidebox, host, until};

/// At least as many Pods are created.
const PODS: usize = 5_000;

/// And at least as many authorities come and go.
const ROTATIONS: u64 = 3;

/// In seconds: an authority for 32, which then stays trusted for 15.
const SHORT: [&str; 6] = [
    "--ca-lifetime",
    "48",
    "--cert-lifetime",
    "10",
    "--ca-margin",
    "5",
];

/// A few authorities, and some dozen leaves: no Pod is missed.
pub(crate) async fn misses_no_pod(world: &World) {
    let house = House::start(world, "rotation", &SHORT).await;
    let first = house.authority(world, "ca.crt").await.unwrap();
    let (load, began) = (house.load(world), Instant::now());
    for rotation in 1..=ROTATIONS {
        until("another authority signs", async || {
            house.done("promote").await >= rotation
        })
        .await;
    }
    for part in 1..=5 {
        until("enough Pods", async || load.created() >= PODS * part / 5).await;
    }
    until("the first authority is trusted no longer", async || {
        !house.bundles(world).await[0].contains(first.trim())
    })
    .await;
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods in {:.0} s, {} authorities and {} server certificates of 2 replicas: {} missed",
        began.elapsed().as_secs_f32(),
        house.done("promote").await + 1,
        house.done("show").await,
        missed.len()
    );
    assert!(missed.is_empty(), "{:?}", missed.first());
    let bundles = house.bundles(world).await;
    assert_eq!(bundles.len(), 4);
    assert!(
        bundles.iter().all(|bundle| *bundle == bundles[0]),
        "{bundles:?}"
    );
}

fn put_certificate(ca: &Ca, folder: &Path) {
    let leaf = ca.issue(&[host()], validity()).unwrap();
    fs::write(folder.join("tls.crt"), leaf.cert_pem).unwrap();
    fs::write(folder.join("tls.key"), leaf.key_pem).unwrap();
    fs::write(folder.join("ca.crt"), ca.cert_pem()).unwrap();
}

fn validity() -> Validity {
    Validity::days(OffsetDateTime::now_utc(), 1).unwrap()
}

/// The control: the caBundle is replaced by that of another authority, and only then the certificate files.
pub(crate) async fn without_overlap(world: &World) {
    let labels = json!({"webhooks": "abrupt"});
    let namespace = json!({"metadata": {"name": "abrupt", "labels": labels}});
    world.api.create("/api/v1/namespaces", &namespace).await;
    let account = json!({"metadata": {"name": "default"}});
    world
        .api
        .create("/api/v1/namespaces/abrupt/serviceaccounts", &account)
        .await;
    let (old, new) = (authority("old"), authority("new"));
    let service = Service::start().await;
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let folder = TempDir::new().unwrap();
        put_certificate(&old, folder.path());
        let sidebox = Sidebox::start_in(folder, &[]).await;
        service.add(&sidebox);
        replicas.push(sidebox);
    }
    let mut registration = Registration::to(service.address, old.cert_pem(), "abrupt");
    registration.register(&world.api).await;
    let injected = async || has_toolbox(&world.api.try_pod("abrupt", &asking_pod()).await.body);
    until("Pods get their toolboxes", injected).await;

    let load = Load::start(&world.api, "abrupt", asking_pod());
    until("Pods are created", async || load.created() >= 200).await;
    // In this order: connections that are kept would hide the change of the files alone.
    registration.ca = new.cert_pem();
    registration.replace(&world.api).await;
    until("Pods miss their toolboxes", async || !injected().await).await;
    created_since(&load, 50).await;
    for sidebox in &replicas {
        put_certificate(&new, sidebox.file("tls.crt").parent().unwrap());
    }
    created_since(&load, 400).await;
    until("Pods get their toolboxes again", injected).await;
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods around a change without overlap: {} missed",
        missed.len()
    );
    assert!(
        !missed.is_empty(),
        "the control misses none: it would see nothing"
    );
}

/// Waits for as many more Pods.
async fn created_since(load: &Load, more: usize) {
    let before = load.created();
    until("Pods were created since", async || {
        load.created() >= before + more
    })
    .await;
}

fn authority(name: &str) -> Ca {
    Ca::generate(name, validity()).unwrap()
}
