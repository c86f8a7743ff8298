//! The seam between an admission call and the core: gather the facts, inject, respond.
//!
//! The failure posture is here and only here: whatever goes wrong on our side, the Pod is
//! allowed without a patch. This file knows nothing of sockets, HTTP or certificates.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::value::RawValue;

use crate::inject::decide::{Asked, Decision, Origin, Outcome, Request, needs_the_pods_word};
use crate::inject::facts::{Facts, Label};
use crate::inject::finding::Finding;
use crate::inject::patch::Patch;
use crate::inject::pod::Pod;
use crate::inject::settings::Settings;
use crate::inject::{Injection, inject};
use crate::review::{self, Decoded, PodReview, Reading, ReviewError};
use crate::workload;

/// Which webhook entry was called; the path carries the namespace's label as the API server saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `/mutate/labelled`: the namespace says `sidebox.dev/inject=true`.
    MutateLabelled,
    /// `/mutate/opted-out`: the namespace says `sidebox.dev/inject=false`.
    MutateOptedOut,
    /// `/mutate`: no label, another value, or a caller without namespaces.
    Mutate,
    /// `/advise`: workload kinds; findings as warnings, never a patch.
    Advise,
}

/// What is known of a namespace. Must answer at once: a Pod waits.
pub trait FactSource: Send + Sync {
    /// The facts of a namespace, unknown where nothing is known.
    fn facts(&self, namespace: &str) -> Arc<Facts>;
}

impl<S: FactSource> FactSource for Arc<S> {
    fn facts(&self, namespace: &str) -> Arc<Facts> {
        S::facts(self, namespace)
    }
}

/// What whoever made a Pod is told.
#[derive(Debug)]
pub struct Told<'a> {
    /// The Pod's namespace.
    pub namespace: &'a str,
    /// The Pod's name, or what its name will start with.
    pub name: &'a str,
    /// The Pod's `metadata.ownerReferences`, as they stand there.
    pub owners: Option<&'a str>,
    /// The findings; the same that become warnings.
    pub findings: &'a [&'a Finding],
}

/// Hears what people are told, except of dry runs. Must return at once: a Pod waits.
pub trait Witness: Send + Sync {
    /// Hears it.
    fn told(&self, told: &Told<'_>);
}

/// Facts that were read before, by namespace.
#[derive(Debug, Default)]
pub struct KnownFacts {
    namespaces: BTreeMap<String, Arc<Facts>>,
    others: Arc<Facts>,
}

impl KnownFacts {
    /// These facts; of other namespaces nothing is known.
    pub fn new(namespaces: BTreeMap<String, Facts>) -> Self {
        let namespaces = namespaces
            .into_iter()
            .map(|(name, facts)| (name, Arc::new(facts)))
            .collect();
        Self {
            namespaces,
            others: Arc::default(),
        }
    }
}

impl FactSource for KnownFacts {
    fn facts(&self, namespace: &str) -> Arc<Facts> {
        Arc::clone(self.namespaces.get(namespace).unwrap_or(&self.others))
    }
}

/// What goes back to the API server, and what metrics count of it.
#[derive(Debug)]
pub struct Answer {
    /// The encoded AdmissionReview.
    pub body: Vec<u8>,
    /// `inject`, `skip`, `refuse` or `advise`.
    pub decision: &'static str,
    /// Who asked: `explicit`, `automatic` or `nobody`.
    pub asked: &'static str,
    /// Codes of all findings, the reason of a skip or refusal among them: a bounded set.
    pub codes: Vec<&'static str>,
}

/// Answers admission reviews. Shared by all connections; never blocks, never calls anybody.
pub struct Admission {
    settings: ArcSwap<Settings>,
    facts: ArcSwap<Box<dyn FactSource>>,
    witness: Option<Box<dyn Witness>>,
}

impl Admission {
    /// With these settings and facts.
    pub fn new(settings: Settings, facts: Box<dyn FactSource>) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            facts: ArcSwap::from_pointee(facts),
            witness: None,
        }
    }

    /// With somebody who hears what people are told.
    #[must_use]
    pub fn witnessed_by(mut self, witness: Box<dyn Witness>) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Takes new settings; reviews under way keep the old ones.
    pub fn set_settings(&self, settings: impl Into<Arc<Settings>>) {
        self.settings.store(settings.into());
    }

    /// Takes new facts; reviews under way keep the old ones.
    pub fn set_facts(&self, facts: Box<dyn FactSource>) {
        self.facts.store(Arc::new(facts));
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }

    /// Answers one review.
    ///
    /// # Errors
    /// [`ReviewError`] when the body holds no review that could be answered: the API server's
    /// failure policy decides.
    pub fn answer(&self, route: Route, body: &[u8]) -> Result<Answer, ReviewError> {
        let answered = catch_unwind(AssertUnwindSafe(|| match route {
            Route::Advise => self.advise(body),
            Route::MutateLabelled => self.mutate(&Label::Labelled, body),
            Route::MutateOptedOut => self.mutate(&Label::OptedOut, body),
            Route::Mutate => self.mutate(&Label::Absent, body),
        }));
        answered.unwrap_or_else(|_| failed(body))
    }

    fn mutate(&self, label: &Label, body: &[u8]) -> Result<Answer, ReviewError> {
        let settings = self.settings.load();
        let reading = if needs_the_pods_word(label, &settings) {
            Reading::IfSpoken
        } else {
            Reading::Whole
        };
        match review::decode(body, reading)? {
            Decoded::Pod(review) if review.creates_pod() => Ok(self.pod(label, &review, &settings)),
            Decoded::Pod(review) => Ok(left(
                &*review,
                Finding::NotAPodCreation {
                    what: review.what(),
                },
            )),
            Decoded::Unreadable(review, error) if review.creates_pod() => {
                Ok(left(&*review, Finding::UnreadablePod { error }))
            }
            Decoded::Unreadable(review, _) => Ok(left(
                &*review,
                Finding::NotAPodCreation {
                    what: review.what(),
                },
            )),
        }
    }

    fn pod(&self, label: &Label, review: &PodReview<'_>, settings: &Settings) -> Answer {
        let namespace = review.namespace.as_deref().unwrap_or("");
        let facts = self.facts.load().facts(namespace);
        let Some(pod) = review.object.get() else {
            return left(
                review,
                Finding::UnreadablePod {
                    error: "there is no object".into(),
                },
            );
        };
        // The facts know a label's wrong value; the path only knows that it is neither.
        let known = facts.namespace.get().map(|namespace| &namespace.label);
        let label = match known {
            Some(invalid @ Label::Invalid(_)) if *label == Label::Absent => invalid,
            _ => label,
        };
        let request = Request {
            pod,
            namespace,
            label: Some(label),
            origin: Origin::Admission,
        };
        let injection = inject(&request, &facts, settings);
        log(review, &injection.outcome);
        let warned = warned(&injection.outcome);
        if review.dry_run != Some(true) {
            self.tell(namespace, pod, &warned);
        }
        respond(review.uid(), &injection, settings, &warned)
    }

    fn tell(&self, namespace: &str, pod: &Pod<'_>, findings: &[&Finding]) {
        let Some(witness) = self.witness.as_ref().filter(|_| !findings.is_empty()) else {
            return;
        };
        let owners = pod.metadata.get().and_then(|meta| meta.owner_references);
        witness.told(&Told {
            namespace,
            name: pod.name(),
            owners: owners.map(RawValue::get),
            findings,
        });
    }

    fn advise(&self, body: &[u8]) -> Result<Answer, ReviewError> {
        let review = review::decode_raw(body)?;
        let settings = self.settings.load();
        let namespace = review.namespace.as_deref().unwrap_or("");
        let facts = self.facts.load().facts(namespace);
        let object = review.object.get().map_or("null", |raw| raw.get());
        let findings = workload::advise(object, namespace, &facts, &settings);
        let answer = review::Answer {
            uid: review.uid(),
            warnings: findings.iter().map(Finding::warning).collect(),
            decision: "advise",
            ..review::Answer::default()
        };
        let codes = findings.iter().map(Finding::code).collect();
        Ok(Answer {
            body: encoded(answer),
            decision: "advise",
            asked: Asked::Nobody.as_str(),
            codes,
        })
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// What the API server is told: a refusal denies only where an administrator asked for that, and
/// an automatic Pod that is refused hears nothing.
fn respond(
    uid: &str,
    injection: &Injection<'_>,
    settings: &Settings,
    warned: &[&Finding],
) -> Answer {
    let outcome = &injection.outcome;
    let strict = settings.strict && outcome.asked == Asked::Explicit;
    let denied = match &outcome.decision {
        Decision::Refuse(finding) if strict => {
            Some(format!("sidebox {}: {finding}", finding.code()))
        }
        Decision::Refuse(_) | Decision::Skip(_) | Decision::Inject(_) | Decision::Repair(_) => None,
    };
    let answer = review::Answer {
        uid,
        patch: injection
            .patch
            .as_ref()
            .filter(|_| denied.is_none())
            .map(Patch::as_str),
        denied,
        warnings: warned.iter().copied().map(Finding::warning).collect(),
        decision: outcome.decision.as_str(),
    };
    Answer {
        body: encoded(answer),
        decision: outcome.decision.as_str(),
        asked: outcome.asked.as_str(),
        codes: findings(outcome).map(Finding::code).collect(),
    }
}

fn findings<'f>(outcome: &'f Outcome<'_>) -> impl Iterator<Item = &'f Finding> {
    let reason = outcome.decision.reason();
    reason.into_iter().chain(&outcome.notes)
}

/// What whoever made the Pod is told.
fn warned<'f>(outcome: &'f Outcome<'_>) -> Vec<&'f Finding> {
    findings(outcome)
        .filter(|finding| warns(outcome, finding))
        .collect()
}

/// Whether whoever made the Pod is told of a finding.
fn warns(outcome: &Outcome<'_>, finding: &Finding) -> bool {
    let notes = outcome.decision.reason() != Some(finding);
    match &outcome.decision {
        Decision::Inject(_) | Decision::Repair(_) => true,
        Decision::Refuse(_) => outcome.asked == Asked::Explicit,
        Decision::Skip(_) => {
            notes
                || matches!(
                    finding,
                    Finding::ExcludedNamespace { .. } | Finding::SystemNamespace { .. }
                ) && outcome.asked == Asked::Explicit
        }
    }
}

/// The answer to a review that is left as it is.
fn left<O>(review: &review::Review<'_, O>, finding: Finding) -> Answer {
    let decision = Decision::stop(finding);
    let code = decision.reason().map_or("", Finding::code);
    tracing::info!(
        uid = review.uid(),
        decision = decision.as_str(),
        reason = code,
        "{} {}",
        decision.as_str(),
        review.what()
    );
    let warnings = decision
        .reason()
        .filter(|_| matches!(decision, Decision::Refuse(_)));
    let answer = review::Answer {
        uid: review.uid(),
        warnings: warnings.map(Finding::warning).into_iter().collect(),
        decision: decision.as_str(),
        ..review::Answer::default()
    };
    Answer {
        body: encoded(answer),
        decision: decision.as_str(),
        asked: Asked::Nobody.as_str(),
        codes: vec![code],
    }
}

/// A panic inside: the Pod goes as it came.
fn failed(body: &[u8]) -> Result<Answer, ReviewError> {
    let review = review::decode_raw(body)?;
    tracing::error!(
        uid = review.uid(),
        "a bug in Sidebox: the Pod is left as it is"
    );
    Ok(left(&review, Finding::InternalError {}))
}

fn encoded(answer: review::Answer<'_>) -> Vec<u8> {
    // Plain data serialises; if it ever did not, an empty answer lets the failure policy decide.
    review::encode(answer).unwrap_or_default()
}

/// One line for each decision. Names are judged after webhooks: as fields they are quoted, so that none
/// breaks the line.
fn log(review: &PodReview<'_>, outcome: &Outcome<'_>) {
    let name = review.object.get().map_or("", |pod| pod.name());
    let namespace = review.namespace.as_deref().unwrap_or("");
    let decision = outcome.decision.as_str();
    let reason = outcome.decision.reason().map(Finding::code);
    let asked = outcome.asked.as_str();
    let uid = review.uid();
    let notes: Vec<_> = outcome.notes.iter().map(Finding::code).collect();
    let findings = (!notes.is_empty()).then(|| tracing::field::debug(notes));
    tracing::info!(
        pod.namespace = namespace,
        pod.name = name,
        uid,
        decision,
        reason,
        asked,
        findings,
        "{decision}"
    );
}
