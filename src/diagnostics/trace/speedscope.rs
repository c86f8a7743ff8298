//! A timeline as a file for speedscope, the evented kind, as dotnet-trace writes it.
//! (<https://www.speedscope.app/file-format-schema.json>)

use std::io::{self, Write};

use super::error::TraceError;
use super::json::{Number, Text};
use super::timeline::{Extent, Timeline};

/// Who wrote a file, and its name, as they stand in the file.
#[derive(Debug, Clone, Copy)]
pub struct Titles<'a> {
    /// The program and its version.
    pub exporter: &'a str,
    /// The name of the file, without its last extension.
    pub name: &'a str,
}

/// Writes a timeline for speedscope.
///
/// # Errors
/// It cannot be written, or what was put aside cannot be read.
pub fn write(
    timeline: &Timeline,
    titles: Titles<'_>,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    head(timeline, titles, out).map_err(TraceError::Write)?;
    for (at, (thread, extent)) in timeline.threads().enumerate() {
        open(at, (timeline.name(thread), extent), out).map_err(TraceError::Write)?;
        let mut separator = "";
        timeline.marks(thread, |mark| {
            let kind = if mark.opens { "O" } else { "C" };
            write!(
                out,
                "{separator}{{ \"type\": \"{kind}\", \"frame\": {}, \"at\": {} }}",
                mark.frame,
                Number(mark.time)
            )
            .map_err(TraceError::Write)?;
            separator = ", ";
            Ok(())
        })?;
        out.write_all(b"]}").map_err(TraceError::Write)?;
    }
    out.write_all(b"] }")
        .and_then(|()| out.flush())
        .map_err(TraceError::Write)
}

fn head(timeline: &Timeline, titles: Titles<'_>, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "{{\"exporter\": \"{}\", \"name\": \"{}\", \"activeProfileIndex\": 0, \
         \"$schema\": \"https://www.speedscope.app/file-format-schema.json\", \"shared\": {{ \"frames\": [ ",
        Text(titles.exporter),
        Text(titles.name)
    )?;
    let mut separator = "";
    for (name, _) in timeline.frames() {
        write!(out, "{separator}{{ \"name\": \"{}\" }}", Text(name))?;
        separator = ", ";
    }
    out.write_all(b"] }, \"profiles\": [ ")
}

fn open(at: usize, thread: (&str, Extent), out: &mut impl Write) -> io::Result<()> {
    let (name, extent) = thread;
    let separator = if at > 0 { ", " } else { "" };
    write!(
        out,
        "{separator}{{ \"type\": \"evented\", \"name\": \"{}\", \"unit\": \"milliseconds\", \
         \"startValue\": {}, \"endValue\": {}, \"events\": [ ",
        Text(name),
        Number(extent.first),
        Number(extent.last)
    )
}
