//! The toolbox's requests and limits, fitted into what the namespace and the Pod allow.
//!
//! Sources: the QoS classes and Pod-level resources of the Kubernetes documentation.

use super::annotations::PREFIX;
use super::decide::Case;
use super::facts::{Amounts, LimitKind, LimitRange};
use super::finding::Finding;
use super::fitting::fit;
use super::pod::{Container, QuantityText, ResourceTexts};
use super::quantity::{Amount, Quantity};
use super::ranges;
use super::settings::ResourceList;

/// One resource that a toolbox states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// CPU time.
    Cpu,
    /// Memory.
    Memory,
    /// Disk of the node: logs, the writable layer, emptyDirs.
    EphemeralStorage,
}

impl Resource {
    /// The name in Kubernetes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::EphemeralStorage => "ephemeral-storage",
        }
    }

    /// The least limit with which a container starts: runtimes need some megabytes of memory.
    pub const fn least(self) -> Amount {
        match self {
            Self::Cpu => Amount::milli(1),
            Self::Memory | Self::EphemeralStorage => Amount::mebi(16),
        }
    }

    /// The smallest step that the API takes without rounding or a warning.
    pub(super) const fn step(self) -> Amount {
        match self {
            Self::Cpu => Amount::milli(1),
            Self::Memory | Self::EphemeralStorage => Amount::whole(1),
        }
    }

    const fn setting(self, list: &ResourceList) -> &Quantity {
        match self {
            Self::Cpu => &list.cpu,
            Self::Memory => &list.memory,
            Self::EphemeralStorage => &list.ephemeral_storage,
        }
    }

    pub(super) fn of(self, amounts: &Amounts) -> Option<Amount> {
        match self {
            Self::Cpu => amounts.cpu,
            Self::Memory => amounts.memory,
            Self::EphemeralStorage => amounts.ephemeral_storage,
        }
    }

    fn text<'t, 'a>(self, texts: &'t ResourceTexts<'a>) -> Option<&'t QuantityText<'a>> {
        match self {
            Self::Cpu => texts.cpu.as_ref(),
            Self::Memory => texts.memory.as_ref(),
            Self::EphemeralStorage => texts.ephemeral_storage.as_ref(),
        }
    }
}

/// Request and limit of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Which resource.
    pub resource: Resource,
    /// What is requested.
    pub request: Quantity,
    /// What may be used.
    pub limit: Quantity,
}

/// Requests and limits of the toolbox: each resource at most once.
pub type Shares = Vec<Share>;

/// Fits the toolbox's resources.
pub fn resolve(case: &Case<'_>, notes: &mut Vec<Finding>) -> Result<Shares, Finding> {
    let guaranteed = is_guaranteed(case);
    let mut shares = Vec::with_capacity(3);
    for resource in [Resource::Cpu, Resource::Memory, Resource::EphemeralStorage] {
        if decided_by_pod(case, resource) {
            leave_to_pod(case, resource, notes)?;
            continue;
        }
        if !needed(case, resource) {
            continue;
        }
        let mut share = fit(case, wanted(case, resource)?, notes)?;
        if guaranteed && resource != Resource::EphemeralStorage {
            if asked(case, resource).0.is_some() && share.request != share.limit {
                notes.push(ignored(
                    resource,
                    "request",
                    "a Guaranteed Pod requests its limits",
                ));
            }
            share.request = share.limit.clone();
        }
        shares.push(share);
    }
    Ok(shares)
}

/// States nothing for the toolbox, and says so where an annotation asked.
fn leave_to_pod(
    case: &Case<'_>,
    resource: Resource,
    notes: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let (request, limit) = asked(case, resource);
    for (what, asked) in [("request", request), ("limit", limit)] {
        let because = "the Pod's own resources bound its containers";
        notes.extend(asked.map(|_| ignored(resource, what, because)));
    }
    ranges::nothing_filled_in(case, resource)
}

fn ignored(resource: Resource, what: &str, because: &str) -> Finding {
    Finding::AnnotationIgnored {
        key: key(resource, what),
        because: because.to_owned(),
    }
}

/// Pod-level resources bound all containers together; a container's own could only break them. Where they limit one
/// resource, the API server takes the Pod's request for the other from its containers, once: what the toolbox
/// stated would leave no room for a container that another webhook adds.
fn decided_by_pod(case: &Case<'_>, resource: Resource) -> bool {
    let Some(resources) = &case.spec.resources else {
        return false;
    };
    let states = |texts: &Option<ResourceTexts<'_>>, resource: Resource| {
        texts
            .as_ref()
            .is_some_and(|texts| resource.text(texts).is_some())
    };
    let limited = [Resource::Cpu, Resource::Memory]
        .into_iter()
        .any(|resource| states(&resources.limits, resource));
    resource != Resource::EphemeralStorage && (limited || states(&resources.requests, resource))
}

/// Ephemeral storage is stated where the other containers have a limit, of their own or of a LimitRange that fills
/// one in: the limit of a toolbox alone would be the whole Pod's, by which the kubelet evicts it.
fn needed(case: &Case<'_>, resource: Resource) -> bool {
    let filled_in = |range: &LimitRange| {
        let bounds = |amounts| resource.of(amounts).is_some();
        range.kind == LimitKind::Container && (bounds(&range.max) || bounds(&range.ratio))
    };
    resource != Resource::EphemeralStorage
        || all(case).any(|container| limit(container, resource).is_some())
        || case.facts.limit_ranges.iter().any(filled_in)
}

pub(super) fn all<'c, 'a>(
    case: &'c Case<'a>,
) -> impl Iterator<Item = &'a Container<'a>> + use<'c, 'a> {
    case.containers().iter().chain(case.init_containers())
}

/// What the annotations ask of a resource: request and limit.
fn asked<'c>(
    case: &'c Case<'_>,
    resource: Resource,
) -> (Option<&'c Quantity>, Option<&'c Quantity>) {
    let asks = &case.asks;
    match resource {
        Resource::Cpu => (asks.cpu_request.as_ref(), asks.cpu_limit.as_ref()),
        Resource::Memory => (asks.memory_request.as_ref(), asks.memory_limit.as_ref()),
        Resource::EphemeralStorage => (None, None),
    }
}

pub(super) fn is_asked(case: &Case<'_>, resource: Resource) -> bool {
    let (request, limit) = asked(case, resource);
    request.is_some() || limit.is_some()
}

/// What the annotations ask, else the settings; a limit follows a larger asked request and the
/// other way round.
fn wanted(case: &Case<'_>, resource: Resource) -> Result<Share, Finding> {
    let toolbox = &case.settings.toolbox;
    let (asked_request, asked_limit) = asked(case, resource);
    bounded(case, resource, "request", asked_request)?;
    bounded(case, resource, "limit", asked_limit)?;
    let request = asked_request.unwrap_or_else(|| resource.setting(&toolbox.requests));
    let limit = asked_limit.unwrap_or_else(|| resource.setting(&toolbox.limits));
    let (request, limit) = match (asked_request, asked_limit) {
        _ if request.amount() <= limit.amount() => (request, limit),
        (Some(asked), Some(limit)) => {
            let expected = format!("at most the limit {limit}");
            return Err(not_possible(resource, "request", asked, &expected));
        }
        (Some(_), None) => (request, request),
        (None, _) => (limit, limit),
    };
    Ok(Share {
        resource,
        request: request.clone(),
        limit: limit.clone(),
    })
}

/// Up to the settings' ceilings; and not so little that the toolbox cannot start. A limit of zero
/// would even mean none.
fn bounded(
    case: &Case<'_>,
    resource: Resource,
    what: &str,
    asked: Option<&Quantity>,
) -> Result<(), Finding> {
    let ceilings = &case.settings.toolbox.ceilings;
    let (asked, ceiling) = match (asked, resource) {
        (Some(asked), Resource::Cpu) => (asked, &ceilings.cpu),
        (Some(asked), Resource::Memory) => (asked, &ceilings.memory),
        (None, _) | (_, Resource::EphemeralStorage) => return Ok(()),
    };
    let least = resource.least();
    let expected = if asked.amount() > ceiling.amount() {
        format!("at most {ceiling} (toolbox.ceilings)")
    } else if what == "limit" && asked.amount() < least {
        format!("at least {least}")
    } else {
        return Ok(());
    };
    Err(not_possible(resource, what, asked, &expected))
}

fn not_possible(resource: Resource, what: &str, asked: &Quantity, expected: &str) -> Finding {
    Finding::InvalidAnnotation {
        key: key(resource, what),
        value: asked.as_str().to_owned(),
        expected: expected.to_owned(),
    }
}

fn key(resource: Resource, what: &str) -> String {
    format!("{PREFIX}{}-{what}", resource.as_str())
}

fn amount(texts: Option<&ResourceTexts<'_>>, resource: Resource) -> Option<Amount> {
    Amount::parse(&resource.text(texts?)?.0)
}

pub(super) fn limit(container: &Container<'_>, resource: Resource) -> Option<Amount> {
    amount(
        container.resources.as_ref().and_then(|r| r.limits.as_ref()),
        resource,
    )
}

pub(super) fn request(container: &Container<'_>, resource: Resource) -> Option<Amount> {
    amount(
        container
            .resources
            .as_ref()
            .and_then(|r| r.requests.as_ref()),
        resource,
    )
}

/// Whether every container of the Pod has limits for cpu and memory equal to its requests.
fn is_guaranteed(case: &Case<'_>) -> bool {
    let equal = |container: &Container<'_>, resource| {
        let Some(limit) = limit(container, resource).filter(|limit| *limit > Amount::ZERO) else {
            return false;
        };
        request(container, resource).is_none_or(|request| request == limit)
    };
    all(case).all(|container| equal(container, Resource::Cpu) && equal(container, Resource::Memory))
}

/// Whether no container of the Pod, nor the Pod itself, says anything about cpu and memory.
pub(super) fn is_best_effort(case: &Case<'_>) -> bool {
    let positive = |amount: Option<Amount>| amount.is_some_and(|amount| amount > Amount::ZERO);
    [Resource::Cpu, Resource::Memory]
        .into_iter()
        .all(|resource| {
            let states =
                |c: &Container<'_>| positive(limit(c, resource)) || positive(request(c, resource));
            !decided_by_pod(case, resource) && !all(case).any(states)
        })
}
