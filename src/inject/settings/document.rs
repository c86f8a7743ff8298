//! How do people learn the settings? Writes the default file and the reference page from the table.

use super::Settings;
use super::fields::{FIELDS, Field, SECTIONS};
use super::kinds::Shown;
use std::fmt::Write;

/// Where comment lines of the default file end.
const WIDTH: usize = 96;

const FILE_HEAD: &str = "\
Settings of Sidebox. Every key may be left out; the values below are the defaults. Keys that \
stand in comments are examples for settings whose default is nothing.";

/// The settings file that says what holds anyway, with its documentation.
pub fn default_file() -> String {
    let settings = Settings::default();
    let mut text = String::new();
    comment(&mut text, "", FILE_HEAD);
    let mut open = Vec::new();
    for field in FIELDS {
        let key = field.key();
        let (sections, name) = key.rsplit_once('.').unwrap_or(("", &key));
        text.push('\n');
        open_sections(&mut text, &mut open, sections);
        let indent = "  ".repeat(open.len());
        comment(&mut text, &indent, field.doc);
        comment(&mut text, &indent, &format!("Expects: {}.", field.kind));
        value(&mut text, &indent, name, field, &settings);
    }
    text
}

/// Opens the sections of the next key that are not open yet.
fn open_sections(text: &mut String, open: &mut Vec<String>, sections: &str) {
    let wanted: Vec<&str> = sections
        .split('.')
        .filter(|name| !name.is_empty())
        .collect();
    let common = open
        .iter()
        .zip(&wanted)
        .take_while(|(have, want)| have == want)
        .count();
    open.truncate(common);
    for name in &wanted[common..] {
        let indent = "  ".repeat(open.len());
        open.push((*name).to_owned());
        let path = open.join(".");
        if let Some((_, doc)) = SECTIONS.iter().find(|(section, _)| *section == path) {
            comment(text, &indent, doc);
        }
        push(text, format_args!("{indent}{name}:\n"));
    }
}

fn value(text: &mut String, indent: &str, name: &str, field: &Field, settings: &Settings) {
    match (field.show)(settings) {
        Shown::Nothing => push(text, format_args!("{indent}# {name}: {}\n", field.example)),
        Shown::Scalar(scalar) => push(text, format_args!("{indent}{name}: {scalar}\n")),
        Shown::List(items) => {
            push(text, format_args!("{indent}{name}:\n"));
            for item in items {
                push(text, format_args!("{indent}  - {item}\n"));
            }
        }
    }
}

fn comment(text: &mut String, indent: &str, words: &str) {
    let mut line = format!("{indent}#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            push(text, format_args!("{line}\n"));
            line = format!("{indent}#");
        }
        line.push(' ');
        line.push_str(word);
    }
    push(text, format_args!("{line}\n"));
}

/// Writing to a text cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}

const PAGE_HEAD: &str = "\
# Settings

One YAML file, given to `sidebox serve`, `inject` and `explain` with `--config`. `sidebox config`
prints it with all defaults, `sidebox config --check FILE` reads one and tells everything that is
wrong in it. Every key may be left out. Unknown keys and bad values are errors that name file, line,
key, value and what was expected; the server then keeps the last good settings.

Values are taken as written: `.5`, `1.30` and `on` stay these texts. Anchors, aliases, tags and
several documents in one file are refused.
";

const PAGE_TAIL: &str = "
## Image patterns

- `ghcr.io/acme` and `ghcr.io/acme/` cover every image whose name starts with these whole segments:
  `ghcr.io/acme/x:1`, never `ghcr.io/acme-evil/x`, whatever the tag or digest.
- With a tag or a digest, `ghcr.io/acme/x:1`, a pattern covers that image alone.
- `*` stands for any characters within one segment or tag: `*/linuxserver/`, `ghcr.io/*/x:1.*`. `*`
  alone covers every image.
- Docker Hub's short forms are understood: `nginx` is `docker.io/library/nginx` and `acme/x` is
  `docker.io/acme/x`; `acme/` is everything of the account `acme`. A first segment that is `*` or
  `localhost`, or holds a dot or a colon, is a registry.

## Volumes

Volumes of the settings are written as in a Pod, with one of these sources:

| source | keys |
|---|---|
| `emptyDir` | `medium` (`Memory`), `sizeLimit` |
| `configMap` | `name`, `items` (`key`, `path`, `mode`), `defaultMode`, `optional: true` |
| `secret` | `secretName`, `items` (`key`, `path`, `mode`), `defaultMode`, `optional: true` |
| `downwardAPI` | `items` (`path`, `fieldRef.fieldPath`, `mode`), `defaultMode` |
| `projected` | `sources` (`configMap`, `secret`, `downwardAPI`), `defaultMode` |

Any other source is refused: a volume of the settings must neither weaken a Pod nor keep it from
starting. Names that start with `sidebox-` are taken.
";

/// The page `docs/settings.md`.
pub fn reference_page() -> String {
    let settings = Settings::default();
    let mut page = String::from(PAGE_HEAD);
    let mut section = None;
    for field in FIELDS {
        let key = field.key();
        let of = key
            .rsplit_once('.')
            .map_or("", |(section, _)| section)
            .to_owned();
        if section.as_ref() != Some(&of) {
            open_table(&mut page, &of);
            section = Some(of);
        }
        let default = match (field.show)(&settings) {
            Shown::Nothing => format!("nothing; for example `{}`", field.example),
            Shown::Scalar(scalar) => format!("`{scalar}`"),
            Shown::List(items) => items
                .iter()
                .map(|item| format!("`{item}`"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        push(
            &mut page,
            format_args!("| `{key}` | {} | {default} | {} |\n", field.kind, field.doc),
        );
    }
    page + PAGE_TAIL
}

fn open_table(page: &mut String, section: &str) {
    let title = if section.is_empty() {
        "General"
    } else {
        section
    };
    push(page, format_args!("\n## {title}\n\n"));
    if let Some((_, doc)) = SECTIONS.iter().find(|(name, _)| *name == section) {
        push(page, format_args!("{doc}\n\n"));
    }
    page.push_str("| key | value | default | meaning |\n|---|---|---|---|\n");
}
