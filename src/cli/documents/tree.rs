//! A document as a tree that keeps key order, scalar text and style.

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: it may mean a number, a boolean or null.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// A block, `|` or `>`.
    Block,
}

/// A scalar: its text after unescaping, and how it was written.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// How it was written.
    pub style: Style,
    /// An explicit `!!str`, which makes a plain text a string.
    pub string: bool,
}

/// Equal scalars have the same text and mean the same; other quotes may say it.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.meaning() == other.meaning()
    }
}

/// A value of a document.
#[derive(Debug, Clone)]
pub enum Node {
    /// A text, number, boolean or null.
    Scalar(Scalar),
    /// A list; `flow` if written in brackets.
    Sequence {
        /// The elements.
        items: Vec<Self>,
        /// Written in brackets.
        flow: bool,
    },
    /// Members in the order written; `flow` if written in braces.
    Mapping {
        /// Keys and values.
        members: Vec<(Scalar, Self)>,
        /// Written in braces.
        flow: bool,
    },
}

/// Equal trees have the same keys in the same order and the same scalars; brackets do not count.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(one), Self::Scalar(two)) => one == two,
            (Self::Sequence { items: one, .. }, Self::Sequence { items: two, .. }) => one == two,
            (Self::Mapping { members: one, .. }, Self::Mapping { members: two, .. }) => one == two,
            _ => false,
        }
    }
}

impl Node {
    /// Null, as an empty plain scalar is.
    pub fn null() -> Self {
        Self::Scalar(Scalar {
            text: "null".to_owned(),
            style: Style::Plain,
            string: false,
        })
    }

    /// A member of a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Mapping { members, .. } => members
                .iter()
                .find(|(name, _)| name.text == key)
                .map(|(_, value)| value),
            Self::Scalar(_) | Self::Sequence { .. } => None,
        }
    }

    /// What a path of keys leads to.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => Some(&scalar.text),
            Self::Sequence { .. } | Self::Mapping { .. } => None,
        }
    }

    /// The elements of a list.
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Sequence { items, .. } => items,
            Self::Scalar(_) | Self::Mapping { .. } => &[],
        }
    }

    /// The members of a mapping.
    pub fn members(&self) -> &[(Scalar, Self)] {
        match self {
            Self::Mapping { members, .. } => members,
            Self::Scalar(_) | Self::Sequence { .. } => &[],
        }
    }
}
