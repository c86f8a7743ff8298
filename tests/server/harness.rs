//! A server on free ports, with certificates of its own and a reviewer that does as the body says.

use std::fmt::Write;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use sidebox::admission::{Answer, Route};
use sidebox::pki::{Ca, Leaf, Validity};
use sidebox::server::{
    Leaves, Limits, Listeners, Metrics, Reviewer, Server, Tls, TlsFiles, Unanswerable, serve,
};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Client, Reply, get};

/// Long enough for a busy machine; nothing waits so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Answers with the route and the body's length, unless the body says otherwise.
#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) reviews: AtomicUsize,
}

impl Reviewer for Fake {
    fn answer(&self, route: Route, body: &[u8]) -> Result<Answer, Unanswerable> {
        self.reviews.fetch_add(1, Ordering::SeqCst);
        let body = match body {
            b"panic" => panic!("asked to"),
            b"bad" => return Err(Unanswerable("no uid in it".into())),
            b"big" => vec![b' '; 32 << 20],
            other => format!("{route:?} {}", other.len()).into_bytes(),
        };
        Ok(Answer {
            body,
            decision: "skip",
            asked: "nobody",
            codes: vec!["not_asked"],
        })
    }
}

/// What a test wants to be different.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) limits: Limits,
    /// Clients need a certificate of this authority with one of these names.
    pub(crate) clients: Option<(String, Vec<String>)>,
    /// Instead of certificate and key files of the harness.
    pub(crate) files: Option<(PathBuf, PathBuf)>,
    /// Instead of any files.
    pub(crate) leaves: Option<Leaves>,
    /// The reviewer is still being told what it should know.
    pub(crate) reading: Arc<AtomicBool>,
}

/// A running server.
pub(crate) struct Running {
    pub(crate) webhook: SocketAddr,
    pub(crate) health: SocketAddr,
    pub(crate) ca: Ca,
    pub(crate) fake: Arc<Fake>,
    pub(crate) dir: TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: Option<JoinHandle<usize>>,
}

/// Limits that never get into a test's way, with a short poll and no drain delay.
pub(crate) fn limits() -> Limits {
    Limits {
        drain_delay: Duration::ZERO,
        quiet: Duration::from_millis(100),
        reload_interval: Duration::from_millis(20),
        ..Limits::default()
    }
}

pub(crate) fn validity() -> Validity {
    Validity::days(OffsetDateTime::now_utc(), 1).unwrap()
}

pub(crate) fn authority() -> Ca {
    Ca::generate("test authority", validity()).unwrap()
}

pub(crate) fn localhost(ca: &Ca) -> Leaf {
    ca.issue(
        &["localhost".to_owned(), "127.0.0.1".to_owned()],
        validity(),
    )
    .unwrap()
}

impl Running {
    pub(crate) async fn start(limits: Limits) -> Self {
        Self::start_with(
            authority(),
            Wanted {
                limits,
                ..Wanted::default()
            },
        )
        .await
    }

    pub(crate) async fn start_with(ca: Ca, wanted: Wanted) -> Self {
        let dir = TempDir::new().unwrap();
        let (cert, key) = wanted.files.unwrap_or_else(|| {
            let leaf = localhost(&ca);
            std::fs::write(dir.path().join("tls.crt"), leaf.cert_pem).unwrap();
            std::fs::write(dir.path().join("tls.key"), leaf.key_pem).unwrap();
            (dir.path().join("tls.crt"), dir.path().join("tls.key"))
        });
        let client_ca = wanted.clients.as_ref().map(|(pem, _)| {
            let path = dir.path().join("clients.crt");
            std::fs::write(&path, pem).unwrap();
            path
        });
        let client_names = wanted.clients.map(|(_, names)| names).unwrap_or_default();
        let tls = match wanted.leaves {
            Some(leaves) => Tls::made(leaves, client_ca, client_names),
            None => Tls::open(TlsFiles {
                cert,
                key,
                client_ca,
                client_names,
            }),
        };
        let tls = tls.unwrap();
        let fake = Arc::new(Fake::default());
        let server = Server {
            reviewer: Arc::clone(&fake),
            tls,
            limits: wanted.limits,
            metrics: Arc::new(Metrics::new(["not_asked"])),
            informed: Box::new(move || !wanted.reading.load(Ordering::SeqCst)),
        };
        let listeners = Listeners {
            webhook: bind().await,
            health: bind().await,
        };
        let (webhook, health) = (
            listeners.webhook.local_addr().unwrap(),
            listeners.health.local_addr().unwrap(),
        );
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(listeners, server, async move {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
        }));
        Self {
            webhook,
            health,
            ca,
            fake,
            dir,
            stop: Some(stop),
            task: Some(task),
        }
    }

    /// A new connection by a client that trusts the server's authority.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.webhook, &self.ca.cert_pem())
            .await
            .unwrap()
    }

    /// One review on a connection of its own.
    pub(crate) async fn review(&self, body: &str) -> Reply {
        self.connect()
            .await
            .post("/mutate", body.as_bytes())
            .await
            .unwrap()
    }

    pub(crate) fn reviews(&self) -> usize {
        self.fake.reviews.load(Ordering::SeqCst)
    }

    /// The whole number of one line of `/metrics`, named with its labels.
    pub(crate) async fn metric(&self, name: &str) -> i64 {
        self.metric_text(name).await.parse().unwrap()
    }

    pub(crate) async fn metric_text(&self, name: &str) -> String {
        let text = get(self.health, "/metrics").await.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| {
            panic!(
                "no metric {name} in
{text}"
            )
        })
        .to_owned()
    }

    pub(crate) async fn metric_becomes(&self, name: &str, wanted: i64) {
        let mut seen = String::new();
        let reached = until(async || {
            let value = self.metric(name).await;
            write!(seen, " {value}").unwrap();
            value == wanted
        });
        assert!(reached.await, "{name} never became {wanted}:{seen}");
    }

    /// Asks for shutdown, as the first SIGTERM does.
    pub(crate) fn shut_down(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// How many connections were cut off, once the server has ended.
    pub(crate) async fn ended(mut self) -> usize {
        within(self.task.take().unwrap()).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

async fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Waits for a condition; false if it never came.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) -> bool {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.is_ok()
}

/// What must come, bounded only so that a broken server fails the test.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it never came")
}
