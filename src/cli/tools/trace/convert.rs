//! `sidebox trace convert`: a recorded trace as a file for a viewer.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use crate::cli::tools::CalledAs;
use crate::cli::tools::draft::{Draft, OutputArgs};
use crate::cli::tools::output::{self, note};
use crate::diagnostics::nettrace::End;
use crate::diagnostics::trace::{
    Profile, Summary, Timeline, Titles, TraceError, View, chromium, speedscope,
};

pub(super) const EXAMPLES: &str = "\
Costs the application nothing: it reads a file. Memory is some megabytes, whatever the length of the trace; what does not fit \
lies meanwhile in a file beside the result, which is gone when the command ends.

Open Speedscope files at https://www.speedscope.app, Chromium files at https://ui.perfetto.dev or edge://tracing: \
both viewers read them in the browser and send nothing away. The extension of --output becomes that of the format.

Examples:
  sidebox trace convert /data/trace.nettrace --format Speedscope       # /data/trace.speedscope.json
  sidebox trace convert trace.nettrace --format Chromium -o busy --view cpu   # busy.chromium.json

Exit codes:
  0  the file is there
  1  it is not: no trace, a damaged one, or one without samples";

/// The flags of `trace convert`, named as those of dotnet-trace.
#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// The trace, as `collect` wrote it
    #[arg(value_name = "FILE")]
    input: PathBuf,
    /// What for
    #[arg(long, value_enum, ignore_case = true)]
    format: Format,
    #[command(flatten)]
    output: OutputArgs,
    /// Which time the result shows
    #[arg(long, value_enum, default_value = "wall")]
    view: Shown,
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli::tools) enum Format {
    /// The events as they came
    #[value(name = "NetTrace")]
    NetTrace,
    /// For <https://www.speedscope.app>
    #[value(name = "Speedscope")]
    Speedscope,
    /// For Perfetto and the tracing page of Chromium browsers
    #[value(name = "Chromium")]
    Chromium,
}

impl Format {
    /// The form's name, as it is typed.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NetTrace => "NetTrace",
            Self::Speedscope => "Speedscope",
            Self::Chromium => "Chromium",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::NetTrace => "nettrace",
            Self::Speedscope => "speedscope.json",
            Self::Chromium => "chromium.json",
        }
    }

    /// Where the result lies that is asked for under this name: dotnet-trace's rule, but that an extension that is right
    /// already is not added once more.
    fn path(self, name: &Path) -> PathBuf {
        let extension = self.extension();
        if name.to_string_lossy().ends_with(&format!(".{extension}")) {
            return name.to_owned();
        }
        name.with_extension(extension)
    }

    /// Where the file for a viewer lies that is made of a trace just recorded: dotnet-trace's rule, by which it is never
    /// the trace itself. None if the trace is all that was asked for.
    pub(super) fn beside(self, trace: &Path) -> Option<PathBuf> {
        (self != Self::NetTrace).then(|| trace.with_extension(self.extension()))
    }
}

/// Which time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shown {
    /// All of every thread: waiting counts as much as running, as in dotnet-trace
    Wall,
    /// Only what runs managed code
    Cpu,
}

impl From<Shown> for View {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Wall => Self::Wall,
            Shown::Cpu => Self::Cpu,
        }
    }
}

/// Converts, and tells where.
pub(super) fn run(args: &ConvertArgs, called: CalledAs) -> anyhow::Result<ExitCode> {
    let asked = args.output.asked().unwrap_or(&args.input);
    let path = args.format.path(asked);
    if is_same(&args.input, &path) {
        bail!("{} is the trace itself: say where with -o", path.display());
    }
    let manners = args.output.manners(called);
    manners.allow(&path)?;
    let profile = read(&args.input)?;
    let draft = Draft::of(&path, manners)?;
    if args.format == Format::NetTrace {
        copy(&args.input, draft)?;
    } else {
        let form = (args.format, args.view.into());
        export(profile, &args.input, draft, form)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The trace itself is what was asked for.
fn copy(input: &Path, draft: Draft) -> anyhow::Result<()> {
    let wrong = || format!("cannot make {}", draft.path().display());
    let mut trace = File::open(input).with_context(wrong)?;
    io::copy(&mut trace, &mut draft.file()?).with_context(wrong)?;
    Ok(output::result(&draft.keep()?)?)
}

/// Whether two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    place(one).is_some_and(|one| place(other) == Some(one))
}

/// Reads a trace, and tells what is wrong with it.
pub(super) fn read(input: &Path) -> anyhow::Result<Profile<File>> {
    let broken = || format!("{}", input.display());
    let file = File::open(input).with_context(|| format!("cannot read {}", input.display()))?;
    let profile = Profile::read(file).with_context(broken)?;
    let Summary {
        samples,
        lost,
        end,
        named,
    } = profile.summary();
    if lost > 0 {
        note(&format!(
            "note: {lost} events were lost when the trace was recorded"
        ));
    }
    if end == End::Cut {
        note("note: the trace was cut off; what came before is there");
    }
    if samples > 0 && !named {
        note(
            "note: the trace does not name its methods: it was not stopped in order, or recorded with --rundown false",
        );
    }
    Ok(profile)
}

/// Whether a trace has what reports are made of.
pub(super) fn check_samples(profile: &Profile<File>, input: &Path) -> anyhow::Result<()> {
    if profile.summary().samples > 0 {
        return Ok(());
    }
    bail!(
        "{} has no samples of stacks: record with the profile dotnet-sampled-thread-time, \
         or the provider Microsoft-DotNETCore-SampleProfiler",
        input.display()
    )
}

/// Makes the file of a viewer out of a trace, and tells where. Whatever ends this early, half a file never has the name of
/// a whole one.
pub(super) fn export(
    mut profile: Profile<File>,
    input: &Path,
    draft: Draft,
    (format, view): (Format, View),
) -> anyhow::Result<()> {
    check_samples(&profile, input)?;
    let folder = draft
        .path()
        .parent()
        .filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or_else(|| Path::new(".")).to_owned();
    let timeline = Timeline::of(&mut profile, view, folder);
    let timeline = timeline.with_context(|| format!("{}", input.display()))?;
    if timeline.is_empty() {
        bail!(
            "{} has nothing to show in this view: no thread was sampled twice while it ran",
            input.display()
        );
    }
    let path = draft.path();
    write(&timeline, path, format, draft.file()?)
        .with_context(|| format!("cannot make {}", path.display()))?;
    Ok(output::result(&draft.keep()?)?)
}

fn write(timeline: &Timeline, output: &Path, format: Format, file: File) -> Result<(), TraceError> {
    let name = output
        .file_stem()
        .map(OsStr::to_string_lossy)
        .unwrap_or_default();
    let titles = Titles {
        exporter: concat!("sidebox@", env!("CARGO_PKG_VERSION")),
        name: &name,
    };
    let mut out = BufWriter::with_capacity(64 * 1024, file);
    match format {
        Format::Speedscope => speedscope::write(timeline, titles, &mut out)?,
        Format::Chromium => chromium::write(timeline, titles, &mut out)?,
        Format::NetTrace => {}
    }
    out.into_inner()
        .map_err(io::Error::from)
        .map(drop)
        .map_err(TraceError::Write)
}
