//! The settings file: good and bad files with what is said about them, and the generated documents.
//!
//! `tests/settings/NAME.yaml` is read; `NAME.txt` holds the problems, or what of the effective
//! settings is not the default. `UPDATE_DOCS=1` rewrites these files and `docs/settings.md`.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it must be"
)]

use proptest::prelude::*;
use sidebox::cli::config::{ConfigArgs, run};
use sidebox::inject::settings::{Settings, default_file, reference_page};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/settings")
}

fn rewrite() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

/// What a person sees of a file.
fn outcome(name: &str, text: &str) -> String {
    match Settings::parse(name, text) {
        Err(error) => format!("{error}\n"),
        Ok(settings) => changes(&settings),
    }
}

/// The lines of the settings that the defaults do not have, the hash apart.
fn changes(settings: &Settings) -> String {
    let plain = |settings: &Settings| {
        let mut settings = settings.clone();
        settings.hash.clear();
        format!("{settings:#?}\n")
    };
    let (before, after) = (plain(&Settings::default()), plain(settings));
    let diff = similar::TextDiff::from_lines(&before, &after);
    let new = diff
        .iter_all_changes()
        .filter(|line| line.tag() == similar::ChangeTag::Insert);
    format!(
        "valid\n{}",
        new.map(|line| line.value()).collect::<String>()
    )
}

#[track_caller]
fn same_as_file(path: &Path, text: &str) {
    if rewrite() {
        fs::write(path, text).unwrap();
    }
    let stored = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        stored,
        text,
        "{}: UPDATE_DOCS=1 rewrites it",
        path.display()
    );
}

#[test]
fn every_file_says_what_it_should() {
    let names = |ending: &str| -> BTreeSet<String> {
        let files = fs::read_dir(folder())
            .unwrap()
            .map(|file| file.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|e| e == ending));
        files
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    };
    for name in names("yaml") {
        let file = format!("{name}.yaml");
        let text = fs::read_to_string(folder().join(&file)).unwrap();
        same_as_file(
            &folder().join(format!("{name}.txt")),
            &outcome(&file, &text),
        );
    }
    assert_eq!(
        names("yaml"),
        names("txt"),
        "every file has its outcome and no outcome is left over"
    );
}

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    same_as_file(&path, &reference_page());
}

#[test]
fn the_default_file_is_the_default() {
    let settings = Settings::parse("default", &default_file()).unwrap();
    assert_eq!(changes(&settings), "valid\n");
    assert_eq!(settings.hash, Settings::default().hash);
    assert_eq!(settings.hash, Settings::parse("empty", "").unwrap().hash);
}

/// The default file with its examples in force: whatever is a comment and looks like a key.
fn with_examples() -> String {
    let example = |line: &str| {
        let rest = line.trim_start().strip_prefix("# ")?;
        let (key, value) = rest.split_once(": ")?;
        let plain = key.bytes().all(|b| b.is_ascii_alphanumeric()) && !value.ends_with('.');
        plain.then(|| line.replacen("# ", "", 1))
    };
    default_file()
        .lines()
        .map(|line| example(line).unwrap_or_else(|| line.into()) + "\n")
        .collect()
}

#[test]
fn the_examples_are_valid_and_in_force() {
    let text = outcome("examples", &with_examples());
    assert!(text.starts_with("valid\n"), "{text}");
    let values = [
        "legacy",
        "runc",
        "registry-credentials",
        "trap 'exit 0' TERM",
        "--verbose",
        "\"/tmp\"",
    ];
    for value in values.iter().chain(&["C.UTF-8", "/symbols", "optional"]) {
        assert!(text.contains(value), "{value} is missing in {text}");
    }
}

/// All keys of the default file, examples included, with the lines they stand on.
fn keys(text: &str) -> Vec<(usize, String)> {
    let mut open: Vec<&str> = Vec::new();
    let mut keys = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with(['#', '-']) {
            continue;
        }
        open.truncate((line.len() - trimmed.len()) / 2);
        open.push(trimmed.split(':').next().unwrap());
        keys.push((at, open.join(".")));
    }
    keys
}

#[test]
fn every_key_of_the_default_file_is_read_and_no_other() {
    let text = with_examples();
    let keys = keys(&text);
    let page = reference_page();
    assert!(keys.len() > 40);
    for (_, key) in &keys {
        let leaf = !keys
            .iter()
            .any(|(_, other)| other.starts_with(&format!("{key}.")));
        assert_eq!(page.contains(&format!("| `{key}` |")), leaf, "{key}");
        let nested = key.replace('.', ": {");
        let closing = "}".repeat(key.split('.').count());
        let bad = format!("{nested}: {{bad: {{worse: 1}} {closing}");
        let problem = &Settings::parse("f", &bad).unwrap_err().problems[0];
        let mapping = page.contains(&format!("| `{key}` | mapping"));
        let at = if leaf && !mapping {
            key.clone()
        } else {
            format!("{key}.bad")
        };
        assert_eq!((problem.line, &problem.key), (1, &at));
    }
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.contains("` | "));
    let leaves = keys
        .iter()
        .filter(|(_, key)| page.contains(&format!("| `{key}` |")))
        .count();
    let sources = 5;
    assert_eq!(rows.count(), leaves + sources);
}

#[test]
fn the_hash_follows_what_holds_and_not_how_it_is_written() {
    let hash = |text: &str| Settings::parse("f", text).unwrap().hash;
    let base = hash("");
    assert_eq!(base.len(), 12);
    assert_eq!(
        base,
        hash("# words\ntoolbox: {limits: {memory: 262144Ki, cpu: '.5'}}")
    );
    assert_ne!(base, hash("strict: true"));
    assert_ne!(hash("data: {uid: none}"), hash("data: {uid: 0}"));
}

#[test]
fn the_command_prints_the_default_and_checks_files() {
    let mut out = Vec::new();
    run(&ConfigArgs { check: None }, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), default_file());

    let check = |text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        let mut out = Vec::new();
        let args = ConfigArgs {
            check: Some(file.path().into()),
        };
        let result = run(&args, &mut out).map_err(|error| format!("{error:#}"));
        result.map(|()| String::from_utf8(out).unwrap())
    };
    assert!(check("strict: true").unwrap().contains(": valid, hash "));
    let error = check("strict: 1\nx: 2").unwrap_err();
    assert_eq!(error.lines().count(), 2, "{error}");
    let args = ConfigArgs {
        check: Some("no/such/file".into()),
    };
    let error = format!("{:#}", run(&args, &mut Vec::new()).unwrap_err());
    assert!(
        error.starts_with("cannot read the settings file no/such/file: "),
        "{error}"
    );
}

proptest! {
    #[test]
    fn any_text_is_settings_or_problems(text in "\\PC*", yaml in "[a-z:\\[\\]{}, \n&*!'\"#|>~-]{0,60}") {
        let _ = Settings::parse("f", &text);
        let _ = Settings::parse("f", &yaml);
    }

    #[test]
    fn a_file_cut_anywhere_is_settings_or_problems(at in 0_usize..10_000) {
        let file = with_examples();
        let text: String = file.chars().take(at).collect();
        if let Err(error) = Settings::parse("f", &text) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(error.problems.iter().all(|problem| problem.line >= 1));
        }
    }

    #[test]
    fn a_damaged_file_names_its_line(at in 0_usize..10_000, letter in "[a-z0-9:{}\\[\\]*& -]") {
        let mut file = with_examples();
        if file.is_char_boundary(at) && file.is_char_boundary(at + 1) && at < file.len() {
            file.replace_range(at..=at, &letter);
        }
        let lines = file.lines().count() + 1;
        if let Err(error) = Settings::parse("f", &file) {
            prop_assert!(error.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
        }
    }
}
