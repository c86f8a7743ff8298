//! Sidebox: puts a .NET diagnostics toolbox beside .NET applications on Kubernetes.
//!
//! One direction of flow:
//!
//! ```text
//! bytes ─decode→ Request ─gather→ Facts ─decide→ Decision ─plan→ Plan ─patch→ Patch ─encode→ bytes
//!       review           admission      inject           inject     inject       review
//! ```
//!
//! "Why was my Pod not injected": [`inject::decide`], which asks every rule.

pub mod admission;
pub mod chain;
pub mod cli;
pub mod cluster;
pub mod diagnostics;
pub mod inject;
pub mod pki;
pub mod review;
pub mod server;
pub mod workload;
