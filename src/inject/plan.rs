//! What will be added to a Pod, in order, in Kubernetes' terms.
//!
//! A plan only adds: missing parents first, then what goes into them. Each addition knows its
//! place by index (for the patch) and by name (for the status, so that `uninject` finds it after
//! others have appended). It does not know JSON Patch.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::access::{Access, DIAGNOSTIC_PORTS, Folder, PORT_PATH, SOCKET_PATH};
use super::annotations::Placement;
use super::decide::{Case, DATA_VOLUME, Intent, Origin, Request, TMP_VOLUME, TOOLBOX};
use super::parts::{Mount, Variable};
use super::place::{Place, Target};
use super::pod::{DEFAULT_CONTAINER, INJECTED_LABEL, Metadata, Pod, Presence, elements};
use super::settings::TmpMedium;
use super::storage::Storage;
use super::toolbox::{self, Container};

/// One thing that is added.
#[derive(Debug)]
pub struct Addition<'a> {
    /// Where.
    pub place: Place<'a>,
    /// What.
    pub value: Value<'a>,
    /// A null stands there now.
    pub replaces_null: bool,
}

/// What is added.
#[derive(Debug)]
#[expect(missing_docs, reason = "each is the Kubernetes object of that name")]
pub enum Value<'a> {
    Object,
    List,
    True,
    Text(Cow<'a, str>),
    Volume(Volume<'a>),
    Given(&'a RawValue),
    Mount(Mount<'a>),
    Variable(Variable<'a>),
    Container(Box<Container<'a>>),
    Secret(Named<'a>),
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object => serializer.collect_map::<&str, &str, _>([]),
            Self::List => serializer.collect_seq::<[&str; 0]>([]),
            Self::True => serializer.serialize_bool(true),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Volume(volume) => volume.serialize(serializer),
            Self::Given(raw) => raw.serialize(serializer),
            Self::Mount(mount) => mount.serialize(serializer),
            Self::Variable(variable) => variable.serialize(serializer),
            Self::Container(container) => container.serialize(serializer),
            Self::Secret(secret) => secret.serialize(serializer),
        }
    }
}

/// A reference by name.
#[derive(Debug, Serialize)]
pub struct Named<'a> {
    name: &'a str,
}

/// A volume of Sidebox's own.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Volume<'a> {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_dir: Option<EmptyDir>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistent_volume_claim: Option<ClaimSource<'a>>,
}

/// An emptyDir without a size limit: passing one evicts the whole Pod.
#[derive(Debug, Serialize)]
struct EmptyDir {
    #[serde(skip_serializing_if = "Option::is_none")]
    medium: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ClaimSource<'a> {
    claim_name: &'a str,
}

impl<'a> Volume<'a> {
    const fn empty(name: &'static str, medium: Option<&'static str>) -> Self {
        Self {
            name,
            empty_dir: Some(EmptyDir { medium }),
            persistent_volume_claim: None,
        }
    }

    const fn claim(name: &'static str, claim_name: &'a str) -> Self {
        let claim = ClaimSource { claim_name };
        Self {
            name,
            empty_dir: None,
            persistent_volume_claim: Some(claim),
        }
    }
}

/// What is added to one Pod, in order. The status comes last and is not among them: it lists them.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// In the order in which they are valid.
    pub additions: Vec<Addition<'a>>,
    /// A null stands where the status goes.
    pub status_replaces_null: bool,
}

impl<'a> Plan<'a> {
    fn add(&mut self, place: Place<'a>, value: Value<'a>) {
        self.additions.push(Addition {
            place,
            value,
            replaces_null: false,
        });
    }

    /// Adds a parent or a single member, unless a value is there.
    fn ensure<T>(&mut self, place: Place<'a>, present: &Presence<T>, value: Value<'a>) {
        let replaces_null = match present {
            Presence::Value(_) => return,
            Presence::Null => true,
            Presence::Missing => false,
        };
        self.additions.push(Addition {
            place,
            value,
            replaces_null,
        });
    }

    /// The annotations, which the status needs in any case.
    fn annotations(&mut self, pod: &Pod<'_>) {
        self.ensure(Place::Metadata, &pod.metadata, Value::Object);
        let annotations = member(pod, |metadata| metadata.annotations.as_ref().map(|_| ()));
        self.ensure(Place::Map("annotations"), &annotations, Value::Object);
        let status = pod.annotations().map(|all| &all.status);
        self.status_replaces_null = matches!(status, Some(Presence::Null));
    }
}

fn member(pod: &Pod<'_>, of: impl Fn(&Metadata<'_>) -> Presence<()>) -> Presence<()> {
    pod.metadata.get().map_or(Presence::Missing, of)
}

/// The plan of a refusal: room for the status.
pub fn refusal<'a>(pod: &Pod<'_>) -> Plan<'a> {
    let mut plan = Plan::default();
    plan.annotations(pod);
    plan
}

/// The plan that gives a native toolbox its `restartPolicy` back.
pub fn repair<'a>(index: usize) -> Plan<'a> {
    let mut plan = Plan::default();
    plan.add(Place::RestartPolicy(index), Value::Text("Always".into()));
    plan
}

/// The plan of an injection.
pub fn injection<'a>(request: &Request<'a>, intent: &'a Intent<'a>) -> Plan<'a> {
    let case = &intent.case;
    let mut plan = Plan {
        additions: Vec::with_capacity(16),
        status_replaces_null: false,
    };
    metadata(&mut plan, request.pod, case);
    if intent.access.shares_pid() {
        let present = &case.spec.share_process_namespace;
        plan.ensure(Place::Spec("shareProcessNamespace"), present, Value::True);
    }
    volumes(&mut plan, intent);
    target(&mut plan, intent);
    container(&mut plan, intent);
    pull_secrets(&mut plan, request, case);
    plan
}

fn metadata<'a>(plan: &mut Plan<'a>, pod: &'a Pod<'a>, case: &Case<'a>) {
    plan.annotations(pod);
    let labels = member(pod, |metadata| metadata.labels.as_ref().map(|_| ()));
    plan.ensure(Place::Map("labels"), &labels, Value::Object);
    let label = pod
        .metadata
        .get()
        .and_then(|metadata| metadata.labels.get());
    let label = label.map_or(Presence::Missing, |labels| {
        labels.injected.as_ref().map(|_| ())
    });
    plan.ensure(
        Place::Entry("labels", INJECTED_LABEL),
        &label,
        Value::Text("true".into()),
    );
    let default = pod.annotations().map_or(Presence::Missing, |all| {
        all.default_container.as_ref().map(|_| ())
    });
    if let Some(first) = case.containers().first() {
        let first = Value::Text(Cow::Borrowed(first.name()));
        plan.ensure(
            Place::Entry("annotations", DEFAULT_CONTAINER),
            &default,
            first,
        );
    }
}

fn volumes<'a>(plan: &mut Plan<'a>, intent: &'a Intent<'a>) {
    let case = &intent.case;
    let mut added = Vec::with_capacity(2);
    let medium = match case.settings.tmp_medium {
        TmpMedium::Node => None,
        TmpMedium::Memory => Some("Memory"),
    };
    if !matches!(
        &intent.access,
        Access::Tmp {
            folder: Folder::Reused { .. },
            ..
        }
    ) {
        added.push((TMP_VOLUME, Value::Volume(Volume::empty(TMP_VOLUME, medium))));
    }
    match &intent.storage {
        Storage::Claim(claim) => {
            added.push((
                DATA_VOLUME,
                Value::Volume(Volume::claim(DATA_VOLUME, claim)),
            ));
        }
        Storage::EmptyDir => {
            added.push((DATA_VOLUME, Value::Volume(Volume::empty(DATA_VOLUME, None))));
        }
        Storage::OwnVolume { .. } | Storage::None => {}
    }
    let given = case.settings.toolbox.volumes.iter();
    added.extend(given.map(|volume| (volume.name.as_str(), Value::Given(&volume.json))));
    if !added.is_empty() {
        plan.ensure(Place::Spec("volumes"), &case.spec.volumes, Value::List);
    }
    for (name, value) in added {
        plan.add(Place::Element("volumes", name), value);
    }
}

fn target<'a>(plan: &mut Plan<'a>, intent: &'a Intent<'a>) {
    let case = &intent.case;
    let container = case.target();
    let target = Target {
        index: case.target_index(),
        name: container.name(),
    };
    let mount = match &intent.access {
        Access::Tmp {
            folder: Folder::New(path),
            ..
        } => Some(&**path),
        Access::Port => Some(SOCKET_PATH),
        Access::Tmp { .. } | Access::PidOnly => None,
    };
    if let Some(path) = mount {
        plan.ensure(
            Place::TargetList(target, "volumeMounts"),
            &container.volume_mounts,
            Value::List,
        );
        let value = Value::Mount(Mount::whole(TMP_VOLUME, Cow::Borrowed(path)));
        plan.add(Place::TargetElement(target, "volumeMounts", path), value);
    }
    let variables = target_variables(intent);
    if !variables.is_empty() {
        plan.ensure(
            Place::TargetList(target, "env"),
            &container.env,
            Value::List,
        );
    }
    for (name, value) in variables {
        let variable = Value::Variable(Variable::literal(name, value));
        plan.add(Place::TargetElement(target, "env", name), variable);
    }
}

/// Variables that make the target's runtime open its end.
fn target_variables<'a>(intent: &Intent<'_>) -> Vec<(&'static str, Cow<'a, str>)> {
    let mut variables = Vec::new();
    if intent.access == Access::Port {
        // `nosuspend`: the default would hold the application's start until a tool connects.
        let port = format!("{PORT_PATH},connect,nosuspend");
        variables.push((DIAGNOSTIC_PORTS, Cow::Owned(port)));
    }
    if let Some(dump_type) = intent.crash_dumps.dump_type() {
        let folder = match &intent.access {
            Access::Tmp { folder, .. } => folder.path(),
            Access::PidOnly => super::access::TMP_PATH,
            Access::Port => SOCKET_PATH,
        };
        // A percent sign of the folder itself stands twice.
        let name = format!("{}/crash-%h-%p-%t.dmp", folder.replace('%', "%%"));
        variables.push(("DOTNET_DbgEnableMiniDump", "1".into()));
        variables.push(("DOTNET_DbgMiniDumpType", dump_type.into()));
        variables.push(("DOTNET_DbgMiniDumpName", name.into()));
        variables.push(("DOTNET_EnableCrashReport", "1".into()));
    }
    variables
}

fn container<'a>(plan: &mut Plan<'a>, intent: &'a Intent<'a>) {
    let case = &intent.case;
    let list = intent.placement.list();
    if intent.placement == Placement::Native {
        plan.ensure(Place::Spec(list), &case.spec.init_containers, Value::List);
    }
    let toolbox = Box::new(toolbox::toolbox(intent));
    plan.add(Place::Element(list, TOOLBOX), Value::Container(toolbox));
}

/// A service account's pull secrets are copied only into a Pod that has none: in a file an empty
/// list must stay empty.
fn pull_secrets<'a>(plan: &mut Plan<'a>, request: &Request<'_>, case: &Case<'a>) {
    let present = elements(&case.spec.image_pull_secrets);
    if request.origin == Origin::File && present.is_empty() {
        return;
    }
    let known = |name: &str| {
        present
            .iter()
            .any(|secret| secret.name.as_deref() == Some(name))
    };
    let missing = case
        .settings
        .image_pull_secrets
        .iter()
        .filter(|name| !known(name));
    for (count, name) in missing.enumerate() {
        if count == 0 {
            let list = Place::Spec("imagePullSecrets");
            plan.ensure(list, &case.spec.image_pull_secrets, Value::List);
        }
        plan.add(
            Place::Element("imagePullSecrets", name),
            Value::Secret(Named { name }),
        );
    }
}
