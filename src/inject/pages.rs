//! The reference pages of annotations and findings, from their tables.

use std::fmt::Write;

use super::annotations::{PREFIX, Scope, TABLE as ANNOTATIONS};
use super::finding::{Kind, Row, TABLE as FINDINGS};

/// `docs/annotations.md`.
pub fn annotations() -> String {
    let mut page = String::from(
        "# Annotations\n\n<!-- Written from the table in src/inject/annotations/table.rs by `make docs`. -->\n\n\
         Set on the Pod template of a workload (or on a Pod). Those marked *namespace* may also stand on a\n\
         Namespace, as defaults for its Pods. Values are strings: quote `\"true\"` and numbers. An unknown\n\
         `sidebox.dev/` key or a bad value is answered with a [finding](findings.md), never with silence.\n\n\
         | annotation | where | values | default | what for |\n|---|---|---|---|---|\n",
    );
    for row in ANNOTATIONS {
        let place = match row.scope {
            Scope::Pod => "Pod",
            Scope::PodAndNamespace => "Pod, namespace",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{PREFIX}{}` | {place} | {} | {} | {} |",
            row.name, row.values, row.default, row.doc
        );
    }
    page.push_str(
        "\n## On the Namespace\n\nThe label `sidebox.dev/inject` with `true` asks for all Pods of the namespace, with `false`\n\
         for none; the Pod's own annotation goes before it.\n\n\
         ## Written by Sidebox\n\n\
         | key | meaning |\n|---|---|\n\
         | label `sidebox.dev/injected` | `\"true\"` on Pods that were injected, for selectors |\n\
         | annotation `sidebox.dev/status` | JSON: version, decision, mode, placement, target, user, claim, hash of the \
         settings, codes of findings, what was added; `sidebox uninject` reads it |\n",
    );
    page
}

/// `docs/findings.md`.
pub fn findings() -> String {
    let mut page = String::from(
        "# Findings\n\n<!-- Written from the table in src/inject/finding.rs by `make docs`. -->\n\n\
         A finding is one thing worth telling: a note on an injection, or the reason why there was none. Its code\n\
         is the same in admission warnings, the status annotation, metrics, Events, `sidebox explain` and the log.\n\
         `sidebox explain -f FILE` shows every rule that was asked; `sidebox explain KIND/NAME` also why a Pod was not\n\
         asked about at all ([troubleshooting](troubleshooting.md)).\n",
    );
    section(
        &mut page,
        "Refused",
        "Somebody asked and it cannot be done. The Pod is admitted as it is.",
        Kind::Refuse,
    );
    section(
        &mut page,
        "Skipped",
        "Nobody asked, or there is nothing to do.",
        Kind::Skip,
    );
    section(
        &mut page,
        "Notes",
        "The Pod is injected; this is worth knowing.",
        Kind::Note,
    );
    page.push_str(
        "\n## Told by Events alone\n\nBy the replica that looks after Pods and claims \
         ([operations](operations.md#claims-and-missed-pods)).\n\n\
         | code | what it tells | what to do |\n|---|---|---|\n\
         | `missed` | a Pod asks for a toolbox, and no replica was asked when it was created | `kubectl rollout restart` |\n\
         | `claim_made` | the settings' claim was made in a namespace that lacked it (`data.create`) | nothing |\n\
         | `claim_not_made` | it could not be made, with what the API server says | what that says; it is tried again every 30 seconds |\n",
    );
    page
}

fn section(page: &mut String, title: &str, lead: &str, kind: Kind) {
    let _ = write!(
        page,
        "\n## {title}\n\n{lead}\n\n| code | sentence | what to do |\n|---|---|---|\n"
    );
    for Row {
        code,
        sentence,
        doc,
        ..
    } in FINDINGS.iter().filter(|row| row.kind == kind)
    {
        let sentence = sentence.replace(":?}", "}").replace('|', "\\|");
        let _ = writeln!(page, "| `{code}` | {sentence} | {doc} |");
    }
}
