//! Who is injected: the one place that answers "why was my Pod not injected".
//!
//! Reads the Pod, the facts and the settings; writes nothing. Rules are asked in the order of
//! [`super::trail::RULES`]; the first that stops gives the reason.

use std::borrow::Cow;

use super::access::{self, Access};
use super::annotations::{self, Asks, CrashDumps, PREFIX, Placement, Source};
use super::facts::{Facts, Label};
use super::finding::{Finding, Kind};
use super::pod::{Container, Pod, Spec, elements};
use super::resources::{self, Shares};
use super::rules;
use super::settings::{Injection, Settings};
use super::status;
use super::storage::{self, Storage};
use super::target;
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
#[expect(
    missing_docs,
    reason = "each field is the type of that name, explained there"
)]
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
        target::shows_dotnet(container, self.settings)
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
    let who = who_asked(
        request,
        &read.asks,
        read.invalid.as_ref(),
        (facts, settings),
    );
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
                let case = case(
                    request,
                    (facts, settings),
                    (asked, read.asks),
                    &mut outcome.trail,
                )?;
                rules::can_inject(&case, invalid.as_ref(), &mut outcome.trail)?;
                intent(case, &mut outcome.notes, &mut outcome.trail)
                    .map(|intent| Decision::Inject(Box::new(intent)))
            }
        })
        .unwrap_or_else(Decision::stop);
    if let Decision::Skip(_) = outcome.decision {
        // No rule came to judge the bad value, but it is never passed over in silence.
        outcome.notes.extend(invalid);
    }
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
        Label::OptedOut => Err(Finding::NamespaceOptedOut {
            namespace: request.namespace.to_owned(),
        }),
        Label::Labelled => Ok(Asked::Automatic),
        Label::Absent | Label::Invalid(_) => match settings.injection {
            Injection::All => Ok(Asked::Automatic),
            Injection::Dotnet if target::pod_shows_dotnet(request.pod, settings) => {
                Ok(Asked::Automatic)
            }
            Injection::Dotnet => Err(Finding::NoDotnet {}),
            Injection::Annotated => Err(Finding::NotAsked {}),
        },
    }
}

/// Whether by that table a Pod without a word of its own is skipped, whatever it is: nobody need read its spec.
pub fn needs_the_pods_word(label: &Label, settings: &Settings) -> bool {
    match label {
        Label::OptedOut => true,
        Label::Labelled => false,
        Label::Absent | Label::Invalid(_) => settings.injection == Injection::Annotated,
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
        if stops {
            Err(finding(request.namespace.to_owned()))
        } else {
            Ok(())
        }
    };
    let mirror = annotations.is_some_and(|all| all.mirror);
    trail.ask(Rule::Mirror, stop(mirror, |_| Finding::MirrorPod {}))?;
    let system = settings.is_system(request.namespace);
    trail.ask(
        Rule::System,
        stop(system, |namespace| Finding::SystemNamespace { namespace }),
    )?;
    let excluded = settings.excludes(request.namespace);
    trail.ask(
        Rule::Excluded,
        stop(excluded, |namespace| Finding::ExcludedNamespace {
            namespace,
        }),
    )?;
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
    let spec = request
        .pod
        .spec
        .get()
        .filter(|spec| !elements(&spec.containers).is_empty());
    let spec = trail.ask(Rule::Containers, spec.ok_or(Finding::NoContainers {}))?;
    let asks = match facts.namespace.get() {
        Some(namespace) => asks.over(&namespace.asks),
        None => asks,
    };
    let default = request
        .pod
        .annotations()
        .and_then(|all| all.default_container.get());
    let target = target::choose(
        elements(&spec.containers),
        asks.container.as_deref(),
        default,
        settings,
    );
    let target = trail.ask(Rule::Target, target)?;
    Ok(Case {
        spec,
        facts,
        settings,
        asks,
        asked,
        target,
    })
}

fn intent<'a>(
    case: Case<'a>,
    notes: &mut Vec<Finding>,
    trail: &mut Trail,
) -> Result<Intent<'a>, Finding> {
    let image = trail.ask(Rule::Image, rules::image(&case))?;
    let placement = trail.ask(Rule::Placement, rules::placement(&case, notes))?;
    let access = trail.ask(Rule::Access, access::resolve(&case, notes))?;
    let storage = trail.ask(Rule::Storage, storage::resolve(&case, notes))?;
    let user = trail.ask(Rule::User, user::resolve(&case, &access, &storage, notes))?;
    let shares = trail.ask(Rule::Resources, resources::resolve(&case, notes))?;
    let crash_dumps = trail.ask(
        Rule::CrashDumps,
        Ok::<_, Finding>(rules::crash_dumps(&case, notes)),
    )?;
    trail.ask(Rule::Mounts, rules::mounts(&case, &access))?;
    Ok(Intent {
        case,
        image,
        placement,
        access,
        storage,
        user,
        shares,
        crash_dumps,
    })
}
