//! The minimal, borrowed view of a Pod: only what a rule reads, nothing is written back.
//!
//! Unknown fields are skipped, so a newer API server never loses any. The view does not know what
//! is decided from it.

mod container;
mod crowd;
mod glance;
mod metadata;
mod object;
mod spec;
mod text;

pub use container::{
    Container, Device, Env, Exec, Handler, Lifecycle, Mount, TMPDIR, Variable, is_dotnet_variable,
};
pub use crowd::{CROWDED, is_crowded};
pub use glance::IfSpoken;
pub use metadata::{
    Annotations, DEFAULT_CONTAINER, INJECTED_LABEL, Labels, Metadata, STATUS, Value,
};
use object::only_objects;
pub use spec::{
    Affinity, Capabilities, ClaimSource, Named, NodeSelector, ResourceTexts, Resources,
    SecurityContext, Spec, Toleration, Volume,
};
pub use text::{Presence, QuantityText, Text, elements};

/// A Pod, or a Pod template: it has the same two members.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(remote = "Self")]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Pod<'a> {
    #[serde(borrow, default)]
    pub metadata: Presence<Metadata<'a>>,
    #[serde(borrow, default)]
    pub spec: Presence<Box<Spec<'a>>>,
}

/// Reads JSON; an error names the field, which costs a second reading.
///
/// # Errors
/// A sentence with the path of the field, such as `spec.containers[0].args[1]: invalid type`.
pub fn read_json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|first| {
        let mut reader = serde_json::Deserializer::from_str(text);
        match serde_path_to_error::deserialize::<_, T>(&mut reader) {
            Err(error) => sentence(&error.path().to_string(), error.inner()),
            Ok(_) => sentence(".", &first),
        }
    })
}

/// The error without its place in a JSON text that nobody sees.
fn sentence(path: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(what, _)| what);
    if path == "." {
        what.to_owned()
    } else {
        format!("{path}: {what}")
    }
}

impl<'a> Pod<'a> {
    /// The annotations, if there are any.
    pub fn annotations(&self) -> Option<&Annotations<'a>> {
        self.metadata.get()?.annotations.get()
    }

    /// The name, or the generateName of a Pod that a controller makes.
    pub fn name(&self) -> &str {
        let Some(metadata) = self.metadata.get() else {
            return "";
        };
        let named = metadata.name.as_ref().filter(|name| !name.is_empty());
        named
            .or(metadata.generate_name.as_ref())
            .map_or("", |name| name)
    }
}

only_objects!(Pod<'a>);
