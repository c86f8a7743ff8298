//! What is installed with: the chart, what is rendered from it, and how a real API server takes it.
//!
//! Plain `cargo test` compares files with each other. What needs helm or Kubernetes is ignored there and run by
//! `make test-deploy`, one test after the other: most start a cluster of their own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed test, and counts are shown"
)]

mod accepted;
#[path = "../apiserver/api.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod api;
#[path = "../apiserver/audit.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod audit;
#[path = "../cluster/mod.rs"]
mod cluster;
mod helm;
mod installed;
mod metrics;
mod objects;
mod rendered;
mod rights;
mod self_managed;
mod served;
mod table;
mod together;
mod values;
#[path = "../apiserver/webhook.rs"]
#[expect(dead_code, reason = "the API server's judge uses more of it")]
mod webhook;
