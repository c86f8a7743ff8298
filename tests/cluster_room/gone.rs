//! What becomes of Sidebox while the API server is away?

use std::time::Instant;

use serde_json::json;

use crate::apiserver::{FACTS, World, knows};
use crate::facts::claim;
use crate::review::{asking_pod, quiet_pod, review};
use crate::webhook::until;

/// What was known stays known, and what changed meanwhile is heard once it is back.
pub(crate) async fn and_back(world: &mut World) {
    world.namespace("gone").await;
    let claims = "/api/v1/namespaces/gone/persistentvolumeclaims";
    let one = format!("{claims}/monitor-azfiles");
    world.api.create(claims, &claim(&["ReadWriteMany"])).await;
    world
        .patch(
            &format!("{one}/status"),
            &json!({"status": {"phase": "Bound"}}),
        )
        .await;
    let sidebox = world.informed_sidebox(&[]).await;
    let data = async || {
        review(&sidebox, "/mutate/labelled", "gone", &quiet_pod())
            .await
            .data()
    };
    until("the claim is known", async || data().await == "claim").await;

    let stopped = world.stop_api_server().await;
    until("its absence is counted", async || {
        sidebox.metric("sidebox_watch_open").await == 0
            && sidebox.metric("sidebox_watch_failures_total").await >= 4
    })
    .await;
    assert_eq!(sidebox.get("/readyz").await.0, 200);
    assert!(knows(&sidebox, &FACTS).await);
    assert_eq!(data().await, "claim", "what was known is still known");

    let began = Instant::now();
    world.start_api_server(stopped).await;
    let ready = began.elapsed();
    world
        .patch(&one, &json!({"metadata": {"finalizers": null}}))
        .await;
    world.delete(&one).await;
    let changed = Instant::now();
    until("a change after the restart is heard", async || {
        data().await == "emptyDir"
    })
    .await;
    println!(
        "API server ready {:.1} s after its start, the next change heard {:.1} s later",
        ready.as_secs_f32(),
        changed.elapsed().as_secs_f32()
    );
}

/// Without an API server Sidebox starts, answers, is ready before long, and takes nothing for known.
pub(crate) async fn at_the_start(world: &mut World) {
    world.namespace("early").await;
    let stopped = world.stop_api_server().await;
    let sidebox = world.sidebox(&[]).await;
    let asked = review(&sidebox, "/mutate", "early", &asking_pod()).await;
    assert_eq!(asked.data(), "claim", "who asks gets the settings' claim");
    let quiet = review(&sidebox, "/mutate/labelled", "early", &quiet_pod()).await;
    assert!(quiet.toolbox().is_some());
    assert_eq!(
        quiet.data(),
        "emptyDir",
        "others get no claim that nobody knows of"
    );
    let began = Instant::now();
    until("it is ready all the same", async || {
        sidebox.get("/readyz").await.0 == 200
    })
    .await;
    println!("ready without an API server after {:?}", began.elapsed());
    world.start_api_server(stopped).await;
    until("the facts are read", async || {
        review(&sidebox, "/mutate", "early", &asking_pod())
            .await
            .data()
            == "emptyDir"
    })
    .await;
}
