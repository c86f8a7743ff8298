//! `sidebox check`: does the installation work? One line for each link, and a dry-run Pod through the API server.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::{Arg, Args, ValueEnum};
use serde::Serialize;

use super::connection::{ConnectionArgs, namespace};
use super::links;
use super::manifests::SettingsArgs;
use crate::chain::{Chain, Link, State, Verdict, installation};
use crate::cluster::Look;

/// What `--help` teaches by.
pub(super) const EXAMPLES: &str = "\
Examples:
  sidebox check                        after an install or an upgrade
  sidebox check -n shop                with a dry-run Pod in namespace shop
  sidebox check -o json | jq .links    for a pipeline

Nothing is changed: the one Pod is created as a dry run.
docs/troubleshooting.md has all links, and the rights that are needed.

Exit codes:
  0  every link holds
  1  error: the API server cannot be reached, or a file cannot be read
  2  a link is broken
  3  no link is broken, but something could not be told";

/// The flags of `sidebox check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Namespace of the dry-run Pod; without it that of the context
    #[arg(short = 'n', long, value_name = "NAME")]
    namespace: Option<String>,
    /// Form of the output
    #[arg(short = 'o', long, value_name = "FORM", default_value = "text")]
    output: Form,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What the flag of settings means for a cluster.
pub(super) fn of_a_cluster(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "config" => arg.help("Settings file; without it those of Sidebox in the cluster"),
        _ => arg,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// Looks at everything, and says what it comes to.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.used()?;
    let chain = args.connection.look(async |look: &Look| {
        let namespace = namespace(args.namespace.as_deref(), look)?;
        let seen = look.installation(settings).await;
        let further = look.further(&seen, &namespace).await;
        Ok(installation::chain(&seen, &further))
    })?;
    let page = match args.output {
        Form::Text => text(&chain),
        Form::Json => json(&chain)?,
    };
    stdout().lock().write_all(page.as_bytes())?;
    Ok(ExitCode::from(match chain.verdict() {
        Verdict::Whole => 0,
        Verdict::Broken => 2,
        Verdict::Unsure => 3,
    }))
}

fn text(chain: &Chain) -> String {
    let mut page = String::new();
    links::write(&mut page, chain);
    page.push_str(verdict(chain));
    page.push('\n');
    page
}

fn verdict(chain: &Chain) -> &'static str {
    match chain.verdict() {
        Verdict::Whole => "every link holds",
        Verdict::Unsure => "no link is broken, but not all could be told",
        Verdict::Broken => "broken",
    }
}

#[derive(Serialize)]
struct Page<'c> {
    verdict: &'static str,
    links: Vec<Row<'c>>,
}

#[derive(Serialize)]
struct Row<'c> {
    link: &'static str,
    state: &'static str,
    fact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'c str>,
    #[serde(rename = "wayOut", skip_serializing_if = "Option::is_none")]
    way_out: Option<&'c str>,
}

fn json(chain: &Chain) -> anyhow::Result<String> {
    let rows = chain.links().iter().map(|Link { kind, state }| {
        let fault = match state {
            State::Broken(fault) => Some(fault),
            State::Holds(_) | State::Unknown(_) | State::Idle(_) => None,
        };
        Row {
            link: kind.code(),
            state: match state {
                State::Idle(_) => "idle",
                other => other.as_str(),
            },
            fact: state.fact(),
            fault: fault.map(crate::chain::faults::Fault::code),
            way_out: fault.map(crate::chain::faults::Fault::way_out),
        }
    });
    let page = Page {
        verdict: match chain.verdict() {
            Verdict::Whole => "ok",
            Verdict::Unsure => "unknown",
            Verdict::Broken => "broken",
        },
        links: rows.collect(),
    };
    Ok(serde_json::to_string_pretty(&page)? + "\n")
}
