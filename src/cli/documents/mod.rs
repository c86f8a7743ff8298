//! Files of manifests: read without loss, changed in place, written back as they were.
//!
//! `source` finds the texts and splits them into documents; `parse` reads one into a `tree` that
//! keeps order, text and style; `edit` changes it; `emit` writes it; `scalar` knows what a text
//! means to Kubernetes; `place` finds the Pods. Nothing here knows what is injected.

mod edit;
mod emit;
mod parse;
mod place;
mod rewrite;
mod scalar;
mod source;
mod tree;

pub use emit::{emit, to_json, to_pretty_json};
pub use parse::{ParseError, json, parse};
pub use place::{PodPlace, Workload, pods, workload};
pub use rewrite::{RewriteError, Rewritten, rewrite, rewrite_json};
pub use source::{Document, Source, split};
pub use tree::{Node, Scalar, Style};
