//! The API server as judge of Sidebox: a real etcd and kube-apiserver, the real `sidebox serve`.
//!
//! `make test-cluster` runs it; plain `cargo test` does not, since it needs Kubernetes built from Go.
//! One cluster serves all trials, one after the other; each has namespaces of its own.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and counts are shown"
)]

mod api;
mod audit;
#[path = "../cluster/mod.rs"]
mod cluster;
mod compare;
mod failure;
mod goldens;
mod judged;
mod law;
mod load;
#[path = "../support/pods.rs"]
mod pods;
mod restrictions;
mod rolling;
mod second;
mod service;
mod sources;
mod stand_in;
#[expect(dead_code, reason = "nobody is killed here, nor makes certificates")]
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
    // One after the other: they share a cluster, and some wait for timeouts.
    arguments.test_threads = Some(1);
    let shared = Shared::default();
    let trials = vec![
        trial("manifests_of_real_projects", &shared, async |world| {
            judged::corpus(world).await;
        }),
        trial("golden_pods_under_one_setting", &shared, async |world| {
            goldens::under_one_setting(world).await;
        }),
        trial("golden_pods_as_expected", &shared, async |world| {
            goldens::as_expected(world).await;
        }),
        trial("generated_pods", &shared, async |world| {
            judged::generated(world).await;
        }),
        trial("fixtures_of_kubernetes", &shared, async |world| {
            judged::fixtures(world).await;
        }),
        trial("young_fields", &shared, async |world| {
            judged::young_fields(world).await;
        }),
        trial("pod_security_levels", &shared, async |world| {
            restrictions::pod_security(world).await;
        }),
        trial("limit_ranges", &shared, async |world| {
            restrictions::limit_ranges(world).await;
        }),
        trial("resource_quota", &shared, async |world| {
            restrictions::quota(world).await;
        }),
        trial("every_failure_leaves_the_pod", &shared, async |world| {
            failure::every_failure_leaves_the_pod(world).await;
        }),
        trial("a_patch_that_does_not_apply", &shared, async |world| {
            failure::a_patch_that_does_not_apply_rejects_the_pod(world).await;
        }),
        trial("match_conditions", &shared, async |world| {
            failure::conditions_keep_other_pods_from_being_sent(world).await;
        }),
        trial("another_webhook", &shared, async |world| {
            second::both_get_their_way(world).await;
        }),
        trial("a_stripped_toolbox", &shared, async |world| {
            second::a_stripped_toolbox_is_repaired_or_loud(world).await;
        }),
        trial("rotation_and_rolling_restart", &shared, async |world| {
            rolling::nobody_notices(world).await;
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
