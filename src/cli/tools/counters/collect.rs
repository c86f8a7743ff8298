//! `sidebox counters collect`: values in a file that is whole after every interval.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use time::OffsetDateTime;

use super::watch::{Outcome, Sink, watch};
use super::wish::{WishArgs, costs};
use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, OutputArgs, Subject};
use crate::cli::tools::output::{self, Line, note};
use crate::cli::tools::place::Place;
use crate::cli::tools::target::{Target, program};
use crate::diagnostics::counters::{Format, Selection, Table, Update, Wish};
use crate::diagnostics::nettrace::NettraceError;

pub(super) const EXAMPLES: &str = concat!(
    costs!(),
    "
The file is whole after every interval, also when the application is killed, the disk fills or this tool is killed. \
With several processes each has a file, NAME_PID. The ending .csv or .json is added to --output where it lacks. \
Times in CSV are UTC.

Keys on a terminal: q or Enter ends, p pauses, r goes on.

Examples:
  sidebox counters collect --duration 00:01:00
  sidebox counters collect -p 7,8 -o /data/counters --format json --refresh-interval 10
  sidebox counters collect --counters System.Runtime[cpu-usage],Shop.Meter

Exit codes:
  0  collected until it was told to stop
  1  an application ended before, or nothing could be collected; what was received is in the file"
);

/// The flags of `counters collect`, named as those of dotnet-counters.
#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    #[command(flatten)]
    wish: WishArgs,
    /// What the file is
    #[arg(long, default_value = "csv", ignore_case = true)]
    format: Form,
    #[command(flatten)]
    output: OutputArgs,
}

/// The words for [`Format`].
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// One line for each value
    Csv,
    /// One object
    Json,
}

/// Collects, and tells where.
pub(super) fn run(args: &CollectArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let place = Place::of_process();
    let targets = args.wish.targets.find(&place)?;
    let wish = args.wish.wish();
    let mut stop = args.wish.stop()?;
    let mut files = args.files(&place, &targets, called)?;
    let outcome = args.wish.sessions(&wish, &targets).and_then(|sessions| {
        introduce(&wish, &targets, stop.has_single_keys());
        watch(sessions, &wish, &mut stop, &mut files)
    });
    drop(stop);
    files.line.end();
    let failed = outcome.is_err();
    let written = files.close(failed)?;
    let outcome = outcome?;
    conclude(&written, &wish.selection, outcome)
}

impl CollectArgs {
    fn format(&self) -> Format {
        match self.format {
            Form::Csv => Format::Csv,
            Form::Json => Format::Json,
        }
    }

    /// Begins the file of each process.
    fn files(&self, place: &Place, targets: &[Target], called: CalledAs) -> anyhow::Result<Files> {
        let extension = self.format().extension();
        let several = targets.len() > 1;
        let mut files = Files::default();
        for target in targets {
            let subject = Subject {
                place,
                target,
                kind: "counters",
                extension,
            };
            let pid = several.then_some(target.pid);
            let asked = self.output.asked();
            let asked = asked.map(|path| with_ending(path, extension, pid));
            let manners = self.output.manners(called);
            let draft = Draft::begin(asked.as_deref(), manners, subject)?;
            files
                .sheets
                .push(Sheet::begin(draft, self.format(), target)?);
        }
        Ok(files)
    }
}

/// The file's name with the ending of its format, added where it is not there, as dotnet-counters does.
fn with_ending(path: &Path, extension: &str, pid: Option<u32>) -> PathBuf {
    let ending = format!(".{extension}");
    let text = path.as_os_str().as_encoded_bytes();
    let mut name = if text.ends_with(ending.as_bytes()) {
        path.with_extension("").into_os_string()
    } else {
        path.as_os_str().to_owned()
    };
    if let Some(pid) = pid {
        name.push(format!("_{pid}"));
    }
    name.push(ending);
    name.into()
}

fn introduce(wish: &Wish, targets: &[Target], keys: bool) {
    let names: Vec<_> = targets
        .iter()
        .map(|target| format!("{} (process {})", target.name(), target.pid))
        .collect();
    let end = if keys { "q, Enter or Ctrl+C" } else { "Ctrl+C" };
    note(&format!(
        "counters {} of {} every {} s; {end} ends it",
        wish.selection,
        names.join(", "),
        wish.interval
    ));
}

/// The file of one process.
struct Sheet {
    path: PathBuf,
    /// What gives the file its name, with the first values.
    draft: Option<Draft>,
    pid: u32,
    table: Table<File>,
    values: u64,
    /// From where values came.
    providers: BTreeSet<Box<str>>,
}

/// What became of the file of one process.
struct Written {
    path: PathBuf,
    values: u64,
    providers: BTreeSet<Box<str>>,
}

struct Files {
    sheets: Vec<Sheet>,
    line: Line,
    start: Instant,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            sheets: Vec::new(),
            line: Line::new(),
            start: Instant::now(),
        }
    }
}

impl Sink for Files {
    fn take(&mut self, process: usize, update: Update) -> anyhow::Result<()> {
        let Some(sheet) = self.sheets.get_mut(process) else {
            return Ok(());
        };
        match update {
            Update::Rows(rows) => {
                for row in rows {
                    sheet.table.add(&row, OffsetDateTime::now_utc());
                    sheet.values += 1;
                    if !sheet.providers.contains(&row.provider) {
                        sheet.providers.insert(row.provider);
                    }
                }
                sheet.flush_when_long()
            }
            Update::Note(text) | Update::Refused(text) => {
                self.line.end();
                note(&format!("process {}: {text}", sheet.pid));
                Ok(())
            }
        }
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        self.sheets.iter_mut().try_for_each(Sheet::flush)?;
        let values: u64 = self.sheets.iter().map(|sheet| sheet.values).sum();
        let clock = output::clock(self.start.elapsed());
        self.line
            .show(&format!("[{clock}]  {values} values   q or Enter ends it"));
        Ok(())
    }

    fn ended(&mut self, process: usize, error: Option<NettraceError>) {
        self.line.end();
        let pid = self.sheets.get(process).map_or(0, |sheet| sheet.pid);
        match error {
            None => note(&format!(
                "process {pid} has ended, or somebody stopped this session"
            )),
            Some(error) => note(&format!("process {pid}: {error}")),
        }
    }
}

impl Sheet {
    fn begin(draft: Draft, format: Format, target: &Target) -> anyhow::Result<Self> {
        let path = draft.path().to_owned();
        let now = OffsetDateTime::now_utc();
        let table = Table::begin(draft.file()?, format, program(&target.runtime), now)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            path,
            draft: Some(draft),
            pid: target.pid,
            table,
            values: 0,
            providers: BTreeSet::new(),
        })
    }

    /// Rows that wait for a pause are bounded.
    fn flush_when_long(&mut self) -> anyhow::Result<()> {
        if self.values.is_multiple_of(1000) {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.table.flush();
        written.with_context(|| {
            format!(
                "{} takes no more: the values before are in it",
                self.path.display()
            )
        })?;
        if self.values > 0
            && let Some(draft) = self.draft.take()
        {
            draft.keep()?;
        }
        Ok(())
    }

    /// Cuts off what is not whole; a file without any value of a watching that failed never gets its name.
    fn close(self, failed: bool) -> anyhow::Result<Written> {
        let (file, whole) = self.table.into_parts();
        if file.metadata()?.len() != whole {
            file.set_len(whole)?;
        }
        match self.draft {
            Some(draft) if !failed || self.values > 0 => drop(draft.keep()?),
            _ => {}
        }
        Ok(Written {
            path: self.path,
            values: self.values,
            providers: self.providers,
        })
    }
}

impl Files {
    fn close(self, failed: bool) -> anyhow::Result<Vec<Written>> {
        let sheets = self.sheets.into_iter();
        sheets.map(|sheet| sheet.close(failed)).collect()
    }
}

/// The paths alone go to standard output.
fn conclude(
    written: &[Written],
    selection: &Selection,
    outcome: Outcome,
) -> anyhow::Result<ExitCode> {
    for file in written {
        output::result(&file.path)?;
    }
    let values: u64 = written.iter().map(|file| file.values).sum();
    note(&format!("{values} values"));
    for selected in selection.providers() {
        if !written
            .iter()
            .any(|file| file.providers.contains(&selected.name))
        {
            note(&format!(
                "nothing came from {}: names are case-sensitive, and a source speaks only once the application has made it",
                selected.name
            ));
        }
    }
    if outcome.dropped > 0 {
        note(&format!(
            "{} updates came faster than they could be written, and were left out",
            outcome.dropped
        ));
    }
    match outcome.ended {
        0 => Ok(ExitCode::SUCCESS),
        1 => Err(anyhow!(
            "an application ended before it was time: its values up to then are in the file"
        )),
        several => Err(anyhow!(
            "{several} applications ended before it was time: their values up to then are in the files"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_is_added_once_and_processes_are_told_apart() {
        let rows = [
            ("/data/counters", None, "/data/counters.json"),
            ("/data/counters.json", None, "/data/counters.json"),
            ("/data/c.csv", None, "/data/c.csv.json"),
            ("/data/c.json", Some(7), "/data/c_7.json"),
            ("/data/c", Some(7), "/data/c_7.json"),
        ];
        for (path, pid, expected) in rows {
            assert_eq!(
                with_ending(Path::new(path), "json", pid),
                Path::new(expected)
            );
        }
    }
}
