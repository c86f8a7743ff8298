//! Which rights does an installation need? The rules of the chart's ClusterRole and Role, each with the feature
//! that brings it, and which features a replica's arguments switch on.

use crate::inject::settings::Settings;

/// What the replicas were told to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each feature that has rights of its own"
)]
pub struct Features {
    /// Namespaces, claims, LimitRanges and quotas are watched.
    pub facts: bool,
    /// The metadata of Pods is watched.
    pub pods: bool,
    /// Claims are made.
    pub claims: bool,
    /// Findings become Events.
    pub events: bool,
    /// Certificates keep themselves.
    pub certificates: bool,
}

impl Features {
    /// As the arguments of `sidebox serve` and the settings say.
    pub fn of(arguments: &[String], settings: &Settings) -> Self {
        let has = |wanted: &str| arguments.iter().any(|one| one == wanted);
        let facts = has("--cluster=always");
        Self {
            facts,
            pods: facts && (settings.watch_missed || settings.data.create),
            claims: facts && settings.data.create,
            events: facts && has("--events=true"),
            certificates: has("--self-managed-tls"),
        }
    }
}

/// Whose name a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    /// Everything of that kind.
    All,
    /// The one of Sidebox's own name.
    Own,
    /// The Secret of the authority.
    Authority,
}

/// Where a rule holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Cluster,
    OwnNamespace,
}

struct Row {
    feature: fn(&Features) -> bool,
    purpose: &'static str,
    place: Place,
    group: &'static str,
    resources: &'static [&'static str],
    named: Named,
    verbs: &'static [&'static str],
}

const fn row(
    (feature, purpose): (fn(&Features) -> bool, &'static str),
    (place, named): (Place, Named),
    (group, resources): (&'static str, &'static [&'static str]),
    verbs: &'static [&'static str],
) -> Row {
    Row {
        feature,
        purpose,
        place,
        group,
        resources,
        named,
        verbs,
    }
}

/// `templates/rights.yaml` of the chart; a test of the deployment compares them with a real API server's answers.
const ROWS: &[Row] = &[
    row(
        (|on| on.facts, "facts"),
        (Place::Cluster, Named::All),
        (
            "",
            &[
                "namespaces",
                "persistentvolumeclaims",
                "limitranges",
                "resourcequotas",
            ],
        ),
        &["list", "watch"],
    ),
    row(
        (|on| on.pods, "missed Pods, claims"),
        (Place::Cluster, Named::All),
        ("", &["pods"]),
        &["list", "watch"],
    ),
    row(
        (|on| on.claims, "claims that are made"),
        (Place::Cluster, Named::All),
        ("", &["persistentvolumeclaims"]),
        &["create"],
    ),
    row(
        (|on| on.events, "Events"),
        (Place::Cluster, Named::All),
        ("", &["events"]),
        &["create", "patch"],
    ),
    row(
        (|on| on.events, "Events"),
        (Place::Cluster, Named::All),
        ("apps", &["replicasets"]),
        &["get"],
    ),
    row(
        (|on| on.events, "Events"),
        (Place::Cluster, Named::All),
        ("batch", &["jobs"]),
        &["get"],
    ),
    row(
        (|on| on.certificates, "certificates"),
        (Place::Cluster, Named::Own),
        (
            "admissionregistration.k8s.io",
            &[
                "mutatingwebhookconfigurations",
                "validatingwebhookconfigurations",
            ],
        ),
        &["list", "watch", "patch"],
    ),
    row(
        (|on| on.certificates, "certificates"),
        (Place::OwnNamespace, Named::All),
        ("", &["secrets"]),
        &["create"],
    ),
    row(
        (|on| on.certificates, "certificates"),
        (Place::OwnNamespace, Named::Authority),
        ("", &["secrets"]),
        &["list", "watch", "patch"],
    ),
    row(
        (|on| on.facts || on.certificates, "the Lease"),
        (Place::OwnNamespace, Named::All),
        ("coordination.k8s.io", &["leases"]),
        &["create"],
    ),
    row(
        (|on| on.facts || on.certificates, "the Lease"),
        (Place::OwnNamespace, Named::Own),
        ("coordination.k8s.io", &["leases"]),
        &["get", "patch"],
    ),
];

/// One thing that may be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Right {
    /// What for.
    pub purpose: &'static str,
    /// The namespace; none for the whole cluster.
    pub namespace: Option<String>,
    /// The API's group; empty for the core.
    pub group: &'static str,
    /// The kind, in plural.
    pub resource: &'static str,
    /// The one object; none for all.
    pub name: Option<String>,
    /// The verb.
    pub verb: &'static str,
}

impl Right {
    /// `secrets sidebox-ca in namespace sidebox`
    pub fn object(&self) -> String {
        let name = self.name.as_ref().map(|name| format!(" {name}"));
        let place = self.namespace.as_ref();
        let place = place.map(|namespace| format!(" in namespace {namespace}"));
        [Some(self.resource.to_owned()), name, place]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// All rights that these features need, of a Sidebox of this name in this namespace.
pub fn needed(features: &Features, namespace: &str, name: &str) -> Vec<Right> {
    let rows = ROWS.iter().filter(|row| (row.feature)(features));
    rows.flat_map(|row| {
        let of = move |resource: &'static str| {
            row.verbs.iter().map(move |&verb| Right {
                purpose: row.purpose,
                namespace: (row.place == Place::OwnNamespace).then(|| namespace.to_owned()),
                group: row.group,
                resource,
                name: match row.named {
                    Named::All => None,
                    Named::Own => Some(name.to_owned()),
                    Named::Authority => Some(format!("{name}-ca")),
                },
                verb,
            })
        };
        row.resources.iter().flat_map(move |&resource| of(resource))
    })
    .collect()
}

/// The service account of the replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `system:serviceaccount:NAMESPACE:NAME`
    pub user: String,
    /// How many rights were asked for.
    pub asked: usize,
    /// Those that it has not.
    pub missing: Vec<Right>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_off_needs_nothing() {
        assert!(needed(&Features::default(), "sidebox", "sidebox").is_empty());
        let arguments = ["serve", "--cluster=never", "--events=true"].map(str::to_owned);
        assert_eq!(
            Features::of(&arguments, &Settings::default()),
            Features::default()
        );
    }

    #[test]
    fn a_right_names_its_object() {
        let arguments = ["--self-managed-tls"].map(str::to_owned);
        let features = Features::of(&arguments, &Settings::default());
        let objects: Vec<_> = needed(&features, "ours", "box")
            .iter()
            .map(|right| format!("{} {}", right.verb, right.object()))
            .collect();
        for wanted in [
            "create secrets in namespace ours",
            "patch secrets box-ca in namespace ours",
            "patch mutatingwebhookconfigurations box",
            "get leases box in namespace ours",
        ] {
            assert!(objects.iter().any(|one| one == wanted), "{objects:?}");
        }
    }
}
