//! The plain port: health, readiness, and the text of the metrics as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::get;
use crate::harness::{Running, Wanted, authority, limits};

#[tokio::test]
async fn a_serving_process_is_alive_and_ready() {
    let server = Running::start(limits()).await;
    assert_eq!(get(server.health, "/healthz").await.text(), "ok\n");
    assert_eq!(get(server.health, "/readyz").await.text(), "ready\n");
    assert_eq!(get(server.health, "/mutate").await.status, 404);
}

#[tokio::test]
async fn a_process_that_is_still_reading_is_not_ready_and_answers_all_the_same() {
    let reading = Arc::new(AtomicBool::new(true));
    let wanted = Wanted {
        limits: limits(),
        reading: Arc::clone(&reading),
        ..Wanted::default()
    };
    let server = Running::start_with(authority(), wanted).await;
    let ready = get(server.health, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("are being read"), "{}", ready.text());
    assert_eq!(get(server.health, "/healthz").await.status, 200);
    assert_eq!(server.review("{}").await.status, 200);
    reading.store(false, Ordering::SeqCst);
    assert_eq!(get(server.health, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_review_is_counted_and_timed() {
    let server = Running::start(limits()).await;
    assert_eq!(server.review("{}").await.status, 200);
    for line in [
        "sidebox_admission_requests_total{decision=\"skip\",asked=\"nobody\"}",
        "sidebox_findings_total{code=\"not_asked\"}",
        "sidebox_admission_duration_seconds_count",
        "sidebox_admission_duration_seconds_bucket{le=\"+Inf\"}",
    ] {
        server.metric_becomes(line, 1).await;
    }
    let seconds = server
        .metric_text("sidebox_admission_duration_seconds_sum")
        .await;
    let seconds: f64 = seconds.parse().unwrap();
    assert!(seconds > 0.0 && seconds < 30.0);
}

#[tokio::test]
async fn names_and_labels_of_the_metrics_are_as_documented() {
    let server = Running::start(limits()).await;
    let reply = get(server.health, "/metrics").await;
    assert!(
        reply
            .header("content-type")
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"));
    let types: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let expected = [
        "sidebox_admission_requests counter",
        "sidebox_findings counter",
        "sidebox_rejected_requests counter",
        "sidebox_reloads counter",
        "sidebox_tls_handshake_failures counter",
        "sidebox_connection_timeouts counter",
        "sidebox_admission_duration_seconds histogram",
        "sidebox_connections gauge",
        "sidebox_bodies_in_flight_bytes gauge",
        "sidebox_certificate_not_before_timestamp_seconds gauge",
        "sidebox_certificate_not_after_timestamp_seconds gauge",
    ];
    assert_eq!(types, expected);
    let first = "sidebox_admission_duration_seconds_bucket{le=\"0.00005\"} 0";
    assert!(text.lines().any(|line| line == first), "{text}");
}
