//! What do the instruments of meters say? The events of `System.Diagnostics.Metrics` as rows.
//!
//! Events of other tools' sessions come too, so each is held against the session that is ours.
//! (dotnet/runtime, MetricsEventSource.cs: ids and order of fields.)

use std::collections::{HashMap, HashSet};

use time::OffsetDateTime;

use super::row::{Kind, Row, Tags, metric_name, rate_name};
use super::selection::Selection;
use crate::diagnostics::payload::{Payload, PayloadError};

/// The provider.
pub(super) const PROVIDER: &str = "System.Diagnostics.Metrics";
/// The session that several tools may share, if they agree on their limits.
pub(super) const SHARED: &str = "SHARED";
/// Instruments whose description is kept, and meters whose name is.
const MOST: usize = 4_000;
/// Quantiles of a histogram that are taken; the runtime sends three.
const QUANTILES: usize = 16;

/// Ids of the events.
mod id {
    pub(super) const RATE: u32 = 4;
    pub(super) const GAUGE: u32 = 5;
    pub(super) const HISTOGRAM: u32 = 6;
    pub(super) const INSTRUMENT: u32 = 7;
    pub(super) const ERROR: u32 = 9;
    pub(super) const ENUMERATED: u32 = 10;
    pub(super) const SERIES_LIMIT: u32 = 12;
    pub(super) const HISTOGRAM_LIMIT: u32 = 13;
    pub(super) const CALLBACK: u32 = 14;
    pub(super) const OTHER_SESSION: u32 = 15;
    pub(super) const UP_DOWN: u32 = 16;
    pub(super) const OTHER_LIMITS: u32 = 17;
}

/// What one event comes to.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Values.
    Rows(Vec<Row>),
    /// All instruments that were there when the session began have been named.
    Enumerated,
    /// Something to tell the one who watches; the values go on.
    Note(String),
    /// Why there will be no values of meters.
    Refused(String),
    /// Nothing of ours.
    Nothing,
}

/// An event, less its payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) id: u32,
    pub(super) version: u32,
    pub(super) time: OffsetDateTime,
}

/// How an instrument of a runtime is known: .NET 9 and later number them.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Instrument {
    Number(u32),
    Name(Box<str>, Box<str>),
}

struct Description {
    unit: Box<str>,
    tags: Tags,
}

/// The meters of one session.
pub(super) struct Meters {
    client: Box<str>,
    seconds: Box<str>,
    instruments: HashMap<Instrument, Description>,
    named: HashSet<Box<str>>,
}

/// The fields that every value has.
struct Value<'a> {
    meter: Box<str>,
    instrument: Box<str>,
    unit: Box<str>,
    tags: Box<str>,
    rest: Payload<'a>,
}

impl Meters {
    /// The session of a client, with values every so many seconds.
    pub(super) fn new(client: &str, seconds: u32) -> Self {
        Self {
            client: client.into(),
            seconds: seconds.to_string().into(),
            instruments: HashMap::new(),
            named: HashSet::new(),
        }
    }

    /// Whether there is a meter of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named.contains(name)
    }

    /// Takes an event of the provider.
    pub(super) fn event(
        &mut self,
        head: Head,
        payload: &[u8],
        selection: &Selection,
    ) -> Result<Said, PayloadError> {
        let mut payload = Payload::new(payload);
        let session = payload.text("the session")?;
        match head.id {
            id::OTHER_SESSION if session != SHARED => return Ok(Said::Refused(busy())),
            id::OTHER_LIMITS if session == *self.client => return other_limits(&mut payload),
            _ if session != SHARED => return Ok(Said::Nothing),
            _ => {}
        }
        match head.id {
            id::INSTRUMENT => self.describe(head, &mut payload),
            id::RATE | id::GAUGE | id::HISTOGRAM | id::UP_DOWN => {
                self.value(head, payload, selection)
            }
            _ => told(head.id, &mut payload),
        }
    }

    /// Takes the description of an instrument. It comes again, with another number, for a second one of its name.
    fn describe(&mut self, head: Head, payload: &mut Payload<'_>) -> Result<Said, PayloadError> {
        let meter: Box<str> = payload.text("the meter")?.into();
        payload.text("the version of the meter")?;
        let instrument = payload.text("the instrument")?.into();
        payload.text("the kind of the instrument")?;
        let unit = payload.text("the unit")?.into();
        payload.text("the description")?;
        let tags = Tags {
            instrument: payload.text("the tags of the instrument")?.into(),
            meter: payload.text("the tags of the meter")?.into(),
            value: Box::default(),
        };
        payload.text("the scope")?;
        if self.instruments.len() >= MOST || self.named.len() >= MOST {
            return Ok(Said::Nothing);
        }
        self.named.insert(meter.clone());
        let key = if head.version >= 3 {
            Instrument::Number(payload.u32("the number of the instrument")?)
        } else {
            Instrument::Name(meter, instrument)
        };
        self.instruments.insert(key, Description { unit, tags });
        Ok(Said::Nothing)
    }

    fn value(
        &self,
        head: Head,
        mut payload: Payload<'_>,
        selection: &Selection,
    ) -> Result<Said, PayloadError> {
        let meter = payload.text("the meter")?.into();
        payload.text("the version of the meter")?;
        let mut value = Value {
            meter,
            instrument: payload.text("the instrument")?.into(),
            unit: payload.text("the unit")?.into(),
            tags: payload.text("the tags")?.into(),
            rest: payload,
        };
        if !selection.has_meter(&value.meter, &value.instrument) {
            return Ok(Said::Nothing);
        }
        let values = values(head.id, &mut value.rest)?;
        let numbered = head.version >= 2;
        let key = if numbered {
            Instrument::Number(value.rest.u32("the number of the instrument")?)
        } else {
            Instrument::Name(value.meter.clone(), value.instrument.clone())
        };
        let described = self.instruments.get(&key);
        let rows = values.into_iter();
        let rows = rows.map(|of| self.row(head, &value, described, of));
        Ok(Said::Rows(rows.collect()))
    }

    fn row(
        &self,
        head: Head,
        value: &Value<'_>,
        described: Option<&Description>,
        (percentile, number): (Option<u32>, f64),
    ) -> Row {
        let unit = described.map_or(&*value.unit, |described| &described.unit);
        let (kind, name) = if head.id == id::RATE {
            let name = rate_name(&value.instrument, unit, &self.seconds);
            (Kind::Rate, name)
        } else {
            (Kind::Metric, metric_name(&value.instrument, unit))
        };
        let mut tags = described.map_or_else(Tags::default, |described| described.tags.clone());
        tags.value = match percentile {
            None => value.tags.clone(),
            Some(percentile) if value.tags.is_empty() => format!("Percentile={percentile}").into(),
            Some(percentile) => format!("{},Percentile={percentile}", value.tags).into(),
        };
        Row {
            time: head.time,
            provider: value.meter.clone(),
            name,
            kind,
            tags,
            value: number,
        }
    }
}

/// The numbers of a value event, each with its percentile where it is a quantile. An empty text is no value:
/// the first interval of an observed counter, or the end of a series.
fn values(id: u32, payload: &mut Payload<'_>) -> Result<Vec<(Option<u32>, f64)>, PayloadError> {
    let number = |text: &str| text.parse().ok().map(|value| (None, value));
    Ok(match id {
        id::HISTOGRAM => {
            let quantiles = payload.text("the quantiles")?;
            payload.u32("the number of measurements")?;
            payload.u64("the sum of measurements")?;
            let quantiles = quantiles.split(';').take(QUANTILES);
            quantiles.filter_map(quantile).collect()
        }
        id::RATE | id::UP_DOWN => {
            let rate = payload.text("the rate")?;
            let value = payload.text("the value")?;
            let shown = if id == id::RATE { rate } else { value };
            number(&shown).into_iter().collect()
        }
        _ => number(&payload.text("the value")?).into_iter().collect(),
    })
}

/// `0.95=98.9`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a quantile lies between 0 and 1, which is checked"
)]
fn quantile(text: &str) -> Option<(Option<u32>, f64)> {
    let (quantile, value) = text.split_once('=')?;
    let quantile: f64 = quantile.parse().ok()?;
    if !(0.0..=1.0).contains(&quantile) {
        return None;
    }
    let percentile = (100.0 * quantile) as u32;
    Some((Some(percentile), value.parse().ok()?))
}

fn busy() -> String {
    "another tool collects meters of this process in a session of its own, and the runtime has only one: \
     end that tool, or collect event counters alone (EventCounters\\NAME)"
        .to_owned()
}

fn other_limits(payload: &mut Payload<'_>) -> Result<Said, PayloadError> {
    let mut limit = |part| payload.text(part);
    let expected_histograms = limit("the maximum of histograms")?;
    let histograms = limit("the maximum of histograms asked for")?;
    let expected_series = limit("the maximum of time series")?;
    let series = limit("the maximum of time series asked for")?;
    let expected_interval = limit("the interval")?;
    let interval = limit("the interval asked for")?;
    Ok(Said::Refused(format!(
        "another tool collects meters of this process with other limits, and the runtime has one set of them: use \
         --refresh-interval {expected_interval} (not {interval}), --maxHistograms {expected_histograms} (not \
         {histograms}) and --maxTimeSeries {expected_series} (not {series}), or end that tool"
    )))
}

fn told(id: u32, payload: &mut Payload<'_>) -> Result<Said, PayloadError> {
    Ok(match id {
        id::ENUMERATED => Said::Enumerated,
        id::ERROR => Said::Refused(format!(
            "the runtime ended its session of meters: {}",
            payload.text("the error")?
        )),
        id::CALLBACK => Said::Note(format!(
            "a callback of the application that observes a value failed: {}",
            payload.text("the error")?
        )),
        id::SERIES_LIMIT => Said::Note(
            "there are more time series than the runtime keeps for this session: some values are missing \
             (--maxTimeSeries raises the limit and costs the application memory)"
                .to_owned(),
        ),
        id::HISTOGRAM_LIMIT => Said::Note(
            "there are more histograms than the runtime keeps for this session: some values are missing \
             (--maxHistograms raises the limit and costs the application memory)"
                .to_owned(),
        ),
        _ => Said::Nothing,
    })
}
