//! Requests and limits moved into the namespace's LimitRanges, or the one that forbids it.
//!
//! Source: LimitRanger's validation of minimum, maximum and ratio, for containers and for Pods. It
//! does not know where the wanted amounts come from.

use super::decide::Case;
use super::facts::{LimitKind, LimitRange};
use super::finding::Finding;
use super::pod::Container;
use super::quantity::{Amount, Quantity};
use super::ranges::{self, Own};
use super::resources::{Resource, Share, is_asked, limit, request};

/// Moves request and limit into every LimitRange, or says which one they cannot be moved into.
pub(super) fn fit(
    case: &Case<'_>,
    wanted: Share,
    notes: &mut Vec<Finding>,
) -> Result<Share, Finding> {
    let resource = wanted.resource;
    ranges::kept_without_us(case, resource)?;
    let mut fitting = Fitting {
        request: wanted.request.amount(),
        limit: wanted.limit.amount(),
    };
    let mut last = None;
    for range in &case.facts.limit_ranges {
        let before = fitting;
        fitting = fitting.into_range(range, resource, Others::of(case, range, resource))?;
        if before != fitting {
            last = Some(range);
        }
    }
    let Some(range) = last else { return Ok(wanted) };
    // A later range may have undone an earlier one: all must hold at once.
    for range in &case.facts.limit_ranges {
        let others = Others::of(case, range, resource);
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

/// A request and a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fitting {
    request: Amount,
    limit: Amount,
}

/// What a LimitRange counts beside the toolbox: nothing, if it is for containers.
#[derive(Debug, Clone, Copy, Default)]
struct Others {
    /// The containers that run at the same time.
    running: Fitting,
    /// The Pod as it came, with what its init containers take before.
    pod: Fitting,
}

impl Others {
    fn of(case: &Case<'_>, range: &LimitRange, resource: Resource) -> Self {
        if range.kind == LimitKind::Container {
            return Self::default();
        }
        let own = Own::of(case, resource);
        Self {
            running: sum(case, resource),
            pod: Fitting {
                request: own.request.unwrap_or_default(),
                limit: own.limit.unwrap_or_default(),
            },
        }
    }
}

impl Fitting {
    fn into_range(
        self,
        range: &LimitRange,
        resource: Resource,
        others: Others,
    ) -> Result<Self, Finding> {
        let Others {
            running: others,
            pod,
        } = others;
        let Self {
            mut request,
            mut limit,
        } = self;
        let (min, max) = (resource.of(&range.min), resource.of(&range.max));
        if let Some(max) = max {
            let left = max - others.limit;
            let least = resource.least();
            if left < least {
                let because = format!("leaves less than {least} for the toolbox (max)");
                return Err(misfit(range, resource, &because));
            }
            limit = limit.min(left);
            // Others may request more than they state as limits: both sums must stay below.
            let room = max - others.request;
            if room <= Amount::ZERO {
                let because = "leaves no request for the toolbox (max)";
                return Err(misfit(range, resource, because));
            }
            request = request.min(room).min(limit);
        }
        if let Some(min) = min {
            request = request.max(min - pod.request);
            // The Pod's limit is held against min as soon as anybody states one.
            limit = limit.max(min - pod.limit);
        }
        // A limit follows a larger request.
        limit = limit.max(request);
        if max.is_some_and(|max| limit > max - others.limit || request > max - others.request) {
            return Err(misfit(range, resource, "has a min above what max leaves"));
        }
        if let Some(ratio) = resource.of(&range.ratio) {
            let least = (limit + others.limit).divided_by(ratio) - others.request;
            request = request.max(least.rounded_up(resource.step()));
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

/// Whether an init container goes on running beside the others.
pub(super) fn is_sidecar(container: &Container<'_>) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn sum(case: &Case<'_>, resource: Resource) -> Fitting {
    let sidecars = case.init_containers().iter().filter(|c| is_sidecar(c));
    let counted = case.containers().iter().chain(sidecars);
    counted.fold(Fitting::default(), |sum, container| {
        let limit = limit(container, resource).unwrap_or_default();
        let request = request(container, resource).unwrap_or(limit);
        Fitting {
            request: sum.request + request,
            limit: sum.limit + limit,
        }
    })
}
