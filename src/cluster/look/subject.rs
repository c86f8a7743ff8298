//! The object that is explained, and the Pods of a workload.

use serde_json::Value;

use super::kinds::Reference;
use super::{Look, elements, seen, text};
use crate::chain::fate::{Fate, Newest};
use crate::chain::seen::{Lives, Seen};
use crate::cluster::watch::problem::Problem;

/// The label of a Job's Pods that names the Job's uid.
const JOB_UID: &str = "batch.kubernetes.io/controller-uid";

impl Look {
    /// The object that is meant.
    ///
    /// # Errors
    /// [`Problem::Missing`] when there is none, others when it cannot be read.
    pub async fn subject(&self, what: &Reference, namespace: &str) -> Result<Value, Problem> {
        self.get(&what.path(namespace), what.name()).await
    }

    /// What became of the Pods of an object, or of the Pod that it is.
    pub async fn lives(&self, what: &Reference, namespace: &str, object: &Value) -> Lives {
        if what.kind() == "Pod" {
            return Lives::Pod(what.name().to_owned(), Fate::of(object));
        }
        let pods = match what.kind() {
            "CronJob" => self.pods_of_cron_job(namespace, object).await,
            "PodTemplate" => return Lives::Workload(Seen::There(Newest::default())),
            _ => self.pods(namespace, &selector(object)).await,
        };
        Lives::Workload(match seen(pods) {
            Seen::There(pods) => Seen::There(Newest::of(&pods)),
            Seen::Missing => Seen::Missing,
            Seen::Hidden(why) => Seen::Hidden(why),
        })
    }

    async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<Value>, Problem> {
        // Without labels these would be all Pods of the namespace.
        if labels.is_empty() {
            return Ok(Vec::new());
        }
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        self.list(&path, labels).await
    }

    /// Those of its newest Job.
    async fn pods_of_cron_job(
        &self,
        namespace: &str,
        object: &Value,
    ) -> Result<Vec<Value>, Problem> {
        let uid = text(object, "/metadata/uid");
        let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
        let jobs = self.list(&path, "").await?;
        let ours = jobs.iter().filter(|job| {
            elements(job, "/metadata/ownerReferences").any(|owner| text(owner, "/uid") == uid)
        });
        let newest = ours.max_by_key(|job| text(job, "/metadata/creationTimestamp"));
        match newest.map(|job| text(job, "/metadata/uid")) {
            Some(uid) => self.pods(namespace, &format!("{JOB_UID}={uid}")).await,
            None => Ok(Vec::new()),
        }
    }
}

/// A workload's selector as the API takes it in a query.
fn selector(object: &Value) -> String {
    let Some(selector) = object.pointer("/spec/selector").and_then(Value::as_object) else {
        return String::new();
    };
    let equal = |labels: &serde_json::Map<String, Value>| {
        let all = labels.iter();
        all.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect::<Vec<_>>()
    };
    // That of a ReplicationController is a plain map of labels.
    if !selector.contains_key("matchLabels") && !selector.contains_key("matchExpressions") {
        return equal(selector).join(",");
    }
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let mut all = labels.map(equal).unwrap_or_default();
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    all.extend(expressions.into_iter().flatten().map(expression));
    all.join(",")
}

fn expression(one: &Value) -> String {
    let key = text(one, "/key");
    let values: Vec<_> = elements(one, "/values").filter_map(Value::as_str).collect();
    let values = values.join(",");
    match text(one, "/operator") {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "DoesNotExist" => format!("!{key}"),
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_become_queries() {
        let of = |selector: Value| super::selector(&json!({"spec": {"selector": selector}}));
        assert_eq!(of(json!({"app": "a"})), "app=a");
        assert_eq!(of(json!(null)), "");
        let all = json!({"matchLabels": {"app": "a"}, "matchExpressions": [
            {"key": "b", "operator": "In", "values": ["1", "2"]},
            {"key": "c", "operator": "NotIn", "values": ["3"]},
            {"key": "d", "operator": "Exists"},
            {"key": "e", "operator": "DoesNotExist"}]});
        assert_eq!(of(all), "app=a,b in (1,2),c notin (3),d,!e");
    }
}
