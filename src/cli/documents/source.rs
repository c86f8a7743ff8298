//! Texts from files, folders and standard input, split into documents byte by byte.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A text to read: where it is from, and its bytes.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's path, or `-`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// One document of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Document<'s> {
    /// Its bytes, separators and comments included: all documents of a source make the source.
    pub text: &'s str,
    /// Its first line, from 1.
    pub line: usize,
}

impl Source {
    /// Reads files, folders (YAML and JSON files below them, in order) and `-`, standard input.
    ///
    /// # Errors
    /// When one of them cannot be read or is not UTF-8.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Self>> {
        let mut sources = Vec::new();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut bytes = Vec::new();
                io::stdin()
                    .read_to_end(&mut bytes)
                    .context("cannot read standard input")?;
                sources.push(Self::new("-", bytes)?);
                continue;
            }
            for file in files(path)? {
                let bytes =
                    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                sources.push(Self::new(&file.display().to_string(), bytes)?);
            }
        }
        Ok(sources)
    }

    fn new(name: &str, bytes: Vec<u8>) -> anyhow::Result<Self> {
        let text = String::from_utf8(bytes).map_err(|error| {
            anyhow::anyhow!(
                "{name} is not UTF-8: byte {} is not text",
                error.utf8_error().valid_up_to()
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            text,
        })
    }

    /// Whether the text is JSON: it starts with a brace or a bracket.
    pub fn is_json(&self) -> bool {
        self.text
            .trim_start_matches('\u{feff}')
            .trim_start()
            .starts_with(['{', '['])
    }
}

/// The file itself, or the manifests below a folder, sorted by path.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let kind = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !kind.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut entries: Vec<_> = fs::read_dir(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(|| format!("cannot read folder {}", path.display()))?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.path();
        let manifest = path
            .extension()
            .is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e == *known));
        // A link may lead back up: only what lies in the folder itself is read.
        let kind = entry
            .file_type()
            .with_context(|| format!("cannot read {}", path.display()))?;
        if kind.is_dir() {
            found.extend(files(&path)?);
        } else if manifest {
            found.push(path);
        }
    }
    Ok(found)
}

/// Splits a YAML stream before each line that starts a document. Such a line may stand nowhere
/// else (YAML 1.2, production 206), so broken documents do not take others with them.
pub fn split(text: &str) -> Vec<Document<'_>> {
    let mut documents = Vec::new();
    let (mut start, mut first) = (0, 1);
    let (mut at, mut line) = (0, 1);
    for piece in text.split_inclusive('\n') {
        if at > start && is_marker(piece) && has_more(&text[start..at]) {
            documents.push(Document {
                text: &text[start..at],
                line: first,
            });
            (start, first) = (at, line);
        }
        at += piece.len();
        line += 1;
    }
    documents.push(Document {
        text: &text[start..],
        line: first,
    });
    documents
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Comments and directives before a document's marker belong to that document.
fn has_more(text: &str) -> bool {
    let content = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%', '\u{feff}']);
    text.lines().any(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_make_the_source() {
        let text = "# head\n---\na: 1\n--- # two\nb: |\n  ---\n  x\n...\n---\n---\r\nc: 3";
        let documents = split(text);
        let lines: Vec<_> = documents.iter().map(|d| d.line).collect();
        assert_eq!(documents.iter().map(|d| d.text).collect::<String>(), text);
        assert_eq!(lines, [1, 4, 9, 10]);
        assert_eq!(documents[1].text, "--- # two\nb: |\n  ---\n  x\n...\n");
    }
}
