//! What is shown of a decision over one Pod, whatever it was read from.

use std::fmt::Write;

use serde::Deserialize;

use crate::inject::Injection;
use crate::inject::decide::{Asked, Decision, Outcome};
use crate::inject::finding::{Finding, TABLE};
use crate::inject::settings::Settings;
use crate::inject::storage::Storage;
use crate::inject::trail::Verdict;

/// Whether somebody is to be told of a refusal by the exit code.
pub(super) fn refused(outcome: &Outcome<'_>) -> bool {
    matches!(outcome.decision, Decision::Refuse(_)) && outcome.asked == Asked::Explicit
}

/// Rules, decision, findings, those of others than the Pod among them, and what would be added.
pub(super) fn body(
    page: &mut String,
    injection: &Injection<'_>,
    others: &[Finding],
    settings: &Settings,
) {
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
        let _ = writeln!(page, "  {}: {reason}\n  {}", reason.code(), doc(reason));
    }
    for note in outcome.notes.iter().chain(others) {
        let _ = writeln!(page, "  note {}: {note}\n    {}", note.code(), doc(note));
    }
    intent(page, &outcome.decision);
    additions(page, injection);
}

/// What a finding means, and the way out.
fn doc(finding: &Finding) -> &'static str {
    let row = TABLE.iter().find(|row| row.code == finding.code());
    row.map_or("", |row| row.doc)
}

fn intent(page: &mut String, decision: &Decision<'_>) {
    let Decision::Inject(intent) = decision else {
        return;
    };
    let storage = match &intent.storage {
        Storage::Claim(claim) => format!("claim {claim}"),
        Storage::OwnVolume { claim, volume } => {
            format!("claim {claim}, by the Pod's volume {volume}")
        }
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
