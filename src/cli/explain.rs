//! `sidebox explain`: every rule that was asked, what was decided and what would be added.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::documents::{Node, PodPlace};
use super::inject::{location, misplaced};
use super::manifests::{DecideArgs, Deciding, Manifest, ManifestArgs, manifests};
use crate::inject::Injection;
use crate::inject::decide::{Asked, Decision};
use crate::inject::finding::TABLE;
use crate::inject::settings::Settings;
use crate::inject::storage::Storage;
use crate::inject::trail::Verdict;

/// The flags of `sidebox explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    decide: DecideArgs,
}

/// Explains every Pod of the manifests. Exit codes are those of `inject`.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let manifests = manifests(&sources);
    let deciding = Deciding::new(&args.decide, &manifests)?;
    let mut page = String::new();
    let (mut unreadable, mut refused) = (false, false);
    for manifest in &manifests {
        if let Err(error) = &manifest.content {
            unreadable = true;
            let _ = writeln!(page, "{}: {error}\n", manifest.source.name);
        }
        for place in manifest.pods() {
            let explained = manifest.node().and_then(|node| {
                let pod = node.pointer(&place.pod)?;
                Some(deciding.decide(pod, &place, |injection| {
                    heading(&mut page, manifest, &place, &deciding);
                    body(&mut page, injection, &deciding.settings);
                    below(&mut page, node, &place);
                    matches!(injection.outcome.decision, Decision::Refuse(_))
                        && injection.outcome.asked == Asked::Explicit
                }))
            });
            match explained {
                Some(Ok(refusal)) => refused |= refusal,
                Some(Err(error)) => {
                    unreadable = true;
                    heading(&mut page, manifest, &place, &deciding);
                    let _ = writeln!(page, "  {error:#}\n");
                }
                None => {}
            }
        }
    }
    if page.is_empty() {
        page.push_str("no Pods found\n");
    }
    stdout().lock().write_all(page.as_bytes())?;
    Ok(match (unreadable, refused) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn heading(page: &mut String, manifest: &Manifest<'_>, place: &PodPlace, deciding: &Deciding) {
    let workload = &place.workload;
    let namespace = deciding.namespace(place);
    let _ = writeln!(
        page,
        "{}/{} in namespace {namespace} ({})",
        workload.kind,
        workload.name,
        location(manifest)
    );
}

fn body(page: &mut String, injection: &Injection<'_>, settings: &Settings) {
    let outcome = &injection.outcome;
    for (rule, verdict) in outcome.trail.steps() {
        let mark = match verdict {
            Verdict::Passed => "pass",
            Verdict::Stopped => "STOP",
        };
        let _ = writeln!(page, "  {mark}  {}", rule.question());
    }
    let asked = match outcome.asked {
        Asked::Explicit => "the Pod asked",
        Asked::Automatic => "the namespace or the cluster asked",
        Asked::Nobody => "nobody asked",
    };
    let _ = writeln!(
        page,
        "decision: {} ({asked}; settings {})",
        outcome.decision.as_str(),
        settings.hash
    );
    if let Some(reason) = outcome.decision.reason() {
        let _ = writeln!(page, "  {}: {reason}", reason.code());
        let doc = TABLE
            .iter()
            .find(|row| row.code == reason.code())
            .map_or("", |row| row.doc);
        let _ = writeln!(page, "  {doc}");
    }
    for note in &outcome.notes {
        let _ = writeln!(page, "  note {}: {note}", note.code());
    }
    intent(page, &outcome.decision);
    additions(page, injection);
    page.push('\n');
}

fn intent(page: &mut String, decision: &Decision<'_>) {
    let Decision::Inject(intent) = decision else {
        return;
    };
    let storage = match &intent.storage {
        Storage::Claim(name) => format!("claim {name}"),
        Storage::EmptyDir => "an emptyDir".to_owned(),
        Storage::None => "none".to_owned(),
    };
    let shares = intent.shares.iter().map(|share| {
        format!(
            "{} {}/{}",
            share.resource.as_str(),
            share.request,
            share.limit
        )
    });
    let rows = [
        ("target", intent.case.target().name().to_owned()),
        ("mode", intent.access.mode().as_str().to_owned()),
        ("placement", intent.placement.as_str().to_owned()),
        ("image", intent.image.clone().into_owned()),
        ("user", intent.user.label()),
        ("data", storage),
        ("resources", shares.collect::<Vec<_>>().join(", ")),
    ];
    for (name, value) in rows {
        let _ = writeln!(page, "  {name:<10} {value}");
    }
}

#[derive(Deserialize)]
struct Operation {
    path: String,
}

fn additions(page: &mut String, injection: &Injection<'_>) {
    let Some(patch) = &injection.patch else {
        return;
    };
    let operations: Vec<Operation> = serde_json::from_str(patch.as_str()).unwrap_or_default();
    let _ = writeln!(page, "would be added:");
    for operation in operations {
        let _ = writeln!(page, "  {}", operation.path);
    }
}

fn below(page: &mut String, document: &Node, place: &PodPlace) {
    for finding in misplaced(document, place) {
        let _ = writeln!(page, "  note {}: {finding}\n", finding.code());
    }
}
