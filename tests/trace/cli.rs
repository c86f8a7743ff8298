//! `sidebox trace convert` and `report`, as people type them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::stream::{Stream, Written, text};
use super::{MICROSOFT, assert_same, references};

const RUNDOWN: &str = "Microsoft-Windows-DotNETRuntimeRundown";
pub(crate) const SIDEBOX: &str = env!("CARGO_BIN_EXE_sidebox");

pub(crate) fn run(program: &Path, folder: &Path, words: &[&str]) -> Output {
    Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap()
}

pub(crate) fn sidebox(folder: &Path, words: &[&str]) -> Output {
    run(Path::new(SIDEBOX), folder, words)
}

/// What it printed, if it did its work.
#[track_caller]
pub(crate) fn printed(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it told, if it did not.
#[track_caller]
pub(crate) fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Two samples of a thread, in a method that the rundown names.
pub(crate) fn small() -> Vec<u8> {
    let mut stacks = 1_u32.to_le_bytes().to_vec();
    for part in [1_u32, 8] {
        stacks.extend(part.to_le_bytes());
    }
    stacks.extend(0x1010_u64.to_le_bytes());
    let mut method = Vec::new();
    for part in [1_u64, 7, 0x1000] {
        method.extend(part.to_le_bytes());
    }
    for part in [0x20_u32, 0, 0] {
        method.extend(part.to_le_bytes());
    }
    method.extend(["Shop.Basket", "Sum", "int32  (int32)"].map(text).concat());
    let mut module = 7_u64.to_le_bytes().to_vec();
    module.extend([0; 16]);
    module.extend(text("/app/Shop.dll"));
    let event = |kind, sequence, stack, payload| Written {
        kind,
        thread: 9,
        sequence,
        stack,
        payload,
    };
    Stream::new()
        .kind(1, "Microsoft-DotNETCore-SampleProfiler", 0)
        .kind(2, RUNDOWN, 144)
        .kind(3, RUNDOWN, 154)
        .kind(4, RUNDOWN, 146)
        .block("StackBlock", &stacks)
        .events(&[
            event(1, 1, 1, &[2, 0, 0, 0]),
            event(1, 2, 1, &[1, 0, 0, 0]),
            event(2, 3, 0, &method),
            event(3, 4, 0, &module),
            event(4, 5, 0, &[0, 0]),
        ])
        .end()
}

pub(crate) fn folder_with(name: &str, bytes: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

/// A folder with that trace.
pub(crate) fn with_small() -> TempDir {
    folder_with("a.nettrace", &small())
}

#[test]
fn the_seed_of_the_fuzz_target_is_this_trace() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fuzz/seeds/profile/small.nettrace"
    );
    if std::env::var_os("UPDATE_SEEDS").is_some() {
        fs::write(path, small()).unwrap();
    }
    assert!(fs::read(path).unwrap() == small());
}

#[test]
fn results_lie_where_dotnet_trace_puts_them() {
    let folder = with_small();
    let at = folder.path();
    let convert = |more: &[&str]| {
        let words = [&["trace", "convert", "a.nettrace"], more].concat();
        printed(&sidebox(at, &words))
    };
    for (more, path) in [
        (&["--format", "Speedscope"][..], "a.speedscope.json"),
        (&["--format", "chromium"], "a.chromium.json"),
        (&["--format", "Chromium", "-o", "b.json"], "b.chromium.json"),
        (
            &["--format", "Chromium", "-o", "c.chromium.json"],
            "c.chromium.json",
        ),
        (&["--format", "NetTrace", "-o", "d"], "d.nettrace"),
    ] {
        assert_eq!(convert(more), format!("{path}\n"));
        assert!(at.join(path).is_file());
    }
    assert_eq!(fs::read(at.join("d.nettrace")).unwrap(), small());
    let speedscope = fs::read_to_string(at.join("a.speedscope.json")).unwrap();
    let exporter = concat!(
        "{\"exporter\": \"sidebox@",
        env!("CARGO_PKG_VERSION"),
        "\", \"name\": \"a.speedscope\""
    );
    assert!(speedscope.starts_with(exporter), "{speedscope}");
    assert!(
        speedscope
            .contains("{ \"name\": \"Shop!Shop.Basket.Sum(int32)\" }, { \"name\": \"CPU_TIME\" }"),
        "{speedscope}"
    );
}

/// The stack sample says who the thread is; an event that only threads of the pool write says what it is for.
#[test]
fn threads_are_named_by_what_they_are_for() {
    let runtime = "Microsoft-Windows-DotNETRuntime";
    let stream = Stream::new()
        .kind(1, "Microsoft-DotNETCore-SampleProfiler", 0)
        .kind(2, runtime, 54)
        .kind(3, runtime, 14);
    let event = |kind, thread, sequence, payload| Written {
        kind,
        thread,
        sequence,
        stack: 0,
        payload,
    };
    let trace = stream
        .events(&[
            event(1, 9, 1, &[2, 0, 0, 0]),
            event(1, 8, 1, &[1, 0, 0, 0]),
            event(1, 9, 2, &[2, 0, 0, 0]),
            event(1, 8, 2, &[1, 0, 0, 0]),
            event(2, 9, 3, &[0; 10]),
            event(3, 8, 3, &[0; 2]),
            event(3, 9, 4, &[0; 2]),
        ])
        .end();
    let folder = folder_with("a.nettrace", &trace);
    printed(&sidebox(
        folder.path(),
        &["trace", "convert", "a.nettrace", "--format", "Speedscope"],
    ));
    let speedscope = fs::read_to_string(folder.path().join("a.speedscope.json")).unwrap();
    for thread in [
        "Thread (9) (.NET ThreadPool)",
        "Thread (8) (.NET Finalizer Thread)",
    ] {
        let name = format!("\"name\": \"{thread}\"");
        assert_eq!(
            speedscope.matches(&name).count(),
            2,
            "the frame and the profile: {speedscope}"
        );
    }
}

#[test]
fn a_result_that_is_there_stays_unless_somebody_says_so() {
    let folder = with_small();
    let at = folder.path();
    let result = at.join("a.speedscope.json");
    fs::write(&result, "mine").unwrap();
    let words = ["trace", "convert", "a.nettrace", "--format", "Speedscope"];
    let told = refused(&sidebox(at, &words));
    assert!(
        told.contains("a.speedscope.json is there already: --force replaces it"),
        "{told}"
    );
    assert_eq!(fs::read(&result).unwrap(), b"mine");
    printed(&sidebox(at, &[&words[..], &["--force"]].concat()));
    assert_ne!(fs::read(&result).unwrap(), b"mine");
    // Microsoft's users know it from there.
    let named = at.join("dotnet-trace");
    symlink(SIDEBOX, &named).unwrap();
    printed(&run(
        &named,
        at,
        &["convert", "a.nettrace", "--format:Speedscope"],
    ));
    let itself = [
        "trace",
        "convert",
        "a.nettrace",
        "--format",
        "NetTrace",
        "--force",
    ];
    let told = refused(&sidebox(at, &itself));
    assert!(
        told.contains("a.nettrace is the trace itself: say where with -o"),
        "{told}"
    );
}

#[test]
fn the_table_goes_to_standard_output_alone() {
    let folder = with_small();
    let report = |more: &[&str]| {
        let words = [&["trace", "report", "a.nettrace", "topN"], more].concat();
        sidebox(folder.path(), &words)
    };
    let wall = report(&["-n", "1"]);
    let table = printed(&wall);
    let expected = format!(
        "{:<77}{:<20}{:<20}\n1. {:<70}    {:<20}{:<20}\n",
        "Top 1 Functions (Exclusive)",
        "Inclusive",
        "Exclusive",
        "Basket.Sum(int32)",
        "100%",
        "100%"
    );
    assert_eq!(table, expected);
    let told = String::from_utf8(wall.stderr).unwrap();
    assert!(told.contains("--view cpu shows what ran"), "{told}");
    assert_eq!(
        printed(&report(&["-n", "1", "--view", "cpu", "-v"])),
        expected
    );
    let inclusive = printed(&report(&["--inclusive"]));
    assert!(
        inclusive.starts_with("Top 3 Functions (Inclusive)"),
        "{inclusive}"
    );
}

#[test]
fn what_cannot_be_converted_is_named_with_the_place() {
    let whole = small();
    let refuse = |bytes: &[u8]| {
        let folder = folder_with("a.nettrace", bytes);
        let words = ["trace", "convert", "a.nettrace", "--format", "Speedscope"];
        let told = refused(&sidebox(folder.path(), &words));
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no result, and nothing beside it"
        );
        told
    };
    let at = whole
        .windows(10)
        .rposition(|bytes| bytes == b"EventBlock")
        .unwrap();
    let mut damaged = whole.clone();
    damaged[at + 2] = b'!';
    // A block of an unknown name is passed over, and with it the samples.
    assert!(refuse(&damaged).contains(
        "a.nettrace has no samples of stacks: record with the profile dotnet-sampled-thread-time"
    ));
    let mut lying = whole.clone();
    lying[at + 14] = 0xff;
    let told = refuse(&lying);
    assert!(
        told.contains("a.nettrace: byte ") && told.contains("the length of a block"),
        "{told}"
    );
    let told = refuse(b"PK\x03\x04 a zip file, not a trace, but long enough to be one");
    assert!(
        told.contains("a.nettrace: this is no event stream"),
        "{told}"
    );
    let told = refuse(b"Nettrace\0\0\0\0\x06\0\0\0\0\0\0\0");
    assert!(
        told.contains("a.nettrace: this event stream has format 6"),
        "{told}"
    );
    let told = refused(&sidebox(
        Path::new("/"),
        &["trace", "report", "/no/such.nettrace", "topN"],
    ));
    assert!(told.contains("cannot read /no/such.nettrace"), "{told}");
}

/// Before anybody looks for the application.
#[test]
fn a_file_for_a_viewer_needs_samples_and_a_free_name() {
    let folder = with_small();
    let collect = |more: &[&str]| {
        let words = [
            &[
                "trace",
                "collect",
                "-p",
                "4194304",
                "--format",
                "Speedscope",
            ],
            more,
        ]
        .concat();
        refused(&sidebox(folder.path(), &words))
    };
    let told = collect(&["--profile", "gc-collect"]);
    assert!(
        told.contains("none were asked for: add the provider Microsoft-DotNETCore-SampleProfiler"),
        "{told}"
    );
    fs::write(folder.path().join("b.speedscope.json"), "mine").unwrap();
    let told = collect(&["-o", "b.nettrace"]);
    assert!(
        told.contains("b.speedscope.json is there already: --force replaces it"),
        "{told}"
    );
    assert!(!folder.path().join("b.nettrace").exists());
    let told = collect(&["-o", "b.nettrace", "--force"]);
    assert!(
        told.contains("process 4194304 is no .NET process"),
        "{told}"
    );
}

#[test]
fn a_trace_that_was_cut_off_is_converted_as_far_as_it_goes() {
    let whole = small();
    let folder = folder_with("a.nettrace", &whole[..whole.len() - 1]);
    let words = ["trace", "convert", "a.nettrace", "--format", "Chromium"];
    let output = sidebox(folder.path(), &words);
    assert_eq!(printed(&output), "a.chromium.json\n");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("the trace was cut off"), "{told}");
}

#[test]
fn files_made_by_the_command_are_those_of_dotnet_trace_but_for_the_exporter() {
    for reference in references() {
        let trace = fs::read(reference.join("trace.nettrace")).unwrap();
        let folder = folder_with("trace.nettrace", &trace);
        for (format, name) in [
            ("Speedscope", "trace.speedscope.json"),
            ("Chromium", "trace.chromium.json"),
        ] {
            let words = ["trace", "convert", "trace.nettrace", "--format", format];
            printed(&sidebox(folder.path(), &words));
            let ours = fs::read_to_string(folder.path().join(name)).unwrap();
            let exporter = concat!("sidebox@", env!("CARGO_PKG_VERSION"));
            let ours = ours.replacen(exporter, MICROSOFT, 1);
            assert_same(ours.as_bytes(), &fs::read(reference.join(name)).unwrap());
        }
    }
}
