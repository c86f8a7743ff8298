//! What may be merged over the toolbox? Reads the partial container.
//!
//! It may never make a Pod invalid, hide what Sidebox mounts or keep the toolbox from starting.

use super::error::Problem;
use super::kinds::{Kind, Shown, yaml};
use super::place::Place;
use super::{EnvVar, VolumeMount};
use crate::inject::names::{is_dns_label, is_env_name, is_inner_path};
use std::collections::BTreeSet;

/// Variables of the toolbox that Sidebox sets itself, besides those that start with `SIDEBOX_`.
const OWN_VARIABLES: [&str; 4] = [
    "POD_NAME",
    "POD_NAMESPACE",
    "TMPDIR",
    "DOTNET_EnableDiagnostics",
];
/// Folders where Sidebox mounts its volumes, and those where no runtime lets anybody mount.
const OWN_FOLDERS: [&str; 6] = ["/tmp", "/data", "/run/sidebox", "/proc", "/sys", "/dev"];

pub(super) const COMMAND: Kind<Option<Vec<String>>> = Kind {
    name: "list of texts",
    read: |at| {
        let words = words(at)?;
        match words.first().map(String::as_str) {
            None | Some("") => Err(at.problem("an empty command: expected a program first")),
            Some(_) => Ok(Some(words)),
        }
    },
    show: show_words,
};

pub(super) const ARGUMENTS: Kind<Option<Vec<String>>> = Kind {
    name: "list of texts",
    read: |at| words(at).map(Some),
    show: show_words,
};

fn words(at: &Place<'_>) -> Result<Vec<String>, Problem> {
    at.list("a list of texts", |item| {
        item.text("a text").map(str::to_owned)
    })
}

// The table's writers take the field as it is.
#[expect(
    clippy::ref_option,
    reason = "the signature is that of every writer of the table"
)]
fn show_words(words: &Option<Vec<String>>) -> Shown {
    words.as_ref().map_or(Shown::Nothing, |words| {
        Shown::List(words.iter().map(|word| yaml(word)).collect())
    })
}

pub(super) const FOLDER: Kind<Option<String>> = Kind {
    name: "absolute path",
    read: |at| {
        let absolute: fn(&str) -> bool = |text| text.starts_with('/');
        at.checked(absolute, "an absolute path").map(Some)
    },
    show: |folder| {
        folder
            .as_ref()
            .map_or(Shown::Nothing, |folder| Shown::Scalar(yaml(folder)))
    },
};

pub(super) const ENVIRONMENT: Kind<Vec<EnvVar>> = Kind {
    name: "list of name and value",
    read: |at| {
        let mut names = BTreeSet::new();
        at.list("a list of variables", |item| {
            let entries = item.entries(&["name", "value"])?;
            let place = item.required(&entries, "name")?;
            let name = place.checked(is_env_name, "the name of a variable")?;
            if OWN_VARIABLES.contains(&name.as_str()) || name.starts_with("SIDEBOX_") {
                return Err(place.problem(format!("`{name}` is set by Sidebox itself")));
            }
            if !names.insert(name.clone()) {
                return Err(place.problem(format!("`{name}` stands twice")));
            }
            let value = entries.iter().find(|(key, _)| *key == "value");
            let value = value
                .map_or(Ok(""), |(_, place)| place.text("a text"))?
                .to_owned();
            Ok(EnvVar { name, value })
        })
    },
    show: |variables| {
        Shown::list(variables.iter().map(|EnvVar { name, value }| {
            format!("{{name: {}, value: {}}}", yaml(name), yaml(value))
        }))
    },
};

pub(super) const MOUNTS: Kind<Vec<VolumeMount>> = Kind {
    name: "list of name, mountPath, readOnly and subPath",
    read: |at| {
        let mut folders = BTreeSet::new();
        at.list("a list of mounts", |item| {
            let entries = item.entries(&["name", "mountPath", "readOnly", "subPath"])?;
            let place = item.required(&entries, "mountPath")?;
            let folder = mount_folder(place)?;
            if !folders.insert(folder) {
                return Err(place.problem("another mount stands there"));
            }
            let mut mount = VolumeMount {
                name: item
                    .required(&entries, "name")?
                    .checked(is_dns_label, "a volume's name")?,
                mount_path: place.text("a path")?.to_owned(),
                read_only: false,
                sub_path: None,
            };
            for (key, place) in &entries {
                match *key {
                    "readOnly" => mount.read_only = place.boolean()?,
                    "subPath" => {
                        let what = "a relative path without `..`";
                        mount.sub_path = Some(place.checked(is_inner_path, what)?);
                    }
                    _ => {}
                }
            }
            Ok(mount)
        })
    },
    show: |mounts| Shown::list(mounts.iter().map(show_mount)),
};

fn show_mount(mount: &VolumeMount) -> String {
    let read_only = if mount.read_only {
        ", readOnly: true"
    } else {
        ""
    };
    let sub_path = mount
        .sub_path
        .as_ref()
        .map(|path| format!(", subPath: {}", yaml(path)));
    let (name, path) = (yaml(&mount.name), yaml(&mount.mount_path));
    format!(
        "{{name: {name}, mountPath: {path}{read_only}{}}}",
        sub_path.unwrap_or_default()
    )
}

/// The folder that a mount covers, if it covers none of ours.
fn mount_folder(at: &Place<'_>) -> Result<String, Problem> {
    let what = "an absolute path without `..` and `:`";
    let text = at.text(what)?;
    if !text.starts_with('/') || text.contains(':') || text.split('/').any(|part| part == "..") {
        return Err(at.expected(what));
    }
    let folder = normalised(text);
    match OWN_FOLDERS
        .iter()
        .find(|own| within(&folder, own) || within(own, &folder))
    {
        Some(own) => Err(at.problem(format!("`{text}` overlaps {own}, which is not free"))),
        None => Ok(folder),
    }
}

/// A path without empty segments and dots; `/var/run` is a link to `/run` in nearly all images.
fn normalised(path: &str) -> String {
    let mut folder = String::new();
    for segment in path
        .split('/')
        .filter(|segment| !matches!(*segment, "" | "."))
    {
        folder.push('/');
        folder.push_str(segment);
    }
    match folder.strip_prefix("/var/run") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("/run{rest}"),
        _ => folder,
    }
}

/// Whether a normalised path is a folder or lies in it. The root is the empty text.
fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
