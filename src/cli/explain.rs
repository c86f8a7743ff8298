//! `sidebox explain`: every rule that was asked, what was decided and what would be added.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Args;
use serde::Deserialize;

use super::documents::document::Document;
use super::documents::reading;
use super::documents::report::Report;
use super::documents::template::Pod as Place;
use super::inject::{misplaced, places};
use super::manifests::{Deciding, ManifestArgs, SettingsArgs, unreadable};
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
    settings: SettingsArgs,
}

/// Explains every Pod of the manifests. Exit codes are those of `inject`.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let sources = args.manifests.read()?;
    let documents: Vec<_> = sources.iter().flat_map(reading::read).collect();
    let deciding = Deciding::new(&args.settings, &documents)?;
    let mut page = String::new();
    let mut worst = Explained::Fine;
    for document in &documents {
        worst = worst.max(explain(
            &mut page,
            document,
            &args.manifests.namespace,
            &deciding,
        ));
    }
    if page.is_empty() {
        page.push_str("no object has a Pod\n");
    }
    stdout().lock().write_all(page.as_bytes())?;
    Ok(match worst {
        Explained::Fine => ExitCode::SUCCESS,
        Explained::Refused => ExitCode::from(2),
        Explained::Unreadable => ExitCode::FAILURE,
    })
}

/// How the explanation of a document went, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Explained {
    Fine,
    Refused,
    Unreadable,
}

fn explain(
    page: &mut String,
    document: &Document<'_>,
    namespace: &str,
    deciding: &Deciding,
) -> Explained {
    let mut worst = Explained::Fine;
    if let Some((line, reason)) = unreadable(document) {
        worst = Explained::Unreadable;
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}:{line}: {reason}\n", document.source.name);
    }
    for (_, place, pod) in places(document, namespace, &mut Report::default()) {
        heading(page, document, &place);
        let explained = deciding.decide(pod, &place, |injection| {
            body(page, injection, &deciding.settings);
            let outcome = &injection.outcome;
            matches!(outcome.decision, Decision::Refuse(_)) && outcome.asked == Asked::Explicit
        });
        match explained {
            Ok(true) => worst = worst.max(Explained::Refused),
            Ok(false) => {}
            Err(error) => {
                worst = Explained::Unreadable;
                let _ = writeln!(page, "  {error:#}");
            }
        }
        for finding in misplaced(document, &place) {
            let _ = writeln!(page, "  note {}: {finding}", finding.code());
        }
        page.push('\n');
    }
    worst
}

fn heading(page: &mut String, document: &Document<'_>, place: &Place) {
    let (owner, namespace) = (&place.owner, &place.namespace);
    let (file, line) = (&document.source.name, document.line);
    let _ = writeln!(
        page,
        "{}/{} in namespace {namespace} ({file}:{line})",
        owner.kind, owner.name
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
