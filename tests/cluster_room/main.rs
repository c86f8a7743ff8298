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
#[path = "../support/resident.rs"]
mod resident;
mod review;
mod rotation;
#[path = "../apiserver/service.rs"]
mod service;
#[path = "../support/trials.rs"]
mod trials;
mod trouble;
#[path = "../apiserver/webhook.rs"]
#[expect(
    dead_code,
    reason = "some of it is for webhooks that are not Sidebox's own"
)]
mod webhook;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use apiserver::World;
use trials::Shared;

/// Trials at one time: they wait more than they work.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let shared = Shared::new(start);
    let mut trials = beside(&shared);
    trials.extend(alone(&shared));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}

fn start() -> Option<World> {
    if std::env::var_os("SIDEBOX_KUBECONFIG").is_none() {
        return Some(World::start());
    }
    println!(
        "skipped: the API server is stopped, or thousands of namespaces are made: on a cluster of its own alone"
    );
    None
}

/// What needs an API server that works, the long ones first.
fn beside(shared: &Shared<World>) -> Vec<Trial> {
    vec![
        shared.beside("a_rotation_misses_no_pod", async |world| {
            rotation::misses_no_pod(world).await;
        }),
        shared.beside("a_clock_that_jumps_costs_no_pod", async |world| {
            clock::jumps_and_nobody_notices(world).await;
        }),
        shared.beside("a_deleted_secret_costs_no_pod", async |world| {
            trouble::deleted_secret(world).await;
        }),
        shared.beside("a_killed_holder_is_followed", async |world| {
            trouble::killed_holder(world).await;
        }),
        shared.beside(
            "pods_get_their_claims_and_missed_ones_are_seen",
            async |world| {
                pods::get_their_claims(world).await;
            },
        ),
        shared.beside("findings_become_events", async |world| {
            events::are_written(world).await;
        }),
        shared.beside("facts_are_heard", async |world| {
            facts::are_heard(world).await;
        }),
        shared.beside("a_change_without_overlap_does", async |world| {
            rotation::without_overlap(world).await;
        }),
        shared.beside("a_wiped_bundle_comes_back", async |world| {
            trouble::wiped_bundle(world).await;
        }),
    ]
}

/// What stops the API server, or keeps it so busy that others would wait.
fn alone(shared: &Shared<World>) -> Vec<Trial> {
    vec![
        shared.alone("an_api_server_that_goes_and_comes", async |world| {
            gone::and_back(world).await;
        }),
        shared.alone("a_start_without_an_api_server", async |world| {
            gone::at_the_start(world).await;
        }),
        shared.alone("certificates_while_the_api_server_is_away", async |world| {
            trouble::api_server_away(world).await;
        }),
        shared.alone("a_first_certificate_without_an_api_server", async |world| {
            trouble::no_api_server_at_the_start(world).await;
        }),
        shared.alone("memory_of_five_thousand_namespaces", async |world| {
            memory::of_five_thousand(world).await;
        }),
        shared.alone("memory_of_twenty_thousand_pods", async |world| {
            memory::of_twenty_thousand_pods(world).await;
        }),
    ]
}
