//! Which cluster does a person mean, and how is it asked? As with kubectl.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use tokio::runtime::Builder;

use super::manifests::SettingsArgs;
use crate::chain::seen::Used;
use crate::cluster::{Choice, Look};
use crate::inject::names::is_dns_label;

/// The flags of commands that look at a cluster.
#[derive(Debug, Args)]
pub(super) struct ConnectionArgs {
    /// Kubeconfig file; without it KUBECONFIG, ~/.kube/config or the service account of this Pod
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    context: Option<String>,
}

impl ConnectionArgs {
    /// Looks at the cluster. What is asked there takes as long as its deadlines say, and no longer.
    pub(super) fn look<T>(
        &self,
        with: impl AsyncFnOnce(&Look) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        let choice = Choice {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
        };
        runtime.block_on(async {
            let cluster = choice.connect().await?;
            let look = Look::at(cluster)
                .await
                .context("cannot look at the cluster")?;
            with(&look).await
        })
    }
}

/// The namespace that a person named, else that of the context.
///
/// # Errors
/// When it is no name: it would be another place in the API.
pub(super) fn namespace(given: Option<&str>, look: &Look) -> anyhow::Result<String> {
    let namespace = given.unwrap_or_else(|| look.namespace());
    if !is_dns_label(namespace) {
        bail!("{namespace:?} is no name of a namespace");
    }
    Ok(namespace.to_owned())
}

impl SettingsArgs {
    /// The settings that a person named, as the chains know them.
    pub(super) fn used(&self) -> anyhow::Result<Option<Used>> {
        let given = self.given()?;
        Ok(given.map(|(file, settings)| Used {
            place: format!("file {file}"),
            settings,
            trouble: None,
        }))
    }
}
