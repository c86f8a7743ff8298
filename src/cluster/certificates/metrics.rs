//! How long do the certificates last, and what was done to keep them? Names start with `sidebox_`, labels
//! come from fixed sets.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use time::{Duration, OffsetDateTime};

use crate::cluster::clock::Clock;
use crate::cluster::watch::problem::{PROBLEMS, Problem};
use crate::pki::Validity;

type Label = [(&'static str, &'static str); 1];

/// From when until when, once there is a certificate.
type Known = Arc<Mutex<Option<Validity>>>;

/// What was done, as the label `act`.
pub(super) const ACTS: [&str; 7] = [
    "first", "restore", "next", "promote", "forget", "trust", "show",
];

/// What is counted of self-managed certificates.
#[derive(Debug, Clone)]
pub struct CertificateMetrics {
    authority: Known,
    server: Known,
    acts: Family<Label, Counter>,
    failures: Family<Label, Counter>,
}

impl CertificateMetrics {
    /// Puts the metrics into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry, clock: &Arc<Clock>) -> Self {
        let metrics = Self {
            authority: Known::default(),
            server: Known::default(),
            acts: Family::default(),
            failures: Family::default(),
        };
        for act in ACTS {
            drop(metrics.acts.get_or_create(&[("act", act)]));
        }
        for problem in PROBLEMS {
            drop(metrics.failures.get_or_create(&[("problem", problem)]));
        }
        registry.register_with_unit(
            "certificate_expiry",
            "Until a self-managed certificate ends, by the API server's clock; negative afterwards",
            Unit::Seconds,
            metrics.span(clock, |validity, now| validity.not_after() - now),
        );
        registry.register_with_unit(
            "certificate_lifetime",
            "From beginning to end of a self-managed certificate",
            Unit::Seconds,
            metrics.span(clock, |validity, _| {
                validity.not_after() - validity.not_before()
            }),
        );
        registry.register(
            "certificate_acts",
            "What was done to keep certificates",
            metrics.acts.clone(),
        );
        registry.register(
            "certificate_failures",
            "What could not be done to keep certificates, and was tried again",
            metrics.failures.clone(),
        );
        metrics
    }

    fn span(&self, clock: &Arc<Clock>, measure: Measure) -> Span {
        Span {
            clock: Arc::clone(clock),
            of: [
                ("authority", Arc::clone(&self.authority)),
                ("server", Arc::clone(&self.server)),
            ],
            measure,
        }
    }

    /// The authority that signs.
    pub(super) fn authority(&self, validity: Validity) {
        note(&self.authority, validity);
    }

    /// The certificate that callers see.
    pub(super) fn server(&self, validity: Validity) {
        note(&self.server, validity);
    }

    pub(super) fn done(&self, act: &'static str) {
        self.acts.get_or_create(&[("act", act)]).inc();
    }

    pub(super) fn failed(&self, problem: &Problem) {
        let label = [("problem", problem.label())];
        self.failures.get_or_create(&label).inc();
    }
}

fn note(known: &Known, validity: Validity) {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(validity);
}

/// What is asked of a validity at a time.
type Measure = fn(Validity, OffsetDateTime) -> Duration;

/// Seconds that are counted when they are read.
#[derive(Debug)]
struct Span {
    clock: Arc<Clock>,
    of: [(&'static str, Known); 2],
    measure: Measure,
}

impl EncodeMetric for Span {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let now = self.clock.now();
        for (certificate, known) in &self.of {
            let known = *known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(validity) = known {
                let label = [("certificate", *certificate)];
                let seconds = (self.measure)(validity, now).whole_seconds();
                encoder.encode_family(&label)?.encode_gauge(&seconds)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
