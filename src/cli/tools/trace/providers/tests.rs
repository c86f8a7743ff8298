//! Options as people type them, and what comes of them.

use super::*;

fn shown(asked: &Asked<'_>) -> Vec<String> {
    let choice = choose(asked).unwrap();
    let show = |chosen: &Chosen| {
        let (name, by) = (&chosen.name, chosen.by);
        let level = chosen.level as u32;
        format!(
            "{name} {:x} {level} {} {by}",
            chosen.keywords,
            joined(&chosen.arguments)
        )
    };
    choice.providers.iter().map(show).collect()
}

fn error(asked: &Asked<'_>) -> String {
    format!("{:#}", choose(asked).unwrap_err())
}

fn providers(text: &str) -> Asked<'_> {
    Asked {
        providers: Some(text),
        ..Asked::default()
    }
}

#[test]
fn nothing_asked_means_the_first_two_profiles() {
    assert_eq!(
        shown(&Asked::default()),
        [
            "Microsoft-Windows-DotNETRuntime 100003801d 4  --profile",
            "Microsoft-DotNETCore-SampleProfiler f00000000000 4  --profile",
        ]
    );
}

#[test]
fn each_part_of_a_provider_has_its_default() {
    assert_eq!(
        shown(&providers(
            r#"A:0x10:5:k=v;x="a;b=c", B,c::Error,,d:FFFFFFFFFFFFFFFF:9"#
        )),
        [
            r#"A 10 5 k=v;x="a;b=c" --providers"#,
            "B 0 4  --providers",
            "c 0 2  --providers",
            "d ffffffffffffffff 5  --providers",
        ]
    );
    assert_eq!(
        shown(&providers(r#"A:::F=\"x;y\""#)),
        [r#"A 0 4 F="x;y" --providers"#]
    );
}

#[test]
fn the_same_provider_twice_is_one() {
    assert_eq!(shown(&providers("A:1:1,a:2:3")), ["A 3 3  --providers"]);
    assert_eq!(shown(&providers("A:1:5,a:2:0")), ["A 3 0  --providers"]);
    assert!(error(&providers("A:1:1:k=v,A:1:1:k=w")).contains("A twice with arguments"));
}

#[test]
fn providers_win_over_profiles_and_both_over_clrevents() {
    let asked = Asked {
        providers: Some("Microsoft-Windows-DotNETRuntime:1:5"),
        profiles: Some("dotnet-common,GC-Collect"),
        clr_events: Some("jit"),
        clr_level: None,
    };
    assert_eq!(
        shown(&asked),
        [
            "Microsoft-Windows-DotNETRuntime 1 5  --providers",
            "Microsoft-Windows-DotNETRuntimePrivate 1 4  --profile",
        ]
    );
    assert_eq!(choose(&asked).unwrap().notes.len(), 1);
    let events = Asked {
        clr_events: Some("GC+jit"),
        clr_level: Some("verbose"),
        ..Asked::default()
    };
    assert_eq!(
        shown(&events),
        ["Microsoft-Windows-DotNETRuntime 11 5  --clrevents"]
    );
}

#[test]
fn only_gc_collect_alone_has_a_small_rundown() {
    let rundown = |profiles, providers| {
        let asked = Asked {
            profiles: Some(profiles),
            providers,
            ..Asked::default()
        };
        choose(&asked).unwrap().rundown
    };
    assert_eq!(rundown("gc-collect", None), Rundown::KeywordsOrNone(1));
    assert_eq!(rundown("gc-collect,gc-verbose", None), Rundown::Full);
    assert_eq!(rundown("gc-collect", Some("A")), Rundown::Full);
    assert_eq!(rundown("database", None), Rundown::Full);
}

#[test]
fn errors_name_the_part_that_is_wrong() {
    assert_eq!(
        error(&providers("A:xyz")),
        "--providers A:xyz: the keywords are \"xyz\", expected a hexadecimal number like 0x10: invalid digit found in string"
    );
    assert!(error(&providers("A::loud")).contains("the level is \"loud\", expected 0 to 5"));
    assert!(error(&providers(":1")).contains("begins without a name"));
    assert!(error(&providers("A:::k")).contains("has no value, expected KEY=VALUE"));
    assert_eq!(error(&providers(",")), "no providers were asked for");
    let profile = |name| {
        error(&Asked {
            profiles: Some(name),
            ..Asked::default()
        })
    };
    assert!(profile("cpu-sampling").contains("dotnet-sampled-thread-time samples threads"));
    assert!(profile("fast").contains("expected some of dotnet-common, "));
    let events = Asked {
        clr_events: Some("gc+nothing"),
        ..Asked::default()
    };
    assert!(error(&events).contains("--clrevents nothing: there is no such group"));
}
