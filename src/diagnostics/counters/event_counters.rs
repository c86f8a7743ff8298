//! What do the counters of event sources say? Their one event, `EventCounters`, as a row.
//!
//! Its fields stand in another order for means than for increments, so they are taken by name.
//! (dotnet/runtime, CounterPayload.cs.)

use time::OffsetDateTime;

use super::row::{Kind, Row, Tags, metric_name, rate_name};
use crate::diagnostics::nettrace::Value;

/// The name of the event; its id differs from source to source.
pub(super) const EVENT: &str = "EventCounters";

/// The fields of one event so far.
#[derive(Debug, Default)]
pub(super) struct EventCounter {
    name: Box<str>,
    display: Box<str>,
    unit: Box<str>,
    series: Box<str>,
    mean: Option<f64>,
    increment: Option<f64>,
}

impl EventCounter {
    /// Takes a field; those that no row shows are passed over.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match (name, value) {
            ("Name", Value::Text(text)) => self.name = text.into(),
            ("DisplayName", Value::Text(text)) => self.display = text.into(),
            ("DisplayUnits", Value::Text(text)) => self.unit = text.into(),
            ("Series", Value::Text(text)) => self.series = text.into(),
            ("Mean", Value::Number(value)) => self.mean = Some(value),
            ("Increment", Value::Number(value)) => self.increment = Some(value),
            _ => {}
        }
    }

    /// The name by which people ask for the counter.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The interval of its values in milliseconds: `Interval=1000`.
    pub(super) fn interval(&self) -> Option<u32> {
        self.series.strip_prefix("Interval=")?.parse().ok()
    }

    /// The row, unless it has no value.
    pub(super) fn row(&self, provider: &str, time: OffsetDateTime) -> Option<Row> {
        let display = if self.display.is_empty() {
            &self.name
        } else {
            &self.display
        };
        let (kind, name, value) = match (self.mean, self.increment) {
            (Some(mean), _) => (Kind::Metric, metric_name(display, &self.unit), mean),
            (None, Some(increment)) => {
                let seconds = f64::from(self.interval().unwrap_or(0)) / 1000.0;
                let name = rate_name(display, &self.unit, &seconds.to_string());
                (Kind::Rate, name, increment)
            }
            (None, None) => return None,
        };
        Some(Row {
            time,
            provider: provider.into(),
            name,
            kind,
            tags: Tags::default(),
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(fields: &[(&str, Value)]) -> EventCounter {
        let mut counter = EventCounter::default();
        for (name, value) in fields {
            counter.set(name, value.clone());
        }
        counter
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn means_and_increments() {
        let mean = counter(&[
            ("Name", text("gc-heap-size")),
            ("DisplayName", text("GC Heap Size")),
            ("Mean", Value::Number(10.5)),
            ("Count", Value::Number(3.0)),
            ("Series", text("Interval=1000")),
            ("DisplayUnits", text("MB")),
        ]);
        let row = mean
            .row("System.Runtime", OffsetDateTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(
            (&*row.name, row.kind, row.value),
            ("GC Heap Size (MB)", Kind::Metric, 10.5)
        );
        let sum = counter(&[
            ("Name", text("orders")),
            ("Increment", Value::Number(3.0)),
            ("Series", text("Interval=10000")),
        ]);
        let row = sum.row("Shop", OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(
            (&*row.name, row.kind),
            ("orders (Count / 10 sec)", Kind::Rate)
        );
        let none = counter(&[("Name", text("orders"))]);
        assert_eq!(none.row("Shop", OffsetDateTime::UNIX_EPOCH), None);
    }
}
