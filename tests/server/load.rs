//! Clients as kube-apiserver is one: they keep connections, never send a POST twice, and a
//! connection that breaks under a request is a failed call.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::client::Client;

/// Where new connections go; an endpoint that is not ready is replaced here.
pub(crate) struct Endpoint {
    pub(crate) addr: SocketAddr,
    pub(crate) ca_pem: String,
}

/// Reviews sent by several clients until they are told to stop.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    endpoint: arc_swap::ArcSwap<Endpoint>,
    answered: AtomicUsize,
    failures: std::sync::Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl Load {
    pub(crate) fn start(clients: usize, endpoint: Endpoint) -> Self {
        let shared = Arc::new(Shared {
            endpoint: arc_swap::ArcSwap::from_pointee(endpoint),
            answered: AtomicUsize::new(0),
            failures: std::sync::Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let mut set = JoinSet::new();
        for client in 0..clients {
            set.spawn(keep_calling(Arc::clone(&shared), client));
        }
        Self {
            shared,
            clients: set,
        }
    }

    pub(crate) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// New connections go elsewhere from now on.
    pub(crate) fn redirect(&self, endpoint: Endpoint) {
        self.shared.endpoint.store(Arc::new(endpoint));
    }

    /// How many calls were answered, and what failed.
    pub(crate) async fn stop(self) -> (usize, Vec<String>) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        let failures = self.shared.failures.lock().unwrap().clone();
        (self.shared.answered.load(Ordering::SeqCst), failures)
    }
}

async fn keep_calling(shared: Arc<Shared>, client: usize) {
    let mut kept = None;
    let mut calls = 0;
    while !shared.stopped.load(Ordering::SeqCst) {
        if let Err(error) = call(&shared, &mut kept).await {
            kept = None;
            shared.failures.lock().unwrap().push(error);
        } else {
            shared.answered.fetch_add(1, Ordering::SeqCst);
        }
        calls += 1;
        // Every client now and then begins anew, at different times.
        if (calls + client).is_multiple_of(50) {
            kept = None;
        }
    }
}

async fn call(shared: &Shared, kept: &mut Option<Client>) -> Result<(), String> {
    let mut client = if let Some(client) = kept.take() {
        client
    } else {
        let endpoint = shared.endpoint.load_full();
        let connected = Client::connect(endpoint.addr, &endpoint.ca_pem).await;
        connected.map_err(|error| format!("connecting: {error}"))?
    };
    let reply = client
        .post("/mutate", &[b' '; 7_000])
        .await
        .map_err(|error| format!("calling: {error}"))?;
    if reply.status != 200 {
        return Err(format!("status {}", reply.status));
    }
    if !reply.closes() {
        *kept = Some(client);
    }
    Ok(())
}
