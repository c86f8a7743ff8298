//! A Pod that asks, offered to the API server as a dry run; and what the replicas' account may do.

use serde_json::{Value, json};

use super::{Look, elements, seen, text, told};
use crate::chain::fate::{Fate, settings_of};
use crate::chain::rights::{Account, Features, Right, needed};
use crate::chain::seen::{Further, Installation, Seen, Trial};
use crate::inject::settings::Settings;

impl Look {
    /// What `sidebox check` sees beside the installation.
    pub async fn further(&self, installation: &Installation, namespace: &str) -> Further {
        let settings = &installation.settings.settings;
        let surroundings = self.surroundings(namespace, &settings.data.claim).await;
        Further {
            namespace: namespace.to_owned(),
            labels: surroundings.labels,
            trial: self.trial(namespace, settings).await,
            account: self.account(installation).await,
        }
    }

    async fn trial(&self, namespace: &str, settings: &Settings) -> Trial {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = asking(settings);
        match self.object(&path, "").try_out::<Value>(&pod).await {
            Ok(pod) => match Fate::of(&pod) {
                Fate::Injected => Trial::Injected(settings_of(&pod)),
                Fate::Refused(codes) => Trial::Refused(codes),
                Fate::NoWord => Trial::Untouched,
            },
            Err(problem) => Trial::Rejected(told(&problem)),
        }
    }

    async fn account(&self, installation: &Installation) -> Seen<Account> {
        let Some(service) = &installation.service else {
            return Seen::Hidden(
                "the entries name no Service, so that nobody knows the Pods".into(),
            );
        };
        let endpoints = match &installation.endpoints {
            Seen::There(all) => all,
            Seen::Missing => return Seen::Missing,
            Seen::Hidden(why) => return Seen::Hidden(why.clone()),
        };
        let Some(replica) = endpoints.iter().find(|one| one.is_pod) else {
            return Seen::Missing;
        };
        let path = format!("/api/v1/namespaces/{}/pods", service.namespace);
        match seen(self.get(&path, &replica.name).await) {
            Seen::There(pod) => {
                let settings = &installation.settings.settings;
                let features = Features::of(&arguments(&pod), settings);
                let rights = needed(&features, &service.namespace, &service.name);
                let account = match text(&pod, "/spec/serviceAccountName") {
                    "" => "default",
                    name => name,
                };
                let user = format!("system:serviceaccount:{}:{account}", service.namespace);
                self.missing(user, rights).await
            }
            Seen::Missing => Seen::Missing,
            Seen::Hidden(why) => Seen::Hidden(why),
        }
    }

    async fn missing(&self, user: String, rights: Vec<Right>) -> Seen<Account> {
        let asked = rights.len();
        let mut missing = Vec::new();
        for right in rights {
            let review = review(&user, &right);
            let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
            match self.object(path, "").make::<Value>(&review).await {
                Ok(answer) if answer.pointer("/status/allowed") == Some(&Value::Bool(true)) => {}
                Ok(_) => missing.push(right),
                Err(problem) => return Seen::Hidden(told(&problem)),
            }
        }
        Seen::There(Account {
            user,
            asked,
            missing,
        })
    }
}

fn review(user: &str, right: &Right) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
    "spec": {"user": user, "groups": ["system:serviceaccounts", "system:authenticated"],
        "resourceAttributes": {"verb": right.verb, "group": right.group, "resource": right.resource,
            "name": right.name, "namespace": right.namespace}}})
}

fn arguments(pod: &Value) -> Vec<String> {
    let containers = elements(pod, "/spec/containers");
    let arguments = containers.flat_map(|container| elements(container, "/args"));
    arguments
        .filter_map(|one| one.as_str().map(str::to_owned))
        .collect()
}

/// A Pod that the strictest namespace takes, and that wants nothing but its toolbox.
fn asking(settings: &Settings) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"generateName": "sidebox-check-",
            "annotations": {"sidebox.dev/inject": "true", "sidebox.dev/data": "none"}},
        "spec": {"restartPolicy": "Always", "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 1654,
                "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "app", "image": settings.toolbox.image.as_str(),
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"},
                    "limits": {"cpu": "100m", "memory": "64Mi"}},
                "securityContext": {"allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]}}}]}})
}
