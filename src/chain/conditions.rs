//! Does a matchCondition take an object? The three expressions of the chart are known; any other one is said
//! to be unknown, since only the API server evaluates CEL.

use super::seen::Subject;
use super::webhooks::Condition;

/// `sidebox.saysSomething` of the chart, which two entries have: a Pod that says anything to Sidebox.
pub const SAYS_SOMETHING: &str = "has(object.metadata.annotations) && \
     object.metadata.annotations.exists(key, key.startsWith('sidebox.dev/'))";

/// The condition of the chart's advising entry: what belongs to a controller was advised through its owner.
pub const BELONGS_TO_NOBODY: &str = "!has(object.metadata.ownerReferences) || \
     !object.metadata.ownerReferences.exists(owner, has(owner.controller) && owner.controller)";

/// Which condition it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// [`SAYS_SOMETHING`].
    SaysSomething,
    /// [`BELONGS_TO_NOBODY`].
    BelongsToNobody,
}

/// What a condition makes of a Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It takes it.
    Yes,
    /// It does not, for this reason.
    No(String),
    /// Nobody but the API server can tell.
    Unknown,
}

impl Condition {
    /// The condition of the chart that this is, however its lines are broken.
    pub fn known(&self) -> Option<Known> {
        let known = [
            (SAYS_SOMETHING, Known::SaysSomething),
            (BELONGS_TO_NOBODY, Known::BelongsToNobody),
        ];
        let words = |text: &'static str| text.split_whitespace();
        let mut all = known.into_iter();
        all.find(|(text, _)| words(text).eq(self.expression.split_whitespace()))
            .map(|(_, known)| known)
    }

    /// Whether it takes a Pod.
    pub fn takes(&self, subject: &Subject) -> Taken {
        let refused = match self.known() {
            None => return Taken::Unknown,
            Some(Known::SaysSomething) => (!subject.says_something)
                .then_some("the Pod has no sidebox.dev/ annotation, and its namespace no label sidebox.dev/inject=true"),
            Some(Known::BelongsToNobody) => {
                subject.controlled.then_some("the Pod belongs to a controller")
            }
        };
        refused.map_or(Taken::Yes, |because| Taken::No(because.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_has_these_conditions() {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let two = flat(include_str!(
            "../../deploy/chart/sidebox/templates/_webhooks.tpl"
        ));
        let one = flat(include_str!(
            "../../deploy/chart/sidebox/templates/validating-webhook.yaml"
        ));
        assert!(two.contains(&flat(SAYS_SOMETHING)));
        assert!(one.contains(&flat(BELONGS_TO_NOBODY)));
    }

    #[test]
    fn another_expression_is_unknown() {
        let condition = |expression: &str| Condition {
            name: "c".into(),
            expression: expression.into(),
        };
        let broken = SAYS_SOMETHING.replace(" && ", " &&\n   ");
        assert_eq!(condition(&broken).known(), Some(Known::SaysSomething));
        let guess = condition("object.metadata.name.startsWith('a')");
        assert_eq!(guess.takes(&Subject::default()), Taken::Unknown);
    }
}
