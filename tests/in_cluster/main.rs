//! Sidebox as its users have it: the chart and the project's own images on a node that runs containers, called through its
//! Service. Installed, upgraded, restarted, its authority replaced, uninstalled, while Pods are created.
//!
//! `make e2e` runs it, as root; plain `cargo test` does not. The trials share one installation, one after the other, and the
//! last one takes it away.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and what was seen is shown"
)]

#[path = "../apiserver/api.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod api;
mod claims;
#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../e2e/images/mod.rs"]
mod images;
mod inside;
mod install;
#[path = "../apiserver/load.rs"]
mod load;
mod missed;
#[path = "../support/resident.rs"]
mod resident;
mod rolling;
mod rotation;
#[path = "../support/trials.rs"]
mod trials;
#[path = "../apiserver/webhook.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod webhook;
mod world;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use trials::Shared;
use world::World;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let shared = Shared::new(|| images::folder().map(World::start));
    let trials = vec![
        shared.alone("installed", async |world| {
            install::injects(world).await;
        }),
        shared.alone("checked_from_inside", async |world| {
            inside::checks(world).await;
        }),
        shared.alone("stopped_and_back", async |world| {
            install::stops_and_comes_back(world).await;
        }),
        shared.alone("rolled_without_a_miss", async |world| {
            rolling::misses_no_pod(world).await;
        }),
        shared.alone("rotated_without_a_miss", async |world| {
            rotation::misses_no_pod(world).await;
        }),
        shared.alone("missed_without_replicas", async |world| {
            missed::is_seen(world).await;
        }),
        shared.alone("claims_appear", async |world| {
            claims::appear(world).await;
        }),
        shared.alone("uninstalled", async |world| {
            install::leaves_nothing(world);
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The launcher looks for what a node leaves on a machine, and says what it found.
    if shared.end().is_none_or(World::end) {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}
