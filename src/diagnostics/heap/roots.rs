//! What keeps objects alive? The nodes that group the roots of a heap, under the names that viewers know.

use std::collections::HashMap;

use super::build::{Builder, Full};
use super::events::Root;

/// Kinds of a root in the event stream.
mod kind {
    pub(super) const STACK: u8 = 0;
    pub(super) const FINALIZER: u8 = 1;
    pub(super) const HANDLE: u8 = 2;
}

/// Flags of a root in the event stream.
mod flag {
    pub(super) const PINNING: u32 = 1;
    pub(super) const WEAK: u32 = 2;
    pub(super) const REF_COUNTED: u32 = 8;
}

/// A group of roots, by its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group(usize);

/// The group that all others are in.
pub(super) const ALL: Group = Group(0);

struct Member {
    name: Box<str>,
    node: i32,
    groups: Vec<Group>,
    /// Nodes of groups and of objects, in the order in which they were added.
    children: Vec<i32>,
}

/// All groups of roots.
pub(super) struct Roots {
    members: Vec<Member>,
    named: HashMap<(Group, Box<str>), Group>,
}

impl Roots {
    /// No roots: the group that all others are in, which takes the first index.
    pub(super) fn new(builder: &mut Builder) -> Self {
        let node = builder.group().unwrap_or_default();
        let mut roots = Self {
            members: Vec::new(),
            named: HashMap::new(),
        };
        roots.add("[.NET Roots]", node);
        roots
    }

    /// The bytes that objects of all groups take; names and groups themselves are few.
    pub(super) fn weight(&self) -> usize {
        let bytes =
            |member: &Member| member.children.capacity() * size_of::<i32>() + member.name.len();
        self.members.iter().map(bytes).sum()
    }

    fn add(&mut self, name: &str, node: i32) -> Group {
        self.members.push(Member {
            name: name.into(),
            node,
            groups: Vec::new(),
            children: Vec::new(),
        });
        Group(self.members.len() - 1)
    }

    /// The group of a name within another, made when it is first asked for.
    pub(super) fn group(
        &mut self,
        builder: &mut Builder,
        within: Group,
        name: &str,
    ) -> Result<Group, Full> {
        let key = (within, name.into());
        if let Some(known) = self.named.get(&key) {
            return Ok(*known);
        }
        let node = builder.group()?;
        let made = self.add(name, node);
        self.named.insert(key, made);
        if let Some(parent) = self.members.get_mut(within.0) {
            parent.groups.push(made);
            parent.children.push(node);
        }
        Ok(made)
    }

    /// Adds an object to a group.
    pub(super) fn hold(
        &mut self,
        builder: &mut Builder,
        group: Group,
        address: u64,
    ) -> Result<(), Full> {
        let node = builder.object(address)?;
        if let Some(member) = self.members.get_mut(group.0) {
            member.children.push(node);
        }
        Ok(())
    }

    /// Adds an object that a root points at. Weak roots keep nothing alive.
    pub(super) fn root(&mut self, builder: &mut Builder, root: &Root) -> Result<(), Full> {
        if root.flags & flag::WEAK != 0 {
            return Ok(());
        }
        let group = if root.kind == kind::STACK {
            self.group(builder, ALL, "[local vars]")?
        } else {
            let other = self.group(builder, ALL, "[other roots]")?;
            self.group(builder, other, handle_group(root.kind, root.flags))?
        };
        self.hold(builder, group, root.address)
    }

    /// Describes all groups as nodes and answers the node of the first.
    pub(super) fn finish(self, builder: &mut Builder) -> Result<i32, Full> {
        let mut order = Vec::with_capacity(self.members.len());
        let mut next = vec![ALL];
        while let Some(group) = next.pop() {
            if let Some(member) = self.members.get(group.0) {
                order.push(member);
                next.extend(member.groups.iter().rev());
            }
        }
        // Types first, one for each name, then nodes: both parents before children.
        let mut kinds = HashMap::new();
        for member in &order {
            if !kinds.contains_key(&member.name) {
                kinds.insert(&member.name, builder.kind(&member.name, None)?);
            }
        }
        for member in &order {
            let kind = kinds.get(&member.name).copied().unwrap_or_default();
            builder.describe(member.node, kind, 0, &member.children)?;
        }
        Ok(order.first().map_or(0, |member| member.node))
    }
}

fn handle_group(kind: u8, flags: u32) -> &'static str {
    match (kind, flags) {
        (_, flags) if flags & flag::REF_COUNTED != 0 => "[COM/WinRT Objects]",
        (kind::FINALIZER, _) => "[finalizer Handles]",
        (kind::HANDLE, flag::PINNING) => "[pinning Handles]",
        (kind::HANDLE, _) => "[strong Handles]",
        _ => "[other Handles]",
    }
}
