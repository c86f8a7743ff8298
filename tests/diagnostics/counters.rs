//! `sidebox counters` on real applications: the rows of dotnet-counters, files that are whole whatever happens.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::cli::{Ran, await_size, finish, is_root, named, run, sidebox, signal, spawn, through};
use super::dotnet::{App, Dotnet, Version, await_some};

/// An application and a folder for results.
struct Case {
    dotnet: Dotnet,
    app: App,
    folder: TempDir,
    file: PathBuf,
}

impl Case {
    fn new(version: Version, name: &str) -> Option<Self> {
        let dotnet = Dotnet::find()?;
        let app = dotnet.app(version, name).start();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("c.json");
        Some(Self {
            dotnet,
            app,
            folder,
            file,
        })
    }

    fn tool(&self, mut command: Command, words: &[&str]) -> Command {
        command.env("TMPDIR", self.app.tmp()).args(words);
        command.arg("-p").arg(self.app.pid().to_string());
        command
    }

    /// A call that writes JSON into the file.
    fn collect(&self, command: Command) -> Command {
        let mut command = self.tool(command, &["counters", "collect", "--format", "json"]);
        command.arg("-o").arg(&self.file);
        command
    }

    /// Starts such a call and waits for values.
    fn collecting(&self) -> Child {
        let child = spawn(&mut self.collect(sidebox()));
        await_size(&self.file, 2_000);
        child
    }

    fn is_whole(&self, ran: &Ran) {
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(ran.out, format!("{}\n", self.file.display()));
        assert!(!events(&self.file).is_empty());
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn events(path: &Path) -> Vec<Value> {
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
        .filter_map(|version| Case::new(version, "HelloAks"))
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
        await_size(&file, 2_000);
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
        let Some(case) = Case::new(version, "HelloAks") else {
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
        let Some(case) = Case::new(version, "Instruments") else {
            return;
        };
        let mut collect = case.collect(sidebox());
        let ran = run(collect.args([
            "--duration",
            "3s",
            "--counters",
            "Shop,Shop.Meter,Both,Nobody",
        ]));
        case.is_whole(&ran);
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
    let Some(case) = Case::new(Version::Net8, "HelloAks") else {
        return;
    };
    for name in ["INT", "TERM", "HUP"] {
        let child = case.collecting();
        signal(&child, "TSTP");
        signal(&child, name);
        case.is_whole(&finish(child));
        fs::remove_file(&case.file).unwrap();
    }
}

#[test]
fn whatever_ends_it_the_file_is_whole() {
    let Some(mut case) = Case::new(Version::Net10, "HelloAks") else {
        return;
    };
    // The tool is killed.
    let mut child = case.collecting();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!events(&case.file).is_empty());
    // What is there is not replaced without a word.
    let ran = run(case.collect(sidebox()).args(["--duration", "1s"]));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("--force replaces it"), "{}", ran.err);
    // The file may not grow.
    let mut limited = case.collect(through(&["prlimit", "--fsize=9000"]));
    let ran = run(limited.arg("--force"));
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.err.contains("takes no more"), "{}", ran.err);
    assert!(events(&case.file).len() > 5);
    fs::remove_file(&case.file).unwrap();
    // The application freezes: the second signal gives it up.
    let mut child = case.collecting();
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
    let child = case.collecting();
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
        .filter_map(|version| Case::new(version, "HelloAks"))
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

/// Processes that cannot be seen, with their sockets in a shared folder, as in `tmp-only`.
#[test]
fn all_processes_in_sight_are_watched() {
    let Some(dotnet) = Dotnet::find().filter(|_| is_root()) else {
        return;
    };
    let shared = TempDir::new().unwrap();
    let start = |version| {
        let app = dotnet.app(version, "HelloAks").env("TMPDIR", shared.path());
        app.start()
    };
    let apps = Version::ALL.map(start);
    for app in &apps {
        app.socket_in(shared.path());
    }
    let alone = || {
        let mut command = through(&["unshare", "--pid", "--fork", "--mount-proc"]);
        command.env("TMPDIR", shared.path());
        command.args(["counters", "monitor", "--duration", "4s"]);
        command
    };
    let ran = run(&mut alone());
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("say which with -p"), "{}", ran.err);
    let ran = run(alone().arg("--all"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for app in &apps {
        let heading = format!("HelloAks (process {})\n[System.Runtime]\n", app.pid());
        assert!(ran.out.contains(&heading), "{}", ran.out);
    }
}

#[test]
fn a_monitor_redraws_a_terminal_until_q() {
    for version in Version::ALL {
        let Some(case) = Case::new(version, "HelloAks") else {
            return;
        };
        let line = format!(
            "stty rows 40 cols 100; {} counters monitor -p {} --showDeltas; stty -a | grep -o ' icanon'",
            env!("CARGO_BIN_EXE_sidebox"),
            case.app.pid(),
        );
        let log = case.folder.path().join("screen");
        let mut script = Command::new("script");
        script.args(["--quiet", "--flush", "--return", "--command", &line]);
        let mut child = script
            .arg(&log)
            .env("TMPDIR", case.app.tmp())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let drawn = || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            (text.matches("\u{1b}[H").count() > 2 && text.contains("[System.Runtime]"))
                .then_some(())
        };
        await_some(drawn, || "nothing is drawn".to_owned());
        child.stdin.as_mut().unwrap().write_all(b"q").unwrap();
        let ran = finish(child);
        assert_eq!(ran.code, Some(0), "{}", ran.out);
        let (before, after) = ran.out.split_once("\u{1b}[?1049l").unwrap();
        assert!(before.contains("\u{1b}[?1049h"));
        // The last values stay, and the terminal is as it was.
        assert!(after.contains("[System.Runtime]"), "{after}");
        assert!(after.ends_with(" icanon\r\n"), "{after}");
    }
}

#[test]
fn a_runtime_that_dials_the_tool_is_watched_too() {
    let Some(dotnet) = Dotnet::find() else { return };
    for version in Version::ALL {
        let folder = TempDir::new().unwrap();
        let port = folder.path().join("diagnostics.sock");
        let ports = format!("{},connect,nosuspend", port.display());
        let app = dotnet.app(version, "HelloAks");
        let _app = app.env("DOTNET_DiagnosticPorts", ports).start();
        let mut monitor = sidebox();
        monitor.args(["counters", "monitor", "--duration", "4s"]);
        let ran = run(monitor.arg("--diagnostic-port").arg(&port));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert!(ran.out.contains("[System.Runtime]\n"), "{}", ran.out);
        assert!(!port.exists());
    }
}

#[test]
fn two_tools_share_the_meters_or_are_told_why_not() {
    let Some(case) = Case::new(Version::Net10, "HelloAks") else {
        return;
    };
    let child = case.collecting();
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
    case.is_whole(&finish(child));
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
