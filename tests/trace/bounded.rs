//! Does a longer trace take more memory? The same application, traced five times as long.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::cli::{SIDEBOX, folder_with};
use super::stream::{Stream, text, varint};
use super::viewers::assert_speedscope;

/// Methods of the application, each 16 bytes long.
const METHODS: u64 = 400;
const DEPTH: u64 = 10;
const THREADS: usize = 4;
/// Events between two sequence points, a quarter of them samples.
const EVENTS: usize = 2800;

/// What is written between two sequence points: stacks, samples, and events that nobody asks for here.
fn round(stream: Stream, number: usize) -> Stream {
    let mut stacks = 1_u32.to_le_bytes().to_vec();
    stacks.extend(200_u32.to_le_bytes());
    for stack in 0..200_u64 {
        stacks.extend((8 * u32::try_from(DEPTH).unwrap()).to_le_bytes());
        for frame in 0..DEPTH {
            let method = if frame == 0 { stack } else { METHODS - frame };
            stacks.extend((0x10000 + method * 16 + 3).to_le_bytes());
        }
    }
    let mut events = vec![20, 0, 1, 0];
    events.extend([0; 16]);
    // Times are differences, from zero in every block.
    let mut step = number * 1_000_000_000 + 1000;
    for event in 0..EVENTS {
        let sample = event % 4 == 0;
        let thread = event / 4 % THREADS + 1;
        let payload: &[u8] = if sample { &[2, 0, 0, 0] } else { &[b'x'; 80] };
        let stack = if sample {
            (event / 4 + number) % 200 + 1
        } else {
            0
        };
        events.extend([0x8f, if sample { 1 } else { 5 }]);
        let sequence = if event == 0 { number * EVENTS } else { 0 };
        for part in [sequence, 9, 0, thread, stack, step, payload.len()] {
            events.extend(varint(part));
        }
        events.extend(payload);
        step = 300_000;
    }
    stream
        .block("StackBlock", &stacks)
        .block("EventBlock", &events)
        .point(&[(9, u32::try_from(EVENTS * (number + 1)).unwrap())])
}

/// The names of all methods, as the runtime writes them at the end.
fn names(stream: Stream, before: usize) -> Stream {
    let mut events = vec![20, 0, 1, 0];
    events.extend([0; 16]);
    let mut sequence = before;
    let mut add = |kind: usize, payload: &[u8]| {
        events.push(0x8f);
        for part in [
            kind,
            std::mem::take(&mut sequence),
            9,
            0,
            1,
            0,
            1,
            payload.len(),
        ] {
            events.extend(varint(part));
        }
        events.extend(payload);
    };
    for method in 0..METHODS {
        let mut payload = Vec::new();
        for part in [method, 7, 0x10000 + method * 16] {
            payload.extend(part.to_le_bytes());
        }
        for part in [16_u32, 0, 0] {
            payload.extend(part.to_le_bytes());
        }
        let name = format!("Method{method}");
        payload.extend(["Shop.Basket", &name, "void  ()"].map(text).concat());
        add(2, &payload);
    }
    let mut module = 7_u64.to_le_bytes().to_vec();
    module.extend([0; 16]);
    module.extend(text("/app/Shop.dll"));
    add(3, &module);
    add(4, &[0, 0]);
    stream.block("EventBlock", &events)
}

fn trace(rounds: usize) -> Vec<u8> {
    let rundown = "Microsoft-Windows-DotNETRuntimeRundown";
    let start = Stream::new()
        .kind(1, "Microsoft-DotNETCore-SampleProfiler", 0)
        .kind(2, rundown, 144)
        .kind(3, rundown, 154)
        .kind(4, rundown, 146)
        .kind(5, "Somebody-Else", 1);
    names((0..rounds).fold(start, round), rounds * EVENTS).end()
}

/// The most memory that a command had, in kilobytes.
fn peak(folder: &Path, words: &[&str]) -> u64 {
    let mut child = Command::new(SIDEBOX)
        .args(words)
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::yield_now();
    };
    assert!(ended.success(), "{words:?}");
    peak
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_trace() {
    let (short, long) = (trace(40), trace(200));
    let folder = folder_with("short.nettrace", &short);
    let at = folder.path();
    let mut file = fs::File::create(at.join("long.nettrace")).unwrap();
    file.write_all(&long).unwrap();
    for command in [
        &["convert", "--format", "Speedscope"][..],
        &["convert", "--format", "Chromium"],
        &["report", "topN"],
    ] {
        let of = |name| {
            let words = [&["trace", command[0], name], &command[1..]].concat();
            peak(at, &words)
        };
        let (less, more) = (of("short.nettrace"), of("long.nettrace"));
        let allowed = less + less / 4 + 1024;
        assert!(
            more <= allowed,
            "{command:?}: {less} and {more} KB for {} and {} bytes",
            short.len(),
            long.len()
        );
    }
    let marks = assert_speedscope(&at.join("long.speedscope.json"));
    assert!(marks > 300_000, "{marks}: enough to be put aside");
    let left = fs::read_dir(at).unwrap().count();
    assert_eq!(left, 6, "nothing is left beside the results");
}
