//! The yardstick: a webhook that decides nothing, on the same server room.
//!
//! `empty CERT KEY ADDR`. It reads the body, parses the uid alone and echoes it. TLS, limits,
//! deadlines, counting and worker threads are those of `sidebox serve`.

use std::path::PathBuf;
use std::sync::Arc;

use sidebox::admission::{Answer, Route};
use sidebox::server::{
    self, Limits, Listeners, Metrics, Reviewer, Server, Tls, TlsFiles, Unanswerable,
};
use tokio::net::TcpListener;

#[derive(serde::Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: Uid<'a>,
}

#[derive(serde::Deserialize)]
struct Uid<'a> {
    uid: &'a str,
}

/// The allocator of `sidebox`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Echo;

impl Reviewer for Echo {
    fn answer(&self, _route: Route, body: &[u8]) -> Result<Answer, Unanswerable> {
        let review: Review<'_> =
            serde_json::from_slice(body).map_err(|error| Unanswerable(error.to_string()))?;
        let body = format!(
            r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{}","allowed":true}}}}"#,
            review.request.uid
        );
        Ok(Answer {
            body: body.into_bytes(),
            decision: "skip",
            asked: "nobody",
            codes: Vec::new(),
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (Some(cert), Some(key), Some(addr)) = (args.next(), args.next(), args.next()) else {
        return Ok(()); // `cargo bench` and `cargo test --benches` call without arguments
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(1)
        .enable_all()
        .build()?
        .block_on(serve(cert.into(), key.into(), &addr))
}

async fn serve(cert: PathBuf, key: PathBuf, addr: &str) -> Result<(), Box<dyn std::error::Error>> {
    let listeners = Listeners {
        webhook: TcpListener::bind(addr).await?,
        health: TcpListener::bind("127.0.0.1:0").await?,
    };
    let tls = Tls::open(TlsFiles {
        cert,
        key,
        client_ca: None,
        client_names: Vec::new(),
    })?;
    let server = Server {
        reviewer: Arc::new(Echo),
        tls,
        limits: Limits::default(),
        metrics: Arc::new(Metrics::new([])),
        informed: Box::new(|| true),
    };
    server::serve(listeners, server, std::future::pending()).await;
    Ok(())
}
