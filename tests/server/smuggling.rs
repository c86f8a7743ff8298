//! Requests whose end two readers could see in two places: never two answers.

use crate::harness::{Running, limits};

/// What somebody would like to have taken for a request of its own.
const HIDDEN: &str = "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                      Content-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn an_ambiguous_length_never_gives_two_answers() {
    let chunk = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    let behind = format!("0\r\n\r\n{HIDDEN}");
    let rows = [
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            behind.as_str(),
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            behind.as_str(),
        ),
        (
            "Content-Length: 4\r\nTransfer-Encoding: chunked",
            chunk.as_str(),
        ),
        ("Content-Length: 0\r\nContent-Length: 200", HIDDEN),
        ("Content-Length: 0, 200", HIDDEN),
        ("Content-Length: +0", HIDDEN),
        ("Content-Length: 0x0", HIDDEN),
        ("Content-Length : 0", HIDDEN),
        ("Content-Length: -1", HIDDEN),
        ("Content-Length: 99999999999999999999", HIDDEN),
        ("Content-Length:\r\n 0", HIDDEN),
        ("Folded: a\r\n b\r\nContent-Length: 0", HIDDEN),
        ("Transfer-Encoding: xchunked", behind.as_str()),
        ("Transfer-Encoding: chunked, identity", behind.as_str()),
        ("Transfer-Encoding : chunked", behind.as_str()),
        ("Transfer-Encoding: chunked", "0x0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "-1\r\n\r\n"),
        ("Transfer-Encoding: chunked", "2\r\n{}XX0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "fffffffffffffffff\r\n{}"),
        ("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
    ];
    for (length, rest) in rows {
        let server = Running::start(limits()).await;
        let mut client = server.connect().await;
        let request = format!(
            "POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n\
             {rest}"
        );
        client.send(request).await.unwrap();
        let all = String::from_utf8(client.rest().await).unwrap();
        let answers = all
            .lines()
            .filter(|line| line.starts_with("HTTP/1.1 "))
            .count();
        assert!(answers <= 1, "{length:?} {rest:?}:\n{all}");
        assert!(server.reviews() <= 1, "{length:?} {rest:?}");
        if server.reviews() == 0 && !all.is_empty() {
            assert!(
                all.starts_with("HTTP/1.1 400 "),
                "{length:?} {rest:?}:\n{all}"
            );
        }
        assert_eq!(
            server.review("{}").await.status,
            200,
            "the next client is served"
        );
    }
}

#[tokio::test]
async fn garbage_is_answered_with_400_or_silence() {
    let server = Running::start(limits()).await;
    let long = format!(
        "POST /mutate HTTP/1.1\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    let many = format!("POST /mutate HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(2_000));
    for garbage in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &long,
        &many,
    ] {
        let mut client = server.connect().await;
        client.send(garbage).await.unwrap();
        let all = String::from_utf8(client.rest().await).unwrap();
        let known = ["", "HTTP/1.1 400 ", "HTTP/1.1 431 ", "HTTP/1.1 505 "];
        assert!(
            known[1..].iter().any(|start| all.starts_with(start)) || all == known[0],
            "{all}"
        );
    }
    assert_eq!(server.reviews(), 0);
}
