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
mod rolling;
mod rotation;
#[path = "../apiserver/webhook.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod webhook;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use world::World;

/// The installation, from the first trial that needs it.
type Shared = Arc<Mutex<Option<World>>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let shared = Shared::default();
    let trials = vec![
        trial("installed", &shared, async |world| {
            install::injects(world).await;
        }),
        trial("checked_from_inside", &shared, async |world| {
            inside::checks(world).await;
        }),
        trial("stopped_and_back", &shared, async |world| {
            install::stops_and_comes_back(world).await;
        }),
        trial("rolled_without_a_miss", &shared, async |world| {
            rolling::misses_no_pod(world).await;
        }),
        trial("rotated_without_a_miss", &shared, async |world| {
            rotation::misses_no_pod(world).await;
        }),
        trial("missed_without_replicas", &shared, async |world| {
            missed::is_seen(world).await;
        }),
        trial("claims_appear", &shared, async |world| {
            claims::appear(world).await;
        }),
        trial("uninstalled", &shared, async |world| {
            install::leaves_nothing(world);
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    let world = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    // The launcher looks for what a node leaves on a machine, and says what it found.
    if world.is_none_or(World::end) {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}

fn trial(name: &str, shared: &Shared, test: impl AsyncFn(&World) + Send + 'static) -> Trial {
    let shared = Arc::clone(shared);
    let run = move || -> Result<(), Failed> {
        let Some(images) = images::folder() else {
            return Ok(());
        };
        let mut world = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let world = world.get_or_insert_with(|| World::start(images));
        Runtime::new()?.block_on(test(world));
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(true)
}
