//! Which image does a reference name, and does a pattern cover it?
//!
//! The grammar is that of `github.com/distribution/reference`, which container runtimes follow.
//! Knows nothing of settings or Pods, and never asks a registry.

use std::fmt;

/// Longest repository name, registry included.
const NAME_MAX: usize = 255;
/// Longest tag.
const TAG_MAX: usize = 128;
const DOCKER_HUB: &str = "docker.io";

/// A text that is no image reference or no image pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}: {problem} (expected {example})")]
pub struct ImageError {
    text: Box<str>,
    wanted: &'static str,
    problem: &'static str,
    example: &'static str,
}

/// A valid image reference, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef(Box<str>);

impl ImageRef {
    /// Reads `[registry[:port]/]path/name[:tag][@digest]`.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        match ImageName::read(text) {
            Ok(_) => Ok(Self(text.into())),
            Err(problem) => Err(ImageError {
                text: text.into(),
                wanted: "an image",
                problem,
                example: "[registry[:port]/]path/name[:tag][@digest]",
            }),
        }
    }

    /// The toolbox that was released together with this version of Sidebox.
    pub(crate) fn released_toolbox() -> Self {
        Self(concat!("ghcr.io/sidebox-dev/toolbox:", env!("CARGO_PKG_VERSION")).into())
    }

    /// The reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parts of an image reference, with Docker Hub's short forms understood. Borrows, never
/// allocates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName<'a> {
    /// The registry's host and port; `docker.io` where none is written.
    pub registry: &'a str,
    /// Whether the path is a short form that stands for `library/PATH`.
    pub library: bool,
    /// The path as written, without the registry.
    pub path: &'a str,
    /// The tag, if written.
    pub tag: Option<&'a str>,
    /// The digest, if written, with its algorithm.
    pub digest: Option<&'a str>,
}

impl<'a> ImageName<'a> {
    /// Takes a reference apart; `None` if it is no valid one.
    pub fn parse(text: &'a str) -> Option<Self> {
        Self::read(text).ok()
    }

    /// Takes a reference apart, or says what is wrong with it.
    fn read(text: &'a str) -> Result<Self, &'static str> {
        let name = Self::split(text);
        if text.is_empty() {
            return Err("it is empty");
        }
        if name.path.len() + name.registry.len() > NAME_MAX {
            return Err("its name is longer than 255 characters");
        }
        if !is_registry(name.registry) {
            return Err("the registry is not a host name with an optional port");
        }
        if name.path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err("a path must be lower case");
        }
        if !name.path.split('/').all(is_path_segment) {
            return Err(
                "a path segment must be letters and digits, with single separators . _ __ or -- between",
            );
        }
        if !name.tag.is_none_or(is_tag) {
            return Err("the tag must be up to 128 letters, digits, . _ or -");
        }
        if !name.digest.is_none_or(is_digest) {
            return Err("the digest must be an algorithm, a colon and its hexadecimal value");
        }
        Ok(name)
    }

    /// Takes a reference apart without judging the parts.
    fn split(text: &'a str) -> Self {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].rfind(':') {
            Some(colon) => (&rest[..last + colon], Some(&rest[last + colon + 1..])),
            None => (rest, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if names_registry(host) => (host, path),
            _ => (DOCKER_HUB, name),
        };
        let registry = if registry == "index.docker.io" {
            DOCKER_HUB
        } else {
            registry
        };
        let library = registry == DOCKER_HUB && !path.contains('/');
        Self {
            registry,
            library,
            path,
            tag,
            digest,
        }
    }

    /// Registry and path segments, short forms written out.
    fn segments(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.registry)
            .chain(self.library.then_some("library"))
            .chain(self.path.split('/'))
    }
}

/// Whether the first segment of a name is a registry and not part of a Docker Hub path.
fn names_registry(segment: &str) -> bool {
    segment.contains(['.', ':'])
        || matches!(segment, "localhost" | "*")
        || segment.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_ok = port.is_none_or(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    let ipv6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_ok = match ipv6 {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':')
        }
        None => host.split('.').all(is_host_label),
    };
    port_ok && host_ok
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_path_segment(segment: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = segment.as_bytes();
    let ends = bytes.first().is_some_and(alphanumeric) && bytes.last().is_some_and(alphanumeric);
    ends && bytes
        .split(alphanumeric)
        .all(|run| matches!(run, b"" | b"." | b"_" | b"__") || run.iter().all(|b| *b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= TAG_MAX
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, value)) = digest.split_once(':') else {
        return false;
    };
    let part = |p: &str| {
        p.starts_with(|c: char| c.is_ascii_alphabetic())
            && p.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let length_ok = match algorithm {
        "sha256" => value.len() == 64,
        "sha512" => value.len() == 128,
        _ => value.len() >= 32,
    };
    algorithm.split(['+', '.', '-', '_']).all(part)
        && length_ok
        && value.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A set of images, in one small language:
///
/// - `ghcr.io/acme` and `ghcr.io/acme/` cover every image whose name starts with these whole
///   segments (`ghcr.io/acme/x:1`, never `ghcr.io/acme-evil/x`), whatever its tag or digest;
/// - with a tag or digest (`ghcr.io/acme/x:1`) a pattern covers that image alone;
/// - `*` stands for any characters within one segment or tag: `*/linuxserver/`, `ghcr.io/*/x:1.*`;
/// - Docker Hub's short forms are understood: `nginx` is `docker.io/library/nginx`, `acme/x` is
///   `docker.io/acme/x`; a last `/` makes `acme/` the account and not the image `library/acme`.
///   A first segment that is `*`, `localhost` or holds a dot or a colon is a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePattern {
    text: Box<str>,
    /// Registry and path, short forms written out, without a last slash.
    name: Box<str>,
    tag: Option<Box<str>>,
    digest: Option<Box<str>>,
}

impl ImagePattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, ImageError> {
        let pattern = Self::split(text);
        match pattern.problem() {
            None => Ok(pattern),
            Some(problem) => Err(ImageError {
                text: text.into(),
                wanted: "an image pattern",
                problem,
                example: "an image, or the first whole segments of its name such as ghcr.io/acme/",
            }),
        }
    }

    /// Takes a pattern apart without judging it; for texts that this program itself carries.
    pub(crate) fn split(text: &str) -> Self {
        let folder = text.strip_suffix('/');
        let whole = folder.unwrap_or(text);
        if is_registry_alone(whole, folder.is_some()) {
            return Self {
                text: text.into(),
                name: whole.into(),
                tag: None,
                digest: None,
            };
        }
        let parts = ImageName::split(whole);
        let library = if parts.library && folder.is_none() {
            "library/"
        } else {
            ""
        };
        Self {
            text: text.into(),
            name: format!("{}/{library}{}", parts.registry, parts.path).into(),
            tag: parts.tag.map(Into::into),
            digest: parts.digest.map(Into::into),
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern covers this image; an invalid reference is covered by none.
    pub fn matches(&self, image: &str) -> bool {
        any_matches(std::slice::from_ref(self), image)
    }

    fn covers(&self, image: &ImageName<'_>) -> bool {
        let mut segments = image.segments();
        let prefix = self
            .name
            .split('/')
            .all(|p| segments.next().is_some_and(|s| glob(p, s)));
        let exact = self.tag.is_some() || self.digest.is_some();
        prefix
            && (!exact || segments.next().is_none())
            && self
                .tag
                .as_deref()
                .is_none_or(|tag| glob(tag, image.tag.unwrap_or("latest")))
            && self
                .digest
                .as_deref()
                .is_none_or(|digest| image.digest == Some(digest))
    }

    /// What is wrong with the pattern: with its stars filled in it must be a name.
    fn problem(&self) -> Option<&'static str> {
        let name = self.name.replace('*', "a");
        let mut segments = name.split('/');
        let tag = self.tag.as_ref().map(|tag| tag.replace('*', "a"));
        if self.text.is_empty() {
            Some("it is empty")
        } else if !segments.next().is_some_and(is_registry) {
            Some("the registry is not a host name with an optional port")
        } else if !segments.all(is_path_segment) {
            Some("a path segment is not a valid one")
        } else if self.text.ends_with('/') && (tag.is_some() || self.digest.is_some()) {
            Some("a tag or digest cannot stand before a last slash")
        } else if !tag.as_deref().is_none_or(is_tag) {
            Some("the tag must be up to 128 letters, digits, . _ or -")
        } else if !self.digest.as_deref().is_none_or(is_digest) {
            Some("the digest must be an algorithm, a colon and its hexadecimal value")
        } else {
            None
        }
    }
}

/// Whether any of the patterns covers this image. Nearly every image is covered by none, so it is
/// judged last whether the reference is a valid one.
pub fn any_matches(patterns: &[ImagePattern], image: &str) -> bool {
    let name = ImageName::split(image);
    patterns.iter().any(|pattern| pattern.covers(&name)) && ImageName::parse(image).is_some()
}

/// Whether a pattern of one segment means a registry and no image of Docker Hub.
fn is_registry_alone(segment: &str, folder: bool) -> bool {
    let host = || segment.contains('.') && !segment.contains([':', '@']);
    !segment.contains('/')
        && (segment == "*"
            || if folder {
                names_registry(segment)
            } else {
                host()
            })
}

impl fmt::Display for ImagePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` fits `pattern`, where `*` stands for any characters, also none.
fn glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains('*') {
        return pattern == text;
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
