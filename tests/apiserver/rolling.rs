//! Are Pods still injected while certificates change and replicas are replaced? Two replicas behind a
//! forwarder that sends each new connection to a ready one, as a Service does.

use std::fs;

use serde_json::json;
use sidebox::pki::{Ca, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::failure::asking_pod;
use crate::load::Load;
use crate::service::Service;
use crate::webhook::{Registration, Sidebox, host, until};
use crate::world::World;

/// At least as many Pods are created; the creation goes on until all replicas are new.
const PODS: usize = 2_000;

fn validity() -> Validity {
    Validity::days(OffsetDateTime::now_utc(), 1).unwrap()
}

fn put_certificate(ca: &Ca, folder: &std::path::Path) {
    let leaf = ca.issue(&[host()], validity()).unwrap();
    fs::write(folder.join("tls.crt"), leaf.cert_pem).unwrap();
    fs::write(folder.join("tls.key"), leaf.key_pem).unwrap();
    fs::write(folder.join("ca.crt"), ca.cert_pem()).unwrap();
}

async fn replica(ca: &Ca) -> Sidebox {
    let folder = TempDir::new().unwrap();
    put_certificate(ca, folder.path());
    Sidebox::start_in(folder, &["--drain-delay", "2"]).await
}

/// Every certificate changes, then every replica, and no Pod fails or stays without a toolbox.
pub(crate) async fn nobody_notices(world: &World) {
    let arena = world.arena("rolling", &json!({}), &[]).await;
    let ca = Ca::generate("authority", validity()).unwrap();
    let service = Service::start().await;
    let mut replicas = vec![replica(&ca).await, replica(&ca).await];
    for sidebox in &replicas {
        service.add(sidebox);
    }
    let registration = Registration::to(service.address, ca.cert_pem(), &arena.name);
    registration.register(&world.api).await;
    until("both replicas are called", async || {
        world
            .api
            .try_pods(&arena.with, &vec![asking_pod(); 16])
            .await;
        replicas[0].reviews().await > 0 && replicas[1].reviews().await > 0
    })
    .await;

    let load = Load::start(&world.api, &arena.with, asking_pod());
    rotate(&ca, &replicas).await;
    for _ in 0..2 {
        let fresh = replica(&ca).await;
        service.add(&fresh);
        replicas.push(fresh);
        // Kept connections stay where they are: a new replica is called once an old one gives its own up.
        until("the Service knows the new replica", async || {
            service.sends_to(&replicas.iter().collect::<Vec<_>>())
        })
        .await;
        let mut old = replicas.remove(0);
        old.terminate();
        assert_eq!(old.ended().await, Some(0), "a replica ends in good order");
    }
    until("enough Pods, and each new replica called", async || {
        load.created() >= PODS && replicas[0].reviews().await > 0 && replicas[1].reviews().await > 0
    })
    .await;
    let (created, failures) = load.stop().await;
    println!(
        "{created} Pods during rotation and restart, {} failed or uninjected",
        failures.len()
    );
    assert!(failures.is_empty(), "{:?}", failures.first());
}

/// New certificates of the same authority, until each replica shows its own.
async fn rotate(ca: &Ca, replicas: &[Sidebox]) {
    for sidebox in replicas {
        put_certificate(ca, sidebox.file("tls.crt").parent().unwrap());
        until("the new certificate is loaded", async || {
            let (_, text) = sidebox.get("/metrics").await;
            text.contains("sidebox_reloads_total{file=\"certificate\",result=\"loaded\"} 1")
        })
        .await;
    }
}
