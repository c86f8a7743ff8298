//! Whom does the API server trust, and whom do callers see? An authority in one Secret, leaves of each
//! replica in its memory, and the caBundle of the webhook configurations.
//!
//! The Secret is the truth. The holder of the Lease writes it and the caBundles, every replica reads them
//! and makes its own leaf. What to do is decided in `plan`; here it is done. No Pod waits for any of it.

mod authorities;
mod metrics;
mod plan;
mod shower;
mod view;
mod writer;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::clock::Clock;
use super::connect::Cluster;
use super::lease::Held;
use super::metrics::WatchMetrics;
use super::watch::problem::Problem;
use crate::pki::{Leaf, PkiError};
pub use metrics::CertificateMetrics;
pub use plan::Lifetimes;
use shower::Shower;
use view::{Places, View};
use writer::Writer;

/// How often time alone is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Both kinds of webhook configurations: path, resource and kind.
const CONFIGURATIONS: [(&str, &str, &str); 2] = [
    (
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
    ),
];

/// What is kept, and for whom.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of the Service; both webhook configurations have the same, the Secret adds `-ca`.
    pub name: String,
    /// DNS names and IP addresses in the leaf beside the Service's.
    pub more_names: Vec<String>,
    /// How long things live.
    pub lifetimes: Lifetimes,
}

/// What others of this process give.
pub struct Surroundings {
    /// The API server's time.
    pub clock: Arc<Clock>,
    /// Whether we may write.
    pub held: Held,
    /// Health of the watches.
    pub watches: WatchMetrics,
    /// What is counted of certificates.
    pub metrics: CertificateMetrics,
    /// Where leaves go.
    pub leaves: watch::Sender<Option<Arc<Leaf>>>,
}

/// Keeps authority, caBundles and leaf in order, for ever.
pub async fn keep(cluster: Cluster, wanted: Wanted, around: Surroundings) -> Infallible {
    let places = Places {
        namespace: cluster.namespace.clone(),
        secrets: format!("/api/v1/namespaces/{}/secrets", cluster.namespace),
        secret: format!("{}-ca", wanted.name),
        configurations: CONFIGURATIONS.map(|(path, resource, _)| (path, resource)),
        configuration: wanted.name.clone(),
    };
    let view = watch::Sender::new(View::new());
    let told = || Told {
        metrics: around.metrics.clone(),
        failing: None,
    };
    let shower = Shower {
        names: names(&wanted, &cluster.namespace),
        lifetimes: wanted.lifetimes,
        clock: Arc::clone(&around.clock),
        leaves: around.leaves,
        shown: None,
        told: told(),
    };
    let writer = Writer {
        client: cluster.client.clone(),
        places: places.clone(),
        lifetimes: wanted.lifetimes,
        clock: around.clock,
        held: around.held,
        next_trusted: None,
        told: told(),
    };
    tokio::select! {
        never = view::keep(&cluster.client, &places, &view, &around.watches) => never,
        never = shower.tend(view.subscribe()) => never,
        never = writer.tend(view.subscribe()) => never,
    }
}

/// What the API server asks for (`SERVICE.NAMESPACE.svc`), what others in the cluster would, and more.
fn names(wanted: &Wanted, namespace: &str) -> Vec<String> {
    let service = format!("{}.{namespace}.svc", wanted.name);
    let long = format!("{service}.cluster.local");
    [service, long]
        .into_iter()
        .chain(wanted.more_names.iter().cloned())
        .collect()
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("no certificate can be made: {0}")]
    Pki(#[from] PkiError),
}

/// Counts and logs what was done.
struct Told {
    metrics: CertificateMetrics,
    /// What was told last of a failure, until it is over.
    failing: Option<String>,
}

impl Told {
    /// A failure in a row is told once.
    fn tell(&mut self, act: &'static str, done: Result<(), Failure>) {
        match done {
            Ok(()) => {
                self.failing = None;
                self.metrics.done(act);
                tracing::info!(act, "certificates: {}", sentence(act));
            }
            Err(failure) => {
                if let Failure::Problem(problem) = &failure {
                    self.metrics.failed(problem);
                }
                let text = failure.to_string();
                if self.failing.as_ref() != Some(&text) {
                    tracing::warn!(act, "certificates, will be tried again ({act}): {text}");
                }
                self.failing = Some(text);
            }
        }
    }
}

/// Waits until something has changed, or until time alone may have.
async fn next_look(views: &mut watch::Receiver<View>) {
    tokio::select! {
        () = tokio::time::sleep(TICK) => {}
        changed = views.changed() => if changed.is_err() {
            std::future::pending::<()>().await;
        },
    }
}

fn sentence(act: &str) -> &'static str {
    match act {
        "first" => "made the first authority",
        "restore" => "put back the Secret that was lost, with a new authority to come",
        "next" => "made the next authority; it signs once the API server trusts it",
        "promote" => "the next authority signs from now on",
        "forget" => "an authority whose last certificate has ended is trusted no longer",
        "trust" => "wrote the caBundles",
        _ => "shows a new server certificate",
    }
}
