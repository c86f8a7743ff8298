//! The cluster that Sidebox runs in: what it says, and what is kept in order there.
//!
//! Everything here happens beside the reviews: no Pod waits for an API call, and an API server that
//! is away changes nothing that is known. Must not know HTTP, the server or the command line.

mod certificates;
mod clock;
mod connect;
mod deadline;
mod events;
mod facts;
mod lease;
mod look;
mod metrics;
mod object;
mod pods;
mod watch;

pub use certificates::{
    CertificateMetrics, Lifetimes, Surroundings, Wanted, keep as keep_certificates,
};
pub use clock::Clock;
pub use connect::{Choice, Chosen, Cluster, ConnectError, Pod, in_pod};
pub use events::{EventMetrics, Notice, Reporter, keep as keep_events};
pub use facts::{FactStore, keep as keep_facts};
pub use lease::{Held, Lease, LeaseMetrics};
pub use look::{Look, NamespaceSeen, Reference, ReferenceError};
pub use metrics::{WatchHealth, WatchMetrics};
pub use pods::{Around, PodMetrics, keep as keep_pods};
pub use watch::problem::{PROBLEMS, Problem};
pub use watch::{Change, Meta, Resource};
