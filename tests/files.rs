//! Files as people and tools leave them, through the command: nothing is lost, one broken document
//! takes no other with it, and nothing makes it crash.

#![expect(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sidebox::cli::documents::json::{self, Spacing};
use sidebox::cli::documents::reading::read;
use sidebox::cli::documents::source::Source;

const PLAIN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata:\n    odd:   'yes' # kept\n";
const ASKING: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n  annotations:\n    sidebox.dev/inject: \"true\"\nspec:\n  nasty: [yes, 0x1f, 1e3, .5, null, ~, '- x', 'a: b', '# c', ' lead', \"nl\\n\", 😀, '{{ x }}', 'it''s', 017, 1.50]\n  containers:\n  - name: app\n    image: shop/web:1\n";

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sidebox"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

struct Ran {
    code: Option<i32>,
    out: String,
    report: String,
}

/// Writes the file, runs the command over it.
fn inject(name: &str, text: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    ran(&run(folder.path(), &["inject", "-f", name]))
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        report: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

/// The documents as JSON, in their own order.
fn trees(text: &str) -> Vec<String> {
    let source = Source {
        name: String::new(),
        bytes: text.as_bytes().to_vec(),
    };
    let documents = read(&source);
    let trees = documents.iter().filter_map(|document| document.tree());
    trees
        .map(|tree| json::write(tree, &Spacing::Compact))
        .collect()
}

/// Injects and takes it back: the same trees.
fn comes_back(name: &str, text: &str) -> String {
    let injected = inject(name, text);
    assert_eq!(injected.code, Some(0), "{}", injected.report);
    assert!(injected.out.contains("toolbox"), "{}", injected.report);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), &injected.out).unwrap();
    let back = ran(&run(folder.path(), &["uninject", "-f", name]));
    assert_eq!(back.code, Some(0), "{}", back.report);
    assert_eq!(trees(&back.out), trees(text), "{}", back.out);
    injected.out
}

#[test]
fn ends_of_lines_marks_and_missing_newlines() {
    let mixed = format!("# head\n---\n{PLAIN}---\n{ASKING}...\n---\n# nothing\n---\n{PLAIN}");
    for text in [
        mixed.clone(),
        mixed.trim_end().to_owned(),
        format!("\u{feff}{mixed}"),
        mixed.replace('\n', "\r\n"),
    ] {
        let out = comes_back("a.yaml", &text);
        assert!(out.starts_with(text.split("---").next().unwrap()));
        let plain = if text.contains('\r') {
            PLAIN.replace('\n', "\r\n")
        } else {
            PLAIN.to_owned()
        };
        assert_eq!(out.matches(plain.trim_end()).count(), 2, "{out}");
        assert!(!text.contains('\r') || !out.replace("\r\n", "").contains('\n'));
    }
}

#[test]
fn json_stays_json() {
    let tree = &trees(ASKING)[0];
    let out = comes_back("a.json", tree);
    assert!(
        serde_json::from_str::<serde_json::Value>(&out).is_ok(),
        "{out}"
    );
    let pretty = format!(
        "{:#}\n",
        serde_json::from_str::<serde_json::Value>(tree).unwrap()
    );
    let out = comes_back("a.json", &pretty);
    assert!(out.starts_with("{\n  \"apiVersion\""), "{out}");
}

#[test]
fn anchors_and_merges_mean_the_same_after() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: &m {name: web}\nspec:\n  template:\n    metadata:\n      annotations: {sidebox.dev/inject: 'true'}\n    spec:\n      containers:\n      - &c {name: app, image: shop/web:1}\n      initContainers:\n      - <<: *c\n        name: init\n";
    comes_back("a.yaml", text);
}

#[test]
fn a_broken_document_passes_untouched_with_its_line_and_others_are_done() {
    for broken in [
        "a: 1\nb: [1, 2\nc: 3\n",
        "a: 1\n\tb: 2\n",
        "a: 'never ends\n",
        "a: {b: c\n",
        "a: *nobody\n",
        "%BAD\n",
    ] {
        let text = format!("---\n{broken}---\n{ASKING}");
        let ran = inject("a.yaml", &text);
        assert_eq!(ran.code, Some(1), "{broken}: {}", ran.report);
        assert!(ran.out.contains(broken), "{broken}: {}", ran.out);
        assert!(ran.report.contains("a.yaml:"), "{}", ran.report);
        assert!(
            ran.report.contains("1 injected"),
            "{broken}: {}",
            ran.report
        );
    }
}

#[test]
fn a_key_that_stands_twice_is_never_guessed() {
    let twice = ASKING.replace("kind: Pod\n", "kind: Pod\nfuture: 1\nfuture: 2\n");
    let ran = inject("a.yaml", &format!("{twice}---\n{ASKING}"));
    assert_eq!(ran.code, Some(1), "{}", ran.report);
    assert!(ran.out.starts_with(&twice), "{}", ran.out);
    assert!(
        ran.report.contains("a.yaml:") && ran.report.contains("future"),
        "{}",
        ran.report
    );
    assert!(ran.report.contains("1 injected"), "{}", ran.report);
}

#[test]
fn what_would_exhaust_a_machine_is_an_error() {
    const DEPTH: usize = 1_000_000;
    let bomb = (0..40).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| {
        format!("{text}a{}: &a{} [*a{i}, *a{i}]\n", i + 1, i + 1)
    });
    for huge in [
        "[".repeat(DEPTH),
        "{a: ".repeat(DEPTH),
        "- ".repeat(DEPTH),
        "[".repeat(DEPTH) + &"]".repeat(DEPTH),
        "{\"a\":".repeat(DEPTH),
        bomb,
    ] {
        let ran = inject("a.yaml", &huge);
        assert_eq!(
            ran.code,
            Some(1),
            "{}",
            &ran.report[..ran.report.len().min(300)]
        );
        assert!(ran.report.contains("a.yaml"));
        assert!(ran.out.starts_with(&huge), "the text is not what it was");
    }
}

#[test]
fn several_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(sub.join("a.yaml"), ASKING.trim_end()).unwrap();
    fs::write(sub.join("b.json"), &trees(ASKING)[0]).unwrap();
    fs::write(sub.join("notes.txt"), "nothing").unwrap();
    fs::write(folder.path().join("c.yml"), PLAIN).unwrap();
    let ran = ran(&run(folder.path(), &["inject", "-f", "sub", "-f", "c.yml"]));
    assert_eq!(ran.code, Some(0), "{}", ran.report);
    assert!(ran.report.contains("2 injected"), "{}", ran.report);
    assert_eq!(trees(&ran.out).len(), 3, "{}", ran.out);
    assert!(ran.out.ends_with(PLAIN));
}

#[test]
fn what_is_no_text_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), b"a: \xff\n").unwrap();
    let output = run(folder.path(), &["inject", "-f", "a.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a.yaml"));
}
