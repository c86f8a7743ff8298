//! What lies behind the toolbox's `/data`.
//!
//! Explicit Pods get what they asked; automatic ones never wait for a claim. It does not know how
//! the volume is written into the Pod.

use std::borrow::Cow;

use super::decide::{Asked, Case};
use super::facts::{Claim, Known};
use super::finding::Finding;
use super::settings::DataKind;

/// The volume of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage<'a> {
    /// This PersistentVolumeClaim.
    Claim(Cow<'a, str>),
    /// An emptyDir.
    EmptyDir,
    /// No `/data`.
    None,
}

impl Storage<'_> {
    /// The claim's name, if it is one.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Claim(name) => Some(name),
            Self::EmptyDir | Self::None => None,
        }
    }
}

/// Chooses the volume of results.
pub fn resolve<'a>(case: &Case<'a>, notes: &mut Vec<Finding>) -> Result<Storage<'a>, Finding> {
    let (kind, asked) = match (case.asks.data, &case.asks.claim) {
        (Some(kind), Some(_)) if kind != DataKind::Claim => {
            notes.push(Finding::AnnotationIgnored {
                key: "sidebox.dev/claim".into(),
                because: "sidebox.dev/data asks for no claim".into(),
            });
            (kind, true)
        }
        (Some(kind), _) => (kind, true),
        (None, Some(_)) => (DataKind::Claim, true),
        (None, None) => (case.settings.data.kind, false),
    };
    match kind {
        DataKind::EmptyDir => Ok(Storage::EmptyDir),
        DataKind::None => Ok(Storage::None),
        DataKind::Claim => claim(case, asked, notes),
    }
}

fn claim<'a>(
    case: &Case<'a>,
    asked: bool,
    notes: &mut Vec<Finding>,
) -> Result<Storage<'a>, Finding> {
    let configured = || Cow::Borrowed(case.settings.data.claim.as_str());
    let name = case.asks.claim.clone().unwrap_or_else(configured);
    let claim = name.clone().into_owned();
    if case.spec.host_users == Some(false) {
        notes.push(Finding::ClaimHostUsers { claim });
        return Ok(Storage::EmptyDir);
    }
    let fact = case.facts.claim(&name);
    let instead = match case.asked {
        Asked::Automatic => not_ready(&fact).map(|because| Finding::ClaimNotReady {
            claim,
            because: because.into(),
        }),
        _ if fact == Known::Known(None) && makes(case, &name) => {
            notes.push(Finding::ClaimBeingMade { claim });
            return Ok(Storage::Claim(name));
        }
        _ if asked => return obey(&fact, name, notes),
        _ => not_there(&fact, claim, notes),
    };
    Ok(match instead {
        Some(finding) => {
            notes.push(finding);
            Storage::EmptyDir
        }
        None => Storage::Claim(name),
    })
}

/// Whether the claim is made once a Pod wants it.
fn makes(case: &Case<'_>, name: &str) -> bool {
    let data = &case.settings.data;
    data.create && data.claim == name
}

/// Why an automatic Pod must not mount the claim.
fn not_ready(fact: &Known<Option<Claim>>) -> Option<&'static str> {
    match fact {
        Known::Unknown => Some("not known"),
        Known::Known(None) => Some("missing"),
        Known::Known(Some(claim)) if claim.block => Some("a block device"),
        Known::Known(Some(claim)) if !claim.read_write_many => Some("not ReadWriteMany"),
        Known::Known(Some(claim)) if !claim.bound => Some("not bound"),
        Known::Known(Some(_)) => None,
    }
}

/// Why an explicit Pod that did not name the claim gets an emptyDir.
fn not_there(
    fact: &Known<Option<Claim>>,
    claim: String,
    notes: &mut Vec<Finding>,
) -> Option<Finding> {
    match fact {
        Known::Unknown => None,
        Known::Known(None) => Some(Finding::ClaimMissing { claim }),
        Known::Known(Some(found)) if found.block => Some(Finding::ClaimNotReady {
            claim,
            because: "a block device".into(),
        }),
        Known::Known(Some(found)) => {
            notes.extend(not_shared(*found, &claim));
            None
        }
    }
}

/// The claim was asked for: it is mounted, unless that could never work.
fn obey<'a>(
    fact: &Known<Option<Claim>>,
    name: Cow<'a, str>,
    notes: &mut Vec<Finding>,
) -> Result<Storage<'a>, Finding> {
    match fact {
        Known::Known(Some(found)) if found.block => {
            let because = "its volumeMode is Block".to_owned();
            return Err(Finding::ClaimUnusable {
                claim: name.into_owned(),
                because,
            });
        }
        Known::Known(Some(found)) => notes.extend(not_shared(*found, &name)),
        Known::Known(None) => notes.push(Finding::ClaimPending {
            claim: name.clone().into_owned(),
        }),
        Known::Unknown => {}
    }
    Ok(Storage::Claim(name))
}

fn not_shared(claim: Claim, name: &str) -> Option<Finding> {
    (!claim.read_write_many).then(|| Finding::ClaimNotShared {
        claim: name.to_owned(),
    })
}
