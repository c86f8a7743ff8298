//! Manifests in and out: files, documents, trees, Pods in them, and how changes are shown.
//!
//! | question | file |
//! |---|---|
//! | which files | `source` |
//! | where documents begin and end | `split` |
//! | which documents a file has | `reading` |
//! | what a document holds and how it is put back | `document`, `comments` |
//! | which tree a text is | `parse`, `build`, `tree`, `scalar`, `json` |
//! | how a tree changes | `edit` |
//! | how a tree is written | `emit`, `write_scalar`, `layout` |
//! | where the Pods are | `template` |
//! | what is printed | `output`, `diff`, `report` |
//!
//! Nothing here decides anything about a Pod: that is the core's.

mod build;
mod comments;
pub mod diff;
pub mod document;
pub mod edit;
pub mod emit;
pub mod json;
pub mod layout;
pub mod output;
pub mod parse;
pub mod reading;
pub mod report;
pub mod scalar;
pub mod source;
pub mod split;
pub mod template;
pub mod tree;
pub mod write_scalar;
