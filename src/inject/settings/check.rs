//! Do the settings fit together? Rules between several settings.

use super::Settings;
use super::error::Problem;
use super::load::Lines;
use crate::inject::quantity::Quantity;
use crate::inject::resources::Resource;

/// Everything that does not fit.
pub(super) fn problems(settings: &Settings, lines: &Lines) -> Vec<Problem> {
    let mut found = resources(settings, lines);
    found.extend(least(settings, lines));
    found.extend(mounts(settings, lines));
    found
}

/// Requests up to limits, limits up to ceilings: the API server and the settings' own promise.
fn resources(settings: &Settings, lines: &Lines) -> Vec<Problem> {
    let (requests, limits) = (&settings.toolbox.requests, &settings.toolbox.limits);
    let ceilings = &settings.toolbox.ceilings;
    let orders = [
        Order("requests.cpu", &requests.cpu, "limits.cpu", &limits.cpu),
        Order(
            "requests.memory",
            &requests.memory,
            "limits.memory",
            &limits.memory,
        ),
        Order(
            "requests.ephemeralStorage",
            &requests.ephemeral_storage,
            "limits.ephemeralStorage",
            &limits.ephemeral_storage,
        ),
        Order("limits.cpu", &limits.cpu, "ceilings.cpu", &ceilings.cpu),
        Order(
            "limits.memory",
            &limits.memory,
            "ceilings.memory",
            &ceilings.memory,
        ),
    ];
    orders
        .iter()
        .filter_map(|order| order.problem(lines))
        .collect()
}

/// A toolbox that cannot start would keep its Pods from ever being ready.
fn least(settings: &Settings, lines: &Lines) -> Vec<Problem> {
    let limits = &settings.toolbox.limits;
    let all = [
        ("memory", Resource::Memory, &limits.memory),
        (
            "ephemeralStorage",
            Resource::EphemeralStorage,
            &limits.ephemeral_storage,
        ),
    ];
    let small = all
        .into_iter()
        .filter(|(_, resource, limit)| limit.amount() < resource.least());
    small
        .map(|(name, resource, limit)| {
            let key = format!("toolbox.limits.{name}");
            Problem {
                line: lines.get(&key).copied().unwrap_or(1),
                message: format!("`{limit}`: expected at least {}", resource.least()),
                key,
            }
        })
        .collect()
}

/// A key below `toolbox`, its value, and the key and value that it must not exceed.
struct Order<'a>(&'a str, &'a Quantity, &'a str, &'a Quantity);

impl Order<'_> {
    /// Told at the key that the file sets; the other one may be a default.
    fn problem(&self, lines: &Lines) -> Option<Problem> {
        let Self(lower_key, lower, upper_key, upper) = self;
        if lower <= upper {
            return None;
        }
        let at_lower = format!("toolbox.{lower_key}");
        let at_upper = format!("toolbox.{upper_key}");
        Some(match (lines.get(&at_lower), lines.get(&at_upper)) {
            (None, Some(line)) => Problem {
                line: *line,
                message: format!("`{upper}`: expected at least {at_lower}, which is {lower}"),
                key: at_upper,
            },
            (line, _) => Problem {
                line: line.copied().unwrap_or(1),
                message: format!("`{lower}`: expected at most {at_upper}, which is {upper}"),
                key: at_lower,
            },
        })
    }
}

/// The partial container mounts only what the settings declare.
fn mounts(settings: &Settings, lines: &Lines) -> Vec<Problem> {
    let volumes = &settings.toolbox.volumes;
    let mounts = settings.toolbox.container.volume_mounts.iter().enumerate();
    let missing = mounts.filter(|(_, mount)| volumes.iter().all(|v| v.name != mount.name));
    missing
        .map(|(at, mount)| {
            let key = format!("toolbox.container.volumeMounts[{at}]");
            Problem {
                line: lines.get(&key).copied().unwrap_or(1),
                key: format!("{key}.name"),
                message: format!("`{}`: expected a volume of toolbox.volumes", mount.name),
            }
        })
        .collect()
}
