//! The links that do not depend on a Pod: settings, Service, endpoints.

use super::faults::{Fault, Kind};
use super::seen::{Installation, Seen, Trouble};
use super::webhooks::{Configuration, Entry};
use super::{Chain, State};

/// The entries of all configurations that are there, each with the name of its configuration.
pub(super) fn entries(seen: &Seen<Vec<Configuration>>) -> Vec<(&str, &Entry)> {
    let Seen::There(all) = seen else {
        return Vec::new();
    };
    all.iter()
        .flat_map(|one| one.entries().map(|entry| (one.name(), entry)))
        .collect()
}

/// The first link, and whether there is anything to go on with.
pub(super) fn configuration(chain: &mut Chain, seen: &Installation) {
    let kind = Kind::Configuration;
    match &seen.mutating {
        Seen::Hidden(why) => chain.add(kind, State::Unknown(why.clone())),
        Seen::There(all) if !all.is_empty() => {
            let names = all.iter().map(|one| {
                let entries: Vec<_> = one.entries().map(|entry| entry.name.as_str()).collect();
                format!("{}: {}", one.name(), entries.join(", "))
            });
            chain.add(kind, State::Holds(names.collect::<Vec<_>>().join("; ")));
        }
        Seen::There(_) | Seen::Missing => chain.broken(Fault::NoConfiguration {}),
    }
}

/// The settings, as far as they can be seen.
pub(super) fn settings(chain: &mut Chain, seen: &Installation, in_force: Option<&str>) {
    let place = seen.settings.place.clone();
    let written = &seen.settings.settings.hash;
    match &seen.settings.trouble {
        Some(Trouble::Hidden(why)) => chain.add(Kind::Settings, State::Unknown(why.clone())),
        Some(Trouble::Missing) => chain.broken(Fault::SettingsMissing { place }),
        Some(Trouble::Invalid(error)) => {
            let error = error.clone();
            chain.broken(Fault::SettingsInvalid { place, error });
        }
        None => match in_force {
            Some(used) if used != written => chain.broken(Fault::SettingsNotInForce {
                written: written.clone(),
                used: used.to_owned(),
            }),
            Some(_) => {
                let fact = format!("{place}, hash {written}, in force");
                chain.add(Kind::Settings, State::Holds(fact));
            }
            None => chain.add(
                Kind::Settings,
                State::Holds(format!("{place}, hash {written}")),
            ),
        },
    }
}

/// Service and endpoints.
pub(super) fn service(chain: &mut Chain, seen: &Installation) {
    let Some(reference) = &seen.service else {
        let why = if entries(&seen.mutating).is_empty() {
            "there is no entry that would name it"
        } else {
            "the entries name a URL, not a Service"
        };
        let idle = State::Idle(why.into());
        chain.add(Kind::Service, idle.clone());
        chain.add(Kind::Endpoints, idle);
        return;
    };
    let (service, port) = (reference.label(), reference.port());
    match &seen.ports {
        Seen::Hidden(why) => chain.add(Kind::Service, State::Unknown(why.clone())),
        Seen::Missing => chain.broken(Fault::ServiceMissing {
            service: service.clone(),
        }),
        Seen::There(ports) if !ports.contains(&port) => chain.broken(Fault::PortMissing {
            service: service.clone(),
            port: port.to_string(),
            ports: ports
                .iter()
                .map(u16::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }),
        Seen::There(_) => chain.add(
            Kind::Service,
            State::Holds(format!("{service}, port {port}")),
        ),
    }
    endpoints(chain, seen, service);
}

fn endpoints(chain: &mut Chain, seen: &Installation, service: String) {
    let all = match &seen.endpoints {
        Seen::Hidden(why) => return chain.add(Kind::Endpoints, State::Unknown(why.clone())),
        Seen::Missing => &[][..],
        Seen::There(all) => all,
    };
    let ready: Vec<_> = all.iter().filter(|one| one.ready).collect();
    if ready.is_empty() {
        let known = all.len().to_string();
        return chain.broken(Fault::NoReadyEndpoint { service, known });
    }
    let names: Vec<_> = ready.iter().map(|one| one.name.as_str()).collect();
    let fact = format!(
        "{} of {} ready: {}",
        ready.len(),
        all.len(),
        names.join(", ")
    );
    chain.add(Kind::Endpoints, State::Holds(fact));
}
