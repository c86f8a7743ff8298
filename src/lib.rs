//! Sidebox: puts a .NET diagnostics toolbox beside .NET applications on Kubernetes.
pub mod admission;
pub mod cli;
