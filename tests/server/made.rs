//! Certificates that somebody in the process makes: none at first, then one after the other.

use std::fs;
use std::sync::Arc;

use tokio::sync::watch;

use crate::client::{Client, Offer, get};
use crate::harness::{Running, Wanted, authority, limits, localhost, until, validity};

const REFUSED: &str = "sidebox_tls_handshake_failures_total{kind=\"no_certificate\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_it_is_not_ready_and_then_shows_the_latest() {
    let (sender, leaves) = watch::channel(None);
    let wanted = Wanted {
        limits: limits(),
        leaves: Some(leaves),
        ..Wanted::default()
    };
    let server = Running::start_with(authority(), wanted).await;
    let ready = get(server.health, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(
        ready.text().contains("no certificate yet"),
        "{}",
        ready.text()
    );
    assert_eq!(get(server.health, "/healthz").await.status, 200);
    let refused = Client::connect(server.webhook, &server.ca.cert_pem()).await;
    assert!(refused.is_err());
    server.metric_becomes(REFUSED, 1).await;

    let mut seen = Vec::new();
    for _ in 0..3 {
        sender.send_replace(Some(Arc::new(localhost(&server.ca))));
        let shown = async || {
            let client = Client::connect(server.webhook, &server.ca.cert_pem()).await;
            client.map(|client| client.server_certificate()).ok()
        };
        let new = async || shown().await.is_some_and(|cert| !seen.contains(&cert));
        assert!(until(new).await, "a new leaf is shown");
        seen.push(shown().await.unwrap());
        assert_eq!(get(server.health, "/readyz").await.status, 200);
        assert_eq!(server.review("x").await.status, 200);
    }
    // Who makes them may go: the last one stays.
    drop(sender);
    assert_eq!(server.review("x").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_authority_of_clients_is_a_file_all_the_same() {
    let clients = authority();
    let (sender, leaves) = watch::channel(None);
    let wanted = Wanted {
        limits: limits(),
        clients: Some((clients.cert_pem(), vec!["caller".to_owned()])),
        leaves: Some(leaves),
        ..Wanted::default()
    };
    let server = Running::start_with(authority(), wanted).await;
    sender.send_replace(Some(Arc::new(localhost(&server.ca))));
    let answered = async |pair: &sidebox::pki::Leaf| {
        let authority = server.ca.cert_pem();
        let offer = Offer {
            identity: Some(pair),
            ..Offer::usual(&authority)
        };
        match Client::offer(server.webhook, &offer).await {
            Ok(mut client) => client
                .post("/mutate", b"x")
                .await
                .is_ok_and(|r| r.status == 200),
            Err(_) => false,
        }
    };
    let pair = clients.issue_client("caller", validity()).unwrap();
    assert!(until(async || answered(&pair).await).await);
    let others = authority();
    let stranger = others.issue_client("caller", validity()).unwrap();
    assert!(!answered(&stranger).await);
    fs::write(server.dir.path().join("clients.crt"), others.cert_pem()).unwrap();
    assert!(
        until(async || answered(&stranger).await).await,
        "the changed file holds"
    );
}
