//! May a toolbox stand in a Pod under the namespace's LimitRanges at all? What it then states is the
//! business of `resources`.
//!
//! Source: kubernetes/plugin/pkg/admission/limitranger, as a real API server showed it.

use super::decide::Case;
use super::facts::LimitKind;
use super::finding::Finding;
use super::fitting::misfit;
use super::resources::{Resource, all, limit, request};

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

/// A LimitRange for Pods rejects one of which no container states what it bounds. The toolbox's own
/// request or limit would let such a Pod slip through.
pub(super) fn stated_without_us(case: &Case<'_>, resource: Resource) -> Result<(), Finding> {
    let limited = all(case).any(|container| limit(container, resource).is_some());
    let requested = limited || all(case).any(|container| request(container, resource).is_some());
    for range in &case.facts.limit_ranges {
        let bounds = |amounts| resource.of(amounts).is_some();
        let unlimited = !limited && (bounds(&range.max) || bounds(&range.ratio));
        let unrequested = !requested && (bounds(&range.min) || bounds(&range.ratio));
        if range.kind == LimitKind::Pod && (unlimited || unrequested) {
            let because = "rejects the Pod, which states no request or limit";
            return Err(misfit(range, resource, because));
        }
    }
    Ok(())
}
