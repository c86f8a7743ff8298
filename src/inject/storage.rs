//! What lies behind the toolbox's `/data`.
//!
//! Explicit Pods get what they asked; automatic ones never wait for a claim. It does not know how
//! the volume is written into the Pod.

use std::borrow::Cow;

use super::decide::{Asked, Case, DATA_VOLUME};
use super::facts::{Claim, ClaimState, Known};
use super::finding::Finding;
use super::pod::elements;
use super::settings::DataKind;

/// The volume of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage<'a> {
    /// This PersistentVolumeClaim.
    Claim(Cow<'a, str>),
    /// A claim that is a volume of the Pod already.
    OwnVolume {
        /// The PersistentVolumeClaim.
        claim: Cow<'a, str>,
        /// The name of the Pod's volume.
        volume: &'a str,
    },
    /// An emptyDir.
    EmptyDir,
    /// No `/data`.
    None,
}

impl Storage<'_> {
    /// The claim's name, if it is one.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Self::Claim(claim) | Self::OwnVolume { claim, .. } => Some(claim),
            Self::EmptyDir | Self::None => None,
        }
    }

    /// The name of the volume that is mounted, if one is.
    pub fn volume(&self) -> Option<&str> {
        match self {
            Self::Claim(_) | Self::EmptyDir => Some(DATA_VOLUME),
            Self::OwnVolume { volume, .. } => Some(volume),
            Self::None => None,
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
            None
        }
        _ if asked => {
            obey(&fact, &name, notes)?;
            None
        }
        _ => not_there(&fact, claim, notes),
    };
    if let Some(finding) = instead {
        notes.push(finding);
        return Ok(Storage::EmptyDir);
    }
    volume(case, name, asked, notes)
}

/// The claim as a volume of its own, unless the Pod has it among its volumes: before 1.35 the kubelet waits for ever
/// for the second volume of one claim (kubernetes/kubernetes#127004).
fn volume<'a>(
    case: &Case<'a>,
    claim: Cow<'a, str>,
    asked: bool,
    notes: &mut Vec<Finding>,
) -> Result<Storage<'a>, Finding> {
    let own = || {
        elements(&case.spec.volumes).iter().filter_map(|volume| {
            let source = volume.persistent_volume_claim.as_ref()?;
            let same = source.claim_name.as_deref() == Some(&*claim);
            same.then_some((volume.name.as_deref()?, source.read_only == Some(true)))
        })
    };
    if let Some((volume, _)) = own().find(|(_, read_only)| !read_only) {
        return Ok(Storage::OwnVolume { claim, volume });
    }
    if own().next().is_none() {
        return Ok(Storage::Claim(claim));
    }
    let (claim, because) = (claim.into_owned(), "read-only in this Pod".to_owned());
    if asked {
        return Err(Finding::ClaimUnusable { claim, because });
    }
    notes.push(Finding::ClaimNotReady { claim, because });
    Ok(Storage::EmptyDir)
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
        Known::Known(Some(claim)) => match claim.state {
            ClaimState::Ending => Some("being deleted"),
            ClaimState::Unbound => Some("not bound"),
            ClaimState::Bound => None,
        },
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
        Known::Known(Some(found)) if found.state == ClaimState::Ending => {
            Some(Finding::ClaimNotReady {
                claim,
                because: "being deleted".into(),
            })
        }
        Known::Known(Some(found)) => {
            notes.extend(not_shared(*found, &claim));
            None
        }
    }
}

/// The claim was asked for: nothing takes its place, unless it could never be mounted.
fn obey(fact: &Known<Option<Claim>>, name: &str, notes: &mut Vec<Finding>) -> Result<(), Finding> {
    let claim = || name.to_owned();
    match fact {
        Known::Known(Some(found)) if found.block => {
            return Err(Finding::ClaimUnusable {
                claim: claim(),
                because: "its volumeMode is Block".to_owned(),
            });
        }
        Known::Known(Some(found)) if found.state == ClaimState::Ending => {
            notes.push(Finding::ClaimPending {
                claim: claim(),
                because: "is being deleted",
            });
        }
        Known::Known(Some(found)) => notes.extend(not_shared(*found, name)),
        Known::Known(None) => notes.push(Finding::ClaimPending {
            claim: claim(),
            because: "does not exist yet",
        }),
        Known::Unknown => {}
    }
    Ok(())
}

fn not_shared(claim: Claim, name: &str) -> Option<Finding> {
    (!claim.read_write_many).then(|| Finding::ClaimNotShared {
        claim: name.to_owned(),
    })
}
