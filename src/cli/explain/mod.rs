//! `sidebox explain`: every rule that was asked, what was decided and what would be added; for what lives in a
//! cluster also which link of the chain from its creation to its toolbox is broken.

mod body;
mod files;
mod live;

use std::process::ExitCode;

use clap::{Arg, Args};

use super::connection::ConnectionArgs;
use super::manifests::{ManifestArgs, SettingsArgs};
use crate::cluster::Reference;

/// What `--help` teaches by.
pub(super) const EXAMPLES: &str = "\
Examples:
  sidebox explain deploy/net-worker -n shop     why has what runs in the cluster no toolbox?
  sidebox explain pod/net-worker-5d4f-x7x2p -n shop
  sidebox explain -f deployment.yaml            what would become of it?
  helm template shop | sidebox explain -f -

In a cluster the links of the chain are shown in the order in which the
API server and Sidebox come to them; the first that is broken is the answer.
docs/troubleshooting.md has all of them, and the rights that are needed.

Exit codes:
  0  done: nothing stands in the way, or nobody asked
  1  error: something cannot be read, or the API server cannot be reached
  2  done, but something that asked was refused, or a link is broken";

/// The flags of `sidebox explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// What lives in the cluster, such as deploy/net-worker or pod/net-worker-5d4f
    #[arg(value_name = "KIND/NAME", conflicts_with = "files")]
    object: Option<Reference>,
    #[command(flatten)]
    manifests: ManifestArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// What flags of manifests mean for what lives, and which flags of a cluster mean nothing for manifests.
pub(super) fn of_both(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "namespace" => arg.help(
            "With KIND/NAME: its namespace [default: that of the context]; with -f: namespace of objects that name none \
             [default: default]",
        ),
        "config" => arg.help(
            "Settings file; without it with KIND/NAME those of Sidebox in the cluster, with -f the defaults that `sidebox \
             config` prints",
        ),
        "kubeconfig" | "context" => arg.conflicts_with("files"),
        _ => arg,
    }
}

/// Explains what lives, or every Pod of the manifests.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    match &args.object {
        Some(object) => live::run(object, args),
        None => files::run(&args.manifests, &args.settings),
    }
}
