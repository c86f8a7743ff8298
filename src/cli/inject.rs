//! `sidebox inject`: the webhook's decision and patch, on files.

use std::io::{self, Write, stderr, stdout};
use std::process::ExitCode;

use clap::Args;

use super::documents::document::Document;
use super::documents::output::{self, Format, ObjectPatch, Outgoing};
use super::documents::reading;
use super::documents::report::{Entry, Outcome, Report, colour};
use super::documents::template::{Object, Pod as Place, objects, pods};
use super::documents::tree::Node;
use super::manifests::{Deciding, ManifestArgs, SettingsArgs, unreadable};
use crate::inject::Injection;
use crate::inject::annotations;
use crate::inject::decide::{Asked, Decision};
use crate::inject::finding::Finding;

/// The flags of `sidebox inject`.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// Form of the output
    #[arg(short = 'o', long, value_name = "FORM", default_value = "yaml")]
    output: Format,
}

/// Injects every Pod of the manifests that asks.
pub(super) fn run(args: &InjectArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let documents: Vec<_> = sources.iter().flat_map(reading::read).collect();
    let deciding = Deciding::new(&args.settings, &documents)?;
    let mut report = Report::default();
    let change = |document, report: &mut Report| {
        let patches = patches(&document, args.manifests.namespace(), &deciding, report);
        outgoing(document, patches, report)
    };
    let outgoing: Vec<_> = documents
        .into_iter()
        .map(|document| change(document, &mut report))
        .collect();
    write(args.output, &outgoing, &report)
}

/// Every Pod of a document with what was decided over it; the patches of those that change.
fn patches(
    document: &Document<'_>,
    namespace: &str,
    deciding: &Deciding,
    report: &mut Report,
) -> Vec<ObjectPatch> {
    let mut patches = Vec::new();
    for (object, place, pod) in places(document, namespace, report) {
        let decided = deciding.decide(pod, &place, |injection| {
            decided(document, &place, injection)
        });
        let (entry, notes, patch) = match decided {
            Ok(decided) => decided,
            Err(error) => (
                entry(document, &place, Outcome::Failed, format!("{error:#}")),
                Vec::new(),
                None,
            ),
        };
        report.entries.push(entry);
        let all = notes
            .iter()
            .chain(misplaced(document, &place).iter())
            .map(|f| format!("{}/{}: {}: {f}", object.kind, object.name, f.code()))
            .collect::<Vec<_>>();
        report.notes.extend(all);
        patches.extend(patch.map(|patch| ObjectPatch {
            object,
            namespace: place.namespace.clone(),
            pointer: place.pointer,
            patch,
        }));
    }
    patches
}

/// All Pods of a document with their objects; a document that cannot be read is reported.
pub(super) fn places<'d>(
    document: &'d Document<'_>,
    namespace: &str,
    report: &mut Report,
) -> Vec<(Object, Place, &'d Node)> {
    if let Some((line, sentence)) = unreadable(document) {
        let file = document.source.name.clone();
        report.entries.push(Entry {
            outcome: Outcome::Failed,
            object: None,
            namespace: None,
            file,
            line,
            code: None,
            sentence,
        });
    }
    let Some(tree) = document.tree() else {
        return Vec::new();
    };
    let pods = objects(tree).into_iter().flat_map(|object| {
        let pods = pods(tree, &object, namespace);
        pods.into_iter().map(move |place| (object.clone(), place))
    });
    pods.filter_map(|(object, place)| tree.at(&place.pointer).map(|pod| (object, place, pod)))
        .collect()
}

/// A line of the report about a Pod.
pub(super) fn entry(
    document: &Document<'_>,
    place: &Place,
    outcome: Outcome,
    sentence: String,
) -> Entry {
    Entry {
        outcome,
        object: Some(format!("{}/{}", place.owner.kind, place.owner.name)),
        namespace: Some(place.namespace.clone()),
        file: document.source.name.clone(),
        line: document.line,
        code: None,
        sentence,
    }
}

fn decided(
    document: &Document<'_>,
    place: &Place,
    injection: &Injection<'_>,
) -> (Entry, Vec<Finding>, Option<String>) {
    let outcome = &injection.outcome;
    let (done, sentence) = match &outcome.decision {
        Decision::Inject(intent) => {
            let (mode, placement) = (intent.access.mode().as_str(), intent.placement.as_str());
            (
                Outcome::Injected,
                format!(
                    "target {}, mode {mode}, placement {placement}",
                    intent.case.target().name()
                ),
            )
        }
        Decision::Repair(_) => (
            Outcome::Injected,
            "restartPolicy of the toolbox repaired".to_owned(),
        ),
        Decision::Skip(finding) => (Outcome::Skipped, finding.to_string()),
        // Nobody waits for an automatic injection that does not come.
        Decision::Refuse(finding) if outcome.asked == Asked::Automatic => {
            (Outcome::Skipped, finding.to_string())
        }
        Decision::Refuse(finding) => (Outcome::Refused, finding.to_string()),
    };
    let mut entry = entry(document, place, done, sentence);
    entry.code = outcome.decision.reason().map(Finding::code);
    let patch = injection
        .patch
        .as_ref()
        .map(|patch| patch.as_str().to_owned());
    (entry, outcome.notes.clone(), patch)
}

/// Annotations on the workload itself, where nothing reads them.
pub(super) fn misplaced(document: &Document<'_>, place: &Place) -> Vec<Finding> {
    let pointer = place.workload_annotations.as_deref();
    let annotations = pointer.and_then(|pointer| document.tree()?.at(pointer));
    let keys = match annotations {
        Some(Node::Mapping(mapping)) => mapping
            .entries
            .iter()
            .map(|(key, _)| key.name.as_str())
            .collect(),
        _ => Vec::new(),
    };
    annotations::misplaced(keys.into_iter(), &format!("the {}", place.owner.kind))
}

/// Nothing of the document changes: its Pods did not become what the report says so far.
fn failed(document: &Document<'_>, sentence: &str, report: &mut Report) {
    let here = |entry: &&mut Entry| {
        entry.file == document.source.name
            && entry.line == document.line
            && matches!(entry.outcome, Outcome::Injected | Outcome::Removed)
    };
    let mut told = false;
    for entry in report.entries.iter_mut().filter(here) {
        entry.outcome = Outcome::Failed;
        sentence.clone_into(&mut entry.sentence);
        told = true;
    }
    if !told {
        report.entries.push(Entry {
            outcome: Outcome::Failed,
            object: None,
            namespace: None,
            file: document.source.name.clone(),
            line: document.line,
            code: None,
            sentence: sentence.to_owned(),
        });
    }
}

/// A document with its patches applied; as it was, with a line in the report, if that cannot be.
pub(super) fn outgoing<'s>(
    document: Document<'s>,
    patches: Vec<ObjectPatch>,
    report: &mut Report,
) -> Outgoing<'s> {
    let all: Vec<_> = patches
        .iter()
        .map(|patch| (patch.pointer.as_str(), patch.patch.as_str()))
        .collect();
    let changed = match (all.is_empty(), document.patch(&all)) {
        (true, _) => None,
        (false, Ok(changed)) => {
            if changed.comments_lost {
                report.notes.push(format!(
                    "{}:{}: comments of the document are gone",
                    document.source.name, document.line
                ));
            }
            Some(changed)
        }
        (false, Err(error)) => {
            failed(&document, &error.to_string(), report);
            None
        }
    };
    let patches = if changed.is_some() {
        patches
    } else {
        Vec::new()
    };
    Outgoing {
        document,
        changed,
        patches,
    }
}

/// Writes the documents in the asked form, then the report, and tells the exit code.
pub(super) fn write(
    format: Format,
    outgoing: &[Outgoing<'_>],
    report: &Report,
) -> anyhow::Result<ExitCode> {
    let text = match format {
        Format::Yaml => output::yaml(outgoing),
        Format::Json => output::json(outgoing).into_bytes(),
        Format::Patch => output::patch(outgoing)?.into_bytes(),
        Format::Diff => output::difference(outgoing, colour(&stdout())).into_bytes(),
    };
    let mut out = stdout().lock();
    match out.write_all(&text).and_then(|()| out.flush()) {
        // Whoever reads may stop reading.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    report.write(stderr().lock(), colour(&stderr()))?;
    Ok(ExitCode::from(report.exit_code()))
}
