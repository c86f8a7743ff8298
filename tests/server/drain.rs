//! The end of a server: what was sent is answered, what is idle is closed, and it does end.

use std::time::Duration;

use sidebox::server::Limits;
use tokio::net::TcpStream;

use crate::client::{Client, Offer, get, head, try_get};
use crate::harness::{Running, limits, until};
use crate::load::{Endpoint, Load};

fn endpoint(server: &Running) -> Endpoint {
    Endpoint {
        addr: server.webhook,
        ca_pem: server.ca.cert_pem(),
    }
}

async fn not_ready(server: &Running) -> bool {
    until(async || get(server.health, "/readyz").await.status == 503).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_are_replaced_under_load_and_no_call_fails() {
    let limits = Limits {
        drain_delay: Duration::from_millis(300),
        ..limits()
    };
    let mut old = Running::start(limits).await;
    let load = Load::start(8, endpoint(&old));
    for _ in 0..5 {
        let before = load.answered();
        assert!(until(async || load.answered() > before + 400).await);
        let new = Running::start(limits).await;
        old.shut_down();
        assert!(not_ready(&old).await);
        load.redirect(endpoint(&new));
        assert_eq!(old.ended().await, 0, "nothing had to be cut off");
        old = new;
    }
    let (answered, failures) = load.stop().await;
    assert!(
        failures.is_empty(),
        "{} of {answered} failed: {failures:?}",
        failures.len()
    );
    assert!(answered >= 2_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_in_use_are_never_cut_even_without_a_delay() {
    let mut old = Running::start(limits()).await;
    let load = Load::start(8, endpoint(&old));
    for _ in 0..3 {
        let new = Running::start(limits()).await;
        load.redirect(endpoint(&new));
        // By then whoever was still connecting to the old one has done so.
        let before = load.answered();
        assert!(until(async || load.answered() > before + 400).await);
        old.shut_down();
        assert_eq!(old.ended().await, 0, "nothing had to be cut off");
        old = new;
    }
    let (answered, failures) = load.stop().await;
    assert!(
        failures.is_empty(),
        "{} of {answered} failed: {failures:?}",
        failures.len()
    );
}

#[tokio::test]
async fn a_draining_server_is_not_ready_still_accepts_and_says_close() {
    let mut server = Running::start(Limits {
        drain_delay: Duration::from_hours(1),
        ..limits()
    })
    .await;
    let mut kept = server.connect().await;
    assert!(!kept.post("/mutate", b"{}").await.unwrap().closes());
    assert_eq!(get(server.health, "/readyz").await.status, 200);
    server.shut_down();
    assert!(not_ready(&server).await);
    assert_eq!(get(server.health, "/healthz").await.status, 200);
    assert!(
        get(server.health, "/readyz")
            .await
            .text()
            .contains("draining")
    );
    let reply = kept.post("/mutate", b"{}").await.unwrap();
    assert_eq!((reply.status, reply.closes()), (200, true));
    assert!(kept.rest().await.is_empty());
    let reply = server.review("{}").await;
    assert_eq!((reply.status, reply.closes()), (200, true));
}

#[tokio::test]
async fn idle_connections_are_closed_at_the_end() {
    let mut server = Running::start(limits()).await;
    let (mut idle, mut fresh) = (server.connect().await, server.connect().await);
    assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
    server.shut_down();
    assert!(idle.rest().await.is_empty());
    assert!(fresh.rest().await.is_empty());
    let health = server.health;
    assert_eq!(server.ended().await, 0);
    assert!(
        try_get(health, "/healthz").await.is_err(),
        "the health port is closed last"
    );
}

#[tokio::test]
async fn a_request_in_flight_is_answered_after_the_end_of_accepting() {
    let mut server = Running::start(limits()).await;
    let (mut body, mut head_only) = (server.connect().await, server.connect().await);
    body.send(head("/mutate", 4) + "{ ").await.unwrap();
    head_only.send("POST /mutate HT").await.unwrap();
    server
        .metric_becomes("sidebox_bodies_in_flight_bytes", 4)
        .await;
    let mut idle = server.connect().await;
    assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
    server.shut_down();
    assert!(idle.rest().await.is_empty(), "closing has begun");
    body.send(" }").await.unwrap();
    head_only.send(&head("/mutate", 2)[15..]).await.unwrap();
    head_only.send("{}").await.unwrap();
    for client in [&mut body, &mut head_only] {
        let reply = client.reply().await.unwrap();
        assert_eq!((reply.status, reply.closes()), (200, true));
    }
    assert_eq!(server.ended().await, 0);
}

/// Closing has begun when nobody can connect any more.
async fn closing(server: &Running) -> bool {
    until(async || TcpStream::connect(server.webhook).await.is_err()).await
}

#[tokio::test]
async fn a_request_on_its_way_when_closing_begins_is_answered() {
    let mut server = Running::start(Limits {
        quiet: Duration::from_hours(1),
        ..limits()
    })
    .await;
    let (mut idle, mut fresh) = (server.connect().await, server.connect().await);
    assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
    server.shut_down();
    assert!(closing(&server).await);
    for client in [&mut idle, &mut fresh] {
        let reply = client.post("/mutate", b"{}").await.unwrap();
        assert_eq!((reply.status, reply.closes()), (200, true));
    }
    assert_eq!(server.ended().await, 0);
}

#[tokio::test]
async fn a_connection_that_waits_to_be_accepted_is_answered() {
    let limits = Limits {
        connections: 1,
        turned_away: 0,
        quiet: Duration::from_hours(1),
        ..limits()
    };
    let mut server = Running::start(limits).await;
    let held = server.connect().await;
    server.metric_becomes("sidebox_connections", 1).await;
    let waiting = TcpStream::connect(server.webhook).await.unwrap();
    server.shut_down();
    assert!(closing(&server).await);
    let mut client = Client::over(waiting, &Offer::usual(&server.ca.cert_pem()))
        .await
        .unwrap();
    assert_eq!(client.post("/mutate", b"{}").await.unwrap().status, 503);
    drop((held, client));
    assert_eq!(server.ended().await, 0);
}

#[tokio::test]
async fn what_does_not_finish_is_cut_off() {
    let mut server = Running::start(Limits {
        finish: Duration::from_millis(100),
        ..limits()
    })
    .await;
    let mut stuck = server.connect().await;
    stuck.send(head("/mutate", 4)).await.unwrap();
    server
        .metric_becomes("sidebox_bodies_in_flight_bytes", 4)
        .await;
    server.shut_down();
    assert_eq!(server.ended().await, 1);
    assert!(stuck.rest().await.is_empty());
}
