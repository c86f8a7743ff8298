//! `sidebox uninject`: takes an injection back, from the status annotation alone.

use std::process::ExitCode;

use clap::Args;

use super::documents::document::Document;
use super::documents::json::{self, Spacing};
use super::documents::output::{Format, ObjectPatch};
use super::documents::reading;
use super::documents::report::{Outcome, Report};
use super::documents::tree::Node;
use super::inject::{entry, outgoing, places, write};
use super::manifests::ManifestArgs;
use crate::inject::uninject::{Undo, UninjectError, uninject};

/// How it ends.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done, also where nothing was injected
  1  error: something could not be read or written; everything else was done";

/// The flags of `sidebox uninject`.
#[derive(Debug, Args)]
pub(super) struct UninjectArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    /// Form of the output
    #[arg(short = 'o', long, value_name = "FORM", default_value = "yaml")]
    output: Format,
}

/// Uninjects every Pod of the manifests that has a status.
pub(super) fn run(args: &UninjectArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let documents = sources.iter().flat_map(reading::read);
    let mut report = Report::default();
    let mut changed = Vec::new();
    for document in documents {
        let patches = patches(&document, args.manifests.namespace(), &mut report);
        changed.push(outgoing(document, patches, &mut report));
    }
    write(args.output, &changed, &report)
}

fn patches(document: &Document<'_>, namespace: &str, report: &mut Report) -> Vec<ObjectPatch> {
    let mut patches = Vec::new();
    for (object, place, pod) in places(document, namespace, report) {
        let (outcome, sentence) = match undo(pod) {
            Ok(patch) => {
                patches.push(ObjectPatch {
                    object,
                    namespace: place.namespace.clone(),
                    pointer: place.pointer.clone(),
                    patch,
                });
                (Outcome::Removed, "as it was before".to_owned())
            }
            Err(error @ UninjectError::NoStatus) => (Outcome::Skipped, error.to_string()),
            Err(error @ UninjectError::UnreadableStatus(_)) => (Outcome::Failed, error.to_string()),
        };
        report
            .entries
            .push(entry(document, &place, outcome, sentence));
    }
    patches
}

/// The JSON patch that takes a Pod's injection back.
fn undo(pod: &Node) -> Result<String, UninjectError> {
    let value = serde_json::from_str(&json::write(pod, &Spacing::Compact))
        .map_err(|error| UninjectError::UnreadableStatus(error.to_string()))?;
    let operation = |undo: &Undo| match undo {
        Undo::Remove(path) => format!(r#"{{"op":"remove","path":{}}}"#, json::string(path)),
        Undo::Null(path) => format!(
            r#"{{"op":"replace","path":{},"value":null}}"#,
            json::string(path)
        ),
    };
    let operations: Vec<_> = uninject(&value)?.iter().map(operation).collect();
    Ok(format!("[{}]", operations.join(",")))
}
