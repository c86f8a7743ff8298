//! The manifests that a command was given, with their facts and the settings that decide.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::documents::document::{Content, Document};
use super::documents::json::{self, Spacing};
use super::documents::source::{self, Source};
use super::documents::template::Pod as Place;
use super::documents::tree::Node;
use super::facts::objects_of;
use crate::inject::decide::{Origin, Request};
use crate::inject::facts::Facts;
use crate::inject::facts::objects::{self, Completeness, DEFAULT_NAMESPACE};
use crate::inject::pod::{Pod, read_json};
use crate::inject::settings::Settings;
use crate::inject::{Injection, inject};

/// Which manifests a command reads.
#[derive(Debug, Args)]
pub(super) struct ManifestArgs {
    /// File, folder (its .yaml, .yml and .json files) or - for standard input; may be given more than once
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-")]
    files: Vec<PathBuf>,
    /// Namespace of objects that name none [default: default]
    #[arg(short = 'n', long, value_name = "NAME")]
    namespace: Option<String>,
}

impl ManifestArgs {
    /// The namespace of objects that name none.
    pub(super) fn namespace(&self) -> &str {
        self.given_namespace().unwrap_or(DEFAULT_NAMESPACE)
    }

    /// The namespace, if one was given.
    pub(super) fn given_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Reads the sources; without `-f` standard input, unless a person sits there.
    pub(super) fn read(&self) -> anyhow::Result<Vec<Source>> {
        if self.files.is_empty() && stdin().is_terminal() {
            bail!("nothing to read: name files or folders with -f, or - for standard input");
        }
        let standard = [PathBuf::from("-")];
        let paths = if self.files.is_empty() {
            standard.as_slice()
        } else {
            &self.files
        };
        Ok(source::read(paths, stdin().lock())?)
    }
}

/// The settings file of a command that decides.
#[derive(Debug, Args)]
pub(super) struct SettingsArgs {
    /// Settings file; without it the defaults that `sidebox config` prints
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CONFIG")]
    config: Option<PathBuf>,
}

impl SettingsArgs {
    /// The settings of the file that was named, with its name.
    pub(super) fn given(&self) -> anyhow::Result<Option<(String, Settings)>> {
        let Some(path) = &self.config else {
            return Ok(None);
        };
        let file = path.display().to_string();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {file}"))?;
        let settings = Settings::parse(&file, &text)?;
        Ok(Some((file, settings)))
    }

    fn read(&self) -> anyhow::Result<Settings> {
        let given = self.given()?;
        Ok(given.map_or_else(Settings::default, |(_, settings)| settings))
    }
}

/// Why a document cannot be read: its line, and a sentence.
pub(super) fn unreadable(document: &Document<'_>) -> Option<(usize, String)> {
    match &document.content {
        Content::Unreadable(why) => Some((why.line, why.reason.clone())),
        Content::Empty | Content::Value(_) => None,
    }
}

/// What decides over the Pods of manifests: settings, and the facts among the manifests.
pub(super) struct Deciding {
    pub(super) settings: Settings,
    facts: BTreeMap<String, Facts>,
    unknown: Facts,
}

impl Deciding {
    pub(super) fn new(args: &SettingsArgs, documents: &[Document<'_>]) -> anyhow::Result<Self> {
        let values: Vec<_> = documents
            .iter()
            .filter_map(Document::tree)
            .flat_map(objects_of)
            .collect();
        Ok(Self {
            settings: args.read()?,
            facts: objects::read(&values, Completeness::Part)?,
            unknown: Facts::default(),
        })
    }

    /// Decides over one Pod and hands the result to `with`, which borrows from the Pod.
    ///
    /// # Errors
    /// When the Pod cannot be read: a field has a type that Kubernetes does not allow.
    pub(super) fn decide<T>(
        &self,
        pod: &Node,
        place: &Place,
        with: impl FnOnce(&Injection<'_>) -> T,
    ) -> anyhow::Result<T> {
        let text = json::write(pod, &Spacing::Compact);
        let pod: Pod<'_> =
            read_json(&text).map_err(|error| anyhow!("the Pod cannot be read: {error}"))?;
        let facts = self.facts.get(&place.namespace).unwrap_or(&self.unknown);
        let request = Request {
            pod: &pod,
            namespace: &place.namespace,
            label: None,
            origin: Origin::File,
        };
        Ok(with(&inject(&request, facts, &self.settings)))
    }
}
