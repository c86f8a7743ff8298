//! What a command line shows: .NET, or a reliance on being PID 1.
//!
//! Read while parsing, so that no argument is kept. It does not know whose command it is.

use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// What the words of a `command`, `args` or exec action show.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// It names PID 1: `/proc/1/`, `kill … 1`. Another process once processes are shared.
    pub names_pid1: bool,
    /// It starts .NET: `dotnet`, or a `.dll`.
    pub runs_dotnet: bool,
}

/// Reads words across arguments: `["kill", "-15", "1"]` and `["sh", "-c", "kill -15 1"]` are alike.
#[derive(Default)]
struct Reader {
    found: Command,
    /// A `kill` stands before, in the same shell command.
    kill: bool,
}

impl Reader {
    fn argument(&mut self, argument: &str) {
        self.found.names_pid1 |= names_proc_1(argument);
        let mut start = 0;
        for (at, byte) in argument.bytes().enumerate() {
            if ends_word(byte) {
                self.word(argument.get(start..at).unwrap_or_default());
                self.kill &= !ends_command(byte);
                start = at + 1;
            }
        }
        self.word(argument.get(start..).unwrap_or_default());
    }

    fn word(&mut self, word: &str) {
        let program = word.rsplit('/').next().unwrap_or(word);
        // Linux file names: an assembly is a .dll in lower case.
        self.found.runs_dotnet |= program == "dotnet" || word.strip_suffix(".dll").is_some();
        self.found.names_pid1 |= self.kill && word == "1";
        self.kill |= program == "kill";
    }
}

/// What a shell takes for the end of a word: all of it is ASCII.
const fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b';' | b'|' | b'&' | b'(' | b')' | b'"' | b'\'' | b'`' | b'$' | b'='
        )
}

const fn ends_command(byte: u8) -> bool {
    matches!(byte, b';' | b'|' | b'&' | b'\n')
}

/// `/proc/1` followed by the end or anything but a digit: not `/proc/10`.
fn names_proc_1(argument: &str) -> bool {
    const PATH: &str = "/proc/1";
    let mut rest = argument;
    while let Some(at) = rest.find(PATH) {
        rest = &rest[at + PATH.len()..];
        if !rest.starts_with(|c: char| c.is_ascii_digit()) {
            return true;
        }
    }
    false
}

struct CommandVisitor;

impl<'de> Visitor<'de> for CommandVisitor {
    type Value = Command;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Command, A::Error> {
        let mut reader = Reader::default();
        while let Some(argument) = seq.next_element::<super::pod::Text<'de>>()? {
            reader.argument(&argument);
        }
        Ok(reader.found)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CommandVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Command {
        let json = serde_json::to_string(words).unwrap();
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn pid_1_is_found_in_every_spelling() {
        for words in [
            &["kill", "-15", "1"][..],
            &["sh", "-c", "kill -15 1"],
            &["/bin/kill", "-s", "TERM", "1"],
            &["bash", "-c", "sleep 5; kill 1;"],
            &["cat", "/proc/1/status"],
            &["sh", "-c", "grep -q x \"/proc/1/status\""],
            &["ls", "/proc/1"],
        ] {
            assert!(read(words).names_pid1, "{words:?}");
        }
    }

    #[test]
    fn other_pids_are_left_alone() {
        for words in [
            &["kill", "-1", "$PID"][..],
            &["sh", "-c", "kill -9 10"],
            &["sh", "-c", "kill $PID; sleep 1"],
            &["cat", "/proc/10/status", "/proc/self/status"],
            &["sleep", "1"],
            &["skill", "1"],
        ] {
            assert!(!read(words).names_pid1, "{words:?}");
        }
    }

    #[test]
    fn dotnet_is_found_by_program_and_assembly() {
        assert!(read(&["dotnet", "app"]).runs_dotnet);
        assert!(read(&["/usr/bin/dotnet"]).runs_dotnet);
        assert!(read(&["sh", "-c", "exec dotnet Shop.dll"]).runs_dotnet);
        assert!(!read(&["dotnetty"]).runs_dotnet);
    }
}
