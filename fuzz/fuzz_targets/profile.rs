//! A recorded trace, made files for viewers and a table: results or an error, never more of them than the trace can tell.
#![no_main]

use std::io::{Cursor, sink};

use libfuzzer_sys::fuzz_target;
use sidebox::diagnostics::trace::{By, Names, Profile, Timeline, Titles, Top, View, chromium, speedscope};

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut profile) = Profile::read(Cursor::new(bytes)) else {
        return;
    };
    assert!(profile.summary().samples <= bytes.len() as u64);
    let titles = Titles { exporter: "fuzz", name: "fuzz" };
    for view in [View::Wall, View::Cpu] {
        if let Ok(timeline) = Timeline::of(&mut profile, view, std::env::temp_dir()) {
            let mut json = Vec::new();
            speedscope::write(&timeline, titles, &mut json).expect("memory takes it");
            if json.len() < 1 << 20 {
                serde_json::from_slice::<serde_json::Value>(&json).expect("JSON, whatever the names");
            }
            chromium::write(&timeline, titles, &mut sink()).expect("nothing refuses it");
        }
        if let Ok(top) = Top::of(&mut profile, view) {
            let rows = top.rows((By::Exclusive, Names::All), 5);
            assert!(rows.iter().all(|row| row.exclusive <= row.inclusive + 1e-3));
            let table = top.table((By::Inclusive, Names::AsDotnetTrace), 5, true);
            assert!(table.chars().all(|sign| sign == '\n' || !sign.is_control()));
        }
    }
});
