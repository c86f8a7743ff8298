//! The pure core: from a Pod, facts and settings to a decision and a patch.
//!
//! `decide` answers who is injected and how; `plan` what is added; `patch` writes it. Nothing here
//! does I/O, knows a clock or calls back. "Why was my Pod not injected": [`decide`].

pub mod access;
pub mod annotations;
mod command;
pub mod decide;
pub mod facts;
pub mod finding;
mod fitting;
pub mod image;
pub mod names;
pub mod pages;
pub mod parts;
pub mod patch;
pub mod paths;
pub mod place;
pub mod plan;
pub mod pod;
pub mod quantity;
mod ranges;
pub mod resources;
mod rules;
pub mod settings;
pub mod status;
pub mod storage;
mod target;
mod temporary;
pub mod toolbox;
pub mod trail;
pub mod uninject;
pub mod user;

use decide::{Asked, Decision, Outcome, Request};
use facts::Facts;
use patch::Patch;
use settings::Settings;
use status::Status;
use trail::Rule;

/// A decision and what it does to the Pod.
#[derive(Debug)]
pub struct Injection<'a> {
    /// The decision, with its trail.
    pub outcome: Outcome<'a>,
    /// What is to be changed, if anything.
    pub patch: Option<Patch>,
}

/// Decides over a Pod and writes the patch.
pub fn inject<'a>(
    request: &Request<'a>,
    facts: &'a Facts,
    settings: &'a Settings,
) -> Injection<'a> {
    let mut outcome = decide::decide(request, facts, settings);
    let patch = write(request, &mut outcome, settings);
    Injection { outcome, patch }
}

fn write(request: &Request<'_>, outcome: &mut Outcome<'_>, settings: &Settings) -> Option<Patch> {
    let written = match &outcome.decision {
        Decision::Inject(intent) => {
            let plan = plan::injection(request, intent);
            let status = Status::of(outcome, &settings.hash);
            patch::with_status(request.pod, &plan, status)
        }
        Decision::Repair(index) => patch::without_status(&plan::repair(*index)),
        Decision::Refuse(_) if outcome.asked == Asked::Explicit => {
            let status = Status::of(outcome, &settings.hash);
            patch::with_status(request.pod, &plan::refusal(request.pod), status)
        }
        Decision::Refuse(_) | Decision::Skip(_) => return None,
    };
    match written {
        Ok(patch) => patch,
        Err(finding) => {
            if let Decision::Inject(_) = outcome.decision {
                outcome.decision = outcome
                    .trail
                    .ask(Rule::Size, Err(finding))
                    .unwrap_or_else(Decision::stop);
            }
            None
        }
    }
}
