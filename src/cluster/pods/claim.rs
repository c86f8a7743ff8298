//! Where does the settings' claim have to be made, and how? Makes that one claim and no other, in namespaces
//! that lack it; never changes and never deletes one.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::json;

use crate::admission::FactSource;
use crate::cluster::deadline::within;
use crate::cluster::facts::FactStore;
use crate::cluster::watch::problem::Problem;
use crate::inject::facts::Known;
use crate::inject::settings::{DataKind, MANAGED_BY, Settings};

/// An API server that takes longer is away.
const ANSWER: Duration = Duration::from_secs(10);

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// It is there now.
    New,
    /// It was there already.
    There,
}

/// Whether the settings' claim is to be made in a namespace where a Pod wants it.
pub(super) fn is_needed(namespace: &str, settings: &Settings, facts: &FactStore) -> bool {
    if !settings.data.create || settings.is_system(namespace) || settings.excludes(namespace) {
        return false;
    }
    let facts = facts.facts(namespace);
    let asks = facts.namespace.get().map(|namespace| &namespace.asks);
    // A namespace that names another claim, or none, does not want this one.
    let other = asks.is_some_and(|asks| {
        let claim = asks.claim.as_deref();
        claim.is_some_and(|claim| claim != settings.data.claim)
            || asks.data.is_some_and(|kind| kind != DataKind::Claim)
    });
    !other && !matches!(facts.claim(&settings.data.claim), Known::Known(Some(_)))
}

/// Makes the claim.
pub(super) async fn make(
    client: Client,
    namespace: &str,
    settings: &Arc<Settings>,
) -> Result<Made, Problem> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client, namespace);
    let claim = claim(settings)?;
    match within(ANSWER, claims.create(&PostParams::default(), &claim)).await {
        Ok(_) => Ok(Made::New),
        Err(Problem::Conflict(_)) => Ok(Made::There),
        Err(problem) => Err(problem),
    }
}

fn claim(settings: &Settings) -> Result<PersistentVolumeClaim, Problem> {
    let data = &settings.data;
    let mut labels = data.labels.clone();
    labels.insert(MANAGED_BY.into(), "sidebox".into());
    let claim = json!({
        "metadata": {"name": data.claim, "labels": labels},
        "spec": {"accessModes": ["ReadWriteMany"], "storageClassName": data.storage_class,
            "resources": {"requests": {"storage": data.size.as_str()}}}});
    serde_json::from_value(claim).map_err(|error| Problem::Garbled(error.to_string()))
}
