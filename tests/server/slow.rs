//! Clients that take their time, or forever. Deadlines are short here; what is asserted is the
//! order of events, never a duration.

use std::time::Duration;

use sidebox::server::Limits;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::client::{chunked_head, head};
use crate::harness::{Running, limits, until, within};

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_client_that_never_speaks_tls_is_dropped() {
    let server = Running::start(Limits {
        handshake: SHORT,
        ..limits()
    })
    .await;
    let mut silent = TcpStream::connect(server.webhook).await.unwrap();
    assert_eq!(within(silent.read(&mut [0; 1])).await.unwrap(), 0);
    server
        .metric_becomes("sidebox_tls_handshake_failures_total{kind=\"timeout\"}", 1)
        .await;
    server.metric_becomes("sidebox_connections", 0).await;
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_dropped_at_once() {
    let server = Running::start(limits()).await;
    let mut plain = TcpStream::connect(server.webhook).await.unwrap();
    plain
        .write_all(head("/mutate", 2).as_bytes())
        .await
        .unwrap();
    let mut all = Vec::new();
    let _ = within(plain.read_to_end(&mut all)).await;
    assert!(!all.starts_with(b"HTTP/1.1 200"));
    server
        .metric_becomes("sidebox_tls_handshake_failures_total{kind=\"not_tls\"}", 1)
        .await;
    assert_eq!(server.reviews(), 0);
}

#[tokio::test]
async fn a_client_that_never_sends_a_request_is_dropped() {
    let server = Running::start(Limits {
        first_request: SHORT,
        ..limits()
    })
    .await;
    let mut silent = server.connect().await;
    assert!(silent.rest().await.is_empty());
    server.metric_becomes("sidebox_connections", 0).await;
}

#[tokio::test]
async fn bytes_that_trickle_in_do_not_extend_a_heads_deadline() {
    let server = Running::start(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut slow = server.connect().await;
    let dropped = until(async || slow.send("X").await.is_err()).await;
    assert!(
        dropped,
        "one byte every few milliseconds kept the connection"
    );
    server
        .metric_becomes("sidebox_connection_timeouts_total{phase=\"head\"}", 1)
        .await;
}

#[tokio::test]
async fn the_second_heads_deadline_is_not_the_idle_one() {
    let server = Running::start(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut slow = server.connect().await;
    assert_eq!(slow.post("/mutate", b"{}").await.unwrap().status, 200);
    slow.send("POST /mut").await.unwrap();
    assert!(slow.rest().await.is_empty());
    server
        .metric_becomes("sidebox_connection_timeouts_total{phase=\"head\"}", 1)
        .await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let server = Running::start(Limits {
        body: SHORT,
        ..limits()
    })
    .await;
    for head in [head("/mutate", 100), chunked_head("/mutate")] {
        let mut slow = server.connect().await;
        slow.send(head).await.unwrap();
        slow.send("5\r\n12").await.unwrap();
        let reply = slow.reply().await.unwrap();
        assert_eq!((reply.status, reply.closes()), (408, true));
    }
    server
        .metric_becomes(
            "sidebox_rejected_requests_total{reason=\"body_timeout\"}",
            2,
        )
        .await;
    server
        .metric_becomes("sidebox_bodies_in_flight_bytes", 0)
        .await;
    assert_eq!(server.reviews(), 0);
}

#[tokio::test]
async fn an_idle_connection_outlives_the_deadline_of_the_first_request() {
    let server = Running::start(Limits {
        first_request: SHORT,
        ..limits()
    })
    .await;
    let mut idle = server.connect().await;
    assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
    for _ in 0..3 {
        let mut silent = server.connect().await;
        assert!(
            silent.rest().await.is_empty(),
            "its first request is overdue"
        );
    }
    assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
}

#[tokio::test]
async fn an_idle_connection_ends_in_good_order() {
    let server = Running::start(Limits {
        idle: SHORT,
        ..limits()
    })
    .await;
    let mut idle = server.connect().await;
    for _ in 0..3 {
        assert_eq!(idle.post("/mutate", b"{}").await.unwrap().status, 200);
    }
    let mut rest = [0; 1];
    let read = within(idle.stream.read(&mut rest)).await;
    assert_eq!(read.unwrap(), 0, "a close_notify, not a reset");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_dropped() {
    let server = Running::start(Limits {
        answer: SHORT,
        ..limits()
    })
    .await;
    let mut deaf = server.connect().await;
    deaf.send(head("/mutate", 3) + "big").await.unwrap();
    server
        .metric_becomes("sidebox_connection_timeouts_total{phase=\"answer\"}", 1)
        .await;
    server.metric_becomes("sidebox_connections", 0).await;
}

#[tokio::test]
async fn a_client_that_reads_slowly_but_reads_gets_a_big_answer() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let reply = client.post("/mutate", b"big").await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (200, 32 << 20));
}
