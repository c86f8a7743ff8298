//! The chain of one Pod, or of the Pods of a workload: from the webhook configuration to the toolbox.
//!
//! Links stand in the order in which the API server and then Sidebox come to them; the first that is broken is
//! the answer.

use super::conditions::Taken;
use super::fate::{Fate, Newest};
use super::faults::{Fault, Kind};
use super::seen::{Installation, Lives, Seen, Subject};
use super::selector::Labels;
use super::service::{configuration, entries, service, settings};
use super::webhooks::Entry;
use super::{Chain, State, certificate};
use crate::inject::decide::{Decision, Outcome};
use crate::inject::finding::Finding;

/// What is asked.
#[derive(Debug)]
pub struct Question<'a> {
    /// What was seen of Sidebox.
    pub installation: &'a Installation,
    /// The Pod's namespace.
    pub namespace: &'a str,
    /// The namespace's labels.
    pub labels: &'a Seen<Labels>,
    /// The Pod, as selectors and conditions see it.
    pub subject: &'a Subject,
    /// What the rules say of it today.
    pub outcome: &'a Outcome<'a>,
    /// What became of it, or of its Pods.
    pub lives: &'a Lives,
}

/// The answer.
pub fn chain(question: &Question<'_>) -> Chain {
    let seen = question.installation;
    let mut chain = Chain::default();
    configuration(&mut chain, seen);
    settings(&mut chain, seen, None);
    let all: Vec<_> = entries(&seen.mutating)
        .into_iter()
        .map(|(_, entry)| entry)
        .collect();
    let taken = selected(&mut chain, question, &all);
    let sent = chain.first_fault().is_none();
    service(&mut chain, seen);
    // Where no entry takes the Pod, all of them are looked at: their trust is one.
    let trusted = if taken.is_empty() { &all } else { &taken };
    certificate::trust(&mut chain, seen, trusted, None);
    chain.add(Kind::Decision, decision(question.outcome));
    let toolbox = toolbox(question, sent);
    chain.add(Kind::Toolbox, toolbox);
    chain
}

/// What one entry makes of the Pod at one link.
enum Step {
    Takes,
    Unsure(String),
    Not(Fault),
}

/// The entries that take the Pod, after the four links that decide it.
fn selected<'e>(chain: &mut Chain, question: &Question<'_>, all: &[&'e Entry]) -> Vec<&'e Entry> {
    let by_namespace = namespace(chain, question, all);
    let subject = question.subject;
    let taken = narrow(chain, Kind::ObjectSelector, by_namespace, |entry| {
        let unmet = entry.object_selector.as_ref()?.unmet(&subject.labels)?;
        let entry = entry.name.clone();
        let because = unmet.against(&subject.labels);
        Some(Step::Not(Fault::ObjectLeftOut { entry, because }))
    });
    let taken = narrow(chain, Kind::Rules, taken, |entry| {
        (!entry.sends_pod_creation()).then(|| {
            let (entry, rules) = (entry.name.clone(), entry.rules_text());
            Step::Not(Fault::CreationNotSent { entry, rules })
        })
    });
    narrow(chain, Kind::MatchCondition, taken, |entry| {
        condition(entry, subject)
    })
}

fn namespace<'e>(chain: &mut Chain, question: &Question<'_>, all: &[&'e Entry]) -> Vec<&'e Entry> {
    let kind = Kind::NamespaceSelector;
    let labels = match question.labels {
        Seen::There(labels) => labels,
        Seen::Missing => {
            chain.add(kind, State::Unknown("the namespace is not there".into()));
            return Vec::new();
        }
        Seen::Hidden(why) => {
            chain.add(kind, State::Unknown(why.clone()));
            return Vec::new();
        }
    };
    if all.is_empty() {
        chain.add(kind, State::Idle("there is no entry".into()));
        return Vec::new();
    }
    let unmet = |entry: &Entry| entry.namespace_selector.as_ref()?.unmet(labels);
    let taken: Vec<_> = all
        .iter()
        .filter(|entry| unmet(entry).is_none())
        .copied()
        .collect();
    if taken.is_empty() {
        let mut reasons: Vec<_> = all
            .iter()
            .filter_map(|entry| unmet(entry))
            .map(|one| one.against(labels))
            .collect();
        reasons.dedup();
        chain.broken(Fault::NamespaceLeftOut {
            namespace: question.namespace.to_owned(),
            because: reasons.join("; "),
        });
    } else {
        chain.add(kind, State::Holds(names(&taken)));
    }
    taken
}

/// The entries that also pass this link. Without any, the first one's reason breaks it.
fn narrow<'e>(
    chain: &mut Chain,
    kind: Kind,
    entries: Vec<&'e Entry>,
    step: impl Fn(&Entry) -> Option<Step>,
) -> Vec<&'e Entry> {
    if entries.is_empty() {
        chain.add(kind, State::Idle("no entry comes so far".into()));
        return entries;
    }
    let (mut taken, mut doubts, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        match step(entry).unwrap_or(Step::Takes) {
            Step::Takes => taken.push(entry),
            Step::Unsure(why) => {
                doubts.push(why);
                taken.push(entry);
            }
            Step::Not(fault) => faults.push(fault),
        }
    }
    if taken.is_empty() {
        faults
            .into_iter()
            .take(1)
            .for_each(|fault| chain.broken(fault));
    } else if doubts.is_empty() {
        chain.add(kind, State::Holds(names(&taken)));
    } else {
        chain.add(kind, State::Unknown(doubts.join("; ")));
    }
    taken
}

/// All conditions must hold: one that does not counts more than one that nobody knows.
fn condition(entry: &Entry, subject: &Subject) -> Option<Step> {
    let mut unsure = None;
    for condition in entry.match_conditions.iter().flatten() {
        match condition.takes(subject) {
            Taken::Yes => {}
            Taken::No(because) => {
                return Some(Step::Not(Fault::ConditionNotMet {
                    entry: entry.name.clone(),
                    condition: condition.name.clone(),
                    because,
                }));
            }
            Taken::Unknown => {
                unsure = Some(Step::Unsure(format!(
                    "condition {} of {} is none of the chart's, and only the API server evaluates it: {}",
                    condition.name,
                    entry.name,
                    condition
                        .expression
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ")
                )));
            }
        }
    }
    unsure
}

fn names(entries: &[&Entry]) -> String {
    let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.join(", ")
}

fn decision(outcome: &Outcome<'_>) -> State {
    let told = |finding: &Finding| (finding.code().to_owned(), finding.to_string());
    match &outcome.decision {
        Decision::Inject(_) | Decision::Repair(_) => {
            State::Holds(format!("inject, {}", outcome.asked.as_str()))
        }
        Decision::Skip(Finding::AlreadyInjected {}) => State::Holds("it is injected".into()),
        Decision::Skip(
            finding @ (Finding::ExcludedNamespace { .. } | Finding::SystemNamespace { .. }),
        ) => {
            let (code, reason) = told(finding);
            State::Broken(Fault::Excluded { code, reason })
        }
        Decision::Skip(finding) => {
            let (code, reason) = told(finding);
            State::Broken(Fault::Skipped { code, reason })
        }
        Decision::Refuse(finding) => {
            let (code, reason) = told(finding);
            State::Broken(Fault::Refused { code, reason })
        }
    }
}

/// What became of the Pods, given whether they are sent today.
fn toolbox(question: &Question<'_>, sent: bool) -> State {
    let decision = &question.outcome.decision;
    let ought = sent && matches!(decision, Decision::Inject(_) | Decision::Repair(_));
    match question.lives {
        Lives::Pod(name, fate) => pod(name, fate, ought),
        Lives::Workload(Seen::There(newest)) => workload(newest, ought),
        Lives::Workload(Seen::Missing) => workload(&Newest::default(), ought),
        Lives::Workload(Seen::Hidden(why)) => State::Unknown(why.clone()),
    }
}

fn pod(name: &str, fate: &Fate, ought: bool) -> State {
    let pod = format!("Pod {name}");
    match fate {
        Fate::Injected => State::Holds(format!("{pod} has it")),
        Fate::Refused(codes) if ought => State::Broken(Fault::RefusedThen {
            pod,
            codes: codes.join(", "),
        }),
        Fate::Refused(codes) => State::Idle(format!(
            "{pod} was refused when it was created: {}",
            codes.join(", ")
        )),
        Fate::NoWord if ought => State::Broken(Fault::Missed { pod }),
        Fate::NoWord => State::Idle(format!("{pod} has none; the links above say why")),
    }
}

fn workload(newest: &Newest, ought: bool) -> State {
    let Newest {
        live,
        injected,
        refused,
    } = *newest;
    if live == 0 {
        return State::Idle("none of its Pods lives".into());
    }
    let fact = format!("{injected} of the {live} newest Pods have it");
    if injected == live {
        State::Holds(fact)
    } else if ought {
        State::Broken(Fault::PodsWithout {
            injected: injected.to_string(),
            live: live.to_string(),
            refused: refused.to_string(),
            missed: live.saturating_sub(injected + refused).to_string(),
        })
    } else {
        State::Idle(fact)
    }
}
