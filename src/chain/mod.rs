//! Why has a Pod no toolbox, and does an installation work? From what was seen of a cluster to a chain of
//! links, each of which holds, is broken or cannot be told.
//!
//! Pure data in, pure data out: who looks (`cluster/look`) and who prints (`cli`) is not known here.

mod certificate;
pub mod conditions;
pub mod fate;
pub mod faults;
pub mod installation;
pub mod pages;
pub mod path;
pub mod rights;
pub mod seen;
pub mod selector;
mod service;
pub mod webhooks;

use faults::{Fault, Kind};

/// What is known of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It holds; this was seen.
    Holds(String),
    /// It is broken like this.
    Broken(Fault),
    /// It cannot be told, for this reason.
    Unknown(String),
    /// It has no part here, for this reason.
    Idle(String),
}

impl State {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Holds(_) => "ok",
            Self::Broken(_) => "broken",
            Self::Unknown(_) => "unknown",
            Self::Idle(_) => "-",
        }
    }

    /// What was seen, in words.
    pub fn fact(&self) -> String {
        match self {
            Self::Holds(fact) | Self::Unknown(fact) | Self::Idle(fact) => fact.clone(),
            Self::Broken(fault) => fault.to_string(),
        }
    }
}

/// One link with its state. A kind may stand in a chain several times, once for each fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which link.
    pub kind: Kind,
    /// How it is.
    pub state: State,
}

/// The links, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain(Vec<Link>);

/// What a chain comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No link is broken, and all could be told.
    Whole,
    /// No link is broken, but not all could be told.
    Unsure,
    /// A link is broken.
    Broken,
}

impl Chain {
    /// All links, in order.
    pub fn links(&self) -> &[Link] {
        &self.0
    }

    /// The first fault.
    pub fn first_fault(&self) -> Option<&Fault> {
        self.0.iter().find_map(|link| match &link.state {
            State::Broken(fault) => Some(fault),
            State::Holds(_) | State::Unknown(_) | State::Idle(_) => None,
        })
    }

    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let unknown = |link: &Link| matches!(link.state, State::Unknown(_));
        if self.first_fault().is_some() {
            Verdict::Broken
        } else if self.0.iter().any(unknown) {
            Verdict::Unsure
        } else {
            Verdict::Whole
        }
    }

    fn add(&mut self, kind: Kind, state: State) {
        self.0.push(Link { kind, state });
    }

    fn broken(&mut self, fault: Fault) {
        self.add(fault.link(), State::Broken(fault));
    }

    /// One link for each fault; without any, one that is as `otherwise` says.
    fn add_all(&mut self, kind: Kind, faults: Vec<Fault>, otherwise: impl FnOnce() -> State) {
        if faults.is_empty() {
            self.add(kind, otherwise());
        }
        for fault in faults {
            self.broken(fault);
        }
    }
}
