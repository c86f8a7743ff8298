//! Places in a Pod: by index for the patch, by name for the status.

use std::fmt::{self, Write};

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
    /// Writes the JSON pointer of RFC 6902's `path`, counting list elements.
    ///
    /// # Errors
    /// Those of the writer; a String has none.
    pub fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Metadata => out.write_str("/metadata"),
            Self::Map(map) => write!(out, "/metadata/{map}"),
            Self::Entry(map, key) => write!(out, "/metadata/{map}/{}", Token(key)),
            Self::Spec(member) => write!(out, "/spec/{member}"),
            Self::Element(list, _) => write!(out, "/spec/{list}/-"),
            Self::TargetList(target, list) => {
                write!(out, "/spec/containers/{}/{list}", target.index)
            }
            Self::TargetElement(target, list, _) => {
                write!(out, "/spec/containers/{}/{list}/-", target.index)
            }
            Self::RestartPolicy(index) => write!(out, "/spec/initContainers/{index}/restartPolicy"),
        }
    }
}

/// A place by name: list elements are named, not counted.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a>(pub Place<'a>);

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Place::Element(list, name) => write!(f, "/spec/{list}/{}", Token(name)),
            Place::TargetList(target, list) => {
                write!(f, "/spec/containers/{}/{list}", Token(target.name))
            }
            Place::TargetElement(target, list, name) => {
                write!(
                    f,
                    "/spec/containers/{}/{list}/{}",
                    Token(target.name),
                    Token(name)
                )
            }
            place => place.write(f),
        }
    }
}

impl Serialize for Trace<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A token of a JSON pointer, escaped as RFC 6901 wants it.
struct Token<'t>(&'t str);

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(['~', '/']) {
            match piece
                .strip_suffix('~')
                .map(|text| (text, "~0"))
                .or_else(|| piece.strip_suffix('/').map(|text| (text, "~1")))
            {
                Some((text, escape)) => write!(f, "{text}{escape}")?,
                None => f.write_str(piece)?,
            }
        }
        Ok(())
    }
}

/// Where the status goes.
pub const STATUS_PLACE: Place<'static> = Place::Entry("annotations", STATUS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped() {
        assert_eq!(Token("/tmp/a~b").to_string(), "~1tmp~1a~0b");
        assert_eq!(Token("plain").to_string(), "plain");
        assert_eq!(Token("").to_string(), "");
    }
}
