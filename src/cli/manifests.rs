//! The manifests that a command was given: read, with their facts and the settings.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;

use super::documents::{Document, Node, ParseError, PodPlace, Source, parse, pods, split, to_json};
use super::facts::values_of;
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
}

/// Settings and namespace of a command that decides.
#[derive(Debug, Args)]
pub(super) struct DecideArgs {
    /// Settings file; without it the defaults that `sidebox config` prints
    #[arg(long, value_name = "FILE", env = "SIDEBOX_CONFIG")]
    config: Option<PathBuf>,
    /// Namespace of objects that name none
    #[arg(short = 'n', long, value_name = "NAME", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
}

impl ManifestArgs {
    /// Reads the sources; without `-f` standard input, unless a person sits there.
    pub(super) fn read(&self) -> anyhow::Result<Vec<Source>> {
        if self.files.is_empty() && stdin().is_terminal() {
            bail!("nothing to read: name files or folders with -f, or - for standard input");
        }
        let standard = [PathBuf::from("-")];
        Source::read(if self.files.is_empty() {
            &standard
        } else {
            &self.files
        })
    }
}

/// A document and what it holds.
#[derive(Debug)]
pub(super) struct Manifest<'s> {
    pub(super) source: &'s Source,
    pub(super) document: Document<'s>,
    /// The content; none for a document without any.
    pub(super) content: Result<Option<Node>, ParseError>,
}

impl Manifest<'_> {
    /// The Pods of the document; none if it cannot be read.
    pub(super) fn pods(&self) -> Vec<PodPlace> {
        self.node().map(pods).unwrap_or_default()
    }

    /// The content, if it could be read and there is any.
    pub(super) fn node(&self) -> Option<&Node> {
        self.content.as_ref().ok().and_then(Option::as_ref)
    }
}

/// All documents of the sources, in order.
pub(super) fn manifests(sources: &[Source]) -> Vec<Manifest<'_>> {
    let of = |source| {
        let documents: Vec<Document<'_>> = if Source::is_json(source) {
            vec![Document {
                text: &source.text,
                line: 1,
            }]
        } else {
            split(&source.text)
        };
        documents.into_iter().map(move |document| {
            let content = parse(document.text, document.line);
            Manifest {
                source,
                document,
                content,
            }
        })
    };
    sources.iter().flat_map(of).collect()
}

/// What decides over the Pods of manifests: settings, and the facts among the manifests.
pub(super) struct Deciding {
    pub(super) settings: Settings,
    facts: BTreeMap<String, Facts>,
    unknown: Facts,
    namespace: String,
}

impl Deciding {
    pub(super) fn new(args: &DecideArgs, manifests: &[Manifest<'_>]) -> anyhow::Result<Self> {
        let values: Vec<_> = manifests
            .iter()
            .filter_map(Manifest::node)
            .flat_map(values_of)
            .collect();
        Ok(Self {
            settings: settings(args)?,
            facts: objects::read(&values, Completeness::Part)?,
            unknown: Facts::default(),
            namespace: args.namespace.clone(),
        })
    }

    /// The namespace of an object.
    pub(super) fn namespace<'p>(&'p self, place: &'p PodPlace) -> &'p str {
        place
            .workload
            .namespace
            .as_deref()
            .unwrap_or(&self.namespace)
    }

    /// Decides over one Pod and hands the result to `with`, which borrows from the Pod.
    ///
    /// # Errors
    /// When the Pod cannot be read: a field has a type that Kubernetes does not allow.
    pub(super) fn decide<T>(
        &self,
        pod: &Node,
        place: &PodPlace,
        with: impl FnOnce(&Injection<'_>) -> T,
    ) -> anyhow::Result<T> {
        let text = to_json(pod);
        let pod: Pod<'_> =
            read_json(&text).map_err(|error| anyhow::anyhow!("the Pod cannot be read: {error}"))?;
        let namespace = self.namespace(place);
        let facts = self.facts.get(namespace).unwrap_or(&self.unknown);
        let request = Request {
            pod: &pod,
            namespace,
            label: None,
            origin: Origin::File,
        };
        Ok(with(&inject(&request, facts, &self.settings)))
    }
}

fn settings(args: &DecideArgs) -> anyhow::Result<Settings> {
    let Some(path) = &args.config else {
        return Ok(Settings::default());
    };
    let file = path.display().to_string();
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings file {file}"))?;
    Ok(Settings::parse(&file, &text)?)
}
