//! Caps on bodies, on all bodies together and on connections.

use sidebox::server::Limits;

use crate::client::{Client, chunked_head, head};
use crate::harness::{Running, limits, until, within};

const IN_FLIGHT: &str = "sidebox_bodies_in_flight_bytes";

fn small() -> Limits {
    Limits {
        body_bytes: 100_000,
        bodies_in_flight_bytes: 150_000,
        ..limits()
    }
}

#[tokio::test]
async fn an_announced_body_over_the_cap_is_refused_unread() {
    let server = Running::start(small()).await;
    let mut client = server.connect().await;
    client.send(head("/mutate", 100_001)).await.unwrap();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.closes()), (413, true));
    assert_eq!(
        server.review(&" ".repeat(100_000)).await.status,
        200,
        "the cap itself"
    );
}

#[tokio::test]
async fn a_client_that_sends_its_big_body_anyway_still_reads_the_answer() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let reply = client.post("/mutate", &vec![b' '; 8 << 20]).await.unwrap();
    assert_eq!(reply.status, 413);
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_chunked_body_over_the_cap_is_refused_on_the_way() {
    let server = Running::start(small()).await;
    let mut client = server.connect().await;
    client.send(chunked_head("/mutate")).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 50_000, " ".repeat(50_000));
    for _ in 0..3 {
        client.send(&chunk).await.unwrap();
    }
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.closes()), (413, true));
    server.metric_becomes(IN_FLIGHT, 0).await;
    assert_eq!(server.reviews(), 0);
}

#[tokio::test]
async fn seven_mebibytes_are_served_and_given_back() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let reply = client.post("/mutate", &vec![b' '; 7 << 20]).await.unwrap();
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (200, "Mutate 7340032")
    );
    server.metric_becomes(IN_FLIGHT, 0).await;
}

#[tokio::test]
async fn bodies_over_the_common_budget_are_told_to_come_back() {
    let server = Running::start(small()).await;
    let mut first = server.connect().await;
    first.send(head("/mutate", 100_000)).await.unwrap();
    server.metric_becomes(IN_FLIGHT, 100_000).await;

    let mut second = server.connect().await;
    second.send(head("/mutate", 50_001)).await.unwrap();
    let reply = second.reply().await.unwrap();
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(
        server.review("{}").await.status,
        200,
        "what fits is served meanwhile"
    );

    first.send(" ".repeat(100_000)).await.unwrap();
    assert_eq!(first.reply().await.unwrap().status, 200);
    server.metric_becomes(IN_FLIGHT, 0).await;
}

#[tokio::test]
async fn a_chunked_body_takes_from_the_budget_as_it_grows() {
    let server = Running::start(small()).await;
    let mut first = server.connect().await;
    first.send(head("/mutate", 100_000)).await.unwrap();
    server.metric_becomes(IN_FLIGHT, 100_000).await;

    let mut second = server.connect().await;
    second.send(chunked_head("/mutate")).await.unwrap();
    second
        .send(format!("{:x}\r\n{}\r\n", 40_000, " ".repeat(40_000)))
        .await
        .unwrap();
    server.metric_becomes(IN_FLIGHT, 140_000).await;
    second
        .send(format!("{:x}\r\n{}\r\n", 20_000, " ".repeat(20_000)))
        .await
        .unwrap();
    assert_eq!(second.reply().await.unwrap().status, 503);
    server.metric_becomes(IN_FLIGHT, 100_000).await;
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_gives_its_share_back() {
    let server = Running::start(small()).await;
    for head in [head("/mutate", 100_000), chunked_head("/mutate")] {
        let mut client = server.connect().await;
        client.send(head).await.unwrap();
        client
            .send(format!("{:x}\r\n{}", 60_000, " ".repeat(50_000)))
            .await
            .unwrap();
        assert!(until(async || server.metric(IN_FLIGHT).await > 40_000).await);
        drop(client);
        server.metric_becomes(IN_FLIGHT, 0).await;
    }
    assert_eq!(server.reviews(), 0);
}

#[tokio::test]
async fn connections_over_the_cap_are_told_to_come_back() {
    let server = Running::start(Limits {
        connections: 2,
        turned_away: 1,
        ..limits()
    })
    .await;
    let mut held = [server.connect().await, server.connect().await];
    for client in &mut held {
        assert_eq!(client.post("/mutate", b"{}").await.unwrap().status, 200);
    }
    let reply = server.review("{}").await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
    assert!(reply.closes());
    let [mut kept, left] = held;
    assert_eq!(kept.post("/mutate", b"{}").await.unwrap().status, 200);
    drop(left);
    assert!(until(async || server.review("{}").await.status == 200).await);
}

#[tokio::test]
async fn beyond_the_turned_away_others_wait_until_one_ends() {
    let server = Running::start(Limits {
        connections: 1,
        turned_away: 1,
        ..limits()
    })
    .await;
    let (held, silent) = (server.connect().await, server.connect().await);
    let (addr, ca_pem) = (server.webhook, server.ca.cert_pem());
    let waiting = tokio::spawn(async move { Client::connect(addr, &ca_pem).await });
    server.metric_becomes("sidebox_connections", 2).await;
    assert!(!waiting.is_finished());
    drop((held, silent));
    let mut client = within(waiting).await.unwrap().unwrap();
    let reply = client.post("/mutate", b"{}").await.unwrap();
    assert!(matches!(reply.status, 200 | 503), "{reply:?}");
    drop(client);
    assert!(until(async || server.review("{}").await.status == 200).await);
}
