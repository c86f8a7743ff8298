//! `sidebox dump collect`: a dump, written by the application where it can write, brought to where it is wanted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, OutputArgs, Subject};
use crate::cli::tools::output::{self, Line, note, size};
use crate::cli::tools::place::Place;
use crate::cli::tools::stop::{Asked, Stop, no_longer};
use crate::cli::tools::target::{Target, TargetArgs};
use crate::diagnostics::dump::{Carried, Frozen, Room, Stage, Staged, Writing, carry, likely_size};
use crate::diagnostics::ipc::{DumpFlags, DumpRequest, DumpType};
use crate::diagnostics::process::Visible;

pub(super) const EXAMPLES: &str = "\
Costs the application: all of its threads stand still until the file is written, 1 to 2 s for a small application and \
minutes for a heap of many gigabytes. A liveness probe that fails meanwhile has the container restarted: raise its \
failureThreshold before, or take a smaller type. A dump holds all that the process held: passwords, keys, customers' data.

The application writes the file itself: as its user, into its own folder for temporary files, whose free space is looked at \
before. From there it is brought to --output; the hash of the copy is compared before the first one is removed. Where that \
folder is an emptyDir, the dump counts against its sizeLimit and against the container's ephemeral-storage limit, which cannot \
be seen from inside a container: a Pod over its limit is evicted. Where there seems to be no room nothing is asked of the \
application; --force asks all the same. Ctrl+C does not stop a dump once it has begun.

Examples:
  sidebox dump collect --type Heap
  sidebox dump collect -p 7 -o /data/worker.dmp

A dump is read by `dotnet-dump analyze`, in the image toolbox-dotnet or on your own machine.";

/// How often the dump is looked at: the time that the application stands still is as exact as this.
const LOOK: Duration = Duration::from_millis(2);

/// The flags of `dump collect`, named as those of dotnet-dump.
#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// How much of the memory
    #[arg(long, value_enum, ignore_case = true, default_value = "Full")]
    r#type: Kind,
    /// The writer's own log, on the standard output of the application
    #[arg(long)]
    diag: bool,
    /// Also a report of all stacks as JSON, beside the dump: FILE.crashreport.json
    #[arg(long)]
    crashreport: bool,
}

/// The types of dumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// All memory and all images
    #[value(name = "Full")]
    Full,
    /// Stacks, modules and the heaps, without images
    #[value(name = "Heap")]
    Heap,
    /// Stacks and modules
    #[value(name = "Mini")]
    Mini,
    /// As Mini, without paths, command lines and the like
    #[value(name = "Triage")]
    Triage,
}

impl From<Kind> for DumpType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Full => Self::Full,
            Kind::Heap => Self::Heap,
            Kind::Mini => Self::Mini,
            Kind::Triage => Self::Triage,
        }
    }
}

/// Dumps, and tells where.
pub(super) fn run(args: &CollectArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let place = Place::of_process();
    let target = args.target.find(&place)?;
    let subject = Subject {
        place: &place,
        target: &target,
        kind: "dump",
        extension: "dmp",
    };
    let manners = args.output.manners(called);
    let dump = Draft::begin(args.output.asked(), manners, subject)?;
    let report = report_of(dump.path());
    let report = args.crashreport.then(|| Draft::of(&report, manners));
    let drafts = Drafts {
        dump,
        report: report.transpose()?,
    };
    let carried = args.dump(&target, &drafts)?;
    note(&size(carried.bytes));
    for draft in [Some(drafts.dump), drafts.report].into_iter().flatten() {
        output::result(&draft.keep()?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The files of the result.
#[derive(Debug)]
struct Drafts {
    dump: Draft,
    report: Option<Draft>,
}

impl CollectArgs {
    fn dump(&self, target: &Target, drafts: &Drafts) -> anyhow::Result<Carried> {
        let stage = Stage::of(&target.runtime)
            .with_context(|| format!("process {} cannot be dumped from here", target.pid))?;
        let staged = stage.file(&name(target));
        self.look_for_room(target, &stage, drafts.dump.path())?;
        introduce(target, &stage);
        self.write(target, &staged)?;
        // From here on a signal ends the program; the first copy is still there then.
        no_longer().context("cannot listen for signals")?;
        if let Some(report) = &drafts.report {
            bring(&report_of(&staged.here), report.made_at())?;
        }
        bring(&staged.here, drafts.dump.made_at())
    }

    /// Before the application is asked: a disk that it fills is its own.
    fn look_for_room(&self, target: &Target, stage: &Stage, path: &Path) -> anyhow::Result<()> {
        let process = target.visible.as_ref();
        let Some(needed) = process.and_then(|process| likely_size(process, self.r#type.into()))
        else {
            note("note: the process cannot be seen: how big its dump becomes is not known");
            return Ok(());
        };
        note(&format!("the dump takes up to about {}", size(needed)));
        let problems = problems(needed, process, stage, path);
        if self.output.is_forced() {
            for problem in problems {
                note(&format!("note: {problem}"));
            }
        } else if let [first, ..] = problems.as_slice() {
            bail!("{first}: --type Mini is small, --force tries all the same");
        }
        Ok(())
    }

    fn write(&self, target: &Target, staged: &Staged) -> anyhow::Result<()> {
        let request = DumpRequest::new(&staged.there, self.r#type.into())?;
        let request = request.with_flags(DumpFlags {
            log: self.diag,
            crash_report: self.crashreport,
        });
        let mut stop = Stop::listen().context("cannot listen for signals")?;
        let mut line = Line::new();
        let process = target.visible.clone();
        let mut writing = Writing::start(&target.runtime, request, staged.here.clone(), process);
        let mut asked = false;
        let answer = loop {
            if let Some(answer) = writing.look() {
                break answer;
            }
            line.show(&format!("{} written", size(writing.written())));
            if stop.asked() == Some(Asked::Signal) {
                if asked {
                    bail!(
                        "left: the application goes on writing {}",
                        staged.here.display()
                    );
                }
                asked = true;
                note("a dump cannot be stopped: once more to leave it to the application");
            }
            thread::sleep(LOOK);
        };
        line.end();
        answer
            .inspect_err(|_| {
                // What was begun helps nobody; it may not be there at all.
                let _ = fs::remove_file(&staged.here);
            })
            .with_context(|| format!("process {} wrote no dump", target.pid))?;
        tell(writing.frozen());
        if !staged.here.exists() {
            bail!(
                "the application says it wrote {}, but there is no {} here: the two are not the same folder",
                staged.there,
                staged.here.display()
            );
        }
        Ok(())
    }
}

fn introduce(target: &Target, stage: &Stage) {
    note(&format!(
        "{} (process {}) writes it into its {}, which is {} here",
        target.name(),
        target.pid,
        stage.there().display(),
        stage.here().display()
    ));
    note(
        "the application stands still until then; a liveness probe that fails meanwhile restarts it",
    );
}

/// What is too small for a dump of so many bytes.
fn problems(needed: u64, process: Option<&Visible>, stage: &Stage, path: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    for folder in [stage.here(), folder.unwrap_or_else(|| Path::new("."))] {
        let Ok(room) = Room::of(folder) else { continue };
        if room.free < needed {
            let free = size(room.free);
            problems.push(format!("{} has only {free} free", folder.display()));
        }
    }
    let in_memory = Room::of(stage.here()).is_ok_and(|room| room.memory);
    let left = process.filter(|_| in_memory).and_then(|process| {
        let limit = process.memory_limit()?;
        Some(limit.saturating_sub(process.resident()?))
    });
    if let Some(left) = left.filter(|left| *left < needed) {
        problems.push(format!(
            "{} is made of memory, of which the application has {} left under its limit: it would be killed",
            stage.here().display(),
            size(left)
        ));
    }
    problems
}

fn tell(frozen: Frozen) {
    match frozen {
        Frozen::Seen(time) => note(&format!(
            "the application stood still for {:.2} s",
            time.as_secs_f64()
        )),
        Frozen::AtMost(time) => note(&format!(
            "the application stood still for {:.2} s at most",
            time.as_secs_f64()
        )),
    }
}

/// A name of its own in a folder that belongs to the application.
fn name(target: &Target) -> String {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    format!("sidebox-{}-{now}.dmp", target.pid)
}

/// Where the report of a dump lies.
fn report_of(dump: &Path) -> PathBuf {
    let mut name = dump.as_os_str().to_owned();
    name.push(".crashreport.json");
    name.into()
}

/// Brings a file to its place.
fn bring(from: &Path, to: &Path) -> anyhow::Result<Carried> {
    let mut line = Line::new();
    let carried = carry(from, to, |bytes| {
        line.show(&format!("{} copied", size(bytes)));
    });
    line.end();
    let carried = carried?;
    if let Some(error) = &carried.left {
        note(&format!(
            "note: the first copy cannot be removed, please do: {} ({error})",
            from.display()
        ));
    }
    Ok(carried)
}
