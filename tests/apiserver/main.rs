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
#[path = "../support/trials.rs"]
mod trials;
#[expect(dead_code, reason = "nobody is killed here, nor makes certificates")]
mod webhook;
mod world;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use tokio::runtime::Runtime;

use trials::Shared;
use world::World;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: they read the same audit log, and keep both processors of a small machine busy anyway.
    arguments.test_threads = Some(1);
    let shared = Shared::new(|| Some(Runtime::new().unwrap().block_on(World::start())));
    let trials = vec![
        shared.beside("manifests_of_real_projects", async |world| {
            judged::corpus(world).await;
        }),
        shared.beside("golden_pods_under_one_setting", async |world| {
            goldens::under_one_setting(world).await;
        }),
        shared.beside("golden_pods_as_expected", async |world| {
            goldens::as_expected(world).await;
        }),
        shared.beside("generated_pods", async |world| {
            judged::generated(world).await;
        }),
        shared.beside("fixtures_of_kubernetes", async |world| {
            judged::fixtures(world).await;
        }),
        shared.beside("members_of_the_populated_pod", async |world| {
            judged::members(world).await;
        }),
        shared.beside("young_fields", async |world| {
            judged::young_fields(world).await;
        }),
        shared.beside("pod_security_levels", async |world| {
            restrictions::pod_security(world).await;
        }),
        shared.beside("limit_ranges", async |world| {
            restrictions::limit_ranges(world).await;
        }),
        shared.beside("resource_quota", async |world| {
            restrictions::quota(world).await;
        }),
        shared.beside("every_failure_leaves_the_pod", async |world| {
            failure::every_failure_leaves_the_pod(world).await;
        }),
        shared.beside("a_patch_that_does_not_apply", async |world| {
            failure::a_patch_that_does_not_apply_rejects_the_pod(world).await;
        }),
        shared.beside("match_conditions", async |world| {
            failure::conditions_keep_other_pods_from_being_sent(world).await;
        }),
        shared.beside("another_webhook", async |world| {
            second::both_get_their_way(world).await;
        }),
        shared.beside("a_stripped_toolbox", async |world| {
            second::a_stripped_toolbox_is_repaired_or_loud(world).await;
        }),
        shared.beside("rotation_and_rolling_restart", async |world| {
            rolling::nobody_notices(world).await;
        }),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(shared);
    conclusion.exit_code()
}
