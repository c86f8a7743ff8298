//! The toolbox's requests and limits, fitted into what the namespace and the Pod allow.
//!
//! Sources: LimitRanger's validation (min, max, ratio for containers and Pods), the QoS classes and
//! Pod-level resources of the Kubernetes documentation.

use super::decide::Case;
use super::facts::{Amounts, LimitKind, LimitRange};
use super::finding::Finding;
use super::pod::{Container, QuantityText, ResourceTexts, Resources};
use super::quantity::{Amount, Quantity};
use super::ranges;

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
            ranges::nothing_filled_in(case, resource)?;
            continue;
        }
        if !needed(case, resource) {
            continue;
        }
        let mut share = fit(case, wanted(case, resource)?, notes)?;
        if guaranteed && resource != Resource::EphemeralStorage {
            share.request = share.limit.clone();
        }
        shares.push(share);
    }
    Ok(shares)
}

/// Pod-level resources bound all containers together; a container's own could only break them.
fn decided_by_pod(case: &Case<'_>, resource: Resource) -> bool {
    let Some(resources) = &case.spec.resources else {
        return false;
    };
    [&resources.requests, &resources.limits]
        .into_iter()
        .flatten()
        .any(|texts| resource.text(texts).is_some())
}

/// Ephemeral storage is stated where another container, a LimitRange or a quota does.
fn needed(case: &Case<'_>, resource: Resource) -> bool {
    if resource != Resource::EphemeralStorage {
        return true;
    }
    let facts = case.facts;
    let ranged = |range: &LimitRange| {
        [&range.min, &range.max, &range.ratio]
            .into_iter()
            .any(|bound| resource.of(bound).is_some())
    };
    all(case).any(|container| limit(container, resource).is_some())
        || facts.limit_ranges.iter().any(ranged)
        || facts.quotas.iter().any(|quota| quota.ephemeral_storage)
}

pub(super) fn all<'c, 'a>(
    case: &'c Case<'a>,
) -> impl Iterator<Item = &'a Container<'a>> + use<'c, 'a> {
    case.containers().iter().chain(case.init_containers())
}

/// What the annotations ask, else the settings; a limit follows a larger asked request and the
/// other way round.
fn wanted(case: &Case<'_>, resource: Resource) -> Result<Share, Finding> {
    let toolbox = &case.settings.toolbox;
    let (requests, limits) = (&toolbox.requests, &toolbox.limits);
    let (asked_request, asked_limit, request, limit, ceiling) = match resource {
        Resource::Cpu => (
            &case.asks.cpu_request,
            &case.asks.cpu_limit,
            &requests.cpu,
            &limits.cpu,
            &toolbox.ceilings.cpu,
        ),
        Resource::Memory => (
            &case.asks.memory_request,
            &case.asks.memory_limit,
            &requests.memory,
            &limits.memory,
            &toolbox.ceilings.memory,
        ),
        Resource::EphemeralStorage => {
            let share = Share {
                resource,
                request: requests.ephemeral_storage.clone(),
                limit: limits.ephemeral_storage.clone(),
            };
            return Ok(share);
        }
    };
    for (what, asked) in [("request", asked_request), ("limit", asked_limit)] {
        if let Some(asked) = asked
            .as_ref()
            .filter(|asked| asked.amount() > ceiling.amount())
        {
            return Err(too_large(
                resource,
                what,
                asked,
                &format!("at most {ceiling} (toolbox.ceilings)"),
            ));
        }
    }
    let mut share = Share {
        resource,
        request: asked_request.as_ref().unwrap_or(request).clone(),
        limit: asked_limit.as_ref().unwrap_or(limit).clone(),
    };
    if share.request.amount() > share.limit.amount() {
        match (asked_request, asked_limit) {
            (Some(asked), Some(limit)) => {
                return Err(too_large(
                    resource,
                    "request",
                    asked,
                    &format!("at most the limit {limit}"),
                ));
            }
            (Some(_), None) => share.limit = share.request.clone(),
            (None, _) => share.request = share.limit.clone(),
        }
    }
    Ok(share)
}

fn too_large(resource: Resource, what: &str, asked: &Quantity, expected: &str) -> Finding {
    Finding::InvalidAnnotation {
        key: format!("sidebox.dev/{}-{what}", resource.as_str()),
        value: asked.as_str().to_owned(),
        expected: expected.to_owned(),
    }
}

/// Moves request and limit into every LimitRange, or says which one they cannot be moved into.
fn fit(case: &Case<'_>, wanted: Share, notes: &mut Vec<Finding>) -> Result<Share, Finding> {
    let resource = wanted.resource;
    ranges::stated_without_us(case, resource)?;
    let mut fitting = Fitting {
        request: wanted.request.amount(),
        limit: wanted.limit.amount(),
    };
    let mut last = None;
    for range in &case.facts.limit_ranges {
        let before = fitting;
        let others = match range.kind {
            LimitKind::Container => Fitting::default(),
            LimitKind::Pod => sum(case, resource),
        };
        fitting = fitting.into_range(range, resource, others)?;
        if before != fitting {
            last = Some(range);
        }
    }
    let Some(range) = last else { return Ok(wanted) };
    // A later range may have undone an earlier one: all must hold at once.
    for range in &case.facts.limit_ranges {
        let others = if range.kind == LimitKind::Pod {
            sum(case, resource)
        } else {
            Fitting::default()
        };
        if fitting.into_range(range, resource, others)? != fitting {
            return Err(misfit(
                range,
                resource,
                "cannot satisfy all LimitRanges at once",
            ));
        }
    }
    if is_asked(case, resource) {
        return Err(misfit(
            range,
            resource,
            "as asked by annotation does not fit",
        ));
    }
    let share = Share {
        resource,
        request: rendered(fitting.request, &wanted.request),
        limit: rendered(fitting.limit, &wanted.limit),
    };
    notes.push(Finding::ResourcesFitted {
        resource: resource.as_str(),
        request: share.request.to_string(),
        limit: share.limit.to_string(),
        name: range.name.clone(),
    });
    Ok(share)
}

fn rendered(amount: Amount, wanted: &Quantity) -> Quantity {
    if amount == wanted.amount() {
        wanted.clone()
    } else {
        Quantity::from_value(amount)
    }
}

fn is_asked(case: &Case<'_>, resource: Resource) -> bool {
    match resource {
        Resource::Cpu => case.asks.cpu_request.is_some() || case.asks.cpu_limit.is_some(),
        Resource::Memory => case.asks.memory_request.is_some() || case.asks.memory_limit.is_some(),
        Resource::EphemeralStorage => false,
    }
}

/// A request and a limit: of the toolbox, or the sums of the Pod's own containers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fitting {
    request: Amount,
    limit: Amount,
}

impl Fitting {
    fn into_range(
        self,
        range: &LimitRange,
        resource: Resource,
        others: Self,
    ) -> Result<Self, Finding> {
        let Self {
            mut request,
            mut limit,
        } = self;
        let (min, max) = (resource.of(&range.min), resource.of(&range.max));
        if let Some(max) = max {
            let left = max - others.limit;
            if left <= Amount::ZERO {
                return Err(misfit(
                    range,
                    resource,
                    "leaves nothing for the toolbox (max)",
                ));
            }
            limit = limit.min(left);
        }
        if let Some(min) = min {
            request = request.max(min - others.request);
        }
        if request > limit {
            let raised = max.is_none_or(|max| request <= max - others.limit);
            match raised {
                true => limit = request,
                false if min.is_some_and(|min| min - others.request > limit) => {
                    return Err(misfit(range, resource, "has a min above what max leaves"));
                }
                false => request = limit,
            }
        }
        if let Some(ratio) = resource.of(&range.ratio) {
            let least = (limit + others.limit).divided_by(ratio) - others.request;
            request = request.max(least);
            if request > limit {
                return Err(misfit(range, resource, "cannot keep maxLimitRequestRatio"));
            }
        }
        Ok(Self { request, limit })
    }
}

pub(super) fn misfit(range: &LimitRange, resource: Resource, because: &str) -> Finding {
    Finding::LimitRange {
        name: range.name.clone(),
        resource: resource.as_str(),
        because: because.to_owned(),
    }
}

fn sum(case: &Case<'_>, resource: Resource) -> Fitting {
    let sidecar = |c: &&Container<'_>| c.restart_policy.as_deref() == Some("Always");
    let counted = case
        .containers()
        .iter()
        .chain(case.init_containers().iter().filter(sidecar));
    counted.fold(Fitting::default(), |sum, container| {
        let limit = limit(container, resource).unwrap_or_default();
        let request = request(container, resource).unwrap_or(limit);
        Fitting {
            request: sum.request + request,
            limit: sum.limit + limit,
        }
    })
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
    let has_limits = |r: &Resources<'_>| r.limits.is_some();
    all(case).all(|container| {
        container.resources.as_ref().is_some_and(has_limits)
            && equal(container, Resource::Cpu)
            && equal(container, Resource::Memory)
    })
}
