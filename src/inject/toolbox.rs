//! The toolbox container, in Kubernetes' terms.
//!
//! Built from an intent and the settings; ready to be written as JSON. It does not know where in
//! the Pod it goes.

use std::borrow::Cow;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::access::{Access, DATA_PATH, Folder, SOCKET_PATH, TMP_PATH};
use super::annotations::Placement;
use super::decide::{Case, Intent, TMP_VOLUME, TOOLBOX};
use super::image::any_matches;
use super::parts::{Mount, Variable};
use super::pod::TMPDIR;
use super::quantity::Quantity;
use super::resources::Share;
use super::settings::Settings;
use super::user::{CapabilitySet, User};

/// A container as the API wants it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Container<'a> {
    name: &'static str,
    image: Cow<'a, str>,
    image_pull_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    working_dir: Option<&'a str>,
    stdin: bool,
    tty: bool,
    env: Vec<Variable<'a>>,
    #[serde(skip_serializing_if = "Resources::is_empty")]
    resources: Resources<'a>,
    volume_mounts: Vec<Mount<'a>>,
    security_context: SecurityContext<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    restart_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    liveness_probe: Option<Probe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness_probe: Option<Probe>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Words<'a> {
    Given(&'a [String]),
    Built(&'static [&'static str]),
}

#[derive(Debug)]
struct Amounts<'a>(Vec<(&'static str, &'a Quantity)>);

impl Serialize for Amounts<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (resource, quantity) in &self.0 {
            map.serialize_entry(resource, quantity.as_str())?;
        }
        map.end()
    }
}

#[derive(Debug, Serialize)]
struct Resources<'a> {
    requests: Amounts<'a>,
    limits: Amounts<'a>,
}

impl<'a> Resources<'a> {
    fn of(shares: &'a [Share]) -> Self {
        Self {
            requests: Amounts(
                shares
                    .iter()
                    .map(|s| (s.resource.as_str(), &s.request))
                    .collect(),
            ),
            limits: Amounts(
                shares
                    .iter()
                    .map(|s| (s.resource.as_str(), &s.limit))
                    .collect(),
            ),
        }
    }

    const fn is_empty(&self) -> bool {
        self.limits.0.is_empty()
    }
}

/// Everything that the `restricted` Pod Security level wants, but for root's one capability.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SecurityContext<'a> {
    allow_privilege_escalation: bool,
    capabilities: Capabilities<'a>,
    read_only_root_filesystem: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_non_root: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_user: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_as_group: Option<i64>,
    seccomp_profile: SeccompProfile,
}

#[derive(Debug, Serialize)]
struct SeccompProfile {
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Debug, Serialize)]
struct Capabilities<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drop: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add: Vec<&'a str>,
}

impl<'a> SecurityContext<'a> {
    fn of(user: &'a User) -> Self {
        let names = |names: &'a Option<Vec<String>>| {
            names
                .iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>()
        };
        let capabilities = match &user.capabilities {
            CapabilitySet::None => Capabilities {
                drop: vec!["ALL"],
                add: Vec::new(),
            },
            CapabilitySet::DacOverride => Capabilities {
                drop: vec!["ALL"],
                add: vec!["DAC_OVERRIDE"],
            },
            CapabilitySet::Target(own) => Capabilities {
                drop: names(&own.drop),
                add: names(&own.add),
            },
        };
        Self {
            allow_privilege_escalation: false,
            capabilities,
            read_only_root_filesystem: true,
            run_as_non_root: user.non_root,
            run_as_user: user.uid,
            run_as_group: user.group,
            seccomp_profile: SeccompProfile {
                kind: "RuntimeDefault",
            },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lifecycle {
    pre_stop: Handler,
}

#[derive(Debug, Serialize)]
struct Handler {
    exec: Exec,
}

#[derive(Debug, Serialize)]
struct Exec {
    command: &'static [&'static str],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Probe {
    exec: Exec,
    period_seconds: u32,
    timeout_seconds: u32,
}

const TRUE: Exec = Exec { command: &["true"] };

/// A shell that waits and ends on SIGTERM at once. As PID 1 an interactive shell or `sleep` would
/// ignore the signal and cost each deletion the whole grace period.
const WAIT: &[&str] = &[
    "/bin/sh",
    "-c",
    "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done",
];

/// Where each Pod's results lie on the volume, so that replicas never write over each other.
const SUB_PATH: &str = "$(POD_NAMESPACE)/$(POD_NAME)";

/// Builds the toolbox.
pub fn toolbox<'a>(intent: &'a Intent<'a>) -> Container<'a> {
    let case = &intent.case;
    let given = &case.settings.toolbox.container;
    let native = intent.placement == Placement::Native;
    let probe = || {
        case.settings.toolbox.probes.then_some(Probe {
            exec: TRUE,
            period_seconds: 60,
            timeout_seconds: 10,
        })
    };
    Container {
        name: TOOLBOX,
        image: intent.image.clone(),
        image_pull_policy: "IfNotPresent",
        command: command(case.settings, &intent.image),
        args: given.args.as_deref(),
        working_dir: given.working_dir.as_deref(),
        stdin: true,
        tty: true,
        env: variables(case, intent),
        resources: Resources::of(&intent.shares),
        volume_mounts: mounts(case, intent),
        security_context: SecurityContext::of(&intent.user),
        restart_policy: native.then_some("Always"),
        // The API forbids hooks on plain init containers: a webhook that strips `restartPolicy`
        // makes the Pod invalid and loud instead of waiting for ever.
        lifecycle: native.then_some(Lifecycle {
            pre_stop: Handler { exec: TRUE },
        }),
        liveness_probe: probe(),
        readiness_probe: probe(),
    }
}

fn command<'a>(settings: &'a Settings, image: &str) -> Option<Words<'a>> {
    let toolbox = &settings.toolbox;
    if let Some(given) = &toolbox.container.command {
        return Some(Words::Given(given));
    }
    let self_starting = any_matches(&toolbox.self_starting_images, image);
    (!self_starting).then_some(Words::Built(WAIT))
}

fn variables<'a>(case: &'a Case<'a>, intent: &'a Intent<'a>) -> Vec<Variable<'a>> {
    let literal = |name, value| Variable::literal(name, Cow::Borrowed(value));
    let mut env = Vec::with_capacity(8);
    env.push(Variable::field("POD_NAME", "metadata.name"));
    env.push(Variable::field("POD_NAMESPACE", "metadata.namespace"));
    // The tools are .NET programs: their own sockets must not stand among the application's.
    env.push(literal("DOTNET_EnableDiagnostics", "0"));
    env.push(literal("SIDEBOX_TARGET", case.target().name()));
    env.push(literal("SIDEBOX_MODE", intent.access.mode().as_str()));
    if let Access::Tmp { folder, .. } = &intent.access
        && folder.path() != TMP_PATH
    {
        env.push(literal(TMPDIR, folder.path()));
    }
    let given = &case.settings.toolbox.container.env;
    env.extend(given.iter().map(|v| literal(&v.name, &v.value)));
    env
}

fn mounts<'a>(case: &'a Case<'a>, intent: &'a Intent<'a>) -> Vec<Mount<'a>> {
    let mut mounts = Vec::with_capacity(4);
    match &intent.access {
        Access::Tmp { folder, .. } => mounts.push(shared(folder)),
        // The root is read-only: the toolbox keeps a folder for its own temporary files.
        Access::PidOnly => mounts.push(Mount::whole(TMP_VOLUME, TMP_PATH.into())),
        Access::Port => {
            mounts.push(Mount::whole(TMP_VOLUME, TMP_PATH.into()));
            mounts.push(Mount::whole(TMP_VOLUME, SOCKET_PATH.into()));
        }
    }
    if let Some(volume) = intent.storage.volume() {
        let sub_path_expr = Some(SUB_PATH);
        mounts.push(Mount {
            sub_path_expr,
            ..Mount::whole(volume, DATA_PATH.into())
        });
    }
    mounts.extend(
        case.settings
            .toolbox
            .container
            .volume_mounts
            .iter()
            .map(Mount::given),
    );
    mounts
}

/// The shared temporary folder, where the target has it.
fn shared<'a>(folder: &'a Folder<'a>) -> Mount<'a> {
    match folder {
        Folder::New(path) => Mount::whole(TMP_VOLUME, Cow::Borrowed(path)),
        Folder::Reused {
            volume,
            mount_path,
            sub_path,
            ..
        } => Mount {
            sub_path: *sub_path,
            ..Mount::whole(volume, Cow::Borrowed(mount_path))
        },
    }
}
