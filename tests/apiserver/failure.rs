//! What does an application feel when its webhook is broken? With `failurePolicy: Ignore` nothing at
//! all; only a patch that does not apply keeps a Pod out, which is why Sidebox must never send one.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};
use sidebox::pki::{Ca, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpListener;

use crate::audit::Witness;
use crate::compare::settled;
use crate::judged::{Place, small_pod};
use crate::law::is_injected;
use crate::stand_in::{Behaviour, StandIn};
use crate::webhook::{Registration, Sidebox, host, until, until_every};
use crate::world::World;

/// A Pod that asks.
pub(crate) fn asking_pod() -> Value {
    let mut pod = small_pod();
    pod["metadata"]["annotations"] = json!({"sidebox.dev/inject": "true"});
    pod
}

fn toolbox_in(_: &Value) -> Vec<Value> {
    vec![
        json!({"op": "add", "path": "/spec/containers/-", "value": {"name": "toolbox", "image": "x"}}),
    ]
}

/// Every way in which a call can fail: the Pod gets in as it came.
pub(crate) async fn every_failure_leaves_the_pod(world: &World) {
    for (name, behaviour) in [
        ("error", Behaviour::Error),
        ("garbage", Behaviour::Garbage),
        ("hanging", Behaviour::Hang),
    ] {
        let server = StandIn::start(behaviour).await;
        untouched(world, name, server.address, server.ca.clone()).await;
        assert!(server.calls() > 0, "{name}: it was never called");
    }
    // The same server in good health would have injected.
    let server = StandIn::start(Behaviour::Patch(toolbox_in)).await;
    let stranger = StandIn::start(Behaviour::Error).await.ca.clone();
    untouched(world, "wrong-ca", server.address, stranger).await;
    assert_eq!(server.calls(), 0);

    let down = TcpListener::bind((host(), 0)).await.unwrap();
    let address = down.local_addr().unwrap();
    drop(down);
    untouched(world, "down", address, server.ca.clone()).await;

    let (expired, ca) = expired().await;
    untouched(world, "expired", expired.webhook, ca).await;
    assert_eq!(expired.reviews().await, 0);
}

/// Sidebox itself with a certificate of last week.
async fn expired() -> (Sidebox, String) {
    let now = OffsetDateTime::now_utc();
    let ca = Ca::generate("authority", Validity::days(now, 1).unwrap()).unwrap();
    let days = time::Duration::days;
    let past = Validity::between(now - days(7), now - days(1));
    let leaf = ca.issue(&[host()], past).unwrap();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("tls.crt"), leaf.cert_pem).unwrap();
    fs::write(folder.path().join("tls.key"), leaf.key_pem).unwrap();
    (Sidebox::start_in(folder, &[]).await, ca.cert_pem())
}

async fn untouched(world: &World, name: &str, address: SocketAddr, ca: String) {
    let arena = world
        .arena(&format!("failure-{name}"), &json!({}), &[])
        .await;
    let registration = Registration {
        seconds: 1,
        ..Registration::to(address, ca, &arena.name)
    };
    registration.register(&world.api).await;
    let before = world.failed_open().await;
    let fails = async || {
        world.api.try_pod(&arena.with, &asking_pod()).await;
        world.failed_open().await > before
    };
    let (pause, patience) = (Duration::from_millis(100), Duration::from_mins(2));
    until_every(pause, patience, "the webhook fails", fails).await;
    let (before, mut audit) = (world.failed_open().await, world.audit());
    let pods = vec![asking_pod(); 10];
    let without = world.api.try_pods(&arena.without, &pods).await;
    let with = world.api.try_pods(&arena.with, &pods).await;
    let failed = world.failed_open().await - before;
    assert_eq!(failed, pods.len() as u64, "{name}: calls that failed");
    let witnesses = audit.news();
    for (without, with) in without.iter().zip(&with) {
        assert!(with.accepted(), "{name}: {}", with.message());
        assert_eq!(
            settled(with.body.clone()),
            settled(without.body.clone()),
            "{name}"
        );
        if audit.is_seen() {
            assert_eq!(witnesses[&with.audit_id].failed_open(), 1, "{name}");
        }
    }
    println!(
        "{name}: {} of {} Pods in, untouched",
        with.len(),
        pods.len()
    );
}

/// Even with `Ignore`: what an injector must never do, shown on one that does it.
pub(crate) async fn a_patch_that_does_not_apply_rejects_the_pod(world: &World) {
    let server = StandIn::start(Behaviour::Patch(|_| {
        vec![json!({"op": "add", "path": "/spec/nowhere/deeper", "value": 1})]
    }))
    .await;
    let arena = world.arena("failure-patch", &json!({}), &[]).await;
    Registration::to(server.address, server.ca.clone(), &arena.name)
        .register(&world.api)
        .await;
    until("the broken patch is sent", async || {
        world.api.try_pod(&arena.with, &small_pod()).await;
        server.calls() > 0
    })
    .await;
    let reply = world.api.try_pod(&arena.with, &small_pod()).await;
    assert!(
        !reply.accepted(),
        "the test's premise: such a Pod is rejected"
    );
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    let patch = "/spec/nowhere/deeper";
    assert!(reply.message().contains(patch), "{}", reply.message());
    println!("a patch that does not apply: {}", reply.message());
}

/// Pods that do not meet the condition never leave the API server.
pub(crate) async fn conditions_keep_other_pods_from_being_sent(world: &World) {
    let place = Place {
        name: "conditions",
        ..Place::default()
    };
    let (arena, sidebox) = place.open(world).await;
    let registration = Registration {
        condition: Some(
            "has(object.metadata.annotations) && 'sidebox.dev/inject' in object.metadata.annotations",
        ),
        ..Registration::of(&sidebox, &arena.name)
    };
    registration.replace(&world.api).await;
    until("the condition is in force", async || {
        let before = sidebox.reviews().await;
        world.api.try_pod(&arena.with, &small_pod()).await;
        sidebox.reviews().await == before
    })
    .await;
    let mut audit = world.audit();
    let before = sidebox.reviews().await;
    let others = world
        .api
        .try_pods(&arena.with, &vec![small_pod(); 50])
        .await;
    assert!(
        others
            .iter()
            .all(|reply| reply.accepted() && !is_injected(&reply.body))
    );
    assert_eq!(
        sidebox.reviews().await,
        before,
        "Pods that do not ask were sent"
    );
    let asked = world
        .api
        .try_pods(&arena.with, &vec![asking_pod(); 20])
        .await;
    assert!(asked.iter().all(|reply| is_injected(&reply.body)));
    let seen: usize = audit.news().values().map(Witness::calls).sum();
    let answered = sidebox.reviews().await - before;
    assert!(
        answered == seen as u64 || !audit.is_seen(),
        "{answered} reviews, {seen} calls in the audit log"
    );
    println!("50 Pods not sent; 20 Pods asked, {answered} reviews");
}
