//! What Sidebox does with the cluster it runs in, with a real etcd and kube-apiserver: facts that are
//! heard, findings that become Events, an API server that goes and comes, certificates that keep themselves.
//!
//! `make test-cluster` runs it; plain `cargo test` does not, since it needs Kubernetes built from Go.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and figures are shown"
)]

#[path = "../apiserver/api.rs"]
#[expect(dead_code, reason = "the audit log is not read here")]
mod api;
mod apiserver;
mod clock;
#[path = "../cluster/mod.rs"]
mod cluster;
mod events;
mod facts;
mod gone;
mod house;
#[path = "../apiserver/load.rs"]
mod load;
mod memory;
mod pods;
mod review;
mod rotation;
#[path = "../apiserver/service.rs"]
mod service;
mod trouble;
#[path = "../apiserver/webhook.rs"]
#[expect(
    dead_code,
    reason = "some of it is for webhooks that are not Sidebox's own"
)]
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
    let mut trials = everyday(&shared);
    trials.extend(trouble(&shared));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}

/// What happens on a good day.
fn everyday(shared: &Shared) -> Vec<Trial> {
    vec![
        trial("facts_are_heard", shared, async |world| {
            facts::are_heard(world).await;
        }),
        trial(
            "pods_get_their_claims_and_missed_ones_are_seen",
            shared,
            async |world| {
                pods::get_their_claims(world).await;
            },
        ),
        trial("findings_become_events", shared, async |world| {
            events::are_written(world).await;
        }),
    ]
}

/// What happens on others.
fn trouble(shared: &Shared) -> Vec<Trial> {
    vec![
        trial("an_api_server_that_goes_and_comes", shared, async |world| {
            gone::and_back(world).await;
        }),
        trial("a_start_without_an_api_server", shared, async |world| {
            gone::at_the_start(world).await;
        }),
        trial(
            "memory_of_five_thousand_namespaces",
            shared,
            async |world| {
                memory::of_five_thousand(world).await;
            },
        ),
        trial("memory_of_twenty_thousand_pods", shared, async |world| {
            memory::of_twenty_thousand_pods(world).await;
        }),
        trial("a_rotation_misses_no_pod", shared, async |world| {
            rotation::misses_no_pod(world).await;
        }),
        trial("a_clock_that_jumps_costs_no_pod", shared, async |world| {
            clock::jumps_and_nobody_notices(world).await;
        }),
        trial("a_change_without_overlap_does", shared, async |world| {
            rotation::without_overlap(world).await;
        }),
        trial("a_wiped_bundle_comes_back", shared, async |world| {
            trouble::wiped_bundle(world).await;
        }),
        trial("a_deleted_secret_costs_no_pod", shared, async |world| {
            trouble::deleted_secret(world).await;
        }),
        trial("a_killed_holder_is_followed", shared, async |world| {
            trouble::killed_holder(world).await;
        }),
        trial(
            "certificates_while_the_api_server_is_away",
            shared,
            async |world| {
                trouble::api_server_away(world).await;
            },
        ),
        trial(
            "a_first_certificate_without_an_api_server",
            shared,
            async |world| {
                trouble::no_api_server_at_the_start(world).await;
            },
        ),
    ]
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
