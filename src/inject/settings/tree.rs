//! What does the YAML text say, and on which lines?
//!
//! Scalars keep the text as written, so that `1.30` and `.5` never become other numbers. Anchors,
//! tags and several documents are refused: a settings file needs none. Knows no setting.

use super::error::Problem;
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use std::collections::BTreeMap;

/// Settings nest five levels; deeper files are no settings.
const DEPTH_MAX: usize = 16;
/// What the settings add must leave an injected Pod far below the 1.5 MiB that etcd stores.
const BYTES_MAX: usize = 128 * 1024;

/// A YAML value and the line it starts on.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A YAML value.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing, `~` or `null`: the same as leaving the key out.
    Null,
    /// The text of any other scalar, whatever its quotes.
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    /// Reads a text that holds one YAML document, or none.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        if text.len() > BYTES_MAX {
            return Err(problem(1, "the file is larger than 128 KiB"));
        }
        let mut reader = Reader {
            events: Parser::new_from_str(text),
            depth: 0,
        };
        let mut root = None;
        loop {
            match reader.next()? {
                (Event::StreamEnd, line) => {
                    return Ok(root.unwrap_or(Self {
                        line,
                        value: Value::Null,
                    }));
                }
                (Event::DocumentStart(..), line) if root.is_some() => {
                    return Err(problem(line, "a second document starts here; expected one"));
                }
                (Event::DocumentStart(..), _) => {
                    let (event, line) = reader.next()?;
                    root = Some(reader.node(event, line)?);
                }
                _ => {}
            }
        }
    }
}

fn problem(line: usize, message: impl Into<String>) -> Problem {
    Problem {
        line,
        key: String::new(),
        message: message.into(),
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    depth: usize,
}

impl<'t> Reader<'t> {
    /// The next event that carries data, with its line.
    fn next(&mut self) -> Result<(Event<'t>, usize), Problem> {
        loop {
            match self.events.next() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, span))) => return Ok((event, line(span))),
                Some(Err(error)) => {
                    let (line, why) = (error.marker().line(), error.info());
                    return Err(problem(line, format!("this is not YAML: {why}")));
                }
                None => return Ok((Event::StreamEnd, 1)),
            }
        }
    }

    fn node(&mut self, event: Event<'t>, line: usize) -> Result<Node, Problem> {
        let value = match event {
            Event::Scalar(text, style, 0, None) => scalar(&text, style, line)?,
            Event::SequenceStart(_, 0, None) => self.nested(line, Self::list)?,
            Event::MappingStart(_, 0, None) => self.nested(line, Self::map)?,
            Event::Alias(_) => return Err(problem(line, "an alias; write the value out")),
            _ => return Err(problem(line, "an anchor or a tag; write the plain value")),
        };
        Ok(Node { line, value })
    }

    fn nested(
        &mut self,
        line: usize,
        read: fn(&mut Self) -> Result<Value, Problem>,
    ) -> Result<Value, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(problem(
                line,
                format!("nested deeper than {DEPTH_MAX} levels"),
            ));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Result<Value, Problem> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, line) => items.push(self.node(event, line)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, Problem> {
        let mut entries = Vec::new();
        let mut lines = BTreeMap::new();
        loop {
            let (event, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                other => other,
            };
            let Event::Scalar(key, _, 0, None) = event else {
                return Err(problem(line, "a key that is no plain text"));
            };
            let key = key.into_owned();
            if let Some(first) = lines.insert(key.clone(), line) {
                let message = format!("the key stands twice, first on line {first}");
                return Err(Problem { line, key, message });
            }
            let (event, value_line) = self.next()?;
            let node = self.node(event, value_line)?;
            entries.push(Entry { key, line, node });
        }
    }
}

fn line(span: Span) -> usize {
    span.start.line()
}

fn scalar(text: &str, style: ScalarStyle, line: usize) -> Result<Value, Problem> {
    if text.contains('\0') {
        return Err(problem(line, "a NUL character, which no setting can hold"));
    }
    Ok(match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null" | "Null" | "NULL") => Value::Null,
        _ => Value::Text(text.to_owned()),
    })
}
