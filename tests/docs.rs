//! Reference pages come from the tables; `UPDATE_DOCS=1` writes them anew.

#![expect(
    clippy::expect_used,
    reason = "a page that cannot be written fails the test"
)]

use std::path::Path;

fn same_as_file(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).expect("docs can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/{name} is not what its table says: run `make docs`"
    );
}

#[test]
fn annotations_page_is_the_table() {
    same_as_file("annotations.md", &sidebox::inject::pages::annotations());
}

#[test]
fn findings_page_is_the_table() {
    same_as_file("findings.md", &sidebox::inject::pages::findings());
}

#[test]
fn troubleshooting_page_is_the_tables() {
    same_as_file(
        "troubleshooting.md",
        &sidebox::chain::pages::troubleshooting(),
    );
}
