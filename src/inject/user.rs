//! The toolbox's user and capabilities.
//!
//! The runtime's socket has mode 0600 and belongs to the application's uid: only the same uid, or
//! root with DAC_OVERRIDE, opens it. Through `/proc/PID/root` it takes the same uid and at least
//! the target's capabilities (ptrace access rules of Linux).

use super::access::Access;
use super::annotations::UserAsk;
use super::decide::Case;
use super::finding::Finding;
use super::pod::{Capabilities, SecurityContext};
use super::settings::UserDefault;
use super::storage::Storage;

/// The uid of the user `app` in Microsoft's images, .NET 8 and later.
pub const APP_UID: i64 = 1654;

/// Who the toolbox runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// `runAsUser`; none leaves it to the platform.
    pub uid: Option<i64>,
    /// `runAsGroup`, where the target has one of its own: through `/proc` the group must be the same.
    pub group: Option<i64>,
    /// `runAsNonRoot`, where it must be said.
    pub non_root: Option<bool>,
    /// Capabilities: `drop: [ALL]` and what is added, or the target's own.
    pub capabilities: CapabilitySet,
}

/// The toolbox's capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapabilitySet {
    /// `drop: [ALL]`.
    None,
    /// `drop: [ALL]`, `add: [DAC_OVERRIDE]`: root that opens what belongs to other users.
    DacOverride,
    /// What the target has (mode `pid-only` with a root target).
    Target(Capabilities),
}

impl CapabilitySet {
    /// Whether root with these passes over file modes: container runtimes grant DAC_OVERRIDE unless
    /// it is dropped.
    fn passes_file_modes(&self) -> bool {
        let names = |names: &Option<Vec<String>>, wanted: &[&str]| {
            let mut all = names.iter().flatten();
            all.any(|name| wanted.contains(&name.as_str()))
        };
        match self {
            Self::None => false,
            Self::DacOverride => true,
            Self::Target(own) => {
                names(&own.add, &["DAC_OVERRIDE"]) || !names(&own.drop, &["ALL", "DAC_OVERRIDE"])
            }
        }
    }
}

impl User {
    /// How status and findings name the user.
    pub fn label(&self) -> String {
        self.uid
            .map_or_else(|| "unset".to_owned(), |uid| uid.to_string())
    }
}

/// What the Pod says of the target's user.
struct Target {
    uid: Option<i64>,
    /// The Pod's own word, which a toolbox has too if none is set for it.
    inherited: Option<i64>,
    /// It must not be root, by its own or the Pod's word.
    non_root: bool,
    /// Root is forbidden for the toolbox, and why.
    forbids_root: Option<&'static str>,
}

impl Target {
    fn of(case: &Case<'_>) -> Self {
        let pod = case.spec.security_context.as_ref();
        let own = case.target().security_context.as_ref();
        let uid = |context: Option<&SecurityContext>| context.and_then(|c| c.run_as_user);
        let flag = |context: Option<&SecurityContext>| context.and_then(|c| c.run_as_non_root);
        let non_root = flag(own).or_else(|| flag(pod)) == Some(true);
        let forbids_root = match () {
            () if case.facts.restricted() => Some("the namespace enforces restricted Pod Security"),
            () if non_root => Some("runAsNonRoot is true"),
            // Pod Security waives the user rules of `restricted` there, not those of capabilities.
            () if case.spec.host_users == Some(false) && drops_all(own) => {
                Some("hostUsers is false and the target drops all capabilities")
            }
            () => None,
        };
        Self {
            uid: uid(own).or_else(|| uid(pod)),
            inherited: uid(pod),
            non_root,
            forbids_root,
        }
    }
}

/// Whether root in this container is no more than its uid.
fn powerless(context: Option<&SecurityContext>) -> bool {
    let added = context.and_then(|c| c.capabilities.as_ref()?.add.as_ref());
    let privileged = context.and_then(|c| c.privileged) == Some(true);
    drops_all(context) && !privileged && added.is_none_or(Vec::is_empty)
}

fn drops_all(context: Option<&SecurityContext>) -> bool {
    let drop = context
        .and_then(|c| c.capabilities.as_ref())
        .and_then(|c| c.drop.as_deref());
    drop.is_some_and(|drop| drop.iter().any(|name| name == "ALL"))
}

/// Chooses the toolbox's user.
pub fn resolve(
    case: &Case<'_>,
    access: &Access<'_>,
    storage: &Storage<'_>,
    notes: &mut Vec<Finding>,
) -> Result<User, Finding> {
    let target = Target::of(case);
    let (uid, assumed) = uid(case, &target)?;
    let user = User {
        uid,
        group: group(case, uid, &target),
        non_root: non_root(case, uid, &target),
        capabilities: capabilities(case, access, uid, &target)?,
    };
    notes.extend(reach(case, access, &target, &user, assumed));
    notes.extend(writable(case, storage, &target, &user));
    Ok(user)
}

/// The uid, and whether it is a guess at a target that must not be root.
fn uid(case: &Case<'_>, target: &Target) -> Result<(Option<i64>, bool), Finding> {
    match (case.asks.user, target.forbids_root) {
        (Some(UserAsk::Root), Some(because)) => return Err(Finding::RootForbidden { because }),
        (Some(UserAsk::Root), None) => return Ok((Some(0), false)),
        (Some(UserAsk::Uid(uid)), _) => return Ok((Some(uid), false)),
        (Some(UserAsk::Unset), _) => return Ok((None, false)),
        (None, _) => {}
    }
    if let Some(uid) = target
        .uid
        .filter(|uid| *uid != 0 || target.forbids_root.is_none())
    {
        return Ok((Some(uid), false));
    }
    Ok(match (case.settings.toolbox.user, target.forbids_root) {
        (UserDefault::Uid(uid), _) if uid != 0 => (Some(uid), target.uid.is_none()),
        (UserDefault::Unset, _) => (None, false),
        (_, Some(_)) => (Some(APP_UID), true),
        (_, None) => (Some(0), false),
    })
}

/// A Pod's group is inherited; a group without a user is an error of the container runtime.
fn group(case: &Case<'_>, uid: Option<i64>, target: &Target) -> Option<i64> {
    let own = case.target().security_context.as_ref();
    own.and_then(|context| context.run_as_group)
        .filter(|_| uid.is_some() && uid == target.uid)
}

/// A toolbox must not weaken a Pod that promises not to run as root, nor fail by its promise.
fn non_root(case: &Case<'_>, uid: Option<i64>, target: &Target) -> Option<bool> {
    match uid {
        Some(0) => Some(false),
        Some(_) => Some(true),
        None => (target.non_root || case.facts.restricted()).then_some(true),
    }
}

fn capabilities(
    case: &Case<'_>,
    access: &Access<'_>,
    uid: Option<i64>,
    target: &Target,
) -> Result<CapabilitySet, Finding> {
    let may_be_root = uid == Some(0) && target.forbids_root.is_none();
    if !may_be_root {
        return Ok(CapabilitySet::None);
    }
    if *access != Access::PidOnly {
        return Ok(CapabilitySet::DacOverride);
    }
    let context = case.target().security_context.as_ref();
    let own = context
        .and_then(|c| c.capabilities.clone())
        .unwrap_or_default();
    let privileged = context.is_some_and(|c| c.privileged == Some(true));
    let mut added = own.add.iter().flatten();
    let too_much = if privileged {
        Some("privileged")
    } else {
        added.find_map(|name| too_powerful(name))
    };
    match too_much {
        Some(what) => Err(Finding::NoAccess {
            container: case.target().name().to_owned(),
            because: format!("pid-only would give the toolbox {what} too"),
        }),
        None => Ok(CapabilitySet::Target(own)),
    }
}

/// A capability that no toolbox gets, whatever the case and prefix it is written with. The API
/// itself forbids CAP_SYS_ADMIN where privilege escalation is switched off.
fn too_powerful(capability: &str) -> Option<&'static str> {
    let upper = capability.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    ["ALL", "SYS_PTRACE", "SYS_ADMIN"]
        .into_iter()
        .find(|one| *one == name)
}

/// What the kernel will forbid is a finding before, not a surprise after.
fn reach(
    case: &Case<'_>,
    access: &Access<'_>,
    target: &Target,
    user: &User,
    assumed: bool,
) -> Option<Finding> {
    let container = case.target().name().to_owned();
    if *access == Access::Port {
        return None;
    }
    let overrides = user.capabilities == CapabilitySet::DacOverride;
    let mismatch = |target: String, toolbox: String| Finding::UserMismatch {
        container: container.clone(),
        target,
        toolbox,
    };
    match (user.uid.or(target.inherited), target.uid) {
        (Some(uid), None) if assumed => Some(Finding::UserAssumed { container, uid }),
        (Some(_), _) if overrides => None,
        (Some(0), Some(0)) if outdone(case, access, user) => Some(mismatch(
            "root with capabilities".to_owned(),
            "root without capabilities".to_owned(),
        )),
        (Some(own), Some(other)) if own == other => None,
        (Some(own), Some(other)) => Some(mismatch(format!("uid {other}"), format!("uid {own}"))),
        (_, None) | (None, _) => Some(Finding::UserUnknown { container }),
    }
}

/// Whether the target has capabilities that the toolbox lacks where that counts: on the way through `/proc`.
fn outdone(case: &Case<'_>, access: &Access<'_>, user: &User) -> bool {
    let own = case.target().security_context.as_ref();
    *access == Access::PidOnly && user.capabilities == CapabilitySet::None && !powerless(own)
}

fn writable(
    case: &Case<'_>,
    storage: &Storage<'_>,
    target: &Target,
    user: &User,
) -> Option<Finding> {
    let claim = storage.claim()?;
    let owner = case.settings.data.uid?;
    let uid = user.uid.or(target.inherited);
    let may_write = user.capabilities.passes_file_modes() || uid == Some(owner);
    (!may_write).then(|| Finding::DataNotWritable {
        uid: uid.map_or_else(|| "an unset user".to_owned(), |uid| format!("uid {uid}")),
        claim: claim.to_owned(),
        owner,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_powerful_capabilities_are_known_in_every_spelling() {
        for name in [
            "ALL",
            "all",
            "SYS_PTRACE",
            "CAP_SYS_PTRACE",
            "CAP_SYS_ADMIN",
            "sys_admin",
        ] {
            assert!(too_powerful(name).is_some(), "{name}");
        }
        for name in ["NET_ADMIN", "CAP_CHOWN", "SYS_TIME", ""] {
            assert!(too_powerful(name).is_none(), "{name}");
        }
    }
}
