//! `sidebox inject`: the webhook's decision and patch, on files.

use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::documents::{self, Node, PodPlace};
use super::manifests::{DecideArgs, Deciding, Manifest, ManifestArgs, manifests};
use super::output::{self, Format, ObjectPatch, Outgoing};
use super::report::{Done, Report};
use crate::inject::Injection;
use crate::inject::decide::{self, Asked, Decision};
use crate::inject::finding::Finding;

/// The flags of `sidebox inject`.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    decide: DecideArgs,
    /// Form of the output
    #[arg(short = 'o', long, value_name = "FORM", default_value = "yaml")]
    output: Format,
}

/// What was decided over one Pod, free of what it was read from.
struct Decided {
    done: Done,
    why: String,
    notes: Vec<Finding>,
    patch: Option<String>,
}

/// Injects every Pod of the manifests that asks.
pub(super) fn run(args: &InjectArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let manifests = manifests(&sources);
    let deciding = Deciding::new(&args.decide, &manifests)?;
    let mut report = Report::new();
    let mut patches = Vec::new();
    let mut outgoing = Vec::new();
    for manifest in &manifests {
        let changed = inject(manifest, &deciding, &mut report, &mut patches)?;
        outgoing.push(Outgoing { manifest, changed });
    }
    write(args.output, &outgoing, &patches, &mut report)?;
    report.summary();
    Ok(exit_code(&report))
}

/// 1 for what could not be read, 2 for what asked and was refused.
pub(super) fn exit_code(report: &Report) -> ExitCode {
    match (report.count(Done::Unreadable), report.count(Done::Refused)) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

/// Where a document stands, for people.
pub(super) fn location(manifest: &Manifest<'_>) -> String {
    format!("{}:{}", manifest.source.name, manifest.document.line)
}

/// The changed content of a document, if any of its Pods changes.
fn inject(
    manifest: &Manifest<'_>,
    deciding: &Deciding,
    report: &mut Report,
    patches: &mut Vec<ObjectPatch>,
) -> anyhow::Result<Option<Node>> {
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
        let decided = match deciding.decide(pod, &place, decided) {
            Ok(decided) => decided,
            Err(error) => {
                report.object(
                    Done::Unreadable,
                    &place,
                    &location(manifest),
                    &format!("{error:#}"),
                );
                continue;
            }
        };
        report.object(decided.done, &place, &location(manifest), &decided.why);
        for note in decided.notes.iter().chain(&misplaced(node, &place)) {
            report.note(note);
        }
        if let Some(patch) = decided.patch {
            apply(
                changed.get_or_insert_with(|| node.clone()),
                &place.pod,
                &patch,
            )?;
            let operations = prefixed(&patch, place.pod.strip_prefix(&place.object).unwrap_or(""))?;
            patches.push(ObjectPatch {
                file: manifest.source.name.clone(),
                place,
                operations,
            });
        }
    }
    Ok(changed)
}

fn decided(injection: &Injection<'_>) -> Decided {
    let outcome = &injection.outcome;
    let (done, why) = match &outcome.decision {
        Decision::Inject(intent) => {
            let (mode, placement) = (intent.access.mode().as_str(), intent.placement.as_str());
            (
                Done::Injected,
                format!(
                    "target {}, mode {mode}, placement {placement}",
                    intent.case.target().name()
                ),
            )
        }
        Decision::Repair(_) => (
            Done::Injected,
            "restartPolicy of the toolbox repaired".to_owned(),
        ),
        Decision::Skip(finding) => (Done::Skipped, format!("{}: {finding}", finding.code())),
        // Nobody waits for an automatic injection that does not come.
        Decision::Refuse(finding) if outcome.asked == Asked::Automatic => {
            (Done::Skipped, format!("{}: {finding}", finding.code()))
        }
        Decision::Refuse(finding) => (Done::Refused, format!("{}: {finding}", finding.code())),
    };
    let patch = injection
        .patch
        .as_ref()
        .map(|patch| patch.as_str().to_owned());
    Decided {
        done,
        why,
        notes: outcome.notes.clone(),
        patch,
    }
}

/// Annotations on the workload itself, where nothing reads them.
pub(super) fn misplaced(document: &Node, place: &PodPlace) -> Vec<Finding> {
    if place.pod == place.object {
        return Vec::new();
    }
    let object = document.pointer(&place.object);
    let annotations = object.and_then(|object| object.at(&["metadata", "annotations"]));
    let keys = annotations
        .into_iter()
        .flat_map(Node::members)
        .map(|(key, _)| key.text.as_str());
    decide::misplaced(keys, &format!("the {}", place.workload.kind))
}

/// One operation of a patch.
#[derive(Deserialize)]
struct Operation<'p> {
    path: String,
    #[serde(borrow)]
    value: &'p RawValue,
}

fn apply(document: &mut Node, pod: &str, patch: &str) -> anyhow::Result<()> {
    let operations: Vec<Operation<'_>> =
        serde_json::from_str(patch).context("the patch cannot be read")?;
    for operation in operations {
        let value = documents::json(operation.value.get())?.plain();
        document.add(&format!("{pod}{}", operation.path), value)?;
    }
    Ok(())
}

/// The patch with paths that start at the object.
fn prefixed(patch: &str, pod: &str) -> anyhow::Result<String> {
    let operations: Vec<Operation<'_>> =
        serde_json::from_str(patch).context("the patch cannot be read")?;
    let lines: Vec<String> = operations
        .iter()
        .map(|operation| {
            let full = serde_json::Value::from(format!("{pod}{}", operation.path));
            format!(
                r#"{{"op":"add","path":{full},"value":{}}}"#,
                operation.value
            )
        })
        .collect();
    Ok(format!("[{}]", lines.join(",")))
}

/// Writes the documents in the asked form.
pub(super) fn write(
    format: Format,
    outgoing: &[Outgoing<'_, '_>],
    patches: &[ObjectPatch],
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match format {
        Format::Json => output::json(outgoing, &mut out)?,
        Format::Patch => output::patches(patches, &mut out)?,
        Format::Yaml | Format::Diff => {
            let mut texts = Vec::new();
            for document in outgoing {
                let text = text(document, report);
                if format == Format::Diff {
                    let manifest = document.manifest;
                    output::diff(&location(manifest), manifest.document.text, &text, &mut out)?;
                }
                texts.push((text, std::ptr::from_ref(document.manifest.source) as usize));
            }
            if format == Format::Yaml {
                output::yaml(&texts, &mut out)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

/// The text of a document; as it was if it cannot be written back.
fn text(document: &Outgoing<'_, '_>, report: &mut Report) -> String {
    match document.text() {
        Ok((text, comments_lost)) => {
            if comments_lost {
                report.remark(&format!(
                    "{}: comments inside the document are gone",
                    location(document.manifest)
                ));
            }
            text
        }
        Err(error) => {
            report.line(
                Done::Unreadable,
                &format!("{}: {error}", document.manifest.source.name),
            );
            document.manifest.document.text.to_owned()
        }
    }
}
