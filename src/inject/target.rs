//! Which container is diagnosed, and what shows .NET.

use super::finding::Finding;
use super::image::any_matches;
use super::pod::{Container, Pod, Text, Variable, elements, is_dotnet_variable};
use super::settings::Settings;

/// The asked container; else the only one; else kubectl's default; else the first that shows
/// .NET; else the first that is not a known proxy.
pub(super) fn choose<'a>(
    containers: &'a [Container<'a>],
    asked: Option<&str>,
    default: Option<&Text<'_>>,
    settings: &Settings,
) -> Result<(usize, &'a Container<'a>), Finding> {
    let by = |test: &dyn Fn(&Container<'_>) -> bool| containers.iter().position(test);
    let index = if let Some(name) = asked {
        by(&|c| c.name() == name).ok_or_else(|| Finding::UnknownTarget {
            container: name.to_owned(),
            containers: containers
                .iter()
                .map(Container::name)
                .collect::<Vec<_>>()
                .join(", "),
        })?
    } else if containers.len() == 1 {
        0
    } else {
        default
            .and_then(|name| by(&|c| c.name() == &**name))
            .or_else(|| by(&|c| shows_dotnet(c, settings)))
            .or_else(|| {
                by(&|c| {
                    settings
                        .proxy_containers
                        .iter()
                        .all(|proxy| proxy != c.name())
                })
            })
            .unwrap_or(0)
    };
    containers
        .get(index)
        .map(|target| (index, target))
        .ok_or(Finding::NoContainers {})
}

/// Whether any container of the Pod shows .NET.
pub(super) fn pod_shows_dotnet(pod: &Pod<'_>, settings: &Settings) -> bool {
    let Some(spec) = pod.spec.get() else {
        return false;
    };
    elements(&spec.containers)
        .iter()
        .any(|container| shows_dotnet(container, settings))
}

/// Whether a container shows .NET: by its variables, its command or its image.
pub(super) fn shows_dotnet(container: &Container<'_>, settings: &Settings) -> bool {
    let image = container.image.as_deref().unwrap_or("");
    let variable = |v: &Variable<'_>| v.name.as_deref().is_some_and(is_dotnet_variable);
    container.command.is_some_and(|command| command.runs_dotnet)
        || container.args.is_some_and(|args| args.runs_dotnet)
        || container
            .env
            .get()
            .is_some_and(|env| env.0.iter().any(variable))
        || any_matches(&settings.dotnet_images, image)
}
