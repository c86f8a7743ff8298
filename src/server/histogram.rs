//! How long do answers take, counted without a lock?
//!
//! prometheus-client's histogram holds a mutex; this one is atomics only.

use std::array;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Upper bounds of the buckets in microseconds: 50 µs to 3 s.
const BOUNDS: [u64; 15] = [
    50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 3_000_000,
];

/// Durations in buckets, shown in seconds.
#[derive(Debug, Clone)]
pub(super) struct Durations(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    /// One more than bounds: the last counts what took longer than all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Durations {
    pub(super) fn new() -> Self {
        Self(Arc::new(Cells {
            buckets: array::from_fn(|_| AtomicU64::new(0)),
            sum_nanos: AtomicU64::new(0),
        }))
    }

    pub(super) fn observe(&self, took: Duration) {
        let micros = took.as_nanos().div_ceil(1_000);
        let at = BOUNDS.partition_point(|&bound| u128::from(bound) < micros);
        self.0.buckets[at].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        let bounds = BOUNDS
            .iter()
            .map(|&micros| seconds(Duration::from_micros(micros)));
        let buckets: Vec<(f64, u64)> = bounds
            .chain([f64::INFINITY])
            .zip(
                self.0
                    .buckets
                    .iter()
                    .map(|bucket| bucket.load(Ordering::Relaxed)),
            )
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(Duration::from_nanos(
            self.0.sum_nanos.load(Ordering::Relaxed),
        ));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
