//! May a toolbox stand in a Pod under the namespace's LimitRanges at all? What it then states is the
//! business of `resources`.
//!
//! Source: kubernetes/plugin/pkg/admission/limitranger, as a real API server showed it.

use super::decide::Case;
use super::facts::{LimitKind, LimitRange};
use super::finding::Finding;
use super::fitting::{is_sidecar, misfit};
use super::pod::Container;
use super::quantity::Amount;
use super::resources::{Resource, limit, request};

/// A LimitRange for containers fills in what the toolbox leaves out, from its defaults or its min and
/// max; the sums may then exceed the Pod's own, and the API would reject the Pod.
pub(super) fn nothing_filled_in(case: &Case<'_>, resource: Resource) -> Result<(), Finding> {
    let ranges = &case.facts.limit_ranges;
    let filling = ranges
        .iter()
        .find(|range| range.kind == LimitKind::Container);
    filling.map_or(Ok(()), |range| {
        let because = "would fill in what the Pod-level resources may have no room for";
        Err(misfit(range, resource, because))
    })
}

/// A LimitRange for Pods rejects one that by itself does not keep it. The toolbox's own request and limit would let
/// such a Pod slip through.
pub(super) fn kept_without_us(case: &Case<'_>, resource: Resource) -> Result<(), Finding> {
    let own = Own::of(case, resource);
    let ranges = case.facts.limit_ranges.iter();
    for range in ranges.filter(|range| range.kind == LimitKind::Pod) {
        if !own.keeps(range, resource) {
            let because = "of the Pod's own containers breaks it already";
            return Err(misfit(range, resource, because));
        }
    }
    Ok(())
}

/// Request and limit of the Pod as it came; nothing where no container states any.
pub(super) struct Own {
    pub(super) request: Option<Amount>,
    pub(super) limit: Option<Amount>,
}

impl Own {
    pub(super) fn of(case: &Case<'_>, resource: Resource) -> Self {
        let limit = |container: &Container<'_>| limit(container, resource);
        let request =
            |container: &Container<'_>| request(container, resource).or_else(|| limit(container));
        Self {
            request: taken(case, request),
            limit: taken(case, limit),
        }
    }

    /// Whatever exceeds `max` leaves no room for a toolbox, and needs no word here.
    fn keeps(&self, range: &LimitRange, resource: Resource) -> bool {
        let min = resource.of(&range.min).is_none_or(|min| {
            self.request.is_some_and(|request| request >= min)
                && self.limit.is_none_or(|limit| limit >= min)
        });
        let max = resource.of(&range.max).is_none() || self.limit.is_some();
        let ratio = resource.of(&range.ratio).is_none_or(|ratio| {
            let stated = self.request.zip(self.limit);
            stated.is_some_and(|(request, limit)| {
                !request.is_zero() && !limit.is_zero() && limit.divided_by(ratio) <= request
            })
        });
        min && max && ratio
    }
}

/// What a Pod takes as the scheduler counts it: all that run at one time, or an init container beside the sidecars
/// that were started before it.
fn taken(case: &Case<'_>, amount: impl Fn(&Container<'_>) -> Option<Amount>) -> Option<Amount> {
    let (mut running, mut most) = (None, None);
    let beside = |running: Option<Amount>, amount| Some(running.unwrap_or_default() + amount);
    for container in case.init_containers() {
        let Some(amount) = amount(container) else {
            continue;
        };
        most = most.max(beside(running, amount));
        if is_sidecar(container) {
            running = beside(running, amount);
        }
    }
    for amount in case.containers().iter().filter_map(amount) {
        running = beside(running, amount);
    }
    most.max(running)
}
