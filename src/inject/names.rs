//! Does the API server accept this text as a name or a path? Knows the rules, not the objects.
//!
//! Rules: `k8s.io/apimachinery/pkg/util/validation` and `k8s.io/kubernetes/pkg/apis/core/validation`.

/// A DNS label (RFC 1123): up to 63 lower case letters, digits and inner dashes. Namespaces,
/// containers and volumes are named so.
pub fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(alphanumeric)
        && text.bytes().next_back().is_some_and(alphanumeric)
        && text.bytes().all(|b| alphanumeric(b) || b == b'-')
}

/// DNS labels joined by dots, up to 253 characters. Claims, Secrets, ConfigMaps and runtime classes
/// are named so; their single labels may be longer than 63 characters.
pub fn is_dns_subdomain(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let label = |label: &str| {
        label.bytes().next().is_some_and(alphanumeric)
            && label.bytes().next_back().is_some_and(alphanumeric)
            && label.bytes().all(|b| alphanumeric(b) || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The key of a label: up to 63 letters, digits and inner `-`, `_` and `.`, perhaps after a DNS subdomain and a
/// slash.
pub fn is_label_key(text: &str) -> bool {
    let (domain, name) = match text.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, text),
    };
    domain.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

/// The value of a label: as the name in a key, or empty.
pub fn is_label_value(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let ends = [text.bytes().next(), text.bytes().next_back()];
    text.len() <= 63
        && ends.iter().flatten().all(u8::is_ascii_alphanumeric)
        && text.bytes().all(inner)
}

/// The name of an environment variable: letters, digits, `_`, `-` and `.`, no digit first, and
/// neither `.` nor a name that starts with `..`.
pub fn is_env_name(text: &str) -> bool {
    let other = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b'.');
    text.bytes().next().is_some_and(other)
        && text.bytes().all(|b| other(b) || b.is_ascii_digit())
        && text != "."
        && !text.starts_with("..")
}

/// A path inside a volume: relative, not starting with `..`, without empty, `.` and `..` segments.
pub fn is_inner_path(text: &str) -> bool {
    !text.starts_with("..")
        && text
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."))
}

/// A uid as the API server accepts it: 0 to 2147483647.
pub fn is_uid(uid: i64) -> bool {
    (0..=i64::from(i32::MAX)).contains(&uid)
}

/// How many letters to add, drop or change to come from one word to the other, whatever the case.
/// Takes time by the product of their lengths: callers bound what they are given.
pub fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for letter in from.to_lowercase().chars() {
        let mut diagonal = row[0];
        row[0] += 1;
        let mut left = row[0];
        for (cell, other) in row[1..].iter_mut().zip(&to) {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = *cell;
            left = changed.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
    }
    row[to.len()]
}
