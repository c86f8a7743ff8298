//! A changed document as text: what stands before and after its content stays.

use super::emit::{emit, to_pretty_json};
use super::parse::parse;
use super::source::Document;
use super::tree::Node;

/// A document that could not be written back without losing something.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {0}: the changed document would not read back the same; it is left as it is")]
pub struct RewriteError(usize);

/// A changed document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// Comments inside the content are gone.
    pub comments_lost: bool,
}

/// Writes a changed document in the style of the text it was read from.
///
/// # Errors
/// [`RewriteError`] when the text would not read back as the same tree.
pub fn rewrite(document: Document<'_>, node: &Node) -> Result<Rewritten, RewriteError> {
    let text = document.text;
    let head = head(text);
    let rest = &text[head.len()..];
    let tail = tail(rest);
    let body = &rest[..rest.len() - tail.len()];
    let marker = if head.is_empty() && body.starts_with("---") {
        "---\n"
    } else {
        ""
    };
    let emitted = emit(node, body);
    let comments_lost = body.matches('#').count() > emitted.matches('#').count();
    let mut written = format!("{head}{marker}{emitted}{tail}");
    if text.contains("\r\n") {
        written = written.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    if parse(&written, 1).ok().flatten().as_ref() == Some(node) {
        Ok(Rewritten {
            text: written,
            comments_lost,
        })
    } else {
        Err(RewriteError(document.line))
    }
}

/// Writes a changed JSON text with the indentation it had.
pub fn rewrite_json(text: &str, node: &Node) -> String {
    let second = text.lines().nth(1).unwrap_or("");
    let step = second.len() - second.trim_start_matches(' ').len();
    let mut written = to_pretty_json(node, if step == 0 { 2 } else { step.min(8) });
    if text.ends_with('\n') {
        written.push('\n');
    }
    written
}

/// Comments, blank lines, directives and the marker before the content.
fn head(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches('\u{feff}').trim_end();
        let marker = bare == "---"
            || bare
                .strip_prefix("---")
                .is_some_and(|rest| rest.trim_start().starts_with('#') && rest.starts_with(' '));
        if !(bare.is_empty() || bare.starts_with(['#', '%']) || marker) {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

/// Comments at the left margin, blank lines and `...` after the content.
fn tail(text: &str) -> &str {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let after = lines.iter().rev().take_while(|line| {
        let bare = line.trim_end();
        bare.is_empty() || bare.starts_with('#') || bare == "..."
    });
    let length: usize = after.map(|line| line.len()).sum();
    &text[text.len() - length..]
}
