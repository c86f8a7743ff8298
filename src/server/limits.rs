//! How much time, memory and how many connections may one client, and all of them, take?
//!
//! Numbers only; the files that enforce them say how.

use std::time::Duration;

/// Bounds of the server. The defaults fit kube-apiserver; every field may be set by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From accepting a connection to the end of its TLS handshake. Default 5 s.
    pub handshake: Duration,
    /// From the handshake to the first byte of the first request. Default 30 s: Go's HTTP client
    /// keeps connections that it dialled and then did not need, so this must not be too short.
    pub first_request: Duration,
    /// From the first to the last byte of a request's head. Default 10 s.
    pub head: Duration,
    /// From the head to the last byte of the body. Default 10 s.
    pub body: Duration,
    /// From an answer to the next request's first byte. Default 120 s: kube-apiserver keeps idle
    /// connections for 90 s and does not retry a POST on one that was just closed.
    pub idle: Duration,
    /// From an answer to its last byte in the socket's buffer. Default 10 s.
    pub answer: Duration,
    /// The biggest body in bytes. Default 7 MiB: a review can hold two objects of 3 MiB.
    pub body_bytes: usize,
    /// All bodies in flight together, in bytes. Default 64 MiB. Beyond it: 503.
    pub bodies_in_flight_bytes: usize,
    /// Connections that are served at once. Default 512. Beyond it: 503.
    pub connections: usize,
    /// Connections beyond the cap that are told so at once. Default 32. Beyond them: no more are
    /// accepted until one ends; they wait in the kernel's backlog, which is bounded too.
    pub turned_away: usize,
    /// Connections to the health port at once; more wait in the backlog. Default 128.
    pub health_connections: usize,
    /// How long connections are still accepted once shutdown was asked. Default 10 s: as long as
    /// it takes until every node knows that the Pod is no endpoint any more.
    pub drain_delay: Duration,
    /// While closing, how long a connection must have been quiet to be taken for idle. Default
    /// 1 s: a request that was sent before the client could see the end arrives within it.
    pub quiet: Duration,
    /// How long requests in flight may take after that. Default 15 s: with the delay it stays
    /// under a Pod's usual grace period of 30 s.
    pub finish: Duration,
    /// How often files are read again. Default 5 s.
    pub reload_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            first_request: Duration::from_secs(30),
            head: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_mins(2),
            answer: Duration::from_secs(10),
            body_bytes: 7 << 20,
            bodies_in_flight_bytes: 64 << 20,
            connections: 512,
            turned_away: 32,
            health_connections: 128,
            drain_delay: Duration::from_secs(10),
            quiet: Duration::from_secs(1),
            finish: Duration::from_secs(15),
            reload_interval: Duration::from_secs(5),
        }
    }
}
