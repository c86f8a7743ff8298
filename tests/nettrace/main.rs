//! The reader of event streams: on what real runtimes wrote, and on streams that lie.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be read or made fails the test"
)]

#[path = "../dotnet/mod.rs"]
mod dotnet;
#[path = "../support/stream.rs"]
mod stream;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;

use dotnet::{Dotnet, Version};
use proptest::prelude::*;
use sidebox::diagnostics::nettrace::{End, NettraceError, Reader, Value};
use stream::{Stream, Written, text};

/// How often each kind of event came.
type Counts = BTreeMap<(String, u32), usize>;

/// Reads all; how often each kind of event came, events lost, and the end.
fn read(input: impl Read) -> Result<(Counts, u64, End), NettraceError> {
    let mut reader = Reader::new(input)?;
    let mut counts = Counts::new();
    while let Some(event) = reader.next()? {
        let key = (event.kind.provider.to_string(), event.kind.id);
        *counts.entry(key).or_insert(0) += 1;
        event.values(&mut |_, _| {}).ok();
    }
    Ok((counts, reader.lost(), reader.end().unwrap()))
}

#[test]
fn streams_of_real_runtimes_are_read_whole() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let Some(folder) = dotnet.reference(version) else {
            return;
        };
        for name in ["trace.nettrace", "gcheap.nettrace"] {
            let file = File::open(folder.join(name)).unwrap();
            let (counts, lost, end) = read(file).unwrap();
            assert_eq!((lost, end), (0, End::Whole), "{name}");
            let rundown = "Microsoft-Windows-DotNETRuntimeRundown".to_owned();
            assert_eq!(counts[&(rundown, 146)], 1, "the rundown is complete");
        }
    }
}

#[test]
fn stacks_of_samples_are_those_that_the_stream_wrote() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let Some(folder) = dotnet.reference(version) else {
            return;
        };
        let mut reader = Reader::new(File::open(folder.join("trace.nettrace")).unwrap()).unwrap();
        assert_eq!(reader.trace().pointer, 8);
        let mut samples = 0;
        while let Some(event) = reader.next().unwrap() {
            if &*event.kind.provider == "Microsoft-DotNETCore-SampleProfiler" {
                samples += 1;
                assert!(!event.stack.is_empty() && event.stack.len().is_multiple_of(8));
                assert_ne!(event.thread, event.capture_thread);
            }
        }
        assert!(samples > 1000, "{samples}");
    }
}

/// Two kinds of events by two threads, fields, stacks, a point.
fn small() -> Vec<u8> {
    let mut fields = 1_u32.to_le_bytes().to_vec();
    fields.extend(1_u32.to_le_bytes());
    fields.extend(2_u32.to_le_bytes());
    fields.extend(18_u32.to_le_bytes());
    fields.extend(text("Name"));
    fields.extend(14_u32.to_le_bytes());
    fields.extend(text("Mean"));
    fields.extend(text(""));
    let mut payload = text("wait");
    payload.extend(2.5_f64.to_le_bytes());
    let event = |kind, thread, sequence, payload| Written {
        kind,
        thread,
        sequence,
        stack: 1,
        payload,
    };
    let mut stacks = 1_u32.to_le_bytes().to_vec();
    stacks.extend(2_u32.to_le_bytes());
    stacks.extend(16_u32.to_le_bytes());
    stacks.extend([7; 16]);
    stacks.extend(0_u32.to_le_bytes());
    Stream::new()
        .kind(1, "Runtime", 18)
        .described(2, "Shop", 3, ("EventCounters", &fields))
        .block("StackBlock", &stacks)
        .block("FutureBlock", b"passed over")
        .events(&[
            event(1, 9, 1, b"abc"),
            event(2, 9, 2, &payload),
            event(1, 8, 1, b""),
        ])
        .point(&[(9, 2), (8, 1)])
        .end()
}

#[test]
fn a_stream_made_by_hand_says_what_was_put_in() {
    let bytes = small();
    let mut reader = Reader::new(&*bytes).unwrap();
    let first = reader.next().unwrap().unwrap();
    assert_eq!((&*first.kind.provider, first.kind.id), ("Runtime", 18));
    assert_eq!((first.payload, first.stack), (&b"abc"[..], &[7; 16][..]));
    assert_eq!((first.thread, first.ticks), (9, 1));
    let second = reader.next().unwrap().unwrap();
    assert_eq!(&*second.kind.name, "EventCounters");
    let mut values = Vec::new();
    second
        .values(&mut |name, value| values.push((name.to_owned(), value)))
        .unwrap();
    let expected = [
        ("Name".to_owned(), Value::Text("wait".to_owned())),
        ("Mean".to_owned(), Value::Number(2.5)),
    ];
    assert_eq!(values, expected);
    let third = reader.next().unwrap().unwrap();
    assert_eq!((third.thread, third.payload), (8, &b""[..]));
    assert!(reader.next().unwrap().is_none());
    assert_eq!((reader.lost(), reader.end()), (0, Some(End::Whole)));
    let time = reader.trace().time(1000 + 1_500_000_000).to_string();
    assert_eq!(time, "2026-11-23 15:34:50.565 +00:00:00");
}

/// The seed of the fuzz target is this stream: held against it, and written anew with UPDATE_SEEDS=1.
#[test]
fn the_seed_of_the_fuzz_target_is_this_stream() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fuzz/seeds/nettrace/small.nettrace"
    );
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        fs::write(path, small()).unwrap();
    }
    assert!(fs::read(path).unwrap() == small());
}

#[test]
fn lost_events_are_counted() {
    let event = |thread, sequence| Written {
        kind: 1,
        thread,
        sequence,
        stack: 0,
        payload: b"",
    };
    let bytes = Stream::new()
        .kind(1, "Runtime", 18)
        .events(&[event(9, 1), event(9, 4)])
        .point(&[(9, 10), (8, 3)])
        .end();
    let (_, lost, end) = read(&*bytes).unwrap();
    assert_eq!((lost, end), (2 + 6 + 3, End::Whole));
}

#[test]
fn a_stream_cut_anywhere_gives_what_came_before() {
    let bytes = small();
    let start = 32 + 20 + 1 + 48 + 1;
    for length in 0..bytes.len() {
        match read(&bytes[..length]) {
            Ok((.., end)) => assert!(end == End::Cut && length >= start, "cut at {length}"),
            Err(error) => assert!(length < start, "cut at {length}: {error}"),
        }
    }
}

#[test]
fn other_formats_are_named() {
    let newer = b"Nettrace\0\0\0\0\x06\0\0\0\0\0\0\0";
    assert!(matches!(
        Reader::new(&newer[..]),
        Err(NettraceError::Format(6))
    ));
    assert!(matches!(
        Reader::new(&b"GIF89a, not a trace"[..]),
        Err(NettraceError::Foreign)
    ));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    let mut bytes = small();
    let name = b"EventBlock\x06";
    let at = bytes
        .windows(name.len())
        .position(|part| part == name)
        .unwrap()
        + name.len();
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let Err(NettraceError::Wrong { offset, part, .. }) = read(&*bytes) else {
        panic!("a block of 4 GiB was believed");
    };
    assert_eq!((offset, part), (at as u64 + 4, "the length of a block"));
    // One within the bound is a stream that ends early.
    bytes[at..at + 4].copy_from_slice(&(60_u32 << 20).to_le_bytes());
    assert!(matches!(read(&*bytes), Ok((.., End::Cut))));
}

/// Each a little in the stream and a lot in memory, or longer than any event is.
#[test]
fn what_no_runtime_writes_is_refused_before_it_takes_memory() {
    let fields = 2_000_000_u32;
    let mut described = fields.to_le_bytes().to_vec();
    (0..fields).for_each(|_| described.extend([9, 0, 0, 0, 0, 0]));
    let stream = Stream::new().described(1, "P", 1, ("E", &described));
    let error = read(&*stream.end()).unwrap_err().to_string();
    assert!(error.ends_with(" bytes of descriptions"), "{error}");

    let long = vec![0; (1 << 20) + 1];
    let event = Written {
        kind: 1,
        thread: 9,
        sequence: 1,
        stack: 0,
        payload: &long,
    };
    let stream = Stream::new().kind(1, "P", 1).events(&[event]);
    let error = read(&*stream.end()).unwrap_err().to_string();
    assert!(
        error.contains("the length of an event is 1048577"),
        "{error}"
    );

    let mut stream = Stream::new();
    let none = [1_u32, 0].map(u32::to_le_bytes).concat();
    for _ in 0..1000 {
        stream = stream.block("StackBlock", &none);
    }
    assert!(
        read(&*stream.end()).is_ok(),
        "empty blocks of stacks are allowed"
    );
}

proptest! {
    #[test]
    fn bytes_that_were_changed_give_events_or_an_error(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = small();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok((counts, ..)) = read(&*bytes) {
            prop_assert!(counts.values().sum::<usize>() <= bytes.len());
        }
    }
}

#[test]
fn a_real_stream_that_was_damaged_ends_in_order_or_with_a_place() {
    let Some(dotnet) = Dotnet::find() else { return };
    let Some(folder) = dotnet.reference(Version::Net8) else {
        return;
    };
    let bytes = fs::read(folder.join("gcheap.nettrace")).unwrap();
    let mut refused = 0;
    for round in 0..40 {
        let mut damaged = bytes[..bytes.len() / 8].to_vec();
        let at = (round * 7919 + 13) * 1009 % damaged.len();
        damaged[at] ^= 0xff;
        refused += usize::from(read(&*damaged).is_err());
    }
    assert!(refused < 40);
}
