//! What Sidebox does with the cluster it runs in, with a real etcd and kube-apiserver: facts that are
//! heard, findings that become Events, an API server that goes and comes.
//!
//! `make test-cluster` runs it; plain `cargo test` does not, since it needs Kubernetes built from Go.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and figures are shown"
)]

#[path = "../apiserver/api.rs"]
#[expect(dead_code, reason = "Pods are not offered by the hundred here")]
mod api;
mod apiserver;
#[path = "../cluster/mod.rs"]
mod cluster;
mod events;
mod facts;
mod gone;
mod memory;
mod review;
#[path = "../apiserver/webhook.rs"]
#[expect(dead_code, reason = "reviews are sent by the tests themselves")]
mod webhook;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use apiserver::World;

/// The cluster, from the first trial that needs it.
type Shared = Arc<Mutex<Option<World>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: they share a cluster, whose API server some of them stop.
    arguments.test_threads = Some(1);
    let shared = Shared::default();
    let trials = vec![
        trial("facts_are_heard", &shared, async |world| {
            facts::are_heard(world).await;
        }),
        trial("findings_become_events", &shared, async |world| {
            events::are_written(world).await;
        }),
        trial(
            "an_api_server_that_goes_and_comes",
            &shared,
            async |world| {
                gone::and_back(world).await;
            },
        ),
        trial("a_start_without_an_api_server", &shared, async |world| {
            gone::at_the_start(world).await;
        }),
        trial(
            "memory_of_five_thousand_namespaces",
            &shared,
            async |world| {
                memory::of_five_thousand(world).await;
            },
        ),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}

fn trial(name: &str, shared: &Shared, test: impl AsyncFn(&mut World) + Send + 'static) -> Trial {
    let shared = Arc::clone(shared);
    let run = move || -> Result<(), Failed> {
        if std::env::var_os("SIDEBOX_KUBECONFIG").is_some() {
            println!(
                "skipped: the API server is stopped, or thousands of namespaces are made: on a cluster of its own alone"
            );
            return Ok(());
        }
        // A failed trial does not spoil the cluster for the others.
        let mut world = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let world = world.get_or_insert_with(World::start);
        Runtime::new()?.block_on(test(world));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(true)
}
