//! Which tree is one document's text? YAML events in, a tree out, each bound kept.
//!
//! Aliases and merge keys are resolved as Kubernetes' reader does it. Knows nothing of streams of
//! documents (that is `split`) nor of what the tree is about.

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, StructureStyle};

use super::build::{Builder, Open, Shape};
use super::scalar::ScalarError;
use super::tree::{MAX_DEPTH, Node, Quotes, Scalar, Style, Tag, TagKind};

/// One document that was read.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// Its value; `None` where nothing but comments was written.
    pub root: Option<Node>,
    /// The line its value begins in, from 1.
    pub line: usize,
    /// Keys that stand twice in one mapping. The tree has the last value, as Kubernetes' reader.
    pub duplicates: Vec<Duplicate>,
    /// Where comments begin.
    pub comments: Vec<usize>,
    /// The byte after the value's last one.
    pub end: usize,
    /// Whether the value ends in a block scalar, where indented lines could belong to it.
    pub ends_in_block: bool,
}

/// A key that stands twice in one mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The key's name.
    pub key: String,
    /// The line of the one before, from 1.
    pub first: usize,
    /// The line of the second, from 1.
    pub second: usize,
}

/// Why a document cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// How strict the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.2, and what of 1.1 manifests use.
    Yaml,
    /// Text that is known to be JSON: keys may be of any length.
    Json,
}

/// Reads the text of one document.
///
/// # Errors
/// [`Unreadable`] for text that is not YAML, for nesting, aliases or scalars beyond the bounds.
pub fn parse(text: &str, syntax: Syntax) -> Result<Parsed, Unreadable> {
    let mut reading = Reading::new(text);
    for event in Parser::<StrInput<'_>>::new_from_str_with_options(text, options(syntax)) {
        let (event, span) = event.map_err(|error| Unreadable {
            line: error.marker().line(),
            reason: error.info(),
        })?;
        let line = span.start.line();
        reading.event(event, span).map_err(|error| Unreadable {
            line,
            reason: error.to_string(),
        })?;
    }
    Ok(reading.finish())
}

fn options(syntax: Syntax) -> granit_parser::Options {
    let keys = match syntax {
        Syntax::Yaml => 1024,
        Syntax::Json => usize::MAX,
    };
    granit_parser::options! {
        // As libyaml and so Kubernetes' reader: no line break where the text has none.
        block_scalar_eof_without_line_feed: true,
        // Files with a long licence or whole objects commented out are ordinary.
        max_buffered_comment_events: usize::MAX,
        simple_key_max_lookahead: keys,
    }
}

/// What no parser refuses, but this reader does.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    #[error("its aliases would expand to more than {0} MiB")]
    TooMuch(usize),
    #[error("an alias stands inside of what it names, which has no end")]
    Endless,
    #[error("the key of a member is a list or an object, where text was expected")]
    KeyNotScalar,
    #[error("`<<` merges something that is neither an object nor a list of objects")]
    MergeNotMapping,
    #[error("a second document begins without `---`")]
    SecondDocument,
    #[error(transparent)]
    Scalar(#[from] ScalarError),
}

/// A document while its events arrive.
struct Reading<'a> {
    text: &'a str,
    builder: Builder,
    comments: Vec<usize>,
    documents: usize,
    line: Option<usize>,
    end: usize,
    ends_in_block: bool,
}

impl<'a> Reading<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            builder: Builder::default(),
            comments: Vec::new(),
            documents: 0,
            line: None,
            end: 0,
            ends_in_block: false,
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Refused> {
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.mark(
                    span,
                    matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
                );
                // An absent value arrives as `~` that covers no text.
                let absent = style == ScalarStyle::Plain && span.is_empty();
                let scalar = Scalar {
                    text: if absent {
                        String::new()
                    } else {
                        text.into_owned()
                    },
                    quotes: quotes(style),
                    tag: self.tag(tag.as_deref(), span),
                };
                self.builder.scalar(scalar, anchor, line)
            }
            Event::MappingStart(style, anchor, tag) => {
                let open = self.open(Shape::Mapping, style, tag.as_deref(), span);
                self.builder.open(open, anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let open = self.open(Shape::Sequence, style, tag.as_deref(), span);
                self.builder.open(open, anchor)
            }
            Event::MappingEnd | Event::SequenceEnd => {
                if !span.is_empty() {
                    self.mark(span, false);
                }
                self.builder.close()
            }
            Event::Alias(anchor) => {
                self.mark(span, false);
                self.builder.alias(anchor, line)
            }
            Event::Comment(..) => {
                self.comments.push(offset(span.start));
                Ok(())
            }
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    Err(Refused::SecondDocument)
                } else {
                    Ok(())
                }
            }
            _ => Ok(()),
        }
    }

    /// Remembers how far the value reaches.
    fn mark(&mut self, span: Span, block: bool) {
        self.line = self.line.or_else(|| Some(span.start.line()));
        self.end = self.end.max(offset(span.end));
        self.ends_in_block = block;
    }

    fn open(
        &mut self,
        shape: Shape,
        style: StructureStyle,
        tag: Option<&granit_parser::Tag>,
        span: Span,
    ) -> Open {
        self.mark(span, false);
        let column = self.column(shape, span);
        let style = match style {
            StructureStyle::Flow => Style::Flow,
            StructureStyle::Block => Style::Block(self.builder.offset(column)),
        };
        Open {
            shape,
            style,
            tag: self.tag(tag, span),
            column,
        }
    }

    /// The column a collection begins in. A sequence as far left as its key is reported where its
    /// first item begins; then the dash on that line counts.
    fn column(&self, shape: Shape, span: Span) -> usize {
        let at = offset(span.start);
        let before = self.text.get(..at).unwrap_or_default();
        let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let dash = line.get(blanks..).is_some_and(|rest| rest.starts_with('-'));
        if shape == Shape::Sequence && dash && self.builder.is_column(blanks) {
            return blanks;
        }
        span.start.col()
    }

    fn tag(&self, tag: Option<&granit_parser::Tag>, span: Span) -> Option<Tag> {
        let tag = tag?;
        let raw = span.tag_span().and_then(|span| span.slice(self.text));
        Some(Tag {
            raw: raw.map_or_else(|| tag.original(), ToOwned::to_owned),
            kind: kind(tag),
        })
    }

    fn finish(self) -> Parsed {
        let (root, duplicates) = self.builder.finish();
        let absent = |node: &Node| match node {
            Node::Scalar(scalar) => *scalar == Scalar::plain(String::new()),
            _ => false,
        };
        Parsed {
            root: root.filter(|node| !absent(node)),
            line: self.line.unwrap_or(1),
            duplicates,
            comments: self.comments,
            end: self.end,
            ends_in_block: self.ends_in_block,
        }
    }
}

fn offset(marker: granit_parser::Marker) -> usize {
    marker.byte_offset().unwrap_or_default()
}

fn quotes(style: ScalarStyle) -> Quotes {
    match style {
        ScalarStyle::Plain => Quotes::Plain,
        ScalarStyle::SingleQuoted => Quotes::Single,
        ScalarStyle::DoubleQuoted => Quotes::Double,
        ScalarStyle::Literal => Quotes::Literal,
        ScalarStyle::Folded => Quotes::Folded,
    }
}

fn kind(tag: &granit_parser::Tag) -> TagKind {
    let name = tag.suffix_in_namespace("tag:yaml.org,2002:");
    match name.as_deref() {
        Some("str") => TagKind::Str,
        Some("binary") => TagKind::Binary,
        Some("bool") => TagKind::Bool,
        Some("int") => TagKind::Int,
        Some("float") => TagKind::Float,
        Some("null") => TagKind::Null,
        Some("timestamp") => TagKind::Timestamp,
        Some("merge") => TagKind::Merge,
        _ => TagKind::Other,
    }
}
