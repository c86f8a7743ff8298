//! What does a document hold, and how was it written? An ordered tree that forgets nothing of it.
//!
//! Keys keep their order, scalars their text and quotes. Knows nothing of files, Pods or parsers.

/// The deepest nesting a document may have; deeper ones are unreadable, so recursion is safe.
pub const MAX_DEPTH: usize = 256;

/// One value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// An object.
    Mapping(Mapping),
    /// An array.
    Sequence(Sequence),
    /// Text, number, boolean or null, as written.
    Scalar(Scalar),
}

/// Members in the order of the source; no two have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Keys and their values.
    pub entries: Vec<(Key, Node)>,
    /// Block or flow.
    pub style: Style,
    /// The tag written before it.
    pub tag: Option<Tag>,
}

/// Items in the order of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The items.
    pub items: Vec<Node>,
    /// Block or flow.
    pub style: Style,
    /// The tag written before it.
    pub tag: Option<Tag>,
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// On lines of its own, this many columns right of its parent (`None`: as the rest of the
    /// document does it).
    Block(Option<u8>),
    /// In brackets.
    Flow,
}

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text after unescaping and folding; empty for a value that is not written at all.
    pub text: String,
    /// Its quotes.
    pub quotes: Quotes,
    /// The tag written before it.
    pub tag: Option<Tag>,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// `text`, whose type follows from the text.
    Plain,
    /// `'text'`
    Single,
    /// `"text"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The key of a member: as written, and as the name it has in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The member's name in JSON: `true` for a plain `yes`, `16` for `0x10`.
    pub name: String,
    /// As written.
    pub scalar: Scalar,
}

/// A tag: as written, and what it means to a reader of Kubernetes manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// With its exclamation marks.
    pub raw: String,
    /// Its meaning.
    pub kind: TagKind,
}

/// The tags that decide about a scalar's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the YAML types")]
pub enum TagKind {
    Str,
    Binary,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
    Merge,
    /// Any other: the scalar is text.
    Other,
}

impl Node {
    /// The member of that name, if this is a mapping that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Mapping(mapping) => mapping.get(name),
            _ => None,
        }
    }

    /// The node that a JSON pointer (RFC 6901) names, `""` being the root.
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |node, token| match node {
                Self::Mapping(mapping) => mapping.get(&unescape(token)),
                Self::Sequence(sequence) => sequence.items.get(token.parse::<usize>().ok()?),
                Self::Scalar(_) => None,
            })
    }

    /// The same tree: order, keys, texts, quotes, tags, block or flow. Indentation does not count.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mapping(a), Self::Mapping(b)) => {
                a.tag == b.tag
                    && a.style.same(b.style)
                    && a.entries.len() == b.entries.len()
                    && a.entries
                        .iter()
                        .zip(&b.entries)
                        .all(|(x, y)| x.0 == y.0 && x.1.same(&y.1))
            }
            (Self::Sequence(a), Self::Sequence(b)) => {
                a.tag == b.tag
                    && a.style.same(b.style)
                    && a.items.len() == b.items.len()
                    && a.items.iter().zip(&b.items).all(|(x, y)| x.same(y))
            }
            (Self::Scalar(a), Self::Scalar(b)) => a == b,
            _ => false,
        }
    }

    /// How many levels of collections this is, itself counted.
    pub fn depth(&self) -> usize {
        let below = match self {
            Self::Mapping(mapping) => mapping.entries.iter().map(|(_, v)| v.depth()).max(),
            Self::Sequence(sequence) => sequence.items.iter().map(Self::depth).max(),
            Self::Scalar(_) => return 0,
        };
        1 + below.unwrap_or(0)
    }

    /// Roughly the bytes a copy of this takes.
    pub fn weight(&self) -> usize {
        const EACH: usize = 64;
        match self {
            Self::Mapping(mapping) => mapping.entries.iter().fold(EACH, |sum, (key, value)| {
                sum + EACH + key.name.len() + value.weight()
            }),
            Self::Sequence(sequence) => {
                EACH + sequence.items.iter().map(Self::weight).sum::<usize>()
            }
            Self::Scalar(scalar) => EACH + scalar.text.len(),
        }
    }

    /// The same value, written so that it may stand inside brackets.
    #[must_use]
    pub fn into_flow(self) -> Self {
        match self {
            Self::Mapping(mut mapping) => {
                mapping.style = Style::Flow;
                for (_, value) in &mut mapping.entries {
                    *value = std::mem::replace(value, Self::null()).into_flow();
                }
                Self::Mapping(mapping)
            }
            Self::Sequence(mut sequence) => {
                sequence.style = Style::Flow;
                sequence.items = sequence.items.into_iter().map(Self::into_flow).collect();
                Self::Sequence(sequence)
            }
            Self::Scalar(scalar) => Self::Scalar(scalar.into_flow()),
        }
    }

    /// A null that is written as nothing at all.
    pub fn null() -> Self {
        Self::Scalar(Scalar::plain(String::new()))
    }
}

impl Mapping {
    /// The value of that name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let position = self.position(name)?;
        self.entries.get(position).map(|(_, value)| value)
    }

    /// Where the member of that name stands.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|(key, _)| key.name == name)
    }
}

impl Scalar {
    /// A scalar without quotes.
    pub fn plain(text: String) -> Self {
        Self {
            text,
            quotes: Quotes::Plain,
            tag: None,
        }
    }

    fn into_flow(mut self) -> Self {
        const BRACKETS: [char; 5] = [',', '[', ']', '{', '}'];
        match self.quotes {
            Quotes::Literal | Quotes::Folded => self.quotes = Quotes::Double,
            Quotes::Plain if self.text.is_empty() && self.tag.is_none() => {
                "null".clone_into(&mut self.text);
            }
            // A plain text with brackets is never a number, so quotes do not change its type.
            Quotes::Plain if self.text.contains(BRACKETS) => self.quotes = Quotes::Single,
            _ => {}
        }
        self
    }
}

impl Style {
    /// Both block or both flow.
    pub fn same(self, other: Self) -> bool {
        matches!(self, Self::Flow) == matches!(other, Self::Flow)
    }
}

/// One token of a JSON pointer without its escapes (RFC 6901: `~1` first, then `~0`).
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
