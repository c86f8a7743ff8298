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
#[path = "../support/trials.rs"]
mod trials;
#[path = "../apiserver/webhook.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod webhook;
mod world;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use tokio::runtime::Runtime;

use trials::Shared;
use world::World;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: a thousand Pods at once are enough.
    arguments.test_threads = Some(1);
    let shared = Shared::new(|| Some(Runtime::new().unwrap().block_on(World::start())));
    let trials = vec![
        shared.beside("every_kind_makes_injected_pods", async |world| {
            kinds::each_asks(world).await;
        }),
        shared.beside("a_namespace_asks_for_its_workloads", async |w| {
            kinds::their_namespace_asks(w).await;
        }),
        shared.beside("a_thousand_pods_in_a_burst", async |world| {
            burst::all_are_injected(world).await;
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}
