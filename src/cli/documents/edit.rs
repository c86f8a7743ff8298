//! Changes of a tree by JSON pointer: `add`, `remove` and null, as RFC 6902 has them.

use super::tree::{Node, Scalar, Style};

/// Why a change does not fit a tree.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("nothing at {0}")]
pub struct EditError(String);

impl Node {
    /// What a JSON pointer leads to.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        pointer
            .split('/')
            .skip(1)
            .try_fold(self, |node, token| match node {
                Self::Mapping { .. } => node.get(&unescaped(token)),
                Self::Sequence { items, .. } => items.get(token.parse::<usize>().ok()?),
                Self::Scalar(_) => None,
            })
    }

    /// Adds a value: a new member, a null's place, or a new element (`-` is the end).
    ///
    /// # Errors
    /// [`EditError`] when the parent is not there.
    pub fn add(&mut self, pointer: &str, value: Self) -> Result<(), EditError> {
        let (parent, token) = self.parent(pointer)?;
        match parent {
            Self::Mapping { members, .. } => {
                match members.iter_mut().find(|(key, _)| key.text == token) {
                    Some((_, old)) => *old = value,
                    None => members.push((key(token), value)),
                }
            }
            Self::Sequence { items, .. } if token == "-" => items.push(value),
            Self::Sequence { items, .. } => match token.parse::<usize>() {
                Ok(index) if index <= items.len() => items.insert(index, value),
                _ => return Err(EditError(pointer.to_owned())),
            },
            Self::Scalar(_) => return Err(EditError(pointer.to_owned())),
        }
        Ok(())
    }

    /// Removes what is there.
    ///
    /// # Errors
    /// [`EditError`] when nothing is.
    pub fn remove(&mut self, pointer: &str) -> Result<(), EditError> {
        let (parent, token) = self.parent(pointer)?;
        let missing = || EditError(pointer.to_owned());
        match parent {
            Self::Mapping { members, .. } => {
                let at = members
                    .iter()
                    .position(|(key, _)| key.text == token)
                    .ok_or_else(missing)?;
                members.remove(at);
            }
            Self::Sequence { items, .. } => {
                let at = token
                    .parse::<usize>()
                    .ok()
                    .filter(|at| *at < items.len())
                    .ok_or_else(missing)?;
                items.remove(at);
            }
            Self::Scalar(_) => return Err(missing()),
        }
        Ok(())
    }

    /// The parent of a pointer's target and the last token. Brackets on the way open up: what is
    /// added inside is easier to read in a block.
    fn parent(&mut self, pointer: &str) -> Result<(&mut Self, String), EditError> {
        let missing = || EditError(pointer.to_owned());
        let (path, last) = pointer.rsplit_once('/').ok_or_else(missing)?;
        let mut node = self;
        node.open();
        for token in path.split('/').skip(1) {
            let token = unescaped(token);
            node = match node {
                Self::Mapping { members, .. } => members
                    .iter_mut()
                    .find(|(key, _)| key.text == token)
                    .map(|(_, value)| value),
                Self::Sequence { items, .. } => {
                    token.parse::<usize>().ok().and_then(|at| items.get_mut(at))
                }
                Self::Scalar(_) => None,
            }
            .ok_or_else(missing)?;
            node.open();
        }
        Ok((node, unescaped(last)))
    }

    const fn open(&mut self) {
        match self {
            Self::Mapping { flow, .. } | Self::Sequence { flow, .. } => *flow = false,
            Self::Scalar(_) => {}
        }
    }
}

fn key(text: String) -> Scalar {
    Scalar {
        text,
        style: Style::Plain,
        string: false,
    }
}

fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
