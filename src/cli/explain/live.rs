//! `sidebox explain KIND/NAME`: what lives in a cluster, and the chain that leads to its toolbox.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use serde_json::Value;

use super::ExplainArgs;
use super::body::body;
use crate::chain::path::{self, Question};
use crate::chain::seen::{Installation, Lives, Subject};
use crate::chain::{Chain, Verdict};
use crate::cli::connection::namespace;
use crate::cli::links;
use crate::cluster::{Look, NamespaceSeen, Reference};
use crate::inject::decide::{Asked, Origin, Request};
use crate::inject::facts::{ClaimState, Known, Label};
use crate::inject::inject;
use crate::inject::pod::{Pod, read_json};
use crate::workload::{misplaced, pod_pointer};

/// Everything that was seen.
struct Live {
    namespace: String,
    object: Value,
    lives: Lives,
    installation: Installation,
    surroundings: NamespaceSeen,
}

/// Looks, and explains. 0: nothing stands in the way, or nobody asked; 2: a link is broken.
pub(super) fn run(what: &Reference, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.used()?;
    let live = args.connection.look(async |look: &Look| {
        let namespace = namespace(args.manifests.given_namespace(), look)?;
        let object = look.subject(what, &namespace).await.with_context(|| {
            let (kind, name) = (what.kind(), what.name());
            format!("cannot read {kind} {name} in namespace {namespace}")
        })?;
        let installation = look.installation(settings).await;
        let claim = &installation.settings.settings.data.claim;
        Ok(Live {
            lives: look.lives(what, &namespace, &object).await,
            surroundings: look.surroundings(&namespace, claim).await,
            namespace,
            object,
            installation,
        })
    })?;
    let (page, code) = explain(what, &live)?;
    stdout().lock().write_all(page.as_bytes())?;
    Ok(code)
}

fn explain(what: &Reference, live: &Live) -> anyhow::Result<(String, ExitCode)> {
    let (kind, name) = (what.kind(), what.name());
    let there = |pointer: &str| live.object.pointer(pointer).is_some();
    let pointer = pod_pointer(kind, there).ok_or_else(|| anyhow!("{kind} {name} has no Pod"))?;
    let value = live.object.pointer(pointer).unwrap_or(&Value::Null);
    let text = value.to_string();
    let pod: Pod<'_> =
        read_json(&text).map_err(|error| anyhow!("the Pod cannot be read: {error}"))?;
    let request = Request {
        pod: &pod,
        namespace: &live.namespace,
        label: None,
        // A template has not got what admission adds, such as the service account's pull secrets.
        origin: if pointer.is_empty() {
            Origin::Admission
        } else {
            Origin::File
        },
    };
    let settings = &live.installation.settings.settings;
    let injection = inject(&request, &live.surroundings.facts, settings);
    let chain = path::chain(&Question {
        installation: &live.installation,
        namespace: &live.namespace,
        labels: &live.surroundings.labels,
        subject: &Subject::of(value),
        outcome: &injection.outcome,
        lives: &live.lives,
    });
    let mut page = String::new();
    heading(&mut page, what, live);
    links::write(&mut page, &chain);
    page.push_str("rules asked of the Pod\n");
    let others = match pointer {
        "" => Vec::new(),
        _ => misplaced(&live.object, kind),
    };
    body(&mut page, &injection, &others, settings);
    answer(&mut page, &chain, injection.outcome.asked);
    let broken = chain.verdict() == Verdict::Broken && injection.outcome.asked != Asked::Nobody;
    let code = if broken {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    };
    Ok((page, code))
}

fn heading(page: &mut String, what: &Reference, live: &Live) {
    let (kind, name) = (what.kind(), what.name());
    let (namespace, used) = (&live.namespace, &live.installation.settings);
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{kind}/{name} in namespace {namespace}");
    let place = match used.trouble {
        Some(_) => "the defaults",
        None => used.place.as_str(),
    };
    let _ = writeln!(page, "settings: {place}, hash {}", used.settings.hash);
    let _ = writeln!(page, "namespace: {}", about(live));
    for hidden in &live.surroundings.hidden {
        let _ = writeln!(page, "not known: {hidden}");
    }
}

/// What is known of the namespace, in one line.
fn about(live: &Live) -> String {
    let facts = &live.surroundings.facts;
    let name = &live.installation.settings.settings.data.claim;
    let label = match facts.namespace.get().map(|namespace| &namespace.label) {
        None => "not known".to_owned(),
        Some(Label::Labelled) => "sidebox.dev/inject=true".to_owned(),
        Some(Label::OptedOut) => "sidebox.dev/inject=false".to_owned(),
        Some(Label::Absent) => "no label sidebox.dev/inject".to_owned(),
        Some(Label::Invalid(value)) => format!("sidebox.dev/inject={value}, which means nothing"),
    };
    let security = if facts.restricted() {
        ", Pod Security restricted"
    } else {
        ""
    };
    let claim = match facts.claim(name) {
        Known::Unknown => "not known",
        Known::Known(None) => "missing",
        Known::Known(Some(claim)) => match claim.state {
            ClaimState::Bound => "bound",
            ClaimState::Unbound => "not bound",
            ClaimState::Ending => "being deleted",
        },
    };
    let (ranges, quotas) = (facts.limit_ranges.len(), facts.quotas.len());
    format!(
        "{label}{security}, claim {name} {claim}, {ranges} limits of LimitRanges, {quotas} ResourceQuotas"
    )
}

fn answer(page: &mut String, chain: &Chain, asked: Asked) {
    let _ = match (chain.first_fault(), chain.verdict()) {
        (Some(fault), _) => {
            let asked = match asked {
                Asked::Nobody => " (nobody asked for a toolbox)",
                Asked::Explicit | Asked::Automatic => "",
            };
            let (link, code) = (fault.link().code(), fault.code());
            let _ = writeln!(page, "answer: broken at {link}{asked}: {code}: {fault}");
            writeln!(page, "way out: {}", fault.way_out())
        }
        (None, Verdict::Unsure) => {
            writeln!(
                page,
                "answer: nothing is seen to be broken, but not all could be told"
            )
        }
        (None, Verdict::Whole | Verdict::Broken) => writeln!(page, "answer: every link holds"),
    };
}
