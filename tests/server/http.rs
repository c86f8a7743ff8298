//! Paths, methods, content types, and what becomes of reviews that go wrong.

use crate::client::{chunked_head, head};
use crate::harness::{Running, limits};

#[tokio::test]
async fn every_path_reaches_its_route_on_one_connection() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let rows = [
        ("/mutate", "Mutate 2"),
        ("/mutate/labelled", "MutateLabelled 2"),
        ("/mutate/opted-out", "MutateOptedOut 2"),
        ("/advise", "Advise 2"),
        ("/mutate?timeout=10s", "Mutate 2"),
    ];
    for (path, expected) in rows {
        let reply = client.post(path, b"{}").await.unwrap();
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, expected),
            "{path}"
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
        assert!(!reply.closes());
    }
}

#[tokio::test]
async fn what_is_no_review_request_is_refused_with_its_status() {
    let server = Running::start(limits()).await;
    let rows = [
        ("GET /mutate", "application/json", 405, "method"),
        ("PUT /advise", "application/json", 405, "method"),
        ("POST /", "application/json", 404, "not_found"),
        ("POST /mutate/", "application/json", 404, "not_found"),
        ("POST /healthz", "application/json", 404, "not_found"),
        ("POST /mutate", "text/plain", 415, "media_type"),
        ("POST /mutate", "application/jsonp", 415, "media_type"),
        ("POST /mutate", "", 415, "media_type"),
    ];
    for (line, kind, status, reason) in rows {
        let name = format!("sidebox_rejected_requests_total{{reason=\"{reason}\"}}");
        let before = server.metric(&name).await;
        let mut client = server.connect().await;
        let request = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        client.send(request).await.unwrap();
        let reply = client.reply().await.unwrap();
        assert_eq!(reply.status, status, "{line} {kind}");
        assert_eq!(
            reply.header("allow"),
            (status == 405).then_some("POST"),
            "{line}"
        );
        server.metric_becomes(&name, before + 1).await;
    }
    assert_eq!(server.reviews(), 0);
}

#[tokio::test]
async fn content_type_may_have_parameters_and_any_case() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json ;a=b",
    ] {
        let request = head("/mutate", 2).replace("application/json", kind) + "{}";
        client.send(request).await.unwrap();
        assert_eq!(client.reply().await.unwrap().status, 200, "{kind}");
    }
}

#[tokio::test]
async fn a_review_that_cannot_be_answered_says_why() {
    let server = Running::start(limits()).await;
    let reply = server.review("bad").await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (400, "no uid in it\n")
    );
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    assert_eq!(client.post("/mutate", b"panic").await.unwrap().status, 500);
    assert_eq!(client.post("/mutate", b"{}").await.unwrap().status, 200);
    assert_eq!(server.review("{}").await.status, 200);
    server
        .metric_becomes("sidebox_rejected_requests_total{reason=\"panic\"}", 1)
        .await;
    server
        .metric_becomes("sidebox_bodies_in_flight_bytes", 0)
        .await;
    drop(client);
    server.metric_becomes("sidebox_connections", 0).await;
}

#[tokio::test]
async fn a_chunked_body_arrives_whole() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    client.send(chunked_head("/mutate")).await.unwrap();
    client.send("3\r\nabc\r\n").await.unwrap();
    client
        .send("a;x=y\r\n0123456789\r\n0\r\n\r\n")
        .await
        .unwrap();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (200, "Mutate 13"));
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_it() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let asking = head("/mutate", 2).replace("Host:", "Expect: 100-continue\r\nHost:");
    client.send(asking).await.unwrap();
    assert_eq!(client.reply().await.unwrap().status, 100);
    client.send("{}").await.unwrap();
    assert_eq!(client.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let server = Running::start(limits()).await;
    let mut client = server.connect().await;
    let ahead: String = (1..=20)
        .map(|n| head("/mutate", n) + &" ".repeat(n))
        .collect();
    client.send(ahead).await.unwrap();
    for n in 1..=20 {
        assert_eq!(client.reply().await.unwrap().text(), format!("Mutate {n}"));
    }
}
