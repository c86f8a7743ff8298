//! Image references and patterns of images.
//!
//! Grammar: the distribution project's reference format. It does not know which image is for what.

use std::fmt;

use serde::{Serialize, Serializer};

/// A well-formed image reference, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef(Box<str>);

/// A text that is no image reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an image reference such as registry.example/team/toolbox:1.2")]
pub struct ImageError(pub String);

/// Name part of a reference: the distribution project's limit.
const NAME_LIMIT: usize = 255;

impl ImageRef {
    /// Reads a reference: `[registry[:port]/]path[:tag][@digest]`.
    ///
    /// # Errors
    /// [`ImageError`] with the text that is none.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        if is_reference(text) {
            Ok(Self(text.into()))
        } else {
            Err(ImageError(text.to_owned()))
        }
    }

    /// The reference as written.
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Name, tag and digest of a reference.
fn split(text: &str) -> (&str, Option<&str>, Option<&str>) {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let last = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[last..].find(':') {
        Some(colon) => (
            &rest[..last + colon],
            Some(&rest[last + colon + 1..]),
            digest,
        ),
        None => (rest, None, digest),
    }
}

fn is_reference(text: &str) -> bool {
    let (name, tag, digest) = split(text);
    name.len() <= NAME_LIMIT
        && is_name(name)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest)
}

fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        Some((first, path)) if is_registry(first) => path.split('/').all(is_segment),
        _ => name.split('/').all(is_segment),
    }
}

/// A first segment with a dot or a port, or `localhost`, is a host.
fn is_registry(text: &str) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let label = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let digits = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    (host.contains('.') || port.is_some() || host == "localhost")
        && host.split('.').all(label)
        && port.is_none_or(digits)
}

/// Lower-case letters and digits, with `.`, `_`, `__` or dashes between them.
fn is_segment(segment: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = segment.as_bytes();
    let ends = bytes.first().is_some_and(|b| word(*b)) && bytes.last().is_some_and(|b| word(*b));
    let between = segment.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && between
        .into_iter()
        .all(|gap| matches!(gap, "" | "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=128).contains(&tag.len())
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
        && tag.bytes().next().is_some_and(word)
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return false;
    };
    let alphanumeric = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-' | b'_');
    !algorithm.is_empty()
        && algorithm.bytes().all(alphanumeric)
        && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Images of one kind: an exact image, or a prefix of whole path segments; `*` stands for any
/// text within one segment.
///
/// `ghcr.io/acme` allows `ghcr.io/acme/tools:1`, never `ghcr.io/acme-evil/tools`. A pattern with a
/// tag or digest allows exactly that image. `nginx` and `docker.io/library/nginx` are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    text: Box<str>,
    /// Without the default registry and a slash at its end.
    path: Box<str>,
    /// It has a tag or a digest.
    exact: bool,
}

/// A text that is no pattern of images.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not a pattern of images such as registry.example/team/ or registry.example/team/app:1"
)]
pub struct PatternError(pub String);

impl ImagePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`PatternError`] with the text that is none.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        let sample = path.replace('*', "x");
        let valid = path != "*" && is_reference(&sample) || is_registry(&sample);
        if !valid {
            return Err(PatternError(text.to_owned()));
        }
        let path = without_default(path);
        let (_, tag, digest) = split(path);
        let exact = tag.is_some() || digest.is_some();
        Ok(Self {
            text: text.into(),
            path: path.into(),
            exact,
        })
    }

    /// The pattern as written.
    pub const fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether an image is one of the pattern's.
    pub fn matches(&self, image: &str) -> bool {
        let image = without_default(image);
        if self.exact {
            return globs(&self.path, image);
        }
        let mut rest = split(image).0;
        for part in self.path.split('/') {
            let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
            if !globs(part, segment) {
                return false;
            }
            rest = after;
        }
        true
    }
}

impl Serialize for ImagePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// The reference without the registry and path that an engine adds by itself.
fn without_default(image: &str) -> &str {
    let rest = ["docker.io/", "index.docker.io/"]
        .into_iter()
        .find_map(|host| image.strip_prefix(host));
    rest.map_or(image, |rest| rest.strip_prefix("library/").unwrap_or(rest))
}

/// Whether `text` is `pattern`, where `*` stands for any text without a slash.
fn globs(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    let segment = rest.find('/').unwrap_or(rest.len());
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.take_while(|at| *at <= segment)
        .any(|at| globs(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, image: &str) -> bool {
        ImagePattern::parse(pattern).unwrap().matches(image)
    }

    #[test]
    fn references_follow_the_grammar() {
        let digest = format!("ghcr.io/acme/x@sha256:{}", "a".repeat(64));
        for good in [
            "nginx",
            "nginx:1.2",
            "localhost:5000/a/b:v1",
            "ghcr.io/acme/x",
            "a__b/c-d.e",
            &digest,
        ] {
            assert!(ImageRef::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "Nginx",
            "a:",
            "a//b",
            "a b",
            "a:tag:tag",
            "-a",
            "a@sha256:zz",
            "a/b\n",
            "ghcr.io/",
        ] {
            assert!(ImageRef::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_end_at_segments() {
        assert!(matches("ghcr.io/acme", "ghcr.io/acme/x:1"));
        assert!(matches("ghcr.io/acme/", "ghcr.io/acme/x/y"));
        assert!(!matches("ghcr.io/acme", "ghcr.io/acme-evil/x"));
        assert!(!matches("ghcr.io/acme", "evil.io/ghcr.io/acme/x"));
        assert!(matches("ghcr.io/acme/x", "ghcr.io/acme/x:1"));
        assert!(matches("ghcr.io/acme/x:1", "ghcr.io/acme/x:1"));
        assert!(!matches("ghcr.io/acme/x:1", "ghcr.io/acme/x:2"));
    }

    #[test]
    fn stars_stay_within_a_segment() {
        assert!(matches(
            "mcr.microsoft.com/dotnet*",
            "mcr.microsoft.com/dotnet/aspnet:8.0"
        ));
        assert!(matches(
            "ghcr.io/*/s6-overlay*",
            "ghcr.io/linuxserver/s6-overlay-x"
        ));
        assert!(!matches("ghcr.io/*/x", "ghcr.io/a/b/x"));
        assert!(matches("*/s6-*-base", "acme/s6-overlay-base"));
    }

    #[test]
    fn the_default_registry_may_be_left_out() {
        assert!(matches("nginx", "docker.io/library/nginx:1"));
        assert!(matches("docker.io/library/nginx", "nginx"));
        assert!(!matches("nginx", "ghcr.io/nginx"));
    }
}
