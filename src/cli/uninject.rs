//! `sidebox uninject`: takes an injection back, from the status annotation alone.

use std::process::ExitCode;

use clap::Args;

use super::documents::{Node, to_json};
use super::inject::{exit_code, location, write};
use super::manifests::{Manifest, ManifestArgs, manifests};
use super::output::{Format, Outgoing};
use super::report::{Done, Report};
use crate::inject::uninject::{Undo, UninjectError, uninject};

/// The flags of `sidebox uninject`.
#[derive(Debug, Args)]
pub(super) struct UninjectArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Form of the output
    #[arg(short = 'o', long, value_name = "FORM", default_value = "yaml", value_parser = ["yaml", "json", "diff"])]
    output: String,
}

/// Uninjects every Pod of the manifests that has a status.
pub(super) fn run(args: &UninjectArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let manifests = manifests(&sources);
    let mut report = Report::new();
    let mut outgoing = Vec::new();
    for manifest in &manifests {
        let changed = undo(manifest, &mut report)?;
        outgoing.push(Outgoing { manifest, changed });
    }
    let format = match args.output.as_str() {
        "json" => Format::Json,
        "diff" => Format::Diff,
        _ => Format::Yaml,
    };
    write(format, &outgoing, &[], &mut report)?;
    report.summary();
    Ok(exit_code(&report))
}

fn undo(manifest: &Manifest<'_>, report: &mut Report) -> anyhow::Result<Option<Node>> {
    if let Err(error) = &manifest.content {
        report.line(
            Done::Unreadable,
            &format!("{}: {error}", manifest.source.name),
        );
    }
    let Some(node) = manifest.node() else {
        return Ok(None);
    };
    let mut changed: Option<Node> = None;
    for place in manifest.pods() {
        let Some(pod) = node.pointer(&place.pod) else {
            continue;
        };
        let value = serde_json::from_str(&to_json(pod))?;
        let steps = match uninject(&value) {
            Ok(steps) => steps,
            Err(error) => {
                let done = match error {
                    UninjectError::NoStatus => Done::Skipped,
                    UninjectError::UnreadableStatus(_) => Done::Refused,
                };
                report.object(done, &place, &location(manifest), &error.to_string());
                continue;
            }
        };
        let document = changed.get_or_insert_with(|| node.clone());
        for step in steps {
            match step {
                Undo::Remove(path) => document.remove(&format!("{}{path}", place.pod))?,
                Undo::Null(path) => document.add(&format!("{}{path}", place.pod), Node::null())?,
            }
        }
        report.object(
            Done::Uninjected,
            &place,
            &location(manifest),
            "as it was before",
        );
    }
    Ok(changed)
}
