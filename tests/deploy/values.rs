//! Do values, their schema, their page and Sidebox's own settings speak of the same keys?

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value};
use sidebox::inject::settings::reference_page;

use crate::objects::{at, one, text};

const VALUES: &str = "deploy/chart/sidebox/values.yaml";
const SCHEMA: &str = "deploy/chart/sidebox/values.schema.json";
const PAGE: &str = "deploy/chart/sidebox/README.md";

/// Where the written part of the page ends.
const MARK: &str = "<!-- From here on written from values.yaml by `make docs`. -->\n";

fn schema() -> Value {
    serde_json::from_str(&text(SCHEMA)).unwrap()
}

fn keys(map: &Map<String, Value>) -> BTreeSet<&str> {
    map.keys().map(String::as_str).collect()
}

#[test]
fn the_schema_knows_exactly_the_values() {
    let values = one(&text(VALUES));
    let mut wrong = Vec::new();
    compare("", &values, &schema(), &mut wrong);
    assert!(
        wrong.is_empty(),
        "values.yaml and its schema differ:\n{}",
        wrong.join("\n")
    );
}

fn compare(path: &str, value: &Value, schema: &Value, wrong: &mut Vec<String>) {
    let (Some(map), Some(properties)) = (value.as_object(), schema["properties"].as_object())
    else {
        return;
    };
    if schema["additionalProperties"] != false {
        wrong.push(format!("{path}: the schema lets unknown keys through"));
    }
    // Settings, references and what a person gives piece by piece have no defaults here.
    let left_out = map.is_empty() || path.is_empty();
    for name in keys(properties).symmetric_difference(&keys(map)) {
        let helms_own = left_out && (*name == "global" || map.is_empty());
        let optional = path == "/resources" && *name == "claims";
        if !helms_own && !optional {
            wrong.push(format!("{path}/{name} stands in only one of the two"));
        }
    }
    for (name, value) in map {
        compare(&format!("{path}/{name}"), value, &properties[name], wrong);
    }
}

#[test]
fn the_schema_knows_exactly_the_settings() {
    let mut wanted = BTreeSet::new();
    for line in reference_page().lines() {
        if let Some(key) = line
            .strip_prefix("| `")
            .and_then(|rest| rest.split('`').next())
            && line.matches(" | ").count() >= 3
        {
            wanted.insert(key.to_owned());
        }
    }
    // The chart knows it better than a person who would have to repeat it.
    assert!(wanted.remove("ownNamespace"));
    let mut found = BTreeSet::new();
    leaves("", &schema()["properties"]["settings"], &mut found);
    assert_eq!(
        found, wanted,
        "settings in values.schema.json, and in docs/settings.md"
    );
}

fn leaves(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    let Some(properties) = schema["properties"].as_object() else {
        found.insert(path.to_owned());
        return;
    };
    for (name, schema) in properties {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        leaves(&path, schema, found);
    }
}

#[test]
fn the_chart_is_of_this_version() {
    let chart = one(&text("deploy/chart/sidebox/Chart.yaml"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_page_is_the_values() {
    let page = text(PAGE);
    let (written, _) = page.split_once(MARK).expect("the page has its mark");
    let wanted = format!("{written}{MARK}{}", tables(&documented()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(at(PAGE), &wanted).unwrap();
    }
    assert!(
        text(PAGE) == wanted,
        "{PAGE} is not what values.yaml says: run `make docs`"
    );
}

/// A key with the comment above it.
struct Row {
    path: Vec<String>,
    comment: String,
}

/// All keys that have a comment; those without must lie within the value of one that has.
fn documented() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut comment = String::new();
    for line in text(VALUES).lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(words) = line.strip_prefix('#') {
            comment.push_str(if comment.is_empty() { "" } else { " " });
            comment.push_str(words.trim());
            continue;
        }
        if line.is_empty() {
            comment.clear();
            continue;
        }
        let Some((key, _)) = line.split_once(':').filter(|_| !line.starts_with("- ")) else {
            continue;
        };
        path.truncate(indent / 2);
        path.push(key.to_owned());
        if comment.is_empty() {
            let within = rows.iter().any(|row| path.starts_with(&row.path));
            assert!(within, "{} of values.yaml has no comment", path.join("."));
        } else {
            rows.push(Row {
                path: path.clone(),
                comment: std::mem::take(&mut comment),
            });
        }
    }
    rows
}

const HEAD: &str = "| key | default | meaning |\n|---|---|---|\n";

/// A table of the keys that stand alone, then one for each section.
fn tables(rows: &[Row]) -> String {
    let values = one(&text(VALUES));
    let is_within =
        |row: &Row, of: &Row| row.path.len() > of.path.len() && row.path.starts_with(&of.path);
    let is_section = |row: &Row| rows.iter().any(|other| is_within(other, row));
    let top = rows.iter().filter(|row| row.path.len() == 1);
    let (sections, alone): (Vec<_>, Vec<_>) = top.partition(|row| is_section(row));
    let mut page = vec![format!("\n{HEAD}")];
    page.extend(alone.into_iter().map(|row| line(row, &values)));
    for section in sections {
        page.push(format!(
            "\n## {}\n\n{}\n\n{HEAD}",
            section.path[0], section.comment
        ));
        let within = rows.iter().filter(|row| is_within(row, section));
        page.extend(within.map(|row| {
            if is_section(row) {
                format!("| `{}` | | {} |\n", row.path.join("."), row.comment)
            } else {
                line(row, &values)
            }
        }));
    }
    page.concat()
}

fn line(row: &Row, values: &Value) -> String {
    let default = &values[&row.path[0]];
    let default = row.path[1..].iter().fold(default, |value, key| &value[key]);
    let shown = match default {
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(items) if items.len() > 1 => {
            let items = items.iter().map(|item| match item {
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            });
            items.collect::<Vec<_>>().join(", ")
        }
        other => format!("`{other}`"),
    };
    format!("| `{}` | {shown} | {} |\n", row.path.join("."), row.comment)
}
