//! A timeline as a trace event file, for chrome://tracing and Perfetto, as dotnet-trace writes it: with the process id 0.
//! (Trace Event Format: duration events, and stack frames by number.)

use std::io::{self, Write};

use super::error::TraceError;
use super::json::{Number, Text};
use super::speedscope::Titles;
use super::timeline::Timeline;

/// Writes a timeline as trace events.
///
/// # Errors
/// It cannot be written, or what was put aside cannot be read.
pub fn write(
    timeline: &Timeline,
    titles: Titles<'_>,
    out: &mut impl Write,
) -> Result<(), TraceError> {
    write!(
        out,
        "{{\"otherData\": {{ \"name\": \"{}\", \"exporter\": \"{}\" }}, \"traceEvents\": [",
        Text(titles.name),
        Text(titles.exporter)
    )
    .map_err(TraceError::Write)?;
    events(timeline, out)?;
    frames(timeline, out)
        .and_then(|()| out.flush())
        .map_err(TraceError::Write)
}

fn events(timeline: &Timeline, out: &mut impl Write) -> Result<(), TraceError> {
    let names: Vec<_> = timeline
        .frames()
        .map(|(name, _)| Text(split(name).1).to_string())
        .collect();
    let mut separator = "";
    for (thread, extent) in timeline.threads() {
        timeline.marks(thread, |mark| {
            let name = names.get(mark.frame as usize).map_or("", String::as_str);
            let kind = if mark.opens { "B" } else { "E" };
            write!(
                out,
                "{separator}{{\"name\": \"{name}\", \"cat\": \"sampleEvent\", \"ph\": \"{kind}\", \"ts\": {}, \
                 \"pid\": 0, \"tid\": {}, \"sf\": {}}}",
                Number(mark.time * 1000.0),
                extent.id,
                mark.frame
            )
            .map_err(TraceError::Write)?;
            separator = ", ";
            Ok(())
        })?;
    }
    Ok(())
}

fn frames(timeline: &Timeline, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"], \"displayTimeUnit\": \"ms\", \"stackFrames\": {")?;
    let mut separator = "";
    for (number, (name, caller)) in timeline.frames().enumerate() {
        let (module, name) = split(name);
        let (module, name) = (Text(module), Text(name));
        write!(
            out,
            "{separator}\"{number}\": {{\"name\": \"{name}\", \"category\": \"{module}\""
        )?;
        if let Some(caller) = caller {
            write!(out, ", \"parent\": {caller}")?;
        }
        out.write_all(b"}")?;
        separator = ", ";
    }
    out.write_all(b"}}")
}

/// Module and method of a frame.
fn split(name: &str) -> (&str, &str) {
    match name.split_once('!') {
        Some((module, name)) if !module.is_empty() => (module, name),
        _ => ("", name),
    }
}
