//! Mount paths: normalised, and which of two holds the other.

use std::borrow::Cow;

/// Whether `path` is `parent` or lies below it; both normalised.
pub fn covers(parent: &str, path: &str) -> bool {
    parent == "/"
        || path
            .strip_prefix(parent)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether one of two normalised paths holds the other.
pub fn overlap(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// The path without empty, `.` and `..` parts and without a slash at its end.
pub fn normalised(path: &str) -> Cow<'_, str> {
    let parts = || path.split('/').skip(1);
    let clean = path.starts_with('/') && parts().all(|part| !matches!(part, "" | "." | ".."));
    if clean || path == "/" {
        return Cow::Borrowed(path);
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    Cow::Owned(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_compare_normalised() {
        assert_eq!(normalised("/tmp/"), "/tmp");
        assert_eq!(normalised("//tmp/./x/../y//"), "/tmp/y");
        assert_eq!(normalised("/../.."), "/");
        assert!(matches!(normalised("/tmp"), Cow::Borrowed(_)));
        assert!(covers("/tmp", "/tmp/x") && covers("/tmp", "/tmp") && covers("/", "/tmp"));
        assert!(!covers("/tmp", "/tmpfs") && !covers("/tmp/x", "/tmp"));
    }
}
