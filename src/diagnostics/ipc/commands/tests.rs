//! The bytes of every command.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use super::super::config::{Level, Provider};
use super::*;

/// Bytes as groups of hexadecimal digits, a message to a line: text is shown as such.
fn shown(request: &Request) -> String {
    let bytes = request.bytes();
    assert_eq!(&bytes[..14], b"DOTNET_IPC_V1\0");
    assert_eq!(
        usize::from(u16::from_le_bytes([bytes[14], bytes[15]])),
        bytes.len()
    );
    let mut text = format!("{} {:02x}{:02x}", request.name(), bytes[16], bytes[17]);
    for pair in bytes[18..].chunks(2) {
        match pair {
            [unit @ 0x21..=0x7e, 0] => text.push(char::from(*unit)),
            other => {
                for byte in other {
                    write!(text, ".{byte:02x}").unwrap();
                }
            }
        }
    }
    text
}

fn session(provider: &str, keywords: u64) -> SessionConfig {
    let provider = Provider::new(provider, keywords, Level::Informational).unwrap();
    SessionConfig::new(vec![provider]).unwrap()
}

#[test]
fn commands_without_a_payload_are_a_header() {
    let shown: Vec<String> = [
        process_info(InfoVersion::One),
        process_info(InfoVersion::Two),
        process_info(InfoVersion::Three),
        process_environment(),
        resume_runtime(),
    ]
    .iter()
    .map(shown)
    .collect();
    assert_eq!(
        shown,
        [
            "ProcessInfo 0400.00.00",
            "ProcessInfo2 0404.00.00",
            "ProcessInfo3 0408.00.00",
            "ProcessEnvironment 0402.00.00",
            "ResumeRuntime 0401.00.00",
        ]
    );
}

#[test]
fn a_session_is_stopped_by_its_number() {
    let stop = stop_tracing(0x1122_3344_5566_7788).unwrap();
    assert_eq!(
        shown(&stop),
        "StopTracing 0201.00.00.88.77.66.55.44.33.22.11"
    );
}

/// What dotnet-trace 10.0.750501 sends for its default profile, caught on its way.
#[test]
fn a_session_as_dotnet_trace_asks_for_it() {
    let providers = vec![
        Provider::new(
            "Microsoft-Windows-DotNETRuntime",
            0x0010_0003_801D,
            Level::Informational,
        )
        .unwrap(),
        Provider::new(
            "Microsoft-DotNETCore-SampleProfiler",
            0xF000_0000_0000,
            Level::Informational,
        )
        .unwrap(),
    ];
    let requests = collect_tracing(&SessionConfig::new(providers).unwrap()).unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].bytes(),
        &include_bytes!("../../../../tests/diagnostics/default-session.bin")[..]
    );
}

#[test]
fn what_a_version_cannot_say_has_an_older_command_behind_it() {
    let config = session("P", 1).with_buffer(NonZeroU32::new(16).unwrap());
    let none = config.clone().with_rundown(Rundown::None);
    assert_eq!(
        shown(&collect_tracing(&none).unwrap()[0]),
        "CollectTracing2 0203.00.00.10.00.00.00.01.00.00.00.00.01.00.00.00\
         .01.00.00.00.00.00.00.00.04.00.00.00.02.00.00.00.50.00.00.00.01.00.00.00.00.00"
    );
    let keywords = config.clone().with_rundown(Rundown::Keywords(8));
    let shown_all: Vec<String> = collect_tracing(&keywords)
        .unwrap()
        .iter()
        .map(shown)
        .collect();
    assert!(shown_all[0].starts_with(
        "CollectTracing4 0205.00.00.10.00.00.00.01.00.00.00.08.00.00.00.00.00.00.00.01.01.00.00.00.01"
    ));
    assert!(
        shown_all[1]
            .starts_with("CollectTracing2 0203.00.00.10.00.00.00.01.00.00.00.01.01.00.00.00")
    );
    let lean = config.without_stacks();
    let shown_all: Vec<String> = collect_tracing(&lean).unwrap().iter().map(shown).collect();
    assert!(
        shown_all[0]
            .starts_with("CollectTracing3 0204.00.00.10.00.00.00.01.00.00.00.01.00.01.00.00.00")
    );
    assert!(shown_all[1].starts_with("CollectTracing2 0203"));
}

#[test]
fn arguments_follow_the_name() {
    let provider = Provider::new("A", 2, Level::Verbose).unwrap();
    let provider = provider.with_arguments("k=v").unwrap();
    let config = SessionConfig::new(vec![provider]).unwrap();
    let bytes = shown(&collect_tracing(&config).unwrap()[0]);
    let tail = ".02.00.00.00.00.00.00.00.05.00.00.00.02.00.00.00.41.00.00.00.04.00.00.00.6b.00.3d.00.76.00.00.00";
    assert!(bytes.ends_with(tail), "{bytes}");
}

#[test]
fn a_dump_has_a_path_of_its_own_and_a_known_type() {
    let flags = DumpFlags {
        log: true,
        crash_report: true,
    };
    let dump = DumpRequest::new("/tmp/x", DumpType::Heap)
        .unwrap()
        .with_flags(flags);
    let shown: Vec<String> = generate_core_dump(&dump)
        .unwrap()
        .iter()
        .map(shown)
        .collect();
    let tail = ".00.00.07.00.00.00/tmp/x.00.00.02.00.00.00.05.00.00.00";
    assert_eq!(
        shown,
        [
            format!("GenerateCoreDump3 0103{tail}"),
            format!("GenerateCoreDump2 0102{tail}"),
            format!("GenerateCoreDump 0101{tail}"),
        ]
    );
}

#[test]
fn what_would_harm_the_runtime_cannot_be_asked() {
    let provider = |name: &str| Provider::new(name, 0, Level::Critical);
    assert_eq!(provider("").unwrap_err(), InvalidRequest::EmptyProvider);
    assert_eq!(
        SessionConfig::new(vec![]).unwrap_err(),
        InvalidRequest::NoProviders
    );
    let error = provider("a\0b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the provider's name \"a\\0b\" has a zero character, with which the runtime would end it"
    );
    assert!(provider("a").unwrap().with_arguments("\0").is_err());
    for path in ["", "core", "./core"] {
        assert!(matches!(
            DumpRequest::new(path, DumpType::Mini),
            Err(InvalidRequest::RelativePath { .. })
        ));
    }
    assert!(DumpRequest::new("/a\0", DumpType::Mini).is_err());
}

#[test]
fn more_than_a_message_holds_is_an_error() {
    let providers =
        (0..900).map(|n| Provider::new(&format!("Some-Provider-Of-Events-{n}"), 0, Level::Error));
    let config = SessionConfig::new(providers.collect::<Result<_, _>>().unwrap()).unwrap();
    let error = collect_tracing(&config).unwrap_err();
    assert!(
        matches!(
            error,
            InvalidRequest::TooLong {
                command: "CollectTracing2",
                ..
            }
        ),
        "{error}"
    );
}
