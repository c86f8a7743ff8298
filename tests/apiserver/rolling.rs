//! Are Pods still injected while certificates change and replicas are replaced? Two replicas behind a
//! forwarder that sends each new connection to a ready one, as a Service does.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use sidebox::pki::{Ca, Validity};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::failure::asking_pod;
use crate::law::is_injected;
use crate::webhook::{Registration, Sidebox, get, host, until};
use crate::world::World;

/// At least as many Pods are created; the creation goes on until all replicas are new.
const PODS: usize = 2_000;

/// How often readiness is looked at; a kubelet and an endpoint slice together are slower.
const PROBE: Duration = Duration::from_millis(200);

/// Replicas by webhook and health address.
type Replicas = Arc<Mutex<Vec<(SocketAddr, SocketAddr)>>>;

/// The webhook addresses of replicas that answered ready when they were last looked at.
type Ready = Arc<Mutex<Vec<SocketAddr>>>;

/// A Service: the replicas it knows, of which the ready ones get new connections.
struct Service {
    address: SocketAddr,
    replicas: Replicas,
    ready: Ready,
    tasks: Vec<JoinHandle<()>>,
}

impl Service {
    async fn start() -> Self {
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

    fn add(&self, sidebox: &Sidebox) {
        let replica = (sidebox.webhook, sidebox.health);
        self.replicas.lock().unwrap().push(replica);
    }

    /// Whether new connections go to exactly these.
    fn sends_to(&self, replicas: &[Sidebox]) -> bool {
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

/// What became of the Pods that were created meanwhile.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    created: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

async fn create(api: Api, namespace: String, load: Arc<Load>) {
    while !load.stop.load(Ordering::SeqCst) {
        let pods = vec![asking_pod(); 16];
        for reply in api.try_pods(&namespace, &pods).await {
            load.created.fetch_add(1, Ordering::SeqCst);
            if !reply.accepted() || !is_injected(&reply.body) {
                let what = format!("{}: {:?}", reply.message(), reply.warnings);
                load.failures.lock().unwrap().push(what);
            }
        }
    }
}

fn validity() -> Validity {
    Validity::days(OffsetDateTime::now_utc(), 1).unwrap()
}

fn put_certificate(ca: &Ca, folder: &std::path::Path) {
    let leaf = ca.issue(&[host()], validity()).unwrap();
    fs::write(folder.join("tls.crt"), leaf.cert_pem).unwrap();
    fs::write(folder.join("tls.key"), leaf.key_pem).unwrap();
    fs::write(folder.join("ca.crt"), ca.cert_pem()).unwrap();
}

async fn replica(ca: &Ca) -> Sidebox {
    let folder = TempDir::new().unwrap();
    put_certificate(ca, folder.path());
    Sidebox::start_in(folder, &["--drain-delay", "2"]).await
}

/// Every certificate changes, then every replica, and no Pod fails or stays without a toolbox.
pub(crate) async fn nobody_notices(world: &World) {
    let arena = world.arena("rolling", &json!({}), &[]).await;
    let ca = Ca::generate("authority", validity()).unwrap();
    let service = Service::start().await;
    let mut replicas = vec![replica(&ca).await, replica(&ca).await];
    for sidebox in &replicas {
        service.add(sidebox);
    }
    let registration = Registration::to(service.address, ca.cert_pem(), &arena.name);
    registration.register(&world.api).await;
    until("both replicas are called", async || {
        world
            .api
            .try_pods(&arena.with, &vec![asking_pod(); 16])
            .await;
        replicas[0].reviews().await > 0 && replicas[1].reviews().await > 0
    })
    .await;

    let load = Arc::new(Load::default());
    let creating = create(world.api.clone(), arena.with.clone(), Arc::clone(&load));
    let creating = tokio::spawn(creating);
    rotate(&ca, &replicas).await;
    for _ in 0..2 {
        let fresh = replica(&ca).await;
        service.add(&fresh);
        replicas.push(fresh);
        // Kept connections stay where they are: a new replica is called once an old one gives its own up.
        until("the Service knows the new replica", async || {
            service.sends_to(&replicas)
        })
        .await;
        let mut old = replicas.remove(0);
        old.terminate();
        assert_eq!(old.ended().await, Some(0), "a replica ends in good order");
    }
    until("enough Pods, and each new replica called", async || {
        load.created.load(Ordering::SeqCst) >= PODS
            && replicas[0].reviews().await > 0
            && replicas[1].reviews().await > 0
    })
    .await;
    load.stop.store(true, Ordering::SeqCst);
    creating.await.unwrap();

    let created = load.created.load(Ordering::SeqCst);
    let failures = std::mem::take(&mut *load.failures.lock().unwrap());
    println!(
        "{created} Pods during rotation and restart, {} failed or uninjected",
        failures.len()
    );
    assert!(failures.is_empty(), "{:?}", failures.first());
}

/// New certificates of the same authority, until each replica shows its own.
async fn rotate(ca: &Ca, replicas: &[Sidebox]) {
    for sidebox in replicas {
        put_certificate(ca, sidebox.file("tls.crt").parent().unwrap());
        until("the new certificate is loaded", async || {
            let (_, text) = sidebox.get("/metrics").await;
            text.contains("sidebox_reloads_total{file=\"certificate\",result=\"loaded\"} 1")
        })
        .await;
    }
}
