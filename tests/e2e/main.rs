//! The recipe for real: .NET applications in containers on a node, `sidebox serve` at admission, and the tools of both
//! toolboxes, Sidebox's and Microsoft's, through `kubectl exec`.
//!
//! `make e2e` runs it, as root; plain `cargo test` does not. One cluster serves all trials, a few at a time; each has
//! namespaces of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed trial, and what was measured is shown"
)]

#[path = "../apiserver/api.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod api;
mod application;
mod autoscaler;
#[path = "../cluster/mod.rs"]
mod cluster;
mod ends;
mod images;
mod matrix;
mod metrics_api;
mod pods;
mod reach;
mod recipe;
mod tools;
mod trouble;
#[path = "../apiserver/webhook.rs"]
#[allow(dead_code, reason = "the other suite uses the rest")]
mod webhook;
mod world;

use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};

use world::{Place, World};

/// Pods that are traced at one time: more would wait for the two processors of a small machine.
const AT_ONCE: usize = 4;

/// A trial that is no row of the matrix: its name, its namespaces, what it does.
type Story = (&'static str, &'static [Place], fn(&World));

const STORIES: &[Story] = &[
    ("recipe", recipe::PLACES, recipe::from_manifest_to_trace),
    (
        "recipe_microsofts",
        recipe::MICROSOFTS,
        recipe::with_microsofts_tool,
    ),
    ("job_completes", ends::JOB, ends::a_job_completes),
    (
        "killed",
        ends::KILLED,
        ends::a_killed_application_comes_back,
    ),
    ("deletion", ends::DELETION, ends::a_deletion_takes_no_longer),
    (
        "application",
        application::PLACES,
        application::nothing_changed,
    ),
    ("autoscaler", autoscaler::SCALED, autoscaler::utilisation),
    (
        "wrong_user",
        trouble::WRONG_USER,
        trouble::another_user_is_a_finding,
    ),
    (
        "wrong_user_pid_only",
        trouble::WRONG_USER_PID_ONLY,
        trouble::root_beside_another_user_is_a_finding,
    ),
    (
        "root_without_power",
        trouble::ROOT_WITHOUT_POWER,
        trouble::root_without_power_is_a_finding,
    ),
    (
        "not_writable",
        trouble::NOT_WRITABLE,
        trouble::a_volume_of_root_is_a_finding,
    ),
    (
        "no_image",
        trouble::NO_IMAGE,
        trouble::an_image_that_cannot_be_pulled,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let shared = Arc::new(OnceLock::new());
    let starting = Arc::new(Mutex::new(()));
    let rows = matrix::ROWS.iter().map(|row| {
        let name = format!("matrix::{}", row.place.name);
        let places = std::slice::from_ref(&row.place);
        trial(&name, places, &shared, &starting, |world| row.holds(world))
    });
    let stories = STORIES
        .iter()
        .map(|(name, places, story)| trial(name, places, &shared, &starting, story));
    // The long ones first.
    let conclusion = libtest_mimic::run(&arguments, stories.chain(rows).collect());
    let world = Arc::into_inner(shared).and_then(OnceLock::into_inner);
    // The launcher looks for what a node leaves on a machine, and says what it found.
    if world.is_none_or(World::end) {
        conclusion.exit_code()
    } else {
        ExitCode::FAILURE
    }
}

fn all_places() -> Vec<Place> {
    let stories = STORIES.iter().flat_map(|(_, places, _)| *places);
    let rows = matrix::ROWS.iter().map(|row| &row.place);
    stories.chain(rows).copied().collect()
}

fn trial(
    name: &str,
    places: &'static [Place],
    shared: &Arc<OnceLock<World>>,
    starting: &Arc<Mutex<()>>,
    test: impl Fn(&World) + Send + 'static,
) -> Trial {
    let (shared, starting) = (Arc::clone(shared), Arc::clone(starting));
    let run = move || -> Result<(), Failed> {
        if images::folder().is_none() {
            return Ok(());
        }
        // Poisoned by the first start that fails, which is enough.
        let guard = starting.lock().map_err(|_| "the cluster did not start")?;
        let world = shared.get_or_init(|| World::start(&all_places()));
        drop(guard);
        test(world);
        // The processors are for the others now.
        for place in places {
            world.clear(place.name);
        }
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(true)
}
