//! The table of methods, against that of dotnet-trace.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

use sidebox::diagnostics::nettrace::Reader;
use sidebox::diagnostics::trace::{By, Names, Profile, Row, Top, View};

use super::references;

fn top(folder: &Path, view: View) -> Top {
    let file = File::open(folder.join("trace.nettrace")).unwrap();
    Top::of(&mut Profile::read(file).unwrap(), view).unwrap()
}

/// The time that dotnet-trace gives the thread that ended the session: from its last sample to the event that describes
/// the process, which it takes for a sample.
fn quirk(folder: &Path) -> f64 {
    let file = File::open(folder.join("trace.nettrace")).unwrap();
    let mut reader = Reader::new(std::io::BufReader::new(file)).unwrap();
    let mut last = HashMap::new();
    let mut described = None;
    while let Some(event) = reader.next().unwrap() {
        match &*event.kind.provider {
            "Microsoft-DotNETCore-SampleProfiler" => {
                last.insert(event.thread, event.ticks);
            }
            "Microsoft-DotNETCore-EventPipe" => described = Some((event.thread, event.ticks)),
            _ => {}
        }
    }
    let (thread, ticks) = described.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "some seconds in nanoseconds")]
    let nanoseconds = (ticks - last[&thread]) as f64;
    nanoseconds / 1e6
}

/// Name and the two shares of a line.
fn parse(line: &str) -> (String, [f64; 2]) {
    let (_, row) = line.split_once('.').unwrap();
    let name: String = row.trim_start().chars().take(70).collect();
    let mut shares = line.split_whitespace().rev();
    let mut share = || {
        shares
            .next()
            .unwrap()
            .trim_end_matches('%')
            .parse()
            .unwrap()
    };
    let exclusive = share();
    (name.trim_end().to_owned(), [share(), exclusive])
}

#[test]
fn shares_are_those_of_dotnet_trace_but_for_its_quirk() {
    for folder in references() {
        let top = top(&folder, View::Wall);
        let quirk = quirk(&folder);
        let theirs = fs::read_to_string(folder.join("trace.topn.txt")).unwrap();
        let table = top.table((By::Exclusive, Names::AsDotnetTrace), 10_000, false);
        let ours: Vec<_> = table.lines().skip(1).map(parse).collect();
        let total = top.total() + quirk;
        let with = |share: f64, extra: f64| (share * top.total() + extra * 100.0) / total;
        let is = |ours: f64, theirs: f64, extra| (with(ours, extra) - theirs).abs() <= 0.0101;
        let mut stretched = 0;
        for line in theirs.lines().skip(1) {
            let (name, [inclusive, exclusive]) = parse(line);
            let same = |extra: [f64; 2]| {
                // The last stack of a thread has no time of its own, so that a method may be in theirs alone.
                let rows = ours.iter().filter(|(ours, _)| *ours == name);
                rows.map(|(_, shares)| *shares)
                    .chain([[0.0, 0.0]])
                    .any(|shares| {
                        is(shares[0], inclusive, extra[0]) && is(shares[1], exclusive, extra[1])
                    })
            };
            let innermost = same([quirk, quirk]);
            stretched += usize::from(innermost);
            assert!(
                innermost || same([quirk, 0.0]) || same([0.0, 0.0]),
                "{line}\n{table}"
            );
        }
        assert_eq!(stretched, 1, "one method has the quirk's time, {quirk} ms");
    }
}

#[test]
fn the_busy_method_comes_first_in_the_cpu_view_alone() {
    for folder in references() {
        let first = |view, names| {
            let top = top(&folder, view);
            let table = top.table((By::Exclusive, names), 5, false);
            parse(table.lines().nth(1).unwrap()).0
        };
        // Whatever the names: that a method is called as dotnet-trace's own frames must not help.
        for names in [Names::All, Names::AsDotnetTrace] {
            assert_eq!(first(View::Cpu, names), "Worker.FindPrimeNumber(int32)");
            assert_ne!(first(View::Wall, names), "Worker.FindPrimeNumber(int32)");
        }
    }
}

#[test]
fn no_name_is_hidden_in_the_cpu_view() {
    for folder in references() {
        let top = top(&folder, View::Cpu);
        let rows = top.rows((By::Exclusive, Names::AsDotnetTrace), 10_000);
        assert!(rows.iter().any(|row| row.name.contains("Process")));
        assert_eq!(rows, top.rows((By::Exclusive, Names::All), 10_000));
        let title = |row: &Row<'_>| row.name.starts_with("Process64 ");
        assert!(!rows.iter().any(title), "the process is no method");
    }
}
