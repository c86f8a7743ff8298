//! Which session gives the counters that were asked for, and what do its events come to?
//!
//! A name may be that of an event source, of a meter, or of both; the runtime is asked for both, and event
//! counters of a name that turns out to be a meter's are left out, as dotnet-counters does.

use time::{Duration, OffsetDateTime};

use super::event_counters::{self, EventCounter};
use super::meters::{self, Head, Meters, SHARED, Said};
use super::row::Row;
use super::selection::{Selected, Selection};
use crate::diagnostics::ipc::{InvalidRequest, Level, Provider};
use crate::diagnostics::nettrace::Event;
use crate::diagnostics::payload::PayloadError;

/// How long after the start event counters wait for a meter of their name, where the runtime never says that it named all.
const WAIT: Duration = Duration::SECOND;
/// Bytes of rows that wait at most.
const MOST: usize = 8 << 20;
/// The longest payload of a counter that is read: names and tags of some hundred letters.
const LONGEST: usize = 8 << 10;

/// What a session of counters is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The counters.
    pub selection: Selection,
    /// Seconds between values.
    pub interval: u32,
    /// Histograms that the runtime keeps for this session.
    pub max_histograms: u32,
    /// Time series that the runtime keeps for this session.
    pub max_time_series: u32,
    /// A text of one's own, by which the runtime tells clients apart.
    pub client: Box<str>,
}

impl Wish {
    /// The providers of the session.
    ///
    /// # Errors
    /// A name that the protocol cannot carry.
    pub fn providers(&self) -> Result<Vec<Provider>, InvalidRequest> {
        let interval = format!("EventCounterIntervalSec={}", self.interval);
        let named = self.selection.providers().iter();
        let sources = named.clone().map(|selected| {
            Provider::new(&selected.name, 0, Level::Informational)?.with_arguments(&interval)
        });
        let mut providers: Vec<Provider> = sources.collect::<Result<_, _>>()?;
        let meters: Vec<String> = named
            .filter(|selected| !selected.only_event_counters)
            .flat_map(Selected::metrics)
            .collect();
        if !meters.is_empty() {
            providers.push(self.meters(&meters.join(","))?);
        }
        Ok(providers)
    }

    /// The provider of all meters; its keyword 2 stands for values over time.
    fn meters(&self, metrics: &str) -> Result<Provider, InvalidRequest> {
        let arguments = format!(
            "SessionId={SHARED};Metrics={metrics};RefreshInterval={};MaxTimeSeries={};MaxHistograms={};ClientId={}",
            self.interval, self.max_time_series, self.max_histograms, self.client
        );
        Provider::new(meters::PROVIDER, 2, Level::Informational)?.with_arguments(&arguments)
    }
}

/// What an event comes to for the one who watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// Values.
    Rows(Vec<Row>),
    /// Something to know; the values go on.
    Note(String),
    /// Why there will be no values of meters.
    Refused(String),
}

/// The events of one session of counters.
pub struct Counters {
    wish: Wish,
    meters: Meters,
    /// Event counters whose name may still turn out to be a meter's.
    waiting: Vec<Row>,
    /// Their bytes.
    weight: usize,
    start: OffsetDateTime,
    settled: bool,
    /// Whether another interval was told of, and an event that is too long.
    noted: [bool; 2],
}

impl Counters {
    /// A session that began at that time.
    pub fn new(wish: Wish, start: OffsetDateTime) -> Self {
        Self {
            meters: Meters::new(&wish.client, wish.interval),
            wish,
            waiting: Vec::new(),
            weight: 0,
            start,
            settled: false,
            noted: [false; 2],
        }
    }

    /// Takes an event of the session, which happened at that time. Events of other kinds come to nothing.
    ///
    /// # Errors
    /// Its payload is not that of its kind.
    pub fn event(
        &mut self,
        event: &Event<'_>,
        time: OffsetDateTime,
    ) -> Result<Vec<Update>, PayloadError> {
        let kind = event.kind;
        let is_meter = &*kind.provider == meters::PROVIDER;
        if !is_meter && &*kind.name != event_counters::EVENT {
            return Ok(Vec::new());
        }
        if event.payload.len() > LONGEST {
            return Ok(self.too_long(event.payload.len()));
        }
        if is_meter {
            let head = Head {
                id: kind.id,
                version: kind.version,
                time,
            };
            return self.meter(head, event.payload);
        }
        let mut counter = EventCounter::default();
        event.values(&mut |name, value| counter.set(name, value))?;
        Ok(self.event_counter(&kind.provider, time, &counter))
    }

    /// A name or tags without end: no row shows them.
    fn too_long(&mut self, bytes: usize) -> Vec<Update> {
        if std::mem::replace(&mut self.noted[1], true) {
            return Vec::new();
        }
        vec![Update::Note(format!(
            "a counter with names and tags of {bytes} bytes is left out, and so are others of more than {LONGEST}"
        ))]
    }

    /// Takes an event of meters.
    fn meter(&mut self, head: Head, payload: &[u8]) -> Result<Vec<Update>, PayloadError> {
        let said = self.meters.event(head, payload, &self.wish.selection)?;
        Ok(match said {
            Said::Rows(rows) if rows.is_empty() => Vec::new(),
            Said::Rows(rows) => vec![Update::Rows(rows)],
            Said::Enumerated => self.settle(),
            Said::Note(text) => vec![Update::Note(text)],
            Said::Refused(text) => {
                let mut updates = self.settle();
                updates.push(Update::Refused(text));
                updates
            }
            Said::Nothing => Vec::new(),
        })
    }

    /// Takes an event counter.
    fn event_counter(
        &mut self,
        provider: &str,
        time: OffsetDateTime,
        counter: &EventCounter,
    ) -> Vec<Update> {
        let asked = self.wish.selection.has(provider, counter.name());
        let Some(row) = counter.row(provider, time).filter(|_| asked) else {
            return Vec::new();
        };
        let mut updates = self.other_interval(provider, counter);
        let only = self.wish.selection.leaves_meters_out(provider);
        if !self.settled && !only {
            if time - self.start < WAIT && self.weight < MOST {
                self.weight += row.weight();
                self.waiting.push(row);
                return updates;
            }
            updates.extend(self.settle());
        }
        if only || !self.meters.has(provider) {
            updates.push(Update::Rows(vec![row]));
        }
        updates
    }

    /// From here on it is known which names are meters'.
    fn settle(&mut self) -> Vec<Update> {
        self.settled = true;
        let mut rows = std::mem::take(&mut self.waiting);
        rows.retain(|row| !self.meters.has(&row.provider));
        if rows.is_empty() {
            return Vec::new();
        }
        vec![Update::Rows(rows)]
    }

    /// The runtime sends the counters of a source to all sessions at the pace of the fastest.
    fn other_interval(&mut self, provider: &str, counter: &EventCounter) -> Vec<Update> {
        let asked = self.wish.interval.saturating_mul(1000);
        let other = counter.interval().filter(|interval| *interval != asked);
        let Some(interval) = other.filter(|_| !self.noted[0]) else {
            return Vec::new();
        };
        self.noted[0] = true;
        vec![Update::Note(format!(
            "another session collects {provider} every {} s, and the runtime then sends everybody its event \
             counters at that pace",
            f64::from(interval) / 1000.0
        ))]
    }
}
