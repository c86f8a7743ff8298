//! `sidebox explain -f`: the Pods of manifests.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::process::ExitCode;

use super::body::{body, refused};
use crate::cli::documents::document::Document;
use crate::cli::documents::reading;
use crate::cli::documents::report::Report;
use crate::cli::documents::template::Pod as Place;
use crate::cli::inject::{misplaced, places};
use crate::cli::manifests::{Deciding, ManifestArgs, SettingsArgs, unreadable};

/// Explains every Pod of the manifests. Exit codes are those of `inject`.
pub(super) fn run(manifests: &ManifestArgs, settings: &SettingsArgs) -> anyhow::Result<ExitCode> {
    let sources = manifests.read()?;
    let documents: Vec<_> = sources.iter().flat_map(reading::read).collect();
    let deciding = Deciding::new(settings, &documents)?;
    let mut page = String::new();
    let mut worst = Explained::Fine;
    for document in &documents {
        let namespace = manifests.namespace();
        worst = worst.max(explain(&mut page, document, namespace, &deciding));
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
        let others = misplaced(document, &place);
        let explained = deciding.decide(pod, &place, |injection| {
            body(page, injection, &others, &deciding.settings);
            refused(&injection.outcome)
        });
        match explained {
            Ok(true) => worst = worst.max(Explained::Refused),
            Ok(false) => {}
            Err(error) => {
                worst = Explained::Unreadable;
                let _ = writeln!(page, "  {error:#}");
            }
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
