//! How long do the certificates last, and what was done to keep them? Names start with `sidebox_`, labels
//! come from fixed sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use time::OffsetDateTime;

use crate::cluster::clock::Clock;
use crate::cluster::watch::problem::{PROBLEMS, Problem};

type Label = [(&'static str, &'static str); 1];

const UNKNOWN: i64 = i64::MIN;

/// What was done, as the label `act`.
pub(super) const ACTS: [&str; 7] = [
    "first", "restore", "next", "promote", "forget", "trust", "show",
];

/// What is counted of self-managed certificates.
#[derive(Debug, Clone)]
pub struct CertificateMetrics {
    authority: Arc<AtomicI64>,
    server: Arc<AtomicI64>,
    acts: Family<Label, Counter>,
    failures: Family<Label, Counter>,
}

impl CertificateMetrics {
    /// Puts the metrics into the registry, whose prefix is `sidebox`.
    pub fn register(registry: &mut Registry, clock: &Arc<Clock>) -> Self {
        let metrics = Self {
            authority: Arc::new(AtomicI64::new(UNKNOWN)),
            server: Arc::new(AtomicI64::new(UNKNOWN)),
            acts: Family::default(),
            failures: Family::default(),
        };
        for act in ACTS {
            drop(metrics.acts.get_or_create(&[("act", act)]));
        }
        for problem in PROBLEMS {
            drop(metrics.failures.get_or_create(&[("problem", problem)]));
        }
        let expiry = Expiry {
            clock: Arc::clone(clock),
            ends: [
                ("authority", Arc::clone(&metrics.authority)),
                ("server", Arc::clone(&metrics.server)),
            ],
        };
        registry.register_with_unit(
            "certificate_expiry",
            "Until a self-managed certificate ends, by the API server's clock; negative afterwards",
            Unit::Seconds,
            expiry,
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

    pub(super) fn authority_until(&self, end: OffsetDateTime) {
        self.authority
            .store(end.unix_timestamp(), Ordering::Relaxed);
    }

    pub(super) fn server_until(&self, end: OffsetDateTime) {
        self.server.store(end.unix_timestamp(), Ordering::Relaxed);
    }

    pub(super) fn done(&self, act: &'static str) {
        self.acts.get_or_create(&[("act", act)]).inc();
    }

    pub(super) fn failed(&self, problem: &Problem) {
        let label = [("problem", problem.label())];
        self.failures.get_or_create(&label).inc();
    }
}

/// The seconds are counted when they are read.
#[derive(Debug)]
struct Expiry {
    clock: Arc<Clock>,
    ends: [(&'static str, Arc<AtomicI64>); 2],
}

impl EncodeMetric for Expiry {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let now = self.clock.now().unix_timestamp();
        for (certificate, end) in &self.ends {
            let end = end.load(Ordering::Relaxed);
            if end != UNKNOWN {
                let label = [("certificate", *certificate)];
                let seconds = end.saturating_sub(now);
                encoder.encode_family(&label)?.encode_gauge(&seconds)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}
