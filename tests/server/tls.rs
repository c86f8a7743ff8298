//! Versions, protocols, client certificates, and files that make no server.

use std::fs;

use rustls::version::{TLS12, TLS13};
use sidebox::pki::{Ca, Validity};
use sidebox::server::{Tls, TlsFiles};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::client::{Client, Offer};
use crate::harness::{Running, Wanted, authority, limits, localhost, validity};

#[tokio::test]
async fn tls_12_and_13_are_served_as_http_11() {
    let server = Running::start(limits()).await;
    let ca = server.ca.cert_pem();
    for version in [&TLS12, &TLS13] {
        let offer = Offer {
            versions: &[version],
            alpn: &["h2", "http/1.1"],
            ..Offer::usual(&ca)
        };
        let mut client = Client::offer(server.webhook, &offer).await.unwrap();
        assert_eq!(client.post("/mutate", b"{}").await.unwrap().status, 200);
        let tls = client.stream.get_ref().1;
        assert_eq!(tls.protocol_version(), Some(version.version));
        assert_eq!(tls.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert_eq!(tls.tls13_tickets_received(), 0);
    }
}

#[tokio::test]
async fn http_2_alone_is_refused_and_no_protocol_is_fine() {
    let server = Running::start(limits()).await;
    let ca = server.ca.cert_pem();
    let h2 = Offer {
        alpn: &["h2"],
        ..Offer::usual(&ca)
    };
    assert!(Client::offer(server.webhook, &h2).await.is_err());
    server
        .metric_becomes(
            "sidebox_tls_handshake_failures_total{kind=\"incompatible\"}",
            1,
        )
        .await;
    let none = Offer {
        alpn: &[],
        ..Offer::usual(&ca)
    };
    let mut client = Client::offer(server.webhook, &none).await.unwrap();
    assert_eq!(client.post("/mutate", b"{}").await.unwrap().status, 200);
}

/// What a client with this certificate gets: a status, or nothing.
async fn status(server: &Running, clients: Option<(&Ca, &str)>) -> Option<u16> {
    let leaf = clients.map(|(ca, name)| ca.issue_client(name, validity()).unwrap());
    let ca = server.ca.cert_pem();
    let offer = Offer {
        identity: leaf.as_ref(),
        ..Offer::usual(&ca)
    };
    let mut client = Client::offer(server.webhook, &offer).await.ok()?;
    Some(client.post("/mutate", b"{}").await.ok()?.status)
}

#[tokio::test]
async fn only_clients_with_the_wanted_certificate_and_name_are_answered() {
    let (clients, others) = (authority(), authority());
    let names = vec!["kube-apiserver".to_owned(), "spare".to_owned()];
    let wanted = Wanted {
        limits: limits(),
        clients: Some((clients.cert_pem(), names)),
        ..Wanted::default()
    };
    let server = Running::start_with(authority(), wanted).await;
    assert_eq!(status(&server, None).await, None);
    assert_eq!(
        status(&server, Some((&others, "kube-apiserver"))).await,
        None
    );
    server
        .metric_becomes(
            "sidebox_tls_handshake_failures_total{kind=\"client_certificate\"}",
            2,
        )
        .await;
    assert_eq!(
        status(&server, Some((&clients, "kube-apiserver-2"))).await,
        Some(403)
    );
    assert_eq!(server.reviews(), 0);
    assert_eq!(
        status(&server, Some((&clients, "kube-apiserver"))).await,
        Some(200)
    );
    assert_eq!(status(&server, Some((&clients, "spare"))).await, Some(200));
}

#[tokio::test]
async fn without_wanted_names_any_client_of_the_authority_is_answered() {
    let clients = authority();
    let wanted = Wanted {
        limits: limits(),
        clients: Some((clients.cert_pem(), Vec::new())),
        ..Wanted::default()
    };
    let server = Running::start_with(authority(), wanted).await;
    assert_eq!(
        status(&server, Some((&clients, "anybody"))).await,
        Some(200)
    );
    assert_eq!(status(&server, None).await, None);
}

#[test]
fn files_that_make_no_server_say_which_and_why() {
    let dir = TempDir::new().unwrap();
    let path = |name: &str| dir.path().join(name);
    let ca = authority();
    let (one, other) = (localhost(&ca), localhost(&ca));
    fs::write(path("one.crt"), &one.cert_pem).unwrap();
    fs::write(path("one.key"), &one.key_pem).unwrap();
    fs::write(path("other.key"), other.key_pem).unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("cut.crt"), &one.cert_pem[..one.cert_pem.len() / 2]).unwrap();
    let rows = [
        ("one.crt", "other.key", None, "one.crt and key"),
        ("missing", "one.key", None, "missing"),
        ("one.crt", "missing", None, "missing"),
        (
            "empty",
            "one.key",
            None,
            "empty holds no usable certificate",
        ),
        (
            "one.crt",
            "empty",
            None,
            "empty holds no usable private key",
        ),
        (
            "one.crt",
            "one.crt",
            None,
            "one.crt holds no usable private key",
        ),
        (
            "cut.crt",
            "one.key",
            None,
            "cut.crt holds no usable certificate",
        ),
        (
            "one.crt",
            "one.key",
            Some("empty"),
            "empty holds no usable certificate",
        ),
        ("one.crt", "one.key", Some("missing"), "missing"),
    ];
    for (cert, key, clients, expected) in rows {
        let files = TlsFiles {
            cert: path(cert),
            key: path(key),
            client_ca: clients.map(path),
            client_names: Vec::new(),
        };
        let error = Tls::open(files).err().expect("it opened").to_string();
        assert!(
            error.contains(expected),
            "{cert} {key} {clients:?}: {error}"
        );
    }
}

#[tokio::test]
async fn an_expired_certificate_is_shown_and_visible() {
    let dir = TempDir::new().unwrap();
    let ca = authority();
    let now = OffsetDateTime::now_utc();
    let past = Validity::between(now - Duration::days(2), now - Duration::days(1));
    let leaf = ca.issue(&["localhost".to_owned()], past).unwrap();
    let (cert, key) = (dir.path().join("crt"), dir.path().join("key"));
    fs::write(&cert, leaf.cert_pem).unwrap();
    fs::write(&key, leaf.key_pem).unwrap();
    let wanted = Wanted {
        limits: limits(),
        files: Some((cert, key)),
        ..Wanted::default()
    };
    let server = Running::start_with(ca, wanted).await;
    let seen = server
        .metric("sidebox_certificate_not_after_timestamp_seconds")
        .await;
    let expected = (now - Duration::days(1)).unix_timestamp();
    assert!((seen - expected).abs() <= 1, "{seen} is not {expected}");
    let refused = Client::connect(server.webhook, &server.ca.cert_pem())
        .await
        .err()
        .unwrap();
    assert!(refused.to_string().contains("expired"), "{refused}");
}
