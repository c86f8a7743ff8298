//! The seam between an admission call and the core: gather the facts, inject, respond.
//!
//! The failure posture is here and only here: whatever goes wrong on our side, the Pod is
//! allowed without a patch. This file knows nothing of sockets, HTTP or certificates.

/// Which webhook entry was called; the path carries the namespace's label as the API server saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/mutate/labelled`: the namespace says `sidebox.dev/inject=true`.
    MutateLabelled,
    /// `/mutate/opted-out`: the namespace says `sidebox.dev/inject=false`.
    MutateOptedOut,
    /// `/mutate`: no label, another value, or a caller without namespaces.
    Mutate,
    /// `/advise`: workload kinds; findings as warnings, never a patch.
    Advise,
}

/// A review that has no uid to answer to: HTTP 400, the API server's failure policy decides.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadReview(String);

/// What goes back to the API server, and what metrics count of it.
#[derive(Debug)]
pub struct Answer {
    /// The encoded AdmissionReview.
    pub body: Vec<u8>,
    /// `inject`, `skip`, `refuse` or `advise`.
    pub decision: &'static str,
    /// Who asked: `explicit`, `automatic` or `nobody`.
    pub asked: &'static str,
    /// Codes of all findings, the reason of a skip or refusal among them: a bounded set.
    pub codes: Vec<&'static str>,
}

/// Answers admission reviews. Shared by all connections; never blocks, never calls anybody.
#[derive(Debug)]
pub struct Admission {}

impl Admission {
    /// Answers one review.
    ///
    /// # Errors
    /// [`BadReview`] when the body holds no review that could be answered.
    pub fn answer(&self, route: Route, body: &[u8]) -> Result<Answer, BadReview> {
        let _ = (route, body);
        Err(BadReview("skeleton".into()))
    }
}
