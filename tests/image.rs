//! Image references and image patterns: the grammar as a table, and laws over generated ones.

use proptest::prelude::*;
use sidebox::inject::image::{ImageName, ImagePattern, ImageRef};

const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn references_come_apart() {
    let digest = format!("ghcr.io/a/b:1@{SHA}");
    let rows = [
        ("nginx", ("docker.io", true, "nginx", None, None)),
        (
            "nginx:1.27",
            ("docker.io", true, "nginx", Some("1.27"), None),
        ),
        ("acme/x", ("docker.io", false, "acme/x", None, None)),
        ("docker.io/nginx", ("docker.io", true, "nginx", None, None)),
        (
            "index.docker.io/acme/x",
            ("docker.io", false, "acme/x", None, None),
        ),
        ("localhost/x", ("localhost", false, "x", None, None)),
        ("host:5000/x", ("host:5000", false, "x", None, None)),
        ("[::1]:5000/x", ("[::1]:5000", false, "x", None, None)),
        ("GHCR.io/x", ("GHCR.io", false, "x", None, None)),
        (
            digest.as_str(),
            ("ghcr.io", false, "a/b", Some("1"), Some(SHA)),
        ),
        (
            "a__b/c--d.e_f",
            ("docker.io", false, "a__b/c--d.e_f", None, None),
        ),
    ];
    for (text, parts) in rows {
        let name = ImageName::parse(text).unwrap();
        assert_eq!(
            (
                name.registry,
                name.library,
                name.path,
                name.tag,
                name.digest
            ),
            parts
        );
        assert_eq!(ImageRef::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn invalid_references_are_refused() {
    let long = "a".repeat(256);
    let tag = format!("x:{}", "1".repeat(129));
    let rows = [
        "",
        " ",
        " nginx",
        "nginx ",
        "Nginx",
        "ghcr.io/Acme/x",
        "ghcr.io/",
        "/x",
        "a//b",
        "a/",
        "x:",
        "x:-1",
        "x:a b",
        "x@",
        "x@sha256:12",
        "x@sha256",
        "-x",
        "x-",
        "a..b",
        "a___b",
        "a._b",
        "http://ghcr.io/x",
        "ghcr.io/../x",
        "ghcr.io:port/x",
        "-ghcr.io/x",
        "ghcr..io/x",
        "x:1:2",
        "*",
        "ghcr.io/*",
        "x\n",
        "é",
        "[]/x",
        &long,
        &tag,
    ];
    for text in rows {
        let error = ImageRef::parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is not an image: ")),
            "{error}"
        );
    }
}

/// A pattern, images that it covers, and after the bar images that it does not.
const PATTERNS: &str = "
ghcr.io/acme/ ghcr.io/acme/x ghcr.io/acme/x:1 ghcr.io/acme/x/y@SHA | ghcr.io/acme-evil/x
ghcr.io/acme/ ghcr.io/acme/x | ghcr.io/acm/x ghcr.io/x evil.io/ghcr.io/acme/x acme/x
ghcr.io/acme ghcr.io/acme/x:1 ghcr.io/acme:1 | ghcr.io/acme-evil/x
ghcr.io/acme/x:1 ghcr.io/acme/x:1 | ghcr.io/acme/x:2 ghcr.io/acme/x/y:1 ghcr.io/acme/x
ghcr.io/x:latest ghcr.io/x ghcr.io/x:latest | ghcr.io/x:1
ghcr.io/x@SHA ghcr.io/x@SHA ghcr.io/x:1@SHA | ghcr.io/x ghcr.io/x:1
nginx nginx nginx:1 docker.io/library/nginx docker.io/nginx | nginx/x ghcr.io/nginx
docker.io/library/nginx nginx:1 | acme/nginx
acme/ acme/x docker.io/acme/x:1 | acme ghcr.io/acme/x
ghcr.io ghcr.io/x | x ghcr.io.evil.io/x
docker.io x acme/x | ghcr.io/x
host:5000/ host:5000/x/y | host/x host:50001/x
nginx:1.* nginx:1.27 | nginx:2 nginx
*/linuxserver/ lscr.io/linuxserver/x linuxserver/x | lscr.io/x/linuxserver/y
*/*/s6-overlay* ghcr.io/a/s6-overlay-x:1 | ghcr.io/a/b/s6-overlay ghcr.io/s6-overlay
docker.io/*/x acme/x | ghcr.io/acme/x
*.azurecr.io/ a.azurecr.io/x | azurecr.io/x a.azurecr.io.evil.io/x
* x ghcr.io/a/b:1 | Invalid a//b
ghcr.io/a*b*c/ ghcr.io/abc/x ghcr.io/axbybc/x | ghcr.io/ab/x ghcr.io/acb/x ghcr.io/abcd/x
";

#[test]
fn patterns_cover_whole_segments() {
    let rows = PATTERNS.replace("SHA", SHA);
    for row in rows.lines().filter(|row| !row.is_empty()) {
        let (covered, not) = row.split_once('|').unwrap();
        let (text, covered) = covered.split_once(' ').unwrap();
        let pattern = ImagePattern::parse(text).unwrap();
        for image in covered.split_whitespace() {
            assert!(pattern.matches(image), "{text} should cover {image}");
        }
        for image in not.split_whitespace().chain([""]) {
            assert!(!pattern.matches(image), "{text} should not cover {image}");
        }
    }
}

#[test]
fn invalid_patterns_are_refused() {
    let rows = [
        "",
        "/",
        "ghcr.io//x",
        "acme/X/",
        "ghcr.io/acme:1/",
        "x@sha256:1*",
        "x:",
        "a b",
        "ghcr.io/../x",
        "/x",
        "https://ghcr.io/x",
        "-/x:1",
        "ghcr.io/acme//",
    ];
    for text in rows {
        let error = ImagePattern::parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is not an image pattern: ")),
            "{error}"
        );
    }
}

/// A repository name of one to four segments.
fn repository() -> impl Strategy<Value = String> {
    "(ghcr\\.io|localhost:5000|[a-z]{1,4})(/[a-z0-9]{1,4}(-[a-z]{1,3})?){1,3}"
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", image in "[a-z*:@/._-]{0,20}") {
        let _ = ImageRef::parse(&text);
        let _ = ImageRef::parse(&image);
        for pattern in [ImagePattern::parse(&text), ImagePattern::parse(&image)].into_iter().flatten() {
            let _ = pattern.matches(&image);
        }
    }

    #[test]
    fn a_name_covers_itself_with_any_tag(name in repository(), tag in "[a-z0-9]{1,5}") {
        let pattern = ImagePattern::parse(&name).unwrap();
        prop_assert!(pattern.matches(&name));
        let tagged = format!("{name}:{tag}");
        prop_assert!(pattern.matches(&tagged));
        prop_assert!(ImagePattern::parse(&tagged).unwrap().matches(&tagged));
    }

    #[test]
    fn a_longer_segment_is_another_name(name in repository(), more in "[a-z0-9]{1,3}") {
        let pattern = ImagePattern::parse(&name).unwrap();
        let other = format!("{name}{more}");
        prop_assert!(!pattern.matches(&other));
        let longer = format!("{name}-{more}/x:1");
        prop_assert!(!pattern.matches(&longer));
    }

    #[test]
    fn a_folder_covers_what_lies_in_it(name in repository(), inner in "[a-z]{1,5}") {
        let folder = ImagePattern::parse(&format!("{name}/")).unwrap();
        let image = format!("{name}/{inner}:1");
        prop_assert!(folder.matches(&image));
        prop_assert!(!folder.matches(&inner));
    }
}
