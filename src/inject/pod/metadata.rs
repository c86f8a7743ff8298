//! Of a Pod's metadata: names, our annotations, our label.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::object::only_objects;
use super::text::{Presence, Text};
use crate::inject::annotations::PREFIX;

#[derive(Debug, Default, serde::Deserialize)]
#[serde(remote = "Self")]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "fields are those of the Kubernetes API, under their names"
)]
pub struct Metadata<'a> {
    #[serde(borrow, default)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub generate_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub annotations: Presence<Annotations<'a>>,
    #[serde(default)]
    pub labels: Presence<Labels>,
    /// As it stands there: read only for those who are told of a finding.
    #[serde(borrow, default)]
    pub owner_references: Option<&'a RawValue>,
}

/// Set by the kubelet on the Pods that show static Pods of a node.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The container that `kubectl exec` and `kubectl logs` take when none is named.
pub const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Marks injected Pods, for selectors.
pub const INJECTED_LABEL: &str = "sidebox.dev/injected";
/// What Sidebox did to the Pod.
pub const STATUS: &str = "sidebox.dev/status";

/// Of the annotations: ours, the two that rules read, and the size of all.
#[derive(Debug, Default)]
pub struct Annotations<'a> {
    /// `sidebox.dev/` keys except the status, in the order written, with the text after the prefix.
    pub sidebox: Vec<(Text<'a>, Value<'a>)>,
    /// Sidebox's own status.
    pub status: Presence<Text<'a>>,
    /// The default container of kubectl.
    pub default_container: Presence<Text<'a>>,
    /// Whether the kubelet's mirror mark is there.
    pub mirror: bool,
    /// Bytes of all keys and values, as the API counts them towards its limit.
    pub bytes: usize,
}

/// An annotation's value. Files may hold a bare `true` or `1`, which the API server rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string, as it must be.
    Text(Text<'a>),
    /// Null, which the API reads as an empty string.
    Null,
    /// Something else, with its text.
    NotAString(String),
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(Cow::Borrowed(v))))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Text(Cow::Owned(v.to_owned()))))
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value<'de>, E> {
        Ok(Value::NotAString(v.to_string()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'a> Value<'a> {
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Null => 0,
            Self::NotAString(text) => text.len(),
        }
    }

    fn presence(self) -> Presence<Text<'a>> {
        match self {
            Self::Text(text) => Presence::Value(text),
            Self::Null => Presence::Null,
            Self::NotAString(text) => Presence::Value(Text(Cow::Owned(text))),
        }
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations<'de>, A::Error> {
        let mut found = Annotations::default();
        while let Some((key, value)) = map.next_entry::<Text<'de>, Value<'de>>()? {
            found.bytes += key.len() + value.bytes();
            found.keep(&key, value);
        }
        Ok(found)
    }
}

impl<'a> Annotations<'a> {
    /// Whether any of them is Sidebox's.
    pub fn speak_of_sidebox(&self) -> bool {
        !self.sidebox.is_empty() || self.status != Presence::Missing
    }

    fn keep(&mut self, key: &Text<'a>, value: Value<'a>) {
        match &**key {
            STATUS => self.status = value.presence(),
            DEFAULT_CONTAINER => self.default_container = value.presence(),
            MIRROR => self.mirror = true,
            other => {
                if let Some(name) = other.strip_prefix(PREFIX) {
                    let name = match &key.0 {
                        Cow::Borrowed(whole) => Cow::Borrowed(&whole[PREFIX.len()..]),
                        Cow::Owned(_) => Cow::Owned(name.to_owned()),
                    };
                    self.sidebox.push((Text(name), value));
                }
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Annotations<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnnotationsVisitor)
    }
}

/// Of the labels only our own matters.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(remote = "Self")]
pub struct Labels {
    /// `sidebox.dev/injected`, whatever its value.
    #[serde(rename = "sidebox.dev/injected", default)]
    pub injected: Presence<serde::de::IgnoredAny>,
}

only_objects!(Metadata<'a>, Labels);
