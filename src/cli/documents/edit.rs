//! How is a tree changed? RFC 6902's add, remove and replace, with an eye to how it is written.
//!
//! What is added looks as if the document's author had written it. Knows nothing of Pods.

use super::json;
use super::parse::Duplicate;
use super::scalar::{self, Value};
use super::tree::{Key, Mapping, Node, Quotes, Scalar, Sequence, Style, unescape};
use super::write_scalar::quoted;

/// One change at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A new member or item; at a member that exists, its new value.
    Add(Node),
    /// The member or item goes.
    Remove,
    /// A new value for what exists.
    Replace(Node),
}

/// A change that cannot be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// Nothing readable to change.
    #[error("the document has no value that could be changed")]
    NoValue,
    /// Which of two members would be meant is unclear, and the other would be lost.
    #[error(
        "the key `{}` stands twice in one mapping, in lines {} and {}: \
         remove one of them, then the document can be changed",
        .0.key, .0.first, .0.second
    )]
    Duplicate(Duplicate),
    /// The pointer leads nowhere.
    #[error("there is no `{0}` to change")]
    NoSuchPlace(String),
    /// The patch is not one.
    #[error("the patch cannot be used: {0}")]
    BadPatch(String),
}

/// Applies a JSON patch (RFC 6902) to the value that `base` points to.
///
/// # Errors
/// [`EditError`]; the tree may then be changed in part.
pub fn apply_patch(root: &mut Node, base: &str, patch: &str) -> Result<(), EditError> {
    for (path, edit) in operations(patch)? {
        apply(root, &format!("{base}{path}"), edit)?;
    }
    Ok(())
}

/// A JSON patch whose paths begin with `base`, as JSON text.
///
/// # Errors
/// [`EditError::BadPatch`] when the text is no patch.
pub fn rebase(base: &str, patch: &str) -> Result<Node, EditError> {
    let mut patch = json::read(patch).map_err(|error| EditError::BadPatch(error.to_string()))?;
    let Node::Sequence(operations) = &mut patch else {
        return Err(EditError::BadPatch("it is not a list".to_owned()));
    };
    for operation in &mut operations.items {
        if let Node::Mapping(mapping) = operation {
            for (key, value) in &mut mapping.entries {
                if let ("path" | "from", Node::Scalar(path)) = (key.name.as_str(), value) {
                    path.text.insert_str(0, base);
                }
            }
        }
    }
    Ok(patch)
}

fn operations(patch: &str) -> Result<Vec<(String, Edit)>, EditError> {
    let bad = |reason: &str| EditError::BadPatch(reason.to_owned());
    let patch = json::read(patch).map_err(|error| bad(&error.to_string()))?;
    let Node::Sequence(operations) = patch else {
        return Err(bad("it is not a list"));
    };
    let operation = |operation: &Node| {
        let text = |name| match operation.get(name) {
            Some(Node::Scalar(scalar)) => Ok(scalar.text.clone()),
            _ => Err(bad(&format!("an operation has no text `{name}`"))),
        };
        let value = || {
            operation
                .get("value")
                .cloned()
                .ok_or_else(|| bad("an operation has no `value`"))
        };
        let edit = match text("op")?.as_str() {
            "add" => Edit::Add(value()?),
            "replace" => Edit::Replace(value()?),
            "remove" => Edit::Remove,
            other => return Err(bad(&format!("`{other}` is none of add, replace, remove"))),
        };
        Ok((text("path")?, edit))
    };
    operations.items.iter().map(operation).collect()
}

/// Makes one change; the value of an edit is JSON as [`json::read`] gives it.
///
/// # Errors
/// [`EditError::NoSuchPlace`] when the pointer leads nowhere.
pub fn apply(root: &mut Node, pointer: &str, edit: Edit) -> Result<(), EditError> {
    let nowhere = || EditError::NoSuchPlace(pointer.to_owned());
    let Some((parent, last)) = pointer.rsplit_once('/') else {
        return match edit {
            Edit::Add(value) | Edit::Replace(value) if pointer.is_empty() => {
                *root = styled(value, false);
                Ok(())
            }
            _ => Err(nowhere()),
        };
    };
    let (node, in_flow) = descend(root, parent).ok_or_else(nowhere)?;
    let done = match node {
        Node::Mapping(mapping) => edit_member(mapping, &unescape(last), edit, in_flow),
        Node::Sequence(sequence) => edit_item(sequence, last, edit, in_flow),
        Node::Scalar(_) => None,
    };
    done.ok_or_else(nowhere)
}

/// The node at a pointer, and whether it stands inside of brackets.
fn descend<'a>(root: &'a mut Node, pointer: &str) -> Option<(&'a mut Node, bool)> {
    let mut node = root;
    let mut in_flow = false;
    for token in pointer.split('/').skip(1) {
        node = match node {
            Node::Mapping(mapping) => {
                in_flow |= mapping.style == Style::Flow;
                let position = mapping.position(&unescape(token))?;
                mapping.entries.get_mut(position).map(|(_, value)| value)?
            }
            Node::Sequence(sequence) => {
                in_flow |= sequence.style == Style::Flow;
                sequence.items.get_mut(index(token)?)?
            }
            Node::Scalar(_) => return None,
        };
    }
    Some((node, in_flow))
}

fn edit_member(mapping: &mut Mapping, name: &str, edit: Edit, in_flow: bool) -> Option<()> {
    let position = mapping.position(name);
    if matches!(edit, Edit::Add(_)) {
        mapping.style = mapping
            .style
            .for_growth(mapping.entries.is_empty(), in_flow);
    }
    let in_flow = in_flow || mapping.style == Style::Flow;
    match (edit, position) {
        (Edit::Add(value) | Edit::Replace(value), Some(at)) => {
            mapping.entries.get_mut(at)?.1 = styled(value, in_flow);
        }
        (Edit::Add(value), None) => {
            let key = Key {
                name: name.to_owned(),
                scalar: quoted(name.to_owned(), true),
            };
            mapping.entries.push((key, styled(value, in_flow)));
        }
        (Edit::Remove, Some(at)) => {
            mapping.entries.remove(at);
            mapping.style = mapping.style.unless_empty(mapping.entries.is_empty());
        }
        (Edit::Remove | Edit::Replace(_), None) => return None,
    }
    Some(())
}

fn edit_item(sequence: &mut Sequence, token: &str, edit: Edit, in_flow: bool) -> Option<()> {
    let length = sequence.items.len();
    let at = if token == "-" { length } else { index(token)? };
    if matches!(edit, Edit::Add(_)) {
        sequence.style = sequence.style.for_growth(length == 0, in_flow);
    }
    let in_flow = in_flow || sequence.style == Style::Flow;
    match edit {
        Edit::Add(value) if at <= length => sequence.items.insert(at, styled(value, in_flow)),
        Edit::Replace(value) => *sequence.items.get_mut(at)? = styled(value, in_flow),
        Edit::Remove if at < length => {
            sequence.items.remove(at);
            sequence.style = sequence.style.unless_empty(sequence.items.is_empty());
        }
        Edit::Add(_) | Edit::Remove => return None,
    }
    Some(())
}

/// An index as RFC 6901 writes it: no sign, no leading zero.
fn index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    token.parse().ok().filter(|_| canonical)
}

impl Style {
    /// Empty brackets open up when something is put into them, unless they stand in others.
    fn for_growth(self, empty: bool, in_flow: bool) -> Self {
        if empty && !in_flow {
            Self::Block(None)
        } else {
            self
        }
    }
}

/// A JSON value as it is written by hand: block style, quotes only where needed, null as nothing.
fn styled(value: Node, in_flow: bool) -> Node {
    let style = |empty: bool| {
        if in_flow {
            Style::Flow
        } else {
            Style::Block(None).unless_empty(empty)
        }
    };
    match value {
        Node::Mapping(mapping) => Node::Mapping(Mapping {
            style: style(mapping.entries.is_empty()),
            entries: mapping
                .entries
                .into_iter()
                .map(|(key, value)| {
                    let scalar = quoted(key.name.clone(), true);
                    (Key { scalar, ..key }, styled(value, in_flow))
                })
                .collect(),
            tag: None,
        }),
        Node::Sequence(sequence) => Node::Sequence(Sequence {
            style: style(sequence.items.is_empty()),
            items: sequence
                .items
                .into_iter()
                .map(|item| styled(item, in_flow))
                .collect(),
            tag: None,
        }),
        Node::Scalar(scalar) if scalar.quotes != Quotes::Plain => {
            Node::Scalar(quoted(scalar.text, in_flow))
        }
        Node::Scalar(scalar) if !in_flow && scalar::resolve(&scalar) == Ok(Value::Null) => {
            Node::Scalar(Scalar::plain(String::new()))
        }
        scalar @ Node::Scalar(_) => scalar,
    }
}
