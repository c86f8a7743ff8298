//! An event stream: events or an error with a place, never more of them than bytes; heap and counters read them too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::counters::{Counters, Selection, Wish};
use sidebox::diagnostics::heap::Snapshot;
use sidebox::diagnostics::nettrace::Reader;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else {
        return;
    };
    let trace = reader.trace().clone();
    let mut snapshot = Snapshot::new(16 << 20);
    let wish = Wish {
        selection: Selection::default(),
        interval: 1,
        max_histograms: 10,
        max_time_series: 1000,
        client: "fuzz".into(),
    };
    let mut counters = Counters::new(wish, trace.start);
    let mut count = 0;
    while let Ok(Some(event)) = reader.next() {
        count += 1;
        let _ = snapshot.take_event(&event);
        let _ = counters.event(&event, trace.time(event.ticks));
    }
    assert!(count <= bytes.len());
    assert!(reader.offset() <= bytes.len() as u64);
});
