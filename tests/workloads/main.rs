//! Do the controllers of Kubernetes make injected Pods, and a thousand of them at once? A real control plane with
//! fake nodes, the real `sidebox serve`. Nothing runs here: what containers do is asked on the node.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and counts are shown"
)]

#[path = "../apiserver/api.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod api;
mod burst;
#[path = "../cluster/mod.rs"]
mod cluster;
mod kinds;
#[path = "../apiserver/webhook.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod webhook;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use world::World;

/// The cluster, from the first trial that needs it.
type Shared = Arc<Mutex<Option<World>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: they share a cluster.
    arguments.test_threads = Some(1);
    let shared = Shared::default();
    let trials = vec![
        trial("every_kind_makes_injected_pods", &shared, async |world| {
            kinds::each_asks(world).await;
        }),
        trial("a_namespace_asks_for_its_workloads", &shared, async |w| {
            kinds::their_namespace_asks(w).await;
        }),
        trial("a_thousand_pods_in_a_burst", &shared, async |world| {
            burst::all_are_injected(world).await;
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}

fn trial(name: &str, shared: &Shared, test: impl AsyncFn(&World) + Send + 'static) -> Trial {
    let shared = Arc::clone(shared);
    let run = move || -> Result<(), Failed> {
        // A failed trial does not spoil the cluster for the others.
        let mut world = shared.lock().unwrap_or_else(PoisonError::into_inner);
        Runtime::new()?.block_on(async {
            if world.is_none() {
                *world = Some(World::start().await);
            }
            if let Some(world) = world.as_ref() {
                test(world).await;
            }
        });
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(true)
}
