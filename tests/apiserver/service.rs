//! What stands between the API server and replicas? A forwarder that sends each new connection to a ready one,
//! as a Service does. Must not know what is tested.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::webhook::{Sidebox, get, host};

/// How often readiness is looked at; a kubelet and an endpoint slice together are slower.
const PROBE: Duration = Duration::from_millis(200);

/// Replicas by webhook and health address.
type Replicas = Arc<Mutex<Vec<(SocketAddr, SocketAddr)>>>;

/// The webhook addresses of replicas that answered ready when they were last looked at.
type Ready = Arc<Mutex<Vec<SocketAddr>>>;

/// A Service: the replicas it knows, of which the ready ones get new connections.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    replicas: Replicas,
    ready: Ready,
    tasks: Vec<JoinHandle<()>>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((host(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let replicas = Replicas::default();
        let ready = Ready::default();
        let tasks = vec![
            tokio::spawn(probe(Arc::clone(&replicas), Arc::clone(&ready))),
            tokio::spawn(forward(listener, Arc::clone(&ready))),
        ];
        Self {
            address,
            replicas,
            ready,
            tasks,
        }
    }

    pub(crate) fn add(&self, sidebox: &Sidebox) {
        let replica = (sidebox.webhook, sidebox.health);
        self.replicas.lock().unwrap().push(replica);
    }

    /// Whether new connections go to exactly these.
    pub(crate) fn sends_to(&self, replicas: &[&Sidebox]) -> bool {
        let ready = self.ready.lock().unwrap();
        ready.len() == replicas.len()
            && replicas
                .iter()
                .all(|sidebox| ready.contains(&sidebox.webhook))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn probe(replicas: Replicas, ready: Ready) {
    loop {
        let all = replicas.lock().unwrap().clone();
        let mut found = Vec::new();
        for (webhook, health) in all {
            if get(health, "/readyz")
                .await
                .is_ok_and(|(status, _)| status == 200)
            {
                found.push(webhook);
            }
        }
        *ready.lock().unwrap() = found;
        tokio::time::sleep(PROBE).await;
    }
}

async fn forward(listener: TcpListener, ready: Ready) {
    for turn in 0_usize.. {
        let (mut client, _) = listener.accept().await.unwrap();
        let chosen = {
            let ready = ready.lock().unwrap();
            (!ready.is_empty()).then(|| ready[turn % ready.len()])
        };
        // Without a ready replica the connection is refused, as a Service's is.
        let Some(chosen) = chosen else { continue };
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(chosen).await {
                // How a connection ends is the business of its two ends.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
        });
    }
}
