//! What does the server count, under which names?
//!
//! Names start with `sidebox_`, units are seconds and bytes, label values come from fixed sets.
//! Counting takes no lock. Knows nothing of how the numbers come about.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::histogram::Durations;
use super::rejection::Rejection;
use super::table::Table;
use super::tls::HANDSHAKE_FAILURES;
use crate::admission::Answer;

const DECISIONS: [&str; 4] = ["inject", "skip", "refuse", "advise"];
const ASKED: [&str; 3] = ["explicit", "automatic", "nobody"];
const RELOADED: [&str; 3] = ["certificate", "settings", "facts"];
const TIMEOUTS: [&str; 3] = ["head", "answer", "end"];

/// The server's metrics, and the registry that other rooms may add theirs to.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    settings: SettingsInfo,
    requests: Table<2>,
    findings: Table<1>,
    rejected: Table<1>,
    reloads: Table<2>,
    handshake_failures: Table<1>,
    timeouts: Table<1>,
    durations: Durations,
    pub(super) connections: Gauge,
    pub(super) body_bytes: Gauge,
    pub(super) not_before: Gauge,
    pub(super) not_after: Gauge,
}

/// Counts of one followed set of files.
#[derive(Debug, Clone)]
pub struct Reloads {
    pub(super) loaded: Counter,
    pub(super) failed: Counter,
}

impl Metrics {
    /// Metrics with a counter for each finding code of `codes`; other codes count as `other`.
    pub fn new(codes: impl IntoIterator<Item = &'static str>) -> Self {
        let pairs = DECISIONS
            .iter()
            .flat_map(|&one| ASKED.map(|two| [one, two]));
        let reloads = RELOADED
            .iter()
            .flat_map(|&file| ["loaded", "failed"].map(|r| [file, r]));
        let mut metrics = Self {
            registry: Registry::with_prefix("sidebox"),
            settings: SettingsInfo::default(),
            requests: Table::new(["decision", "asked"], pairs),
            findings: Table::new(["code"], codes.into_iter().map(|code| [code])),
            rejected: Table::new(["reason"], Rejection::REASONS.map(|reason| [reason])),
            reloads: Table::new(["file", "result"], reloads),
            handshake_failures: Table::new(["kind"], HANDSHAKE_FAILURES.map(|kind| [kind])),
            timeouts: Table::new(["phase"], TIMEOUTS.map(|phase| [phase])),
            durations: Durations::new(),
            connections: Gauge::default(),
            body_bytes: Gauge::default(),
            not_before: Gauge::default(),
            not_after: Gauge::default(),
        };
        metrics.register_counters();
        metrics.register_gauges();
        metrics
    }

    /// Where other rooms register their metrics, before serving; the prefix is already there.
    pub fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The counters for reloads of one kind of file: `certificate`, `settings` or `facts`.
    pub fn reloads(&self, file: &str) -> Reloads {
        Reloads {
            loaded: self.reloads.cell([file, "loaded"]).clone(),
            failed: self.reloads.cell([file, "failed"]).clone(),
        }
    }

    /// The settings in force changed; their hash becomes the label of `sidebox_settings_info`.
    pub fn settings_loaded(&self, hash: &str) {
        self.settings.0.store(Some(Arc::new(hash.to_owned())));
    }

    /// All metrics as OpenMetrics text.
    ///
    /// # Errors
    /// None in practice: writing to a string does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    pub(super) fn answered(&self, answer: &Answer, took: Duration) {
        self.requests.count([answer.decision, answer.asked]);
        for code in &answer.codes {
            self.findings.count([code]);
        }
        self.durations.observe(took);
    }

    pub(super) fn rejected(&self, rejection: &Rejection) {
        self.rejected.count([rejection.reason()]);
    }

    pub(super) fn handshake_failed(&self, kind: &str) {
        self.handshake_failures.count([kind]);
    }

    pub(super) fn timed_out(&self, phase: &str) {
        self.timeouts.count([phase]);
    }

    fn register_counters(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "admission_requests",
            "Reviews answered",
            self.requests.clone(),
        );
        registry.register(
            "findings",
            "Findings of answered reviews",
            self.findings.clone(),
        );
        registry.register(
            "rejected_requests",
            "Requests without review",
            self.rejected.clone(),
        );
        registry.register("reloads", "Changed files read again", self.reloads.clone());
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes that failed",
            self.handshake_failures.clone(),
        );
        registry.register(
            "connection_timeouts",
            "Connections ended because a phase took too long",
            self.timeouts.clone(),
        );
    }

    fn register_gauges(&mut self) {
        let registry = &mut self.registry;
        registry.register_with_unit(
            "admission_duration",
            "From a request's head to its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "connections",
            "Webhook connections open",
            self.connections.clone(),
        );
        registry.register_with_unit(
            "bodies_in_flight",
            "Reserved for request bodies",
            Unit::Bytes,
            self.body_bytes.clone(),
        );
        registry.register_with_unit(
            "certificate_not_before_timestamp",
            "When the server certificate becomes valid, since 1970",
            Unit::Seconds,
            self.not_before.clone(),
        );
        registry.register_with_unit(
            "certificate_not_after_timestamp",
            "When the server certificate expires, since 1970",
            Unit::Seconds,
            self.not_after.clone(),
        );
        registry.register(
            "settings",
            "Hash of the settings in force",
            self.settings.clone(),
        );
    }
}

#[derive(Debug, Clone, Default)]
struct SettingsInfo(Arc<ArcSwapOption<String>>);

impl EncodeMetric for SettingsInfo {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        match self.0.load().as_deref() {
            Some(hash) => encoder.encode_info(&[("hash", hash.as_str())]),
            None => Ok(()),
        }
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Info
    }

    fn is_empty(&self) -> bool {
        self.0.load().is_none()
    }
}
