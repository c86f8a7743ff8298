//! Counters: rows of event streams made by hand, against what dotnet-counters would show, and hostile ones.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be read or made fails the test"
)]

#[path = "../support/stream.rs"]
mod stream;

use proptest::prelude::*;
use sidebox::diagnostics::counters::{Counters, Row, Selection, Update, Wish};
use sidebox::diagnostics::nettrace::Reader;
use stream::{Stream, Written, text};

const METERS: &str = "System.Diagnostics.Metrics";

fn wish(counters: &str) -> Wish {
    Wish {
        selection: Selection::parse(counters).unwrap(),
        interval: 1,
        max_histograms: 10,
        max_time_series: 1000,
        client: "me".into(),
    }
}

fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|part| text(part)).collect()
}

/// An event counter's payload, as its fields are described in [`described`].
fn mean(name: &str, value: f64, series: &str) -> Vec<u8> {
    let mut payload = texts(&[name, "Wait"]);
    payload.extend(value.to_le_bytes());
    payload.extend(texts(&[series, "ms"]));
    payload
}

/// The fields of an event counter, inside of the two structs that hold them.
fn described() -> Vec<u8> {
    let field = |kind: u32, name| [kind.to_le_bytes().to_vec(), text(name)].concat();
    let fields = [
        field(18, "Name"),
        field(18, "DisplayName"),
        field(14, "Mean"),
        field(18, "Series"),
        field(18, "DisplayUnits"),
    ];
    let mut payload = [1_u32, 1, 1, 1, 5].map(u32::to_le_bytes).concat();
    payload.extend(fields.concat());
    payload.extend(text("Payload"));
    payload.extend(text(""));
    payload
}

/// Kinds 1 `EventCounters` of Shop and 2 of Other, 10 + id for each id of meters.
fn stream(version: u8, events: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut stream = Stream::new()
        .described(1, "Shop", 3, ("EventCounters", &described()))
        .described(2, "Other", 3, ("EventCounters", &described()));
    for id in [4, 5, 6, 7, 9, 10, 12, 13, 14, 15, 16, 17] {
        stream = stream.versioned(10 + id, METERS, id.into(), version);
    }
    let written = events
        .iter()
        .zip(1..)
        .map(|((kind, payload), sequence)| Written {
            kind: *kind,
            thread: 9,
            sequence,
            stack: 0,
            payload,
        });
    let written: Vec<_> = written.collect();
    stream.events(&written).end()
}

fn updates(wish: Wish, bytes: &[u8]) -> Vec<Update> {
    let mut reader = Reader::new(bytes).unwrap();
    let trace = reader.trace().clone();
    let mut counters = Counters::new(wish, trace.start);
    let mut updates = Vec::new();
    while let Some(event) = reader.next().unwrap() {
        let time = trace.time(event.ticks);
        updates.extend(counters.event(&event, time).unwrap());
    }
    updates
}

/// Rows as `provider|name|type|tags|value`.
fn rows(updates: &[Update]) -> Vec<String> {
    let rows = updates.iter().filter_map(|update| match update {
        Update::Rows(rows) => Some(rows),
        Update::Note(_) | Update::Refused(_) => None,
    });
    let shown = |row: &Row| {
        format!(
            "{}|{}|{}|{}|{}",
            row.provider,
            row.name,
            row.kind.word(),
            row.tags.joined(),
            row.value
        )
    };
    rows.flatten().map(shown).collect()
}

/// An instrument of a runtime of version 10, with its number.
fn instrument(meter: &str, name: &str, unit: &str, number: u32) -> (u8, Vec<u8>) {
    let mut payload = texts(&[
        "SHARED",
        meter,
        "1.2",
        name,
        "Counter`1",
        unit,
        "",
        "desk=one",
        "tenant=north",
        "",
    ]);
    payload.extend(number.to_le_bytes());
    payload.extend(text("https://schema"));
    (17, payload)
}

/// A value of an instrument of that number; `rest` are its tags and what follows.
fn value(kind: u8, session: &str, name: &str, rest: &[&str], number: u32) -> (u8, Vec<u8>) {
    let (meter, instrument) = name.split_once('/').unwrap();
    let mut payload = texts(&[session, meter, "1.2", instrument, ""]);
    payload.extend(texts(rest));
    if kind == 16 {
        payload.extend(100_u32.to_le_bytes());
        payload.extend(5050_f64.to_le_bytes());
    }
    payload.extend(number.to_le_bytes());
    (kind, payload)
}

#[test]
fn instruments_of_each_kind_become_rows() {
    let events = [
        instrument("Shop.Meter", "orders", "{order}", 1),
        instrument("Shop.Meter", "wait", "ms", 2),
        (20, texts(&["SHARED"])),
        value(14, "SHARED", "Shop.Meter/orders", &["shop=a", "3", "30"], 1),
        value(14, "SHARED", "Shop.Meter/orders", &["shop=b", "", "30"], 1),
        value(26, "SHARED", "Shop.Meter/baskets", &["", "1", "7"], 9),
        value(15, "SHARED", "Shop.Meter/level", &["", "42.5"], 9),
        value(15, "SHARED", "Shop.Meter/level", &["", ""], 9),
        value(
            16,
            "SHARED",
            "Shop.Meter/wait",
            &["route=/", "0.5=50;0.95=95;0.99=99"],
            2,
        ),
        value(15, "another", "Shop.Meter/level", &["", "1"], 9),
        value(15, "SHARED", "Unasked/level", &["", "1"], 9),
    ];
    let expected = [
        "Shop.Meter|orders ({order} / 1 sec)|Rate|tenant=north,desk=one,shop=a|3",
        "Shop.Meter|baskets|Metric||7",
        "Shop.Meter|level|Metric||42.5",
        "Shop.Meter|wait (ms)|Metric|tenant=north,desk=one,route=/,Percentile=50|50",
        "Shop.Meter|wait (ms)|Metric|tenant=north,desk=one,route=/,Percentile=95|95",
        "Shop.Meter|wait (ms)|Metric|tenant=north,desk=one,route=/,Percentile=99|99",
    ];
    assert_eq!(
        rows(&updates(wish("Shop.Meter"), &stream(3, &events))),
        expected
    );
}

#[test]
fn older_runtimes_name_instruments_instead_of_numbering_them() {
    let mut described = texts(&[
        "SHARED",
        "M",
        "",
        "orders",
        "Counter`1",
        "{order}",
        "",
        "",
        "",
        "",
    ]);
    let mut value = texts(&["SHARED", "M", "", "orders", "", "", "3", "30"]);
    // What a newer one would have behind is not there.
    described.shrink_to_fit();
    value.shrink_to_fit();
    let bytes = stream(1, &[(17, described), (14, value)]);
    let expected = ["M|orders ({order} / 1 sec)|Rate||3"];
    assert_eq!(rows(&updates(wish("M"), &bytes)), expected);
}

#[test]
fn event_counters_wait_until_it_is_known_that_no_meter_has_their_name() {
    let counter = |kind| (kind, mean("wait", 10.0, "Interval=1000"));
    let events = [
        counter(1),
        counter(2),
        instrument("Other", "x", "", 1),
        (20, texts(&["SHARED"])),
        counter(1),
        counter(2),
    ];
    let expected = ["Shop|Wait (ms)|Metric||10", "Shop|Wait (ms)|Metric||10"];
    let bytes = stream(3, &events);
    assert_eq!(rows(&updates(wish("Shop,Other"), &bytes)), expected);
    // With the prefix nothing is left out.
    let shown = rows(&updates(wish("EventCounters\\Other"), &bytes));
    assert_eq!(shown.len(), 2);
    // Counters that were not asked for are left out.
    assert_eq!(rows(&updates(wish("Shop[other]"), &bytes)), [""; 0]);
}

#[test]
fn what_the_runtime_refuses_is_told_and_event_counters_go_on() {
    let other = [
        (1, mean("wait", 10.0, "Interval=1000")),
        (25, texts(&["private"])),
        (1, mean("wait", 10.0, "Interval=1000")),
    ];
    let told = updates(wish("Shop"), &stream(3, &other));
    assert_eq!(rows(&told).len(), 2);
    assert!(matches!(&told[1], Update::Refused(why) if why.contains("another tool")));
    let limits = [(27, texts(&["me", "10", "20", "1000", "500", "1", "5"]))];
    let told = updates(wish("Shop"), &stream(3, &limits));
    let Update::Refused(why) = &told[0] else {
        panic!("{told:?}");
    };
    assert!(why.contains("--refresh-interval 1 (not 5)"), "{why}");
    assert!(why.contains("--maxHistograms 10 (not 20)"), "{why}");
    // The same said to another client, and our own session named to a third, are not for us.
    let others = [
        (27, texts(&["you", "10", "20", "1000", "500", "1", "5"])),
        (25, texts(&["SHARED"])),
    ];
    assert_eq!(updates(wish("Shop"), &stream(3, &others)), []);
}

#[test]
fn another_pace_is_told_once() {
    let fast = || (1, mean("wait", 10.0, "Interval=500"));
    let events = [(20, texts(&["SHARED"])), fast(), fast()];
    let told = updates(wish("Shop"), &stream(3, &events));
    assert!(matches!(&told[0], Update::Note(note) if note.contains("every 0.5 s")));
    assert_eq!(told.len(), 3);
}

#[test]
fn the_runtime_is_asked_for_both_kinds_of_source() {
    let providers = wish("System.Runtime,Shop[a,b],EventCounters\\Old")
        .providers()
        .unwrap();
    let shown: Vec<_> = providers
        .iter()
        .map(|provider| (provider.name(), provider.keywords(), provider.arguments()))
        .collect();
    let interval = "EventCounterIntervalSec=1";
    let meters = "SessionId=SHARED;Metrics=System.Runtime,Shop\\a,Shop\\b;RefreshInterval=1;MaxTimeSeries=1000;\
                  MaxHistograms=10;ClientId=me";
    let expected = [
        ("System.Runtime", 0, interval),
        ("Shop", 0, interval),
        ("Old", 0, interval),
        (METERS, 2, meters),
    ];
    assert_eq!(shown, expected);
}

/// Names and tags without end, and quantiles that nobody asked for.
#[test]
fn a_value_takes_no_more_than_a_line_can_show() {
    let long = "x".repeat(5_000);
    let bytes = stream(
        0,
        &[(15, texts(&["SHARED", "Shop", "", "level", "", &long, "1"]))],
    );
    let found = updates(wish("Shop"), &bytes);
    assert_eq!(rows(&found), [] as [&str; 0]);
    let told =
        |update: &Update| matches!(update, Update::Note(text) if text.contains("is left out"));
    assert!(found.iter().any(told), "{found:?}");

    let quantiles = "0.5=1;".repeat(500);
    let mut payload = texts(&["SHARED", "Shop", "", "wait", "", "", &quantiles]);
    payload.extend([0; 12]);
    let found = updates(wish("Shop"), &stream(1, &[(16, payload)]));
    assert_eq!(rows(&found).len(), 16);
}

proptest! {
    #[test]
    fn payloads_that_were_changed_give_rows_or_an_error(
        kind in prop::sample::select(vec![14_u8, 15, 16, 17, 19, 22, 24, 25, 26, 27]),
        payload in prop::collection::vec(any::<u8>(), 0..200),
        version in 0_u8..4,
    ) {
        let bytes = stream(version, &[(kind, payload)]);
        let mut reader = Reader::new(&*bytes).unwrap();
        let mut counters = Counters::new(wish("Shop"), reader.trace().start);
        let event = reader.next().unwrap().unwrap();
        let _ = counters.event(&event, time::OffsetDateTime::UNIX_EPOCH);
    }
}
