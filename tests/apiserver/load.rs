//! Are Pods injected all the while? They are offered at a steady pace, and those that miss are remembered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Duration, MissedTickBehavior, interval};

use crate::api::Api;

/// Pods of one batch.
const BATCH: usize = 6;

/// From the start of one batch to that of the next: what happens beside needs processors, too.
const PACE: Duration = Duration::from_millis(100);

/// Pods that are being offered.
pub(crate) struct Load {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    created: AtomicUsize,
    missed: Mutex<Vec<String>>,
}

impl Load {
    /// Offers copies of a Pod to a namespace until it is stopped.
    pub(crate) fn start(api: &Api, namespace: &str, pod: Value) -> Self {
        let shared = Arc::<Shared>::default();
        let task = offer(api.clone(), namespace.to_owned(), pod, Arc::clone(&shared));
        Self {
            task: tokio::spawn(task),
            shared,
        }
    }

    pub(crate) fn created(&self) -> usize {
        self.shared.created.load(Ordering::SeqCst)
    }

    /// How many were created, and what became of those that failed or have no toolbox.
    pub(crate) async fn stop(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        let missed = std::mem::take(&mut *self.shared.missed.lock().unwrap());
        (self.shared.created.load(Ordering::SeqCst), missed)
    }
}

async fn offer(api: Api, namespace: String, pod: Value, shared: Arc<Shared>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !shared.stop.load(Ordering::SeqCst) {
        pace.tick().await;
        let pods = vec![pod.clone(); BATCH];
        for reply in api.try_pods(&namespace, &pods).await {
            shared.created.fetch_add(1, Ordering::SeqCst);
            if !reply.accepted() || !has_toolbox(&reply.body) {
                let what = format!("{}: {:?}", reply.message(), reply.warnings);
                shared.missed.lock().unwrap().push(what);
            }
        }
    }
}

/// Whether a Pod came back with a toolbox.
pub(crate) fn has_toolbox(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array();
    let mut containers = containers.into_iter().flatten();
    containers.any(|container| container["name"] == "toolbox")
}
