//! Where is a finding told? Of a Pod that asked on five surfaces: admission warning, Event, status annotation, metric and
//! `explain`; of others, and of those whom nobody can tell, on fewer, each for a reason that stands here.

use std::collections::BTreeSet;

use libtest_mimic::Failed;
use prometheus_client::registry::Registry;
use serde_json::Value;
use sidebox::admission::{Answer, Told, Witness};
use sidebox::cluster::{EventMetrics, Notice, Reporter};
use tokio::sync::mpsc::Receiver;

/// Codes of findings.
type Codes = BTreeSet<String>;

/// Hears what becomes Events. Templates have no name, which their Pods get from a controller.
pub(crate) struct Ear(Reporter);

impl Ear {
    pub(crate) fn new() -> (Self, Receiver<Notice>) {
        let metrics = EventMetrics::register(&mut Registry::default());
        let (reporter, notices) = Reporter::new(metrics);
        (Self(reporter), notices)
    }
}

impl Witness for Ear {
    fn told(&self, told: &Told<'_>) {
        let name = if told.name.is_empty() {
            "web"
        } else {
            told.name
        };
        self.0.told(&Told {
            namespace: told.namespace,
            name,
            owners: told.owners,
            findings: told.findings,
        });
    }
}

/// What came of a review.
pub(crate) struct Surfaces<'a> {
    pub(crate) answer: &'a Answer,
    pub(crate) response: &'a Value,
    /// The Pod after the patch.
    pub(crate) pod: &'a Value,
    pub(crate) notices: Receiver<Notice>,
    /// What `explain -f` prints, where files know the same.
    pub(crate) explained: Option<String>,
}

/// An explicit ask that comes to nothing here is told, though it is no refusal.
const TOLD_SKIPS: [&str; 2] = ["excluded_namespace", "system_namespace"];

/// Its reason is that no status fits in.
const NO_ROOM: &str = "annotations_too_large";

fn codes<'c>(all: impl IntoIterator<Item = &'c str>) -> Codes {
    all.into_iter().map(str::to_owned).collect()
}

/// Those that whoever made the Pod is to be told.
fn wanted(answer: &Answer) -> Codes {
    let explicit = answer.asked == "explicit";
    match answer.decision {
        "inject" => codes(answer.codes.iter().copied()),
        "refuse" if explicit => codes(answer.codes.iter().copied()),
        // Whoever made the Pod did not ask, and it is as it was.
        "refuse" => Codes::new(),
        _ => {
            let (reason, notes) = answer.codes.split_at(1);
            let told = reason
                .iter()
                .filter(|code| explicit && TOLD_SKIPS.contains(code));
            codes(told.chain(notes).copied())
        }
    }
}

fn warned(response: &Value) -> Codes {
    let warnings = response["warnings"].as_array().into_iter().flatten();
    let code = |text: &Value| {
        let text = text.as_str()?.strip_prefix("sidebox ")?;
        Some(text.split_once(": ")?.0.to_owned())
    };
    warnings.filter_map(code).collect()
}

fn status(pod: &Value) -> Option<Codes> {
    let text = pod["metadata"]["annotations"]["sidebox.dev/status"].as_str()?;
    let status: Value = serde_json::from_str(text).ok()?;
    let all = status["findings"].as_array().into_iter().flatten();
    Some(codes(all.filter_map(Value::as_str)))
}

/// Compares all surfaces with what is to be told.
pub(crate) fn check(mut seen: Surfaces<'_>) -> Result<(), Failed> {
    let answer = seen.answer;
    let (wanted, counted) = (wanted(answer), codes(answer.codes.iter().copied()));
    same("warnings", &warned(seen.response), &wanted)?;
    let mut events = Codes::new();
    while let Ok(notice) = seen.notices.try_recv() {
        events.insert(notice.code().to_owned());
    }
    same("Events", &events, &wanted)?;
    let told = answer.asked == "explicit" && answer.decision == "refuse";
    let patched = !seen.response["patch"].is_null();
    let fits = !counted.contains(NO_ROOM) && seen.response["allowed"] == true;
    if told && fits && !patched {
        return Err("a refusal of a Pod that asked leaves no status".into());
    }
    // A repaired toolbox keeps the status of its injection, which had other findings.
    if patched && !counted.is_empty() {
        let status = status(seen.pod).ok_or("a patch without a status")?;
        same("the status", &status, &counted)?;
    }
    if let Some(page) = &seen.explained {
        let missing = counted
            .iter()
            .filter(|code| !page.contains(&format!("{code}: ")));
        let missing: Vec<_> = missing.collect();
        if !missing.is_empty() {
            return Err(format!("explain does not tell {missing:?}:\n{page}").into());
        }
    }
    Ok(())
}

fn same(surface: &str, there: &Codes, wanted: &Codes) -> Result<(), Failed> {
    if there == wanted {
        return Ok(());
    }
    Err(format!("{surface} tell {there:?}, and are to tell {wanted:?}").into())
}
