//! `sidebox counters` on real applications: the rows of dotnet-counters, files that are whole whatever happens.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;
use tempfile::TempDir;

use super::case::Case;
use super::dotnet::{Version, await_some};
use super::tool::{Ran, finish, named, run, sidebox, signal, spawn, through};

fn watched(version: Version, name: &str) -> Option<Case> {
    Case::new("c.json", |dotnet| dotnet.app(version, name))
}

/// A call that writes JSON into the file.
pub(crate) fn collect(case: &Case, command: Command) -> Command {
    case.result_of(command, &["counters", "collect", "--format", "json"])
}

/// Starts such a call and waits for values.
pub(crate) fn collecting(case: &Case) -> Child {
    await_values(spawn(&mut collect(case, sidebox())), &case.file)
}

#[track_caller]
fn is_collected_whole(case: &Case, ran: &Ran) {
    case.is_done(ran);
    assert!(!events(&case.file).is_empty());
}

/// Waits until a file has values; a call that ends before says why.
pub(crate) fn await_values(mut child: Child, file: &Path) -> Child {
    let long = || fs::metadata(file).is_ok_and(|found| found.len() > 2_000);
    let looked = || match child.try_wait().unwrap() {
        _ if long() => Some(true),
        ended => ended.map(|_| false),
    };
    let grew = await_some(looked, || format!("{} does not grow", file.display()));
    if !grew {
        let mut said = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert!(grew, "no values: {said}");
    }
    child
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub(crate) fn events(path: &Path) -> Vec<Value> {
    json(path)["Events"].as_array().unwrap().clone()
}

/// Provider, name with tags, and type of each row of a CSV file.
fn rows(text: &str) -> BTreeSet<String> {
    let mut lines = text.lines();
    let head = "Timestamp,Provider,Counter Name,Counter Type,Mean/Increment";
    assert_eq!(lines.next(), Some(head));
    let row = |line: &str| {
        let (_, rest) = line.split_once(',').unwrap();
        rest.rsplit_once(',').unwrap().0.to_owned()
    };
    lines.map(row).collect()
}

/// The recipe, word for word but for the folder.
#[test]
fn the_command_of_the_recipe_works_as_it_stands() {
    let cases: Vec<_> = Version::ALL
        .into_iter()
        .filter_map(|version| watched(version, "HelloAks"))
        .collect();
    let start = |case: &Case| {
        let mut command = named(&case.folder, "dotnet-counters");
        command.env("TMPDIR", case.app.tmp());
        command.args(["collect", "--process-id", &case.app.pid().to_string()]);
        command.args(["--refresh-interval", "10", "--output"]);
        spawn(
            command
                .arg(case.folder.path().join("counters"))
                .args(["--format", "json"]),
        )
    };
    let children: Vec<_> = cases.iter().map(start).collect();
    for (case, child) in cases.iter().zip(children) {
        let file = case.folder.path().join("counters.json");
        let child = await_values(child, &file);
        signal(&child, "INT");
        let ran = finish(child);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.out, format!("{}\n", file.display()));
        assert_eq!(json(&file)["TargetProcess"], "dotnet");
        let events = events(&file);
        let first = events[0].as_object().unwrap();
        let keys: Vec<_> = first.keys().map(String::as_str).collect();
        let expected = [
            "counterType",
            "instrumentTags",
            "meterTags",
            "name",
            "provider",
            "tags",
            "timestamp",
            "value",
        ];
        assert_eq!(
            keys.into_iter().collect::<BTreeSet<_>>(),
            expected.into_iter().collect()
        );
        let name = first["name"].as_str().unwrap();
        assert_eq!(first["provider"], "System.Runtime", "{name}");
    }
}

#[test]
fn the_rows_are_those_of_dotnet_counters() {
    for version in Version::ALL {
        let Some(case) = watched(version, "HelloAks") else {
            return;
        };
        let Some(reference) = case.dotnet.reference(version) else {
            return;
        };
        let lists = [
            ("counters.csv", "System.Runtime"),
            ("eventcounters.csv", "EventCounters\\System.Runtime"),
        ];
        for (file, counters) in lists {
            let mut collect = case.tool(
                sidebox(),
                &["counters", "collect", "--duration", "00:00:04"],
            );
            let ours = case.folder.path().join(file);
            let ran = run(collect.args(["--counters", counters, "-o"]).arg(&ours));
            assert_eq!(ran.code, Some(0), "{}", ran.err);
            let theirs = fs::read_to_string(reference.join(file)).unwrap();
            let ours = fs::read_to_string(ours).unwrap();
            assert_eq!(rows(&ours), rows(&theirs), "{version:?} {counters}");
        }
    }
}

#[test]
fn instruments_of_each_kind_have_their_values() {
    for version in Version::ALL {
        let Some(case) = watched(version, "Instruments") else {
            return;
        };
        let mut collect = collect(&case, sidebox());
        let ran = run(collect.args([
            "--duration",
            "3s",
            "--counters",
            "Shop,Shop.Meter,Both,Nobody",
        ]));
        is_collected_whole(&case, &ran);
        assert!(ran.err.contains("nothing came from Nobody"), "{}", ran.err);
        let events = events(&case.file);
        let values = |provider: &str, name: &str, tags: &str| -> Vec<f64> {
            let is = |event: &&Value| {
                event["provider"] == provider && event["name"] == name && event["tags"] == tags
            };
            let found: Vec<_> = events.iter().filter(is).collect();
            found
                .iter()
                .map(|event| event["value"].as_f64().unwrap())
                .collect()
        };
        let always = |name, tags, value: f64| {
            let found = values("Shop.Meter", name, tags);
            assert!(!found.is_empty(), "{version:?} {name} {tags}");
            assert!(
                found.iter().all(|seen| (seen - value).abs() < 1.5),
                "{found:?}"
            );
        };
        always("level", "", 42.5);
        always("wait (ms)", "route=/,Percentile=50", 50.0);
        always("wait (ms)", "route=/,Percentile=95", 95.0);
        assert!(values("Shop", "Wait (ms)", "").contains(&10.0));
        assert!(!values("Shop", "Orders (Count / 1 sec)", "").is_empty());
        let orders = |tags| values("Shop.Meter", "orders ({order} / 1 sec)", tags);
        assert!(!orders("shop=a").is_empty());
        assert!(!orders("city=x, y=z,shop=b\"1\"").is_empty());
        let tagged = events
            .iter()
            .find(|event| event["provider"] == "Shop.Meter");
        assert_eq!(tagged.unwrap()["meterTags"], "tenant=north");
        let both = events.iter().filter(|event| event["provider"] == "Both");
        let both: BTreeSet<_> = both
            .map(|event| event["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(both, BTreeSet::from(["seen (Count / 1 sec)".to_owned()]));
    }
}

#[test]
fn signals_end_it_in_order() {
    let Some(case) = watched(Version::Net8, "HelloAks") else {
        return;
    };
    for name in ["INT", "TERM", "HUP"] {
        let child = collecting(&case);
        signal(&child, "TSTP");
        signal(&child, name);
        is_collected_whole(&case, &finish(child));
        fs::remove_file(&case.file).unwrap();
    }
}

#[test]
fn whatever_ends_it_the_file_is_whole() {
    let Some(mut case) = watched(Version::Net10, "HelloAks") else {
        return;
    };
    // The tool is killed.
    let mut child = collecting(&case);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!events(&case.file).is_empty());
    // What is there is not replaced without a word.
    let ran = run(collect(&case, sidebox()).args(["--duration", "1s"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--force replaces it"), "{}", ran.err);
    // The file may not grow.
    let mut limited = collect(&case, through(&["prlimit", "--fsize=9000"]));
    let ran = run(limited.arg("--force"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("takes no more"), "{}", ran.err);
    assert!(events(&case.file).len() > 5);
    fs::remove_file(&case.file).unwrap();
    // The application freezes: the second signal gives it up.
    let mut child = collecting(&case);
    case.app.freeze();
    let end = || {
        signal(&child, "INT");
        child.try_wait().unwrap()
    };
    await_some(end, || "it does not end".to_owned());
    assert!(!events(&case.file).is_empty());
    case.app.signal("CONT");
    fs::remove_file(&case.file).unwrap();
    // The application ends.
    let child = collecting(&case);
    case.app.kill();
    let ran = finish(child);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("ended before it was time"), "{}", ran.err);
    assert!(!events(&case.file).is_empty());
}

#[test]
fn several_processes_have_a_file_each() {
    let cases: Vec<_> = Version::ALL
        .into_iter()
        .filter_map(|version| watched(version, "HelloAks"))
        .collect();
    let [first, second] = &cases[..] else {
        return;
    };
    let mut collect = sidebox();
    collect.args(["counters", "collect", "--format", "json", "-p"]);
    collect.arg(format!("{},{}", first.app.pid(), second.app.pid()));
    collect.args(["--duration", "4s", "-o"]).arg(&first.file);
    let ran = run(&mut collect);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for case in &cases {
        let path = first
            .folder
            .path()
            .join(format!("c_{}.json", case.app.pid()));
        assert!(ran.out.contains(&*path.to_string_lossy()), "{}", ran.out);
        assert!(events(&path).len() >= 27);
    }
}

#[test]
fn two_tools_share_the_meters_or_are_told_why_not() {
    let Some(case) = watched(Version::Net10, "HelloAks") else {
        return;
    };
    let child = collecting(&case);
    let monitor = |interval| {
        let words = ["counters", "monitor", "--duration", "3s"];
        let mut monitor = case.tool(sidebox(), &words);
        run(monitor.args(["--refresh-interval", interval]))
    };
    let ran = monitor("1");
    assert!(ran.out.contains("dotnet.assembly.count"), "{}", ran.out);
    let ran = monitor("2");
    assert!(ran.err.contains("--refresh-interval 1"), "{}", ran.err);
    signal(&child, "TERM");
    is_collected_whole(&case, &finish(child));
}

#[test]
fn what_only_microsofts_tool_has_names_the_image_that_has_it() {
    let folder = TempDir::new().unwrap();
    for words in [
        &["list"][..],
        &["monitor", "--dsrouter", "ios"],
        &["collect", "--", "dotnet", "x.dll"],
    ] {
        let _ = fs::remove_file(folder.path().join("dotnet-counters"));
        let ran = run(named(&folder, "dotnet-counters").args(words));
        assert_eq!(ran.code, Some(1), "{words:?}");
        assert!(ran.err.contains("toolbox-dotnet"), "{words:?} {}", ran.err);
    }
}
