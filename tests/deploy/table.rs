//! Who is injected? The truth table of the design, each row through the rendered webhook configuration on a real
//! API server; and who is not even sent. The audit log is the witness beside the answers.

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::api::{Api, Reply};
use crate::audit::Audit;
use crate::cluster::{Cluster, Level};
use crate::helm;
use crate::served::{Served, deployment, is_injected, namespace_of, pod};

/// Pod annotation, namespace label, cluster setting, whether the Pod shows .NET, result. The first row that fits
/// holds; `*` fits anything. An invalid label counts as none.
const TABLE: &[[&str; 5]] = &[
    ["false", "*", "*", "*", "skip opted_out"],
    ["true", "*", "*", "*", "inject explicit"],
    ["invalid", "*", "*", "*", "refuse invalid_annotation"],
    ["none", "false", "*", "*", "skip namespace_opted_out"],
    ["none", "true", "*", "*", "inject automatic"],
    ["none", "*", "all", "*", "inject automatic"],
    ["none", "*", "dotnet", "yes", "inject automatic"],
    ["none", "*", "dotnet", "no", "skip no_dotnet"],
    ["none", "*", "annotated", "*", "skip not_asked"],
];

/// `other`: none, but the Pod says something else to Sidebox, and so is always sent.
const PODS: [&str; 5] = ["false", "true", "invalid", "none", "other"];
const LABELS: [&str; 4] = ["false", "true", "invalid", "none"];
const INJECTIONS: [&str; 3] = ["annotated", "dotnet", "all"];
const DOTNET: [&str; 2] = ["yes", "no"];

/// One way in which a Pod can come.
struct Case {
    pod: &'static str,
    label: &'static str,
    injection: &'static str,
    dotnet: &'static str,
}

impl Case {
    fn result(&self) -> &'static str {
        let pod = if self.pod == "other" {
            "none"
        } else {
            self.pod
        };
        let given = [pod, self.label, self.injection, self.dotnet];
        let row = TABLE.iter().find(|row| {
            let cells = row.iter().zip(given);
            cells
                .into_iter()
                .all(|(cell, given)| *cell == "*" || *cell == given)
        });
        row.unwrap()[4]
    }

    /// The one entry through which it is sent, if any.
    fn webhook(&self) -> Option<&'static str> {
        let says = self.pod != "none";
        match self.label {
            "true" => Some("labelled.sidebox.dev"),
            "false" => says.then_some("opted-out.sidebox.dev"),
            _ => (says || self.injection != "annotated").then_some("pods.sidebox.dev"),
        }
    }

    fn object(&self) -> Value {
        let annotations = match self.pod {
            "none" => json!({}),
            "other" => json!({"sidebox.dev/data": "none"}),
            "invalid" => json!({"sidebox.dev/inject": "perhaps"}),
            said => json!({"sidebox.dev/inject": said}),
        };
        let mut pod = pod(&annotations);
        if self.dotnet == "yes" {
            pod["spec"]["containers"][0]["image"] = "mcr.microsoft.com/dotnet/runtime:10.0".into();
        }
        pod
    }

    fn namespace(&self) -> String {
        format!("table-{}", self.label)
    }

    async fn hold(&self, api: &Api, audit: &mut Audit, served: &Served) {
        let shown = format!(
            "Pod {}, label {}, {}, .NET {}",
            self.pod, self.label, self.injection, self.dotnet
        );
        let result = self.result();
        let counted = match result.split_once(' ').unwrap() {
            ("inject", asked) => {
                format!("sidebox_admission_requests_total{{decision=\"inject\",asked=\"{asked}\"}}")
            }
            (_, code) => format!("sidebox_findings_total{{code=\"{code}\"}}"),
        };
        let before = served.metric(&counted).await;
        let reply = api.try_pod(&self.namespace(), &self.object()).await;
        assert!(reply.accepted(), "{shown}: {}", reply.message());
        assert_eq!(
            called(audit, &reply),
            Vec::from_iter(self.webhook()),
            "{shown}"
        );
        let grown = served.metric(&counted).await - before;
        assert_eq!(
            grown,
            u64::from(self.webhook().is_some()),
            "{shown}: {counted}"
        );
        assert_eq!(
            is_injected(&reply.body),
            result.starts_with("inject"),
            "{shown}: {result}"
        );
        let refused = result.starts_with("refuse");
        let warned = reply
            .warnings
            .iter()
            .any(|text| text.contains("invalid_annotation"));
        assert_eq!(warned, refused, "{shown}: {:?}", reply.warnings);
    }
}

/// The entries through which a request was sent. One is called again when the API server's own plug-ins changed
/// something after it, such as mounting the service account's token into the toolbox.
fn called(audit: &mut Audit, reply: &Reply) -> Vec<String> {
    let mut news = audit.news();
    let mut names = news.remove(&reply.audit_id).unwrap_or_default().called();
    names.sort();
    names.dedup();
    names
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn every_row_holds() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    let api = Api::of(&cluster.kubeconfig());
    let mut audit = Audit::from_now(&cluster.audit_log());
    let mut held = 0;
    Runtime::new().unwrap().block_on(async {
        for label in LABELS {
            let value = match label {
                "none" => None,
                "invalid" => Some("sometimes"),
                said => Some(said),
            };
            namespace_of(&api, &format!("table-{label}"), value).await;
        }
        for injection in INJECTIONS {
            let rendered = helm::objects(&[], &[&format!("settings.injection={injection}")]);
            let served = Served::start(&api, &rendered).await;
            audit.news();
            for (pod, label, dotnet) in combinations() {
                let case = Case {
                    pod,
                    label,
                    injection,
                    dotnet,
                };
                case.hold(&api, &mut audit, &served).await;
                held += 1;
            }
        }
    });
    println!("{held} combinations of {} rows hold", TABLE.len());
    assert_eq!(held, 120);
}

fn combinations() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    PODS.into_iter().flat_map(|pod| {
        LABELS
            .into_iter()
            .flat_map(move |label| DOTNET.into_iter().map(move |dotnet| (pod, label, dotnet)))
    })
}

#[test]
#[ignore = "needs helm and Kubernetes: make test-deploy"]
fn who_is_never_sent_and_who_is_although_mistaken() {
    let cluster = Cluster::start(Level::ApiServer, &[]);
    let api = Api::of(&cluster.kubeconfig());
    let mut audit = Audit::from_now(&cluster.audit_log());
    Runtime::new().unwrap().block_on(async {
        let served = Served::start(&api, &helm::objects(&[], &["settings.injection=all"])).await;
        for namespace in ["kube-system", "sidebox", "kube-public", "gatekeeper-system"] {
            namespace_of(&api, namespace, Some("true")).await;
            let reply = api
                .try_pod(namespace, &pod(&json!({"sidebox.dev/inject": "true"})))
                .await;
            assert!(reply.accepted(), "{namespace}: {}", reply.message());
            assert!(called(&mut audit, &reply).is_empty(), "{namespace} is sent");
        }
        drop(served);

        let served = Served::start(&api, &helm::objects(&[], &[])).await;
        for (namespace, entry) in [
            ("in-force-none", "pods.sidebox.dev"),
            ("in-force-no", "opted-out.sidebox.dev"),
        ] {
            let misspelt = pod(&json!({"sidebox.dev/injct": "true"}));
            let reply = api.try_pod(namespace, &misspelt).await;
            assert_eq!(called(&mut audit, &reply), [entry]);
            let told = reply
                .warnings
                .iter()
                .any(|text| text.contains("did you mean sidebox.dev/inject?"));
            assert!(told, "{:?}", reply.warnings);
        }
        changes_are_not_sent(&api, &mut audit).await;
        workloads_are_advised(&api, &served).await;
    });
}

/// Only creations of Pods are sent.
async fn changes_are_not_sent(api: &Api, audit: &mut Audit) {
    let path = "/api/v1/namespaces/in-force-yes/pods";
    let reply = api.call("POST", path, &pod(&json!({}))).await;
    assert_eq!(called(audit, &reply), ["labelled.sidebox.dev"]);
    let change = json!({"metadata": {"labels": {"changed": "yes"}}});
    let reply = api.call("PATCH", &format!("{path}/p"), &change).await;
    assert!(reply.accepted(), "{}", reply.message());
    assert!(called(audit, &reply).is_empty());
}

/// Workloads of nobody get warnings at creation and at each update; others are not even sent.
async fn workloads_are_advised(api: &Api, served: &Served) {
    let path = "/apis/apps/v1/namespaces/in-force-none/deployments";
    let advised = "sidebox_admission_requests_total{decision=\"advise\",asked=\"nobody\"}";
    let misplaced = json!({"sidebox.dev/inject": "true"});
    let tells = |reply: &Reply| {
        reply
            .warnings
            .iter()
            .any(|text| text.contains("annotation_misplaced"))
    };

    let created = api.call("POST", path, &deployment("web", &misplaced)).await;
    assert!(
        created.accepted() && tells(&created),
        "{:?}",
        created.warnings
    );
    let change = json!({"spec": {"replicas": 3}});
    let updated = api.call("PATCH", &format!("{path}/web"), &change).await;
    assert!(
        updated.accepted() && tells(&updated),
        "{:?}",
        updated.warnings
    );
    assert_eq!(
        updated.body["spec"]["template"], created.body["spec"]["template"],
        "advice changes nothing"
    );

    let before = served.metric(advised).await;
    let status = json!({"status": {"observedGeneration": 1}});
    let reply = api
        .call("PATCH", &format!("{path}/web/status"), &status)
        .await;
    assert!(reply.accepted(), "{}", reply.message());
    let mut owned = deployment("owned", &misplaced);
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "example.com/v1", "kind": "App", "name": "a", "uid": "u", "controller": true}]);
    let reply = api.call("POST", path, &owned).await;
    assert!(reply.accepted() && !tells(&reply), "{}", reply.message());
    assert_eq!(
        served.metric(advised).await,
        before,
        "neither a status nor an owned object is sent"
    );
}
