//! One value of one counter at one time: what every output shows.

use time::OffsetDateTime;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A level: memory, a number of threads, a mean, a quantile.
    Metric,
    /// An increase within the interval.
    Rate,
}

impl Kind {
    /// The word of dotnet-counters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Metric => "Metric",
            Self::Rate => "Rate",
        }
    }
}

/// What tells values of one counter apart, as the application's meter writes it: `key=value,key=value`, unescaped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Tags {
    /// Of the meter.
    pub meter: Box<str>,
    /// Of the instrument.
    pub instrument: Box<str>,
    /// Of the value; a quantile adds `Percentile=95`.
    pub value: Box<str>,
}

impl Tags {
    /// All three, separated by commas where there are several.
    pub fn joined(&self) -> String {
        let parts = [&*self.meter, &*self.instrument, &*self.value];
        let given: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        given.join(",")
    }
}

/// A value of a counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// When the application published it.
    pub time: OffsetDateTime,
    /// The event source or meter.
    pub provider: Box<str>,
    /// The name to show, with its unit: `GC Heap Size (MB)`.
    pub name: Box<str>,
    /// What the value is.
    pub kind: Kind,
    /// What tells it apart from others of the name.
    pub tags: Tags,
    /// The value.
    pub value: f64,
}

impl Row {
    /// The bytes that it takes.
    pub fn weight(&self) -> usize {
        let tags = self.tags.meter.len() + self.tags.instrument.len() + self.tags.value.len();
        size_of::<Self>() + self.provider.len() + self.name.len() + tags
    }
}

/// The name to show of a level.
pub(super) fn metric_name(name: &str, unit: &str) -> Box<str> {
    if unit.is_empty() {
        name.into()
    } else {
        format!("{name} ({unit})").into()
    }
}

/// The name to show of an increase within an interval of so many seconds.
pub(super) fn rate_name(name: &str, unit: &str, seconds: &str) -> Box<str> {
    let unit = if unit.is_empty() { "Count" } else { unit };
    format!("{name} ({unit} / {seconds} sec)").into()
}
