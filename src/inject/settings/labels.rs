//! Which labels may the objects that Sidebox makes have? Reads a mapping of labels.

use std::collections::BTreeMap;

use super::error::Problem;
use super::kinds::{Kind, Shown, yaml};
use super::place::Place;
use super::tree::Value;
use crate::inject::names::{is_label_key, is_label_value};

/// Says who made an object; Sidebox sets it itself.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

const KEY_RULE: &str =
    "a name of up to 63 letters, digits and inner `-`, `_` and `.`, perhaps after a domain and `/`";
const VALUE_RULE: &str =
    "a label's value: up to 63 letters, digits and inner dashes, underscores and dots";

pub(super) const LABEL_MAP: Kind<BTreeMap<String, String>> = Kind {
    name: "mapping of labels",
    read: |at| {
        let Value::Map(entries) = &at.node.value else {
            return Err(at.expected("a mapping of labels, such as {team: payments}"));
        };
        let read = entries
            .iter()
            .map(|entry| label(&entry.key, &at.child(entry)));
        read.collect()
    },
    show: |labels| {
        let one = |(key, value): (&String, &String)| format!("{}: {}", yaml(key), yaml(value));
        let all: Vec<_> = labels.iter().map(one).collect();
        if all.is_empty() {
            return Shown::Nothing;
        }
        Shown::Scalar(format!("{{{}}}", all.join(", ")))
    },
};

fn label(key: &str, at: &Place<'_>) -> Result<(String, String), Problem> {
    if key == MANAGED_BY {
        return Err(at.problem(format!("`{key}` is set by Sidebox itself")));
    }
    if !is_label_key(key) {
        return Err(at.problem(format!("no key of a label: expected {KEY_RULE}")));
    }
    Ok((key.to_owned(), at.checked(is_label_value, VALUE_RULE)?))
}

#[cfg(test)]
mod tests {
    use crate::inject::settings::Settings;

    #[test]
    fn labels_are_read_by_the_rules_of_kubernetes() {
        let of = |labels: &str| {
            let text = format!("data: {{labels: {labels}}}");
            Settings::parse("f", &text).map_err(|error| error.to_string())
        };
        let long = "x".repeat(63);
        let good = of(&format!("{{a.b/{long}: {long}, A_b-c.d: \"\"}}")).unwrap();
        assert_eq!(good.data.labels.len(), 2);
        assert_eq!(good.data.labels[&format!("a.b/{long}")], long);
        for bad in [
            "{-a: x}",
            "{a/b/c: x}",
            "{a/: x}",
            "{/a: x}",
            "{A.b/c: x}",
            "{a: -x}",
            "{a: x y}",
            "{a: [x]}",
            "{a: }",
            "{app.kubernetes.io/managed-by: me}",
            "[a]",
            "a",
        ] {
            let told = of(bad).unwrap_err();
            assert!(told.contains("data.labels"), "{bad}: {told}");
        }
        assert!(of(&format!("{{{long}x: x}}")).is_err());
        assert!(of(&format!("{{x: {long}x}}")).is_err());
    }
}
