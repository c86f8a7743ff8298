//! What becomes of certificates when somebody takes away what they stand on? Each time all is well again
//! by itself; how long it took is shown.

use std::time::Instant;

use crate::apiserver::World;
use crate::house::House;
use crate::webhook::until;

/// Leaves that change while one looks.
const LEAVES: [&str; 6] = [
    "--ca-lifetime",
    "3600",
    "--cert-lifetime",
    "9",
    "--ca-margin",
    "3",
];

fn told(what: &str, began: Instant) {
    println!(
        "{what}: well again after {:.2} s",
        began.elapsed().as_secs_f32()
    );
}

/// Somebody applies the configurations without the caBundle.
pub(crate) async fn wiped_bundle(world: &World) {
    let house = House::start(world, "wiped", &[]).await;
    let before = house.bundles(world).await;
    let began = Instant::now();
    house.wipe_bundles(world).await;
    until("the caBundles are as they were", async || {
        house.bundles(world).await == before
    })
    .await;
    house.injects(world).await;
    told("caBundles wiped", began);
}

/// Whoever deletes the Secret gets another authority, and no Pod notices.
pub(crate) async fn deleted_secret(world: &World) {
    let house = House::start(world, "deleted", &LEAVES).await;
    let first = house.authority(world, "ca.crt").await.unwrap();
    let load = house.load(world);
    let began = Instant::now();
    assert!(world.delete(&house.secret()).await.accepted());
    until("the Secret is back", async || {
        house.authority(world, "ca.crt").await.is_some()
    })
    .await;
    told("Secret deleted", began);
    until("another authority signs", async || {
        house
            .authority(world, "ca.crt")
            .await
            .is_some_and(|ca| ca != first)
    })
    .await;
    until("the first one is trusted no longer", async || {
        house
            .bundles(world)
            .await
            .iter()
            .all(|bundle| !bundle.contains(first.trim()))
    })
    .await;
    let (created, missed) = load.stop().await;
    println!(
        "{created} Pods until the first authority was gone: {} missed",
        missed.len()
    );
    assert!(missed.is_empty(), "{:?}", missed.first());

    // What people write into it is no reason to stop.
    world
        .patch(
            &house.secret(),
            &serde_json::json!({"data": {"ca.key": "Z2FyYmFnZQ=="}}),
        )
        .await;
    let began = Instant::now();
    until("the Secret is good again", async || {
        house
            .authority(world, "ca.key")
            .await
            .is_some_and(|key| key.contains("PRIVATE KEY"))
    })
    .await;
    told("Secret broken", began);
    house.injects(world).await;
}

/// The holder is killed; the other one does its work.
pub(crate) async fn killed_holder(world: &World) {
    let mut house = House::start(world, "killed", &[]).await;
    let holder = house.holder().await.unwrap();
    let mut gone = house.replicas.remove(holder);
    let began = Instant::now();
    gone.kill();
    until("the other one holds the Lease", async || {
        house.holder().await.is_some()
    })
    .await;
    told("Lease holder killed", began);
    house.wipe_bundles(world).await;
    house.injects(world).await;

    // One that ends in good order gives it back.
    house.add_replica(world).await;
    until("the new one is ready", async || {
        house.replicas[1].get("/readyz").await.0 == 200
    })
    .await;
    let mut old = house.replicas.remove(0);
    let began = Instant::now();
    old.terminate();
    assert_eq!(old.ended().await, Some(0));
    let ended = Instant::now();
    until("the new one holds the Lease", async || {
        house.holder().await.is_some()
    })
    .await;
    told("Lease holder terminated", ended);
    assert!(began < ended);
}

/// Replicas go on showing certificates that are valid.
pub(crate) async fn api_server_away(world: &mut World) {
    let house = House::start(world, "away", &LEAVES).await;
    let authority = house.authority(world, "ca.crt").await;
    let stopped = world.stop_api_server().await;
    let shown = house.done("show").await;
    until("new leaves are made without it", async || {
        house.done("show").await >= shown + 4
    })
    .await;
    until("nobody believes to hold the Lease", async || {
        house.holder().await.is_none()
    })
    .await;
    for replica in &house.replicas {
        assert_eq!(replica.get("/readyz").await.0, 200);
    }
    world.start_api_server(stopped).await;
    let began = Instant::now();
    house.injects(world).await;
    told("API server restarted, Pods", began);
    until("one holds the Lease again", async || {
        house.holder().await.is_some()
    })
    .await;
    told("API server restarted, Lease", began);
    assert_eq!(house.authority(world, "ca.crt").await, authority);
}

/// A start without an API server waits, and ends by itself once it is there.
pub(crate) async fn no_api_server_at_the_start(world: &mut World) {
    let mut house = House::empty(world, "early-certificates", &[]).await;
    let stopped = world.stop_api_server().await;
    house.add_replica(world).await;
    let replica = &house.replicas[0];
    until("it has tried", async || {
        replica.metric("sidebox_lease_failures_total").await >= 3
    })
    .await;
    let (status, text) = replica.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(text.contains("no certificate yet"), "{text}");
    assert_eq!(replica.get("/healthz").await.0, 200);
    world.start_api_server(stopped).await;
    let began = Instant::now();
    house.answers(world).await;
    told("start without an API server", began);
}
