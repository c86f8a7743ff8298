//! Is a Pod seen that was created while nobody could be asked? Also the control of the other trials: where there is no
//! replica, Pods are missed, and the API server creates them all the same.

use serde_json::{Value, json};

use crate::load::has_toolbox;
use crate::world::{World, asking_pod};

pub(crate) async fn is_seen(world: &World) {
    world.namespace("alone", &json!({})).await;
    world.types("kubectl -n sidebox scale deployment/sidebox --replicas=0");
    world.types("kubectl -n sidebox delete pods --all --grace-period=1");
    world
        .until("no replica is left", async || world.pods().await.is_empty())
        .await;
    let checked = world.types_and_sees("sidebox check -n alone", 2);
    assert!(checked.contains("broken"), "{checked}");
    let made = world
        .api
        .call("POST", "/api/v1/namespaces/alone/pods", &asking_pod())
        .await;
    assert!(made.accepted(), "{}", made.message());
    assert!(!has_toolbox(&made.body), "nobody is there who would have");
    world.types("kubectl -n sidebox scale deployment/sidebox --replicas=2");
    world.rolled_out().await;
    world
        .until("an Event tells of it", async || {
            let events = world.get("/api/v1/namespaces/alone/events").await;
            let mut events = events["items"].as_array().into_iter().flatten();
            events.any(|event: &Value| event["reason"] == "missed")
        })
        .await;
    world.types("kubectl -n alone get events");
    let explained = world.types_and_sees("sidebox explain pod/p -n alone", 2);
    assert!(explained.contains("missed"), "{explained}");
    let mut counted = 0;
    for replica in world.replicas().await {
        counted += replica.metric("sidebox_missed_pods").await.unwrap();
    }
    assert_eq!(counted, 1);
    world.types("kubectl -n alone delete pod p --force");
}
