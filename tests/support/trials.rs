//! How do the trials of a suite share what is dear to start? Knows nothing of what it is, or of what is tried.

#![allow(
    dead_code,
    reason = "each test crate that includes this module uses its own part of it"
)]

use std::sync::{Arc, PoisonError, RwLock};

use libtest_mimic::{Failed, Trial};
use tokio::runtime::Runtime;

/// What the trials of one suite share, from the first trial that needs it.
pub(crate) struct Shared<W> {
    world: Arc<RwLock<Option<W>>>,
    start: fn() -> Option<W>,
}

impl<W: Send + Sync + 'static> Shared<W> {
    /// What `start` makes. If it makes nothing, having said why, trials end without a word of their own.
    pub(crate) fn new(start: fn() -> Option<W>) -> Self {
        Self {
            world: Arc::default(),
            start,
        }
    }

    /// A trial beside which others may run.
    pub(crate) fn beside(&self, name: &str, test: impl AsyncFn(&W) + Send + 'static) -> Trial {
        let (world, start) = (Arc::clone(&self.world), self.start);
        trial(name, move || {
            if is_empty(&world) {
                started(
                    &mut world.write().unwrap_or_else(PoisonError::into_inner),
                    start,
                );
            }
            if let Some(world) = world
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .as_ref()
            {
                runtime().block_on(test(world));
            }
        })
    }

    /// A trial that runs alone. Those beside which others may run should come before it.
    pub(crate) fn alone(&self, name: &str, test: impl AsyncFn(&mut W) + Send + 'static) -> Trial {
        let (world, start) = (Arc::clone(&self.world), self.start);
        trial(name, move || {
            // A failed trial does not spoil the world for the others.
            let mut world = world.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(world) = started(&mut world, start) {
                runtime().block_on(test(world));
            }
        })
    }

    /// What was shared, after the last trial.
    pub(crate) fn end(self) -> Option<W> {
        self.world
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

fn is_empty<W>(world: &RwLock<Option<W>>) -> bool {
    world
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .is_none()
}

fn started<W>(world: &mut Option<W>, start: fn() -> Option<W>) -> Option<&mut W> {
    if world.is_none() {
        *world = start();
    }
    world.as_mut()
}

/// One for each trial: what a failed one left running ends with it.
fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

fn trial(name: &str, run: impl FnOnce() + Send + 'static) -> Trial {
    let run = move || -> Result<(), Failed> {
        run();
        Ok(())
    };
    Trial::test(name, run).with_ignored_flag(true)
}
