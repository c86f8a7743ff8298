//! The minimal, borrowed view of a Pod: only what a rule reads, nothing is written back.
//!
//! Unknown fields are skipped, so a newer API server never loses any. The view does not know what
//! is decided from it.

mod container;
mod metadata;
mod spec;
mod text;

pub use container::{
    Container, Env, Exec, Handler, Lifecycle, Mount, TMPDIR, Variable, is_dotnet_variable,
};
pub use metadata::{
    Annotations, DEFAULT_CONTAINER, INJECTED_LABEL, Labels, Metadata, STATUS, Value,
};
pub use spec::{
    Capabilities, Named, NodeSelector, ResourceTexts, Resources, SecurityContext, Spec, Toleration,
    Volume,
};
pub use text::{Presence, QuantityText, Text, elements};

/// A Pod, or a Pod template: it has the same two members.
#[derive(Debug, Default, serde::Deserialize)]
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
