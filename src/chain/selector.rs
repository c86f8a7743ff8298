//! Does a label selector take an object? As the API server answers it (apimachinery's labels package).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// A label selector; one without requirements takes everything.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    match_labels: Option<Labels>,
    match_expressions: Option<Vec<Requirement>>,
}

/// One requirement.
#[derive(Debug, Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Its values.
    pub values: Option<Vec<String>>,
}

impl Selector {
    /// All requirements; those of `matchLabels` are `In` with one value.
    pub fn requirements(&self) -> impl Iterator<Item = Requirement> {
        let labels = self.match_labels.iter().flatten();
        let labels = labels.map(|(key, value)| Requirement {
            key: key.clone(),
            operator: "In".into(),
            values: Some(vec![value.clone()]),
        });
        labels.chain(self.match_expressions.iter().flatten().cloned())
    }

    /// The first requirement that an object with these labels does not meet.
    pub fn unmet(&self, labels: &Labels) -> Option<Requirement> {
        self.requirements().find(|one| !one.met(labels))
    }
}

impl Requirement {
    fn met(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let among = |value: &String| self.values.iter().flatten().any(|one| one == value);
        match self.operator.as_str() {
            "In" => value.is_some_and(among),
            "NotIn" => !value.is_some_and(among),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            // The API server takes no other operator.
            _ => false,
        }
    }

    /// Why labels do not meet it: the requirement and the value that is there.
    pub fn against(&self, labels: &Labels) -> String {
        match labels.get(&self.key) {
            Some(value) => format!("{self}, and it is {value}"),
            None => format!("{self}, and there is none"),
        }
    }
}

/// Values that are shown of a longer list.
const SHOWN: usize = 4;

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.operator)?;
        let values = self.values.as_deref().unwrap_or_default();
        if values.is_empty() {
            return Ok(());
        }
        let shown = values.iter().take(SHOWN).map(String::as_str);
        write!(f, " [{}", shown.collect::<Vec<_>>().join(", "))?;
        match values.len().saturating_sub(SHOWN) {
            0 => f.write_str("]"),
            more => write!(f, ", {more} more]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn unmet(selector: &serde_json::Value, labels: &[(&str, &str)]) -> Option<String> {
        let selector: Selector = serde_json::from_value(selector.clone()).unwrap();
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        selector.unmet(&labels).map(|one| one.against(&labels))
    }

    #[test]
    fn selectors_are_judged_as_the_api_server_judges_them() {
        let all = json!({});
        let labels = json!({"matchLabels": {"team": "shop"}});
        let one = |operator: &str| json!({"matchExpressions": [{"key": "team", "operator": operator, "values": ["shop", "b"]}]});
        let shop: &[(&str, &str)] = &[("team", "shop")];
        let other: &[(&str, &str)] = &[("team", "other")];
        let nothing: &[(&str, &str)] = &[];
        let rows = [
            (&all, nothing, true),
            (&labels, shop, true),
            (&labels, other, false),
            (&labels, nothing, false),
            (&one("In"), shop, true),
            (&one("In"), nothing, false),
            (&one("NotIn"), shop, false),
            (&one("NotIn"), other, true),
            (&one("NotIn"), nothing, true),
            (&one("Exists"), other, true),
            (&one("Exists"), nothing, false),
            (&one("DoesNotExist"), nothing, true),
            (&one("DoesNotExist"), other, false),
            (&one("Guess"), shop, false),
        ];
        for (selector, labels, takes) in rows {
            assert_eq!(
                unmet(selector, labels).is_none(),
                takes,
                "{selector} {labels:?}"
            );
        }
    }

    #[test]
    fn a_reason_names_requirement_and_value() {
        let many = json!({"matchExpressions": [{"key": "name", "operator": "NotIn", "values": ["a", "b", "c", "d", "e", "f"]}]});
        assert_eq!(
            unmet(&many, &[("name", "e")]).unwrap(),
            "name NotIn [a, b, c, d, 2 more], and it is e"
        );
        let label = json!({"matchLabels": {"team": "shop"}});
        assert_eq!(
            unmet(&label, &[]).unwrap(),
            "team In [shop], and there is none"
        );
    }
}
