//! The events of counters: `id u8, version u8, length u16, payload`, one after the other; id 0 is a mean, 1 an increment of an
//! event source, all others are those of meters. Rows that files and screens can hold, in bounded memory.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::counters::{Counters, Format, Look, Row, Screen, Selection, Table, Update, Wish};
use sidebox::diagnostics::nettrace::{Event, EventKind, Field, Type};
use time::OffsetDateTime;

fn kind(id: u8, version: u8) -> EventKind {
    let source = id < 2;
    let texts = |names: &[&str]| -> Vec<Field> {
        let text = |name: &&str| Field { name: (*name).into(), kind: Type::Text };
        names.iter().map(text).collect()
    };
    let number = |name: &str| Field { name: name.into(), kind: Type::Double };
    let mut fields = texts(&["Name", "DisplayName"]);
    match id {
        0 => fields.extend([number("Mean"), number("StandardDeviation")]),
        1 => fields.push(number("Increment")),
        _ => fields.clear(),
    }
    if source {
        fields.extend(texts(&["Series", "CounterType", "Metadata", "DisplayUnits"]));
    }
    EventKind {
        provider: if source { "Shop" } else { "System.Diagnostics.Metrics" }.into(),
        id: id.into(),
        name: if source { "EventCounters" } else { "" }.into(),
        keywords: 0,
        version: version.into(),
        level: 4,
        fields,
        opcode: 0,
    }
}

fn rows(bytes: &[u8]) -> Vec<Row> {
    let wish = Wish {
        selection: Selection::parse("Shop,Meter,EventCounters\\Only").expect("a list"),
        interval: 1,
        max_histograms: 10,
        max_time_series: 1000,
        client: "fuzz".into(),
    };
    let mut counters = Counters::new(wish, OffsetDateTime::UNIX_EPOCH);
    let mut all = Vec::new();
    let mut rest = bytes;
    while let Some(([id, version, low, high], after)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (payload, next) = after.split_at(length);
        let kind = kind(*id, *version);
        let event = Event {
            kind: &kind,
            thread: 1,
            capture_thread: 1,
            ticks: 0,
            sorted: false,
            stack: &[],
            stack_number: 0,
            point: 0,
            payload,
        };
        let time = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds((*version).into());
        for update in counters.event(&event, time).unwrap_or_default() {
            if let Update::Rows(rows) = update {
                all.extend(rows);
            }
        }
        rest = next;
    }
    all
}

fuzz_target!(|bytes: &[u8]| {
    let rows = rows(bytes);
    let text: usize = rows.iter().map(Row::weight).sum();
    assert!(text <= 64 * bytes.len() + 4096, "{text} of {}", bytes.len());
    let mut screen = Screen::default();
    for row in &rows {
        screen.take("", row);
    }
    let look = Look { width: 80, height: 25, deltas: true };
    let lines = screen.lines("fuzz", look);
    assert!(lines.len() <= 25 && lines.iter().all(|line| line.chars().count() <= 80));
    assert!(lines.iter().all(|line| !line.contains(char::is_control)));
    for format in [Format::Csv, Format::Json] {
        let mut file = Cursor::new(Vec::new());
        let mut table = Table::begin(&mut file, format, "fuzz", OffsetDateTime::UNIX_EPOCH).expect("memory");
        for row in &rows {
            table.add(row, OffsetDateTime::UNIX_EPOCH);
        }
        table.flush().expect("memory");
        let text = String::from_utf8(file.into_inner()).expect("text");
        match format {
            Format::Csv => assert_eq!(text.lines().count(), rows.len() + 1),
            Format::Json => {
                let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(value["Events"].as_array().map(Vec::len), Some(rows.len()));
            }
        }
    }
});
