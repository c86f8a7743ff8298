//! Bodies that are short and would take hundreds of times their size in memory: answered, and not read.

use std::path::Path;

use crate::process::Process;
use crate::resident::resident;

/// The container's limit in the chart is 256 MiB, and two reviews are read at a time.
const MOST_MIB: u64 = 100;

/// The review of an object of some kind.
fn review(kind: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","namespace":"shop",
"kind":{{"group":"","version":"v1","kind":"{kind}"}},
"object":{{"kind":"{kind}","metadata":{{"annotations":{{"sidebox.dev/inject":"true"}}}},"spec":{spec}}}}}}}"#
    )
}

/// As many of these elements as the largest body has room for.
fn many(element: &str) -> String {
    let count = (13 << 20) / 2 / (element.len() + 1);
    vec![element; count].join(",")
}

#[tokio::test]
async fn a_body_of_many_small_members_takes_no_more_memory_than_any_other() {
    let process = Process::start(&[]);
    let containers = |list: String| format!(r#"{{"containers":[{list}]}}"#);
    let app = |member: &str, list: String| {
        containers(format!(
            r#"{{"name":"app","image":"x","{member}":[{list}]}}"#
        ))
    };
    let specs = [
        containers(many("{}")),
        app("env", many(r#"{"name":"a"}"#)),
        app("args", many(r#""""#)),
        format!(
            r#"{{"volumes":[{}],"containers":[{{"name":"app"}}]}}"#,
            many("{}")
        ),
    ];
    let mut client = process.connect().await;
    for spec in specs {
        let pod = review("Pod", &spec);
        let reply = client
            .post("/mutate/labelled", pod.as_bytes())
            .await
            .unwrap();
        assert!(
            reply.text().contains(r#""allowed":true"#),
            "{}",
            reply.text()
        );
        assert!(reply.text().contains("unreadable_pod"), "{}", reply.text());
        let template = format!(r#"{{"template":{{"spec":{spec}}}}}"#);
        let deployment = review("Deployment", &template);
        let reply = client.post("/advise", deployment.as_bytes()).await.unwrap();
        assert!(
            reply.text().contains(r#""allowed":true"#),
            "{}",
            reply.text()
        );
    }
    let (_, peak) = resident(Path::new(&format!("/proc/{}", process.pid())));
    let peak = peak >> 10;
    assert!(peak <= MOST_MIB, "{peak} MiB at most were in use");
}
