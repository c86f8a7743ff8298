//! Which volumes may the settings add? Reads them into ready JSON.
//!
//! Only sources that can neither keep a Pod from starting nor weaken it: Secrets and ConfigMaps
//! must be optional; claims, host paths and drivers are not offered.

use super::SettingsVolume;
use super::error::Problem;
use super::kinds::{Kind, Shown};
use super::place::Place;
use crate::inject::names::{is_dns_label, is_dns_subdomain, is_inner_path};
use crate::inject::quantity::Amount;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a value of a volume must look like.
enum Shape {
    /// A text that passes a check, and the check's name.
    Text(fn(&str) -> bool, &'static str),
    /// File permissions, octal with a leading zero as in Kubernetes' own files.
    Mode,
    /// `true` and nothing else: what is missing must not keep a Pod from starting.
    True,
    /// At least one item of a shape.
    List(&'static Self),
    /// A mapping.
    Object(&'static [Member]),
    /// A mapping with exactly one of these keys.
    OneOf(&'static [Member]),
}

/// A key of a mapping.
struct Member {
    name: &'static str,
    required: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: true,
        shape,
    }
}

const fn may(name: &'static str, shape: Shape) -> Member {
    Member {
        name,
        required: false,
        shape,
    }
}

const NAME: Shape = Shape::Text(is_dns_subdomain, "the name of an object");
const PATH: Shape = Shape::Text(is_inner_path, "a relative path without `..`");
const KEY_ITEM: Shape = Shape::Object(&[
    must("key", Shape::Text(|key| !key.is_empty(), "a key")),
    must("path", PATH),
    may("mode", Shape::Mode),
]);
const FIELD_ITEM: Shape = Shape::Object(&[
    must("path", PATH),
    must(
        "fieldRef",
        Shape::Object(&[must("fieldPath", Shape::Text(is_pod_field, POD_FIELDS))]),
    ),
    may("mode", Shape::Mode),
]);
const POD_FIELDS: &str =
    "metadata.name, metadata.namespace, metadata.uid, metadata.labels or metadata.annotations";

fn is_pod_field(text: &str) -> bool {
    POD_FIELDS
        .split([',', ' '])
        .any(|field| field.starts_with("metadata.") && field == text)
}

const PROJECTIONS: &[Member] = &[
    may(
        "configMap",
        Shape::Object(&[
            must("name", NAME),
            may("items", Shape::List(&KEY_ITEM)),
            must("optional", Shape::True),
        ]),
    ),
    may(
        "secret",
        Shape::Object(&[
            must("name", NAME),
            may("items", Shape::List(&KEY_ITEM)),
            must("optional", Shape::True),
        ]),
    ),
    may(
        "downwardAPI",
        Shape::Object(&[must("items", Shape::List(&FIELD_ITEM))]),
    ),
];

const SOURCES: &[Member] = &[
    may(
        "emptyDir",
        Shape::Object(&[
            may("medium", Shape::Text(|medium| medium == "Memory", "Memory")),
            may(
                "sizeLimit",
                Shape::Text(is_size, "a quantity of bytes above 0"),
            ),
        ]),
    ),
    may(
        "configMap",
        Shape::Object(&[
            must("name", NAME),
            may("items", Shape::List(&KEY_ITEM)),
            may("defaultMode", Shape::Mode),
            must("optional", Shape::True),
        ]),
    ),
    may(
        "secret",
        Shape::Object(&[
            must("secretName", NAME),
            may("items", Shape::List(&KEY_ITEM)),
            may("defaultMode", Shape::Mode),
            must("optional", Shape::True),
        ]),
    ),
    may(
        "downwardAPI",
        Shape::Object(&[
            must("items", Shape::List(&FIELD_ITEM)),
            may("defaultMode", Shape::Mode),
        ]),
    ),
    may(
        "projected",
        Shape::Object(&[
            must("sources", Shape::List(&Shape::OneOf(PROJECTIONS))),
            may("defaultMode", Shape::Mode),
        ]),
    ),
];

fn is_size(text: &str) -> bool {
    Amount::parse(text).is_some_and(|size| size > Amount::ZERO)
}

impl Shape {
    /// Reads a value of this shape as JSON.
    fn read(&self, at: &Place<'_>) -> Result<Value, Problem> {
        match self {
            Self::Text(ok, what) => at.checked(*ok, what).map(Value::from),
            Self::Mode => mode(at),
            Self::True if at.boolean()? => Ok(Value::Bool(true)),
            Self::True => {
                Err(at.problem("expected true: what is missing must not keep a Pod from starting"))
            }
            Self::List(item) => match at.list("a list", |place| item.read(place))? {
                items if items.is_empty() => Err(at.problem("an empty list: expected an item")),
                items => Ok(Value::Array(items)),
            },
            Self::Object(members) => object(at, members),
            Self::OneOf(members) => match object(at, members)? {
                Value::Object(found) if found.len() != 1 => Err(one_of(at, members)),
                found => Ok(found),
            },
        }
    }
}

fn one_of(at: &Place<'_>, members: &[Member]) -> Problem {
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    at.problem(format!("expected exactly one of {}", names.join(", ")))
}

fn object(at: &Place<'_>, members: &[Member]) -> Result<Value, Problem> {
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    let entries = at.entries(&names)?;
    let mut object = serde_json::Map::new();
    for member in members {
        if member.required {
            at.required(&entries, member.name)?;
        }
        if let Some((_, place)) = entries.iter().find(|(key, _)| *key == member.name) {
            object.insert(member.name.to_owned(), member.shape.read(place)?);
        }
    }
    Ok(Value::Object(object))
}

fn mode(at: &Place<'_>) -> Result<Value, Problem> {
    let what = "file permissions from 0 to 0777";
    let text = at.text(what)?;
    let mode = match text.strip_prefix("0o").or_else(|| text.strip_prefix('0')) {
        Some("") => Ok(0),
        Some(octal) => u16::from_str_radix(octal, 8),
        None => text.parse(),
    };
    match mode {
        Ok(mode) if mode <= 0o777 => Ok(Value::from(mode)),
        _ => Err(at.expected(what)),
    }
}

pub(super) const VOLUMES: Kind<Vec<SettingsVolume>> = Kind {
    name: "list of volumes",
    read: |at| {
        let mut names = BTreeSet::new();
        at.list("a list of volumes", |item| {
            let volume = volume(item)?;
            if names.insert(volume.name.clone()) {
                return Ok(volume);
            }
            Err(item.problem(format!("`{}` stands twice", volume.name)))
        })
    },
    show: |volumes| Shown::list(volumes.iter().map(|volume| volume.json.get().to_owned())),
};

fn volume(at: &Place<'_>) -> Result<SettingsVolume, Problem> {
    let known: Vec<&str> = ["name"]
        .into_iter()
        .chain(SOURCES.iter().map(|s| s.name))
        .collect();
    let entries = at.entries(&known)?;
    let place = at.required(&entries, "name")?;
    let name = place.checked(
        is_dns_label,
        "a name of lower case letters, digits and inner dashes",
    )?;
    if name.starts_with("sidebox-") {
        return Err(place.problem(format!(
            "`{name}`: names with sidebox- are taken by Sidebox"
        )));
    }
    let mut sources = entries.iter().filter(|(key, _)| *key != "name");
    let (Some((key, source)), None) = (sources.next(), sources.next()) else {
        return Err(one_of(at, SOURCES));
    };
    let Some(member) = SOURCES.iter().find(|member| member.name == *key) else {
        return Err(one_of(at, SOURCES));
    };
    let source_json = member.shape.read(source)?;
    unique_paths(source, &source_json, &mut Vec::new())?;
    let volume = [
        ("name".to_owned(), Value::from(name.as_str())),
        ((*key).to_owned(), source_json),
    ];
    let json = serde_json::value::to_raw_value(&Value::Object(volume.into_iter().collect()))
        .map_err(|error| at.problem(format!("cannot be written as JSON: {error}")))?;
    Ok(SettingsVolume { name, json })
}

/// The API server refuses two files of a projected volume on one path, and no kubelet can write a
/// file and a folder of one name: either would keep the Pod from starting.
fn unique_paths(at: &Place<'_>, json: &Value, seen: &mut Vec<String>) -> Result<(), Problem> {
    match json {
        Value::Object(members) => {
            if let Some(path) = members.get("path").and_then(Value::as_str) {
                let folder = |path: &str| format!("{path}/");
                let clash = |other: &&String| {
                    folder(path).starts_with(&folder(other))
                        || folder(other).starts_with(&folder(path))
                };
                if let Some(other) = seen.iter().find(clash) {
                    return Err(at.problem(format!("the paths `{other}` and `{path}` clash")));
                }
                seen.push(path.to_owned());
            }
            members
                .values()
                .try_for_each(|value| unique_paths(at, value, seen))
        }
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| unique_paths(at, item, seen)),
        _ => Ok(()),
    }
}
