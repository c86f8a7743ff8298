//! `sidebox trace collect`: a session of events into a file that is valid whatever happens.

use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::convert::{Format, export};
use super::profiles::SAMPLER;
use super::providers::{Asked as Wanted, Choice, Chosen, choose};
use super::record::{Trace, record};
use super::stopping::StoppingArgs;
use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, Manners, OutputArgs, Subject};
use crate::cli::tools::output::{self, note, size};
use crate::cli::tools::place::Place;
use crate::cli::tools::stop::{Stop, duration, no_longer};
use crate::cli::tools::target::{Target, TargetArgs};
use crate::diagnostics::ipc::{Rundown, SessionConfig};
use crate::diagnostics::process::Visible;
use crate::diagnostics::recording::{End, Recorded};
use crate::diagnostics::trace::{Profile, View};

pub(super) const EXAMPLES: &str = "\
Costs the application: the default samples the stacks of all managed threads, for which the runtime stops them for \
some microseconds each time; a busy process with few threads loses one or two per cent. Its memory grows by what is not yet \
sent, up to --buffersize: an eighth of its memory limit, 256 MB at most, 64 MB where the limit is not known. At the end \
the runtime writes the names of its methods (about 0.3 KB each). An event that does not fit is lost, never waited for.

The file is valid however the trace ends. When the disk runs low the trace is stopped while its end still fits.

Examples:
  sidebox trace collect --duration 00:00:10
  sidebox trace collect --duration 00:00:10 --format Speedscope -o /data/busy.nettrace   # and busy.speedscope.json
  sidebox trace collect -p 7 -o /data/gc.nettrace --profile gc-collect
  sidebox trace collect -n HelloAks --providers Microsoft-Windows-DotNETRuntime:0x8000:4
  sidebox trace collect --clrevents exception+contention --clreventlevel informational

Exit codes:
  0  the trace is whole
  1  it is not, or there is none; what was received is in the file";

/// The flags of `trace collect`, named as those of dotnet-trace.
#[derive(Debug, Args)]
pub(super) struct CollectArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Also make a file for a viewer, beside the trace; its name ends in `.speedscope.json` or `.chromium.json`
    #[arg(long, value_enum, ignore_case = true, default_value = "NetTrace")]
    format: Format,
    /// How long: [DD:]HH:MM:SS, or 90s, 5m, 2h; until Enter or Ctrl+C if left out
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Named sets of providers, separated by commas; `list-profiles` shows them
    #[arg(long, value_name = "NAMES")]
    profile: Option<String>,
    /// NAME[:KEYWORDS[:LEVEL[:ARGUMENTS]]], separated by commas
    #[arg(long, value_name = "PROVIDERS")]
    providers: Option<String>,
    /// Groups of the runtime's own events, joined with +, for example gc+jit
    #[arg(long, value_name = "GROUPS")]
    clrevents: Option<String>,
    /// The level of --clrevents: 0 to 5 or a name like verbose
    #[arg(long, value_name = "LEVEL", requires = "clrevents")]
    clreventlevel: Option<String>,
    /// The most that the application may keep for the trace, in MB
    #[arg(long, value_name = "MB")]
    buffersize: Option<NonZeroU32>,
    #[command(flatten)]
    stopping: StoppingArgs,
    /// Whether the names of methods are written at the end
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", ignore_case = true)]
    rundown: Option<bool>,
    /// Whether an application that waits for its start may go on
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "true", default_missing_value = "true")]
    resume_runtime: bool,
}

/// Records, and tells where.
pub(super) fn run(args: &CollectArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let choice = choose(&args.wanted())?;
    let stopping = args.stopping.read()?;
    choice.notes.iter().for_each(|text| note(text));
    let manners = args.output.manners(called);
    args.check_format(&choice, manners)?;
    let place = Place::of_process();
    let target = args.target.find(&place)?;
    let config = args.config(&choice, &target)?;
    let subject = Subject {
        place: &place,
        target: &target,
        kind: "trace",
        extension: "nettrace",
    };
    let draft = Draft::begin(args.output.asked(), manners, subject)?;
    introduce(&choice, &target, &config);
    // From here on a signal ends the trace, not the process.
    let mut stop = Stop::listen().context("cannot listen for signals")?;
    let session = target.runtime.collect(&config);
    let session = session.with_context(|| format!("cannot trace process {}", target.pid))?;
    let file = draft.file()?;
    let path = draft.keep()?;
    if args.resume_runtime
        && let Err(error) = target.runtime.resume()
    {
        note(&format!("note: {error}"));
    }
    if let Some(duration) = args.duration {
        stop.after(duration);
    }
    let trace = record(session, file, stop, stopping.as_ref())?;
    finish(&path, trace, args.format)
}

impl CollectArgs {
    /// Whether the file for a viewer can be made: told before the application is put to any cost.
    fn check_format(&self, choice: &Choice, manners: Manners) -> anyhow::Result<()> {
        if self.format == Format::NetTrace {
            return Ok(());
        }
        let samples = |chosen: &Chosen| chosen.name.eq_ignore_ascii_case(SAMPLER);
        if !choice.providers.iter().any(samples) {
            bail!(
                "--format {}: viewers show samples of stacks, and none were asked for: add the provider {SAMPLER}, \
                 or leave --format out",
                self.format.name()
            );
        }
        let asked = self.output.asked();
        let viewed = asked.and_then(|path| self.format.beside(path));
        viewed.map_or(Ok(()), |path| manners.allow(&path))
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            providers: self.providers.as_deref(),
            profiles: self.profile.as_deref(),
            clr_events: self.clrevents.as_deref(),
            clr_level: self.clreventlevel.as_deref(),
        }
    }

    fn config(&self, choice: &Choice, target: &Target) -> anyhow::Result<SessionConfig> {
        let providers = choice.providers.iter().map(Chosen::provider);
        let config = SessionConfig::new(providers.collect::<Result<_, _>>()?)?;
        let limit = || target.visible.as_ref().and_then(Visible::memory_limit);
        let buffer = self.buffersize.unwrap_or_else(|| buffer(limit()));
        let rundown = match self.rundown {
            None => choice.rundown,
            Some(true) => Rundown::Full,
            Some(false) => Rundown::None,
        };
        Ok(config.with_buffer(buffer).with_rundown(rundown))
    }
}

/// The buffer lies in the application's memory: a share of what it may use, in megabytes.
fn buffer(limit: Option<u64>) -> NonZeroU32 {
    const UNKNOWN: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);
    let share = |limit: u64| {
        u32::try_from(limit / 8 / (1 << 20))
            .unwrap_or(u32::MAX)
            .clamp(8, 256)
    };
    limit
        .and_then(|limit| NonZeroU32::new(share(limit)))
        .unwrap_or(UNKNOWN)
}

fn introduce(choice: &Choice, target: &Target, config: &SessionConfig) {
    let buffer = config.buffer_megabytes();
    note(&format!(
        "tracing {} (process {}), buffer {buffer} MB",
        target.name(),
        target.pid
    ));
    for provider in &choice.providers {
        let level = provider.level as u32;
        note(&format!(
            "  {}  0x{:X}  level {level}  {}",
            provider.name, provider.keywords, provider.by
        ));
    }
}

/// Tells what became of the trace, and makes the file for a viewer of what there is.
fn finish(path: &Path, trace: Trace, format: Format) -> anyhow::Result<ExitCode> {
    let can_be_read = matches!(trace.recorded.end, End::Whole | End::Cut);
    let concluded = conclude(path, trace);
    let Some(viewed) = format.beside(path) else {
        return concluded;
    };
    if !can_be_read {
        let later = format!(
            "sidebox trace convert {} --format {}",
            path.display(),
            format.name()
        );
        note(&format!("{} is not made; later: {later}", viewed.display()));
        return concluded;
    }
    let made = view(path, &viewed, format);
    match (concluded, made) {
        (Err(error), made) => {
            made.unwrap_or_else(|error| note(&format!("{error:#}")));
            Err(error)
        }
        (Ok(_), Err(error)) => Err(error.context(format!("the trace is in {}", path.display()))),
        (whole, Ok(())) => whole,
    }
}

fn view(path: &Path, viewed: &Path, format: Format) -> anyhow::Result<()> {
    no_longer().context("cannot listen for signals")?;
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let profile = Profile::read(file).with_context(|| format!("{}", path.display()))?;
    // Whether one that is there may be replaced was asked before the trace.
    let draft = Draft::of(viewed, Manners::Replace)?;
    export(profile, path, draft, (format, View::Wall))
}

/// The path alone goes to standard output.
fn conclude(path: &Path, trace: Trace) -> anyhow::Result<ExitCode> {
    output::result(path)?;
    let Recorded { bytes, end } = trace.recorded;
    let written = size(bytes);
    if trace.lost > 0 {
        note(&format!(
            "{} events were lost: the application's buffer was full, see --buffersize",
            trace.lost
        ));
    }
    match end {
        End::Whole => {
            note(&format!("{written}, whole"));
            Ok(ExitCode::SUCCESS)
        }
        End::Cut => Err(anyhow!(
            "the application ended or stopped answering: {written} up to then are in the file, readable, but most \
             methods have no names"
        )),
        End::Full(error) => Err(error).with_context(|| {
            format!(
                "{} takes no more: {written} are in it, readable, but most methods have no names",
                path.display()
            )
        }),
        End::Unknown => Err(anyhow!(
            "this runtime writes a form of events that is not known; {written} are kept as they came"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_follows_the_memory_limit() {
        let rows = [
            (None, 64),
            (Some(0), 8),
            (Some(128 << 20), 16),
            (Some(512 << 20), 64),
            (Some(64 << 30), 256),
        ];
        for (limit, megabytes) in rows {
            assert_eq!(buffer(limit).get(), megabytes, "{limit:?}");
        }
    }
}
