//! How is something counted by a bounded set of labels without a lock?
//!
//! All combinations are known when the server starts; counting is a look-up in a sorted slice
//! and one atomic addition.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;

/// Counters by `K` labels; whatever is not in the table counts as `other`.
#[derive(Debug, Clone)]
pub(super) struct Table<const K: usize> {
    names: [&'static str; K],
    cells: Vec<([&'static str; K], Counter)>,
    other: Counter,
}

impl<const K: usize> Table<K> {
    pub(super) fn new(
        names: [&'static str; K],
        values: impl IntoIterator<Item = [&'static str; K]>,
    ) -> Self {
        let mut cells: Vec<_> = values
            .into_iter()
            .map(|values| (values, Counter::default()))
            .collect();
        cells.sort_unstable_by_key(|(values, _)| *values);
        cells.dedup_by_key(|(values, _)| *values);
        Self {
            names,
            cells,
            other: Counter::default(),
        }
    }

    pub(super) fn count(&self, values: [&str; K]) {
        self.cell(values).inc();
    }

    /// The counter of these labels, to be kept by whoever counts often.
    pub(super) fn cell(&self, values: [&str; K]) -> &Counter {
        match self
            .cells
            .binary_search_by(|(cell, _)| cell[..].cmp(&values[..]))
        {
            Ok(at) => &self.cells[at].1,
            Err(_) => &self.other,
        }
    }

    fn labels(&self, values: [&'static str; K]) -> [(&'static str, &'static str); K] {
        std::array::from_fn(|at| (self.names[at], values[at]))
    }
}

impl<const K: usize> EncodeMetric for Table<K> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        for (values, counter) in &self.cells {
            counter.encode(encoder.encode_family(&self.labels(*values))?)?;
        }
        if self.other.get() > 0 {
            self.other
                .encode(encoder.encode_family(&self.labels(["other"; K]))?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}
