//! Who is injected: the one place that answers "why was my Pod not injected".
//!
//! Reads the Pod, the facts and the settings; writes nothing. Rules are asked in the order of
//! [`super::trail::RULES`]; the first that stops gives the reason.

use std::borrow::Cow;

use super::access::{self, Access};
use super::annotations::{self, Asks, Auto, CrashDumps, PREFIX, Placement, Source, TABLE};
use super::facts::{Facts, Label};
use super::finding::{Finding, Kind};
use super::pod::{Container, Pod, Spec, Text, elements, is_dotnet_variable};
use super::resources::{self, Shares};
use super::settings::{Injection, Settings};
use super::status;
use super::storage::{self, Storage};
use super::trail::{Rule, Trail};
use super::user::{self, User};

/// Name of the injected container.
pub const TOOLBOX: &str = "toolbox";
/// Name of the volume behind the shared temporary folder.
pub const TMP_VOLUME: &str = "sidebox-tmp";
/// Name of the volume of results.
pub const DATA_VOLUME: &str = "sidebox-data";

/// Where a Pod comes from: it tells whether a service account's pull secrets are in it already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An admission review: the API server has filled the Pod in.
    Admission,
    /// A file: the Pod is as its author wrote it.
    File,
}

/// What is to be decided.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The Pod or Pod template.
    pub pod: &'a Pod<'a>,
    /// Its namespace.
    pub namespace: &'a str,
    /// The namespace's label as the caller's own selectors saw it; none leaves it to the facts.
    pub label: Option<&'a Label>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Who asked for the injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The Pod's own annotation.
    Explicit,
    /// The namespace or the cluster setting.
    Automatic,
    /// Nobody.
    Nobody,
}

impl Asked {
    /// The word used in metrics, logs and `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Automatic => "automatic",
            Self::Nobody => "nobody",
        }
    }
}

/// The fully resolved settings of one injection.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the type of that name, explained there")]
pub struct Intent<'a> {
    pub case: Case<'a>,
    pub image: Cow<'a, str>,
    pub placement: Placement,
    pub access: Access<'a>,
    pub storage: Storage<'a>,
    pub user: User,
    pub shares: Shares,
    pub crash_dumps: CrashDumps,
}

/// What is to be done with a Pod.
#[derive(Debug)]
pub enum Decision<'a> {
    /// Inject it like this.
    Inject(Box<Intent<'a>>),
    /// The native toolbox at this place of `initContainers` lost its `restartPolicy` to another
    /// webhook and would block the Pod's start for ever: give it back.
    Repair(usize),
    /// Leave it: nobody asked, or there is nothing to do.
    Skip(Finding),
    /// Leave it although somebody asked.
    Refuse(Finding),
}

impl Decision<'_> {
    /// The word used in metrics, logs, status and `explain`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Inject(_) | Self::Repair(_) => "inject",
            Self::Skip(_) => "skip",
            Self::Refuse(_) => "refuse",
        }
    }

    /// Why nothing is injected.
    pub const fn reason(&self) -> Option<&Finding> {
        match self {
            Self::Skip(finding) | Self::Refuse(finding) => Some(finding),
            Self::Inject(_) | Self::Repair(_) => None,
        }
    }

    /// What a finding that ends an injection means.
    pub fn stop(finding: Finding) -> Self {
        match finding.kind() {
            Kind::Skip => Self::Skip(finding),
            Kind::Refuse | Kind::Note => Self::Refuse(finding),
        }
    }
}

/// A decision with everything that led to it.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Who asked.
    pub asked: Asked,
    /// What is to be done.
    pub decision: Decision<'a>,
    /// What is worth knowing beside it.
    pub notes: Vec<Finding>,
    /// The rules asked.
    pub trail: Trail,
}

/// Everything that the rules after "who asked" read.
#[derive(Debug)]
pub struct Case<'a> {
    /// The Pod's spec.
    pub spec: &'a Spec<'a>,
    /// What is known beside.
    pub facts: &'a Facts,
    /// The cluster's settings.
    pub settings: &'a Settings,
    /// What Pod and namespace ask, together.
    pub asks: Asks<'a>,
    /// Who asked.
    pub asked: Asked,
    target: (usize, &'a Container<'a>),
}

impl<'a> Case<'a> {
    /// The container that is diagnosed.
    pub const fn target(&self) -> &'a Container<'a> {
        self.target.1
    }

    /// Its place in `containers`.
    pub const fn target_index(&self) -> usize {
        self.target.0
    }

    /// The Pod's containers.
    pub fn containers(&self) -> &'a [Container<'a>] {
        elements(&self.spec.containers)
    }

    /// The Pod's init containers.
    pub fn init_containers(&self) -> &'a [Container<'a>] {
        elements(&self.spec.init_containers)
    }

    /// Whether a container shows .NET.
    pub fn shows_dotnet(&self, container: &Container<'_>) -> bool {
        shows_dotnet(container, self.settings)
    }
}

/// Decides over one Pod.
pub fn decide<'a>(request: &Request<'a>, facts: &'a Facts, settings: &'a Settings) -> Outcome<'a> {
    let pairs: &[_] = request.pod.annotations().map_or(&[], |all| &all.sidebox);
    let read = annotations::read(Source::Pod, pairs);
    let mut outcome = Outcome {
        asked: Asked::Nobody,
        decision: Decision::Skip(Finding::NotAsked {}),
        notes: read.notes,
        trail: Trail::new(),
    };
    let who = who_asked(request, &read.asks, read.invalid.as_ref(), (facts, settings));
    outcome.asked = *who.as_ref().unwrap_or(&Asked::Nobody);
    if let Some(namespace) = facts.namespace.get()
        && outcome.asked != Asked::Nobody
    {
        outcome.notes.extend(namespace.notes.iter().cloned());
    }
    let invalid = read.invalid;
    outcome.decision = may_inject(request, settings, who, &mut outcome.trail)
        .and_then(|who| match who {
            Allowed::Repair(index) => Ok(Decision::Repair(index)),
            Allowed::Inject(asked) => {
                let case = case(request, (facts, settings), (asked, read.asks), &mut outcome.trail)?;
                can_inject(&case, invalid, &mut outcome.trail)?;
                intent(case, &mut outcome.notes, &mut outcome.trail)
                    .map(|intent| Decision::Inject(Box::new(intent)))
            }
        })
        .unwrap_or_else(Decision::stop);
    outcome
}

enum Allowed {
    Inject(Asked),
    Repair(usize),
}

/// The truth table: the Pod's word, then the namespace's label, then the cluster setting.
///
/// | Pod annotation | namespace label | `injection` | result |
/// |---|---|---|---|
/// | false | any | any | skip `opted_out` |
/// | true | any | any | explicit |
/// | invalid | any | any | refuse `invalid_annotation` |
/// | none | false | any | skip `namespace_opted_out` |
/// | none | true | any | automatic |
/// | none | none or invalid | `all` | automatic |
/// | none | none or invalid | `dotnet` | automatic if the Pod shows .NET, else skip `no_dotnet` |
/// | none | none or invalid | `annotated` | skip `not_asked` |
fn who_asked(
    request: &Request<'_>,
    asks: &Asks<'_>,
    invalid: Option<&Finding>,
    (facts, settings): (&Facts, &Settings),
) -> Result<Asked, Finding> {
    match asks.inject {
        Some(true) => return Ok(Asked::Explicit),
        Some(false) => return Err(Finding::OptedOut {}),
        None => {}
    }
    if let Some(Finding::InvalidAnnotation { key, .. }) = invalid
        && key.strip_prefix(PREFIX) == Some("inject")
    {
        return Ok(Asked::Explicit);
    }
    let known = facts.namespace.get().map(|namespace| &namespace.label);
    match request.label.or(known).unwrap_or(&Label::Absent) {
        Label::OptedOut => Err(Finding::NamespaceOptedOut { namespace: request.namespace.to_owned() }),
        Label::Labelled => Ok(Asked::Automatic),
        Label::Absent | Label::Invalid(_) => match settings.injection {
            Injection::All => Ok(Asked::Automatic),
            Injection::Dotnet if pod_shows_dotnet(request.pod, settings) => Ok(Asked::Automatic),
            Injection::Dotnet => Err(Finding::NoDotnet {}),
            Injection::Annotated => Err(Finding::NotAsked {}),
        },
    }
}

fn may_inject(
    request: &Request<'_>,
    settings: &Settings,
    who: Result<Asked, Finding>,
    trail: &mut Trail,
) -> Result<Allowed, Finding> {
    let annotations = request.pod.annotations();
    let stop = |stops: bool, finding: fn(String) -> Finding| {
        if stops { Err(finding(request.namespace.to_owned())) } else { Ok(()) }
    };
    let is = |name: &str| request.namespace == name;
    let mirror = annotations.is_some_and(|all| all.mirror);
    trail.ask(Rule::Mirror, stop(mirror, |_| Finding::MirrorPod {}))?;
    let system = is("kube-system") || is(&settings.own_namespace);
    trail.ask(Rule::System, stop(system, |namespace| Finding::SystemNamespace { namespace }))?;
    let excluded = settings.excluded_namespaces.iter().any(|name| is(name));
    trail.ask(Rule::Excluded, stop(excluded, |namespace| Finding::ExcludedNamespace { namespace }))?;
    match status::stands(request.pod) {
        status::Stands::Whole => trail.ask(Rule::Injected, Err(Finding::AlreadyInjected {}))?,
        status::Stands::WithoutRestartPolicy(index) => return Ok(Allowed::Repair(index)),
        status::Stands::Not => trail.ask(Rule::Injected, Ok::<_, Finding>(()))?,
    }
    trail.ask(Rule::Asked, who).map(Allowed::Inject)
}

fn case<'a>(
    request: &Request<'a>,
    (facts, settings): (&'a Facts, &'a Settings),
    (asked, asks): (Asked, Asks<'a>),
    trail: &mut Trail,
) -> Result<Case<'a>, Finding> {
    let spec = request.pod.spec.get().filter(|spec| !elements(&spec.containers).is_empty());
    let spec = trail.ask(Rule::Containers, spec.ok_or(Finding::NoContainers {}))?;
    let asks = match facts.namespace.get() {
        Some(namespace) => asks.over(&namespace.asks),
        None => asks,
    };
    let default = request.pod.annotations().and_then(|all| all.default_container.get());
    let target = target(elements(&spec.containers), asks.container.as_deref(), default, settings);
    let target = trail.ask(Rule::Target, target)?;
    Ok(Case { spec, facts, settings, asks, asked, target })
}

/// The asked container; else the only one; else kubectl's default; else the first that shows
/// .NET; else the first that is not a known proxy.
fn target<'a>(
    containers: &'a [Container<'a>],
    asked: Option<&str>,
    default: Option<&Text<'_>>,
    settings: &Settings,
) -> Result<(usize, &'a Container<'a>), Finding> {
    let by = |test: &dyn Fn(&Container<'_>) -> bool| containers.iter().position(test);
    let index = if let Some(name) = asked {
        by(&|c| c.name() == name).ok_or_else(|| Finding::UnknownTarget {
            container: name.to_owned(),
            containers: containers.iter().map(Container::name).collect::<Vec<_>>().join(", "),
        })?
    } else if containers.len() == 1 {
        0
    } else {
        default
            .and_then(|name| by(&|c| c.name() == &**name))
            .or_else(|| by(&|c| shows_dotnet(c, settings)))
            .or_else(|| by(&|c| settings.proxy_containers.iter().all(|proxy| proxy != c.name())))
            .unwrap_or(0)
    };
    containers.get(index).map(|target| (index, target)).ok_or(Finding::NoContainers {})
}

fn pod_shows_dotnet(pod: &Pod<'_>, settings: &Settings) -> bool {
    let Some(spec) = pod.spec.get() else { return false };
    elements(&spec.containers).iter().any(|container| shows_dotnet(container, settings))
}

fn shows_dotnet(container: &Container<'_>, settings: &Settings) -> bool {
    let image = container.image.as_deref().unwrap_or("");
    let variable = |v: &super::pod::Variable<'_>| v.name.as_deref().is_some_and(is_dotnet_variable);
    container.command.is_some_and(|command| command.runs_dotnet)
        || container.args.is_some_and(|args| args.runs_dotnet)
        || container.env.get().is_some_and(|env| env.0.iter().any(variable))
        || settings.dotnet_images.iter().any(|pattern| pattern.matches(image))
}

fn refuse_if(stops: bool, finding: impl FnOnce() -> Finding) -> Result<(), Finding> {
    if stops { Err(finding()) } else { Ok(()) }
}

fn can_inject(
    case: &Case<'_>,
    invalid: Option<Finding>,
    trail: &mut Trail,
) -> Result<(), Finding> {
    ordinary(case, trail)?;
    let spec = case.spec;
    trail.ask(Rule::Annotations, invalid.map_or(Ok(()), Err))?;
    trail.ask(Rule::Windows, windows(case))?;
    trail.ask(Rule::HostPid, refuse_if(spec.host_pid == Some(true), || Finding::HostPid {}))?;
    trail.ask(Rule::VirtualNode, virtual_node(spec))?;
    trail.ask(Rule::RuntimeClass, runtime_class(case))?;
    trail.ask(Rule::Names, names(case))?;
    trail.ask(Rule::Diagnostics, diagnostics(case.target()))?;
    let quota = case.facts.quotas.iter().find(|quota| quota.compute);
    let counted = quota.filter(|_| case.asked == Asked::Automatic && !case.settings.automatic.quota);
    trail.ask(Rule::Quota, counted.map_or(Ok(()), |q| Err(Finding::Quota { name: q.name.clone() })))?;
    Ok(())
}

/// Automatic injection leaves alone what is not an ordinary application.
fn ordinary(case: &Case<'_>, trail: &mut Trail) -> Result<(), Finding> {
    let automatic = case.asked == Asked::Automatic;
    let spec = case.spec;
    let class = spec.priority_class_name.as_deref().unwrap_or("");
    let critical = automatic && matches!(class, "system-cluster-critical" | "system-node-critical");
    trail.ask(Rule::Critical, refuse_if(critical, || Finding::SystemCritical { class: class.to_owned() }))?;
    let host = automatic && spec.host_network == Some(true);
    trail.ask(Rule::HostNetwork, refuse_if(host, || Finding::HostNetwork {}))?;
    let target = case.target();
    let privileged = target.security_context.as_ref().is_some_and(|c| c.privileged == Some(true));
    let container = || Finding::PrivilegedTarget { container: target.name().to_owned() };
    trail.ask(Rule::Privileged, refuse_if(automatic && privileged, container))?;
    let ends = automatic && !case.settings.automatic.jobs && !runs_for_ever(spec);
    let policy = || spec.restart_policy.as_deref().unwrap_or("").to_owned();
    trail.ask(Rule::LongRunning, refuse_if(ends, || Finding::EndsByItself { policy: policy() }))
}

/// The API's default restartPolicy is Always.
fn runs_for_ever(spec: &Spec<'_>) -> bool {
    spec.restart_policy.as_deref().is_none_or(|policy| policy == "Always")
}

fn windows(case: &Case<'_>) -> Result<(), Finding> {
    let spec = case.spec;
    let options = |c: Option<&super::pod::SecurityContext>| c.is_some_and(|c| c.windows_options.is_some());
    let named = |os: Option<&Text<'_>>| os.is_some_and(|os| &**os == "windows");
    let field = if named(spec.os.as_ref().and_then(|os| os.name.as_ref())) {
        "os.name"
    } else if named(spec.node_selector.as_ref().and_then(|s| s.os.as_ref())) {
        "nodeSelector kubernetes.io/os"
    } else if options(spec.security_context.as_ref())
        || case.containers().iter().any(|c| options(c.security_context.as_ref()))
    {
        "securityContext.windowsOptions"
    } else {
        return Ok(());
    };
    Err(Finding::Windows { field: field.to_owned() })
}

fn virtual_node(spec: &Spec<'_>) -> Result<(), Finding> {
    let selected = spec.node_selector.as_ref().and_then(|s| s.kind.as_deref()) == Some("virtual-kubelet");
    let tolerations = spec.tolerations.as_deref().unwrap_or(&[]);
    let tolerated = tolerations.iter().any(|t| t.key.as_deref() == Some("virtual-kubelet.io/provider"));
    let field = match (selected, tolerated) {
        (true, _) => "nodeSelector type",
        (false, true) => "toleration virtual-kubelet.io/provider",
        (false, false) => return Ok(()),
    };
    Err(Finding::VirtualNode { field: field.to_owned() })
}

fn runtime_class(case: &Case<'_>) -> Result<(), Finding> {
    let class = case.spec.runtime_class_name.as_deref().unwrap_or("");
    let allowed = class.is_empty() || case.settings.runtime_classes.iter().any(|name| name == class);
    refuse_if(!allowed, || Finding::RuntimeClass { class: class.to_owned() })
}

fn names(case: &Case<'_>) -> Result<(), Finding> {
    let taken = |what, name: &str| Err(Finding::NameTaken { what, name: name.to_owned() });
    if case.containers().iter().any(|c| c.name() == TOOLBOX) {
        return taken("container", TOOLBOX);
    }
    if case.init_containers().iter().any(|c| c.name() == TOOLBOX) {
        return taken("init container", TOOLBOX);
    }
    let own = case.settings.toolbox.volumes.iter().map(|volume| volume.name.as_str());
    for name in [TMP_VOLUME, DATA_VOLUME].into_iter().chain(own) {
        if elements(&case.spec.volumes).iter().any(|v| v.name.as_deref() == Some(name)) {
            return taken("volume", name);
        }
    }
    Ok(())
}

/// Variables that keep the runtime from opening its socket. It reads their values as hex numbers.
fn diagnostics(target: &Container<'_>) -> Result<(), Finding> {
    for prefix in ["DOTNET_", "COMPlus_"] {
        for name in ["EnableDiagnostics", "EnableDiagnostics_IPC"] {
            let variable = format!("{prefix}{name}");
            let value = target.variable(&variable).and_then(|v| v.value.as_deref()).unwrap_or("");
            let digits = value.trim().trim_start_matches("0x");
            if !digits.is_empty() && digits.bytes().all(|b| b == b'0') {
                let container = target.name().to_owned();
                return Err(Finding::DiagnosticsOff { container, variable, value: value.to_owned() });
            }
        }
    }
    Ok(())
}

fn intent<'a>(
    case: Case<'a>,
    notes: &mut Vec<Finding>,
    trail: &mut Trail,
) -> Result<Intent<'a>, Finding> {
    let image = trail.ask(Rule::Image, image(&case))?;
    let placement = trail.ask(Rule::Placement, placement(&case))?;
    let access = trail.ask(Rule::Access, access::resolve(&case, notes))?;
    let storage = trail.ask(Rule::Storage, storage::resolve(&case, notes))?;
    let user = trail.ask(Rule::User, user::resolve(&case, &access, &storage, notes))?;
    let shares = trail.ask(Rule::Resources, resources::resolve(&case, notes))?;
    let crash_dumps = trail.ask(Rule::CrashDumps, Ok::<_, Finding>(crash_dumps(&case, notes)))?;
    trail.ask(Rule::Mounts, mounts(&case, &access))?;
    Ok(Intent { case, image, placement, access, storage, user, shares, crash_dumps })
}

fn image<'a>(case: &Case<'a>) -> Result<Cow<'a, str>, Finding> {
    let toolbox = &case.settings.toolbox;
    let Some(asked) = &case.asks.image else { return Ok(Cow::Borrowed(toolbox.image.as_str())) };
    let image = asked.as_str();
    let allowed = image == toolbox.image.as_str()
        || toolbox.allowed_images.iter().any(|pattern| pattern.matches(image));
    refuse_if(!allowed, || Finding::ImageNotAllowed { image: image.to_owned() })?;
    Ok(Cow::Owned(image.to_owned()))
}

/// Native sidecars came with Kubernetes 1.29.
const NATIVE_SINCE: (u32, u32) = (1, 29);

fn placement(case: &Case<'_>) -> Result<Placement, Finding> {
    let placement = match case.asks.placement {
        Some(Auto::Exactly(placement)) => placement,
        None | Some(Auto::Auto) if runs_for_ever(case.spec) => Placement::Container,
        None | Some(Auto::Auto) => Placement::Native,
    };
    let version = *case.facts.kubernetes_version.get().unwrap_or(&case.settings.kubernetes_version);
    refuse_if(placement == Placement::Native && version < NATIVE_SINCE, || {
        Finding::NativeUnsupported { version: format!("{}.{}", version.0, version.1) }
    })?;
    Ok(placement)
}

/// The variables that switch crash dumps on, without the runtime's prefix.
pub const CRASH_DUMP_VARIABLES: [&str; 4] =
    ["DbgEnableMiniDump", "DbgMiniDumpType", "DbgMiniDumpName", "EnableCrashReport"];

/// A target that has any of the variables keeps its crash dumps as they are.
fn crash_dumps(case: &Case<'_>, notes: &mut Vec<Finding>) -> CrashDumps {
    let asked = case.asks.crash_dumps.unwrap_or(CrashDumps::Off);
    if asked == CrashDumps::Off {
        return asked;
    }
    let target = case.target();
    for name in CRASH_DUMP_VARIABLES {
        for prefix in ["DOTNET_", "COMPlus_"] {
            let variable = format!("{prefix}{name}");
            if target.variable(&variable).is_some() {
                notes.push(Finding::CrashDumpsKept { container: target.name().to_owned(), variable });
                return CrashDumps::Off;
            }
        }
    }
    notes.extend(access::hidden_variable(target, "DOTNET_DbgEnableMiniDump"));
    asked
}

/// The settings' own mounts were checked against ours when they were read; the target's temporary
/// folder may lie anywhere.
fn mounts(case: &Case<'_>, access: &Access<'_>) -> Result<(), Finding> {
    let Access::Tmp { folder, .. } = access else { return Ok(()) };
    let path = access::normalised(folder.mount_path());
    let mounts = &case.settings.toolbox.container.volume_mounts;
    let meets = mounts.iter().any(|mount| access::normalised(&mount.mount_path) == path);
    refuse_if(meets, || Finding::MountConflict { path: path.into_owned() })
}

/// `sidebox.dev/` annotations on a workload's own metadata, where nothing reads them.
pub fn misplaced<'p>(keys: impl Iterator<Item = &'p str>, workload: &str) -> Vec<Finding> {
    let ours = keys.filter(|key| {
        key.strip_prefix(PREFIX).is_some_and(|name| TABLE.iter().any(|row| row.name == name))
    });
    ours.map(|key| Finding::AnnotationMisplaced {
        key: format!("annotation {key}"),
        on: workload.to_owned(),
        belongs: "the Pod template",
    })
    .collect()
}

