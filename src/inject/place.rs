//! Places in a Pod: by index for the patch, by name for the status.

use serde::{Serialize, Serializer};

use super::pod::STATUS;

/// A place in a Pod.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// `metadata`.
    Metadata,
    /// `metadata.labels` or `metadata.annotations`.
    Map(&'static str),
    /// A label or an annotation: map and key.
    Entry(&'static str, &'static str),
    /// A member of `spec`.
    Spec(&'static str),
    /// A new last element of a list of `spec`, and its name.
    Element(&'static str, &'a str),
    /// A list of the target.
    TargetList(Target<'a>, &'static str),
    /// A new last element of a list of the target, and its name or mount path.
    TargetElement(Target<'a>, &'static str, &'a str),
    /// The `restartPolicy` of the init container at this index.
    RestartPolicy(usize),
}

/// The container that is diagnosed, by place and name.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its place in `containers`.
    pub index: usize,
    /// Its name.
    pub name: &'a str,
}

impl Place<'_> {
    /// Appends the JSON pointer of RFC 6902's `path`, counting list elements.
    pub fn write(&self, out: &mut String) {
        match *self {
            Self::Metadata => members(out, &["metadata"]),
            Self::Map(map) => members(out, &["metadata", map]),
            Self::Entry(map, key) => {
                members(out, &["metadata", map]);
                token(out, key);
            }
            Self::Spec(member) => members(out, &["spec", member]),
            Self::Element(list, _) => members(out, &["spec", list, "-"]),
            Self::TargetList(target, list) => {
                members(
                    out,
                    &["spec", "containers", &target.index.to_string(), list],
                );
            }
            Self::TargetElement(target, list, _) => {
                Self::TargetList(target, list).write(out);
                members(out, &["-"]);
            }
            Self::RestartPolicy(index) => {
                members(out, &["spec", "initContainers", &index.to_string()]);
                members(out, &["restartPolicy"]);
            }
        }
    }
}

/// A place by name: list elements are named, not counted.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a>(pub Place<'a>);

impl Trace<'_> {
    /// Its JSON pointer.
    pub fn pointer(&self) -> String {
        let mut out = String::with_capacity(96);
        match self.0 {
            Place::Element(list, name) => {
                members(&mut out, &["spec", list]);
                token(&mut out, name);
            }
            Place::TargetList(target, list) => {
                members(&mut out, &["spec", "containers"]);
                token(&mut out, target.name);
                members(&mut out, &[list]);
            }
            Place::TargetElement(target, list, name) => {
                out = Self(Place::TargetList(target, list)).pointer();
                token(&mut out, name);
            }
            place => place.write(&mut out),
        }
        out
    }
}

impl Serialize for Trace<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pointer())
    }
}

/// Appends members of the API and indices: nothing in them needs an escape.
fn members(out: &mut String, members: &[&str]) {
    for member in members {
        out.push('/');
        out.push_str(member);
    }
}

/// Appends somebody's name as a token of a JSON pointer, escaped as RFC 6901 wants it.
fn token(out: &mut String, name: &str) {
    out.push('/');
    let mut rest = name;
    while let Some(at) = rest.bytes().position(|b| matches!(b, b'~' | b'/')) {
        out.push_str(&rest[..at]);
        out.push_str(if rest[at..].starts_with('~') {
            "~0"
        } else {
            "~1"
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Where the status goes.
pub const STATUS_PLACE: Place<'static> = Place::Entry("annotations", STATUS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped() {
        let mut pointer = String::new();
        for name in ["/tmp/a~b", "plain", "", "~é/"] {
            token(&mut pointer, name);
        }
        assert_eq!(pointer, "/~1tmp~1a~0b/plain//~0é~1");
    }
}
