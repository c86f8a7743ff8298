//! Which kinds of values do settings have? How each is read, written and named.

use super::error::Problem;
use super::place::Place;
use super::{DataKind, Injection, TmpMedium, UserDefault};
use crate::inject::image::{ImagePattern, ImageRef};
use crate::inject::names::{is_dns_label, is_dns_subdomain, is_uid};
use crate::inject::quantity::{Amount, Quantity};

/// A kind of value: its name in the documentation, its reader and its writer.
pub(super) struct Kind<T> {
    pub(super) name: &'static str,
    pub(super) read: fn(&Place<'_>) -> Result<T, Problem>,
    pub(super) show: fn(&T) -> Shown,
}

/// A value as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing is set; the key is left out.
    Nothing,
    /// One YAML value on one line.
    Scalar(String),
    /// The items of a list, each on one line.
    List(Vec<String>),
}

impl Shown {
    pub(super) fn list(items: impl Iterator<Item = String>) -> Self {
        let items: Vec<String> = items.collect();
        if items.is_empty() {
            Self::Nothing
        } else {
            Self::List(items)
        }
    }
}

/// A text as a YAML scalar that every YAML reader takes for a text.
pub(super) fn yaml(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_./:@-".contains(&b);
    let word = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'/')
        && !text.ends_with(':')
        && text.bytes().all(plain);
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if word && !reserved.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string()
}

fn texts(items: &[String]) -> Shown {
    Shown::list(items.iter().map(|text| yaml(text)))
}

/// The value that belongs to a word.
fn choice<T: Copy>(at: &Place<'_>, what: &str, choices: &[(&str, T)]) -> Result<T, Problem> {
    let text = at.text(what)?;
    let found = choices.iter().find(|(word, _)| *word == text);
    found
        .map(|(_, value)| *value)
        .ok_or_else(|| at.expected(what))
}

/// The word that belongs to a value.
fn word<T: PartialEq>(value: &T, choices: &[(&str, T)]) -> Shown {
    let found = choices.iter().find(|(_, one)| one == value);
    found.map_or(Shown::Nothing, |(word, _)| Shown::Scalar(yaml(word)))
}

const INJECTIONS: [(&str, Injection); 3] = [
    ("annotated", Injection::Annotated),
    ("dotnet", Injection::Dotnet),
    ("all", Injection::All),
];
pub(super) const INJECTION: Kind<Injection> = Kind {
    name: "annotated, dotnet or all",
    read: |at| choice(at, "annotated, dotnet or all", &INJECTIONS),
    show: |value| word(value, &INJECTIONS),
};

const DATA_KINDS: [(&str, DataKind); 3] = [
    ("claim", DataKind::Claim),
    ("empty-dir", DataKind::EmptyDir),
    ("none", DataKind::None),
];
pub(super) const DATA_KIND: Kind<DataKind> = Kind {
    name: "claim, empty-dir or none",
    read: |at| choice(at, "claim, empty-dir or none", &DATA_KINDS),
    show: |value| word(value, &DATA_KINDS),
};

const TMP_MEDIUMS: [(&str, TmpMedium); 2] =
    [("node", TmpMedium::Node), ("memory", TmpMedium::Memory)];
pub(super) const TMP_MEDIUM: Kind<TmpMedium> = Kind {
    name: "node or memory",
    read: |at| choice(at, "node or memory", &TMP_MEDIUMS),
    show: |value| word(value, &TMP_MEDIUMS),
};

pub(super) const BOOLEAN: Kind<bool> = Kind {
    name: "true or false",
    read: |at| at.boolean(),
    show: |value| Shown::Scalar(value.to_string()),
};

/// Quantities of cpu are whole thousandths, those of bytes are whole: the API server rounds or
/// warns otherwise.
fn quantity(at: &Place<'_>, step: Amount, what: &str) -> Result<Quantity, Problem> {
    let quantity =
        Quantity::parse(at.text(what)?).map_err(|error| at.problem(error.to_string()))?;
    let value = quantity.amount();
    if value > Amount::ZERO && value.0 % step.0 == 0 {
        Ok(quantity)
    } else {
        Err(at.expected(what))
    }
}

pub(super) const CORES: Kind<Quantity> = Kind {
    name: "quantity of cores",
    read: |at| {
        quantity(
            at,
            Amount::milli(1),
            "cores above 0 in thousandths, such as 500m or 2",
        )
    },
    show: |value| Shown::Scalar(value.amount().to_string()),
};

pub(super) const BYTES: Kind<Quantity> = Kind {
    name: "quantity of bytes",
    read: |at| quantity(at, Amount::whole(1), "whole bytes above 0, such as 256Mi"),
    show: |value| Shown::Scalar(value.amount().to_string()),
};

pub(super) const IMAGE: Kind<ImageRef> = Kind {
    name: "image",
    read: |at| ImageRef::parse(at.text("an image")?).map_err(|error| at.problem(error.to_string())),
    show: |value| Shown::Scalar(yaml(value.as_str())),
};

pub(super) const PATTERNS: Kind<Vec<ImagePattern>> = Kind {
    name: "list of image patterns",
    read: |at| {
        at.list("a list of image patterns", |item| {
            let text = item.text("an image pattern")?;
            ImagePattern::parse(text).map_err(|error| item.problem(error.to_string()))
        })
    },
    show: |value| Shown::list(value.iter().map(|pattern| yaml(pattern.as_str()))),
};

const LABEL_RULE: &str = "a name of up to 63 lower case letters, digits and inner dashes";
const SUBDOMAIN_RULE: &str =
    "a name of up to 253 lower case letters, digits, inner dashes and dots";

pub(super) const LABEL: Kind<String> = Kind {
    name: "name",
    read: |at| at.checked(is_dns_label, LABEL_RULE),
    show: |value| Shown::Scalar(yaml(value)),
};

pub(super) const SUBDOMAIN: Kind<String> = Kind {
    name: "name",
    read: |at| at.checked(is_dns_subdomain, SUBDOMAIN_RULE),
    show: |value| Shown::Scalar(yaml(value)),
};

pub(super) const LABELS: Kind<Vec<String>> = Kind {
    name: "list of names",
    read: |at| {
        at.list("a list of names", |item| {
            item.checked(is_dns_label, LABEL_RULE)
        })
    },
    show: |value| texts(value),
};

pub(super) const SUBDOMAINS: Kind<Vec<String>> = Kind {
    name: "list of names",
    read: |at| {
        at.list("a list of names", |item| {
            item.checked(is_dns_subdomain, SUBDOMAIN_RULE)
        })
    },
    show: |value| texts(value),
};

fn uid(text: &str) -> Option<i64> {
    text.parse().ok().filter(|uid| is_uid(*uid))
}

pub(super) const UID: Kind<Option<i64>> = Kind {
    name: "uid or none",
    read: |at| {
        let what = "a uid from 0 to 2147483647, or none";
        match at.text(what)? {
            "none" => Ok(None),
            text => uid(text).map(Some).ok_or_else(|| at.expected(what)),
        }
    },
    show: |value| Shown::Scalar(value.map_or_else(|| "none".into(), |uid| uid.to_string())),
};

pub(super) const USER: Kind<UserDefault> = Kind {
    name: "auto, root, unset or a uid",
    read: |at| {
        let what = "auto, root, unset or a uid from 0 to 2147483647";
        Ok(match at.text(what)? {
            "auto" => UserDefault::Auto,
            "root" => UserDefault::Root,
            "unset" => UserDefault::Unset,
            text => match uid(text).ok_or_else(|| at.expected(what))? {
                0 => UserDefault::Root,
                uid => UserDefault::Uid(uid),
            },
        })
    },
    show: |value| {
        Shown::Scalar(match value {
            UserDefault::Auto => "auto".into(),
            UserDefault::Root => "root".into(),
            UserDefault::Unset => "unset".into(),
            UserDefault::Uid(uid) => uid.to_string(),
        })
    },
};

/// Versions before 1.20 never run Sidebox; `1.3` is what other tools make of an unquoted 1.30.
pub(super) const VERSION: Kind<(u32, u32)> = Kind {
    name: "version",
    read: |at| {
        let what =
            "a version of Kubernetes from \"1.20\" on, in quotes (other tools turn 1.30 into 1.3)";
        let text = at.text(what)?;
        let number = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| part.parse().ok())
        };
        let parts = text
            .split_once('.')
            .map(|(major, minor)| (number(major), number(minor)));
        match parts {
            Some((Some(Some(1)), Some(Some(minor)))) if minor >= 20 => Ok((1, minor)),
            _ => Err(at.expected(what)),
        }
    },
    show: |(major, minor)| Shown::Scalar(format!("\"{major}.{minor}\"")),
};
